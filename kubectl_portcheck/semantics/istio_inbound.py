"""What Istio's sidecar of a pod asks of connections to one of the pod's ports.

A pod has a sidecar where it has the container ``istio-proxy`` beside an application; in files,
where it asks for one. Ports that its
annotations take out (``excludeInboundPorts``, or not among ``includeInboundPorts``) pass by it.
(Istio, Resource Annotations) The sidecar accepts every connection before it looks at it: that a
connection is accepted says nothing about what becomes of a request.
"""

from typing import NamedTuple

from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import mesh, sidecar
from kubectl_portcheck.semantics.admission import Side, mesh_admits_anyone
from kubectl_portcheck.semantics.annotations import ISTIO_STATUS
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.guards import compare
from kubectl_portcheck.semantics.guards.istio import mode_of
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.references import may_select

UNSEEN = "whether the sidecar enforces it was not seen: it accepts a connection before it judges it"


class Mode(NamedTuple):
    """The mode of mutual TLS of a port."""

    name: str
    """``STRICT``, ``PERMISSIVE``, ``DISABLE``; '' where it is not known."""
    by: Guard | None
    """The policy that says so."""


def has_sidecar(pod: Pod) -> bool:
    """Whether Istio's sidecar stands before the pod's application."""
    if ISTIO_STATUS in pod.metadata.annotations:
        # A gateway asks for its proxy as well, and is nothing else.
        apps = [c for c in pod.spec.containers if c.name not in mesh.CONTAINERS]
        return bool(apps) and not pod.spec.host_network
    several = (*pod.spec.containers, *pod.spec.init_containers)
    return mesh.ISTIO in mesh.of_pod(pod) and any(c.name == "istio-proxy" for c in several)


def judges(pod: Pod, port: int) -> bool:
    """Whether connections to the port go through the sidecar."""
    own = port in mesh.ISTIO.ports
    return has_sidecar(pod) and not own and not sidecar.left_out(pod, mesh.ISTIO, port)


def mode(case: ServiceCase, pod: Pod, port: int) -> Mode:
    """The mode that PeerAuthentications give to a port of the pod."""
    about = [
        (guard, part)
        for guard in case.mesh_policies
        if guard.kind == "PeerAuthentication" and may_select(guard, pod)
        for part in guard.parts
    ]
    return Mode(*mode_of(about, port))


def admits_anyone(case: Case, pod: Pod, port: int) -> Side:
    """Whether AuthorizationPolicies let any client at all connect to the port."""
    policies = [g for g in case.mesh_policies if g.kind == "AuthorizationPolicy"]
    return mesh_admits_anyone(Peer(pod, {}), port, case.port.protocol, policies)


def not_compared(case: Case, pod: Pod, port: int) -> str:
    """What of the AuthorizationPolicies about the port is not compared; '' where all is."""
    side = admits_anyone(case, pod, port)
    if side.allowed is not None:
        return ""
    for guard in case.mesh_policies:
        for rule in (r for part in guard.parts for r in part.rules if may_select(guard, pod)):
            if rule.beyond:
                return f"{compare.title(guard)}: {rule.beyond}: not compared"
    return ""
