"""In what Services are alike whose pods were looked into: how all of these answered.

In every pod of such a Service the same listens, and each connection was accepted. The names of the
pods and of their containers make no difference.
"""

from collections.abc import Hashable, Mapping, Sequence

from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.evidence import ServiceEvidence, ServiceForward
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt, PodSockets


def answered(evidence: ServiceEvidence, everyone: Sequence[Pod]) -> Hashable:
    """What the pods of a Service answered; None where they did not all answer alike."""
    listening = _listening(evidence.sockets, everyone)
    accepted = _accepted(evidence.attempts, everyone)
    forwarded = tuple(map(_forwarded, evidence.service_forwards))
    if listening is None or accepted is None or None in forwarded:
        return None
    return listening, accepted, forwarded


def _listening(
    sockets: Mapping[str, Observed[PodSockets] | Missing], everyone: Sequence[Pod]
) -> Hashable:
    """What listens in each pod."""
    first = sockets.get(everyone[0].metadata.name)
    if not isinstance(first, Observed) or len(sockets) != len(everyone):
        return None
    if any(sockets.get(p.metadata.name) != first for p in everyone):
        return None
    found = first.value
    if first.lacking or not found.complete or found.notes or found.queues or found.closed:
        return None
    own = {p.status.pod_ip for p in everyone}
    if any(s.address in own for s in found.listeners):
        return None
    places = {c.name: i for i, c in enumerate(everyone[0].spec.containers)}
    return (
        found.source,
        places.get(found.container or ""),
        tuple(
            (
                *(s.protocol, s.family, s.family_certain, s.address, s.port, s.device),
                *(places.get(s.container or ""), s.program, s.program_inferred, s.uid, s.source),
            )
            for s in found.listeners
        ),
    )


def _accepted(attempts: Sequence[Attempt], everyone: Sequence[Pod]) -> Hashable:
    """The ports at which each pod accepted a connection."""
    found: dict[str, list[Hashable]] = {p.metadata.name: [] for p in everyone}
    for attempt in attempts:
        if attempt.pod not in found or not _is_plain(attempt, "pod-port-forward"):
            return None
        found[attempt.pod].append((attempt.port, attempt.detail))
    first, *others = found.values()
    return tuple(first) if all(o == first for o in others) else None


def _forwarded(forward: ServiceForward) -> Hashable:
    """The ports of a forward to the Service that was accepted."""
    attempt = forward.attempt
    if attempt is None or forward.reason or not _is_plain(attempt, "service-port-forward"):
        return None
    if (attempt.pod, attempt.port) != (forward.pod, forward.pod_port):
        return None
    return forward.port, forward.pod_port, attempt.detail


def _is_plain(attempt: Attempt, path: str) -> bool:
    """Whether a connection was accepted, and nothing was sent or said besides."""
    besides = attempt.address or attempt.request or attempt.speaks or attempt.right
    return attempt.path == path and attempt.outcome == "accepted" and not besides
