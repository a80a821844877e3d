"""Two ways to resolve a Service port to a pod's port: the data plane's, and kubectl's.

They differ on purpose in Kubernetes itself, so they are two functions here. Sources:
``FindPort`` in the EndpointSlice controller (k8s.io/kubernetes pkg/api/v1/pod), and
``util/service_port.go`` and ``util/pod_port.go`` of kubectl.
"""

from collections.abc import Iterator
from functools import lru_cache

from kubectl_portcheck.model.objects import Container, ContainerPort, Pod, Service, ServicePort


def declared_target(port: ServicePort) -> int | str:
    """The targetPort as the API server fills it in: the Service port itself where none is set."""
    return port.target_port or port.port


def sidecars(pod: Pod) -> Iterator[Container]:
    """The native sidecars: init containers that keep running."""
    return (c for c in pod.spec.init_containers if c.restart_policy == "Always")


def serving_containers(pod: Pod) -> tuple[Container, ...]:
    """The containers whose ports the data plane knows, in the order in which it looks."""
    if not pod.spec.init_containers:
        return pod.spec.containers
    return (*pod.spec.containers, *sidecars(pod))


def declared_ports(pod: Pod) -> tuple[tuple[Container, ContainerPort], ...]:
    """Every port that a serving container declares."""
    return _declared(serving_containers(pod))


@lru_cache(maxsize=1024)
def _declared(containers: tuple[Container, ...]) -> tuple[tuple[Container, ContainerPort], ...]:
    """Those that these containers declare, which the pods of one template share."""
    return tuple((container, port) for container in containers for port in container.ports)


def resolve_target_port(port: ServicePort, pod: Pod) -> int | None:
    """The number to which the data plane sends this port's traffic in this pod.

    A number is used as it is and needs no declaration. A name must match a container port by name
    and protocol; None where it does not, and then the endpoint carries no such port.
    """
    target = declared_target(port)
    if isinstance(target, int):
        return target
    for _, declared in declared_ports(pod):
        if declared.name == target and declared.protocol == port.protocol:
            return declared.container_port
    return None


def dialled_port(service: Service, port: ServicePort, pod: Pod) -> int | None:
    """The pod's port that a client reaches: a headless Service translates nothing."""
    return port.port if service.headless else resolve_target_port(port, pod)


def kubectl_target_port(service: Service, number: int, pod: Pod) -> int | None:
    """The pod's port that ``kubectl port-forward svc/NAME NUMBER`` picks; None where it fails.

    Unlike the data plane it takes the first Service port of that number whatever its protocol,
    leaves a headless Service's port as it is, and finds a name in any init container too.
    """
    port = next((p for p in service.spec.ports if p.port == number), None)
    if port is None:
        return None
    if service.headless:
        return number
    target = declared_target(port)
    if isinstance(target, int):
        return target
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        for declared in container.ports:
            if declared.name == target:
                return declared.container_port
    return None


def selected_port(service: Service, asked: int | str | None) -> tuple[ServicePort, ...]:
    """The ports that were asked for: by number or by name; all of them where none was named."""
    if asked is None:
        return service.spec.ports
    return tuple(p for p in service.spec.ports if asked in (p.port, p.name))
