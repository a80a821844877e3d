"""What the probes of the kubelet meet in a pod.

A probe connects to the pod's address, never to loopback. (Kubernetes API, Probe; kubelet
``prober.go``)
"""

from kubectl_portcheck.model.objects import ContainerStatus, Pod
from kubectl_portcheck.semantics import listening, mesh, pods
from kubectl_portcheck.semantics.answers import answer
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.measured import Answer
from kubectl_portcheck.semantics.probes import Check, checks


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
    families = (listening.family_of(address),) if address else ()
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

    A tcpSocket probe proves only the connection, so it does not vouch for an answer.
    """
    return pods.is_ready(pod) and any(
        c.kind == "readiness" and c.number == number and c.way in ("httpGet", "grpc")
        for c in checks(pod)
    )


def heard(case: ServiceCase, pod: Pod) -> list[int]:
    """The TCP ports on which the pod accepts the kubelet, a mesh's left out."""
    address = pod.status.pod_ip
    sockets = mesh.without(pod, case.listeners(pod) or ())
    return sorted(
        {s.port for s in sockets if s.protocol == "TCP" and listening.accepts(s, address)}
    )
