"""Whether a container that does not serve may merely need more time to start.

Nothing can tell a slow start from none at all, so there is a time after which it is called a fault:
what its probes allow it, or what most programs need.
"""

import msgspec

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import kubelet, mesh, pods, rollouts
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.probes import Check

BY_ITSELF = 30.0
"""Seconds in which a container without a probe may open its port."""
LIKE_OTHERS = 300.0
"""The same where an older pod of the same revision has opened it."""
FAULTS = ("loopback-only", "other-address", "other-family", "not-accepting")
"""What a probe may meet that more time does not change."""


class Starting(msgspec.Struct, frozen=True):
    """A container that may still be starting."""

    container: str
    age: float
    """Seconds since its start."""
    check: Check | None
    """The probe that has not passed yet; None where there is none, and clients are sent to it."""
    allowed: int = 0
    """Seconds after its start until when the probe may fail."""


def before_ready(case: ServiceCase, pod: Pod) -> Starting | None:
    """The container whose probe has not passed yet, within the time that the probe allows."""
    if pods.is_ready(pod) or pods.is_terminating(pod) or pods.crash(pod, case.now):
        return None
    for check in kubelet.failing(pod):
        if check.unresolved:
            return None
        if check.number is not None:
            met = kubelet.meets(case, pod, check.number).kind
            if met in FAULTS or (met == "not-listening" and kubelet.heard(case, pod)):
                return None
        age = _age(case, pod, check.container)
        allowed = check.delay + check.patience
        if not 0 <= age <= allowed:
            return None
        return Starting(check.container, age, check, allowed)
    return None


def before_listening(case: Case, pod: Pod, port: int) -> Starting | None:
    """The container of a pod with clients that does not listen yet on the port they are sent to.

    What listens elsewhere already is taken for a mistake, unless an older pod of the same revision
    listens there.
    """
    listeners = case.listeners(pod)
    if listeners is None or pods.is_terminating(pod) or pods.crash(pod, case.now):
        return None
    sockets = mesh.without(pod, listeners)
    if any(s.port == port for s in sockets):
        return None
    container = _meant(pod, port)
    age = _age(case, pod, container)
    if (
        not 0
        <= age
        < (LIKE_OTHERS if _like_others(case, pod, port) else 0 if sockets else BY_ITSELF)
    ):
        return None
    return Starting(container, age, None)


def _meant(pod: Pod, port: int) -> str:
    """The container that is to listen: the one that declares the port, else the first."""
    own = mesh.own_containers(pod) or pod.spec.containers
    declaring = (c.name for c in own if any(p.container_port == port for p in c.ports))
    return next(declaring, own[0].name if own else "")


def _age(case: ServiceCase, pod: Pod, container: str) -> float:
    status = kubelet.status_of(pod, container)
    running = status.state.running if status else None
    return pods.age(running.started_at, case.now) if running else float("inf")


def _like_others(case: Case, pod: Pod, port: int) -> bool:
    """Whether a pod of the same revision listens there, and has for longer."""
    revision = rollouts.replica_set_of(case, pod)
    return revision is not None and any(
        rollouts.replica_set_of(case, other) == revision
        and other.metadata.creation_timestamp <= pod.metadata.creation_timestamp
        and any(s.port == port for s in case.listeners(other) or ())
        for other in case.pods
    )
