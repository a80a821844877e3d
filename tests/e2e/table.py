"""docs/incidents.md: what was broken and mended on a real cluster, a line for each run."""

from __future__ import annotations

import os
from pathlib import Path

from .portcheck import Diagnosis

DOCS = Path(__file__).resolve().parents[2] / "docs" / "incidents.md"
HEAD = """\
# Incidents that were broken and mended on a real cluster

Written by the end-to-end tests: each line is one run. Something is broken on purpose, the program
is asked, its first command is pasted into a shell as it stands (or what it says is done by hand,
where no command can do it), and the program is asked again.

| what was broken | verdict | cause that leads | mended by | after |
|---|---|---|---|---|
"""


def keep(title: str, found: Diagnosis, after: Diagnosis, *, by_hand: bool = False) -> None:
    """Compares a run with its line; with ``PORTCHECK_UPDATE_DOCS=1`` it writes the line."""
    lead = found.findings[0]
    mend = "by hand" if by_hand else next(f["title"] for f in lead["fixes"] if f["command"])
    row = (
        f"| {title} | {found.verdict} | {lead['code']} {lead['name']} | {mend} "
        f"| {after.verdict} |\n"
    )
    rows = DOCS.read_text().removeprefix(HEAD).splitlines(True) if DOCS.exists() else []
    if row in rows:
        return
    assert os.environ.get("PORTCHECK_UPDATE_DOCS"), f"not in {DOCS.name}: {row}"
    kept = [r for r in rows if not r.startswith(f"| {title} |")]
    DOCS.write_text(HEAD + "".join(sorted([*kept, row], key=_place)))


def _place(row: str) -> tuple[str, str]:
    """By the code of the cause, then as it is told."""
    cells = row.split("|")
    return cells[3], cells[1]
