"""Whether Linkerd's proxies look for HTTP on a port, before they connect.

On an opaque port they do not. A port is opaque by ``config.linkerd.io/opaque-ports``: of a Service
it lists the Service's ports, of a pod the pod's own; it replaces the list of the installation. A
Service port is also opaque by an ``appProtocol`` other than HTTP's, which counts before the
annotation, and a pod's by the ``proxyProtocol`` of its Server, which replaces the annotation.
Clients of a headless Service connect to the pods themselves, and nothing that it says is heeded.
(Linkerd, "Protocol Detection", "Authorization Policy"; linkerd2 ``policy-controller``,
``outbound/index.rs``; values of the chart linkerd-control-plane, ``proxy.opaquePorts``)
"""

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import linkerd_inbound, sidecar
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


def declared(case: Case, pod: Pod) -> str:
    """The ``appProtocol`` of the Service port, where clients' proxies heed it; else ''.

    That the clients have the pod's version of Linkerd is assumed.
    """
    if case.service.headless or not sidecar.reads_app_protocol(pod):
        return ""
    return case.port.app_protocol or ""


def by_service(case: Case, pod: Pod) -> bool:
    """Whether the Service makes its port opaque, as far as it is known."""
    if case.service.headless:
        return False
    said = declared(case, pod)
    if said:
        return said not in _HTTP
    listed = lists(case.service.metadata.annotations, LINKERD_OPAQUE, case.port.port)
    return _installed(case.port.port) if listed is None else listed


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
