"""From a host that a workload's settings name to the Service that it means.

Sources: kubernetes.io, DNS for Services and Pods (a name without a namespace is looked for in the
pod's own; ``NAME.NAMESPACE.svc``; a headless Service gives its pods names of their own).
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final, Literal

import msgspec

from kubectl_portcheck.address import Address, is_ip
from kubectl_portcheck.model.calls import OWN_ADDRESS, Call, Named
from kubectl_portcheck.model.objects import Service, ServicePort
from kubectl_portcheck.semantics.selectors import nearest

CLOSE = 0.8
"""From here on a name resembles another one as a slip does."""
_LOCAL = frozenset({"localhost", "ip6-localhost", OWN_ADDRESS})
_RANGE = 24
"""Bits that an address of no Service has in common with that of one, where the cluster does not say
which ranges are for Services. Nodes and other machines may have addresses close by, yet a range
for Services hardly ends within these."""


class Caller(msgspec.Struct, frozen=True):
    """A workload that names hosts."""

    kind: str
    namespace: str
    name: str
    named: tuple[Named, ...]
    labels: dict[str, str]
    """The labels of its pods."""
    declared: frozenset[int] = frozenset()
    """The ports that its containers declare."""


class Known:
    """The Services that are known, with what keeps looking them up from taking long."""

    def __init__(
        self, services: Iterable[Service], *, everywhere: bool, ranges: Sequence[str] = ()
    ) -> None:
        self.services = tuple(services)
        self.everywhere = everywhere
        """Whether they are all of the cluster; else those of one namespace."""
        self.ranges = tuple(ranges)
        """The ranges from which they get their addresses, where the cluster says."""
        self._by_place: dict[tuple[str, str], Service] = {}
        self._by_namespace: dict[str, list[Service]] = {}
        self._by_name: dict[str, list[str]] = {}
        self._near: dict[tuple[str, str], Service | None] = {}
        for service in self.services:
            name, namespace = service.metadata.name, service.metadata.namespace
            self._by_place.setdefault((name, namespace), service)
            self._by_namespace.setdefault(namespace, []).append(service)
            self._by_name.setdefault(name, []).append(namespace)

    def of(self, name: str, namespace: str) -> Service | None:
        """The Service of that name and namespace."""
        return self._by_place.get((name, namespace))

    def inside(self, namespace: str) -> Sequence[Service]:
        """Those of the namespace; none where it is not known to have any."""
        return self._by_namespace.get(namespace, ())

    def elsewhere(self, name: str) -> tuple[str, ...]:
        """The namespaces that have a Service of that name."""
        return tuple(sorted(self._by_name.get(name, ())))

    def near(self, name: str, namespace: str) -> Service | None:
        """The Service of the namespace whose name resembles it as a slip does."""
        key = (name, namespace)
        if key not in self._near:
            best = nearest(name, (s.metadata.name for s in self.inside(namespace)), CLOSE)
            self._near[key] = self.of(best, namespace) if best else None
        return self._near[key]


def naming(caller: Caller, known: Known) -> tuple[Call, ...]:
    """The calls of the workload that name a Service which exists, by its name."""
    found: list[Call] = []
    for named in caller.named:
        if named.host in _LOCAL or is_ip(named.host):
            continue
        place = _named_service(named.host, caller.namespace, known)
        service = known.of(*place[:2]) if place else None
        if service is not None:
            call = Call(kind=caller.kind, namespace=caller.namespace, name=caller.name, named=named)
            found.append(to_service(call, service))
    return tuple(found)


def resolved(caller: Caller, known: Known) -> tuple[Call, ...]:
    """What the workload calls; hosts outside the cluster are left out."""
    found = (_resolved(caller, named, known) for named in caller.named)
    return tuple(c for c in found if c is not None)


def leading_to(place: tuple[str, str], calls: Iterable[Call]) -> tuple[Call, ...]:
    """The calls that mean the Service of that name and namespace, or may mean it by mistake."""
    name, namespace = place
    return tuple(
        c
        for c in calls
        if (c.service, c.service_namespace) == (name, namespace)
        or (c.near == name and (c.service_namespace or c.namespace) == namespace)
    )


def text(call: Call) -> str:
    """``checkout:81``."""
    host = f"[{call.named.host}]" if ":" in call.named.host else call.named.host
    return f"{host}:{call.named.port}" if call.named.port else host


Fault = Literal["", "port", "namespace", "name", "own", "address", "untold"]
"""What is wrong with a call; '' where nothing is."""
CODES: Final[dict[Fault, str]] = {
    "port": "PC612",
    "namespace": "PC613",
    "name": "PC614",
    "own": "PC615",
    "address": "PC616",
}
"""The rule for each."""


def fault(call: Call) -> Fault:
    """What is wrong with the call, by what is known of the Service."""
    if call.exists:
        return "port" if lacks_port(call) else ""
    if call.address == "own":
        return "" if call.declared or call.listens else "own"
    if call.address == "unknown":
        return "address"
    if call.exists is None:
        return "untold"
    bare = "." not in call.named.host
    return "namespace" if call.elsewhere and bare else "name"


def lacks_port(call: Call) -> bool:
    """Whether the Service exists, and has no port of that number for anyone."""
    number = call.named.port
    if call.exists is not True or number is None or call.any_port:
        return False
    return not any(p.port == number for p in call.ports)


def _resolved(caller: Caller, named: Named, known: Known) -> Call | None:
    call = Call(kind=caller.kind, namespace=caller.namespace, name=caller.name, named=named)
    if named.host in _LOCAL or (is_ip(named.host) and ip_address(named.host).is_loopback):
        return _local(call, caller, known)
    if is_ip(named.host):
        return _by_address(call, known)
    return _by_name(call, known)


def _by_name(call: Call, known: Known) -> Call | None:
    place = _named_service(call.named.host, call.namespace, known)
    if place is None:
        return None
    name, namespace, certain = place
    call = msgspec.structs.replace(call, service=name, service_namespace=namespace)
    service = known.of(name, namespace)
    if service is not None:
        return to_service(call, service)
    if not known.everywhere and namespace != call.namespace:
        return call if certain else None
    meant = known.near(name, namespace)
    if meant is None and not (certain or call.named.sure):
        return None
    call = msgspec.structs.replace(call, exists=False, elsewhere=known.elsewhere(name))
    return _meaning(call, meant)


def _named_service(host: str, namespace: str, known: Known) -> tuple[str, str, bool] | None:
    """Name and namespace of the Service, and whether it can be nothing but one; None for a host
    that may be outside the cluster."""
    labels = host.split(".")
    if "svc" in labels[2:4]:
        of = Address(host).service
        return (*of, True) if of else None
    if len(labels) == 1:
        return host, namespace, False
    # NAME.NAMESPACE, or POD.NAME of a headless Service, or POD.NAME.NAMESPACE.
    for name, space in ((labels[0], labels[1]), (labels[-2], labels[-1])):
        if len(labels) <= 3 and known.of(name, space):
            return name, space, True
    if len(labels) == 2:
        headless = known.of(labels[1], namespace)
        if headless is not None and headless.headless:
            return labels[1], namespace, True
        if known.inside(labels[1]):
            return labels[0], labels[1], True
    return None


def to_service(call: Call, service: Service) -> Call:
    """The call, which means this Service."""
    return msgspec.structs.replace(
        call,
        service=service.metadata.name,
        service_namespace=service.metadata.namespace,
        exists=True,
        ports=service.spec.ports,
        any_port=service.headless or service.spec.type == "ExternalName",
    )


def _by_address(call: Call, known: Known) -> Call | None:
    host = call.named.host
    taken = [s for s in known.services if host in _addresses(s)]
    if taken:
        return to_service(msgspec.structs.replace(call, address="service"), taken[0])
    if not known.everywhere or not _in_their_range(host, known):
        return None
    call = msgspec.structs.replace(call, address="unknown", exists=False)
    return _meaning(call, _by_variable(call.named, known.inside(call.namespace)))


def _local(call: Call, caller: Caller, known: Known) -> Call | None:
    here = [
        s
        for s in known.inside(caller.namespace)
        if not (s.spec.selector and s.spec.selector.items() <= caller.labels.items())
    ]
    meant = _by_variable(call.named, here)
    if meant is None or call.named.port not in {p.port for p in meant.spec.ports}:
        return None
    declared = call.named.port in caller.declared
    call = msgspec.structs.replace(call, address="own", declared=declared)
    return _meaning(call, meant)


def _meaning(call: Call, meant: Service | None) -> Call:
    if meant is None:
        return call
    return msgspec.structs.replace(call, near=meant.metadata.name, near_ports=meant.spec.ports)


def _by_variable(named: Named, services: Sequence[Service]) -> Service | None:
    """The one Service after which the variable is called: ``CHECKOUT_URL``."""
    words = _words(named.variable.rpartition("/")[2])  # Of a ConfigMap its key.
    fitting = [s for s in services if words and _contains(words, s.metadata.name.split("-"))]
    return fitting[0] if len(fitting) == 1 else None


def _words(variable: str) -> list[str]:
    return [w for w in variable.lower().replace("-", "_").replace(".", "_").split("_") if w]


def _contains(words: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether the parts of a Service's name are side by side among the words."""
    size = len(parts)
    return any(list(words[i : i + size]) == list(parts) for i in range(len(words) - size + 1))


def _in_their_range(host: str, known: Known) -> bool:
    """Whether the address is among those of Services, as far as the cluster shows their range."""
    if known.ranges:
        address = ip_address(host)
        return any(address in r for r in map(_network, known.ranges) if r is not None)
    if ":" in host:
        return False
    around = ip_network(f"{host}/{_RANGE}", strict=False)
    own = (a for s in known.services for a in (s.spec.cluster_ip, *s.spec.cluster_ips))
    return any(ip_address(a) in around for a in own if a != "None" and is_ip(a) and ":" not in a)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _addresses(service: Service) -> set[str]:
    spec = service.spec
    balanced = {a for i in service.status.load_balancer.ingress for a in (i.ip, i.hostname)}
    return {spec.cluster_ip, *spec.cluster_ips, *spec.external_ips, *balanced} - {"", "None"}


def meant_port(ports: Iterable[ServicePort], number: int | None) -> ServicePort | None:
    """The one port of a Service that was meant by a number that it does not have."""
    tcp = [p for p in ports if p.protocol == "TCP"]
    for fits in (
        lambda p: p.target_port == number,
        lambda p: bool(p.node_port) and p.node_port == number,
        lambda p: True,
    ):
        found = [p for p in tcp if fits(p)]
        if found:
            return found[0] if len(found) == 1 else None
    return None
