"""What of a pod is a service mesh's, and what is the application's."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import ListeningSocket
from kubectl_portcheck.semantics import mesh
from kubectl_portcheck.semantics.annotations import AMBIENT


def pod(*names: str, sidecars: tuple[str, ...] = (), annotations: Any = None) -> Pod:
    return msgspec.convert(
        {
            "metadata": {"annotations": annotations or {}},
            "spec": {
                "containers": [{"name": n} for n in names],
                "initContainers": [{"name": n, "restartPolicy": "Always"} for n in sidecars],
            },
        },
        Pod,
    )


def socket(port: int, **who: Any) -> ListeningSocket:
    return ListeningSocket(
        protocol="TCP", family="IPv4", address="0.0.0.0", port=port, source="proc", **who
    )


ISTIO = pod("app", "istio-proxy")


@pytest.mark.parametrize(
    ("found", "listener", "is_mesh"),
    [
        (ISTIO, socket(8080, container="istio-proxy", program="envoy"), True),
        (ISTIO, socket(15006, container="app", program="envoy"), False),
        (ISTIO, socket(8080, program="pilot-agent"), True),
        (ISTIO, socket(8080, program="python3"), False),
        (ISTIO, socket(8080, program="python3", uid=1337), False),
        # The proxy's image has no shell: from the other container its uid is all that shows.
        (ISTIO, socket(8080, uid=1337), True),
        (ISTIO, socket(15006, uid=0), True),
        (ISTIO, socket(8080, uid=0), False),
        (ISTIO, socket(4143), False),
        (pod("app", sidecars=("istio-proxy",)), socket(15021), True),
        (pod("app", "linkerd-proxy"), socket(4143, uid=2102), True),
        (pod("app", "linkerd-proxy"), socket(15006), False),
        (pod("app", "consul-dataplane"), socket(20000), True),
        (pod("app", "kuma-sidecar"), socket(15001), True),
        (pod("app", annotations={AMBIENT: "enabled"}), socket(15008), True),
        (pod("app", annotations={AMBIENT: "enabled"}), socket(8080), False),
        # Without a mesh a port is a port, and an envoy that serves is the application.
        (pod("app"), socket(15006), False),
        (pod("envoy", "shutdown-manager"), socket(8080, program="envoy"), False),
        (pod("istio-proxy"), socket(8080, container="istio-proxy", program="envoy"), False),
    ],
)
def test_whose_socket_it_is(found: Pod, listener: ListeningSocket, is_mesh: bool) -> None:
    assert mesh.without(found, [listener]) == (() if is_mesh else (listener,))


def test_a_gateway_is_its_own_application() -> None:
    gateway = pod("istio-proxy")
    assert not mesh.is_meshed(gateway)
    assert [c.name for c in mesh.own_containers(gateway)] == ["istio-proxy"]


def test_what_a_mesh_adds() -> None:
    assert [c.name for c in mesh.own_containers(ISTIO)] == ["app"]
    assert 15020 in mesh.ports_of(ISTIO)
    assert not mesh.ports_of(pod("app"))
