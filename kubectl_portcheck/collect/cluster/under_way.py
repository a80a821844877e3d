"""Walks to several Services side by side: which are under way, and since when."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic

from kubectl_portcheck.client import Deadline
from kubectl_portcheck.collect.cluster.progress import Progress
from kubectl_portcheck.collect.cluster.walk import Walk
from kubectl_portcheck.collect.cluster.work import GRACE


class UnderWay:
    """Walks by their places, up to a deadline. ``title`` names the Service of a place."""

    def __init__(self, progress: Progress, deadline: Deadline, title: Callable[[int], str]) -> None:
        self._progress, self._title = progress, title
        self._until = deadline.at + GRACE
        self._left: dict[int, None] = {}
        self._began: dict[int, float] = {}
        self._walks: dict[int, Walk] = {}

    def run(self, go: Callable[[int], None], places: Iterable[int], at_once: int) -> bool:
        """Go to each place, so many at a time, and say whether Ctrl-C left them all in peace.

        What raises in one of them is raised. After Ctrl-C threads may still wait for the cluster;
        closing its connections ends them. Where the time is up, places may be left that are not at
        their end.
        """
        self._left = dict.fromkeys(places)
        threads = ThreadPoolExecutor(max_workers=at_once)
        try:
            self._wait([threads.submit(self._go, go, place) for place in list(self._left)])
        except KeyboardInterrupt:
            return False
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
        return True

    def left(self) -> list[int]:
        """The places that are not at their end."""
        return list(self._left)

    def begin(self, place: int, walk: Walk) -> None:
        """Keep a walk, to be asked for what it has found, until its place is done."""
        self._walks[place] = walk

    def walks(self) -> list[tuple[int, Walk]]:
        """The walks that are not at their end and have found their Service."""
        return [(place, w) for place, w in list(self._walks.items()) if w.found is not None]

    def _go(self, go: Callable[[int], None], place: int) -> None:
        self._began[place] = monotonic()
        try:
            go(place)
            self._walks.pop(place, None)
            self._left.pop(place, None)
        finally:
            self._began.pop(place, None)

    def _wait(self, begun: "list[Future[None]]") -> None:
        ended: SimpleQueue[Future[None]] = SimpleQueue()
        for future in begun:
            future.add_done_callback(ended.put)
        left = len(begun)
        while left and monotonic() < self._until:
            with suppress(Empty):
                ended.get(timeout=0.2).result()
                left -= 1
            slow = min(((at, place) for place, at in list(self._began.items())), default=None)
            detail = ""
            if slow is not None and (seconds := int(monotonic() - slow[0])) >= 1:
                detail = f"{self._title(slow[1])} {seconds}s"
            self._progress.counted("walks", len(begun) - left, len(begun), detail)
