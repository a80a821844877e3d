"""What leads to the Services of a sweep, guards their pods and watches them, from its lists.

Each list is indexed once: by the Services that its objects name, by the labels that its policies
select. Where no object concerns a Service, the evidence of all such Services holds the same parts.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from kubectl_portcheck.collect.cluster import listable
from kubectl_portcheck.collect.cluster.pages import Listed
from kubectl_portcheck.collect.cluster.shared_lists import Shared
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record, combined
from kubectl_portcheck.model.evidence import NOT_ASKED, Misnamed
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.references import NetworkPolicy, Route
from kubectl_portcheck.semantics import referrers
from kubectl_portcheck.semantics.guards.joining import with_servers, with_sets
from kubectl_portcheck.semantics.ingresses import Hosts
from kubectl_portcheck.semantics.mesh import ISTIO_ROOT
from kubectl_portcheck.semantics.misnamed import misnamed
from kubectl_portcheck.semantics.monitoring import Siblings
from kubectl_portcheck.semantics.needs import Leading
from kubectl_portcheck.semantics.references import (
    looks_into,
    may_select,
    selects,
    uses_of_ingress,
    uses_of_route,
    watches,
)
from kubectl_portcheck.semantics.referrers.authorities import with_authorities

R = TypeVar("R", bound=Record)
Read = Observed[tuple[R, ...]] | Missing
Kinds = Sequence[listable.Listable[Any]]
Place = tuple[str, str]
"""The namespace and the name of a Service."""

_ROUTES = [kind.name for kind in listable.ROUTES]


class Around:
    """Looks up what concerns a Service in the lists of a sweep. Safe in several threads."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._parts: dict[tuple[Any, ...], Any] = {}
        self._guarding: dict[tuple[str, frozenset[tuple[str, str]]], list[NetworkPolicy]] = {}

    def evidence(self, service: Service, pods: Sequence[Pod]) -> dict[str, Read[Any]]:
        """What leads to the Service, guards its pods and watches them, by field of the evidence."""
        namespace = service.metadata.namespace
        return {
            **self._leading(service),
            "network_policies": self._policies(namespace, pods),
            "monitors": self._watching(service, pods),
            "guards": self._guards(namespace, pods),
            "mesh_policies": self._of_meshes(namespace, pods),
            "misnamed": self._misnamed(service),
        }

    def _leading(self, service: Service) -> dict[str, Read[Any]]:
        """What leads to the Service; the same of all in a namespace that no object names."""
        place = service.metadata.namespace, service.metadata.name
        named = self._once(("named",), self._named_anywhere)
        if place in named or place in self._naming(listable.INGRESSES.name, place[0]):
            return self._led_by(service, place)
        key = ("unnamed", place[0], referrers.may_speak_tls(service))
        parts: dict[str, Read[Any]] = self._once(key, lambda: self._led_by(service, place))
        return parts

    def _led_by(self, service: Service, place: Place) -> dict[str, Read[Any]]:
        found = {**self._ingresses(place), **self._routes(place)}
        return {**found, "referrers": self._relevant(service)}

    def _named_anywhere(self) -> set[Place]:
        """The Services that an object names, whatever namespace it is in."""
        routed: dict[Place, list[Route]] = self._once(("routes",), self._index_of_routes)
        referred: set[Place] = self._once(("referred",), self._referred)
        return {*routed, *referred}

    def _once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What was made under this key. Two threads may both make it: it is the same."""
        if key not in self._parts:
            self._parts[key] = make()
        return self._parts[key]

    def _misnamed(self, service: Service) -> Read[Any]:
        """What seems to mean the Service, and names one that does not exist."""
        namespace = service.metadata.namespace
        names = self._shared.names(namespace)
        if names is None:
            return NOT_ASKED
        found: dict[str, tuple[Misnamed, ...]] = self._once(
            ("misnamed", namespace),
            lambda: misnamed(self._leading_nowhere(namespace, names), names),
        )
        here = found.get(service.metadata.name)
        return Observed(value=here) if here else NOT_ASKED

    def _leading_nowhere(self, namespace: str, names: Collection[str]) -> Leading:
        """The objects that name a Service of the namespace that does not exist."""
        ingresses = self._naming(listable.INGRESSES.name, namespace)
        routes = self._once(("routes by namespace",), self._routes_by_namespace)
        referred = self._once(("referrers by namespace",), self._referrers_by_namespace)
        several = (ingresses, routes.get(namespace, {}), referred.get(namespace, {}))
        return Leading(namespace, *(_nowhere(found, names) for found in several))

    def _routes_by_namespace(self) -> dict[str, dict[Place, list[Any]]]:
        return _by_namespace(self._once(("routes",), self._index_of_routes).items())

    def _referrers_by_namespace(self) -> dict[str, dict[Place, list[Any]]]:
        index = self._once(("referrers",), self._index_of_referrers)
        return _by_namespace(((space, name), found) for (_, space, name), found in index.items())

    # Ingresses and routes

    def _ingresses(self, place: Place) -> dict[str, Read[Any]]:
        """The Ingresses that lead to the Service and those beside them, with all classes."""
        space = place[0]
        everyone = self._shared.objects(listable.INGRESSES.name, space)
        if isinstance(everyone, Missing) or not everyone.value:
            return {"ingresses": everyone}
        leading = self._naming(listable.INGRESSES.name, space).get(place)
        if not leading:
            return {"ingresses": NOTHING}
        hosts = self._once(("hosts", space), lambda: Hosts(everyone.value))
        return {
            "ingresses": Observed(value=hosts.beside(leading)),
            "ingress_classes": self._shared.ingress_classes(),
        }

    def _naming(self, kind: str, namespace: str) -> dict[Place, list[Any]]:
        """The namespace's objects of a kind, by each Service that they name."""
        index: dict[Place, list[Any]] = self._once(
            ("naming", kind, namespace), lambda: self._index_of(kind, namespace)
        )
        return index

    def _index_of(self, kind: str, namespace: str) -> dict[Place, list[Any]]:
        everyone = self._shared.objects(kind, namespace)
        found = () if isinstance(everyone, Missing) else everyone.value
        return _by_backend(kind, namespace, found)

    def foreign_routes(self, place: Place) -> tuple[Route, ...]:
        """The routes of other namespaces that name the Service, where the lists have them."""
        index: dict[Place, list[Route]] = self._once(("routes",), self._index_of_routes)
        found = index.get(place, ())
        return tuple(r for r in found if r.metadata.namespace != place[0])

    def _index_of_routes(self) -> dict[Place, list[Route]]:
        index: dict[Place, list[Route]] = {}
        for listed in self._lists(listable.ROUTES):
            for several in listed.found.values():
                for route in several:
                    for use in {(u.namespace, u.service) for u in uses_of_route(route)}:
                        index.setdefault(use, []).append(route)
        return index

    def _routes(self, place: Place) -> dict[str, Read[Any]]:
        """The routes that name the Service, with the grants that those from elsewhere need."""
        if place not in self._once(("routes",), self._index_of_routes):
            space = place[0]
            return {"routes": self._once(("no routes", space), lambda: self._no_routes(space))}
        foreign = self.foreign_routes(place)
        here = {kind: self._naming(kind, place[0]).get(place) for kind in _ROUTES}
        parts = [self._named(kind, place[0], found) for kind, found in here.items()]
        others: list[Read[Any]] = [Observed(value=foreign)] if foreign else []
        others += self._narrow(listable.ROUTES)
        routes = combined([combined(parts), *others]) if others else combined(parts)
        if not foreign:
            return {"routes": routes}
        grants = self._shared.objects(listable.REFERENCE_GRANTS.name, place[0])
        return {"routes": routes, "reference_grants": grants}

    def _no_routes(self, namespace: str) -> Read[Any]:
        here = combined([self._named(kind, namespace, None) for kind in _ROUTES])
        others = self._narrow(listable.ROUTES)
        return combined([here, *others]) if others else here

    def _named(self, kind: str, namespace: str, found: list[Any] | None) -> Read[Any]:
        everyone = self._shared.objects(kind, namespace)
        return everyone if isinstance(everyone, Missing) else Observed(value=tuple(found or ()))

    # What else leads to a Service

    def _relevant(self, service: Service) -> Read[Any]:
        metadata = service.metadata
        if (metadata.namespace, metadata.name) in self._once(("referred",), self._referred):
            found = with_authorities(
                self.referrers(service),
                metadata.name,
                lambda wanted: self._shared.authority(metadata.namespace, wanted),
            )
            return referrers.relevant(found, service)
        tls = referrers.may_speak_tls(service)
        none: Read[Any] = self._once(
            ("no referrers", tls), lambda: referrers.relevant(self.referrers(service), service)
        )
        return none

    def _referred(self) -> set[Place]:
        index = self._once(("referrers",), self._index_of_referrers)
        return {(space, name) for _, space, name in index}

    def referrers(self, service: Service, wanted: Kinds = listable.REFERRERS) -> Read[Any]:
        """What leads to the Service by objects of these kinds, as far as the lists have it."""
        metadata = service.metadata
        index = self._once(("referrers",), self._index_of_referrers)
        parts: list[Read[Any]] = []
        for kind in wanted:
            for listed in self._lists((kind,)):
                here = index.get((kind.name, metadata.namespace, metadata.name), ())
                routed = (kinds.VIRTUAL_SERVICE.name, metadata.namespace, metadata.name) in index
                if kind.of in (kinds.ISTIO_GATEWAY, kinds.KUBERNETES_GATEWAY) and routed:
                    here = [g for several in listed.found.values() for g in several]
                parts += [Observed(value=tuple(here)), *self._why_not(listed)]
        return combined(parts) if parts else Missing(reason=Reason.NOT_SERVED)

    def _why_not(self, listed: Listed[Any]) -> Sequence[Missing]:
        """Why objects that lead to any Service may be unknown."""
        found = [m for m in listed.missing.values() if m.reason != Reason.NOT_FOUND]
        found += [o.missing(listed.plural) for several in listed.odd.values() for o in several[:1]]
        if listed.plural in self._shared.narrow:
            found.append(_of_others(listed.plural))
        return found[:1]

    def _index_of_referrers(self) -> dict[tuple[str, str, str], list[Any]]:
        index: dict[tuple[str, str, str], list[Any]] = {}
        for kind in listable.REFERRERS:
            for listed in self._lists((kind,)):
                for several in listed.found.values():
                    for referrer in several:
                        for space, name in {(r.namespace, r.service) for r in referrer.references}:
                            index.setdefault((kind.name, space, name), []).append(referrer)
        return index

    # Monitors

    def monitors(self, service: Service, wanted: Kinds = listable.MONITORS) -> Read[Any]:
        """The monitors, of any namespace, that may watch the Service and mean no other one."""
        namespace = service.metadata.namespace
        key = ("monitors", namespace, *[kind.name for kind in wanted])
        everyone: Read[Any] = self._once(
            key, lambda: combined([self._looking(kind.name, namespace) for kind in wanted])
        )
        if isinstance(everyone, Missing) or not everyone.value:
            return everyone
        beside = self._shared.lists["services"].found.get(namespace, ())
        siblings: Siblings = self._once(("siblings", namespace), lambda: Siblings(beside))
        found = tuple(m for m in everyone.value if not siblings.has_meant(m, service))
        return msgspec.structs.replace(everyone, value=found)

    def _looking(self, kind: str, namespace: str) -> Read[Any]:
        here = self._shared.objects(kind, namespace)
        if isinstance(here, Missing):
            return here
        everyone = self._shared.lists[self._shared.kinds[kind]].found.values()
        found = tuple(m for several in everyone for m in several if looks_into(m, namespace))
        narrow = self._narrow([k for k in listable.MONITORS if k.name == kind])
        return msgspec.structs.replace(here, value=found, lacking=tuple(narrow))

    def _watching(self, service: Service, pods: Sequence[Pod]) -> Read[Any]:
        everyone = self.monitors(service)
        if isinstance(everyone, Missing) or not everyone.value:
            return everyone
        found = tuple(m for m in everyone.value if watches(m, service, pods))
        return msgspec.structs.replace(everyone, value=found)

    # Policies

    def _policies(self, namespace: str, pods: Iterable[Pod]) -> Read[NetworkPolicy]:
        everyone = self._shared.objects(listable.NETWORK_POLICIES.name, namespace)
        if isinstance(everyone, Missing) or not everyone.value:
            return everyone
        found: dict[str, NetworkPolicy] = {}
        for labels in {frozenset(p.metadata.labels.items()) for p in pods}:
            key = (namespace, labels)
            if key not in self._guarding:
                borne = dict(labels)
                self._guarding[key] = [
                    p for p in everyone.value if selects(p.spec.pod_selector, borne)
                ]
            found |= {p.metadata.name: p for p in self._guarding[key]}
        return Observed(value=tuple(found[name] for name in sorted(found))) if found else NOTHING

    def _guards(self, namespace: str, pods: Sequence[Pod]) -> Read[Any]:
        """The policies of other kinds that may be about one of the pods."""
        everyone: Read[Any] = self._once(
            ("guards", namespace),
            lambda: with_sets(
                combined(
                    [
                        self._shared.objects(k.key, namespace if k.namespaced else "")
                        for k in kinds.GUARDS
                    ]
                ),
                lambda wanted: [self._shared.beside_guards(k) for k in wanted],
            ),
        )
        return _about(everyone, pods)

    def _of_meshes(self, namespace: str, pods: Sequence[Pod]) -> Read[Any]:
        """The policies of a mesh that are about one of the pods."""
        everyone: Read[Any] = self._once(
            ("meshes", namespace),
            lambda: with_servers({k.key: self.of_mesh(k, namespace) for k in kinds.MESH_POLICIES}),
        )
        return _about(everyone, pods)

    def of_mesh(self, kind: kinds.Kind, namespace: str) -> Read[Any]:
        """What the policies of a mesh say in the namespace, and in that of the whole mesh."""
        if kind in kinds.LINKERD_AUTHENTICATIONS:
            return self._everywhere(kind)
        here = self._shared.objects(kind.key, namespace)
        if kind.group == kinds.LINKERD or namespace == ISTIO_ROOT or isinstance(here, Missing):
            return here
        return combined([here, self._shared.objects(kind.key, ISTIO_ROOT)])

    def _everywhere(self, kind: kinds.Kind) -> Read[Any]:
        """The objects of a kind in every namespace, as far as the list has them."""
        listed = self._shared.lists.get(self._shared.kinds.get(kind.key, ""))
        if listed is None:
            return Missing(reason=Reason.NOT_SERVED, detail=f"{kind.key} is not served")
        several = tuple(o for found in listed.found.values() for o in found)
        return Observed(value=several, lacking=tuple(self._why_not(listed)))

    # Lists

    def _lists(self, wanted: Kinds) -> Iterable[Listed[Any]]:
        plurals = [self._shared.kinds.get(kind.name, "") for kind in wanted]
        return [self._shared.lists[p] for p in plurals if p in self._shared.lists]

    def _narrow(self, wanted: Kinds) -> list[Missing]:
        """The resources of which other namespaces could not be listed."""
        plurals = [listed.plural for listed in self._lists(wanted)]
        return [_of_others(p) for p in plurals if p in self._shared.narrow]


NOTHING: Observed[tuple[Any, ...]] = Observed(value=())


def _about(everyone: Read[Any], pods: Sequence[Pod]) -> Read[Any]:
    if isinstance(everyone, Missing) or not everyone.value:
        return everyone
    found = tuple(g for g in everyone.value if any(may_select(g, p) for p in pods))
    return msgspec.structs.replace(everyone, value=found)


def _by_namespace(
    index: Iterable[tuple[Place, list[Any]]],
) -> dict[str, dict[Place, list[Any]]]:
    """What names Services, by the namespace of these, and then by their names."""
    found: dict[str, dict[Place, list[Any]]] = {}
    for place, several in index:
        found.setdefault(place[0], {}).setdefault(place, []).extend(several)
    return found


def _nowhere(index: dict[Place, list[Any]], names: Collection[str]) -> list[Any]:
    """What names a Service that is none of these, each once."""
    found = (one for (_, name), several in index.items() if name not in names for one in several)
    return list({id(one): one for one in found}.values())


def _of_others(plural: str) -> Missing:
    others = f"{plural} of other namespaces may not be listed"
    return Missing(reason=Reason.FORBIDDEN, detail=others)


def _by_backend(kind: str, namespace: str, items: Iterable[Any]) -> dict[Place, list[Any]]:
    """Ingresses or routes by namespace and name of each Service that they name."""
    index: dict[Place, list[Any]] = {}
    for item in items:
        if kind == listable.INGRESSES.name:
            uses = {(namespace, u.service) for u in uses_of_ingress(item)}
        else:
            uses = {(u.namespace, u.service) for u in uses_of_route(item)}
        for use in uses:
            index.setdefault(use, []).append(item)
    return index
