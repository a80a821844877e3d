"""Keeps the names that were read from a cluster for a few seconds, in the user's cache folder.

Nothing secret is in it: names of objects, under a name made from where they come from. Where the
folder cannot be written, or is not the user's own, nothing is kept; what is odd in it is not used.
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence

Named = list[tuple[str, str]]
"""What may be written, with a word about each."""

SECONDS = 5.0
"""How long an answer is taken for true."""
MOST_BYTES = 1024 * 1024
"""A longer answer is not read back."""
STALE = 3600.0
"""After so many seconds a file is removed."""


def folder(chosen: str | None, environ: Mapping[str, str]) -> str | None:
    """Where answers are kept; None where there is no such place."""
    if chosen:
        return os.path.join(chosen, "portcheck-completion")
    home = environ.get("HOME") or environ.get("USERPROFILE")
    root = environ.get("XDG_CACHE_HOME") or (home and os.path.join(home, ".cache"))
    return os.path.join(root, "kubectl-portcheck", "completion") if root else None


def key(parts: Sequence[str], files: Sequence[str]) -> str:
    """A name for what the parts and the state of the files determine."""
    from hashlib import sha256

    state = []
    for path in files:
        with contextlib.suppress(OSError):
            found = os.stat(path)
            state.append(f"{path} {found.st_mtime_ns} {found.st_size}")
    return sha256("\0".join([*parts, *state]).encode("utf-8", "surrogateescape")).hexdigest()


def load(place: str | None, name: str) -> Named | None:
    """The answer that was kept; None where there is none, or it is too old."""
    if place is None:
        return None
    import json

    try:
        with _opened(place) as folder, open(_at(folder, name, os.O_RDONLY), "rb") as file:
            found = os.fstat(file.fileno())
            fresh = 0 <= time.time() - found.st_mtime < SECONDS
            if not (fresh and stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid()):
                return None
            return [(str(value), str(about)) for value, about in json.loads(file.read(MOST_BYTES))]
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def keep(place: str | None, name: str, answer: Named) -> None:
    """Keeps an answer, readable by its owner only, and removes old ones."""
    if place is None:
        return
    import json

    with contextlib.suppress(OSError):
        os.makedirs(place, mode=0o700, exist_ok=True)
        with _opened(place) as folder:
            made = f"{name}.{os.getpid()}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            with open(_at(folder, made, flags), "wb") as file:
                file.write(json.dumps(answer).encode())
            os.replace(made, name, src_dir_fd=folder, dst_dir_fd=folder)
            _remove_stale(folder)


@contextlib.contextmanager
def _opened(place: str) -> Iterator[int]:
    """The folder, and no link to one. Raises OSError where it is not the user's own.

    All files are named relative to the descriptor: whatever becomes of the path, no other folder
    is read or written. Where the system knows no such names (Windows), nothing is kept.
    """
    if os.open not in os.supports_dir_fd or os.scandir not in os.supports_fd:
        raise OSError(errno.ENOSYS, "no names relative to a folder")
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(folder)
        if found.st_uid != os.getuid():
            raise PermissionError(errno.EPERM, "another user's folder")
        if found.st_mode & 0o077:
            os.fchmod(folder, 0o700)
        yield folder
    finally:
        os.close(folder)


def _at(folder: int, name: str, flags: int) -> int:
    safe = flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(name, safe, 0o600, dir_fd=folder)


def _remove_stale(folder: int) -> None:
    """Removes old files of this cache; what has another name is not its own."""
    with os.scandir(folder) as entries:
        stale = [
            e.name
            for e in entries
            if _is_own(e.name) and time.time() - e.stat(follow_symlinks=False).st_mtime > STALE
        ]
    for name in stale:
        os.unlink(name, dir_fd=folder)


def _is_own(name: str) -> bool:
    """Whether the name is one that :func:`key` makes, or that of a file about to get it."""
    made, dot, process = name.partition(".")
    if len(made) != 64 or set(made) - set("0123456789abcdef"):
        return False
    return not dot or process.isdecimal()
