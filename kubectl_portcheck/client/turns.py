"""One large answer at a time.

Answers come side by side, to many threads. Each may take some memory without asking; what is larger
waits for its turn, and has it until its content was read.
"""

import threading

from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import TimedOut


class Turn:
    """The right to hold a large answer. It ends at the latest when nothing refers to it."""

    __slots__ = ("_lock",)

    def __init__(self, lock: threading.Lock) -> None:
        self._lock: threading.Lock | None = lock

    def end(self) -> None:
        """Gives the right to the next one."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    __del__ = end


class Turns:
    """Gives turns to the threads of one client."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def take(self, deadline: Deadline) -> Turn:
        """The next turn. Raises :class:`TimedOut`."""
        if not self._lock.acquire(timeout=deadline.check("waiting for another large answer")):
            raise TimedOut("timed out waiting for another large answer")
        return Turn(self._lock)
