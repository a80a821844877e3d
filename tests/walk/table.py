"""The fault matrix as a table: ``make faults`` runs every cell and writes docs/faults.md.

The tests compare each cell that they run with what stands there.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.walk import events, matrix
from tests.walk.shop import Run

FILE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"

Key = tuple[str, str]
"""Row and column."""

HEAD = """# What it reports when something fails

`make faults` runs every cell and writes this page; the tests run every cell too and compare. Each
cell is the whole program against a scripted API server over TLS, once with a Service that is
broken and once with a healthy one: `broken / healthy`.

- **right**: the correct verdict, within the deadline.
- **partly**: `degraded`, because one pod refuses and nothing is known of the other.
- **names what is missing**: inconclusive, exit code 3, and the report names the missing evidence.
- **exit 4**, **exit 2**: no report; one line says that the cluster cannot be reached, that it
  refuses the credentials, or that the Service does not exist.

No cell gives a wrong verdict, a traceback or a walk beyond its deadline.
"""


def word(done: Run, truths: Sequence[str]) -> str:
    """What a run came to, in the table's words."""
    if not done.stdout:
        return f"exit {int(done.code)}"
    if done.verdict == "inconclusive":
        return "names what is missing"
    if done.verdict == "degraded" and truths[0] == "broken":
        return "partly"
    return "right" if done.verdict in truths else f"WRONG: {done.verdict}"


def key_of(cell: matrix.Cell | events.Cell) -> Key:
    """Where a cell stands."""
    if isinstance(cell, matrix.Cell):
        return cell.fault, cell.call
    return cell.event, f"{cell.pods} of the two pods"


def position(cell: matrix.Cell | events.Cell) -> int:
    """The broken Service comes first in a cell, then the healthy one."""
    return 0 if cell.broken else 1


def render(found: dict[Key, list[str]]) -> str:
    """The document."""
    pods = tuple(f"{pods} of the two pods" for pods in ("one", "all"))
    parts = [
        HEAD,
        "## Faults of one call\n",
        _table(found, list(matrix.FAULTS), tuple(matrix.CALLS)),
    ]
    parts += ["## Pods that go away\n", _table(found, list(events.EVENTS), pods)]
    return "\n".join(parts)


def _table(found: dict[Key, list[str]], rows: Sequence[str], columns: Sequence[str]) -> str:
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for row in rows:
        cells = [_shown(found.get((row, column))) for column in columns]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shown(words: Sequence[str] | None) -> str:
    if words is None:
        return ""
    return words[0] if words[0] == words[1] else " / ".join(words)


def recorded() -> dict[Key, list[str]]:
    """What the document says of each cell."""
    found: dict[Key, list[str]] = {}
    columns: list[str] = []
    for text in FILE.read_text().splitlines():
        if not text.startswith("| "):
            continue
        row, *cells = [c.strip() for c in text.strip("|").split("|")]
        if not row:
            columns = cells
            continue
        for column, cell in zip(columns, cells, strict=True):
            if cell:
                both = cell.split(" / ")
                found[row, column] = both if len(both) == 2 else both * 2
    return found


def measure() -> dict[Key, list[str]]:
    """Runs every cell."""
    found: dict[Key, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for cell in matrix.CELLS:
            done = matrix.run(cell, Path(folder))
            found.setdefault(key_of(cell), []).append(word(done, (cell.truth,)))
        for event in events.CELLS:
            done = events.run(event, Path(folder))
            found.setdefault(key_of(event), []).append(word(done, event.truths))
    return found


if __name__ == "__main__":
    FILE.write_text(render(measure()))
