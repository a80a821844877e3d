"""What Linkerd's proxy of a pod lets through to one of the pod's ports.

A pod has a proxy where it has the container ``linkerd-proxy`` beside an application; in files,
where it asks for one. Ports of ``skip-inbound-ports`` pass by it, 4567 and 4568 where a pod does
not set that. Of several Servers for one port the oldest holds. A port that no Server is about has
the pod's default; where the pod has none, that of the installation holds, which is
``all-unauthenticated`` unless it was changed, and is not read. (Linkerd, "Authorization Policy",
"Proxy Configuration"; a Server is only about ports that the pod declares)

The proxy answers HTTP that it denies with 403 and ends all other connections: that a connection is
accepted says nothing about what becomes of it.
"""

from typing import NamedTuple

from kubectl_portcheck.model.guards import Guard, GuardPart, GuardSelector
from kubectl_portcheck.model.objects import ObjectMeta, Pod
from kubectl_portcheck.semantics import mesh, ports
from kubectl_portcheck.semantics.admission import mesh_admits
from kubectl_portcheck.semantics.annotations import (
    LINKERD_INJECT,
    LINKERD_POLICY,
    LINKERD_PORTS,
    LINKERD_SKIPPED_OUT,
)
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.guards import linkerd
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.references import may_select
from kubectl_portcheck.semantics.sides import Side

UNSEEN = "whether the proxy enforces it was not seen: it accepts a connection before it judges it"
_SKIPPED = "4567,4568"
_LAST = 65535


class Chosen(NamedTuple):
    """The policy that holds for a port of a pod."""

    policy: Guard | None
    """A Server; the pod's own default as a policy of kind Pod; None where neither is known."""
    why: str = ""
    """Why it is not known which policy holds."""


def has_proxy(case: ServiceCase, pod: Pod) -> bool:
    """Whether Linkerd's proxy stands before the pod's application."""
    if case.in_files and pod.metadata.annotations.get(LINKERD_INJECT) in ("enabled", "ingress"):
        return True
    return mesh.LINKERD in mesh.of_pod(pod)


def judges(case: ServiceCase, pod: Pod, port: int) -> bool:
    """Whether connections to the port go through the proxy."""
    if not has_proxy(case, pod) or port in mesh.LINKERD.ports or pod.spec.host_network:
        return False
    skipped = listed(pod.metadata.annotations.get(LINKERD_PORTS, _SKIPPED))
    return skipped is not None and not any(port in r for r in skipped)


def client_of(case: Case) -> Peer | None:
    """The pod of --from as a client of the port; None where it is not known."""
    if case.client is None:
        return None
    pod = case.client.pod
    skipped = listed(pod.metadata.annotations.get(LINKERD_SKIPPED_OUT, _SKIPPED))
    return Peer(pod, {}, plain=bool(skipped) and any(case.port.port in r for r in skipped or ()))


def listed(text: str) -> list[range] | None:
    """The ports of an annotation, single ones and ranges; None where it cannot be read."""
    found = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        low, _, high = (p.strip() for p in part.partition("-"))
        high = high or low
        if not (low.isdecimal() and high.isdecimal() and len(low) < 6 and len(high) < 6):
            return None
        if not 0 < int(low) <= int(high) <= _LAST:
            return None
        found.append(range(int(low), int(high) + 1))
    return found


def means(server: Guard, pod: Pod, port: int) -> bool:
    """Whether a Server is about this port of the pod."""
    declared = [
        p for _, p in ports.declared_ports(pod) if p.protocol == "TCP" and p.container_port == port
    ]
    return any(server.port in (p.container_port, p.name) for p in declared)


def chosen(case: ServiceCase, pod: Pod, port: int) -> Chosen:
    """The policy that holds for a port of a pod."""
    servers = [
        g
        for g in case.mesh_policies
        if g.kind == "Server" and may_select(g, pod) and means(g, pod, port)
    ]
    if servers:
        ages = {g.metadata.creation_timestamp for g in servers}
        if len(servers) > len(ages) or (len(servers) > 1 and "" in ages):
            names = ", ".join(sorted(g.metadata.name for g in servers))
            return Chosen(None, f"which of the Servers {names} is older is not known")
        return Chosen(min(servers, key=lambda g: g.metadata.creation_timestamp))
    undeclared = [g for g in case.mesh_policies if g.kind == "Server" and may_select(g, pod)]
    if any(g.port == port for g in undeclared):
        name = next(g.metadata.name for g in undeclared if g.port == port)
        return Chosen(None, f"Server {name} is about port {port}, which the pod does not declare")
    word = pod.metadata.annotations.get(LINKERD_POLICY)
    return Chosen(_default(pod, word) if word else None)


def _default(pod: Pod, word: str) -> Guard:
    """The pod's default, as a policy about the pod."""
    part = GuardPart(selects=(GuardSelector(),), isolates=("Ingress",), rules=linkerd.access(word))
    metadata = ObjectMeta(name=pod.metadata.name, namespace=pod.metadata.namespace)
    return Guard(metadata=metadata, kind="Pod", tier="mesh", parts=(part,))


def admits(case: Case, client: Peer, pod: Pod, port: int) -> Side:
    """Whether the proxy lets the client connect to the port of the pod."""
    found = chosen(case, pod, port)
    if found.policy is None:
        return Side(None if found.why else True, why=found.why)
    return mesh_admits(client, Peer(pod, {}), port, case.port.protocol, (found.policy,))
