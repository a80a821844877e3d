"""Probes, and the port that each of them asks."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics.probes import asked_ports, checks

PORTS = [{"containerPort": 8080, "name": "web"}, {"containerPort": 9000, "name": "admin"}]


def pod(*containers: dict[str, Any], **spec: Any) -> Pod:
    return msgspec.convert({"metadata": {}, "spec": {"containers": list(containers), **spec}}, Pod)


def app(**probes: Any) -> dict[str, Any]:
    return {"name": "app", "ports": PORTS, **probes}


def test_by_name_and_by_number_and_readiness_wins() -> None:
    found = pod(
        app(
            startupProbe={"tcpSocket": {"port": 7000}},
            livenessProbe={"httpGet": {"port": "web"}},
            readinessProbe={"httpGet": {"port": 8080}},
        )
    )
    assert asked_ports(found) == {7000: "startup", 8080: "readiness"}


@pytest.mark.parametrize(
    "probe",
    [{"httpGet": {"port": 8080, "host": "127.0.0.1"}}, {"exec": {"command": ["true"]}}],
)
def test_a_probe_that_asks_no_port_of_the_pod(probe: Any) -> None:
    found = pod(app(readinessProbe=probe))
    assert asked_ports(found) == {}
    assert not checks(found)[0].unresolved


def test_a_name_is_looked_up_in_its_own_container_only() -> None:
    other = {"name": "other", "readinessProbe": {"tcpSocket": {"port": "web"}}}
    (check,) = checks(pod(app(), other))
    assert (check.container, check.asked, check.number, check.unresolved) == (
        "other",
        "web",
        None,
        True,
    )


def test_a_native_sidecar_is_probed_and_an_init_container_is_not() -> None:
    inits = [
        {"name": "side", "restartPolicy": "Always", "livenessProbe": {"grpc": {"port": 5}}},
        {"name": "init", "livenessProbe": {"grpc": {"port": 6}}},
    ]
    assert asked_ports(pod(app(), initContainers=inits)) == {5: "liveness"}


def test_what_a_check_says() -> None:
    probe = {
        "httpGet": {"port": "admin", "path": "/up", "scheme": "HTTPS"},
        "periodSeconds": 5,
        "failureThreshold": 4,
    }
    (check,) = checks(pod(app(readinessProbe=probe)))
    assert (check.way, check.number, check.path, check.scheme) == ("httpGet", 9000, "/up", "HTTPS")
    assert (check.patience, check.field) == (20, "readinessProbe")
