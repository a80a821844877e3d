"""Pods that were deleted while a walk looked into them, as in every rollout.

What was asked of such a pod failed, or met an application that had closed its ports to end. The
list of the pods is then read once more, and a pod that is gone from it, or terminates now, is left
out of the evidence as a whole: its clients are elsewhere by now.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from kubectl_portcheck.collect.cluster.cluster import Read, Reads
from kubectl_portcheck.collect.cluster.parts import Look
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import ServiceEvidence, ServiceForward
from kubectl_portcheck.model.objects import EndpointSlice, Pod
from kubectl_portcheck.semantics.pods import is_terminating

LASTING = (
    *(Reason.NOT_ASKED, Reason.FORBIDDEN, Reason.NO_SHELL, Reason.NOT_RUNNING),
    Reason.NOT_CONTACTED,
)
"""Failures that no deletion explains."""


def suspects(
    alive: Sequence[Pod], looks: Mapping[str, Look], closed: Collection[str], *, forwards: bool
) -> frozenset[str]:
    """The pods that may have been deleted since they were listed.

    ``closed`` are those that could be looked into and that accept no client. Where these are all
    pods, that is no deletion but the fault itself. ``forwards``: whether port-forwards were wanted.
    """
    there = {p.metadata.name for p in alive if not is_terminating(p)}
    lost = {name for name in there if name in looks and _failed(looks[name], forwards)}
    bad = there & set(closed)
    return frozenset(lost | bad if lost or bad < there else ())


def unreached(forwards: Iterable[ServiceForward]) -> set[str]:
    """The pods to which a port-forward to the Service failed."""
    return {f.pod for f in forwards if f.pod and f.attempt and f.attempt.outcome != "accepted"}


def gone(reads: Reads, selector: dict[str, str], suspected: Iterable[str]) -> frozenset[str]:
    """Those of the pods that are gone or terminate now, by one more list; none if that fails."""
    again = reads.pods(selector)
    if isinstance(again, Missing):
        return frozenset()
    staying = {p.metadata.name for p in again.value if not is_terminating(p)}
    return frozenset(suspected) - staying


def without(found: ServiceEvidence, left: frozenset[str]) -> ServiceEvidence:
    """The evidence without these pods, and with their names; as it is where no other is left."""
    if not left or isinstance(found.pods, Missing):
        return found
    staying = tuple(p for p in found.pods.value if p.metadata.name not in left)
    if not any(not is_terminating(p) for p in staying):
        return found
    return msgspec.structs.replace(
        found,
        pods=msgspec.structs.replace(found.pods, value=staying),
        endpoint_slices=_without_endpoints(found.endpoint_slices, left),
        sockets={name: s for name, s in found.sockets.items() if name not in left},
        attempts=tuple(a for a in found.attempts if a.pod not in left),
        service_forwards=tuple(
            ServiceForward(port=f.port, reason=f"{f.pod} was deleted meanwhile")
            if f.pod in left
            else f
            for f in found.service_forwards
        ),
        left=tuple(sorted(left)),
    )


def _failed(look: Look, forwards: bool) -> bool:
    sockets, attempts = look
    if isinstance(sockets, Missing) and sockets.reason not in LASTING:
        return True
    return forwards and any(
        a.outcome in ("skipped", "unknown") and a.right is None for a in attempts
    )


def _without_endpoints(
    found: Read[tuple[EndpointSlice, ...]], left: frozenset[str]
) -> Read[tuple[EndpointSlice, ...]]:
    if not isinstance(found, Observed):
        return found
    pieces = tuple(
        msgspec.structs.replace(
            piece,
            endpoints=tuple(
                e
                for e in piece.endpoints or ()
                if e.target_ref is None
                or e.target_ref.kind != "Pod"
                or e.target_ref.name not in left
            ),
        )
        for piece in found.value
    )
    return msgspec.structs.replace(found, value=pieces)
