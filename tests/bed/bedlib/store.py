"""The cache: finished directories only, each with the checksums of its files."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .paths import CACHE
from .shell import BedError, say

_SEAL = "complete.json"


def digest(path: Path) -> str:
    """Give the SHA-256 of a file."""
    result = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            result.update(block)
    return result.hexdigest()


def key(*parts: str | Path) -> str:
    """Name a set of inputs: texts as they are, files and folders by their content."""
    result = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            result.update(part.encode())
            continue
        for file in sorted(part.rglob("*")) if part.is_dir() else [part]:
            if file.is_file():
                result.update(f"{file.name}\n{digest(file)}\n".encode())
    return result.hexdigest()[:12]


def intact(name: str) -> bool:
    """Tell whether the cache holds a finished directory of that name."""
    return _intact(CACHE / name)


@contextlib.contextmanager
def lock(name: str, timeout: float) -> Iterator[None]:
    """Hold a lock of this machine; it falls with its process, however that ends."""
    CACHE.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    with (CACHE / f"{name}.lock").open("w") as file:
        said = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BedError(f"no lock {name} within {timeout:.0f} s") from None
                if not said:
                    say(f"waiting for another process that holds the lock {name}")
                    said = True
                time.sleep(0.2)
        yield


def keep(name: str, make: Callable[[Path], None]) -> Path:
    """Give the cached directory of that name, making it first if it is missing or damaged.

    The name holds the key of its inputs, so that a change of them makes a new one.
    """
    place = CACHE / name
    if _intact(place):
        return place
    with lock("build", timeout=3600):
        if _intact(place):
            return place
        if place.exists():
            say(f"{place}: damaged, made again")
            shutil.rmtree(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        _sweep(place.parent)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=place.parent))
        try:
            make(draft)
            _seal(draft)
            draft.rename(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return place


def _sweep(parent: Path) -> None:
    """Remove the drafts of builds that were killed: the lock says that none is at work."""
    for draft in parent.glob(".draft-*"):
        shutil.rmtree(draft, ignore_errors=True)


def _seal(place: Path) -> None:
    files = {}
    for path in sorted(place.rglob("*")):
        if path.is_file():
            stat = path.stat()
            files[str(path.relative_to(place))] = [stat.st_size, stat.st_mtime_ns, digest(path)]
    (place / _SEAL).write_text(json.dumps(files, indent=1))


def _intact(place: Path) -> bool:
    """Compare sizes and times, and the checksum of whatever was touched since."""
    try:
        files = json.loads((place / _SEAL).read_text())
        for name, (size, changed, checksum) in files.items():
            stat = os.stat(place / name)
            if stat.st_size != size:
                return False
            if stat.st_mtime_ns != changed and digest(place / name) != checksum:
                return False
    except (OSError, ValueError):
        return False
    return bool(files)
