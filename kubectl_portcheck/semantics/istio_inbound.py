"""What Istio's proxy before a pod asks of connections to one of the pod's ports.

A pod has a sidecar where it has the container ``istio-proxy`` beside an application; in files,
where it asks for one. Ports that its annotations take out (``excludeInboundPorts``, or not among
``includeInboundPorts``) pass by it. (Istio, Resource Annotations) In ambient mode, ztunnel on the
pod's node enforces policies in its place: PeerAuthentications, and AuthorizationPolicies without
``targetRefs`` as far as they are about connections. (Istio, "Use Layer 4 security policy")

The proxy accepts every connection before it looks at it: that a connection is accepted says nothing
about what becomes of a request.
"""

from typing import NamedTuple

from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import mesh, sidecar
from kubectl_portcheck.semantics.admission import mesh_admits_anyone
from kubectl_portcheck.semantics.annotations import AMBIENT
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.guards import compare
from kubectl_portcheck.semantics.guards.istio import for_ztunnel, mode_of
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.references import may_select
from kubectl_portcheck.semantics.sides import Side

UNSEEN = "whether the proxy enforces it was not seen: it accepts a connection before it judges it"
_NONE_THERE = (Reason.NOT_ASKED, Reason.NOT_RECORDED, Reason.NOT_SERVED)


class Mode(NamedTuple):
    """The mode of mutual TLS of a port."""

    name: str
    """``STRICT``, ``PERMISSIVE``, ``DISABLE``; '' where it is not known."""
    by: Guard | None
    """The policy that says so."""


def unread(case: ServiceCase, need: str, group: str) -> Missing | None:
    """Why objects of an API group are not known, though the cluster serves them."""
    missing = case.missing(need)
    absent = [missing] if missing is not None else list(case.lacking(need))
    for one in absent:
        if one.reason not in _NONE_THERE and (one.right is None or one.right.group == group):
            return one
    return None


def in_ambient(pod: Pod) -> bool:
    """Whether ztunnel stands before the pod's application."""
    on = pod.metadata.annotations.get(AMBIENT) == "enabled"
    return on and not mesh.has_istio_sidecar(pod) and not pod.spec.host_network


def enforces(pod: Pod, port: int) -> bool:
    """Whether connections to the port go through a sidecar or ztunnel, which enforce policies."""
    return sidecar.judges(pod, port) or (in_ambient(pod) and port not in mesh.ISTIO.ports)


def mode(case: ServiceCase, pod: Pod, port: int) -> Mode:
    """The mode that PeerAuthentications give to a port of the pod."""
    about = [
        (guard, part)
        for guard in case.mesh_policies
        if guard.kind == "PeerAuthentication" and may_select(guard, pod)
        for part in guard.parts
    ]
    return Mode(*mode_of(about, port))


def authorizations(case: ServiceCase, pod: Pod) -> list[Guard]:
    """The AuthorizationPolicies, as the proxy before the pod reads them."""
    found = [g for g in case.mesh_policies if g.kind == "AuthorizationPolicy"]
    return list(map(for_ztunnel, found)) if in_ambient(pod) else found


def admits_anyone(case: Case, pod: Pod, port: int) -> Side:
    """Whether AuthorizationPolicies let any client at all connect to the port."""
    return mesh_admits_anyone(Peer(pod, {}), port, case.port.protocol, authorizations(case, pod))


def not_compared(case: Case, pod: Pod, port: int) -> str:
    """What of the AuthorizationPolicies about the port is not compared; '' where all is."""
    side = admits_anyone(case, pod, port)
    if side.allowed is not None:
        return ""
    for guard in authorizations(case, pod):
        for rule in (r for part in guard.parts for r in part.rules if may_select(guard, pod)):
            if rule.beyond:
                return f"{compare.title(guard)}: {rule.beyond}: not compared"
    return ""
