"""The standard streams, each behind one guarded way to write.

Behind a stream there may be nothing (``>&-``), a full disk, or a reader who has seen enough. None
of these may end a run: the verdict remains, and what could not be written is known afterwards.
"""

import io
import os
from typing import TextIO

CLOSED = "it is closed"


class Stream(io.TextIOBase, TextIO):
    """A text stream on which writing never raises; what is lost after a failure is dropped."""

    encoding = "utf-8"

    def __init__(self, under: TextIO | None) -> None:
        self._under = under
        self.encoding = getattr(under, "encoding", None) or self.encoding
        self._ended = False
        self.failure = ""
        """Why a text was not written; '' where all was, or where the reader had seen enough."""

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._ended

    def isatty(self) -> bool:
        """Whether a terminal is behind it."""
        try:
            return self._under is not None and self._under.isatty()
        except (OSError, ValueError):
            return False

    def fileno(self) -> int:
        """The descriptor. Raises OSError where there is none."""
        if self._under is None:
            raise io.UnsupportedOperation("no descriptor")
        return self._under.fileno()

    def write(self, text: str, /) -> int:
        """Writes the text, with escapes for what the encoding lacks."""
        if text and not self._ended:
            if self._under is None:
                self._end(CLOSED)
                return len(text)
            try:
                self._under.write(_encodable(text, self.encoding))
            except (OSError, ValueError) as error:
                self._lost(error)
        return len(text)

    def flush(self) -> None:
        """Hands on what was written."""
        if self._under is not None and not self._ended:
            try:
                self._under.flush()
            except (OSError, ValueError) as error:
                self._lost(error)

    def close(self) -> None:
        """Leaves the stream below open: it belongs to the process."""

    def _lost(self, error: OSError | ValueError) -> None:
        if isinstance(error, BrokenPipeError):
            self._ended = True
        else:
            self._end(getattr(error, "strerror", None) or CLOSED)

    def _end(self, failure: str) -> None:
        self._ended, self.failure = True, failure


def guarded(under: TextIO | None) -> Stream:
    """The stream with its guard, once."""
    return under if isinstance(under, Stream) else Stream(under)


def _encodable(text: str, encoding: str) -> str:
    """The text, with an escape for every character that the encoding does not have."""
    if text.isascii():
        return text
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def reserve_descriptors() -> None:
    """Fill the standard descriptors that are closed, so that no file or socket takes their place.

    A credential plugin writes to descriptor 2, whatever is behind it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # Takes the lowest free number.
