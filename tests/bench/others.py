"""Programs for the same question on the same stand-in cluster, where they are installed.

    PATH=/where/popeye/is:$PATH python -m tests.bench others

popeye (github.com/derailed/popeye) lints what is in a cluster, and k8sgpt (github.com/k8sgpt-ai/
k8sgpt) analyzes it; here only its Services.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench.measure import Skipped, Table, spread
from tests.bench.sweep import Row, measure, standin

SERVICES, PODS_EACH = 1000, 10
ROUNDS = 5
SLOW = ("k8sgpt",)
"""What takes minutes, and is run once."""
COMMANDS = {
    "kubectl portcheck": ("-A", "--no-exec", "--no-port-forward", "--summary"),
    "popeye": ("-A", "-s", "services", "-o", "json", "--logs", "none", "--force-exit-zero"),
    "k8sgpt": ("analyze", "--filter", "Service", "-o", "json"),
}
ROWS = (
    "`kubectl portcheck -A --no-exec --no-port-forward`",
    "`popeye -A -s services`",
    "`k8sgpt analyze --filter Service`",
)
HEAD = ("", "wall s", "CPU s", "peak MB", "requests", "MB packed")
NOTE = (
    f"{SERVICES:,} Services × {PODS_EACH} pods, medians of {ROUNDS} rounds in turn; k8sgpt once. "
    "None of them contacts a pod. popeye looks whether a Service has endpoints and its selector a "
    "pod, whether its ports fit the declared ones, and how they are named; it runs on all cores. "
    "k8sgpt looks for endpoints that are missing or not ready, and at the events of each Service "
    "by a request of its own, of which client-go sends five a second where nothing else is set."
)


def run(program: Path, environ: Mapping[str, str]) -> Table:
    """The section of the documentation."""
    programs = {"kubectl portcheck": program}
    for name in [*COMMANDS][1:]:
        other = shutil.which(name, path=environ["PATH"])
        if other is None:
            raise Skipped(f"{name} is not on the PATH")
        programs[name] = Path(other)
    found: dict[str, list[Row]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder, standin(SERVICES, PODS_EACH, folder) as port:
        for number in range(ROUNDS + 1):
            for name, flags in COMMANDS.items():
                if name in SLOW and number != ROUNDS:
                    continue
                row = measure(programs[name], name, SERVICES, PODS_EACH, port, *flags)
                if number:  # The first round fills caches.
                    found[name].append(row)
    return Table(HEAD, tuple(map(_cells, ROWS, found.values())), NOTE)


def _cells(what: str, rows: list[Row]) -> tuple[str, ...]:
    walls = [r.seconds for r in rows]
    return (
        what,
        f"{statistics.median(walls):.1f} {spread(walls)}",
        f"{statistics.median(r.cpu for r in rows):.1f}",
        f"{max(r.megabytes for r in rows):.0f}",
        f"{rows[-1].requests:,}",
        f"{rows[-1].sent:.1f}",
    )
