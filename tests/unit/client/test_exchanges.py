"""HTTP/1.1 and WebSocket frames, conforming and broken, as a library would be held to them.

Sources: RFC 9112 (HTTP/1.1), RFC 9110 (headers), RFC 6455 (WebSocket).
"""

import gzip
import struct

import pytest

from kubectl_portcheck.client.errors import BadAnswer
from kubectl_portcheck.client.http import Response, _read_response
from kubectl_portcheck.client.turns import Turns
from kubectl_portcheck.client.websocket import StreamEnded, WebSocket
from kubectl_portcheck.client.wire import Disconnected
from tests.unit.client.test_wire_fuzz import OneWire, wire_with

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = gzip.compress(b"body")


def read(data: bytes) -> tuple[Response, bool]:
    wire = wire_with(data)
    try:
        return _read_response(wire, 1000, Turns())
    finally:
        wire.end()


CONFORMING: dict[str, tuple[bytes, int, bytes, bool]] = {
    "length": (OK + b"Content-Length: 4\r\n\r\nbody", 200, b"body", True),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, b"", True),
    "empty reason": (b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", 200, b"", True),
    "length twice": (
        OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
        200,
        b"body",
        True,
    ),
    "spaces": (OK + b"Content-Length: \t 4 \t\r\n\r\nbody", 200, b"body", True),
    "another case": (OK + b"CONTENT-LENGTH: 4\r\n\r\nbody", 200, b"body", True),
    "chunks": (CHUNKED + b"2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n", 200, b"body", True),
    "a chunk in capitals": (CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n", 200, b"0123456789", True),
    "zeros": (CHUNKED + b"0004\r\nbody\r\n000\r\n\r\n", 200, b"body", True),
    "extensions": (CHUNKED + b'4;a=b;c="d"\r\nbody\r\n0;e\r\n\r\n', 200, b"body", True),
    "trailers": (CHUNKED + b"4\r\nbody\r\n0\r\nA: b\r\nC: d\r\n\r\n", 200, b"body", True),
    "chunks and length": (
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        200,
        b"body",
        True,
    ),
    "to the end": (OK + b"\r\nbody", 200, b"body", False),
    "close": (OK + b"Connection: close\r\nContent-Length: 4\r\n\r\nbody", 200, b"body", False),
    "older": (b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", 200, b"body", False),
    "nothing": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b"", True),
    "informed": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
        + OK
        + b"Content-Length: 4\r\n\r\nbody",
        200,
        b"body",
        True,
    ),
    "empty header": (OK + b"X:\r\nContent-Length: 4\r\n\r\nbody", 200, b"body", True),
    "packed": (
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED,
        200,
        b"body",
        True,
    ),
    "line feeds alone": (b"HTTP/1.1 200 OK\nContent-Length: 4\n\nbody", 200, b"body", True),
    "another protocol": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nmore", 101, b"", True),
}


@pytest.mark.parametrize(("data", "status", "body", "keep"), CONFORMING.values(), ids=CONFORMING)
def test_conforming_answers(data: bytes, status: int, body: bytes, keep: bool) -> None:
    response, kept = read(data)
    assert (response.status, response.body, kept) == (status, body, keep)
    assert response.complete


BROKEN: dict[str, bytes] = {
    "another version": b"HTTP/2 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "status beyond": b"HTTP/1.1 600 OK\r\n\r\n",
    "status in other digits": "HTTP/1.1 ٢٠٠ OK\r\n\r\n".encode(),
    "no colon": OK + b"Content-Length 4\r\n\r\nbody",
    "no name": OK + b": 4\r\n\r\n",
    "space before the colon": OK + b"Content-Length : 4\r\n\r\nbody",
    "folded": OK + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "NUL": OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "cut in the headers": OK + b"Content-Length: 4\r\n",
    "negative length": OK + b"Content-Length: -1\r\n\r\n",
    "signed length": OK + b"Content-Length: +4\r\n\r\nbody",
    "length in hexadecimals": OK + b"Content-Length: 0x4\r\n\r\nbody",
    "empty length": OK + b"Content-Length:\r\n\r\nbody",
    "two lengths": OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody!",
    "cut in the body": OK + b"Content-Length: 5\r\n\r\nbody",
    "other coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a name that holds chunked": OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "no chunk": CHUNKED + b"\r\n",
    "chunk without digits": CHUNKED + b";a\r\n",
    "negative chunk": CHUNKED + b"-1\r\n",
    "chunk in hexadecimals": CHUNKED + b"0x4\r\nbody\r\n0\r\n\r\n",
    "chunk beyond": CHUNKED + b"ffffffffffffffffffff\r\n",
    "chunk without its end": CHUNKED + b"4\r\nbodyXX0\r\n\r\n",
    "cut in a chunk": CHUNKED + b"9\r\nbody",
    "cut after a chunk": CHUNKED + b"4\r\nbody\r\n",
    "cut in the trailers": CHUNKED + b"0\r\nA: b\r\n",
    "not packed": OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbody",
    "packed and cut": OK
    + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (len(PACKED) - 4)
    + PACKED[:-4],
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_answers(data: bytes) -> None:
    with pytest.raises((BadAnswer, Disconnected)):
        read(data)


def test_what_is_not_asked_for_is_left_on_the_connection() -> None:
    first = OK + b"Content-Length: 4\r\n\r\nbody"
    wire = wire_with(first + OK + b"Content-Length: 2\r\n\r\nno")
    try:
        assert _read_response(wire, 1000, Turns())[0].body == b"body"
        assert _read_response(wire, 1000, Turns())[0].body == b"no"
    finally:
        wire.end()


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, bits: int = 0) -> bytes:
    head = bytes([(0x80 if final else 0) | bits | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 0x10000:
        return head + b"\x7e" + struct.pack("!H", len(payload)) + payload
    return head + b"\x7f" + struct.pack("!Q", len(payload)) + payload


END = frame(8, struct.pack("!H", 1000))
MESSAGES: dict[str, tuple[bytes, list[bytes]]] = {
    "binary": (frame(2, b"a"), [b"a"]),
    "text": (frame(1, b"a"), [b"a"]),
    "empty": (frame(2), [b""]),
    "of 125, 126 and 65,536 bytes": (
        frame(2, b"a" * 125) + frame(2, b"b" * 126) + frame(2, b"c" * 65536),
        [b"a" * 125, b"b" * 126, b"c" * 65536],
    ),
    "fragments": (
        frame(2, b"a", final=False) + frame(0, b"b", final=False) + frame(0, b"c"),
        [b"abc"],
    ),
    "a ping between fragments": (
        frame(2, b"a", final=False) + frame(9, b"x") + frame(0, b"b"),
        [b"ab"],
    ),
    "a pong that nobody asked for": (frame(10, b"x") + frame(2, b"a"), [b"a"]),
}


@pytest.mark.parametrize(("data", "messages"), MESSAGES.values(), ids=MESSAGES)
def test_conforming_frames(data: bytes, messages: list[bytes]) -> None:
    with WebSocket(OneWire(), wire_with(data + END), "v4.channel.k8s.io") as stream:
        assert list(stream.messages()) == messages


@pytest.mark.parametrize(
    ("data", "code"),
    [(END, 1000), (frame(8), None), (frame(8, struct.pack("!H", 1011) + b"why"), 1011)],
)
def test_farewells(data: bytes, code: int | None) -> None:
    with WebSocket(OneWire(), wire_with(data), "v4.channel.k8s.io") as stream:
        with pytest.raises(StreamEnded) as ended:
            stream.receive()
        assert ended.value.code == code


FRAMES: dict[str, bytes] = {
    "reserved bit": frame(2, b"a", bits=0x40),
    "reserved data opcode": frame(3, b"a"),
    "reserved control opcode": frame(11),
    "masked": b"\x82\x81\0\0\0\0a",
    "continuation of nothing": frame(0, b"a"),
    "message within a message": frame(2, b"a", final=False) + frame(2, b"b"),
    "text within a message": frame(2, b"a", final=False) + frame(1, b"b"),
    "ping in fragments": frame(9, b"a", final=False),
    "farewell in fragments": frame(8, final=False),
    "long ping": frame(9, b"a" * 126),
    "farewell of a byte": frame(8, b"a"),
    "length in a longer form": b"\x82\x7e\x00\x01a",
    "length in the longest form": b"\x82\x7f" + struct.pack("!Q", 200) + b"a" * 200,
    "length beyond": b"\x82\x7f" + struct.pack("!Q", 2**63) + b"a",
    "cut in the head": b"\x82",
    "cut in the length": b"\x82\x7e\x00",
    "cut in the payload": frame(2, b"abc")[:-1],
    "cut between fragments": frame(2, b"a", final=False),
}


@pytest.mark.parametrize("data", FRAMES.values(), ids=FRAMES)
def test_broken_frames(data: bytes) -> None:
    with (
        WebSocket(OneWire(), wire_with(data), "v4.channel.k8s.io") as stream,
        pytest.raises((BadAnswer, Disconnected)),
    ):
        list(stream.messages())
