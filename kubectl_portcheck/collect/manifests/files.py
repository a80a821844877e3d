"""Which files ``-f`` means, and their text: read once, bounded, with what is wrong in them."""

import os
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from typing import Any, BinaryIO

import msgspec

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.inputs import (
    Unreadable,
    as_utf_8,
    read_file,
    read_pipe,
    read_stream,
    real_path,
    reason,
)
from kubectl_portcheck.inputs.limits import MANIFEST_BYTES

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "<stdin>"
BOM = "\ufeff"


class Problem(msgspec.Struct, frozen=True):
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

    __slots__ = ("_starts", "beside", "folder", "name", "outside", "path", "real", "text", "value")

    def __init__(
        self,
        name: str,
        path: str | None,
        text: str,
        outside: str = "",
        folder: str | None = None,
    ) -> None:
        self.name = name
        """As the user wrote it, or as it was found below a folder that the user wrote."""
        self.folder = os.path.dirname(name) if folder is None else folder
        self.path = path
        """None for standard input and pipes."""
        self.text = text
        self.outside = outside
        """Where the file is a link that leads out of the folder that the user named: to what."""
        self.real = ""
        """The path without links; '' for standard input and pipes."""
        self.beside: Collection[str] | None = None
        """What is in its folder, as far as that has no dot in front; None where it is not known."""
        self.value: Any = None
        """What it holds, where that was read on the way."""
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
        found = list(_below(argument)) if is_folder else [_given(argument)]
        folder = real_path(argument if is_folder else os.path.dirname(argument) or ".")
        within = os.path.join(folder, "")
        if not found:
            raise UsageError(
                f"no manifests in {argument}", f"Files there must end in {', '.join(SUFFIXES)}."
            )
        for one in found:
            if isinstance(one, Problem):
                yield one
            elif one.real not in seen:
                seen.add(one.real)
                outside = "" if one.real.startswith(within) else one.real
                opened = _opened(one, outside, given=not is_folder)
                if isinstance(opened, File) and opened.path is not None:
                    opened.real, opened.beside = one.real, one.beside
                yield opened


class _Found(msgspec.Struct, frozen=True, gc=False):
    """A file that may be a manifest."""

    name: str
    folder: str
    real: str
    """The path without links."""
    regular: bool = False
    """Whether it is known to be no link, and nothing that could block."""
    beside: Collection[str] | None = None
    """What is in its folder, where that is known."""


def _given(name: str) -> _Found:
    return _Found(name, os.path.dirname(name), real_path(name))


def _below(folder: str) -> Iterator[_Found | Problem]:
    """The manifests below a folder: its own first, then those of each folder in it."""
    # No link to a folder is followed, so below this one the paths need not be looked at again.
    pending = [(folder, real_path(folder))]
    while pending:
        place, real = pending.pop()
        try:
            entries = [e for e in _entries(place) if not e.name.startswith(".")]
        except OSError as error:
            yield Problem(place, None, f"cannot be read: {error.strerror}")
            continue
        if os.name == "nt":  # Before Python 3.12 a junction is followed.
            real = real_path(place)
        before, real = os.path.join(place, ""), os.path.join(real, "")
        own = os.path.dirname(before)
        names = {entry.name for entry in entries}
        inner: list[str] = []
        for entry in entries:
            name = entry.name
            if _is_regular(entry):
                if name.endswith(SUFFIXES):
                    yield _Found(before + name, own, real + name, True, names)
            elif _is_folder(entry):
                if not _leads_elsewhere(entry):
                    inner.append(name)
            elif name.endswith(SUFFIXES):
                path = before + name
                if entry.is_symlink():
                    yield _Found(path, own, real_path(path))
                else:
                    yield _Found(path, own, real + name, False, names)
        pending += [(before + name, real + name) for name in reversed(inner)]


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a folder, by name. Raises OSError."""
    with os.scandir(folder) as found:
        return sorted(found, key=attrgetter("name"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _leads_elsewhere(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is a link, or what Windows has in its place."""
    is_junction = getattr(entry, "is_junction", None)
    return entry.is_symlink() or (is_junction is not None and is_junction())


def _is_regular(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _opened(found: _Found, outside: str, *, given: bool) -> File | Problem:
    name = found.name
    try:
        if given and (piped := read_pipe(name, MANIFEST_BYTES)) is not None:
            return _decoded(name, None, piped)
        raw = read_file(name, MANIFEST_BYTES, regular=found.regular)
        return _decoded(name, name, raw, outside, found.folder)
    except OSError as error:
        if given:
            raise UsageError(f"cannot read {name}: {error.strerror}", _meant(name)) from None
        return Problem(name, None, f"cannot be read: {error.strerror}")
    except Unreadable as error:
        return Problem(name, None, reason(error))


def _meant(name: str) -> str:
    """What a user may have meant by a file that is not there."""
    if "://" in name:
        return "Download it first; -f reads files."
    several = "," in name and all(map(os.path.exists, name.split(",")))
    return "Write -f before each file." if several else ""


def _standard_input(stdin: BinaryIO) -> File | Problem:
    try:
        return _decoded(STDIN, None, read_stream(stdin, MANIFEST_BYTES))
    except (OSError, Unreadable) as error:
        return Problem(STDIN, None, f"cannot be read: {reason(error)}")


def _decoded(
    name: str, path: str | None, raw: bytes, outside: str = "", folder: str | None = None
) -> File | Problem:
    try:
        as_utf_8(raw)
    except Unreadable as error:
        return Problem(name, 1, str(error))
    if b"\n" not in raw and b"\r" in raw.strip():
        # kubectl takes such a file for one document, and reads the first of several only.
        return Problem(name, 1, "has lines that end with CR only; save it with LF")
    try:
        return File(name, path, raw.decode("utf-8"), outside, folder)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return Problem(name, line, f"is not UTF-8: byte 0x{raw[error.start]:02x}")
