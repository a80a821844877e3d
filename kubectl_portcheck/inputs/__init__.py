"""Bytes from outside: files, JSON, gzip and YAML, read within limits.

They may be wrong or hostile. Everything that can go wrong with their content ends
as :class:`Unreadable`, whose text says what is wrong and quotes none of them.
"""

import errno
import os
import re
import stat
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

from kubectl_portcheck.inputs.limits import ANSWER_VALUES, JSON_BRACKETS, JSON_DEPTH, KIBIBYTE

T = TypeVar("T")

PIECE = 1024 * 1024
"""How many bytes are read at a time."""


_EIGHT = 8 * KIBIBYTE


class Unreadable(ValueError):
    """Bytes from outside that are not what they should be, or more than is read."""


class TooDeep(Unreadable):
    """A value within a value within a value, and so on."""

    def __init__(self) -> None:
        super().__init__("nested too deep")


_NOT_UTF_8 = "Invalid UTF-8"
"""How msgspec begins, from 0.23 on, where older ones raise a UnicodeDecodeError."""


def understood(read: Callable[[], T]) -> T:
    """The result of reading foreign content. Raises :class:`Unreadable` for whatever fails."""
    try:
        return read()
    except Unreadable:
        raise
    except RecursionError:
        raise TooDeep from None
    except MemoryError:
        raise Unreadable("too large for the memory") from None
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    except _failures() as error:
        words = str(error) or type(error).__name__
        if words.startswith(_NOT_UTF_8):
            words = "not UTF-8"
        raise Unreadable(words) from None


def _failures() -> tuple[type[Exception], ...]:
    """What content of another shape than expected leads to, whichever library reads it."""
    import msgspec  # Its errors are ValueErrors from 0.22 on only.

    usual = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
    return (*usual, msgspec.MsgspecError)


def as_utf_8(raw: bytes) -> bytes:
    """The bytes of a text without a byte order mark. Raises :class:`Unreadable` where it says that
    the text has another encoding: PowerShell writes UTF-16 where output is redirected.
    """
    if raw.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        raise Unreadable("is UTF-32; save it as UTF-8")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("is UTF-16; save it as UTF-8")
    return raw.removeprefix(b"\xef\xbb\xbf")


def json_value(raw: bytes, most: int = ANSWER_VALUES) -> Any:
    """The value of a JSON text, of so many values at most. Raises :class:`Unreadable`.

    It is nested no deeper than :data:`JSON_DEPTH`, however deep the interpreter could go.
    """
    import msgspec

    if values_in(raw) > most:
        raise Unreadable(f"holds more than {most} values")
    if raw.count(b"[") + raw.count(b"{") > JSON_DEPTH and shallow(raw) != raw:
        raise TooDeep
    return understood(lambda: msgspec.json.decode(raw))


def holds_more(raw: bytes, most: int) -> bool:
    """Whether a JSON text may hold more values than that; quicker than to count them.

    An eighth of it is looked at first: one of each eight pieces, and which one its writer cannot
    foresee. Where that has less than a tenth of what is allowed, the whole is far enough from the
    limit.
    """
    if len(raw) <= most:
        return False
    text, starts = memoryview(raw), range(0, len(raw), _EIGHT)
    which = os.urandom(len(starts))
    places = [at + number % 8 * KIBIBYTE for at, number in zip(starts, which, strict=True)]
    eighth = b"".join([text[at : at + KIBIBYTE] for at in places])
    return 10 * values_in(eighth) >= most and values_in(raw) > most


def values_in(raw: bytes) -> int:
    """How many values a JSON text holds at most; a quick estimate."""
    return len(raw) - len(raw.translate(None, b",[{"))  # One look at the text instead of three.


CUT = b'"\\u0000nested too deep"'
"""Replaces in :func:`shallow` JSON what was too deep."""


def shallow(raw: bytes) -> bytes:
    """A JSON text without what is nested deeper than :data:`JSON_DEPTH`: :data:`CUT` replaces
    it. Raises :class:`Unreadable` where it is no JSON, or too long to look for brackets.
    """
    brackets = re.compile(rb'["\[\]{}]')
    kept: list[bytes] = []
    depth = copied = at = 0
    for _ in range(JSON_BRACKETS):
        found = brackets.search(raw, at)
        if found is None:
            kept.append(raw[copied:])
            return b"".join(kept)
        at = found.end()
        if found[0] == b'"':
            at = _end_of_text(raw, at)
        elif found[0] in b"[{":
            depth += 1
            if depth == JSON_DEPTH:
                kept += (raw[copied : at - 1], CUT)
        else:
            if depth == JSON_DEPTH:
                copied = at
            depth -= 1
    raise TooDeep


def _end_of_text(raw: bytes, at: int) -> int:
    """Where the text ends that began before this place."""
    while (end := raw.find(b'"', at)) >= 0:
        before = raw[at:end]
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            return end + 1
        at = end + 1
    raise Unreadable("cut off")


def read_file(path: str | os.PathLike[str], most: int, *, regular: bool = False) -> bytes:
    """The content of a regular file, or of the null device, of so many bytes at most.

    A pipe or a device could block, or never end, so it is not opened: the path is looked at first,
    unless it was found to be ``regular``. Raises OSError, and :class:`Unreadable` where the file is
    larger, or no regular one.
    """
    descriptor = os.open(path, _FLAGS) if regular else _descriptor(path)
    try:
        found = os.fstat(descriptor)
        _check(found)
        if 0 < found.st_size <= most:
            raw = os.read(descriptor, found.st_size + 1)
            if len(raw) == found.st_size:
                return raw
            os.lseek(descriptor, 0, os.SEEK_SET)
        # Its size says too little where it grows, or where the system makes up its content. Making
        # room for a whole piece takes longer than reading a small file.
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            return read_stream(file, most, min(max(found.st_size + 1, 4096), PIECE))
    finally:
        os.close(descriptor)


def read_pipe(path: str, most: int) -> bytes | None:
    """What comes by a pipe that the shell has opened already, as for ``<(kustomize build .)``.

    None where the path names no such pipe. Raises OSError and :class:`Unreadable`.
    """
    number = _open_already(path)
    if number is None or not stat.S_ISFIFO(os.fstat(number).st_mode):
        return None
    with open(number, "rb", buffering=0, closefd=False) as pipe:
        return read_stream(pipe, most)


def _open_already(path: str) -> int | None:
    """The descriptor that a path means; None where it is no such path."""
    if path == "/dev/stdin":
        return 0
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d{1,9})", path, re.ASCII)
    return int(found[1]) if found else None


def _descriptor(path: str | os.PathLike[str]) -> int:
    try:
        found = os.stat(path)
    except ValueError:
        raise Unreadable("is no possible name of a file") from None
    _check(found)
    return os.open(path, _FLAGS)


# Without blocking: the path may lead to a pipe by now.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FLAGS |= getattr(os, "O_CLOEXEC", 0)


def real_path(path: str | os.PathLike[str]) -> str:
    """The path without links, from the root; as it is where the working folder is gone, or where no
    file can have it."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return os.fspath(path)


def full_path(path: str | os.PathLike[str]) -> str:
    """The path from the root; as it is where the working folder is gone."""
    try:
        return os.path.abspath(path)
    except OSError:
        return os.fspath(path)


def relative_path(path: str) -> str:
    """The path from the working folder; as it is where that is gone, or on another drive."""
    try:
        return os.path.relpath(path)
    except (OSError, ValueError):
        return path


def beginning(path: str | os.PathLike[str], most: int) -> bytes:
    """The first bytes of a regular file, unpacked if it is a gzip. Raises as :func:`read_file`."""
    with open(_descriptor(path), "rb") as file:
        _check(os.fstat(file.fileno()))
        raw = file.read(most)
    return _unpacked(raw, most)[0] if is_packed(raw) else raw


def read_stream(stream: BinaryIO, most: int, piece: int = PIECE) -> bytes:
    """The rest of a stream, of so many bytes at most, so many at a time.

    Raises OSError and :class:`Unreadable`.
    """
    parts = []
    left = most + 1
    while left > 0 and (part := stream.read(min(left, piece))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise Unreadable(f"is larger than {size(most)}")
    return b"".join(parts)


def _check(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not (stat.S_ISREG(found.st_mode) or _is_null(found)):
        raise Unreadable("is not a regular file")


def _is_null(found: os.stat_result) -> bool:
    """Whether this is ``/dev/null``, by which users say that there is no file."""
    if not stat.S_ISCHR(found.st_mode):
        return False
    try:
        return os.stat(os.devnull).st_rdev == found.st_rdev
    except OSError:
        return False


def reason(error: OSError | Unreadable) -> str:
    """Why a file could not be read, in a few words."""
    if isinstance(error, OSError):
        return (error.strerror or "cannot be read").lower()
    return str(error)


def size(count: int) -> str:
    """A number of bytes as people say it."""
    if count >= 2**20:
        return f"{count // 2**20} MiB"
    return f"{count // 2**10} KiB" if count >= 2**10 else f"{count} bytes"


def is_packed(raw: bytes) -> bool:
    """Whether the bytes begin as a gzip file does."""
    return raw[:2] == b"\x1f\x8b"


def unpacked(raw: bytes, most: int) -> bytes:
    """The content of a gzip file, of so many bytes at most. Raises :class:`Unreadable`."""
    content, whole = _unpacked(raw, most + 1)
    if len(content) > most:
        raise Unreadable(f"larger than {size(most)} once unpacked")
    if not whole:
        raise Unreadable("cut off")
    return content


def _unpacked(raw: bytes, most: int) -> tuple[bytes, bool]:
    """The first bytes of what is packed, and whether they are all of it."""
    import zlib

    decoder = zlib.decompressobj(wbits=31)
    try:
        return decoder.decompress(raw, most), decoder.eof
    except zlib.error:
        raise Unreadable("not the gzip that it begins as") from None
