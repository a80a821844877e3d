"""Which objects refer to a Service or to its pods, and by what."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from kubectl_portcheck.model.facts import Said
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.kinds import GATEWAY
from kubectl_portcheck.model.objects import LabelSelector, Pod, Service
from kubectl_portcheck.model.references import (
    BackendRef,
    Ingress,
    IngressBackend,
    Monitor,
    ParentRef,
    ReferenceGrant,
    Route,
    RouteFilter,
    RouteRule,
    ServiceBackendPort,
)
from kubectl_portcheck.semantics import selectors
from kubectl_portcheck.semantics.peers import NAMESPACE_NAME

T = TypeVar("T")

INGRESS_CLASS = "kubernetes.io/ingress.class"
"""The annotation that named an Ingress's class before ``ingressClassName`` did."""


class IngressUse(msgspec.Struct, frozen=True):
    """One place of an Ingress that names a Service port."""

    where: str
    """``host/path``, or ``default backend``."""
    service: str
    port: ServiceBackendPort
    pointer: str
    """The JSON pointer of the backend's port, for a patch."""


def uses_of_ingress(ingress: Ingress) -> list[IngressUse]:
    """Every Service that the Ingress names, in their order."""
    found: list[IngressUse] = []

    def add(where: str, backend: IngressBackend | None, pointer: str) -> None:
        if backend and backend.service:
            port = f"{pointer}/service/port"
            found.append(IngressUse(where, backend.service.name, backend.service.port, port))

    add("default backend", ingress.spec.default_backend, "/spec/defaultBackend")
    for i, rule in enumerate(ingress.spec.rules):
        for j, path in enumerate(rule.http.paths):
            pointer = f"/spec/rules/{i}/http/paths/{j}/backend"
            add(f"{rule.host or '*'}{path.path or '/'}", path.backend, pointer)
    return found


def class_of(ingress: Ingress) -> str:
    """The Ingress's class; '' where it names none."""
    return ingress.spec.ingress_class_name or ingress.metadata.annotations.get(INGRESS_CLASS, "")


class RouteUse(msgspec.Struct, frozen=True):
    """One backend of a route that is a Service."""

    service: str
    namespace: str
    port: int | None
    pointer: str
    """The JSON pointer of the backend, for a patch."""


def uses_of_route(route: Route) -> list[RouteUse]:
    """Every Service that the route references: a backend in a filter counts like any other.

    (Gateway API, HTTPRequestMirrorFilter.backendRef)
    """
    return [
        RouteUse(ref.name, ref.namespace or route.metadata.namespace, ref.port, pointer)
        for i, rule in enumerate(route.spec.rules)
        for ref, pointer in _backends(rule, f"/spec/rules/{i}")
        if _is_service(ref)
    ]


def _backends(rule: RouteRule, at: str) -> Iterator[tuple[BackendRef, str]]:
    for j, ref in enumerate(rule.backend_refs):
        pointer = f"{at}/backendRefs/{j}"
        yield ref, pointer
        yield from _mirrors(ref.filters, pointer)
    yield from _mirrors(rule.filters, at)


def _mirrors(filters: Iterable[RouteFilter], at: str) -> Iterator[tuple[BackendRef, str]]:
    for k, found in enumerate(filters):
        if found.request_mirror is not None:
            yield found.request_mirror.backend_ref, f"{at}/filters/{k}/requestMirror/backendRef"


def is_for_mesh(route: Route) -> bool:
    """Whether every parent of the route is a Service: then a mesh reads it, and no Gateway.

    Its backends in other namespaces need no ReferenceGrant. (Gateway API, GEP-1294)
    """
    parents = route.spec.parent_refs
    return bool(parents) and all(p.kind == "Service" and p.group in ("", "core") for p in parents)


class Refusal(msgspec.Struct, frozen=True):
    """What a Gateway's controller says against a route."""

    gateway: str
    reason: str
    message: str

    @property
    def said(self) -> Said:
        """The same as a fact."""
        return Said(
            source=f"Gateway {self.gateway}" if self.gateway else "its Gateway",
            words=f"{self.reason}{f': {self.message}' if self.message else ''}",
        )


def refusals(route: Route, types: Collection[str] = ("ResolvedRefs",)) -> list[Refusal]:
    """What the Gateways' controllers say against the route, by its conditions of these types.

    What is said of a parent that the route no longer names is a rest, which only the controller
    itself removes. (Gateway API, RouteConditionResolvedRefs, RouteConditionAccepted, RouteStatus)
    """
    named = {_place_of(p, route) for p in route.spec.parent_refs}
    return [
        Refusal(parent.parent_ref.name, c.reason or c.type, c.message)
        for parent in route.status.parents
        if not named or _place_of(parent.parent_ref, route) in named
        for c in parent.conditions
        if c.type in types and c.status == "False"
    ]


def _place_of(parent: ParentRef, route: Route) -> tuple[str, str, str, str]:
    space = parent.namespace or route.metadata.namespace
    return parent.group, parent.kind, space, parent.name


def granted(grants: Iterable[ReferenceGrant], route: Route, service: Service) -> bool:
    """Whether the Service's namespace lets this route refer to the Service.

    (Gateway API, ReferenceGrant: one of ``from`` and one of ``to`` must match)
    """
    asking = (GATEWAY, route.kind, route.metadata.namespace)
    return any(
        any((f.group, f.kind, f.namespace) == asking for f in grant.spec.from_)
        and any(
            (t.group in ("", "core"), t.kind) == (True, "Service")
            and t.name in ("", service.metadata.name)
            for t in grant.spec.to
        )
        for grant in grants
    )


def _is_service(ref: BackendRef) -> bool:
    return ref.kind == "Service" and ref.group in ("", "core")


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether a selector of a policy or monitor matches; here an empty one matches everything."""
    return bool(selectors.holds(selector, labels))


def may_select(guard: Guard, pod: Pod) -> bool:
    """Whether a policy of another kind is about the pod, as far as its own labels say."""
    home, space = (m.namespace or "default" for m in (guard.metadata, pod.metadata))
    named = {NAMESPACE_NAME: space}
    return any(
        selects(s.pods, pod.metadata.labels)
        and (
            home == space
            if s.namespaces is None
            else selectors.holds(s.namespaces, named, whole=False) is not False
        )
        for part in guard.parts
        for s in part.selects
    )


def looks_into(monitor: Monitor, namespace: str) -> bool:
    """Whether the monitor looks into the namespace."""
    where = monitor.spec.namespace_selector
    return where.any or namespace in (where.match_names or (monitor.metadata.namespace,))


def watches(monitor: Monitor, service: Service, pods: Iterable[Pod]) -> bool:
    """Whether the monitor means this Service, or for a PodMonitor one of these pods."""
    if not looks_into(monitor, service.metadata.namespace):
        return False
    chosen = monitor.spec.selector
    if monitor.kind == "PodMonitor":
        return any(selects(chosen, p.metadata.labels) for p in pods)
    return selects(chosen, service.metadata.labels)
