"""Facts that several rules state about pods."""

from collections.abc import Iterable

from kubectl_portcheck.model.facts import Connected, Declares, Listens, Observation, State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.semantics import candidates, ports
from kubectl_portcheck.semantics.case import Case, PodState, ServiceCase


def pod_subject(case: ServiceCase, name: str) -> Subject:
    """The pod, as the subject of a fact."""
    return Subject(kind="Pod", namespace=case.namespace, name=name)


def observed(case: ServiceCase, pod: str, text: str) -> Observation:
    """An observation about a pod."""
    return Observation(subject=pod_subject(case, pod), text=text)


def pod_is(case: ServiceCase, pod: str, state: str) -> State:
    """The state of a pod."""
    return State(subject=pod_subject(case, pod), state=state)


def listens(case: Case, state: PodState, *, wanted: bool = True, owner: str = "") -> Listens:
    """Where the pod accepts clients; ``wanted``: that it does not on the port they are sent to."""
    return Listens(
        pod=state.name,
        ports=tuple(sorted(candidates.reachable(case, state))),
        wanted=state.target if wanted else None,
        owner=owner,
    )


def at(state: PodState, note: str = "") -> Listens:
    """The sockets on the very port that clients of the pod are sent to."""
    return Listens(pod=state.name, sockets=state.answer.listeners, note=note)


def declares(pod: Pod, wanted: int | str | None = None, note: str = "") -> Declares:
    """Which ports the pod's containers declare."""
    found = dict.fromkeys(p for _, p in ports.declared_ports(pod))
    return Declares(pod=pod.metadata.name, ports=tuple(found), wanted=wanted, note=note)


def connected(attempt: Attempt, *, source: str = "", note: str = "") -> Connected:
    """What became of an attempt."""
    path = attempt.asked_path
    return Connected(
        pod=attempt.pod,
        port=attempt.port,
        path=attempt.path,
        outcome=attempt.outcome,
        detail=attempt.detail,
        request=f"{'GET' if attempt.scheme == 'http' else 'GET by TLS'} {path}" if path else "",
        status=attempt.status,
        address=attempt.address,
        source=source,
        note=note,
    )


def attempts(states: Iterable[PodState]) -> list[Connected]:
    """What became of the attempts on the port of each pod."""
    return [connected(a) for s in states for a in (s.forward, s.proxy) if a]
