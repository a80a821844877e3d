"""The objects around a Service: what leads to it, guards its pods, watches them and made them.

None of it is needed for the six steps, so nothing here may end or delay them: each part is read
beside the walk, and what cannot be read is missing.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import TypeVar

import msgspec

from kubectl_portcheck.collect.cluster import creations, entrances
from kubectl_portcheck.collect.cluster.cluster import Read, Reads
from kubectl_portcheck.collect.cluster.listable import (
    AUTHORITIES,
    BESIDE_GUARDS,
    EVENTS,
    GUARDS,
    INGRESS_CLASSES,
    INGRESSES,
    MESH_POLICIES,
    MONITORS,
    NETWORK_POLICIES,
    NODES,
    REFERENCE_GRANTS,
    REFERRERS,
    REVISIONS,
    ROUTES,
    STATEFUL_SETS,
    Listable,
)
from kubectl_portcheck.collect.cluster.parts import Parts
from kubectl_portcheck.collect.cluster.work import Questions, Work
from kubectl_portcheck.model.base import Missing, Observed, Record, combined
from kubectl_portcheck.model.evidence import NOT_ASKED, Misnamed
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.ingress import IngressClass
from kubectl_portcheck.model.kinds import Kind
from kubectl_portcheck.model.objects import Event, Pod, Service, Workload
from kubectl_portcheck.model.references import Ingress, Monitor, ReferenceGrant, Referrer, Route
from kubectl_portcheck.semantics import monitoring, referrers
from kubectl_portcheck.semantics.guards.joining import with_servers, with_sets
from kubectl_portcheck.semantics.ingresses import leads_to
from kubectl_portcheck.semantics.pods import is_ready
from kubectl_portcheck.semantics.references import uses_of_route
from kubectl_portcheck.semantics.referrers.authorities import with_authorities
from kubectl_portcheck.semantics.selectors import as_query

R = TypeVar("R", bound=Record)
Groups = Read[dict[str, tuple[str, ...]]]

HISTORIES = ("StatefulSet", "DaemonSet")
WORKLOADS = ("Deployment", *HISTORIES)
MOST_WORKLOADS = 8
"""How many workloads behind one Service are read; hardly any has more."""


def around_the_name(
    parts: Parts, reads: Reads, work: Work, place: tuple[str, str], foreign: Sequence[Route]
) -> None:
    """Begin to read what needs only the namespace and the name, which are ``place``.

    ``foreign`` are the routes of other namespaces that are known to name the Service.
    """
    name = place[1]
    groups = work.ask(reads.groups)
    parts.ingresses = work.ask(reads.objects, INGRESSES, {})
    parts.ingress_classes = work.follow(_classes, reads, parts.ingresses, name)
    parts.network_policies = work.ask(reads.objects, NETWORK_POLICIES, {})
    parts.routes = work.follow(_routes, reads, work, groups, foreign)
    parts.monitors = work.follow(_of_kinds, reads, work, MONITORS, groups)
    parts.guards = work.follow(_guards, reads, work, groups)
    parts.mesh_policies = work.follow(_of_meshes, reads, work, groups)
    parts.namespace_labels = work.follow(_labels, reads, parts.guards)
    always = [
        work.ask(reads.objects, kind, {}) for kind in REFERRERS if not (kind.optional or kind.long)
    ]
    parts.referrers = work.follow(_referrers, reads, work, always, groups)
    parts.referrers = work.follow(_with_authorities, reads, parts.referrers, name)
    parts.misnamed = work.follow(
        _misnamed, reads, place, parts.ingresses, parts.routes, parts.referrers
    )
    parts.gateway_pods = work.follow(entrances.pods, reads, parts.referrers, place)
    parts.gateway_services = work.follow(entrances.services, reads, parts.gateway_pods)
    parts.reference_grants = work.follow(_grants, reads, groups, parts.routes, name)


def around_the_service(parts: Parts, reads: Reads, work: Work, service: Service) -> None:
    """Begin to read what the Service's own settings ask for."""
    spec = service.spec
    if parts.monitors is not None:
        parts.monitors = work.follow(_of_siblings_left_out, reads, parts.monitors, service)
    if parts.referrers is not None and referrers.may_speak_tls(service):
        more = [work.ask(reads.objects, kind, {}) for kind in REFERRERS if kind.long]
        parts.referrers = work.follow(_together, (parts.referrers, *more))
    if "Local" in (spec.internal_traffic_policy, spec.external_traffic_policy):
        parts.nodes = work.ask(reads.objects, NODES, {})


def around_the_pods(
    parts: Parts, reads: Reads, work: Work, service: Service, pods: Sequence[Pod]
) -> None:
    """Begin to read what made the pods, and the events of those that are not ready."""
    # Where nothing is selected, what the pods have in common finds what made them.
    common = dict(set.intersection(*(set(p.metadata.labels.items()) for p in pods))) if pods else {}
    selector = service.spec.selector or common
    owners = {(o.kind, o.name) for p in pods for o in p.metadata.owner_references if o.controller}
    kinds = {kind for kind, _ in owners}
    made = (
        work.ask(reads.replica_sets, selector) if "ReplicaSet" in kinds else work.ask(_no_workload)
    )
    parts.replica_sets = made
    parts.workloads = work.follow(_workloads, reads, owners, made)
    parts.refusals = work.follow(creations.refusals, reads, parts.workloads)
    if kinds & set(HISTORIES):
        parts.revisions = work.ask(reads.objects, REVISIONS, {}, labelSelector=as_query(selector))
    pending = service.spec.type == "LoadBalancer" and not service.status.load_balancer.ingress
    unready = {p.metadata.name for p in pods if not is_ready(p)}
    if pending or unready:
        parts.events = work.ask(_events, reads, service, pending, unready)
    if unready:
        from kubectl_portcheck.collect.cluster.unready import around_the_unready

        around_the_unready(parts, reads, work, pods)


def around_no_pods(parts: Parts, reads: Reads, work: Work, selector: dict[str, str]) -> None:
    """Begin to read what the Service may have meant, and why there is no pod."""
    parts.deployments = work.ask(reads.deployments)
    parts.stateful_sets = work.ask(reads.objects, STATEFUL_SETS, {})
    parts.namespace_pods = work.ask(reads.pods, {})
    parts.refusals = work.ask(creations.of_namespace, reads)
    parts.workloads = work.follow(creations.refused, reads, selector, parts.refusals)


def _classes(
    reads: Reads, ingresses: "Future[Read[tuple[Ingress, ...]]]", name: str
) -> Read[tuple[IngressClass, ...]]:
    """The classes of Ingresses, where one names the Service."""
    found = ingresses.result()
    if isinstance(found, Missing) or not any(leads_to(i, name) for i in found.value):
        return NOT_ASKED
    return reads.objects(INGRESS_CLASSES, {})


def _misnamed(
    reads: Reads,
    place: tuple[str, str],
    ingresses: "Future[Read[tuple[Ingress, ...]]]",
    routes: "Future[Read[tuple[Route, ...]]]",
    others: "Future[Read[tuple[Referrer, ...]]]",
) -> Read[tuple[Misnamed, ...]]:
    """What seems to mean the Service, and names one that does not exist."""
    leading = _known(ingresses.result()), _known(routes.result()), _known(others.result())
    if not any(leading):
        return NOT_ASKED
    from kubectl_portcheck.semantics.misnamed import is_near, misnamed
    from kubectl_portcheck.semantics.needs import Leading

    namespace, name = place
    named = Leading(namespace, *leading)
    if not is_near(named, name):
        return NOT_ASKED
    beside = reads.services()
    if isinstance(beside, Missing):
        return beside
    found = misnamed(named, {name, *(s.metadata.name for s in beside.value)}).get(name)
    return Observed(value=found) if found else NOT_ASKED


def _known(part: Read[tuple[R, ...]]) -> tuple[R, ...]:
    return () if isinstance(part, Missing) else part.value


def _labels(reads: Reads, guards: "Future[Read[tuple[Guard, ...]]]") -> Read[dict[str, str]]:
    """The labels of the namespace, where a policy selects namespaces by them."""
    found = guards.result()
    if isinstance(found, Missing) or not found.value:
        return NOT_ASKED
    from kubectl_portcheck.semantics.guards.compare import asks_for_labels

    return reads.own_labels() if any(map(asks_for_labels, found.value)) else NOT_ASKED


def _no_workload() -> Read[tuple[Workload, ...]]:
    return Observed(value=())


def _referrers(
    reads: Reads,
    questions: Questions,
    always: "Sequence[Future[Read[tuple[Referrer, ...]]]]",
    groups: "Future[Groups]",
) -> Read[tuple[Referrer, ...]]:
    """What else leads to Services: what every cluster has, and what this one serves besides."""
    optional = _of_kinds(reads, questions, [k for k in REFERRERS if k.optional], groups)
    return combined([*(a.result() for a in always), optional])


def _with_authorities(
    reads: Reads, found: "Future[Read[tuple[Referrer, ...]]]", name: str
) -> Read[tuple[Referrer, ...]]:
    """The same with the ConfigMaps that BackendTLSPolicies for the Service name."""
    return with_authorities(
        found.result(),
        name,
        lambda wanted: reads.objects(AUTHORITIES, {}, fieldSelector=f"metadata.name={wanted}"),
    )


def _together(
    parts: "Iterable[Future[Read[tuple[Referrer, ...]]]]",
) -> Read[tuple[Referrer, ...]]:
    return combined([p.result() for p in parts])


def _routes(
    reads: Reads, questions: Questions, groups: "Future[Groups]", foreign: Sequence[Route]
) -> Read[tuple[Route, ...]]:
    """The routes of every namespace, as far as they may be read, and those that are known."""
    read = _of_kinds(reads, questions, ROUTES, groups)
    known = {_place(r) for r in read.value} if isinstance(read, Observed) else set()
    others = tuple(r for r in foreign if _place(r) not in known)
    return combined([read, Observed(value=others)]) if others else read


def _of_siblings_left_out(
    reads: Reads, found: "Future[Read[tuple[Monitor, ...]]]", service: Service
) -> Read[tuple[Monitor, ...]]:
    """The monitors, less those that mean another Service which they select as well."""
    monitors = found.result()
    if isinstance(monitors, Missing):
        return monitors
    if not any(monitoring.lacks_port(m, service) for m in monitors.value):
        return monitors
    others = reads.services()
    if isinstance(others, Missing):
        return monitors
    siblings = monitoring.Siblings(others.value)
    kept = (m for m in monitors.value if not siblings.has_meant(m, service))
    return msgspec.structs.replace(monitors, value=tuple(kept))


def _place(route: Route) -> tuple[str, str, str]:
    return route.kind, route.metadata.namespace, route.metadata.name


def _grants(
    reads: Reads,
    groups: "Future[Groups]",
    routes: "Future[Read[tuple[Route, ...]]]",
    name: str,
) -> Read[tuple[ReferenceGrant, ...]]:
    """The namespace's ReferenceGrants, where a route of another namespace names the Service."""
    found, served = routes.result(), groups.result()
    if isinstance(found, Missing) or isinstance(served, Missing):
        return NOT_ASKED
    if not any(
        (u.service, u.namespace) != (name, r.metadata.namespace)
        for r in found.value
        for u in uses_of_route(r)
        if u.service == name
    ):
        return NOT_ASKED
    return reads.objects(REFERENCE_GRANTS, served.value)


def _of_kinds(
    reads: Reads, questions: Questions, kinds: Iterable[Listable[R]], groups: "Future[Groups]"
) -> Read[tuple[R, ...]]:
    """The objects of several kinds of one group; those kinds that are not served are left out."""
    served = groups.result()
    if isinstance(served, Missing):
        return served
    begun = [questions.ask(reads.objects, kind, served.value) for kind in kinds]
    return combined([b.result() for b in begun])


def _guards(
    reads: Reads, questions: Questions, groups: "Future[Groups]"
) -> Read[tuple[Guard, ...]]:
    """The policies of other kinds than NetworkPolicy, with what those of Calico mean."""
    served = groups.result()
    if isinstance(served, Missing):
        return served

    def beside(kinds: Sequence[Kind]) -> list[Read[tuple[Guard, ...]]]:
        begun = [questions.ask(reads.objects, BESIDE_GUARDS[k], served.value) for k in kinds]
        return [b.result() for b in begun]

    return with_sets(_of_kinds(reads, questions, GUARDS, groups), beside)


def _of_meshes(
    reads: Reads, questions: Questions, groups: "Future[Groups]"
) -> Read[tuple[Guard, ...]]:
    """What meshes ask of connections; Linkerd's objects are joined to one policy per Server."""
    served = groups.result()
    if isinstance(served, Missing):
        return served
    begun = {k.name: questions.ask(reads.objects, k, served.value) for k in MESH_POLICIES}
    return with_servers({name: asked.result() for name, asked in begun.items()})


def _workloads(
    reads: Reads, owners: Iterable[tuple[str, str]], made: "Future[Read[tuple[Workload, ...]]]"
) -> Read[tuple[Workload, ...]]:
    """The workloads at the top, each once."""
    replica_sets = made.result()
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
    reads: Reads, service: Service, pending: bool, unready: set[str]
) -> Read[tuple[Event, ...]]:
    name = service.metadata.name
    of_service = f"involvedObject.kind=Service,involvedObject.name={name}"
    of_pods = "involvedObject.kind=Pod,type=Warning"
    read = combined(
        [
            reads.objects(EVENTS, {}, fieldSelector=selector)
            for wanted, selector in ((pending, of_service), (bool(unready), of_pods))
            if wanted
        ]
    )
    if isinstance(read, Missing):
        return read
    found = [
        e
        for e in read.value
        if e.involved_object.kind != "Pod" or e.involved_object.name in unready
    ]
    return msgspec.structs.replace(read, value=tuple(found))
