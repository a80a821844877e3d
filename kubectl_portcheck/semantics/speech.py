"""What a port is expected to speak, by what names and probes say of it.

Only where something says HTTP is a request ever sent: to another server it is an attack in its log,
or a line of garbage in its store. A number says nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.semantics import mesh, ports, probes
from kubectl_portcheck.withheld import QUERY

Scheme = Literal["http", "https"]
Source = Literal["probe", "container-port", "app-protocol", "service-port"]

SOURCES: dict[Source, str] = {
    "probe": "probe's scheme",
    "container-port": "container port's name",
    "app-protocol": "appProtocol",
    "service-port": "Service port's name",
}

DEBUG_PORTS = (5005, 9229)


_SCHEMES: dict[str, Scheme] = {"http": "http", "https": "https"}


class Expected(msgspec.Struct, frozen=True):
    """The language of a port."""

    scheme: Scheme
    path: str
    """What the kubelet asks for where it does, else ``/``."""
    by: Source
    """What says so."""
    name: str
    """The name, or the probe's scheme, that says it."""

    @property
    def why(self) -> str:
        """The same in words."""
        return f"the {SOURCES[self.by]} {self.name}"


def expected(
    service: Service, asked: Iterable[ServicePort], pod: Pod, number: int
) -> Expected | None:
    """The language that this port of the pod is said to speak; None where nothing says HTTP.

    What is nearest to the process counts: the probe, the container port, the Service port.
    """
    if number in DEBUG_PORTS or mesh.is_meshed(pod):
        return None
    leading = [p for p in asked if ports.dialled_port(service, p, pod) == number]
    said = [p.app_protocol.lower() for p in leading if p.app_protocol]
    if any(word not in ("http", "https") for word in said):
        return None
    probe = _probe(pod, number)
    if probe is not None:
        scheme: Scheme = "https" if probe.scheme == "HTTPS" else "http"
        # A path whose query is not kept cannot be asked for as the kubelet does.
        path = "/" if probe.path.endswith(QUERY) else probe.path or "/"
        return Expected(scheme, path, "probe", probe.scheme)
    names = list(_names(pod, number, leading))
    if any("debug" in name for _, name in names):
        return None
    for by, name in names:
        found = _by_name(name)
        if found is not None:
            return Expected(found, "/", by, name)
    return None


def sayings(service: Service, pod: Pod, number: int) -> tuple[Expected, ...]:
    """All that says what this port of the pod speaks, the nearest to the process first.

    Names of every Service port that leads there count: a server may speak both languages.
    """
    if number in DEBUG_PORTS or mesh.is_meshed(pod):
        return ()
    leading = [p for p in service.spec.ports if ports.dialled_port(service, p, pod) == number]
    found: list[Expected] = []
    probe = _probe(pod, number)
    if probe is not None:
        scheme: Scheme = "https" if probe.scheme == "HTTPS" else "http"
        found.append(Expected(scheme, "/", "probe", probe.scheme))
    for by, name in _names(pod, number, leading):
        word = _by_name(name)
        if word is not None:
            found.append(Expected(word, "/", by, name))
    return tuple(found)


def of_clients(port: ServicePort) -> Expected | None:
    """The language that clients of this Service port speak, as it says itself.

    appProtocol outweighs the name, as it does for Istio and the Gateway API.
    """
    if port.app_protocol:
        word = port.app_protocol.lower()
        return Expected(_SCHEMES[word], "/", "app-protocol", word) if word in _SCHEMES else None
    found = _by_name(port.name)
    return Expected(found, "/", "service-port", port.name) if found else None


def takes_plain_http(service: Service, asked: Iterable[ServicePort], pod: Pod, number: int) -> bool:
    """Return whether a plain HTTP request to this port of the pod does no harm."""
    found = expected(service, asked, pod, number)
    return found is not None and found.scheme == "http"


def _probe(pod: Pod, number: int) -> probes.Check | None:
    """Return the httpGet that asks this port; the readiness probe's first."""
    found = [c for c in probes.checks(pod) if c.number == number and c.way == "httpGet"]
    return max(found, key=lambda c: probes.KINDS.index(c.kind), default=None)


def _names(pod: Pod, number: int, leading: Iterable[ServicePort]) -> Iterator[tuple[Source, str]]:
    for _, declared in ports.declared_ports(pod):
        if declared.container_port == number and declared.protocol == "TCP":
            yield "container-port", declared.name
    for port in leading:
        if port.app_protocol:
            yield "app-protocol", port.app_protocol.lower()
        yield "service-port", port.name


def _by_name(name: str) -> Scheme | None:
    """The names of the Service API and of Istio's protocol selection: ``http``, ``https-admin``."""
    first = name.partition("-")[0]
    if first == "https":
        return "https"
    return "http" if first == "http" or name == "web" else None
