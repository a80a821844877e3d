"""docs/incidents.md: what was caused and fixed on a real cluster, a line for each run."""

from __future__ import annotations

import os
from pathlib import Path

from .portcheck import Diagnosis

DOCS = Path(__file__).resolve().parents[2] / "docs" / "incidents.md"
HEAD = """\
# Incidents that were caused and fixed on a real cluster

The end-to-end tests write this page; each line is one run. The test breaks something, runs the
program, pastes a command of the report into a shell, mostly the first one (or does by hand what no
command can do), and runs the program again.

| what was broken | verdict | leading cause | fixed by | after |
|---|---|---|---|---|
"""


def keep(
    title: str,
    found: Diagnosis,
    after: Diagnosis,
    *,
    by_hand: bool = False,
    pasted: int = 0,
    code: str = "",
) -> None:
    """Compares a run with its line; with ``PORTCHECK_UPDATE_DOCS=1`` it writes the line.

    ``pasted`` is the place of the command among those of the leading cause. ``code`` is that of a
    finding that the line is about, where another one leads.
    """
    lead = found.findings[0]
    titles = [f["title"] for f in lead["fixes"] if f["command"]]
    fix = "by hand" if by_hand else titles[pasted]
    shown = [lead, *(f for f in found.findings[1:] if f["code"] == code)]
    causes = ", then ".join(dict.fromkeys(f"{f['code']} {f['name']}" for f in shown))
    row = f"| {title} | {found.verdict} | {causes} | {fix} | {after.verdict} |\n"
    rows = DOCS.read_text().removeprefix(HEAD).splitlines(True) if DOCS.exists() else []
    if row in rows:
        return
    assert os.environ.get("PORTCHECK_UPDATE_DOCS"), f"not in {DOCS.name}: {row}"
    kept = [r for r in rows if not r.startswith(f"| {title} |")]
    DOCS.write_text(HEAD + "".join(sorted([*kept, row], key=_place)))


def _place(row: str) -> tuple[str, str]:
    """By the code of the cause, then in the order of the report."""
    cells = row.split("|")
    return cells[3], cells[1]
