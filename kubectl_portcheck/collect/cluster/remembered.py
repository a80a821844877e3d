"""What needs no second look while a cluster is watched.

A pod that accepts on every port that was knocked on, and of which the API server tells nothing
new, is taken as it was seen last. One in which anything fails is looked into each time: a process
may begin to listen without the API server noticing.
"""

from collections.abc import Iterable
from threading import Lock
from typing import NamedTuple

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt, PodSockets

Look = tuple[Observed[PodSockets] | Missing, tuple[Attempt, ...]]
"""The sockets of a pod, and the ports that were knocked on."""


class _Kept(NamedTuple):
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
        self.recalled = False
        """Whether a look of an earlier round stood for one of this round."""

    def begin(self) -> None:
        """Another round: its own looks are fresh, all others are not."""
        self._turn += 1
        self.recalled = False

    def recall(self, pod: Pod, targets: Iterable[int]) -> Look | None:
        """The last look into the pod, where nothing can have changed since."""
        with self._lock:
            kept = self._kept.get(_key(pod))
            if kept is None or kept.pod != pod or kept.targets != frozenset(targets):
                return None
            self.recalled = self.recalled or kept.turn != self._turn
            return kept.look

    def keep(self, pod: Pod, targets: Iterable[int], look: Look) -> None:
        """Remembers a look, if all was well."""
        sockets, attempts = look
        seen = isinstance(sockets, Observed) or sockets.reason in (
            Reason.NOT_ASKED,
            Reason.NO_SHELL,
        )
        well = seen and all(a.outcome == "accepted" and (a.status or 0) < 500 for a in attempts)
        well = well and not (isinstance(sockets, Observed) and sockets.value.queues)
        well = well and set(targets) <= {a.port for a in attempts}
        with self._lock:
            if well:
                self._kept[_key(pod)] = _Kept(pod, frozenset(targets), look, self._turn)
            else:
                self._kept.pop(_key(pod), None)

    def forget(self) -> None:
        """Everything is looked into anew."""
        with self._lock:
            self._kept.clear()


def _key(pod: Pod) -> tuple[str, str]:
    return pod.metadata.namespace, pod.metadata.name
