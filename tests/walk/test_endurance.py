"""Many walks in one process: threads, descriptors and memory stay flat.

PORTCHECK_WALKS sets how many; 120 by default, since a thousand take minutes.
"""

import gc
import itertools
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.fake.api_server import FakeApiServer
from tests.walk.shop import shop, walk

WALKS = int(os.environ.get("PORTCHECK_WALKS", "120"))
WARM = 50
"""Walks before the first measurement: imports, caches and arenas fill in these."""
ROUNDS = 3
"""A leak grows in each of them. The allocator takes a MB or two from the system now and then."""
KILOBYTES_A_WALK = 16
"""More than this is a leak: one walk's evidence and report take several times as much."""


def ours() -> int:
    return sum("fake" not in t.name for t in threading.enumerate())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident() -> int:
    """The process's memory, in kB."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc here")
def test_many_walks_leave_nothing_behind(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100, pods=2)

        def some(count: int) -> None:
            for _ in range(count):
                assert walk(server, tmp_path).verdict == "broken"
                server.requests.clear()

        some(WARM)
        time.sleep(0.2)
        before, grown = (ours(), descriptors()), [resident()]
        for _ in range(ROUNDS):
            some(WALKS // ROUNDS)
            grown.append(resident())
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and (ours() > before[0] or descriptors() > before[1] + 4):
            time.sleep(0.05)
        after = ours(), descriptors()
    print(f"{WALKS} walks: threads, descriptors {before} -> {after}; kB {grown}")
    assert after[0] <= before[0]
    assert after[1] <= before[1] + 4  # The fake server's own, which end a moment later.
    least = min(last - first for first, last in itertools.pairwise(grown))
    assert least < KILOBYTES_A_WALK * (WALKS // ROUNDS)
