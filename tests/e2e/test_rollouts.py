"""Rollouts that stand, and containers that have just started: named, and what helps is pasted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .fixing import Incident, broken_named_fixed
from .portcheck import Diagnosis, diagnose, paste
from .table import keep
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

HTTP = "http://0.0.0.0:8080"
RECREATE = {"type": "Recreate"}
SERVICE = service((80, 8080))
CRASHES = container("exit://?code=3")


def _late(**probe: Any) -> list[Document]:
    slow = container(f"{HTTP}?after=20s", ports=[8080], **probe)
    return [deployment(slow, strategy=RECREATE), SERVICE]


STARTS = [
    Incident(
        "a program without a readinessProbe has just started",
        "PC116",
        _late(),
        by_hand=[SERVICE],
    ),
    Incident(
        "a program has just started, and its readinessProbe waits for it",
        "PC116",
        _late(readinessProbe={"tcpSocket": {"port": 8080}, "initialDelaySeconds": 15}),
        by_hand=[SERVICE],
    ),
]


@pytest.mark.parametrize("incident", STARTS, ids=[f"{i.cause}-{i.title}" for i in STARTS])
def test_what_starts_is_no_fault_yet(cluster: Cluster, namespace: str, incident: Incident) -> None:
    broken_named_fixed(cluster, namespace, incident)


def _twins(**replicas: int) -> list[Document]:
    return [
        deployment(container(HTTP), name=f"shop-{side}", replicas=count, labels={"shop": side})
        for side, count in replicas.items()
    ]


def test_the_clients_are_sent_to_the_twin(cluster: Cluster, namespace: str) -> None:
    broken_named_fixed(
        cluster,
        namespace,
        Incident(
            "the Service still selects blue, which is scaled to 0, and green is Ready",
            "PC119",
            [*_twins(blue=0, green=2), service((80, 8080), selector={"shop": "blue"})],
        ),
    )


def test_a_canary_without_pods_is_no_alarm(cluster: Cluster, namespace: str) -> None:
    canary = service((80, 8080), name="checkout-canary")
    cluster.apply([deployment(container(HTTP), name="checkout-canary", replicas=0)], namespace)
    cluster.apply([canary, deployment(container(HTTP)), SERVICE], namespace)
    _with(cluster, namespace, "healthy", "")
    found = diagnose(cluster, namespace, "svc/checkout-canary")
    assert (found.code, found.verdict) == (0, "healthy")
    assert [(f["code"], f["severity"]) for f in found.findings] == [("PC120", "info")]
    assert diagnose(cluster, namespace).code == 0


def _with(cluster: Cluster, namespace: str, verdict: str, code: str) -> Diagnosis:
    """The diagnosis once it has this verdict and this finding; without one where it is ''."""
    found: list[Diagnosis] = []

    def come_about() -> bool:
        found[:] = [diagnose(cluster, namespace, "svc/checkout")]
        codes = [f["code"] for f in found[0].findings]
        return found[0].verdict == verdict and (code in codes if code else not codes)

    cluster.until(come_about, f"{verdict} {code}", 120)
    return found[0]


def _shell(found: Diagnosis, code: str) -> str:
    """The first command of this finding."""
    fixes = [x for f in found.findings if f["code"] == code for x in f["fixes"]]
    return next(str(x["shell"]) for x in fixes if x["shell"])


def _stateful(*containers: Document, **spec: Any) -> Document:
    made = deployment(*containers, replicas=2)
    return {**made, "kind": "StatefulSet", "spec": {**made["spec"], "serviceName": "x", **spec}}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_a_rollout_stands_half_done(cluster: Cluster, namespace: str, kind: str) -> None:
    make = deployment if kind == "Deployment" else _stateful
    cluster.apply([make(container(HTTP, readiness=8080)), SERVICE], namespace)
    _with(cluster, namespace, "healthy", "")
    cluster.apply([make(container("exit://?code=3", readiness=8080))], namespace)

    found = _with(cluster, namespace, "healthy", "PC117")
    lead = next(f for f in found.findings if f["code"] == "PC117")
    assert lead["subject"]["kind"] == kind
    paste(cluster, _shell(found, "PC117"))
    if kind == "StatefulSet":
        # It waits for its broken pod for ever, as the second fix says.
        assert "Delete pod checkout-1" in lead["fixes"][1]["title"]
        cluster.kubectl("delete", "pod", "checkout-1", namespace=namespace, check=True)
    _with(cluster, namespace, "healthy", "")


def test_the_correction_waits_in_a_paused_rollout(cluster: Cluster, namespace: str) -> None:
    cluster.apply([deployment(CRASHES), SERVICE], namespace)
    _with(cluster, namespace, "broken", "PC102")
    cluster.kubectl("rollout", "pause", "deploy/checkout", namespace=namespace, check=True)
    cluster.apply([deployment(container(HTTP))], namespace)

    found = _with(cluster, namespace, "broken", "PC118")
    assert found.causes == ["PC102", "PC118"]
    paste(cluster, _shell(found, "PC118"))
    keep("the corrected pod template of a paused Deployment waits", found,
         _with(cluster, namespace, "healthy", ""), by_hand=True)  # fmt: skip


def test_a_paused_rollout_that_serves_is_no_alarm(cluster: Cluster, namespace: str) -> None:
    cluster.apply([deployment(container(HTTP)), SERVICE], namespace)
    _with(cluster, namespace, "healthy", "")
    cluster.kubectl("rollout", "pause", "deploy/checkout", namespace=namespace, check=True)
    cluster.apply([deployment(CRASHES)], namespace)
    found = _with(cluster, namespace, "healthy", "PC118")
    assert [f["severity"] for f in found.findings] == ["info"]
    assert found.code == 0


def test_a_pod_that_starts_slowly_beside_others_is_no_alarm(
    cluster: Cluster, namespace: str
) -> None:
    probe = {"tcpSocket": {"port": 8080}, "initialDelaySeconds": 15}
    slow = container(f"{HTTP}?after=10s", readinessProbe=probe)
    cluster.apply([deployment(container(HTTP), labels={"shop": "x"})], namespace)
    chosen = service((80, 8080), selector={"shop": "x"})
    cluster.apply([deployment(slow, name="slow", labels={"shop": "x"}), chosen], namespace)
    cluster.until(
        lambda: (
            len(diagnose(cluster, namespace, "svc/checkout").report["services"][0]["pods"]) == 2
            and diagnose(cluster, namespace, "svc/checkout").verdict == "healthy"
        ),
        "a slow pod beside one that serves",
        20,
    )
    found = diagnose(cluster, namespace, "svc/checkout")
    assert [f for f in found.findings if f["severity"] != "info"] == []
