"""Many Services on the fake API server, each with pods of its own."""

from typing import Any

from tests.fake.api_server import Command, FakeApiServer
from tests.fake.store import Object
from tests.walk.shop import sockets


def add_service(
    server: FakeApiServer,
    name: str,
    namespace: str = "town",
    *,
    target: int = 8080,
    listening: int = 8080,
    pods: int = 2,
    probed: int | None = None,
    ready: bool = True,
    selector: str = "",
) -> None:
    """A Service, its EndpointSlice and its pods, which listen on one port.

    ``probed`` is the port of a readiness probe; ``selector`` a value that the pods do not have.
    """
    labels = {"app": name}
    names = [f"{name}-{i}" for i in range(pods)]
    server.add(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "labels": {"tier": name[0]}},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": "10.96.0.10",
                "ipFamilies": ["IPv4"],
                "selector": {"app": selector} if selector else labels,
                "ports": [{"port": 80, "targetPort": target, "protocol": "TCP"}],
            },
        },
        *(_pod(p, i, namespace, labels, probed, ready) for i, p in enumerate(names)),
        _slice(name, namespace, target, [] if selector else names, ready),
    )
    for pod in names:
        server.commands[namespace, pod] = lambda _, __: Command(sockets(listening))
        server.ports[namespace, pod] = {listening: "accepted"}


def _slice(name: str, namespace: str, target: int, pods: list[str], ready: bool) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name}-1",
            "namespace": namespace,
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": "", "port": target, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [f"10.0.0.{i}"],
                "conditions": {"ready": ready},
                "targetRef": {"kind": "Pod", "name": pod, "namespace": namespace},
            }
            for i, pod in enumerate(pods)
        ],
    }


def _pod(
    name: str, number: int, namespace: str, labels: dict[str, str], probed: int | None, ready: bool
) -> Object:
    container: dict[str, Any] = {"name": "app"}
    if probed:
        container["readinessProbe"] = {"httpGet": {"port": probed}, "periodSeconds": 5}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": "node-1", "containers": [container]},
        "status": {
            "phase": "Running",
            "podIP": f"10.0.0.{number}",
            "podIPs": [{"ip": f"10.0.0.{number}"}],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "app", "ready": ready, "state": {"running": {}}}],
        },
    }
