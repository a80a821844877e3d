"""The moment at which waiting ends."""

import time

from kubectl_portcheck.client.errors import TimedOut
from kubectl_portcheck.inputs.limits import WAIT_SECONDS


class Deadline:
    """A point on the monotonic clock that bounds every wait of a piece of work.

    It is handed down through connect, TLS, handshake and each read, so that a peer that sends one
    byte a second cannot outlast it: what shrinks is the time left, not a time-out per read.
    """

    __slots__ = ("at",)

    def __init__(self, at: float) -> None:
        self.at = at

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline that lies so many seconds ahead."""
        return cls(time.monotonic() + min(seconds, WAIT_SECONDS))

    def earlier(self, seconds: float | None) -> "Deadline":
        """This deadline, or the one so many seconds ahead if that comes first.

        None asks for no earlier one.
        """
        if seconds is None:
            return self
        return Deadline(min(self.at, time.monotonic() + seconds))

    def remaining(self) -> float:
        """The seconds that are left, never less than 0."""
        return max(0.0, self.at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether nothing is left."""
        return time.monotonic() >= self.at

    def check(self, doing: str) -> float:
        """The seconds that are left.

        Raises :class:`TimedOut`, naming what was being done, where none are.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimedOut(f"timed out {doing}")
        return left
