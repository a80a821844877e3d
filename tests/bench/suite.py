"""The sections of the benchmark suite, each with the rows of its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.bench import contact, install, manifests, network, others, startup, sweep, walk
from tests.bench.measure import ROOT, Table

DOCS = ROOT / "docs" / "performance.md"


class Section(NamedTuple):
    """One table: the first cells of its rows, and what measures it."""

    rows: tuple[str, ...]
    run: Callable[[Path, Mapping[str, str]], Table]


SECTIONS = {
    "walk": Section(walk.ROWS, walk.run),
    "startup": Section(startup.ROWS, startup.run),
    "requests": Section(network.COST_ROWS, network.run_cost),
    "distance": Section(network.FAR_ROWS, network.run_far),
    "sweep": Section(sweep.ROWS, sweep.run),
    "contact": Section(contact.ROWS, contact.run),
    "others": Section(others.ROWS, others.run),
    "install": Section(install.ROWS, install.run),
    "manifests": Section(manifests.ROWS, manifests.run),
}


def block(name: str) -> tuple[str, str]:
    """The marks around a section's table in the documentation."""
    return f"<!-- make bench: {name} -->", f"<!-- end of {name} -->"
