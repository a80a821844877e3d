"""Traefik's IngressRoute, IngressRouteTCP, IngressRouteUDP and TraefikService.

A number is the Service port's number, a text its name: a number in quotes is taken for a name. A
Service of another namespace is allowed only by a setting of Traefik. The protocol is not compared:
Traefik dials the pods itself. (traefik, ``getServicePort`` in ``pkg/provider/kubernetes/crd``;
``allowCrossNamespace``)
"""

from collections.abc import Iterator

from msgspec import structs

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.model.references import Reference
from kubectl_portcheck.semantics.referrers.base import form


class LoadBalancer(Record, frozen=True):
    """A Service, or a TraefikService, to which requests are sent."""

    name: str = ""
    namespace: str = ""
    kind: str = "Service"
    port: WholeNumber | str | None = None
    scheme: str = ""


class TraefikRoute(Record, frozen=True):
    """A rule of an IngressRoute."""

    services: tuple[LoadBalancer, ...] = ()


class RouteTls(Record, frozen=True):
    """Where the TLS of clients ends."""

    passthrough: bool = False
    """Whether the pods get it as it comes; only an IngressRouteTCP has this field."""


class IngressRouteSpec(Record, frozen=True):
    """The rules of an IngressRoute."""

    routes: tuple[TraefikRoute, ...] = ()
    tls: RouteTls | None = None


class IngressRoute(Record, frozen=True):
    """An IngressRoute, for HTTP, TCP or UDP."""

    metadata: ObjectMeta = ObjectMeta()
    spec: IngressRouteSpec = IngressRouteSpec()


class Weighted(Record, frozen=True):
    """Several Services, each with its share."""

    services: tuple[LoadBalancer, ...] = ()


class Mirroring(LoadBalancer, frozen=True):
    """A Service, and those that get copies of its requests."""

    mirrors: tuple[LoadBalancer, ...] = ()


class TraefikServiceSpec(Record, frozen=True):
    """What a TraefikService is made of."""

    weighted: Weighted = Weighted()
    mirroring: Mirroring | None = None


class TraefikService(Record, frozen=True):
    """A TraefikService."""

    metadata: ObjectMeta = ObjectMeta()
    spec: TraefikServiceSpec = TraefikServiceSpec()


def _reference(called: LoadBalancer, pointer: str, namespace: str) -> Iterator[Reference]:
    if called.name and called.kind in ("", "Service"):
        yield Reference(
            where=pointer,
            service=called.name,
            namespace=called.namespace or namespace,
            port=called.port,
            pointer=f"{pointer}/port",
            scheme=called.scheme,
            scheme_field="scheme",
            protocol="",
        )


def _of_routes(item: IngressRoute) -> Iterator[Reference]:
    passes = item.spec.tls is not None and item.spec.tls.passthrough
    for i, route in enumerate(item.spec.routes):
        for j, called in enumerate(route.services):
            pointer = f"/spec/routes/{i}/services/{j}"
            for found in _reference(called, pointer, item.metadata.namespace):
                yield structs.replace(found, scheme="passthrough") if passes else found


def _of_service(item: TraefikService) -> Iterator[Reference]:
    space = item.metadata.namespace
    for j, called in enumerate(item.spec.weighted.services):
        yield from _reference(called, f"/spec/weighted/services/{j}", space)
    mirroring = item.spec.mirroring
    if mirroring is not None:
        yield from _reference(mirroring, "/spec/mirroring", space)
        for j, called in enumerate(mirroring.mirrors):
            yield from _reference(called, f"/spec/mirroring/mirrors/{j}", space)


FORMS = {
    **{
        kind: form(kind, IngressRoute, _of_routes)
        for kind in (kinds.INGRESS_ROUTE, kinds.INGRESS_ROUTE_TCP, kinds.INGRESS_ROUTE_UDP)
    },
    kinds.TRAEFIK_SERVICE: form(kinds.TRAEFIK_SERVICE, TraefikService, _of_service),
}
