"""One connected socket, over TLS where asked, on which every wait ends at a deadline."""

import contextlib
import io
import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import TimedOut

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


PIECE = 256 * 1024
"""How many bytes are read at a time at most."""


class Disconnected(Exception):
    """The peer closed or reset the connection; the caller knows what that means."""


class Endpoint(Protocol):
    """What a wire needs of a socket: a socket, a TLS socket, or TLS within TLS."""

    def recv_into(self, buffer: "WriteableBuffer", /) -> int:
        """Reads what there is."""

    def send(self, data: "ReadableBuffer", /) -> int:
        """Sends a part of the data."""

    def settimeout(self, value: float | None, /) -> None:
        """Bounds the next call."""

    def close(self) -> None:
        """Closes it."""


_GLANCE = 0.001
"""Seconds in which a read takes bytes that are there already."""


class _Timed(io.RawIOBase):
    """A socket as a raw stream whose reads end at a deadline.

    Before every system call the time-out becomes what is left. The Python socket's own time-out
    would begin again with each byte of a peer that sends slowly.
    """

    def __init__(self, end: Endpoint, deadline: Deadline) -> None:
        super().__init__()
        self.endpoint = end
        self.deadline = deadline
        self.is_new = True
        """Whether nothing has been read yet since the deadline was set."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        try:
            self.endpoint.settimeout(self._patience())
            return self.endpoint.recv_into(buffer)
        except TimeoutError:
            raise TimedOut("timed out waiting for the server") from None
        except (OSError, ValueError) as error:
            raise Disconnected(reason_of(error)) from None

    def _patience(self) -> float:
        """Return how long to wait for bytes. Raises :class:`TimedOut`.

        The first read takes what has arrived even if the deadline has passed meanwhile: on a busy
        machine this thread may have been stopped for longer than a short deadline lasts.
        """
        if self.is_new:
            self.is_new = False
            return max(self.deadline.remaining(), _GLANCE)
        return self.deadline.check("waiting for the server")


class Wire:
    """A connection to the API server, used by one thread at a time.

    ``deadline`` is set by the caller, for each piece of work.
    """

    __slots__ = ("_endpoint", "_raw", "_socket", "reader", "used")

    def __init__(self, base: socket.socket, end: Endpoint, deadline: Deadline) -> None:
        self._socket = base
        self._endpoint = end
        self._raw = _Timed(end, deadline)
        self.reader = io.BufferedReader(self._raw, 65536)
        self.used = False
        """Whether an answer has been read from it: an idle connection may have gone stale."""

    @property
    def endpoint(self) -> Endpoint:
        """What is read from and sent to."""
        return self._endpoint

    @property
    def deadline(self) -> Deadline:
        """The moment at which the waits on this connection end."""
        return self._raw.deadline

    @deadline.setter
    def deadline(self, deadline: Deadline) -> None:
        self._raw.deadline = deadline
        self._raw.is_new = True

    def send_all(self, data: bytes) -> None:
        """Sends the bytes. Raises :class:`Disconnected` and :class:`TimedOut`."""
        rest = memoryview(data)
        try:
            while rest:
                self._endpoint.settimeout(self.deadline.check("sending to the server"))
                rest = rest[self._endpoint.send(rest) :]
        except TimeoutError:
            raise TimedOut("timed out sending to the server") from None
        except (OSError, ValueError) as error:
            raise Disconnected(reason_of(error)) from None

    def read(self, count: int) -> bytes:
        """Exactly so many bytes. Raises :class:`Disconnected` and :class:`TimedOut`."""
        return b"".join(self.pieces(count))

    def pieces(self, count: int) -> Iterator[bytes]:
        """The same in pieces: a length that a peer states is no reason to allocate it."""
        while count > 0:
            piece = self.reader.read(min(count, PIECE))
            if not piece:
                raise Disconnected("the connection was closed")
            yield piece
            count -= len(piece)

    def interrupt(self) -> None:
        """Ends the waits of another thread on this connection: it meets Disconnected."""
        with contextlib.suppress(OSError):
            # The plain socket's method: that of a TLS socket would drop its state under a reader.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def end(self) -> None:
        """Closes the connection at once, without a farewell that a peer could drag out."""
        self.interrupt()
        self._endpoint.close()
        self._socket.close()


def reason_of(error: Exception) -> str:
    """A system or TLS error in a few words, without numbers and internals."""
    if isinstance(error, ssl.SSLEOFError):
        return "the connection was closed"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS error").lower().replace("_", " ")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "the connection was closed"
