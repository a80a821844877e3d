"""Which ports of a pod are worth a connection."""

from collections.abc import Sequence

from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.model.probes import PodSockets
from kubectl_portcheck.semantics import listening, ports, probes, sidecar

MOST_TRIED = 16
"""How many ports of one pod are tried at most, besides those that clients are sent to."""
DEBUG_PORTS = (5005, 9229)
"""Ports of debuggers (JDWP, Node.js), where even a connection can have an effect."""


def targets(service: Service, asked: Sequence[ServicePort], pod: Pod) -> set[int]:
    """Give the pod's TCP ports that clients of the asked ports are sent to."""
    tcp = (p for p in asked if p.protocol == "TCP")
    return {n for p in tcp if (n := ports.dialled_port(service, p, pod)) is not None}


def ports_to_try(pod: Pod, wanted: set[int]) -> list[int]:
    """Give the wanted ports first, then what the pod declares or is probed on. Never a scan."""
    declared = [
        p.container_port
        for _, p in ports.declared_ports(pod)
        if p.protocol == "TCP"
        and p.container_port not in DEBUG_PORTS
        and "debug" not in p.name.lower()
    ]
    others = [n for n in dict.fromkeys([*declared, *probes.asked_ports(pod)]) if n not in wanted]
    return [*sorted(wanted), *others[:MOST_TRIED]]


def by_sockets(
    service: Service, pod: Pod, found: PodSockets, wanted: set[int]
) -> tuple[set[int], set[int]]:
    """Give the TCP ports that accept clients at the pod's address, and the wanted that do not."""
    families = service.spec.ip_families
    accepting = {s.port for s in listening.accepting(pod, found.listeners, "TCP", families)}
    known = found.complete and listening.addresses_of(pod, families)
    closed = wanted - accepting if known else set()
    return accepting - set(DEBUG_PORTS), closed


def without_receiver(pod: Pod, closed: set[int]) -> set[int]:
    """Give those of the closed ports where no program can receive what is sent.

    A mesh's proxy accepts in the application's place, and may pass on what it got to loopback.
    """
    return {n for n in closed if not sidecar.takes(pod, n)}
