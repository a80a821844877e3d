"""Whose pods the API server refuses: read only where a workload has fewer pods than it wants."""

from collections.abc import Sequence
from concurrent.futures import Future

from kubectl_portcheck.collect.cluster.cluster import Read, Reads
from kubectl_portcheck.collect.cluster.listable import EVENTS
from kubectl_portcheck.model.base import Missing, Observed, combined
from kubectl_portcheck.model.evidence import NOT_ASKED
from kubectl_portcheck.model.objects import Event, Workload
from kubectl_portcheck.semantics.creation import REFUSED, lacks_pods

BY_NAME = ("StatefulSet", "DaemonSet", "Job")
"""The kinds of makers that are read by name; ReplicaSets are listed by their labels."""
MOST = 8
"""How many workloads are read."""


def refusals(reads: Reads, made: "Future[Read[tuple[Workload, ...]]]") -> Read[tuple[Event, ...]]:
    """What the controllers say of pods that they could not create, if one of these lacks pods."""
    workloads = made.result()
    found = () if isinstance(workloads, Missing) else workloads.value
    # Deployments and ReplicaSets have a condition that says it.
    if not any(w.kind in BY_NAME and lacks_pods(w) for w in found):
        return NOT_ASKED
    return of_namespace(reads)


def of_namespace(reads: Reads) -> Read[tuple[Event, ...]]:
    """What the controllers of the namespace say of pods that they could not create."""
    return reads.objects(EVENTS, {}, fieldSelector=f"reason={REFUSED},type=Warning")


def refused(
    reads: Reads, selector: dict[str, str], begun: "Future[Read[tuple[Event, ...]]]"
) -> Read[tuple[Workload, ...]]:
    """The workloads that could not create pods, where the Service selects none."""
    events = begun.result()
    if isinstance(events, Missing):
        return events
    named = list(
        dict.fromkeys((e.involved_object.kind, e.involved_object.name) for e in events.value)
    )
    one = [reads.workload(kind, name) for kind, name in named if kind in BY_NAME][:MOST]
    read: list[Read[tuple[Workload, ...]]] = [
        r if isinstance(r, Missing) else Observed(value=(r.value,)) for r in one
    ]
    if any(kind == "ReplicaSet" for kind, _ in named):
        read.append(reads.replica_sets(selector))
    return combined(read)


def together(parts: Sequence[Read[tuple[Event, ...]]]) -> Read[tuple[Event, ...]]:
    """The events of several questions, as one; those that were not asked do not count."""
    asked = [p for p in parts if p is not NOT_ASKED]
    if all(isinstance(p, Missing) for p in asked):
        return next(iter(asked), NOT_ASKED)
    return combined(asked)
