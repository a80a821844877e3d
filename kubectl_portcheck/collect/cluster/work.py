"""Threads for the work on a cluster, in two groups, so that no work can wait for itself.

A question asks the cluster one thing and waits for no other work. What follows from answers may ask
further questions and wait for them, and is handed no way to wait for anything else. So each group
comes to its end with however few threads, and in whatever order its work was begun.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Questions:
    """Asks the cluster side by side."""

    def __init__(self, threads: int) -> None:
        self._questions = ThreadPoolExecutor(max_workers=threads)

    def ask(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin what waits for no other work."""
        return self._questions.submit(do, *args, **kwargs)

    def close(self) -> None:
        """Begin nothing more. What has begun goes on until it ends by itself."""
        self._questions.shutdown(wait=False, cancel_futures=True)


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
