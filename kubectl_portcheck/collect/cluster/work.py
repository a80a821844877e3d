"""Threads for the work on a cluster, in three groups, so that no work can wait for itself.

A question asks the cluster one thing and waits for no other work; so does a contact with a pod.
What follows from answers may ask further questions and wait for them, and is handed no way to wait
for anything else. So each group comes to its end with however few threads, and in whatever order
its work was begun.
"""

from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from kubectl_portcheck.client import Deadline, TimedOut

P = ParamSpec("P")
T = TypeVar("T")

GRACE = 5.0
"""So many seconds after the deadline what has not ended is left behind. Every wait of a question
ends at the deadline; what goes on all the same hangs where no one can end it, as at a lock of
Python's own that a signal in the wrong moment left closed."""


def result_of(future: "Future[T]", deadline: Deadline) -> T:
    """What was begun has found. Raises TimedOut where it does not end, and what it raised."""
    ended, _ = futures.wait([future], deadline.remaining() + GRACE)
    if not ended:
        raise TimedOut("timed out: what was asked did not end")
    return future.result()


class Questions:
    """Asks the cluster side by side."""

    def __init__(self, threads: int) -> None:
        self._questions = ThreadPoolExecutor(max_workers=threads)
        # Half of these mostly wait for what a pod does not say: see port_forward.LEAST_GRACE.
        self._contacts = ThreadPoolExecutor(max_workers=2 * threads)

    def ask(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin what waits for no other work."""
        return self._questions.submit(do, *args, **kwargs)

    def contact(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin to ask a pod, which waits for no other work either."""
        return self._contacts.submit(do, *args, **kwargs)

    def close(self) -> None:
        """Begin nothing more. What has begun goes on until it ends by itself."""
        for group in (self._questions, self._contacts):
            group.shutdown(wait=False, cancel_futures=True)


class Work(Questions):
    """Asks, and follows up what was answered."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self._followers = ThreadPoolExecutor(max_workers=threads)

    def follow(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin what may wait for answers: it takes :class:`Questions`, never :class:`Work`."""
        return self._followers.submit(do, *args, **kwargs)

    def close(self) -> None:
        """Begin nothing more."""
        super().close()
        self._followers.shutdown(wait=False, cancel_futures=True)
