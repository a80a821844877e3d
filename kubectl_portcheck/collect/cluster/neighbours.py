"""What stands around a Service: what leads to it, guards its pods, watches them and made them.

None of it is needed for the six steps, so nothing here may end or delay them: each part is read
beside the walk, and what cannot be read is missing.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec

from kubectl_portcheck.collect.cluster.cluster import Read, Reads
from kubectl_portcheck.collect.cluster.listable import (
    EVENTS,
    INGRESSES,
    MONITORS,
    NETWORK_POLICIES,
    NODES,
    REFERENCE_GRANTS,
    REVISIONS,
    ROUTES,
    Listable,
)
from kubectl_portcheck.model.base import Missing, Observed, Record, combined
from kubectl_portcheck.model.objects import Event, Pod, Service, Workload
from kubectl_portcheck.model.references import Route
from kubectl_portcheck.semantics.pods import is_ready

R = TypeVar("R", bound=Record)
Start = Callable[..., "Future[Any]"]
Parts = dict[str, "Future[Any]"]

HISTORIES = ("StatefulSet", "DaemonSet")
WORKLOADS = ("Deployment", *HISTORIES)
MOST_WORKLOADS = 8
"""How many workloads behind one Service are read; more stand behind hardly any."""


def around_the_name(reads: Reads, start: Start, foreign: Sequence[Route]) -> Parts:
    """Begins to read what needs nothing but the namespace."""
    groups = start(reads.groups)
    parts: Parts = {
        "ingresses": start(reads.objects, INGRESSES, {}),
        "network_policies": start(reads.objects, NETWORK_POLICIES, {}),
        "routes": start(_routes, reads, start, groups, foreign),
        "monitors": start(_of_kinds, reads, start, MONITORS, groups),
    }
    if foreign:
        grants = (REFERENCE_GRANTS,)
        parts["reference_grants"] = start(_of_kinds, reads, start, grants, groups)
    return parts


def around_the_service(reads: Reads, start: Start, service: Service) -> Parts:
    """Begins to read what the Service's own settings ask for."""
    spec = service.spec
    local = "Local" in (spec.internal_traffic_policy, spec.external_traffic_policy)
    return {"nodes": start(reads.objects, NODES, {})} if local else {}


def around_the_pods(reads: Reads, start: Start, service: Service, pods: Sequence[Pod]) -> Parts:
    """Begins to read what made the pods, and what was said of those that are not well."""
    selector = service.spec.selector
    owners = {(o.kind, o.name) for p in pods for o in p.metadata.owner_references if o.controller}
    kinds = {kind for kind, _ in owners}
    made = start(reads.replica_sets, selector) if "ReplicaSet" in kinds else start(_nothing)
    parts = {
        "replica_sets": made,
        "workloads": start(_workloads, reads, owners, made),
    }
    if kinds & set(HISTORIES):
        query = ",".join(f"{k}={v}" for k, v in sorted(selector.items()))
        parts["revisions"] = start(reads.objects, REVISIONS, {}, labelSelector=query)
    pending = service.spec.type == "LoadBalancer" and not service.status.load_balancer.ingress
    unwell = {p.metadata.name for p in pods if not is_ready(p)}
    if pending or unwell:
        parts["events"] = start(_events, reads, service, pending, unwell)
    return parts


def _nothing() -> Observed[tuple[Any, ...]]:
    return Observed(value=())


def _routes(
    reads: Reads, start: Start, groups: "Future[Any]", foreign: Sequence[Route]
) -> Read[tuple[Route, ...]]:
    """The namespace's routes, and those of other namespaces that are known."""
    here = _of_kinds(reads, start, ROUTES, groups)
    if not foreign:
        return here
    return combined([here, Observed(value=tuple(foreign))])


def _of_kinds(
    reads: Reads, start: Start, kinds: Iterable[Listable[R]], groups: "Future[Any]"
) -> Read[tuple[R, ...]]:
    """The objects of several kinds of one group; those kinds that are not served are left out."""
    served: Read[dict[str, tuple[str, ...]]] = groups.result()
    if isinstance(served, Missing):
        return served
    begun = [start(reads.objects, kind, served.value) for kind in kinds]
    return combined([b.result() for b in begun])


def _workloads(
    reads: Reads, owners: Iterable[tuple[str, str]], made: "Future[Any]"
) -> Read[tuple[Workload, ...]]:
    """The workloads at the top, each once."""
    replica_sets: Read[tuple[Workload, ...]] = made.result()
    named = {name for kind, name in owners if kind == "ReplicaSet"}
    if isinstance(replica_sets, Missing):
        return replica_sets
    above = {
        (o.kind, o.name)
        for r in replica_sets.value
        if r.metadata.name in named
        for o in r.metadata.owner_references
        if o.controller
    }
    top = sorted((kind, name) for kind, name in {*owners, *above} if kind in WORKLOADS)
    read = [reads.workload(kind, name) for kind, name in top[:MOST_WORKLOADS]]
    return combined([r if isinstance(r, Missing) else Observed(value=(r.value,)) for r in read])


def _events(
    reads: Reads, service: Service, pending: bool, unwell: set[str]
) -> Read[tuple[Event, ...]]:
    name = service.metadata.name
    of_service = f"involvedObject.kind=Service,involvedObject.name={name}"
    of_pods = "involvedObject.kind=Pod,type=Warning"
    read = combined(
        [
            reads.objects(EVENTS, {}, fieldSelector=selector)
            for wanted, selector in ((pending, of_service), (bool(unwell), of_pods))
            if wanted
        ]
    )
    if isinstance(read, Missing):
        return read
    found = [
        e for e in read.value if e.involved_object.kind != "Pod" or e.involved_object.name in unwell
    ]
    return msgspec.structs.replace(read, value=tuple(found))
