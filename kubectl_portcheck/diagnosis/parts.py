"""The parts of the evidence: put in order, and those that are missing."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from kubectl_portcheck.model.base import Missing, Observed, Reason, Right
from kubectl_portcheck.model.evidence import ContainerLog, ServiceEvidence
from kubectl_portcheck.model.report import NotEvaluated
from kubectl_portcheck.rules.base import Need
from kubectl_portcheck.rules.outcomes import Outcome
from kubectl_portcheck.rules.suppressions import Suppressions
from kubectl_portcheck.semantics.pods import has_running_main

LISTS = (
    *(Need.PODS, Need.SLICES, Need.REPLICA_SETS, Need.DEPLOYMENTS, Need.STATEFUL_SETS),
    Need.NAMESPACE_PODS,
    *(Need.WORKLOADS, Need.REVISIONS, Need.INGRESSES, Need.INGRESS_CLASSES),
    *(Need.ROUTES, Need.GRANTS, Need.POLICIES, Need.REFERRERS, Need.MONITORS),
    *(Need.GATEWAY_PODS, Need.GATEWAY_SERVICES),
    *(Need.EVENTS, Need.NODES),
)
"""The parts of the evidence that are lists of objects."""
_lists: Callable[[ServiceEvidence], tuple[Any, ...]] = attrgetter(*LISTS)


def in_order(evidence: ServiceEvidence) -> ServiceEvidence:
    """The same evidence, sorted: reports must not depend on the order of the API's answers."""

    sorted_parts: dict[str, Any] = {}
    for name, part in zip(LISTS, _lists(evidence), strict=True):
        if type(part) is Observed and len(part.value) > 1:
            by_name = tuple(sorted(part.value, key=_place))
            sorted_parts[name] = msgspec.structs.replace(part, value=by_name)
    if not sorted_parts and len(evidence.sockets) < 2 and len(evidence.attempts) < 2:
        return evidence
    return msgspec.structs.replace(
        evidence,
        **sorted_parts,
        sockets=dict(sorted(evidence.sockets.items())),
        attempts=tuple(sorted(evidence.attempts, key=lambda a: (a.pod, a.path, a.port))),
    )


def _place(item: Any) -> tuple[str, str, str]:
    """What tells two objects of one list apart."""
    return (getattr(item, "kind", ""), item.metadata.namespace, item.metadata.name)


def lacks_of(evidence: ServiceEvidence) -> tuple[tuple[str, ...], tuple[Right, ...]]:
    """What could not be had, and the permissions that were missing."""
    absent = _absent(evidence)
    return _missing_of(evidence, absent), _rights_of(evidence, absent)


def _missing_of(evidence: ServiceEvidence, absent: Sequence[Missing]) -> tuple[str, ...]:
    """What could not be had, each once, as it is said to the user.

    That nothing can be asked of a container that does not run is a finding, and no lack.
    """
    silent = (Reason.NOT_ASKED, Reason.NOT_RECORDED, Reason.NOT_SERVED, Reason.NOT_RUNNING)
    reasons = [m.detail or m.reason for m in absent if m.reason not in silent]
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


def _absent(evidence: ServiceEvidence) -> list[Missing]:
    """All that could not be read."""
    found: list[Missing] = []
    asked_for = (evidence.calls, evidence.in_cluster, evidence.logs)
    for part in (*_lists(evidence), *evidence.sockets.values(), *asked_for):
        if type(part) is Missing:
            found.append(part)
        elif part.lacking:
            found += part.lacking
    return found


def _rights_of(evidence: ServiceEvidence, absent: Sequence[Missing]) -> tuple[Right, ...]:
    """The permissions that were missing, each once."""
    found = [m.right for m in absent]
    forwards = (f.attempt for f in evidence.service_forwards if f.attempt is not None)
    found += [a.right for a in (*evidence.attempts, *forwards)]
    return tuple(dict.fromkeys(r for r in found if r is not None))


def unanswered(outcomes: Iterable[Outcome], ignored: Suppressions) -> tuple[NotEvaluated, ...]:
    """What the rules lacked, less those that are ignored."""
    lacking = (o for o in outcomes if isinstance(o, NotEvaluated))
    return tuple(n for n in lacking if n.code not in ignored.codes)
