"""What Istio's policies ask of clients is read where they are served. No mesh runs on the test
cluster: the pods have a container of its sidecar's name, and nothing is enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import crds
from .portcheck import diagnose, diagnose_all
from .table import keep
from .test_references import of
from .workloads import Document, client_pod, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

KINDS = ("PeerAuthentication", "AuthorizationPolicy", "DestinationRule", "VirtualService")


def shop(cluster: Cluster, namespace: str, *documents: Document) -> None:
    """Pods with a sidecar by name, and a client without one."""
    app = container("http://0.0.0.0:8080", ports={"http": 8080})
    proxy = {**container("tcp://127.0.0.1:15000"), "name": "istio-proxy"}
    made = deployment(app)
    made["spec"]["template"]["spec"]["containers"].append(proxy)
    cluster.apply([made, service((80, 8080)), client_pod("web"), *documents], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.wait_ready("pod/web", namespace)


def strict(mode: str = "STRICT") -> Document:
    return of("PeerAuthentication", {"mtls": {"mode": mode}}, "default")


def authorized(port: int, **operation: Any) -> Document:
    asked = {"ports": [str(port)], **operation}
    return of("AuthorizationPolicy", {"rules": [{"to": [{"operation": asked}]}]})


def rule(mode: str) -> Document:
    return of("DestinationRule", {"host": "checkout", "trafficPolicy": {"tls": {"mode": mode}}})


def test_a_destination_rule_against_mutual_tls(cluster: Cluster, namespace: str) -> None:
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, strict(), rule("DISABLE"))
        found = diagnose(cluster, namespace)
        swept = diagnose_all(cluster, namespace)
        cluster.apply(rule("ISTIO_MUTUAL"), namespace)
        well = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC721"])
    assert swept.causes == ["PC721"]
    assert (well.verdict, well.findings) == ("healthy", [])
    title = "a DestinationRule disables TLS, and the pods take only mutual TLS (read, not enforced)"
    keep(title, found, well, by_hand=True)


def test_an_authorization_policy_names_the_port_of_the_service(
    cluster: Cluster, namespace: str
) -> None:
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, authorized(80))
        found = diagnose(cluster, namespace)
        swept = diagnose_all(cluster, namespace)
        cluster.apply(authorized(8080), namespace)
        well = diagnose(cluster, namespace)
        cluster.apply(authorized(8080, methods=["GET"]), namespace)
        beyond = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC722"])
    assert swept.causes == ["PC722"]
    assert (well.verdict, well.findings) == ("healthy", [])
    untold = [n["missing"] for n in beyond.report["services"][0]["notEvaluated"]]
    assert "AuthorizationPolicy shop: HTTP rules: not compared" in untold
    title = "an AuthorizationPolicy names the Service's port (read, not enforced)"
    keep(title, found, well, by_hand=True)


def test_a_client_without_a_sidecar(cluster: Cluster, namespace: str) -> None:
    asked = ("svc/checkout", "--from=pod/web")
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, strict())
        found = diagnose_all(cluster, namespace, *asked)
        cluster.apply(strict("PERMISSIVE"), namespace)
        well = diagnose_all(cluster, namespace, *asked)
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC723"])
    assert (well.verdict, well.findings) == ("healthy", [])
    title = "a client without a sidecar before pods that take only mutual TLS (read, not enforced)"
    keep(title, found, well, by_hand=True)
