"""What the Services of a sweep share: the lists, read once, with the indexes that keep a sweep
linear in the number of objects."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import msgspec

from kubectl_portcheck.client import BadRequest, ClusterError, Unauthorized, Unreachable
from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.cluster import listable
from kubectl_portcheck.collect.cluster.pages import Listed, Lister, Resource, Seen, is_forbidden
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.collect.cluster.work import Questions
from kubectl_portcheck.collect.shards import Shard
from kubectl_portcheck.errors import NoAnswerError
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record, combined
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.ingress import IngressClass
from kubectl_portcheck.model.objects import (
    Endpoints,
    EndpointSlice,
    Node,
    ObjectMeta,
    Pod,
    Service,
    Workload,
)
from kubectl_portcheck.model.references import NetworkPolicy, Route
from kubectl_portcheck.semantics import referrers
from kubectl_portcheck.semantics.endpoints import as_slices
from kubectl_portcheck.semantics.guards import istio, linkerd
from kubectl_portcheck.semantics.ingresses import Hosts
from kubectl_portcheck.semantics.monitoring import is_for_sibling
from kubectl_portcheck.semantics.references import (
    looks_into,
    may_select,
    selects,
    uses_of_ingress,
    uses_of_route,
    watches,
)

R = TypeVar("R", bound=Record)
T = TypeVar("T")
Read = Observed[tuple[R, ...]] | Missing

MOST_COMPARED = 200
"""Pods beside which a selector that matches none is held, to find a slip."""
SERVICE_NAME = "kubernetes.io/service-name"


class _Named(Record, frozen=True):
    """An object of which only the name is read."""

    metadata: ObjectMeta = ObjectMeta()


NAMESPACES = Resource(kinds.NAMESPACE, decode.ListOf[_Named])
SERVICES = Resource(kinds.SERVICE, decode.ListOf[Service])
PODS = Resource(kinds.POD, decode.ListOf[Pod])
SLICES = Resource(kinds.ENDPOINT_SLICE, decode.ListOf[EndpointSlice])
ENDPOINTS = Resource(kinds.ENDPOINTS, decode.ListOf[Endpoints])
NODES = Resource(kinds.NODE, decode.ListOf[Node])
CLASSES = Resource(kinds.INGRESS_CLASS, decode.ListOf[IngressClass])
DEPLOYMENTS = Resource(kinds.DEPLOYMENT, decode.ListOf[Workload], "Deployment")


class Scope(NamedTuple):
    """Which Services are meant."""

    namespace: str
    """'' for every namespace."""
    selector: str = ""
    field_selector: str = ""
    shard: Shard | None = None
    """The part of the namespaces that is meant, where it is not all."""

    @property
    def query(self) -> dict[str, str]:
        """What a list of the Services is asked with."""
        both = {"labelSelector": self.selector, "fieldSelector": self.field_selector}
        return {key: value for key, value in both.items() if value}


class Shared:
    """The lists of one sweep. Reading fills them; everything else only looks things up."""

    def __init__(
        self, lister: Lister, reads: LiveReads, scope: Scope, seen: Callable[[str], Seen]
    ) -> None:
        self._lister = lister
        self._reads = reads
        self._scope = scope
        self._seen = seen
        self.namespaces: list[str] | None = [scope.namespace] if scope.namespace else None
        """Those that are listed one by one; None where the whole cluster is."""
        self.served: Observed[dict[str, tuple[str, ...]]] | Missing = Observed(value={})
        """The versions of the optional API groups."""
        self.begun: list[Future[Any]] = []
        self.lists: dict[str, Listed[Any]] = {r.plural: Listed() for r in (SERVICES, PODS, SLICES)}
        """By the resource's plural."""
        self.kinds: dict[str, str] = {}
        """The plural of each kind that concerns Services, by the kind's name."""
        self.narrow: set[str] = set()
        """Resources that were listed in some namespaces, though those of others matter as well."""
        self._lock = threading.Lock()
        self._turns: dict[tuple[Any, ...], threading.Lock] = {}
        self._once: dict[tuple[Any, ...], Any] = {}
        self._by_label: dict[str, dict[tuple[str, str], list[Pod]]] = {}
        self._by_service: dict[str, dict[str, list[EndpointSlice]]] = {}
        self._leading: dict[tuple[str, str], dict[tuple[str, str], list[Any]]] = {}
        self._guards: dict[tuple[str, frozenset[tuple[str, str]]], list[NetworkPolicy]] = {}

    # Reading

    def read(self, questions: Questions) -> None:
        """Reads everything, side by side.

        Raises Unauthorized, Unreachable where no list is to be had at all.
        """
        if self._scope.shard is not None:
            self._take_shard(self._scope.shard)
        resources: list[Resource[Any]] = [PODS, SLICES]
        for kind in ALWAYS:
            resources.append(self._around(kind, kind.of.versions[0]))
        self.begun += [questions.ask(self._list, r, self._into(r)) for r in resources]
        groups = questions.ask(self._reads.groups)
        services = questions.ask(self._list, SERVICES, self._into(SERVICES), self._scope.query)
        self.begun += [services, groups]
        services.result()
        if self.namespaces is None and is_forbidden(self.lists["services"]):
            self._one_by_one()
        self.served = groups.result()
        served = {} if isinstance(self.served, Missing) else self.served.value
        optional = [*self._served(served), *self._called()]
        self.begun += [questions.ask(self._list, r, self._into(r)) for r in optional]
        for one in list(self.begun):
            one.result()
        # Some rights are given namespace by namespace.
        spaces = [self._scope.namespace] if self._scope.namespace else []
        spaces = spaces or sorted(self.lists["services"].found)
        again = [
            r
            for r in (*resources, *optional)
            if r.of.namespaced and is_forbidden(self.lists[r.plural])
        ]
        self.begun += [questions.ask(self._again, r, spaces) for r in again]
        why = next(iter(self.lists["endpointslices"].missing.values()), None)
        if why is not None and why.reason == Reason.NOT_FOUND:
            self._older()
        for one in list(self.begun):
            one.result()

    def _into(self, resource: Resource[R]) -> Listed[R]:
        return self.lists.setdefault(resource.plural, Listed())

    def _list(
        self, resource: Resource[R], into: Listed[R], query: Mapping[str, str] | None = None
    ) -> None:
        fatal: tuple[type[ClusterError], ...] = ()
        if resource is SERVICES:
            fatal = (Unauthorized, Unreachable, *((BadRequest,) if query else ()))
        seen = self._seen(resource.plural)
        whole = resource.anywhere or not resource.of.namespaced
        spaces = None if whole else self.namespaces
        for version in (resource.version, *resource.older):
            into.missing.clear()
            at = replace(resource, version=version)
            self._lister.read(at, spaces, query, seen, into, fatal)
            # Not every kind of a group is served in each of its versions.
            if not any(m.reason == Reason.NOT_FOUND for m in into.missing.values()):
                break

    def _again(self, resource: Resource[R], namespaces: Sequence[str]) -> None:
        into = Listed[R]()
        self._lister.read(resource, namespaces, None, self._seen(resource.plural), into)
        self.lists[resource.plural] = into
        if resource.anywhere:
            self.narrow.add(resource.plural)

    def _take_shard(self, shard: Shard) -> None:
        """List the namespaces of the shard one by one. Raises NoAnswerError."""
        fatal = (Unauthorized, Unreachable)
        spaces = self._lister.read(NAMESPACES, None, fatal=fatal)
        if spaces.missing:
            why = spaces.missing[""]
            raise NoAnswerError(
                f"could not list the namespaces that --shard divides: {why.detail or why.reason}",
                "Use -n NAMESPACE to check a single one.",
            )
        names = sorted(o.metadata.name for o in spaces.found.get("", ()))
        self.namespaces = [name for name in names if shard.has(name)]

    def _one_by_one(self) -> None:
        """Lists the Services of each namespace, where the whole cluster's are forbidden."""
        spaces = self._lister.read(NAMESPACES, None)
        if spaces.missing:
            return
        self.namespaces = sorted(o.metadata.name for o in spaces.found.get("", ()))
        self.lists["services"] = into = Listed[Service]()
        self._list(SERVICES, into, self._scope.query)

    def _around(self, kind: "listable.Listable[Any]", *versions: str) -> Resource[Any]:
        self.kinds[kind.name] = kind.of.resource
        return Resource(
            kind.of,
            kind.items,
            kind.name if kind.named else "",
            *(versions[0], versions[1:]),
            made=kind.made,
            anywhere=kind.anywhere,
        )

    def _served(self, served: Mapping[str, tuple[str, ...]]) -> Iterable[Resource[Any]]:
        for kind in OPTIONAL:
            versions = served.get(kind.of.group, ()) if kind.of.unless not in served else ()
            known = [v for v in kind.of.versions if v in versions]
            if known:
                yield self._around(kind, *known)

    def _called(self) -> Iterable[Resource[Any]]:
        """The long lists of what the API server calls, where it may call one of the Services."""
        if any(referrers.may_speak_tls(s) for s in self.services()):
            for kind in listable.REFERRERS:
                if kind.long:
                    yield self._around(kind, kind.of.versions[0])

    def _older(self) -> None:
        """Before Kubernetes 1.21 the Endpoints say what the EndpointSlices say since."""
        older = self._lister.read(ENDPOINTS, self.namespaces)
        slices = Listed[EndpointSlice]()
        slices.missing, slices.odd = older.missing, older.odd
        slices.plural = older.plural
        for space, found in older.found.items():
            slices.found[space] = [
                _labelled(piece, one.metadata.name) for one in found for piece in as_slices(one)
            ]
        self.lists["endpointslices"] = slices

    # Looking up

    def services(self) -> list[Service]:
        """The Services in the scope, by namespace and name."""
        found = (s for several in self.lists["services"].found.values() for s in several)
        return sorted(found, key=lambda s: (s.metadata.namespace, s.metadata.name))

    def unreadable(self) -> list[ServiceEvidence]:
        """The Services that were listed and cannot be read, only by their names."""
        several = self.lists["services"].odd.items()
        return [
            ServiceEvidence(
                service=Service(metadata=ObjectMeta(name=odd.metadata.name, namespace=namespace)),
                unread=odd.missing("services"),
            )
            for namespace, found in several
            for odd in found
        ]

    def unread(self) -> dict[str, Missing]:
        """By namespace, why its Services could not be listed; '' means all."""
        return self.lists["services"].missing

    def pods(self, service: Service) -> Read[Pod]:
        """The pods that the Service selects, by name."""
        namespace = service.metadata.namespace
        wanted = service.spec.selector
        everyone = self.lists["pods"].of(
            namespace, lambda odd: wanted.items() <= odd.labels.items()
        )
        if isinstance(everyone, Missing):
            return everyone
        if namespace not in self._by_label:
            labelled: dict[tuple[str, str], list[Pod]] = defaultdict(list)
            for pod in everyone.value:
                for label in pod.metadata.labels.items():
                    labelled[label].append(pod)
            self._by_label[namespace] = labelled
        index = self._by_label[namespace]
        terms = wanted.items()
        fewest: list[Pod] = min((index.get(term, []) for term in terms), key=len, default=[])
        found = [p for p in fewest if terms <= p.metadata.labels.items()]
        return Observed(value=tuple(sorted(found, key=lambda p: p.metadata.name)))

    def slices(self, service: Service) -> Read[EndpointSlice]:
        """The Service's EndpointSlices."""
        namespace = service.metadata.namespace
        name = service.metadata.name
        everyone = self.lists["endpointslices"].of(
            namespace, lambda odd: odd.labels.get(SERVICE_NAME, name) == name
        )
        if isinstance(everyone, Missing):
            return everyone
        if namespace not in self._by_service:
            index: dict[str, list[EndpointSlice]] = defaultdict(list)
            for piece in everyone.value:
                index[piece.metadata.labels.get(SERVICE_NAME, "")].append(piece)
            self._by_service[namespace] = index
        return Observed(value=tuple(self._by_service[namespace].get(name, ())))

    def similar(self, service: Service) -> Read[Pod]:
        """The pods among which the one that was meant may be; all where nothing is selected."""
        everyone = self.lists["pods"].of(service.metadata.namespace, lambda odd: False)
        if isinstance(everyone, Missing):
            return everyone
        if not service.spec.selector:
            return everyone
        wanted = service.spec.selector.items()
        starts = tuple(value[:3] for value in service.spec.selector.values() if value)
        found = []
        for pod in everyone.value:
            labels = pod.metadata.labels
            if wanted & labels.items() or any(v.startswith(starts) for v in labels.values()):
                found.append(pod)
                if len(found) == MOST_COMPARED:
                    break
        return Observed(value=tuple(found))

    def deployments(self, namespace: str) -> Read[Workload]:
        """The Deployments of a namespace; listed when they are first asked for."""
        self.once(("deployments",), self._read_deployments)
        return self.lists["deployments"].of(namespace)

    def _read_deployments(self) -> None:
        into = Listed[Workload]()
        self._list(DEPLOYMENTS, into)
        self.lists["deployments"] = into
        if is_forbidden(into):
            self._again(DEPLOYMENTS, sorted(self.lists["services"].found))

    def once(self, key: tuple[Any, ...], read: Callable[[], T]) -> T:
        """What was read under this key; read now where it was not. Safe in several threads."""
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        with turn:
            if key not in self._once:
                self._once[key] = read()
        found: T = self._once[key]
        return found

    def nodes(self) -> Read[Node]:
        """The nodes; listed when they are first asked for."""
        return self.once(("nodes",), lambda: self._lister.read(NODES, None)).of("")

    def labels(
        self, namespace: str, single: Callable[[], Observed[dict[str, str]] | Missing]
    ) -> Observed[dict[str, str]] | Missing:
        """The labels of a namespace: by one list of all where the whole cluster is swept."""
        if not self._scope.namespace:
            listed = self.once(("namespaces",), lambda: self._lister.read(NAMESPACES, None)).of("")
            if isinstance(listed, Observed):
                found = {o.metadata.name: o.metadata.labels for o in listed.value}
                if namespace in found:
                    return Observed(value=found[namespace])
        return self.once(("labels", namespace), single)

    def objects(self, kind: str, namespace: str) -> Read[Any]:
        """The namespace's objects of a kind that concerns Services."""
        listed = self.lists.get(self.kinds.get(kind, ""))
        if listed is None:
            return Missing(reason=Reason.NOT_SERVED, detail=f"{kind} is not served")
        found = listed.of(namespace)
        if isinstance(found, Missing) and found.reason == Reason.NOT_FOUND:
            return Missing(reason=Reason.NOT_SERVED, detail=f"{kind} is not served")
        return found

    def around(self, service: Service, pods: Iterable[Pod]) -> dict[str, Read[Any]]:
        """What leads to the Service, guards its pods and watches them, by field of the evidence."""
        grants = listable.REFERENCE_GRANTS.name
        granted = self.foreign_routes(service)
        return {
            **(
                {"reference_grants": self.objects(grants, service.metadata.namespace)}
                if granted
                else {}
            ),
            **self._ingresses(service),
            "routes": self._routes(service),
            "network_policies": self._guarding(service.metadata.namespace, pods),
            "monitors": self._watching(service, pods),
            "guards": self._of_other_kinds(service, pods),
            "mesh_policies": self._of_meshes(service, pods),
            "referrers": referrers.relevant(self.referrers(service), service),
        }

    def _ingresses(self, service: Service) -> dict[str, Read[Any]]:
        """The Ingresses that lead to the Service and those beside them, with all classes."""
        leading = self._of_kind(listable.INGRESSES.name, service)
        if isinstance(leading, Missing) or not leading.value:
            return {"ingresses": leading}
        space = service.metadata.namespace
        hosts = self.once(("hosts", space), lambda: self._hosts(space))
        return {
            "ingresses": Observed(value=hosts.beside(leading.value)),
            "ingress_classes": self.ingress_classes(),
        }

    def _hosts(self, namespace: str) -> Hosts:
        everyone = self.objects(listable.INGRESSES.name, namespace)
        return Hosts(() if isinstance(everyone, Missing) else everyone.value)

    def ingress_classes(self) -> Read[Any]:
        """The IngressClasses; listed when they are first asked for."""
        return self.once(("classes",), lambda: self._lister.read(CLASSES, None)).of("")

    def referrers(
        self, service: Service, wanted: "Iterable[listable.Listable[Any]]" = listable.REFERRERS
    ) -> Read[Any]:
        """What leads to the Service by objects of these kinds, as far as the lists have it."""
        metadata = service.metadata
        index = self.once(("referrers",), self._index_of_referrers)
        parts: list[Read[Any]] = []
        for kind in wanted:
            listed = self.lists.get(self.kinds.get(kind.name, ""))
            if listed is not None:
                here = index.get((kind.name, metadata.namespace, metadata.name), ())
                if kind.of is kinds.ISTIO_GATEWAY and self._is_routed(index, metadata):
                    here = [g for several in listed.found.values() for g in several]
                parts += [Observed(value=tuple(here)), *self._why_not(listed)]
        return combined(parts) if parts else Missing(reason=Reason.NOT_SERVED)

    def _is_routed(
        self, index: Mapping[tuple[str, str, str], list[Any]], metadata: ObjectMeta
    ) -> bool:
        """Whether a VirtualService leads to the Service: then Gateways matter."""
        kind = kinds.VIRTUAL_SERVICE.name
        return bool(index.get((kind, metadata.namespace, metadata.name)))

    def _why_not(self, listed: Listed[Any]) -> Iterable[Missing]:
        """Why objects that lead to any Service may be unknown."""
        found = [m for m in listed.missing.values() if m.reason != Reason.NOT_FOUND]
        found += [o.missing(listed.plural) for several in listed.odd.values() for o in several[:1]]
        if listed.plural in self.narrow:
            found.append(_of_others(listed.plural))
        return found[:1]

    def _index_of_referrers(self) -> dict[tuple[str, str, str], list[Any]]:
        index: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
        for kind in listable.REFERRERS:
            listed = self.lists.get(self.kinds.get(kind.name, ""))
            for several in listed.found.values() if listed else ():
                for referrer in several:
                    for space, name in {(r.namespace, r.service) for r in referrer.references}:
                        index[kind.name, space, name].append(referrer)
        return index

    def foreign_routes(self, service: Service) -> tuple[Route, ...]:
        """The routes of other namespaces that name the Service, where the lists have them."""
        index = self.once(("routes",), self._index_of_routes)
        metadata = service.metadata
        found: tuple[Route, ...] = tuple(index.get((metadata.namespace, metadata.name), ()))
        return tuple(r for r in found if r.metadata.namespace != metadata.namespace)

    def _index_of_routes(self) -> dict[tuple[str, str], list[Route]]:
        index: dict[tuple[str, str], list[Route]] = defaultdict(list)
        for kind in listable.ROUTES:
            listed = self.lists.get(self.kinds.get(kind.name, ""))
            for several in listed.found.values() if listed else ():
                for route in several:
                    for use in {(u.namespace, u.service) for u in uses_of_route(route)}:
                        index[use].append(route)
        return index

    def _routes(self, service: Service) -> Read[Any]:
        here = self._leading_to(service, [k.name for k in listable.ROUTES])
        foreign = self.foreign_routes(service)
        others: list[Read[Any]] = [Observed(value=foreign)] if foreign else []
        others += self._narrow(listable.ROUTES)
        return combined([here, *others]) if others else here

    def _leading_to(self, service: Service, names: Iterable[str]) -> Read[Any]:
        return combined([self._of_kind(kind, service) for kind in names])

    def _of_kind(self, kind: str, service: Service) -> Read[Any]:
        """The objects of one kind that name the Service."""
        namespace = service.metadata.namespace
        everyone = self.objects(kind, namespace)
        if isinstance(everyone, Missing):
            return everyone
        if (kind, namespace) not in self._leading:
            self._leading[kind, namespace] = _by_backend(kind, namespace, everyone.value)
        index = self._leading[kind, namespace]
        return Observed(value=tuple(index.get((namespace, service.metadata.name), ())))

    def monitors(self, service: Service, wanted: "Monitors" = listable.MONITORS) -> Read[Any]:
        """The monitors, of any namespace, that may watch the Service and mean no other one."""
        namespace = service.metadata.namespace
        everyone = combined([self._looking(kind.name, namespace) for kind in wanted])
        if isinstance(everyone, Missing):
            return everyone
        beside = self.lists["services"].found.get(namespace, ())
        found = tuple(m for m in everyone.value if not is_for_sibling(m, service, beside))
        return msgspec.structs.replace(everyone, value=found)

    def _looking(self, kind: str, namespace: str) -> Read[Any]:
        here = self.objects(kind, namespace)
        if isinstance(here, Missing):
            return here

        def find() -> tuple[Any, ...]:
            everyone = self.lists[self.kinds[kind]].found.values()
            return tuple(m for several in everyone for m in several if looks_into(m, namespace))

        found = self.once(("monitors", kind, namespace), find)
        narrow = self._narrow([k for k in listable.MONITORS if k.name == kind])
        return msgspec.structs.replace(here, value=found, lacking=tuple(narrow))

    def _narrow(self, wanted: "Iterable[listable.Listable[Any]]") -> Iterable[Missing]:
        """The resources of which other namespaces could not be listed."""
        listed = [self.lists.get(self.kinds.get(kind.name, "")) for kind in wanted]
        return [_of_others(one.plural) for one in listed if one and one.plural in self.narrow]

    def _guarding(self, namespace: str, pods: Iterable[Pod]) -> Read[NetworkPolicy]:
        everyone = self.objects(listable.NETWORK_POLICIES.name, namespace)
        if isinstance(everyone, Missing) or not everyone.value:
            return everyone
        found: dict[str, NetworkPolicy] = {}
        for labels in {frozenset(p.metadata.labels.items()) for p in pods}:
            key = (namespace, labels)
            if key not in self._guards:
                borne = dict(labels)
                self._guards[key] = [
                    p for p in everyone.value if selects(p.spec.pod_selector, borne)
                ]
            found |= {p.metadata.name: p for p in self._guards[key]}
        return Observed(value=tuple(found[name] for name in sorted(found)))

    def _of_other_kinds(self, service: Service, pods: Iterable[Pod]) -> Read[Any]:
        """The policies of other kinds that may be about one of the pods."""
        space = service.metadata.namespace
        everyone = combined(
            [self.objects(k.key, space if k.namespaced else "") for k in kinds.GUARDS]
        )
        if isinstance(everyone, Missing) or not everyone.value:
            return everyone
        several = list(pods)
        found = tuple(g for g in everyone.value if any(may_select(g, p) for p in several))
        return msgspec.structs.replace(everyone, value=found)

    def of_mesh(self, kind: kinds.Kind, namespace: str) -> Read[Any]:
        """What the policies of a mesh say in the namespace, and in that of the whole mesh."""
        if kind in linkerd.AUTHENTICATIONS:
            return self._everywhere(kind)
        here = self.objects(kind.key, namespace)
        if kind.group == kinds.LINKERD or namespace == istio.ROOT or isinstance(here, Missing):
            return here
        return combined([here, self.objects(kind.key, istio.ROOT)])

    def _everywhere(self, kind: kinds.Kind) -> Read[Any]:
        """The objects of a kind in every namespace, as far as the list has them."""
        listed = self.lists.get(self.kinds.get(kind.key, ""))
        if listed is None:
            return Missing(reason=Reason.NOT_SERVED, detail=f"{kind.key} is not served")
        several = tuple(o for found in listed.found.values() for o in found)
        return Observed(value=several, lacking=tuple(self._why_not(listed)))

    def _of_meshes(self, service: Service, pods: Iterable[Pod]) -> Read[Any]:
        """The policies of a mesh that are about one of the pods."""
        space = service.metadata.namespace
        everyone = self.once(("mesh", space), lambda: self._of_mesh_in(space))
        if isinstance(everyone, Missing) or not everyone.value:
            return everyone
        several = list(pods)
        found = tuple(g for g in everyone.value if any(may_select(g, p) for p in several))
        return msgspec.structs.replace(everyone, value=found)

    def _of_mesh_in(self, namespace: str) -> Read[Any]:
        return linkerd.joined({k.key: self.of_mesh(k, namespace) for k in kinds.MESH_POLICIES})

    def _watching(self, service: Service, pods: Iterable[Pod]) -> Read[Any]:
        everyone = self.monitors(service)
        if isinstance(everyone, Missing):
            return everyone
        several = list(pods)
        found = tuple(m for m in everyone.value if watches(m, service, several))
        return msgspec.structs.replace(everyone, value=found)


ALWAYS: tuple[listable.Listable[Any], ...] = (
    *(listable.INGRESSES, listable.NETWORK_POLICIES),
    *(kind for kind in listable.REFERRERS if not (kind.optional or kind.long)),
)
OPTIONAL: tuple[listable.Listable[Any], ...] = (
    *listable.ROUTES,
    listable.REFERENCE_GRANTS,
    *listable.MONITORS,
    *listable.GUARDS,
    *listable.MESH_POLICIES,
    *(kind for kind in listable.REFERRERS if kind.optional),
)
SHARED_KINDS = frozenset(k.name for k in (*ALWAYS, *OPTIONAL))
"""The kinds around a Service that are among the lists."""


Monitors = Sequence[listable.Listable[Any]]


def _of_others(plural: str) -> Missing:
    others = f"{plural} of other namespaces may not be listed"
    return Missing(reason=Reason.FORBIDDEN, detail=others)


def _by_backend(
    kind: str, namespace: str, items: Iterable[Any]
) -> dict[tuple[str, str], list[Any]]:
    """Ingresses or routes by namespace and name of each Service that they name."""
    index: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for item in items:
        if kind == listable.INGRESSES.name:
            uses = {(namespace, u.service) for u in uses_of_ingress(item)}
        else:
            uses = {(u.namespace, u.service) for u in uses_of_route(item)}
        for use in uses:
            index[use].append(item)
    return index


def _labelled(piece: EndpointSlice, service: str) -> EndpointSlice:
    metadata = msgspec.structs.replace(piece.metadata, labels={SERVICE_NAME: service})
    return msgspec.structs.replace(piece, metadata=metadata)
