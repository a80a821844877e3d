"""Whatever bytes a server sends, reading them ends, and in one of the ways that are agreed on."""

import contextlib
import socket

from hypothesis import example, given
from hypothesis import strategies as st

from kubectl_portcheck.client import BadAnswer, Deadline
from kubectl_portcheck.client.exec import read_exec
from kubectl_portcheck.client.http import _read_response
from kubectl_portcheck.client.port_forward import read_answers
from kubectl_portcheck.client.turns import Turns
from kubectl_portcheck.client.websocket import WebSocket
from kubectl_portcheck.client.wire import Disconnected, Wire

LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 \xb2\xb2\xb2 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 204 No\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: \xb2\r\n",
        b"Content-Length: 999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: gzip\r\n",
        b"\r\n",
        b"5\r\nhello\r\n",
        b"-1\r\n",
        b"0x5\r\n",
        b"ffffffffffffff\r\n",
        b"0\r\n\r\n",
        b"hello",
    ]
)


class OneWire:
    """The client that owns a stream's connection."""

    def end(self, wire: Wire) -> None:
        wire.end()


def wire_with(data: bytes) -> Wire:
    """A connection whose peer sent these bytes and closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(data)
    return Wire(ours, ours, Deadline.after(30))


@given(st.one_of(st.binary(max_size=300), st.lists(LINES, max_size=12).map(b"".join)))
@example(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
def test_any_answer(data: bytes) -> None:
    wire = wire_with(data)
    try:
        with contextlib.suppress(BadAnswer, Disconnected):
            response, _ = _read_response(wire, 1000, Turns())
            assert 101 <= response.status < 600
    finally:
        wire.end()


FRAMES = st.builds(
    lambda first, payload: bytes([first, len(payload)]) + payload,
    st.sampled_from([0x82, 0x02, 0x80, 0x00, 0x88, 0x89, 0x8A, 0x81, 0xF2, 0x83]),
    st.binary(max_size=60),
)


@given(st.one_of(st.binary(max_size=300), st.lists(FRAMES, max_size=8).map(b"".join)))
def test_any_frames(data: bytes) -> None:
    for read in ("exec", "knock"):
        wire = wire_with(data)
        with WebSocket(OneWire(), wire, "v4.channel.k8s.io") as stream:
            if read == "exec":
                result = read_exec(stream, 1000, Turns())
                assert len(result.stdout) <= 1000
            else:
                found = read_answers(stream, [80, 81, 1], Deadline.after(30), 0.01)
                assert set(found) == {80, 81}
