"""Istio's VirtualService, DestinationRule and Gateway.

A host without a dot is a Service of the rule's own namespace; a port is a Service port by its
number, and may be left out where the Service has only one. A subset must be defined in a
DestinationRule of that host. (Istio, ``Destination``)
"""

from collections.abc import Iterable, Iterator

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.model.references import Entrance, Reference
from kubectl_portcheck.semantics.referrers.base import form


class DestinationPort(Record, frozen=True):
    """A Service port by its number."""

    number: WholeNumber | None = None


class Destination(Record, frozen=True):
    """Where Istio sends requests."""

    host: str = ""
    port: DestinationPort = DestinationPort()
    subset: str = ""


class RouteDestination(Record, frozen=True):
    """A destination with its weight."""

    destination: Destination = Destination()
    weight: WholeNumber | None = None


class VirtualRoute(Record, frozen=True):
    """One rule of a VirtualService, for HTTP, TLS or TCP."""

    route: tuple[RouteDestination, ...] = ()
    mirror: Destination | None = None
    mirrors: tuple[RouteDestination, ...] = ()


class VirtualServiceSpec(Record, frozen=True):
    """The rules of a VirtualService."""

    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    """Names of Gateways, with a namespace before a slash where it is another one; ``mesh`` stands
    for the sidecars."""
    http: tuple[VirtualRoute, ...] = ()
    tls: tuple[VirtualRoute, ...] = ()
    tcp: tuple[VirtualRoute, ...] = ()


class VirtualService(Record, frozen=True):
    """A VirtualService."""

    metadata: ObjectMeta = ObjectMeta()
    spec: VirtualServiceSpec = VirtualServiceSpec()


class Subset(Record, frozen=True):
    """Some of the pods of a host, by name."""

    name: str = ""
    labels: dict[str, str] = {}


class ClientTls(Record, frozen=True):
    """What clients speak to the pods."""

    mode: str = ""


class PortPolicy(Record, frozen=True):
    """What holds for one Service port, in place of what holds for the host."""

    port: DestinationPort = DestinationPort()
    tls: ClientTls | None = None


class TrafficPolicy(Record, frozen=True):
    """How clients connect to the pods of a host."""

    tls: ClientTls | None = None
    port_level_settings: tuple[PortPolicy, ...] = ()


class DestinationRuleSpec(Record, frozen=True):
    """What holds for the pods of a host."""

    host: str = ""
    traffic_policy: TrafficPolicy = TrafficPolicy()
    subsets: tuple[Subset, ...] = ()


class DestinationRule(Record, frozen=True):
    """A DestinationRule."""

    metadata: ObjectMeta = ObjectMeta()
    spec: DestinationRuleSpec = DestinationRuleSpec()


class GatewayServer(Record, frozen=True):
    """A port that a Gateway opens."""

    port: DestinationPort = DestinationPort()
    hosts: tuple[str, ...] = ()


class GatewaySpec(Record, frozen=True):
    """What an Istio Gateway opens."""

    selector: dict[str, str] = {}
    """The labels of the pods that open it; without any, all gateways do."""
    servers: tuple[GatewayServer, ...] = ()


class Gateway(Record, frozen=True):
    """An Istio Gateway."""

    metadata: ObjectMeta = ObjectMeta()
    spec: GatewaySpec = GatewaySpec()


class KubernetesGateway(Record, frozen=True):
    """A Gateway of the Gateway API, of which only the name is read."""

    metadata: ObjectMeta = ObjectMeta()


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """The Service that a host means: its name and namespace; None for another host.

    Istio takes ``checkout.shop`` for a host outside of the mesh, unlike DNS in a pod.
    """
    name, *rest = host.split(".")
    if not name or "*" in host:
        return None
    if not rest:
        return name, namespace
    return (name, rest[0]) if rest[1:2] == ["svc"] else None


def _of_routes(found: VirtualService) -> Iterator[Reference]:
    for field in ("http", "tls", "tcp"):
        for i, rule in enumerate(getattr(found.spec, field)):
            for destination, pointer, idle in _destinations(rule, f"/spec/{field}/{i}"):
                meant = service_of(destination.host, found.metadata.namespace)
                if meant is not None:
                    yield Reference(
                        where=f"destination {destination.host}",
                        service=meant[0],
                        namespace=meant[1],
                        port=destination.port.number,
                        pointer=f"{pointer}/port/number",
                        by="number",
                        subset=destination.subset,
                        idle=idle,
                    )


def _destinations(rule: VirtualRoute, at: str) -> Iterable[tuple[Destination, str, bool]]:
    """Each with its place, and whether no client waits for an answer from there.

    Of several destinations one without a weight gets nothing; a single one gets everything,
    whatever its weight. (Istio, ``HTTPRouteDestination``)
    """
    for j, route in enumerate(rule.route):
        idle = len(rule.route) > 1 and not route.weight
        yield route.destination, f"{at}/route/{j}/destination", idle
    if rule.mirror is not None:
        yield rule.mirror, f"{at}/mirror", True
    for j, route in enumerate(rule.mirrors):
        yield route.destination, f"{at}/mirrors/{j}/destination", True


def _of_rule(found: DestinationRule) -> Iterator[Reference]:
    meant = service_of(found.spec.host, found.metadata.namespace)
    if meant is not None:
        yield Reference(where=f"host {found.spec.host}", service=meant[0], namespace=meant[1])


def _tls_modes(found: DestinationRule) -> dict[str, str]:
    """By Service port; settings of a port take nothing over from those of the host."""
    policy = found.spec.traffic_policy
    modes = {"": policy.tls.mode} if policy.tls else {}
    return modes | {
        str(p.port.number): p.tls.mode if p.tls else ""
        for p in policy.port_level_settings
        if p.port.number
    }


FORMS = {
    kinds.VIRTUAL_SERVICE: form(
        kinds.VIRTUAL_SERVICE,
        VirtualService,
        _of_routes,
        gateways=lambda found: found.spec.gateways,
        hosts=lambda found: found.spec.hosts,
    ),
    kinds.DESTINATION_RULE: form(
        kinds.DESTINATION_RULE,
        DestinationRule,
        _of_rule,
        subsets=lambda found: tuple(s.name for s in found.spec.subsets),
        subset_labels=lambda found: {s.name: s.labels for s in found.spec.subsets if s.labels},
        tls_modes=_tls_modes,
    ),
    # Gateways name no Service: they count beside a VirtualService that names one.
    kinds.ISTIO_GATEWAY: form(
        kinds.ISTIO_GATEWAY,
        Gateway,
        lambda _: (),
        labels=lambda found: found.spec.selector,
        hosts=lambda found: tuple(h for s in found.spec.servers for h in s.hosts),
        entrances=lambda found: tuple(
            Entrance(port=s.port.number or 0, hosts=s.hosts) for s in found.spec.servers
        ),
    ),
    kinds.KUBERNETES_GATEWAY: form(kinds.KUBERNETES_GATEWAY, KubernetesGateway, lambda _: ()),
}
