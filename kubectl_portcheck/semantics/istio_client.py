"""What Istio's policies before a pod say of the connections of one client: the pod of ``--from``.

The client shows the identity of its service account where both ends are in the mesh and its proxy
speaks mutual TLS: by itself it does, unless the pods' port takes none, a DestinationRule says
otherwise, or the connection passes by the proxy or through it to a host that it does not know of.
(Istio, "Mutual TLS Migration", "TLS Configuration": Auto mTLS; "Sidecar") In ambient mode, ztunnel
shows it, always by mutual TLS; through a waypoint, the pods meet the waypoint's identity in its
place. (Istio, "Use Layer 4 security policy") What sidecars and ztunnel show each other depends on
settings that are not read.
"""

from typing import NamedTuple

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.objects import Pod, PodStatus
from kubectl_portcheck.semantics import istio_egress, istio_inbound, mesh
from kubectl_portcheck.semantics.admission import mesh_admits
from kubectl_portcheck.semantics.annotations import ISTIO_CAPTURE, ISTIO_SKIPPED_OUT, ISTIO_WAYPOINT
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.guards.identities import home_of
from kubectl_portcheck.semantics.linkerd_inbound import listed
from kubectl_portcheck.semantics.peers import Fact, Peer
from kubectl_portcheck.semantics.references import may_select
from kubectl_portcheck.semantics.sides import FREE, Side

_OWN = ("", "ISTIO_MUTUAL")
"""The TLS modes of a DestinationRule in which clients show the identity of the mesh."""


_NO_WAYPOINT = "none"


class Plain(NamedTuple):
    """Whether a client in the mesh shows no identity."""

    fact: Fact
    why: str = ""


def admits(case: Case, client: Pod, pod: Pod, port: int) -> Side:
    """Whether AuthorizationPolicies let the client connect to the port of the pod.

    A pod always reaches itself.
    """
    if (home_of(client), client.metadata.name) == (home_of(pod), pod.metadata.name):
        return FREE
    policies = istio_inbound.authorizations(case, pod)
    about = any(g.parts and may_select(g, pod) for g in policies)
    if about and (other := _through_another(case, client, pod)):
        return Side(None, why=other)
    plain = shows_none(case, client, pod, port)
    peer = Peer(_with_address(client), {}, plain=plain.fact)
    family = case.families[0] if len(case.families) == 1 else ""
    side = mesh_admits(peer, Peer(pod, {}), port, case.port.protocol, policies, family)
    unsure = side.allowed is None and plain.fact is None
    return msgspec.structs.replace(side, why=plain.why) if unsure else side


def _through_another(case: Case, client: Pod, pod: Pod) -> str:
    """Why the pod may meet another identity than the client's; '' where it does not."""
    ambient = istio_inbound.in_ambient(client)
    if mesh.ISTIO not in mesh.of_pod(client) or client.spec.host_network:
        return ""
    if ambient != istio_inbound.in_ambient(pod):
        return "which identity sidecars and ztunnel show each other depends on settings not read"
    if not ambient:
        return ""
    named = case.service.metadata.labels.get(ISTIO_WAYPOINT)
    if named is None:
        labels = case.labels_of(case.namespace)
        if labels is None:
            return f"labels of namespace {case.namespace}, which may name a waypoint, are not known"
        named = labels.get(ISTIO_WAYPOINT, _NO_WAYPOINT)
    if named == _NO_WAYPOINT:
        return ""
    return f"clients in ambient mode go through waypoint {named}, whose policies are not compared"


def _with_address(client: Pod) -> Pod:
    """The client; on its node's network other pods may see it under another address."""
    if not client.spec.host_network:
        return client
    return msgspec.structs.replace(client, status=PodStatus())


def shows_none(case: Case, client: Pod, pod: Pod, port: int) -> Plain:
    """Whether the client shows no identity of the mesh when it connects to the port of the pod."""
    if mesh.ISTIO not in mesh.of_pod(client) or client.spec.host_network:
        return Plain(True)
    if istio_inbound.in_ambient(client):
        return Plain(False)
    if passes_by(case, client, port):
        return Plain(True, f"{ISTIO_SKIPPED_OUT} of the client names the port")
    mode = istio_inbound.mode(case, pod, port)
    if mode.name == "DISABLE":
        return Plain(True, "the pods take no mutual TLS")
    scope = istio_egress.scope(case, client)
    if scope.known is False and scope.by is not None:
        return Plain(True, f"Sidecar {scope.by.metadata.name} does not import the Service")
    if why := _not_known(case, client, mode.name) or scope.why:
        return Plain(None, f"whether the client shows its identity is not known: {why}")
    return Plain(False)


def passes_by(case: Case, client: Pod, port: int) -> bool:
    """Whether the connection passes by the client's sidecar, by the port that it asks for."""
    asked = port if case.service.headless else case.port.port
    skipped = listed(client.metadata.annotations.get(ISTIO_SKIPPED_OUT, ""))
    return any(asked in ports for ports in skipped or ())


def capture(client: Pod) -> str:
    """The annotation of the client that decides what goes through its sidecar; '' without one."""
    return next((key for key in ISTIO_CAPTURE if key in client.metadata.annotations), "")


def _not_known(case: Case, client: Pod, mode: str) -> str:
    """Why it is not known whether a client in the mesh shows its identity."""
    if annotation := capture(client):
        return f"{annotation} decides what goes through its sidecar"
    if not mode:
        return "PeerAuthentications of the pods say different things"
    if not case.selects:
        return "the endpoints of the Service are written by hand"
    unread = istio_inbound.unread(case, "referrers", kinds.ISTIO)
    return (unread.detail or str(unread.reason)) if unread else _by_rule(case)


def _by_rule(case: Case) -> str:
    """The DestinationRule that may have clients show none."""
    for rule in (r for r in case.referrers if r.kind == "DestinationRule"):
        asked = rule.tls_modes.get(str(case.port.port), rule.tls_modes.get("", ""))
        if asked not in _OWN:
            return f"DestinationRule {rule.metadata.name} sets TLS mode {asked}"
    return ""
