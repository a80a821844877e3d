"""Bounds of time that hold on a busy machine, and are still tight on a quiet one."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from kubectl_portcheck.client import TimedOut

T = TypeVar("T")

BEAT = 0.005
"""Seconds of each of the naps by which is measured how late the machine wakes a sleeper."""


class Spent:
    """What a stopwatch measured."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.ended: float | None = None
        self.late = 0.0
        """Seconds for which the machine did other things while a process here wanted to go on."""
        self.processor_began = time.thread_time()
        self.processor: float | None = None
        """Seconds of the processor that the block's own thread took, once it has ended: for upper
        bounds of what only computes. There ``seconds`` is too low, because the napper waits too."""

    @property
    def wall(self) -> float:
        """The seconds on the clock: for lower bounds."""
        return (self.ended or time.monotonic()) - self.began

    @property
    def seconds(self) -> float:
        """The seconds on the clock without those that a busy machine took: for upper bounds."""
        return self.wall - self.late


@contextmanager
def stopwatch() -> Iterator[Spent]:
    """Measure how long the block takes.

    A thread naps beside it. On a machine with ten busy processes on each core, a nap of 5 ms takes
    50, and whatever the block does takes ten times as long as well.
    """
    spent, ended = Spent(), threading.Event()

    def nap() -> None:
        began = time.monotonic()
        while not ended.wait(BEAT):
            now = time.monotonic()
            spent.late += now - began - BEAT
            began = now

    napping = threading.Thread(target=nap, name="stopwatch of a fake", daemon=True)
    napping.start()
    try:
        yield spent
    finally:
        spent.ended = time.monotonic()
        spent.processor = time.thread_time() - spent.processor_began
        ended.set()
        napping.join()


def patiently(
    ask: Callable[[float], T],
    reached: Callable[[T], bool] = lambda _: True,
    seconds: float = 0.5,
) -> T:
    """Return what comes of something that waits for its limit, after what it must reach before.

    On a busy machine the time may be over before the handshake is, or before a program has started;
    then it is tried again with more of it.
    """
    for limit in (seconds, seconds + 10):
        with suppress(TimedOut):
            found = ask(limit)
            if reached(found):
                return found
    return ask(seconds + 90)
