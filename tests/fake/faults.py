"""Ways in which a server fails. Each is a handler for :meth:`FakeApiServer.on`."""

import json
import socket
import threading
from typing import Any

from tests.fake.api_server import Handler
from tests.fake.wire import Exchange, Gone, reset

LIST: dict[str, Any] = {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": []}


def status(code: int, reason: str, message: str, **headers: str) -> Handler:
    """Refuses with a Status object; headers with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda exchange: exchange.status(code, reason, message, named)


def plain(code: int, text: str, content_type: str = "text/plain") -> Handler:
    """Refuses as something that is no API server would."""
    return lambda exchange: exchange.respond(code, text.encode(), content_type)


def hang(exchange: Exchange) -> None:
    """Takes the request and never answers."""
    exchange.hang()


def reset_at_once(exchange: Exchange) -> None:
    """Breaks the connection instead of an answer."""
    exchange.reset()


def close_at_once(exchange: Exchange) -> None:
    """Closes the connection instead of an answer."""
    exchange.close()


def reset_mid_body(exchange: Exchange) -> None:
    """Breaks the connection in the middle of a body of stated length."""
    exchange.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n"
        b'{"items":['
    )
    exchange.reset()


def close_mid_chunk(exchange: Exchange) -> None:
    """Closes the connection in the middle of a chunked body."""
    exchange.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'100\r\n{"items":['
    )
    exchange.close()


def truncated_json(exchange: Exchange) -> None:
    """Sends a whole HTTP answer that holds half a JSON object."""
    exchange.respond(200, json.dumps(LIST).encode()[:-9])


def html(exchange: Exchange) -> None:
    """Answers as a login page does."""
    exchange.respond(200, b"<html>Log in</html>", "text/html; charset=utf-8")


def not_http(exchange: Exchange) -> None:
    """Answers with something else than HTTP."""
    exchange.send(b"220 mail.example.test ESMTP\r\n")
    exchange.close()


def trickle(exchange: Exchange) -> None:
    """Sends a byte every 50 milliseconds, for ever."""
    exchange.trickle(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 60000, 0.05)


def trickled_body(exchange: Exchange) -> None:
    """Sends the headers at once and the body a byte every 50 milliseconds."""
    exchange.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
    )
    exchange.trickle(b" " * 9999, 0.05)


def hang_after_upgrade(exchange: Exchange) -> None:
    """Accepts a stream and says nothing on it."""
    exchange.websocket().until_closed()


def trickled_stream(exchange: Exchange) -> None:
    """Accepts a stream and sends a frame a byte every 50 milliseconds."""
    exchange.websocket()
    exchange.trickle(b"\x82\x7e\x40\x00\x01" + b"x" * 16383, 0.05)


def abrupt_close(exchange: Exchange) -> None:
    """Sends half of a command's output, then closes without a word."""
    stream = exchange.websocket()
    stream.send(1, b"half of it")
    raise Gone


def reset_stream(exchange: Exchange) -> None:
    """Sends half of a command's output, then resets."""
    stream = exchange.websocket()
    stream.send(1, b"half of it")
    exchange.reset()


def no_status(exchange: Exchange) -> None:
    """Ends a command properly, but without its status."""
    stream = exchange.websocket()
    stream.send(1, b"all of it")
    stream.close()


def never_closes(exchange: Exchange) -> None:
    """Sends output and status, then neither closes nor answers a close."""
    stream = exchange.websocket()
    stream.send(1, b"all of it")
    stream.send(3, b'{"metadata":{},"status":"Success"}')
    stream.until_closed()


def garbage_frames(exchange: Exchange) -> None:
    """Accepts a stream and sends what is no frame."""
    exchange.websocket()
    exchange.send(b"\xff\xff" + b"garbage" * 10)
    exchange.hang()


def endless_output(exchange: Exchange) -> None:
    """A command that never stops printing."""
    stream = exchange.websocket()
    while not exchange.stopping.is_set():
        stream.send(1, b"y\n" * 8192)


def wrong_accept(exchange: Exchange) -> None:
    """Switches to another protocol than was asked for."""
    exchange.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: bm90IGl0\r\n\r\n"
    )
    exchange.hang()


def before_tls_hang(_: socket.socket, stopping: threading.Event) -> None:
    """Accepts connections and never answers a TLS handshake."""
    stopping.wait()
    raise Gone


def before_tls_reset(sock: socket.socket, _: threading.Event) -> None:
    """Resets every connection."""
    reset(sock)
    raise Gone


def before_tls_plain(sock: socket.socket, _: threading.Event) -> None:
    """Speaks plain HTTP where TLS is expected."""
    sock.recv(65536)
    sock.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request\n")
    raise Gone
