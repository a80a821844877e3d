"""Which containers, programs and ports of a pod belong to a service mesh, not to the application.

A mesh counts only beside an application: a pod whose only container is a proxy (an ingress gateway)
is that application. Sources: Istio (Application Requirements, ports; uid 1337), Linkerd (proxy
ports; uid 2102), Consul dataplane and Kuma data plane references. What the proxies do with
connections is in :mod:`kubectl_portcheck.semantics.sidecar`.
"""

from collections.abc import Iterable
from functools import lru_cache

import msgspec

from kubectl_portcheck.model.objects import Container, Pod
from kubectl_portcheck.model.probes import ListeningSocket
from kubectl_portcheck.semantics.annotations import AMBIENT, ISTIO_STATUS


class Mesh(msgspec.Struct, frozen=True):
    """What a service mesh adds to a pod."""

    name: str
    containers: frozenset[str]
    programs: frozenset[str]
    ports: frozenset[int]
    uid: int | None = None
    """The user as which its proxy runs, where that is fixed."""


ISTIO_ROOT = "istio-system"
"""The root namespace of a mesh of Istio that is set up as documented."""
ISTIO = Mesh(
    "Istio",
    frozenset({"istio-proxy"}),
    frozenset({"envoy", "pilot-agent"}),
    frozenset({15000, 15001, 15002, 15004, 15006, 15008, 15020, 15021, 15053, 15090}),
    1337,
)
LINKERD = Mesh(
    "Linkerd",
    frozenset({"linkerd-proxy"}),
    frozenset({"linkerd2-proxy", "linkerd-proxy"}),
    frozenset({4140, 4143, 4190, 4191}),
    2102,
)
MESHES = (
    ISTIO,
    LINKERD,
    Mesh(
        "Consul",
        frozenset({"consul-dataplane", "envoy-sidecar"}),
        frozenset({"consul-dataplane", "envoy"}),
        frozenset({19000, 20000}),
    ),
    Mesh(
        "Kuma",
        frozenset({"kuma-sidecar"}),
        frozenset({"kuma-dp", "envoy", "coredns"}),
        frozenset({9901, 15001, 15006, 15010}),
    ),
)
CONTAINERS = frozenset().union(*(m.containers for m in MESHES))
"""The names of the containers that meshes add."""
PROGRAMS = frozenset().union(*(m.programs for m in MESHES))
"""The names of the programs that run in them."""


_NO_PORTS: frozenset[int] = frozenset()


def of_pod(pod: Pod) -> tuple[Mesh, ...]:
    """Return the meshes that the pod is part of; none for a pod that is nothing but a proxy."""
    spec = pod.spec
    return _meshes(spec.containers, spec.init_containers, AMBIENT in pod.metadata.annotations)


@lru_cache(maxsize=1024)
def _meshes(
    containers: tuple[Container, ...], init_containers: tuple[Container, ...], ambient: bool
) -> tuple[Mesh, ...]:
    names = {c.name for c in (*containers, *init_containers)}
    if all(c.name in CONTAINERS for c in containers):
        return ()
    found = [m for m in MESHES if m.containers & names]
    if ambient and ISTIO not in found:
        # The node's ztunnel opens its ports in the pod's own network namespace.
        found.append(ISTIO)
    return tuple(found)


def is_meshed(pod: Pod) -> bool:
    """Return whether a mesh accepts connections in place of the application."""
    return bool(of_pod(pod))


def ports_of(pod: Pod) -> frozenset[int]:
    """Return the ports that the pod's mesh listens on."""
    found = of_pod(pod)
    return frozenset().union(*(m.ports for m in found)) if found else _NO_PORTS


def without(pod: Pod, sockets: Iterable[ListeningSocket]) -> tuple[ListeningSocket, ...]:
    """Return the sockets that are not the mesh's."""
    found = of_pod(pod)
    return (
        tuple(s for s in sockets if not any(_owns(m, s) for m in found))
        if found
        else (tuple(sockets))
    )


def own_containers(pod: Pod) -> tuple[Container, ...]:
    """Return the containers of the specification that no mesh added."""
    found = of_pod(pod)
    if not found:
        return pod.spec.containers
    added = frozenset().union(*(m.containers for m in found))
    return tuple(c for c in pod.spec.containers if c.name not in added)


def _owns(mesh: Mesh, socket: ListeningSocket) -> bool:
    """Whether the socket is the mesh's, by the best that is known of who listens there."""
    if socket.container is not None:
        return socket.container in mesh.containers
    if socket.program is not None and not socket.program_inferred:
        return socket.program in mesh.programs
    if mesh.uid is not None and socket.uid is not None and socket.uid == mesh.uid:
        return True
    return socket.port in mesh.ports


def has_istio_sidecar(pod: Pod) -> bool:
    """Whether Istio's sidecar stands before the pod's application."""
    if ISTIO_STATUS in pod.metadata.annotations:
        # A gateway asks for its proxy as well, and is nothing else.
        apps = [c for c in pod.spec.containers if c.name not in CONTAINERS]
        return bool(apps) and not pod.spec.host_network
    several = (*pod.spec.containers, *pod.spec.init_containers)
    return ISTIO in of_pod(pod) and any(c.name == "istio-proxy" for c in several)
