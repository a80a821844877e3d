"""Whether Linkerd's proxies look for HTTP on a port, before they connect.

On an opaque port they do not. A port is opaque by ``config.linkerd.io/opaque-ports``: of a Service
it lists the Service's ports, of a pod the pod's own; it replaces the list of the installation. A
Service port is also opaque by an ``appProtocol`` other than HTTP's, and a pod's by the
``proxyProtocol`` of its Server, which replaces the annotation. (Linkerd, "Protocol Detection",
"Authorization Policy"; values of the chart linkerd-control-plane, ``proxy.opaquePorts``)
"""

from kubectl_portcheck.model.objects import Pod, ServicePort
from kubectl_portcheck.semantics import linkerd_inbound
from kubectl_portcheck.semantics.annotations import LINKERD_OPAQUE
from kubectl_portcheck.semantics.case import Case

INSTALLED = "25,587,3306,4444,5432,6379,9300,11211"
"""The list of an installation that does not change it."""
_HTTP = ("http", "kubernetes.io/h2c")


def lists(annotations: dict[str, str], key: str, port: int) -> bool | None:
    """Whether an annotation lists the port; None where it is not set, or cannot be read."""
    text = annotations.get(key)
    found = None if text is None else linkerd_inbound.listed(text)
    return None if found is None else any(port in r for r in found)


def by_service(case: Case) -> bool:
    """Whether the Service makes its port opaque, as far as it is known."""
    port: ServicePort = case.port
    if port.app_protocol and port.app_protocol.lower() not in _HTTP:
        return True
    if case.service.headless:
        return False  # Its clients connect to the pods themselves.
    said = lists(case.service.metadata.annotations, LINKERD_OPAQUE, port.port)
    return _installed(port.port) if said is None else said


def by_pod(pod: Pod, port: int) -> bool:
    """Whether the pod makes its own port opaque, as far as it is known."""
    said = lists(pod.metadata.annotations, LINKERD_OPAQUE, port)
    return _installed(port) if said is None else said


def by_server(case: Case, pod: Pod, port: int) -> str:
    """What a Server says that the port speaks; '' where none is about it."""
    found = linkerd_inbound.chosen(case, pod, port)
    if found.policy is None or found.policy.kind != "Server":
        return "unknown" if found.why else ""
    return found.policy.speaks or "unknown"


def _installed(port: int) -> bool:
    return any(port in r for r in linkerd_inbound.listed(INSTALLED) or ())
