"""What was measured in one pod, and what it says of a port, in one word."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import msgspec

from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import AcceptQueue, Attempt, ListeningSocket, PodSockets

Kind = Literal[
    "serves",
    "not-listening",
    "loopback-only",
    "other-address",
    "other-family",
    "other-protocol",
    "refuses",
    "resets",
    "times-out",
    "not-accepting",
    "not-running",
    "unresolved",
    "unknown",
]

FAULTY: tuple[Kind, ...] = (
    "not-listening",
    "loopback-only",
    "other-address",
    "other-family",
    "other-protocol",
    "refuses",
    "resets",
    "times-out",
    "not-accepting",
    "not-running",
    "unresolved",
)


class Answer(msgspec.Struct, frozen=True):
    """What a client of the pod's address meets on a port."""

    kind: Kind
    why: str = ""
    """For an unknown answer: what was missing."""
    listeners: tuple[ListeningSocket, ...] = ()
    """The sockets on that very port."""


class Measured(msgspec.Struct, frozen=True):
    """What was measured in one pod."""

    pod: Pod
    sockets: Observed[PodSockets] | Missing
    attempts: Sequence[Attempt]
    stoppable: frozenset[tuple[str, int]] = frozenset()
    """Path and port of the attempts that failed where a policy may have stopped them."""
    passed_on: Mapping[int, str] | None = MappingProxyType({})
    """By port: where Istio's Sidecars have the proxy connect; None where that is not known."""

    def refused(self, attempt: Attempt | None) -> bool:
        """Whether the pod itself refused the connection, and no policy in its place."""
        if attempt is None or attempt.outcome != "refused":
            return False
        return (attempt.path, attempt.port) not in self.stoppable

    def queue(self, port: int) -> AcceptQueue | None:
        """The connections that wait on that port to be accepted, where there are any."""
        if isinstance(self.sockets, Missing):
            return None
        return next((q for q in self.sockets.value.queues if q.port == port), None)

    def attempt(self, port: int, path: str) -> Attempt | None:
        """The attempt on that port by that path, where one was made."""
        return next(
            (
                a
                for a in self.attempts
                if a.port == port and a.path == path and a.outcome != "skipped"
            ),
            None,
        )
