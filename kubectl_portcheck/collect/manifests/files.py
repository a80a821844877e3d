"""Which files ``-f`` means, and their text: read once, bounded, with what is wrong in them."""

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.inputs import Unreadable, read_file, read_stream, real_path, reason
from kubectl_portcheck.inputs.limits import MANIFEST_BYTES

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "<stdin>"
BOM = "\ufeff"


class Problem(NamedTuple):
    """Why a file, or a part of it, was not checked."""

    file: str
    line: int | None
    reason: str
    notice: bool = False
    """Worth a line, and no failure."""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.reason}"


class File:
    """A file's text, and where its lines begin."""

    def __init__(self, name: str, path: Path | None, text: str, outside: str = "") -> None:
        self.name = name
        """As the user wrote it, or as it was found below a folder that the user wrote."""
        self.folder = os.path.dirname(name)
        self.path = path
        """None for standard input."""
        self.text = text
        self.outside = outside
        """Where the file is a link that leads out of the folder that the user named: to what."""
        self.real = ""
        """The path without links; '' for standard input."""
        self._starts: list[int] | None = None

    def line(self, index: int) -> int:
        """The number of the line, from 1, on which a place in the text is."""
        if self._starts is None:
            # Lines as git and editors count them, which YAML does differently.
            starts, at = [0], self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            self._starts = starts
        return bisect_right(self._starts, index)


def open_all(arguments: Iterable[str], stdin: BinaryIO) -> Iterator[File | Problem]:
    """The files that the arguments of ``-f`` name, each once; folders with all below them.

    Raises UsageError where an argument names nothing.
    """
    seen: set[str] = set()
    for argument in arguments:
        if argument == "-":
            if argument not in seen:
                seen.add(argument)
                yield _standard_input(stdin)
            continue
        is_folder = os.path.isdir(argument)
        found = list(_below(argument)) if is_folder else [argument]
        folder = real_path(argument if is_folder else os.path.dirname(argument) or ".")
        if not found:
            raise UsageError(
                f"no manifests in {argument}", f"Files there must end in {', '.join(SUFFIXES)}."
            )
        for name in found:
            real = real_path(name)
            if real not in seen:
                seen.add(real)
                inside = real.startswith(os.path.join(folder, ""))
                opened = _opened(name, "" if inside else real, given=name is argument)
                if isinstance(opened, File):
                    opened.real = real
                yield opened


def _below(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield os.path.join(place, name)


def _opened(name: str, outside: str, *, given: bool) -> File | Problem:
    try:
        return _decoded(name, Path(name), read_file(name, MANIFEST_BYTES), outside)
    except OSError as error:
        if given:
            hint = "Download it first; -f reads files." if "://" in name else ""
            raise UsageError(f"cannot read {name}: {error.strerror}", hint) from None
        return Problem(name, None, f"cannot be read: {error.strerror}")
    except Unreadable as error:
        return Problem(name, None, reason(error))


def _standard_input(stdin: BinaryIO) -> File | Problem:
    try:
        return _decoded(STDIN, None, read_stream(stdin, MANIFEST_BYTES))
    except (OSError, Unreadable) as error:
        return Problem(STDIN, None, f"cannot be read: {reason(error)}")


def _decoded(name: str, path: Path | None, raw: bytes, outside: str = "") -> File | Problem:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Problem(name, 1, "is UTF-16; save it as UTF-8")
    try:
        return File(name, path, raw.decode("utf-8"), outside)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Problem(name, line, f"is not UTF-8: byte 0x{raw[error.start]:02x}")
