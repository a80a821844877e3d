"""The server's side of HTTP and WebSockets, written out so that every fault can be scripted."""

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Gone(Exception):
    """The client closed the connection, or the server is to stop."""


class Request(NamedTuple):
    """A request as it came in."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    common_name: str = ""
    """The name in the client's certificate, if it showed one."""
    server_name: str = ""
    """The name that the client asked for in the TLS handshake."""
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> list[tuple[str, str]]:
        """The query's pairs, in order."""
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    def values(self, name: str) -> list[str]:
        """The values of a query parameter."""
        return [value for key, value in self.query if key == name]

    def header(self, name: str) -> str:
        """A header's value, or an empty text."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), "")

    @property
    def line(self) -> str:
        """Method and target, for the patterns of scripted answers."""
        return f"{self.method} {self.target}"


class Exchange:
    """One request and the connection on which to answer it, well or badly."""

    def __init__(self, sock: socket.socket, request: Request, stopping: threading.Event) -> None:
        self.sock = sock
        self.request = request
        self.stopping = stopping
        self.keep = True
        """Whether the connection serves another request afterwards."""

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        try:
            self.sock.sendall(data)
        except OSError:
            raise Gone from None

    def respond(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Sends a proper answer."""
        head = [f"HTTP/1.1 {status} Text", f"Content-Type: {content_type}"]
        head += [f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send("\r\n".join([*head, "", ""]).encode() + body)

    def json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        """Sends a JSON answer."""
        self.respond(status, json.dumps(value).encode(), headers=headers)

    def status(
        self, code: int, reason: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Sends a Status object."""
        self.json(code, status_object(code, reason, message), headers)

    def hang(self) -> None:
        """Says nothing until the client goes away or the server stops."""
        self.keep = False
        self.sock.settimeout(0.02)
        while not self.stopping.is_set():
            try:
                if not self.sock.recv(65536):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        raise Gone

    def reset(self) -> None:
        """Breaks the connection with a RST."""
        self.keep = False
        reset(self.sock)
        raise Gone

    def close(self) -> None:
        """Closes the connection after this answer."""
        self.keep = False

    def trickle(self, data: bytes, seconds: float) -> None:
        """Sends one byte at a time."""
        for i in range(len(data)):
            self.send(data[i : i + 1])
            if self.stopping.wait(seconds):
                raise Gone

    def websocket(self, protocol: str | None = None) -> "ServerStream":
        """Accepts the upgrade; with the first protocol that was offered unless another is set."""
        self.keep = False
        offered = [p.strip() for p in self.request.header("Sec-WebSocket-Protocol").split(",")]
        key = self.request.header("Sec-WebSocket-Key").encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        self.send(
            (
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: {accept}\r\n"
                f"Sec-WebSocket-Protocol: {protocol or offered[0]}\r\n\r\n"
            ).encode()
        )
        return ServerStream(self)


class ServerStream:
    """An accepted WebSocket."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def frame(self, opcode: int, payload: bytes, final: bool = True) -> None:
        """Sends one frame."""
        head = bytes([(0x80 if final else 0) | opcode])
        if len(payload) < 126:
            head += bytes([len(payload)])
        elif len(payload) < 65536:
            head += bytes([126]) + struct.pack("!H", len(payload))
        else:
            head += bytes([127]) + struct.pack("!Q", len(payload))
        self.exchange.send(head + payload)

    def send(self, channel: int, payload: bytes) -> None:
        """Sends a message on a channel."""
        self.frame(2, bytes([channel]) + payload)

    def close(self, code: int = 1000) -> None:
        """Says goodbye."""
        self.frame(8, struct.pack("!H", code))

    def until_closed(self) -> None:
        """Waits for the client to go."""
        self.exchange.hang()


def status_object(code: int, reason: str, message: str) -> dict[str, Any]:
    """A Status object of failure."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


def reset(sock: socket.socket) -> None:
    """Closes a connection with a RST instead of a farewell."""
    with contextlib.suppress(OSError):
        socket.socket.setsockopt(sock, socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with contextlib.suppress(OSError):
        sock.close()


def read_request(
    sock: socket.socket, waiting: Callable[[], bool]
) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """Reads one request. Raises :class:`Gone` where none comes."""
    head = b""
    sock.settimeout(0.05)
    while not head.endswith(b"\r\n\r\n"):
        try:
            byte = sock.recv(1)
        except TimeoutError:
            if waiting():
                continue
            raise Gone from None
        except OSError:
            raise Gone from None
        if not byte:
            raise Gone
        head += byte
    sock.settimeout(None)
    first, *rest = head.decode("utf-8", "replace").split("\r\n")[:-2]
    method, target, _ = first.split(" ", 2)
    headers = []
    for line in rest:
        name, _, value = line.partition(":")
        headers.append((name.strip(), value.strip()))
    length = next((int(v) for k, v in headers if k.lower() == "content-length"), 0)
    return method, target, headers, _body(sock, length)


def _body(sock: socket.socket, length: int) -> bytes:
    body = b""
    while len(body) < length:
        piece = sock.recv(length - len(body))
        if not piece:
            raise Gone
        body += piece
    return body
