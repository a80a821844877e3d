"""What stands around a Service: what leads to it, guards its pods, watches them and made them.

None of it is needed for the six steps, so nothing here may end or delay them: each part is read
beside the walk, and what cannot be read is missing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from kubectl_portcheck.collect.cluster.kinds import (
    EVENTS,
    INGRESSES,
    MONITORS,
    NETWORK_POLICIES,
    NODES,
    REFERENCE_GRANTS,
    REVISIONS,
    ROUTES,
    Kind,
)
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
from kubectl_portcheck.model.objects import Event, Pod, Service, Workload
from kubectl_portcheck.model.references import Route
from kubectl_portcheck.semantics.pods import is_ready

R = TypeVar("R", bound=Record)
Read = Observed[R] | Missing
Start = Callable[..., "Future[Any]"]
Parts = dict[str, "Future[Any]"]
Served = Mapping[str, tuple[str, ...]]

HISTORIES = ("StatefulSet", "DaemonSet")
WORKLOADS = ("Deployment", *HISTORIES)
MOST_WORKLOADS = 8
"""How many workloads behind one Service are read; more stand behind hardly any."""


class Cluster(Protocol):
    """What is asked of a cluster here. Nothing raises; what fails is missing."""

    @property
    def foreign_routes(self) -> tuple[Route, ...]:
        """The routes of other namespaces that are known to name the Service."""

    def groups(self) -> Observed[dict[str, tuple[str, ...]]] | Missing:
        """The versions of the optional API groups."""

    def objects(
        self, kind: Kind[R], served: Served, **query: str
    ) -> Observed[tuple[R, ...]] | Missing:
        """The namespace's objects of a kind."""

    def replica_sets(self, selector: dict[str, str]) -> Observed[tuple[Workload, ...]] | Missing:
        """The ReplicaSets with these labels."""

    def workload(self, kind: str, name: str) -> Observed[Workload] | Missing:
        """One workload."""


def around_the_name(cluster: Cluster, start: Start) -> Parts:
    """Begins to read what needs nothing but the namespace."""
    groups = start(cluster.groups)
    parts: Parts = {
        "ingresses": start(cluster.objects, INGRESSES, {}),
        "network_policies": start(cluster.objects, NETWORK_POLICIES, {}),
        "routes": start(_routes, cluster, start, groups),
        "monitors": start(_of_kinds, cluster, start, MONITORS, groups),
    }
    if cluster.foreign_routes:
        grants = (REFERENCE_GRANTS,)
        parts["reference_grants"] = start(_of_kinds, cluster, start, grants, groups)
    return parts


def around_the_service(cluster: Cluster, start: Start, service: Service) -> Parts:
    """Begins to read what the Service's own settings ask for."""
    spec = service.spec
    local = "Local" in (spec.internal_traffic_policy, spec.external_traffic_policy)
    return {"nodes": start(cluster.objects, NODES, {})} if local else {}


def around_the_pods(cluster: Cluster, start: Start, service: Service, pods: Sequence[Pod]) -> Parts:
    """Begins to read what made the pods, and what was said of those that are not well."""
    selector = service.spec.selector
    owners = {(o.kind, o.name) for p in pods for o in p.metadata.owner_references if o.controller}
    kinds = {kind for kind, _ in owners}
    made = start(cluster.replica_sets, selector) if "ReplicaSet" in kinds else start(_nothing)
    parts = {
        "replica_sets": made,
        "workloads": start(_workloads, cluster, owners, made),
    }
    if kinds & set(HISTORIES):
        query = ",".join(f"{k}={v}" for k, v in sorted(selector.items()))
        parts["revisions"] = start(cluster.objects, REVISIONS, {}, labelSelector=query)
    pending = service.spec.type == "LoadBalancer" and not service.status.load_balancer.ingress
    unwell = {p.metadata.name for p in pods if not is_ready(p)}
    if pending or unwell:
        parts["events"] = start(_events, cluster, service, pending, unwell)
    return parts


def _nothing() -> Observed[tuple[Any, ...]]:
    return Observed(value=())


def _routes(
    cluster: Cluster, start: Start, groups: "Future[Any]"
) -> Observed[tuple[Route, ...]] | Missing:
    """The namespace's routes, and those of other namespaces that are known."""
    here = _of_kinds(cluster, start, ROUTES, groups)
    if not cluster.foreign_routes:
        return here
    return Observed(
        value=(*(here.value if isinstance(here, Observed) else ()), *cluster.foreign_routes)
    )


def _of_kinds(
    cluster: Cluster, start: Start, kinds: Iterable[Kind[R]], groups: "Future[Any]"
) -> Observed[tuple[R, ...]] | Missing:
    """The objects of several kinds of one group; those kinds that are not served are left out."""
    served: Observed[dict[str, tuple[str, ...]]] | Missing = groups.result()
    if isinstance(served, Missing):
        return served
    begun = [start(cluster.objects, kind, served.value) for kind in kinds]
    read: list[Observed[tuple[R, ...]] | Missing] = [b.result() for b in begun]
    failed = [r for r in read if isinstance(r, Missing) and r.reason != Reason.NOT_SERVED]
    if failed:
        return failed[0]
    found = [r for r in read if isinstance(r, Observed)]
    if not found:
        return next(r for r in read if isinstance(r, Missing))
    return Observed(value=tuple(o for r in found for o in r.value))


def _workloads(
    cluster: Cluster, owners: Iterable[tuple[str, str]], made: "Future[Any]"
) -> Observed[tuple[Workload, ...]] | Missing:
    """The workloads at the top, each once."""
    replica_sets: Observed[tuple[Workload, ...]] | Missing = made.result()
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
    read = [cluster.workload(kind, name) for kind, name in top[:MOST_WORKLOADS]]
    failed = [r for r in read if isinstance(r, Missing)]
    if failed:
        return failed[0]
    return Observed(value=tuple(r.value for r in read if isinstance(r, Observed)))


def _events(
    cluster: Cluster, service: Service, pending: bool, unwell: set[str]
) -> Observed[tuple[Event, ...]] | Missing:
    name = service.metadata.name
    of_service = f"involvedObject.kind=Service,involvedObject.name={name}"
    of_pods = "involvedObject.kind=Pod,type=Warning"
    found: list[Event] = []
    for wanted, selector in ((pending, of_service), (bool(unwell), of_pods)):
        if wanted:
            read = cluster.objects(EVENTS, {}, fieldSelector=selector)
            if isinstance(read, Missing):
                return read
            found += [
                e
                for e in read.value
                if e.involved_object.kind != "Pod" or e.involved_object.name in unwell
            ]
    return Observed(value=tuple(found))
