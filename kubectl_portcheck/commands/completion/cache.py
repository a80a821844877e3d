"""Keeps the names that were read from a cluster for a few seconds, in the user's cache folder.

Nothing secret is in it: names of objects, under a name made from where they come from. Where the
folder cannot be written, nothing is kept; what is odd in it is not used.
"""

import contextlib
import os
import time
from collections.abc import Mapping, Sequence

Named = list[tuple[str, str]]
"""What may be written, with a word about each."""

SECONDS = 5.0
"""How long an answer is taken for true."""
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
        with open(os.path.join(place, name), encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
            if not mine or not 0 <= time.time() - found.st_mtime < SECONDS:
                return None
            return [(str(value), str(about)) for value, about in json.load(file)]
    except (OSError, ValueError, TypeError):
        return None


def keep(place: str | None, name: str, answer: Named) -> None:
    """Keeps an answer, readable by its owner alone, and removes old ones."""
    if place is None:
        return
    import json

    with contextlib.suppress(OSError):
        os.makedirs(place, mode=0o700, exist_ok=True)
        made = os.path.join(place, f"{name}.{os.getpid()}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(answer, file)
        os.replace(made, os.path.join(place, name))
        for entry in os.scandir(place):
            if time.time() - entry.stat(follow_symlinks=False).st_mtime > STALE:
                os.unlink(entry.path)
