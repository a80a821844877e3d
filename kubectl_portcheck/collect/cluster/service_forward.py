"""Step 6: a port-forward to the Service, as kubectl makes it."""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.collect.cluster.cluster import Probes
from kubectl_portcheck.model.evidence import ServiceForward
from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.model.probes import Attempt, Path
from kubectl_portcheck.semantics import pods, ports


def service_forwards(
    probes: Probes,
    service: Service,
    asked: Sequence[ServicePort],
    found: Sequence[Pod],
    *,
    allowed: bool,
    by_hand: bool,
) -> tuple[ServiceForward, ...]:
    """Make kubectl's own choice of pod and port, then try the port.

    ``allowed`` is false where the user left port-forwards out, ``by_hand`` is true where the
    endpoints are written by hand.
    """
    numbers = list(dict.fromkeys(p.port for p in asked if p.protocol != "UDP"))
    refused = [
        ServiceForward(port=p.port, reason="kubectl forwards no UDP port")
        for p in asked
        if p.protocol == "UDP" and p.port not in numbers
    ]
    if by_hand:
        why = "kubectl forwards to no Service without a selector"
        return (*(ServiceForward(port=n, reason=why) for n in numbers), *refused)
    pod = pods.forward_choice(found)
    if pod is None:
        return tuple(ServiceForward(port=n, reason="there is no pod") for n in numbers)
    name = pod.metadata.name
    if pod.status.phase != "Running":
        why = f"kubectl would take {name}, which is {pod.status.phase or 'not running'}"
        return tuple(ServiceForward(port=n, pod=name, reason=why) for n in numbers)
    targets = {n: ports.kubectl_target_port(service, n, pod) for n in numbers}
    wanted = sorted({t for t in targets.values() if t is not None})
    path: Path = "service-port-forward"
    if not allowed:
        made = skipped(name, wanted, path)
    else:
        made = probes.try_ports(name, wanted, path) if wanted else ()
    by_port = {a.port: a for a in made}
    tried = [
        ServiceForward(port=n, pod=name, pod_port=t, attempt=by_port.get(t))
        if t is not None
        else ServiceForward(port=n, pod=name, reason=f"{name} has no port of that name")
        for n, t in targets.items()
    ]
    return (*tried, *refused)


def skipped(pod: str, numbers: Iterable[int], path: Path) -> tuple[Attempt, ...]:
    """Give attempts that the user left out."""
    why = "left out by --no-port-forward"
    return tuple(
        Attempt(pod=pod, port=n, path=path, outcome="skipped", detail=why) for n in numbers
    )
