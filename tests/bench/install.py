"""What the two ways of installing cost: size, start cold and warm, and a whole walk."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.bench import places
from tests.bench.measure import Command, Run, Table, in_turn, measure, median, spread
from tests.bench.walk import incident

ROWS = ("pip", "Krew's archive", "ratio")


def run(program: Path, environ: Mapping[str, str], *, rounds: int = 7) -> Table:
    """Measures both in turn."""
    archive = places.archive()
    bundle = places.unpacked(archive)
    folders = {program: (program.parents[1], Path(sys.base_prefix)), bundle: (bundle.parent,)}
    programs = dict(zip(ROWS, folders, strict=False))
    warm = in_turn({n: [p, "--version"] for n, p in programs.items()}, environ, 15)
    cold: dict[str, list[Run]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, one in programs.items():
            for folder in folders[one]:
                forget(folder)
            cold[name].append(measure([one, "--version"], environ))
    with incident(environ) as namespace:
        walks: dict[str, Command] = {
            n: [p, "svc/checkout", "-n", namespace] for n, p in programs.items()
        }
        walked = in_turn(walks, environ, rounds)
    sizes = {
        ROWS[0]: ("", places.size(program.parents[1])),
        ROWS[1]: (_megabytes(archive.stat().st_size), places.size(bundle.parent)),
    }
    lines: list[tuple[str, ...]] = [
        (
            name,
            sizes[name][0],
            _megabytes(sizes[name][1]),
            f"{median(warm[name]).wall:.0f} ms {spread(r.wall for r in warm[name])}",
            f"{median(cold[name]).wall:.0f} ms {spread(r.wall for r in cold[name])}",
            f"{median(walked[name]).wall:.0f} ms {spread(r.wall for r in walked[name])}",
            f"{median(walked[name]).cpu:.0f} ms",
        )
        for name in programs
    ]
    pip, krew = ([median(x[n]) for x in (warm, cold, walked)] for n in programs)
    walls = [f"**{b.wall / a.wall:.2f}**" for a, b in zip(pip, krew, strict=True)]
    part = f"{sizes[ROWS[1]][1] / sizes[ROWS[0]][1]:.2f}"
    lines.append((ROWS[2], "", part, *walls, f"**{krew[2].cpu / pip[2].cpu:.2f}**"))
    head = ("", "archive", "on disk", "`--version` warm", "cold", "walk", "its CPU")
    note = (
        f"Medians of {rounds} rounds, 15 for the warm start. Cold means that the system was asked "
        "to drop all files of the installation, and of the interpreter for pip, from its cache. "
        "pip's installation does not count the interpreter. The goals are 20 MB, 100 ms warm, and "
        "a walk no slower than pip's."
    )
    return Table(head, tuple(lines), note)


def forget(folder: Path) -> None:
    """Asks the system to drop a folder's files from its cache; what runs elsewhere stays."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            number = os.open(path, os.O_RDONLY)
            try:
                os.fdatasync(number)
                os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(number)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
