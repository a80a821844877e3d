"""The data plane's resolver and kubectl's, where they agree and where they do not."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.semantics.ports import (
    dialled_port,
    kubectl_target_port,
    resolve_target_port,
    selected_port,
)

POD = msgspec.convert(
    {
        "metadata": {"name": "checkout-1"},
        "spec": {
            "containers": [
                {
                    "name": "app",
                    "ports": [
                        {"name": "http", "containerPort": 8080},
                        {"name": "dns", "containerPort": 5353, "protocol": "UDP"},
                    ],
                    "readinessProbe": {"httpGet": {"port": "http"}},
                    "livenessProbe": {"tcpSocket": {"port": 8080}},
                    "startupProbe": {"grpc": {"port": 7000}},
                }
            ],
            "initContainers": [
                {
                    "name": "mesh",
                    "restartPolicy": "Always",
                    "ports": [
                        {"name": "mesh", "containerPort": 15001},
                        {"name": "http", "containerPort": 15002},
                    ],
                },
                {"name": "setup", "ports": [{"name": "setup", "containerPort": 9999}]},
            ],
        },
    },
    Pod,
)


def service(cluster_ip: str = "10.96.0.1", **port: Any) -> Service:
    return msgspec.convert(
        {
            "metadata": {"name": "checkout"},
            "spec": {"clusterIP": cluster_ip, "ports": [{"port": 80, **port}]},
        },
        Service,
    )


@pytest.mark.parametrize(
    ("port", "data_plane", "kubectl"),
    [
        ({"targetPort": 9000}, 9000, 9000),
        ({}, 80, 80),
        ({"targetPort": 0}, 80, 80),
        ({"targetPort": "http"}, 8080, 8080),
        ({"targetPort": "mesh"}, 15001, 15001),
        # kubectl looks into every init container and at no protocol.
        ({"targetPort": "setup"}, None, 9999),
        ({"targetPort": "dns"}, None, 5353),
        ({"targetPort": "dns", "protocol": "UDP"}, 5353, 5353),
        ({"targetPort": "nothing"}, None, None),
    ],
)
def test_resolving(port: dict[str, Any], data_plane: int | None, kubectl: int | None) -> None:
    found = service(**port)
    assert resolve_target_port(found.spec.ports[0], POD) == data_plane
    assert dialled_port(found, found.spec.ports[0], POD) == data_plane
    assert kubectl_target_port(found, 80, POD) == kubectl


def test_a_headless_service_translates_nothing() -> None:
    found = service("None", targetPort="http")
    assert dialled_port(found, found.spec.ports[0], POD) == 80
    assert kubectl_target_port(found, 80, POD) == 80
    assert resolve_target_port(found.spec.ports[0], POD) == 8080


def test_kubectl_takes_the_first_port_of_a_number() -> None:
    ports = [
        {"name": "udp", "port": 53, "protocol": "UDP", "targetPort": 5353},
        {"name": "tcp", "port": 53, "targetPort": 8080},
    ]
    found = msgspec.convert({"metadata": {}, "spec": {"ports": ports}}, Service)
    assert kubectl_target_port(found, 53, POD) == 5353
    assert kubectl_target_port(found, 54, POD) is None


@pytest.mark.parametrize(("asked", "found"), [(None, 1), (80, 1), ("web", 1), (81, 0), ("x", 0)])
def test_the_port_that_was_asked_for(asked: int | str | None, found: int) -> None:
    assert len(selected_port(service(name="web"), asked)) == found
    assert ServicePort(port=80, name="web") in service(name="web").spec.ports
