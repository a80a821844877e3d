"""HTTP/1.1 requests on kept connections.

A small reader of our own is used instead of a library. What it reads is what API servers, and the
proxies before them, send: a status line, headers, and a body that is chunked, of a stated length,
or up to the end of the connection. It is held to a corpus of conforming and broken exchanges.

Measured against h11 0.16 for this and wsproto 1.3 for :mod:`websocket`, imported in a thread while
TCP and TLS are opened: 60 walks of each, in turn, on two busy cores. With the libraries a walk took
6 % longer (median) and 10 % more processor time. http.client takes 17 ms to import.
"""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from kubectl_portcheck.client.connection import Connection
from kubectl_portcheck.client.credentials import Header
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.dialer import Dialer
from kubectl_portcheck.client.errors import BadAnswer, ClusterError, Unreachable
from kubectl_portcheck.client.turns import Turn, Turns
from kubectl_portcheck.client.wire import PIECE, Disconnected, Wire
from kubectl_portcheck.inputs.limits import HEAD_BYTES, SMALL_BYTES

USER_AGENT = "kubectl-portcheck"
LONGEST_LINE = 65536
MOST_HEADERS = 200
SMALL_PIECE = 4096
"""A smaller piece of a body takes more by itself than as the end of a buffer."""
MOST_IDLE = 16
"""How many idle connections are kept."""
SLOW_SECONDS = 0.05
"""A connection that took so long to open is worth opening before it is needed. It took two round
trips, of TCP and TLS; on a fast network the processor time for one in vain is dearer than they.
"""

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What a header's name is made of (RFC 9110)."""

Log = Callable[[int, str], None]


class Response(NamedTuple):
    """An answer, its body read and decompressed."""

    status: int
    headers: dict[str, str]
    """By lower-case name; repeated ones joined by a comma."""
    body: bytes
    complete: bool = True
    """False where the body is longer than was asked for."""
    turn: Turn | None = None
    """Held while a large body is."""

    @property
    def content_type(self) -> str:
        """The media type, without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class HttpClient:
    """Sends requests to one API server, side by side from several threads."""

    def __init__(self, connection: Connection, log: Log | None = None) -> None:
        self._connection = connection
        self._dialer = Dialer(connection)
        self._log = log
        self._lock = threading.Lock()
        self._idle: list[Wire] = []
        self._busy: set[Wire] = set()
        self._ahead: tuple[int, Deadline] | None = None
        """How many connections are to be opened ahead if the first one shows a slow network."""
        self.closed = threading.Event()
        self.turns = Turns()

    def get(
        self,
        path: str,
        headers: Sequence[Header],
        deadline: Deadline,
        *,
        most: int,
    ) -> Response:
        """Sends a request and reads the answer; at most so many bytes of its body.

        Raises :class:`Unreachable`, :class:`TimedOut`, :class:`BadAnswer`.
        """
        wire, response = self._exchange(path, headers, deadline, most, upgrade=False)
        if wire is not None:
            wire.used = True
            self._keep(wire)
        return response

    def send(
        self,
        method: Literal["PATCH", "POST"],
        path: str,
        headers: Sequence[Header],
        body: bytes,
        deadline: Deadline,
    ) -> Response:
        """Sends a body and reads the answer, as :meth:`get` does.

        It is sent once, on a connection of its own: whether a request arrived whose answer was
        lost, is not known.
        """
        wire, response = self._exchange(
            path, headers, deadline, SMALL_BYTES, upgrade=False, method=method, body=body
        )
        if wire is not None:
            wire.used = True
            self._keep(wire)
        return response

    def upgrade(
        self, path: str, headers: Sequence[Header], deadline: Deadline
    ) -> tuple[Wire | None, Response]:
        """Asks for another protocol.

        With the answer 101 the connection comes with it, and belongs to the caller, who gives it to
        :meth:`end`; with any other answer there is None. Raises as :meth:`get` does.
        """
        wire, response = self._exchange(path, headers, deadline, SMALL_BYTES, upgrade=True)
        if response.status != 101 and wire is not None:
            wire.used = True
            self._keep(wire)
            wire = None
        return wire, response

    def warm(self, count: int, deadline: Deadline) -> None:
        """Opens so many connections ahead, as soon as the first one shows that the network is slow.

        That saves two round trips of each stream. A failure shows when something is asked.
        """
        with self._lock:
            self._ahead = (count, deadline)

    def _open_ahead(self, first_took: float) -> None:
        """Opens in the background what ``warm`` asked for, if it pays."""
        with self._lock:
            ahead, self._ahead = self._ahead, None
        if ahead is None or first_took < SLOW_SECONDS:
            return
        count, deadline = ahead
        for _ in range(count):
            threading.Thread(
                target=self._open_one, args=(deadline,), daemon=True, name="portcheck-ahead"
            ).start()

    def _open_one(self, deadline: Deadline) -> None:
        with contextlib.suppress(ClusterError):
            identity = self._connection.credentials.identity(deadline, self.closed)
            self._keep(self._dialer.connect(identity, deadline, tunnel=False))

    def end(self, wire: Wire) -> None:
        """Closes a connection."""
        with self._lock:
            self._busy.discard(wire)
        wire.end()

    def close(self) -> None:
        """Closes all connections; waits of other threads on them end at once."""
        self.closed.set()
        with self._lock:
            idle, busy = self._idle, list(self._busy)
            self._idle = []
        self._dialer.abort()
        for wire in idle:
            wire.end()
        for wire in busy:
            wire.interrupt()

    def log(self, level: int, text: str) -> None:
        """Hands a line to the log, if there is one."""
        if self._log is not None:
            self._log(level, text)

    # One exchange

    def _exchange(
        self,
        path: str,
        headers: Sequence[Header],
        deadline: Deadline,
        most: int,
        *,
        upgrade: bool,
        method: Literal["GET", "PATCH", "POST"] = "GET",
        body: bytes = b"",
    ) -> tuple[Wire | None, Response]:
        """The answer, and the connection if it can be used further."""
        began = time.monotonic()
        shown = path.partition("?")[0] if upgrade else path
        try:
            for attempt in (2,) if body else (1, 2):
                wire = self._take(deadline, tunnel=upgrade, fresh=attempt == 2)
                keep = False
                try:
                    wire.send_all(self._request(method, path, headers, upgrade) + body)
                    response, keep = _read_response(wire, most, self.turns)
                    if response.status == 101 and not upgrade:
                        keep = False
                        raise BadAnswer("the server changed the protocol without being asked")
                    if response.status == 408 and wire.used and attempt == 1:
                        # Said of the idle time, not of this request.
                        raise Disconnected("the server gave up an idle connection")
                    break
                except Disconnected as error:
                    # A kept connection may have been closed by the server in the meantime: once
                    # more, on a new one. Nothing that is asked here does harm if done twice.
                    if attempt == 2 or self.closed.is_set():
                        raise Unreachable(
                            f"the server closed the connection without an answer: {error}"
                        ) from None
                finally:
                    if not keep:
                        self.end(wire)
        except Exception as error:  # Written to the log, and raised again.
            self.log(
                6,
                f"{method} {self._connection.server}{shown} {type(error).__name__} in {_ms(began)}",
            )
            raise
        self.log(6, f"{method} {self._connection.server}{shown} {response.status} in {_ms(began)}")
        return (wire if keep else None), response

    def _request(self, method: str, path: str, headers: Sequence[Header], upgrade: bool) -> bytes:
        connection = self._connection
        target = connection.path_prefix + path
        lines: list[Header] = []
        proxy = connection.proxy
        if proxy and not connection.tls and not upgrade:
            target = f"http://{connection.authority}{target}"
            if proxy.authorization:
                lines.append(("Proxy-Authorization", proxy.authorization))
            lines += proxy.headers
        head = [f"{method} {target} HTTP/1.1", f"Host: {connection.authority}"]
        head.append(f"User-Agent: {USER_AGENT}")
        head += [f"{name}: {value}" for name, value in (*lines, *headers)]
        return ("\r\n".join(head) + "\r\n\r\n").encode("utf-8")

    def _take(self, deadline: Deadline, *, tunnel: bool, fresh: bool) -> Wire:
        """A kept connection, or a new one."""
        connection = self._connection
        identity = connection.credentials.identity(deadline, self.closed)
        can_share = connection.tls or not connection.proxy or not tunnel
        if can_share and not fresh:
            with self._lock:
                if self._idle:
                    wire = self._idle.pop()
                    wire.deadline = deadline
                    self._busy.add(wire)
                    return wire
        began = time.monotonic()
        wire = self._dialer.connect(identity, deadline, tunnel=tunnel)
        self._open_ahead(time.monotonic() - began)
        with self._lock:
            self._busy.add(wire)
        if self.closed.is_set():
            self.end(wire)
            raise Unreachable("the connection was closed")
        return wire

    def _keep(self, wire: Wire) -> None:
        """Puts a connection back for the next request."""
        self._dialer.remember(wire)
        with self._lock:
            self._busy.discard(wire)
            if not self.closed.is_set() and len(self._idle) < MOST_IDLE:
                self._idle.append(wire)
                return
        wire.end()


def _ms(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.0f} milliseconds"


def _read_response(wire: Wire, most: int, turns: Turns) -> tuple[Response, bool]:
    """The answer on a connection, and whether the connection can be used further."""
    while True:
        version, status, headers = _read_head(wire)
        if status >= 200 or status == 101:
            break
    if status == 101:
        return Response(status, headers, b""), True
    if status >= 300:
        most = min(most, SMALL_BYTES)
    body = _Body(most, headers.get("content-encoding", "").lower() == "gzip", turns, wire.deadline)
    try:
        keep = _read_body(wire, status, headers, body) and version == "HTTP/1.1"
        keep = keep and "close" not in headers.get("connection", "").lower()
        return Response(status, headers, body.content(), not body.full, body.turn), keep
    except BaseException:
        if body.turn is not None:
            body.turn.end()
        raise


def _read_head(wire: Wire) -> tuple[str, int, dict[str, str]]:
    line = wire.reader.readline(LONGEST_LINE)
    if not line:
        raise Disconnected("the connection was closed")
    parts = line.decode("latin-1").rstrip("\r\n").split(" ", 2)
    if (
        len(parts) < 2
        or not parts[0].startswith("HTTP/1.")
        or not re.fullmatch("[1-5][0-9]{2}", parts[1])
    ):
        if line.startswith(b"\x15\x03"):
            raise BadAnswer("the server speaks TLS on this port: use https:// in its address")
        raise BadAnswer("the answer is not HTTP")
    headers: dict[str, str] = {}
    total = 0
    for _ in range(MOST_HEADERS):
        line = wire.reader.readline(LONGEST_LINE)
        total += len(line)
        if not line.endswith(b"\n"):
            raise BadAnswer("the answer was cut off within its headers")
        if line in (b"\r\n", b"\n"):
            return parts[0], int(parts[1]), headers
        if total > HEAD_BYTES:
            break
        name, colon, value = line.decode("latin-1").partition(":")
        if not (colon and _TOKEN.issuperset(name) and name) or "\0" in value:
            raise BadAnswer("the answer has a header that is none")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raise BadAnswer("the answer has too many headers")


class _Body:
    """Takes a body piece by piece, unpacks it, and keeps so many bytes of it at most."""

    def __init__(self, most: int, packed: bool, turns: Turns, deadline: Deadline) -> None:
        self._most = most
        self._turns = turns
        self._deadline = deadline
        self._kept: list[bytes] = []
        self._small = bytearray()
        """The end of it that came in small pieces, each of which would take more as an object."""
        self._size = 0
        self._unpacker = None
        if packed:
            import zlib

            self._unpacker = zlib.decompressobj(wbits=31)
        self.full = False
        """Whether there is more than is kept."""
        self.turn: Turn | None = None

    def add(self, piece: bytes) -> None:
        """Takes the next piece. Raises :class:`BadAnswer` and :class:`TimedOut`."""
        if self._unpacker is None:
            self._keep(piece)
            return
        import zlib

        try:
            while piece and not self.full and not self._unpacker.eof:
                room = self._most - self._size
                self._keep(self._unpacker.decompress(piece, min(room + 1, PIECE)))
                piece = self._unpacker.unconsumed_tail
        except zlib.error:
            raise BadAnswer("the answer is not the gzip that it says it is") from None

    def _keep(self, piece: bytes) -> None:
        room = self._most - self._size
        self.full = self.full or len(piece) > room
        piece = piece[:room]
        self._size += len(piece)
        if self.turn is None and self._size > SMALL_BYTES:
            self.turn = self._turns.take(self._deadline)
        if len(piece) < SMALL_PIECE:
            self._small += piece
            return
        # A buffer that grows copies itself again and again; pieces are copied once, in the end.
        self._kept += (bytes(self._small), piece)
        self._small.clear()

    def end(self) -> None:
        """Says that this was all. Raises :class:`BadAnswer` where something is missing."""
        if self._unpacker is not None and not self._unpacker.eof and not self.full:
            raise _cut_off()

    def content(self) -> bytes:
        """What was kept, which is no longer held here."""
        content = b"".join((*self._kept, self._small))
        self._kept.clear()
        self._small.clear()
        return content


def _read_body(wire: Wire, status: int, headers: dict[str, str], body: _Body) -> bool:
    """Reads the body; whether the connection can be used further."""
    if status in (204, 304):
        return True
    keep = True
    if (coding := headers.get("transfer-encoding")) is not None:
        if coding.lower() != "chunked":
            raise BadAnswer("the answer is encoded in a way that was not asked for")
        _read_chunks(wire, body)
    elif (stated := _length(headers)) is not None:
        _read_exactly(wire, int(stated), body)
        if stated == "0":
            return True
    else:
        keep = False
        _up_to_the_end(wire, body)
    if not body.full:
        body.end()
    return keep and not body.full


def _length(headers: dict[str, str]) -> str | None:
    """The stated length of the body; it may be stated more than once, but not differently."""
    stated = {part.strip() for part in headers.get("content-length", "").split(",")}
    if "content-length" not in headers:
        return None
    if len(stated) != 1 or not re.fullmatch("[0-9]{1,15}", found := stated.pop()):
        raise BadAnswer("the answer states no usable length")
    return found


def _cut_off() -> BadAnswer:
    return BadAnswer("the answer was cut off")


def _read_exactly(wire: Wire, count: int, body: _Body) -> None:
    try:
        for piece in wire.pieces(count):
            body.add(piece)
            if body.full:
                return
    except Disconnected:
        raise _cut_off() from None


def _up_to_the_end(wire: Wire, body: _Body) -> None:
    try:
        while not body.full and (piece := wire.reader.read1(PIECE)):
            body.add(piece)
    except Disconnected:
        raise _cut_off() from None


def _read_chunks(wire: Wire, body: _Body) -> None:
    while not body.full:
        digits = _read_line(wire).partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", digits):
            raise _cut_off()
        size = int(digits, 16)
        if size == 0:
            while _read_line(wire) not in (b"\r\n", b"\n"):
                pass
            return
        _read_exactly(wire, size, body)
        if not body.full and _read_line(wire) not in (b"\r\n", b"\n"):
            raise _cut_off()


def _read_line(wire: Wire) -> bytes:
    try:
        line = wire.reader.readline(LONGEST_LINE)
    except Disconnected:
        raise _cut_off() from None
    if not line.endswith(b"\n"):
        raise _cut_off()
    return line
