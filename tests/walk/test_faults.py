"""Whatever fails, the walk ends in time with a verdict that is right, or says what it lacks."""

from pathlib import Path

import pytest

from tests.walk import table
from tests.walk.matrix import CELLS, TIMEOUT, Cell, run

RECORDED = table.recorded()

EXIT_CODES = {"healthy": 0, "broken": 1, "degraded": 1, "inconclusive": 3}


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the first walk of a process imports is no part of any cell's time."""
    run(CELLS[0], tmp_path_factory.mktemp("first"))


@pytest.mark.parametrize("cell", CELLS, ids=lambda c: f"{c.call}-{c.fault}-{c.truth}")
def test_a_fault(cell: Cell, tmp_path: Path) -> None:
    timeout = TIMEOUT
    done = run(cell, tmp_path)
    recorded = RECORDED[table.key_of(cell)][table.position(cell)]
    if table.word(done, (cell.truth,)) != recorded:
        # On a busy machine two seconds may not be enough to be right in.
        timeout = 10 * TIMEOUT
        done = run(cell, tmp_path, timeout)

    assert done.seconds < timeout + 1
    assert table.word(done, (cell.truth,)) == recorded, "is docs/faults.md current? make faults"
    assert "defect" not in done.stderr
    assert "Traceback" not in done.stderr
    if not done.stdout:
        # Without the Service there is nothing to report on.
        assert cell.call == "get service" or cell.fault == "401"
        assert done.code in (2, 4)
        assert 0 < len(done.stderr.splitlines()) <= 3
        return
    assert done.code == EXIT_CODES[done.verdict]
    assert done.verdict in (cell.truth, "inconclusive")
    service = done.report["services"][0]
    if done.verdict == "inconclusive":
        assert service["missing"]
        assert service["headline"].startswith("could not tell: ")
        assert len(service["headline"]) > 25
