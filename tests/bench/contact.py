"""Sweeps that contact every pod, on a stand-in that answers each stream after 20 ms.

    python -m tests.bench.contact [SERVICES...]

Just before each run a client that looks at nothing opens the same streams, 50 at a time: that is
what the stand-in and the machine take in any case.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from kubectl_portcheck.client.exec import exec_path
from kubectl_portcheck.client.port_forward import port_forward_path
from kubectl_portcheck.collect.cluster.listeners import SHELL
from kubectl_portcheck.collect.cluster.walk import AT_ONCE
from tests.bench.measure import Table, spread
from tests.bench.standin import PORT
from tests.bench.sweep import PROGRAM, Row, measure, standin, stats

SIZES = (250, 1000)
PODS_EACH = 3
LATENCY = 0.020
ROUNDS = 5
FLAGS = ("-A", "--deep", "--summary", "--timeout", "10m")

ROWS = tuple(f"contacted: {n:,} × {PODS_EACH}" for n in SIZES)
HEAD = (
    *("Services × pods of each", "wall s", "CPU s", "peak MB", "streams", "under way at most"),
    *("streams × 20 ms ÷ 50", "ratio", "streams only s"),
)
NOTE = (
    f"Medians of {ROUNDS} rounds. The goal is a ratio of 1.5. Each command and each port-forward "
    "is answered after 20 ms. 'Under way' are streams that wait for that answer, as the stand-in "
    "counts them; the program's own limit is 100. 'Streams only' is a client that opens the same "
    "streams, 50 at a time, and looks at nothing. A port-forward takes 75 ms more than its answer, "
    "since an accepted connection is silence."
)


class Size(NamedTuple):
    """What was measured of one size of cluster."""

    what: str
    runs: list[Row]
    bare: list[float]
    """Seconds in which a client that looks at nothing opened the same streams."""
    most: int
    """How many streams waited for their answer at a time."""

    def cells(self) -> tuple[str, ...]:
        """Its row of the table."""
        streams = self.runs[0].streams
        walls = [r.seconds for r in self.runs]
        wall, floor = statistics.median(walls), streams * LATENCY / AT_ONCE
        return (
            self.what,
            f"{wall:.1f} {spread(walls)}",
            f"{statistics.median(r.cpu for r in self.runs):.1f}",
            f"{max(r.megabytes for r in self.runs):.0f}",
            f"{streams:,}",
            str(self.most),
            f"{floor:.2f}",
            f"**{wall / floor:.1f}**",
            f"{statistics.median(self.bare):.1f}",
        )


def run(program: Path, environ: Mapping[str, str]) -> Table:
    """The section of the documentation."""
    return Table(HEAD, tuple(s.cells() for s in sizes(SIZES, program)), NOTE)


def sizes(services: tuple[int, ...], program: Path = PROGRAM) -> Iterator[Size]:
    """All measurements."""
    with tempfile.TemporaryDirectory() as folder:
        for many in services:
            with standin(many, PODS_EACH, folder, latency=LATENCY) as port:
                runs, bare = [], []
                for _ in range(ROUNDS):
                    runs.append(measure(program, "contacted", many, PODS_EACH, port, *FLAGS))
                    most = stats(port)["most_working"]
                    bare.append(streams_only(port, many))
                yield Size(f"contacted: {many:,} × {PODS_EACH}", runs, bare, most)


def streams_only(port: int, services: int) -> float:
    """The seconds that the same streams take a client that looks at nothing."""
    paths = _paths(services)
    began = time.perf_counter()
    asyncio.run(_all(port, paths))
    return time.perf_counter() - began


def _paths(services: int) -> Iterator[str]:
    for number in range(services):
        if number % 100 == 1:
            continue  # It selects nothing.
        pods = [f"service-{number:05}-{p}" for p in range(PODS_EACH)]
        for pod in pods:
            yield exec_path("team-000", pod, "app", SHELL)
        for pod in (*pods, pods[0]):
            yield port_forward_path("team-000", pod, (PORT, 1))


async def _all(port: int, paths: Iterator[str]) -> None:
    await asyncio.gather(*(_some(port, paths) for _ in range(AT_ONCE)))


async def _some(port: int, paths: Iterator[str]) -> None:
    for path in paths:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nSec-WebSocket-Key: x\r\n\r\n".encode()
        )
        await reader.read(65536)
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    asked = tuple(map(int, sys.argv[1:])) or SIZES
    print(Table(HEAD, tuple(s.cells() for s in sizes(asked)), NOTE).markdown())
