"""The parts of the evidence: put in order, and those that are missing."""

from collections.abc import Iterator
from typing import Any

import msgspec

from kubectl_portcheck.model.base import Missing, Observed, Reason, Right
from kubectl_portcheck.model.evidence import ContainerLog, ServiceEvidence
from kubectl_portcheck.rules.base import Need
from kubectl_portcheck.semantics.pods import has_running_main

LISTS = (
    *(Need.PODS, Need.SLICES, Need.REPLICA_SETS, Need.DEPLOYMENTS, Need.STATEFUL_SETS),
    Need.NAMESPACE_PODS,
    *(Need.WORKLOADS, Need.REVISIONS, Need.INGRESSES, Need.INGRESS_CLASSES),
    *(Need.ROUTES, Need.GRANTS, Need.POLICIES, Need.REFERRERS, Need.MONITORS),
    *(Need.EVENTS, Need.NODES),
)
"""The parts of the evidence that are lists of objects."""


def in_order(evidence: ServiceEvidence) -> ServiceEvidence:
    """The same evidence, sorted: reports must not depend on the order of the API's answers."""

    sorted_parts: dict[str, Any] = {}
    for name in LISTS:
        part = getattr(evidence, name)
        if isinstance(part, Observed) and len(part.value) > 1:
            by_name = tuple(sorted(part.value, key=_place))
            sorted_parts[name] = msgspec.structs.replace(part, value=by_name)
    return msgspec.structs.replace(
        evidence,
        **sorted_parts,
        sockets=dict(sorted(evidence.sockets.items())),
        attempts=tuple(sorted(evidence.attempts, key=lambda a: (a.pod, a.path, a.port))),
    )


def _place(item: Any) -> tuple[str, str, str]:
    """What tells two objects of one list apart."""
    return (getattr(item, "kind", ""), item.metadata.namespace, item.metadata.name)


def missing_of(evidence: ServiceEvidence) -> tuple[str, ...]:
    """What could not be had, each once, as it is said to the user.

    That nothing can be asked of a container that does not run is a finding, and no lack.
    """
    silent = (Reason.NOT_ASKED, Reason.NOT_RECORDED, Reason.NOT_SERVED, Reason.NOT_RUNNING)
    reasons = [m.detail or m.reason for m in _absent(evidence) if m.reason not in silent]
    reasons += [a.detail for a in evidence.attempts if a.outcome == "skipped" and a.detail]
    # What kubectl does for no Service of the kind is no lack.
    known = evidence.pods.value if isinstance(evidence.pods, Observed) else ()
    runs = not known or any(has_running_main(p) for p in known)
    forwards = evidence.service_forwards if evidence.service.spec.selector and runs else ()
    reasons += [f.reason for f in forwards if f.attempt is None and f.reason]
    return tuple(dict.fromkeys(reasons))


def logs_of(evidence: ServiceEvidence) -> tuple[ContainerLog, ...]:
    """The last lines of the containers that fail."""
    return () if isinstance(evidence.logs, Missing) else evidence.logs.value


def _absent(evidence: ServiceEvidence) -> Iterator[Missing]:
    """All that could not be read."""
    lists = (getattr(evidence, name) for name in LISTS)
    asked_for = (evidence.calls, evidence.in_cluster, evidence.logs)
    for part in (*lists, *evidence.sockets.values(), *asked_for):
        yield from (part,) if isinstance(part, Missing) else part.lacking


def rights_of(evidence: ServiceEvidence) -> tuple[Right, ...]:
    """The permissions that were missing, each once."""
    found = [m.right for m in _absent(evidence)]
    forwards = (f.attempt for f in evidence.service_forwards if f.attempt is not None)
    found += [a.right for a in (*evidence.attempts, *forwards)]
    return tuple(dict.fromkeys(r for r in found if r is not None))
