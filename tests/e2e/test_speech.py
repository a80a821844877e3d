"""What a port speaks, asked on a real cluster: only where something says HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .portcheck import Diagnosis, awaited, diagnose, paste
from .table import keep
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


RECREATE = {"type": "Recreate"}


def named(name: str, target: int = 8080, **more: str) -> Document:
    """A Service with one port of that name."""
    made = service((80, target))
    made["spec"]["ports"] = [{"port": 80, "targetPort": target, "name": name, **more}]
    return made


def deploy(cluster: Cluster, namespace: str, *documents: Document) -> Diagnosis:
    """What is said once the pods are there and the endpoints follow."""
    cluster.apply(documents, namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    address = cluster.get("service/checkout", namespace=namespace)["spec"]["clusterIP"]
    cluster.wait_dial(address, 80, "accepted")
    return diagnose(cluster, namespace)


def statuses(found: Diagnosis) -> list[str]:
    return [s["status"] for s in found.report["services"][0]["ports"][0]["steps"]]


def test_every_pod_answers_with_503(cluster: Cluster, namespace: str) -> None:
    app = container("http://0.0.0.0:8080?status=503")
    found = deploy(cluster, namespace, deployment(app), named("http"))

    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC504"])
    assert "GET / with HTTP 503" in found.findings[0]["summary"]
    cluster.apply(deployment(container("http://0.0.0.0:8080")), namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "healthy", "healthy", 180)
    assert diagnose(cluster, namespace).findings == []


def test_one_of_two_pods_answers_with_500(cluster: Cluster, namespace: str) -> None:
    bad = container("http://0.0.0.0:8080?status=500")
    shop = {"team": "shop"}
    made = named("http")
    made["spec"]["selector"] = shop
    cluster.apply([deployment(bad, name="old", labels=shop)], namespace)
    cluster.wait_ready("deployment/old", namespace)
    good = deployment(container("http://0.0.0.0:8080"), labels=shop)
    found = deploy(cluster, namespace, good, made)

    assert (found.code, found.verdict, found.causes) == (1, "degraded", ["PC504"])
    assert "1 of 2 pods" in found.findings[0]["summary"]
    cluster.kubectl("delete", "deployment", "old", namespace=namespace, check=True)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "healthy", "healthy", 180)
    after = diagnose(cluster, namespace)
    keep("one of two pods answers with 500", found, after, by_hand=True)


@pytest.mark.parametrize(("scheme", "declared"), [("https", "http"), ("http", "https")])
def test_another_language_than_declared(
    cluster: Cluster, namespace: str, scheme: str, declared: str
) -> None:
    app = container(f"{scheme}://0.0.0.0:8080")
    found = deploy(
        cluster, namespace, deployment(app, replicas=2), named("api", appProtocol=declared)
    )

    assert (found.code, found.verdict, found.causes) == (1, "degraded", ["PC505"])
    assert found.findings[0]["summary"].startswith("Both pods speak ")
    assert found.fix
    paste(cluster, found.fix)
    well = diagnose(cluster, namespace)
    assert (well.verdict, well.findings) == ("healthy", [])
    keep(f"{scheme} is spoken where appProtocol says {declared}", found, well)


def test_tls_without_http_where_http_is_declared(cluster: Cluster, namespace: str) -> None:
    """A plain request ends without a byte; the second one, by TLS, tells why."""
    app = container("tls://0.0.0.0:8080")
    found = deploy(cluster, namespace, deployment(app), named("http"))
    assert (found.verdict, found.causes) == ("degraded", ["PC505"])


def test_the_container_says_https_and_the_service_http(cluster: Cluster, namespace: str) -> None:
    probe = {"httpGet": {"port": "https", "scheme": "HTTPS"}, "periodSeconds": 1}
    app = container("https://0.0.0.0:8080", ports={"https": 8080}, readinessProbe=probe)
    found = deploy(cluster, namespace, deployment(app), named("http"))
    assert (found.verdict, found.causes) == ("degraded", ["PC505"])
    assert found.fix
    paste(cluster, found.fix)
    after = diagnose(cluster, namespace)
    assert (after.verdict, after.findings) == ("healthy", [])
    keep("a port named http before pods that require TLS", found, after)


def test_only_the_container_is_named_wrong(cluster: Cluster, namespace: str) -> None:
    """No client reads the name of a container's port."""
    app = container("https://0.0.0.0:8080", ports={"http": 8080})
    found = deploy(cluster, namespace, deployment(app), named("api", appProtocol="https"))
    assert found.verdict == "healthy"
    assert [f["severity"] for f in found.findings] in ([], ["warning"])


def test_connections_are_reset(cluster: Cluster, namespace: str) -> None:
    app = container("reset://0.0.0.0:8080")
    found = deploy(cluster, namespace, deployment(app), named("http"))
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC503"])


def test_a_request_gets_no_answer(cluster: Cluster, namespace: str) -> None:
    app = container("hang://0.0.0.0:8080")
    found = deploy(cluster, namespace, deployment(app), named("http"))
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC502"])
    assert "GET /" in found.findings[0]["summary"]
    cluster.apply(deployment(container("http://0.0.0.0:8080")), namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "healthy", "healthy", 180)
    after = diagnose(cluster, namespace)
    keep("the program takes connections and answers no request", found, after, by_hand=True)


def test_one_of_two_pods_answers_no_request(cluster: Cluster, namespace: str) -> None:
    shop = {"team": "shop"}
    made = named("http")
    made["spec"]["selector"] = shop
    mute = deployment(container("hang://0.0.0.0:8080"), name="old", labels=shop)
    cluster.apply([mute], namespace)
    cluster.wait_ready("deployment/old", namespace)
    good = deployment(container("http://0.0.0.0:8080"), labels=shop)
    found = deploy(cluster, namespace, good, made)

    assert (found.code, found.verdict, found.causes) == (1, "degraded", ["PC502"])
    cluster.kubectl("delete", "deployment", "old", namespace=namespace, check=True)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "healthy", "healthy", 180)
    after = diagnose(cluster, namespace)
    keep("one of two pods answers no request", found, after, by_hand=True)


STOPPED = "/listen http://0.0.0.0:8080 & p=$!; sleep 1; kill -STOP $p; wait"


@pytest.mark.parametrize(("image", "name"), [("debian", "api"), ("busybox", "http")])
def test_a_process_that_hangs_accepts_nothing(
    cluster: Cluster, namespace: str, image: str, name: str
) -> None:
    """The kernel answers for it, and so do a tcpSocket probe and a port-forward."""
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    app = container(image=image, readinessProbe=probe)
    app["command"] = ["/bin/sh", "-c", STOPPED]
    found = deploy(cluster, namespace, deployment(app), named(name))
    found = awaited(cluster, namespace, "broken", "PC507")  # After the probe's turn.
    assert found.code == 1
    assert "accepts no connections on 8080" in found.findings[0]["summary"]
    assert statuses(found)[:4] == ["pass", "warn", "pass", "pass"]
    cluster.apply(deployment(container("http://0.0.0.0:8080"), strategy=RECREATE), namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "healthy", "healthy", 180)
    after = diagnose(cluster, namespace)
    keep("the process is stopped, and connections wait for it", found, after, by_hand=True)


ODD = {
    "nothing at /": ("http://0.0.0.0:8080?status=404", "http"),
    "a login": ("http://0.0.0.0:8080?status=401", "web"),
    "not implemented": ("http://0.0.0.0:8080?status=501", "http-api"),
    "no HTTP at all": ("tcp://0.0.0.0:8080", "http"),
    "TLS as named": ("https://0.0.0.0:8080", "https"),
    "TLS under a name that says nothing": ("https://0.0.0.0:8080", "secure"),
    "errors under a name that says nothing": ("http://0.0.0.0:8080?status=500", "api"),
    "resets under a name that says nothing": ("reset://0.0.0.0:8080", "redis"),
}


@pytest.mark.parametrize("title", ODD)
def test_odd_answers_raise_nothing(cluster: Cluster, namespace: str, title: str) -> None:
    listener, name = ODD[title]
    found = deploy(cluster, namespace, deployment(container(listener)), named(name))
    assert (found.verdict, found.findings) == ("healthy", [])
    assert statuses(found) == ["pass"] * 6
