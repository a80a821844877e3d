"""WebSocket connections to the API server (RFC 6455, the client's side).

The handshake is a request on one of the kept connections, so a stream needs no TLS handshake of its
own, and a refusal is read like any other answer, with the Status object in its body. What comes
after it is small enough for this module: the frames of a client that sends next to nothing.
websocket-client would take 25 ms to import, and reads a refusal's body only if it is not chunked;
what wsproto would take is measured in :mod:`http`.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from typing import Protocol

from kubectl_portcheck.client.credentials import Header
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import BadAnswer
from kubectl_portcheck.client.http import HttpClient, Response
from kubectl_portcheck.client.wire import Disconnected, Wire
from kubectl_portcheck.inputs import size
from kubectl_portcheck.inputs.limits import MESSAGE_BYTES

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


LONGEST_CONTROL = 125
"""Bytes of a control frame's payload."""


class StreamEnded(Exception):
    """The peer said that it is done; ``code`` is its close code, or None without one."""

    def __init__(self, code: int | None) -> None:
        super().__init__()
        self.code = code


class Owner(Protocol):
    """Who closes a stream's connection in the end."""

    def end(self, wire: Wire, /) -> None:
        """Closes it."""


class WebSocket:
    """An open WebSocket. A context manager: leaving it closes the connection at once."""

    def __init__(self, owner: Owner, wire: Wire, protocol: str) -> None:
        self._owner = owner
        self._wire = wire
        self.protocol = protocol
        """The subprotocol that the server chose."""

    def __enter__(self) -> "WebSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self._owner.end(self._wire)

    @property
    def deadline(self) -> Deadline:
        """When the waits end."""
        return self._wire.deadline

    def wait_until(self, deadline: Deadline) -> None:
        """Bounds the waits from now on."""
        self._wire.deadline = deadline

    def messages(self) -> Iterator[bytes]:
        """The messages, as they come; ends when the peer closes properly.

        Raises :class:`Disconnected` where the connection breaks, :class:`TimedOut` and
        :class:`BadAnswer`. After TimedOut it can be asked again only if nothing of a frame had been
        read; the streams of this package give up then.
        """
        while True:
            try:
                yield self.receive()
            except StreamEnded:
                return

    def receive(self) -> bytes:
        """The next message, whole. Raises :class:`StreamEnded` besides what messages() raises."""
        message = bytearray()
        begun = False
        while True:
            final, opcode, payload = self._receive_frame()
            if opcode == CLOSE:
                if len(payload) == 1:
                    raise _odd()
                self._send(CLOSE, payload[:2])
                raise StreamEnded(struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else None)
            if opcode == PING:
                self._send(PONG, payload)
            elif opcode != PONG:
                if opcode != (CONTINUATION if begun else BINARY) and (begun or opcode != TEXT):
                    raise _odd()
                begun = True
                if len(message) + len(payload) > MESSAGE_BYTES:
                    raise BadAnswer(f"a message of the stream is larger than {size(MESSAGE_BYTES)}")
                message += payload
                if final:
                    return bytes(message)

    def _receive_frame(self) -> tuple[bool, int, bytes]:
        first, second = self._read(2)
        final, opcode, length, least = bool(first & 0x80), first & 0x0F, second & 0x7F, 0
        if length == 126:
            (length,), least = struct.unpack("!H", self._read(2)), 126
        elif length == 127:
            (length,), least = struct.unpack("!Q", self._read(8)), 0x10000
        is_control = bool(opcode & 0x08)
        if is_control and (length > LONGEST_CONTROL or not final):
            raise _odd()
        # Reserved bits, a mask, or a length in a longer form than it needs.
        if first & 0x70 or second & 0x80 or length < least or length > MESSAGE_BYTES:
            raise _odd()
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise _odd()
        return final, opcode, self._read(length) if length else b""

    def _read(self, count: int) -> bytes:
        return self._wire.read(count)

    def _send(self, opcode: int, payload: bytes) -> None:
        """Sends a control frame; its payload is short, and masked as a client's must be."""
        payload = payload[:LONGEST_CONTROL]
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        try:
            self._wire.send_all(bytes((0x80 | opcode, 0x80 | len(payload))) + mask + masked)
        except Disconnected:
            # Whether the peer still listens to a farewell does not matter.
            return


def _odd() -> BadAnswer:
    return BadAnswer("the stream is not the WebSocket that was agreed on")


def open_websocket(
    client: HttpClient,
    path: str,
    headers: Sequence[Header],
    protocols: Sequence[str],
    deadline: Deadline,
) -> WebSocket | Response:
    """Opens a WebSocket; or returns the answer with which the server refused it.

    Raises what :meth:`HttpClient.upgrade` raises, and :class:`BadAnswer` for an agreement that the
    server had no right to make.
    """
    # Late, since a run that opens no stream needs neither.
    import base64
    import hashlib

    key = base64.b64encode(os.urandom(16))
    asked = (
        *headers,
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key.decode("ascii")),
        ("Sec-WebSocket-Protocol", ", ".join(protocols)),
    )
    wire, response = client.upgrade(path, asked, deadline)
    if wire is None:
        return response
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    protocol = response.headers.get("sec-websocket-protocol", "")
    if (
        response.headers.get("sec-websocket-accept", "").encode() != accept
        or response.headers.get("upgrade", "").lower() != "websocket"
        or protocol not in protocols
    ):
        client.end(wire)
        raise BadAnswer("the server switched to another protocol than was asked for")
    return WebSocket(client, wire, protocol)
