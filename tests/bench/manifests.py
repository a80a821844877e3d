"""Manifests of other projects: reading and judging them beside only loading them."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench.measure import Command, Run, Table, in_turn, output_of, spread
from tests.bench.places import python_of

FOLDER = "PORTCHECK_PUBLISHED"
"""The variable with the folder of checkouts, as ``tests.published`` takes it."""
SMALL = 100 * 1024
"""Bytes of a file that people write; the larger ones are generated definitions of kinds."""
SUFFIXES = (".yaml", ".yml", ".json")
ALL, WRITTEN = "all files", "files up to 100 KiB"
ROWS = (ALL, WRITTEN)
LOADER = f"""
import os, sys, yaml
documents = 0
for place, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith({SUFFIXES}):
            with open(os.path.join(place, name), encoding="utf-8") as file:
                text = file.read()
            try:
                for _ in yaml.load_all(text, Loader=yaml.CSafeLoader):
                    documents += 1
            except (yaml.YAMLError, ValueError):
                pass
print(documents)
"""


def run(program: Path, environ: Mapping[str, str], *, rounds: int = 5) -> Table:
    """Measures ``-f`` and the loader in turn, on all files and on those that people write."""
    given = os.environ.get(FOLDER)
    if not given:
        sys.exit(f"{FOLDER} is not set: the folder with checkouts, as tests.published takes it")
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "written"
        shutil.copytree(given, written, ignore=_larger)
        lines = tuple(
            _line(name, place, program, environ, rounds)
            for name, place in ((ALL, Path(given)), (WRITTEN, written))
        )
    head = ("", "files", "documents", "MB", "`-f`", "only loading", "÷ loading")
    note = (
        f"Processor time, medians of {rounds} pairs of processes, with their start; `-f` judges "
        "all Services and prints the table. Only loading is `yaml.load_all` of each file with "
        "PyYAML's loader in C, which knows no places. The goal is 0.6."
    )
    return Table(head, lines, note)


def _line(
    name: str, place: Path, program: Path, environ: Mapping[str, str], rounds: int
) -> tuple[str, ...]:
    loading: Command = [python_of(program), "-c", LOADER, place]
    found = in_turn({"ours": [program, "-f", place], "loading": loading}, environ, rounds)
    ratios = [a.cpu / b.cpu for a, b in zip(found["ours"], found["loading"], strict=True)]
    files = [p for p in place.rglob("*") if p.name.endswith(SUFFIXES) and p.is_file()]
    return (
        name,
        f"{len(files):,}",
        f"{int(output_of(*loading)):,}",
        f"{sum(p.stat().st_size for p in files) / 1e6:.1f}",
        _seconds(found["ours"]),
        _seconds(found["loading"]),
        f"{statistics.median(ratios):.2f} {spread(ratios)}",
    )


def _seconds(runs: list[Run]) -> str:
    return f"{statistics.median(r.cpu for r in runs) / 1000:.2f} s"


def _larger(place: str, names: list[str]) -> set[str]:
    """The files that are not copied: large ones, and no manifests."""
    paths = (Path(place) / name for name in names)
    return {
        p.name
        for p in paths
        if p.is_file() and not (p.name.endswith(SUFFIXES) and p.stat().st_size <= SMALL)
    }
