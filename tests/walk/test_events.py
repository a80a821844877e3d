"""Pods that vanish between two steps: the verdict is right, or says what it lacks."""

from pathlib import Path

import pytest

from tests.walk import table
from tests.walk.events import CELLS, Cell, run
from tests.walk.test_faults import EXIT_CODES


@pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c.event}-{c.pods}-{c.truths[-1]}")
def test_an_event(cell: Cell, tmp_path: Path) -> None:
    recorded = table.recorded()[table.key_of(cell)][table.position(cell)]
    done = run(cell, tmp_path)
    if table.word(done, cell.truths) != recorded:
        # On a busy machine four seconds may not be enough to be right in.
        done = run(cell, tmp_path, 40)
    assert "defect" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.code == EXIT_CODES[done.verdict]
    assert done.verdict in (*cell.truths, "inconclusive")
    assert table.word(done, cell.truths) == recorded, "is docs/faults.md current? make faults"
    service = done.report["services"][0]
    if done.verdict == "inconclusive":
        assert service["headline"].startswith("could not tell: ")
        assert len(service["headline"]) > 25
