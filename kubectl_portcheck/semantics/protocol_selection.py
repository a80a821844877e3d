"""What a mesh takes a Service port to speak, by its ``appProtocol`` and its name.

Istio: ``appProtocol`` counts before the name, and of a name the part before the first dash. A port
that declares neither is looked into, except for 25, 53, 3306 and 27017, which are taken for TCP.
HTTP that is looked for, or that is declared, has to begin with the client: a server that speaks
first waits for ever. (Istio, "Protocol Selection", with "Server First Protocols")

Linkerd: only ``appProtocol`` counts, where its version heeds it, and ``proxyProtocol`` of the
Server of the pod's port. (Linkerd, "Protocol Detection", "Authorization Policy")
"""

from typing import NamedTuple

from kubectl_portcheck.model.objects import ServicePort

Family = str
"""``http``, ``grpc``, ``tls``, ``tcp``, ``udp``."""
_ISTIO: dict[str, Family] = {
    "http": "http",
    "http2": "http",
    "kubernetes.io/h2c": "http",
    "kubernetes.io/ws": "http",
    "grpc": "grpc",
    "grpc-web": "grpc",
    "https": "tls",
    "tls": "tls",
    "kubernetes.io/wss": "tls",
    "tcp": "tcp",
    "mongo": "tcp",
    "mysql": "tcp",
    "redis": "tcp",
    "udp": "udp",
}
ASSUMED_TCP = frozenset({25, 53, 3306, 27017})
"""Ports into which Istio does not look."""
_LINKERD: dict[str, Family] = {"http": "http", "kubernetes.io/h2c": "http"}
"""Of ``appProtocol``, as it is written; Linkerd looks for no HTTP by any other word."""
_SERVERS: dict[str, Family] = {"HTTP/1": "http", "HTTP/2": "http", "gRPC": "grpc"}
"""Of ``proxyProtocol``."""


class Declared(NamedTuple):
    """What is declared of a port."""

    family: Family
    by: str
    """``appProtocol http``, ``the name http-web``."""
    in_server: bool = False
    """Whether a Server of Linkerd declares it, and not the Service port."""


def by_istio(port: ServicePort) -> Declared | None:
    """What Istio takes the port to speak; None where it looks into it."""
    if port.app_protocol:
        word = port.app_protocol.lower()
        return Declared(_ISTIO[word], f"appProtocol {word}") if word in _ISTIO else None
    name = port.name.lower()
    word = "grpc-web" if name.startswith("grpc-web") else name.partition("-")[0]
    return Declared(_ISTIO[word], f"the name {port.name}") if word in _ISTIO else None


def by_linkerd(app_protocol: str, server: str) -> Declared | None:
    """What Linkerd takes a port to speak.

    Args:
        app_protocol: What the Service port declares; '' where the clients' proxies do not heed it.
        server: The ``proxyProtocol`` of the Server of the pod's port.
    """
    if server in _SERVERS:
        return Declared(_SERVERS[server], f"proxyProtocol {server} of its Server", in_server=True)
    if app_protocol in _LINKERD:
        return Declared(_LINKERD[app_protocol], f"appProtocol {app_protocol}")
    return None
