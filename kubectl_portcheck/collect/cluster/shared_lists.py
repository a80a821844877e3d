"""What the Services of a sweep share: the lists, read once, with the indexes that keep a sweep
linear in the number of objects."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec

from kubectl_portcheck.client import BadRequest, ClusterError, Unauthorized, Unreachable
from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.cluster import listable
from kubectl_portcheck.collect.cluster.once import Once
from kubectl_portcheck.collect.cluster.pages import Listed, Lister, Resource, Seen, is_forbidden
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.collect.cluster.work import Questions, result_of
from kubectl_portcheck.collect.shards import Shard
from kubectl_portcheck.errors import NoAnswerError
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record
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
from kubectl_portcheck.semantics import referrers
from kubectl_portcheck.semantics.endpoints import as_slices
from kubectl_portcheck.semantics.pods import by_labels

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
AUTHORITIES = Resource(kinds.CONFIG_MAP, decode.ListOf[decode.KeysOnly], made=decode.with_keys)
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
        self.once = Once()
        self._names: dict[str, frozenset[str]] = {}
        self._by_label: dict[str, dict[tuple[str, str], list[Pod]]] = {}
        self._by_service: dict[str, dict[str, list[EndpointSlice]]] = {}
        self._objects: dict[tuple[str, str], Read[Any]] = {}

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
        self._found(services)
        if self.namespaces is None and is_forbidden(self.lists["services"]):
            self._one_by_one()
        self.served = self._found(groups)
        served = {} if isinstance(self.served, Missing) else self.served.value
        optional = [*self._served(served), *self._called()]
        self.begun += [questions.ask(self._list, r, self._into(r)) for r in optional]
        for one in list(self.begun):
            self._found(one)
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
            self._found(one)

    def _found(self, begun: "Future[T]") -> T:
        return result_of(begun, self._lister.deadline)

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
            at = msgspec.structs.replace(resource, version=version)
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
            versions = served.get(kind.of.group, ()) if kind.of.matters(served) else ()
            known = [v for v in kind.of.versions if v in versions]
            if known:
                yield self._around(kind, *known)

    def _called(self) -> Iterable[Resource[Any]]:
        """The long lists of what the API server calls, where it may call one of the Services."""
        everyone = self.lists["services"].found.values()
        if any(referrers.may_speak_tls(s) for several in everyone for s in several):
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

    def names(self, namespace: str) -> Collection[str] | None:
        """The names of all Services of a namespace; None where only some were listed."""
        if self._scope.query:
            return None
        listed = self.lists["services"]
        names = self._names.get(namespace)
        if names is None:
            everyone = (*listed.found.get(namespace, ()), *listed.odd.get(namespace, ()))
            names = self._names[namespace] = frozenset(one.metadata.name for one in everyone)
        return names

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
        terms = service.spec.selector.items()
        listed = self.lists["pods"]
        why = listed.why_not(namespace, lambda odd: terms <= odd.labels.items())
        if why is not None:
            return why
        if namespace not in self._by_label:
            self._by_label[namespace] = self._labelled(namespace)
        index = self._by_label[namespace]
        fewest = min((index.get(term, _NO_POD) for term in terms), key=len, default=_NO_POD)
        if len(terms) > 1:
            fewest = [p for p in fewest if terms <= p.metadata.labels.items()]
        return Observed(value=tuple(sorted(fewest, key=_name)))

    def _labelled(self, namespace: str) -> dict[tuple[str, str], list[Pod]]:
        """The pods by each label that one of the namespace's Services selects."""
        services = self.lists["services"].found.get(namespace, ())
        index: dict[tuple[str, str], list[Pod]] = {
            term: [] for s in services for term in s.spec.selector.items()
        }
        for labels, several in by_labels(self.lists["pods"].found.get(namespace, ())):
            for label in labels.items():
                if label in index:
                    index[label] += several
        return index

    def slices(self, service: Service) -> Read[EndpointSlice]:
        """The Service's EndpointSlices."""
        namespace = service.metadata.namespace
        name = service.metadata.name
        listed = self.lists["endpointslices"]
        why = listed.why_not(namespace, lambda odd: odd.labels.get(SERVICE_NAME, name) == name)
        if why is not None:
            return why
        if namespace not in self._by_service:
            index: dict[str, list[EndpointSlice]] = defaultdict(list)
            for piece in listed.found.get(namespace, ()):
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
        found: list[Pod] = []
        for labels, several in by_labels(everyone.value):
            if wanted & labels.items() or any(v.startswith(starts) for v in labels.values()):
                found += several
                if len(found) >= MOST_COMPARED:
                    break
        return Observed(value=tuple(found[:MOST_COMPARED]))

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
        """The namespace's objects of a kind that concerns Services; each time the same."""
        key = kind, namespace
        if key not in self._objects:
            self._objects[key] = self._objects_of(kind, namespace)
        return self._objects[key]

    def _objects_of(self, kind: str, namespace: str) -> Read[Any]:
        listed = self.lists.get(self.kinds.get(kind, ""))
        if listed is None:
            return Missing(reason=Reason.NOT_SERVED, detail=f"{kind} is not served")
        found = listed.of(namespace)
        if isinstance(found, Missing) and found.reason == Reason.NOT_FOUND:
            return Missing(reason=Reason.NOT_SERVED, detail=f"{kind} is not served")
        return found

    def beside_guards(self, kind: kinds.Kind) -> Read[Any]:
        """The objects of every namespace that policies mean; listed when they are first needed."""
        served = {} if isinstance(self.served, Missing) else self.served.value

        def read() -> Read[Any]:
            return self._reads.objects(listable.BESIDE_GUARDS[kind], served)

        return self.once(("beside", kind.key), read)

    def authority(self, namespace: str, name: str) -> Read[Any]:
        """The ConfigMap of this name, by its keys, if there is one."""
        wanted = {"fieldSelector": f"metadata.name={name}"}

        def read() -> Read[Any]:
            return self._lister.read(AUTHORITIES, [namespace], wanted).of(namespace)

        return self.once(("authority", namespace, name), read)

    def ingress_classes(self) -> Read[Any]:
        """The IngressClasses; listed when they are first asked for."""
        return self.once(("classes",), lambda: self._lister.read(CLASSES, None)).of("")


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


_NO_POD: list[Pod] = []


_name = attrgetter("metadata.name")


def _labelled(piece: EndpointSlice, service: str) -> EndpointSlice:
    metadata = msgspec.structs.replace(piece.metadata, labels={SERVICE_NAME: service})
    return msgspec.structs.replace(piece, metadata=metadata)
