"""So many at a time: large answers that are held, streams that the server works on.

Work on a cluster goes on side by side, in many threads. What would be too much at once, for this
process or for the API server, waits for its turn.
"""

import threading

from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import TimedOut


class Turn:
    """The right to one of the places. It ends at the latest when nothing refers to it."""

    __slots__ = ("_places",)

    def __init__(self, places: threading.Semaphore) -> None:
        self._places: threading.Semaphore | None = places

    def end(self) -> None:
        """Gives the right to the next one."""
        places, self._places = self._places, None
        if places is not None:
            places.release()

    __del__ = end


class Turns:
    """Gives turns to the threads of one client: one at a time, where nothing else is said."""

    def __init__(self, places: int = 1, what: str = "another large answer") -> None:
        self._places = threading.Semaphore(places)
        self._what = what

    def take(self, deadline: Deadline) -> Turn:
        """The next turn. Raises :class:`TimedOut`."""
        doing = f"waiting for {self._what}"
        if not self._places.acquire(timeout=deadline.check(doing)):
            raise TimedOut(f"timed out {doing}")
        return Turn(self._places)
