"""What the kubelet checks in a pod, and what it meets there.

A probe dials the pod's address, never the loopback. A named port is looked up in the probe's own
container alone; a number needs no declaration. (Kubernetes API, Probe; kubelet ``prober.go``)
"""

from typing import Literal, NamedTuple

from kubectl_portcheck.model.objects import Container, ContainerStatus, Pod, Probe
from kubectl_portcheck.semantics import binding, candidates, pods
from kubectl_portcheck.semantics.answers import Answer, answer
from kubectl_portcheck.semantics.case import ServiceCase

Kind = Literal["startup", "liveness", "readiness"]
KINDS: tuple[Kind, ...] = ("startup", "liveness", "readiness")

MESH_CONTAINERS = ("istio-proxy", "linkerd-proxy", "consul-dataplane", "kuma-sidecar")
"""Containers that a service mesh puts beside the application."""
MESH_PROBES = (15020, 15021)
"""Ports of Istio's agent: it asks the application itself, on the port that was meant."""


class Check(NamedTuple):
    """One probe of one container."""

    container: str
    kind: Kind
    way: str
    """``httpGet``, ``tcpSocket``, ``grpc`` or ``exec``."""
    asked: int | str | None
    """The port as it is written; None for a command, or where another host is asked."""
    number: int | None
    """The port as a number; None also where the container declares no port of that name."""
    path: str = ""

    @property
    def field(self) -> str:
        """The name of the field: ``readinessProbe``."""
        return f"{self.kind}Probe"

    @property
    def unresolved(self) -> bool:
        """Whether it asks for a name that its container does not declare."""
        return self.asked is not None and self.number is None


def checks(pod: Pod) -> tuple[Check, ...]:
    """Every probe of the containers that keep running."""
    sidecars = [c for c in pod.spec.init_containers if c.restart_policy == "Always"]
    return tuple(
        _check(container, kind, probe)
        for container in (*pod.spec.containers, *sidecars)
        for kind in KINDS
        if (probe := getattr(container, f"{kind}_probe")) is not None
    )


def _check(container: Container, kind: Kind, probe: Probe) -> Check:
    ways = {"httpGet": probe.http_get, "tcpSocket": probe.tcp_socket, "grpc": probe.grpc}
    way = next((name for name, action in ways.items() if action), "exec")
    asked = None if probe.host else probe.port
    number = asked
    if isinstance(number, str):
        number = next((p.container_port for p in container.ports if p.name == asked), None)
    path = probe.http_get.path if probe.http_get else ""
    return Check(container.name, kind, way, asked, number, path)


def status_of(pod: Pod, container: str) -> ContainerStatus | None:
    """The kubelet's report on the container."""
    return next((s for s in pods.main_statuses(pod) if s.name == container), None)


def failing(pod: Pod) -> tuple[Check, ...]:
    """The probes that keep the running containers of a pod from being ready.

    As long as the startup probe has not passed, the kubelet runs no other.
    """
    found = []
    for check in checks(pod):
        status = status_of(pod, check.container)
        if status is None or status.state.running is None or status.ready:
            continue
        starting = status.started is False and any(
            c.kind == "startup" for c in checks(pod) if c.container == check.container
        )
        if check.kind == ("startup" if starting else "readiness"):
            found.append(check)
    return tuple(found)


def meets(case: ServiceCase, pod: Pod, number: int) -> Answer:
    """What the kubelet meets on that port of the pod."""
    address = pod.status.pod_ip
    families = (binding.family_of(address),) if address else ()
    return answer(case.measured(pod), number, "TCP", families)


def refused(case: ServiceCase, pod: Pod, check: Check) -> str | None:
    """The kubelet's own word that a probe met a closed port of the running container; or None.

    A probe runs only while its container does, so this holds for one that waits to start again.
    (kubelet ``prober.go``: the event Unhealthy)
    """
    return next(
        (
            e.message
            for e in case.events
            if e.reason == "Unhealthy"
            and e.involved_object.name == pod.metadata.name
            and _tells_of_closed_port(e.message.lower(), check)
        ),
        None,
    )


def _tells_of_closed_port(message: str, check: Check) -> bool:
    _, failed, why = message.partition(f"{check.kind} probe failed: ")
    return bool(failed) and f":{check.number}: connect: connection refused" in why


def vouches(pod: Pod, number: int) -> bool:
    """Whether a probe by request passes on this very port: then the pod answers there.

    A tcpSocket probe proves the connection alone, so it does not vouch for an answer.
    """
    return pods.is_ready(pod) and any(
        c.kind == "readiness" and c.number == number and c.way in ("httpGet", "grpc")
        for c in checks(pod)
    )


def heard(case: ServiceCase, pod: Pod) -> list[int]:
    """The TCP ports on which the pod accepts clients at its address, a mesh's left out."""
    sockets = case.listeners(pod) or ()
    return sorted(
        {
            s.port
            for s in sockets
            if s.protocol == "TCP"
            and not candidates.is_mesh(s)
            and binding.accepts(s, pod.status.pod_ip)
        }
    )
