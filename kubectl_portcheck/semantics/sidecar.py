"""What a mesh's proxy in a pod does with connections to the pod's ports.

Redirect rules in the pod's network namespace send every inbound TCP connection to the proxy, but
for the ports that annotations take out. The proxy accepts at once, and connects to the application
only after that: **an accepted connection at the pod's IP address proves nothing of the
application**. Where the application refuses, the client meets the end of the connection or, by
HTTP, status 503. What comes from inside the pod by loopback passes by the rules, so a port-forward
and the sockets show the application itself. The client's own proxy accepts in the same way.
(Istio, ``tools/istio-iptables``; measured: ``tests/e2e/test_plumbing.py`` and docs/testing.md)

Where the proxy connects to decides which bind addresses work:

- Istio since 1.10: the address that the client asked for, from 127.0.0.6 or ::6. What listens on
  loopback only is not served; what listens on the pod's IP address only is. Before, 127.0.0.1: the
  reverse. (Istio 1.10, upgrade notes) A Sidecar resource may name another place for a port, in
  ``ingress[].defaultEndpoint``.
- Linkerd since 2.11 (edge-21.9): the same as Istio 1.10; 127.0.0.1 before. (linkerd2 issue 6495)
- Of Consul and Kuma it depends on settings that are not read.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.objects import Container, Pod
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics import mesh
from kubectl_portcheck.semantics.annotations import (
    AMBIENT,
    CONSUL_PORTS,
    ISTIO_PORTS,
    KUMA_PORTS,
    LINKERD_PORTS,
)
from kubectl_portcheck.semantics.references import may_select

Delivery = Literal["direct", "address", "loopback", "unknown"]
"""Where a connection to the pod's IP address ends: in the application's own socket, or after the
proxy at that same address, on loopback, or at a place that is not known."""

_LEFT_OUT = {
    "Istio": ISTIO_PORTS[0],
    "Linkerd": LINKERD_PORTS,
    "Consul": CONSUL_PORTS,
    "Kuma": KUMA_PORTS,
}
"""The annotations that take ports out, by the mesh."""
_TAG = regex(r":(stable-|edge-|)v?(\d{1,4})\.(\d{1,4})[.\w-]{0,64}(?:@|$)", re.ASCII)


def delivery(pod: Pod, port: int) -> Delivery:
    """Where a TCP connection to this port at the pod's IP address ends."""
    proxy = proxy_of(pod, port)
    if proxy is None:
        return "direct"
    if proxy.name not in ("Istio", "Linkerd"):
        return "unknown"
    return _by_version(proxy.name, image_of(pod, port))


def takes(pod: Pod, port: int) -> bool:
    """Whether a proxy accepts connections to this port in the application's place."""
    return proxy_of(pod, port) is not None


def proxy_of(pod: Pod, port: int) -> mesh.Mesh | None:
    """The mesh whose proxy accepts connections to this port; None where the application does."""
    ambient = AMBIENT in pod.metadata.annotations
    if not ambient and not any(c.name in mesh.CONTAINERS for c in _containers(pod)):
        return None
    for found in mesh.of_pod(pod):
        if port not in found.ports and not left_out(pod, found, port):
            return found
    return None


def image_of(pod: Pod, port: int) -> str:
    """The image of the proxy that takes the port; '' where none does, or the node's own."""
    proxy = proxy_of(pod, port)
    names = proxy.containers if proxy else ()
    return next((c.image for c in _containers(pod) if c.name in names), "")


def reads_app_protocol(pod: Pod) -> bool:
    """Whether Linkerd of this version heeds the appProtocol of Services.

    It does since 2.18 (edge-25.2); where no proxy of the pod says its version, it is taken to.
    (Linkerd 2.18, release notes)
    """
    of_linkerd = (c.image for c in _containers(pod) if c.name in mesh.LINKERD.containers)
    tag = _TAG.search(next(of_linkerd, ""))
    if tag is None:
        return True
    version = (int(tag[2]), int(tag[3]))
    if tag[1] == "edge-":
        return version >= (25, 2)
    return tag[1] != "stable-" or version >= (2, 18)


def heeds_sidecars(pod: Pod, port: int) -> bool:
    """Whether Sidecar resources of Istio may say where the proxy connects to for this port."""
    return is_of_istio(pod) and proxy_of(pod, port) is mesh.ISTIO


def is_of_istio(pod: Pod) -> bool:
    """Whether a container of the pod has the name of Istio's proxy."""
    names, spec = mesh.ISTIO.containers, pod.spec
    # Written out: a sweep asks it of every pod of a cluster.
    for container in spec.containers:
        if container.name in names:
            return True
    return any(c.name in names for c in spec.init_containers) if spec.init_containers else False


def judges(pod: Pod, port: int) -> bool:
    """Whether connections to the port go through Istio's sidecar."""
    own = port in mesh.ISTIO.ports
    return mesh.has_istio_sidecar(pod) and not own and not left_out(pod, mesh.ISTIO, port)


def passed_on(pod: Pod, sidecars: Iterable[Guard]) -> dict[int, str]:
    """By port of the pod: where the Sidecar resources have the proxy connect.

    Which of several Sidecars holds is not decided: every place that one of them names is one where
    connections may end, the last of them is given.
    """
    return {
        int(port): place
        for guard in sidecars
        if guard.kind == "Sidecar" and may_select(guard, pod)
        for part in guard.parts
        for port, place in part.endpoints.items()
        if port.isdecimal()
    }


def _containers(pod: Pod) -> tuple[Container, ...]:
    return (*pod.spec.containers, *pod.spec.init_containers)


def left_out(pod: Pod, proxy: mesh.Mesh, port: int) -> bool:
    """Whether annotations of the pod take the port out, so that it passes by the proxy."""
    name = proxy.name
    annotations = pod.metadata.annotations
    if _names(annotations.get(_LEFT_OUT.get(name, ""), ""), port):
        return True
    # Istio has a list of those that are let in as well; without one, that is every port.
    only = annotations.get(ISTIO_PORTS[1]) if name == "Istio" else None
    return only is not None and "*" not in only.split(",") and not _names(only, port)


@lru_cache(maxsize=1024)
def _names(listed: str, port: int) -> bool:
    """Whether a list such as ``8080,9000-9010`` has the port."""
    for part in listed.split(","):
        first, dash, last = part.strip().partition("-")
        last = last if dash else first
        if first.isdecimal() and last.isdecimal() and int(first[:6]) <= port <= int(last[:6]):
            return True
    return False


@lru_cache(maxsize=64)
def _by_version(name: str, image: str) -> Delivery:
    """By the tag of the proxy's image; without a version in it, as it has been since 2021."""
    tag = _TAG.search(image)
    if tag is None:
        return "address"
    channel, version = tag[1], (int(tag[2]), int(tag[3]))
    if name == "Istio":
        return "loopback" if (0, 0) < version < (1, 10) else "address"
    if channel == "edge-":
        return "loopback" if version < (21, 9) else "address"
    return "loopback" if channel == "stable-" and version < (2, 11) else "address"
