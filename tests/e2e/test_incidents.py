"""Incidents on a real cluster: broken, diagnosed, fixed with the pasted fix, diagnosed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import incidents
from .portcheck import awaited, diagnose, paste
from .workloads import container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


def address(cluster: Cluster, namespace: str) -> str:
    return str(cluster.get("service/checkout", namespace=namespace)["spec"]["clusterIP"])


def assert_well(cluster: Cluster, namespace: str) -> None:
    """Clients of the ClusterIP are served, and the program says so."""
    cluster.wait_dial(address(cluster, namespace), 80, "accepted")
    well = awaited(cluster, namespace, "healthy")
    assert (well.code, well.causes) == (0, [])


def test_the_debriefs_incident(cluster: Cluster, namespace: str) -> None:
    cluster.apply(incidents.checkout(), namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.wait_dial(address(cluster, namespace), 80, "refused")

    found = diagnose(cluster, namespace)

    assert (found.code, found.verdict, found.causes) == (1, "broken", ["PC401"])
    summary = found.findings[0]["summary"]
    assert "8080" in summary
    assert "9000" in summary
    assert "all 3 pods" in summary
    assert {f["code"] for f in found.findings if not f["cause"]} == {"PC412", "PC501", "PC601"}
    steps = {s["name"]: s["status"] for s in found.report["services"][0]["ports"][0]["steps"]}
    assert steps == {
        "pod-status": "pass",
        "listening-ports": "warn",
        "endpoints": "pass",
        "target-port": "fail",
        "pod-port-forward": "fail",
        "service-port-forward": "fail",
    }
    assert found.findings[0]["fixes"][0]["safety"] == "safe"
    assert found.fix
    paste(cluster, found.fix)
    assert_well(cluster, namespace)


def test_loopback_only(cluster: Cluster, namespace: str) -> None:
    cluster.apply(incidents.loopback(), namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.wait_dial(address(cluster, namespace), 80, "refused")

    found = awaited(cluster, namespace, "broken", "PC202")

    assert found.code == 1
    attempts = {
        a["path"]: a["outcome"] for a in found.report["services"][0]["ports"][0]["attempts"]
    }
    assert attempts["pod-port-forward"] == "accepted"
    assert attempts["pod-proxy"] == "refused"
    assert found.fix is None  # a setting of the application: no command can make it
    assert "0.0.0.0:8080" in found.findings[0]["fixes"][0]["title"]
    cluster.apply(incidents.loopback("0.0.0.0"), namespace)
    assert_well(cluster, namespace)


def test_a_named_port_with_a_typo(cluster: Cluster, namespace: str) -> None:
    cluster.apply(incidents.named_port(), namespace)
    cluster.wait_ready("deployment/checkout", namespace)

    found = awaited(cluster, namespace, "broken", "PC402")

    assert found.code == 1
    assert "PC303" in [f["code"] for f in found.findings]
    assert found.fix
    paste(cluster, found.fix)
    assert_well(cluster, namespace)


def test_a_selector_with_a_typo(cluster: Cluster, namespace: str) -> None:
    cluster.apply(incidents.selector(), namespace)
    cluster.wait_ready("deployment/checkout", namespace)

    found = diagnose(cluster, namespace)

    assert (found.code, found.verdict, found.causes) == (1, "broken", ["PC301"])
    assert "Deployment checkout has app=checkout" in found.findings[0]["summary"]
    assert found.fix
    paste(cluster, found.fix)
    assert_well(cluster, namespace)


def test_a_rollout_half_done(cluster: Cluster, namespace: str) -> None:
    cluster.apply(incidents.rollout(8080), namespace)
    cluster.wait_ready("deployment/checkout", namespace, timeout=90)
    assert_well(cluster, namespace)
    cluster.apply(incidents.rollout(9000), namespace)

    found = awaited(cluster, namespace, "degraded", "PC407")

    assert found.code == 1
    assert " of 3 pods" in found.findings[0]["summary"]
    assert found.fix
    assert "rollout undo deployment/checkout" in found.fix
    assert "service" not in found.fix  # another targetPort would break the two good pods
    paste(cluster, found.fix)
    assert_well(cluster, namespace)


def test_nothing_listens(cluster: Cluster, namespace: str) -> None:
    cluster.apply(incidents.nothing_listens(), namespace)
    cluster.wait_ready("deployment/checkout", namespace)

    found = awaited(cluster, namespace, "broken", "PC201")

    assert found.code == 1
    assert found.fix is None
    cluster.apply(incidents.nothing_listens(incidents.HTTP), namespace)
    assert_well(cluster, namespace)


def test_a_crash_loop(cluster: Cluster, namespace: str) -> None:
    cluster.apply(incidents.crash_loop(broken=False), namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.apply(incidents.crash_loop(broken=True), namespace)

    def restarted() -> bool:
        found = cluster.get("pods", "-l", "app=checkout", namespace=namespace)["items"]
        statuses = [s for p in found for s in p["status"].get("containerStatuses", ())]
        return len(statuses) == 1 and statuses[0]["restartCount"] > 0

    cluster.until(restarted, "the container to be restarted", 60)

    # Between two crashes the container runs for a moment.
    found = awaited(cluster, namespace, "broken", "PC102")

    assert found.code == 1
    assert "exited with code 3" in found.findings[0]["summary"]
    assert found.fix
    assert "rollout undo" in found.fix
    paste(cluster, found.fix)
    assert_well(cluster, namespace)


@pytest.mark.parametrize("image", ["debian", "busybox"])
def test_an_undeclared_port_is_healthy(cluster: Cluster, namespace: str, image: str) -> None:
    app = container("http://0.0.0.0:8080", image=image)
    cluster.apply([deployment(app, replicas=2), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.wait_dial(address(cluster, namespace), 80, "accepted")

    found = awaited(cluster, namespace, "healthy")

    assert (found.code, found.findings) == (0, [])


def test_two_ports_and_a_sidecar_are_healthy(cluster: Cluster, namespace: str) -> None:
    app = container("http://0.0.0.0:8080", "tcp://127.0.0.1:6060", ports={"http": 8080})
    sidecar = container(
        "http://[::]:15000", name="proxy", ports={"admin": 15000}, restartPolicy="Always"
    )
    cluster.apply(
        [
            deployment(app, pod={"initContainers": [sidecar]}),
            service((80, "http"), (81, "admin")),
        ],
        namespace,
    )
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.wait_dial(address(cluster, namespace), 81, "accepted")

    found = awaited(cluster, namespace, "healthy")

    assert (found.code, found.findings) == (0, [])
