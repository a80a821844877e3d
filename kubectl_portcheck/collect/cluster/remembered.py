"""What needs no second look while a cluster is watched.

A pod that accepts on every port that was tried, and of which the API server tells nothing
new, is taken as it was seen last. One in which anything fails is looked into each time: a process
may begin to listen without the API server noticing.
"""

from collections.abc import Collection, Iterable
from threading import Lock

import msgspec

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import Evidence, ServiceEvidence
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt, PodSockets

Look = tuple[Observed[PodSockets] | Missing, tuple[Attempt, ...]]
"""The sockets of a pod, and the ports that were tried."""


class _Kept(msgspec.Struct, frozen=True):
    pod: Pod
    targets: frozenset[int]
    look: Look
    turn: int


class Memory:
    """The looks of earlier rounds; safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._lock = Lock()
        self._turn = 0
        self._recalled: set[tuple[str, str]] = set()

    def begin(self) -> None:
        """Another round: its own looks are fresh, all others are not."""
        self._turn += 1
        self._recalled.clear()

    @property
    def recalled(self) -> frozenset[tuple[str, str]]:
        """The pods, by namespace and name, of which this round has the look of an earlier one."""
        with self._lock:
            return frozenset(self._recalled)

    def recall(self, pod: Pod, targets: Iterable[int]) -> Look | None:
        """The last look into the pod, where nothing can have changed since."""
        with self._lock:
            kept = self._kept.get(_key(pod))
            if kept is None or kept.pod != pod or kept.targets != frozenset(targets):
                return None
            if kept.turn != self._turn:
                self._recalled.add(_key(pod))
            return kept.look

    def keep(self, pod: Pod, targets: Iterable[int], look: Look) -> None:
        """Remembers a look that found everything healthy."""
        sockets, attempts = look
        seen = isinstance(sockets, Observed) or sockets.reason in (
            Reason.NOT_ASKED,
            Reason.NO_SHELL,
        )
        healthy = seen and all(a.outcome == "accepted" and (a.status or 0) < 500 for a in attempts)
        healthy = healthy and not (isinstance(sockets, Observed) and sockets.value.queues)
        healthy = healthy and set(targets) <= {a.port for a in attempts}
        with self._lock:
            if healthy:
                self._kept[_key(pod)] = _Kept(pod, frozenset(targets), look, self._turn)
            else:
                self._kept.pop(_key(pod), None)

    def forget(self) -> None:
        """Everything is looked into again."""
        with self._lock:
            self._kept.clear()


def _key(pod: Pod) -> tuple[str, str]:
    return pod.metadata.namespace, pod.metadata.name


def without(evidence: Evidence, recalled: Collection[tuple[str, str]]) -> Evidence:
    """The evidence as if these pods had not been looked into."""
    services = (_without(e, recalled) for e in evidence.services)
    return msgspec.structs.replace(evidence, services=tuple(services))


def _without(evidence: ServiceEvidence, recalled: Collection[tuple[str, str]]) -> ServiceEvidence:
    pods = evidence.pods.value if isinstance(evidence.pods, Observed) else ()
    names = {p.metadata.name for p in pods if _key(p) in recalled}
    late = {
        name: Missing(
            reason=Reason.TIMED_OUT,
            detail=f"{name} was not looked into again before the time was up (--timeout)",
        )
        for name in names
    }
    return msgspec.structs.replace(
        evidence,
        sockets={**evidence.sockets, **late},
        attempts=tuple(a for a in evidence.attempts if a.pod not in names),
    )
