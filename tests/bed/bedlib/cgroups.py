"""The cluster's control groups, in every hierarchy of version 1 or in the one of version 2."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_TOP = "portcheck-bed"


def root(name: str) -> str:
    """Give the group of a cluster as the kubelet takes it, from the root of each hierarchy."""
    return f"/{_TOP}/{name}"


def _hierarchies() -> list[Path]:
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, after = line.partition(" - ")
        if after.split()[0] in ("cgroup", "cgroup2"):
            place = Path(fields.split()[4])
            if os.access(place, os.W_OK):
                found.append(place)
    return found


def create(name: str) -> None:
    """Make the groups of a node and of its programs; a worker's are below those of its cluster."""
    for hierarchy in _hierarchies():
        place = hierarchy
        for part in (_TOP, *name.split("/"), "programs"):
            _delegate(place)
            place = place / part
            place.mkdir(exist_ok=True)
            for setting in ("cpuset.cpus", "cpuset.mems"):
                # Version 1 starts a cpuset empty, and no process may join an empty one.
                file = place / setting
                if file.exists() and not file.read_text().strip():
                    file.write_text((place.parent / setting).read_text())


def _delegate(place: Path) -> None:
    """Hand the controllers of version 2 down to the groups below."""
    control = place / "cgroup.subtree_control"
    if control.exists():
        for controller in (place / "cgroup.controllers").read_text().split():
            with contextlib.suppress(OSError):
                control.write_text(f"+{controller}")


def enter(name: str) -> None:
    """Move the calling process into the programs' group."""
    for hierarchy in _hierarchies():
        (hierarchy / _TOP / name / "programs" / "cgroup.procs").write_text("0")


def processes(name: str) -> set[int]:
    """Give all processes in the cluster's groups."""
    found: set[int] = set()
    for hierarchy in _hierarchies():
        # A group may vanish meanwhile: os.walk passes over it, where rglob fails.
        for folder, _, _ in os.walk(hierarchy / _TOP / name):
            with contextlib.suppress(OSError):
                file = Path(folder, "cgroup.procs")
                found |= {int(line) for line in file.read_text().split()}
    return found - {0}


def remove(name: str, timeout: float = 20) -> list[Path]:
    """Remove the cluster's groups, deepest first; give those that stayed."""
    deadline = time.monotonic() + timeout
    while True:
        left = []
        for hierarchy in _hierarchies():
            place = hierarchy / _TOP / name
            for folder, _, _ in os.walk(place, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    left.append(Path(folder))
            with contextlib.suppress(OSError):
                place.parent.rmdir()  # the last cluster's end
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)
