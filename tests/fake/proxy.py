"""A forward proxy that knows CONNECT, and one plain request, over plain sockets or TLS."""

import contextlib
import select
import socket
import ssl
import threading
from typing import Any
from urllib.parse import urlsplit

from tests.fake.wire import Gone, read_request


class FakeProxy:
    """The proxy; a context manager. ``asked`` holds what it was asked for."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, authorization: str = "", goal_port: int = 0
    ) -> None:
        self.asked: list[tuple[str, str, str]] = []
        """Method, target and Proxy-Authorization of each request."""
        self._context = tls
        self._authorization = authorization
        self._goal_port = goal_port
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)

    def __enter__(self) -> "FakeProxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True, name="fake-proxy")
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._spawn(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.ExitStack() as stack, contextlib.suppress(Gone, OSError):
            stack.callback(sock.close)
            if self._context is not None:
                sock.settimeout(5)
                sock = self._context.wrap_socket(sock, server_side=True)
                stack.callback(sock.close)
            method, target, headers, _ = read_request(sock, lambda: not self._stopping.is_set())
            given = next((v for k, v in headers if k.lower() == "proxy-authorization"), "")
            self.asked.append((method, target, given))
            if given != self._authorization:
                sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return
            url = urlsplit(target if method != "CONNECT" else f"//{target}")
            port = self._goal_port or url.port or 80
            goal = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            if method == "CONNECT":
                sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                head = [f"{method} {url.path} HTTP/1.1", *(f"{k}: {v}" for k, v in headers)]
                goal.sendall("\r\n".join([*head, "", ""]).encode())
            self._pump(sock, goal)

    def _pump(self, left: socket.socket, right: socket.socket) -> None:
        left.settimeout(5)
        while not self._stopping.is_set():
            pending = isinstance(left, ssl.SSLSocket) and left.pending()
            ready = [left] if pending else select.select([left, right], [], [], 0.05)[0]
            for end in ready:
                data = end.recv(65536)
                if not data:
                    return
                (right if end is left else left).sendall(data)
