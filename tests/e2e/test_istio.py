"""What Istio's policies ask of clients is read where they are served. No mesh runs on the test
cluster: the pods have a container of its sidecar's name, and nothing is enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from . import crds
from .portcheck import diagnose, diagnose_all, paste
from .table import keep
from .test_references import of
from .workloads import Document, client_pod, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

KINDS = (
    *("PeerAuthentication", "AuthorizationPolicy", "DestinationRule", "VirtualService"),
    "Sidecar",
)


def shop(cluster: Cluster, namespace: str, *documents: Document) -> None:
    """Pods with a sidecar by name, and two clients: one without a sidecar, one with it."""
    app = container("http://0.0.0.0:8080", ports={"http": 8080})
    made = deployment(app)
    made["spec"]["template"]["spec"]["containers"].append(sidecar())
    meshed = client_pod("meshed")
    meshed["spec"]["containers"].append(sidecar())
    clients = [client_pod("web"), meshed]
    cluster.apply([made, service((80, 8080)), *clients, *documents], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.wait_ready("pod/web", namespace)
    cluster.wait_ready("pod/meshed", namespace)


def sidecar() -> Document:
    return {**container("tcp://127.0.0.1:15000"), "name": "istio-proxy"}


def strict(mode: str = "STRICT") -> Document:
    return of("PeerAuthentication", {"mtls": {"mode": mode}}, "default")


def authorized(port: int, **operation: Any) -> Document:
    asked = {"ports": [str(port)], **operation}
    return of("AuthorizationPolicy", {"rules": [{"to": [{"operation": asked}]}]})


def admitted(principal: str) -> Document:
    sources = [{"source": {"principals": [principal]}}]
    return of("AuthorizationPolicy", {"rules": [{"from": sources}]})


def importing(*hosts: str, mode: str = "REGISTRY_ONLY") -> Document:
    spec = {"egress": [{"hosts": list(hosts)}], "outboundTrafficPolicy": {"mode": mode}}
    return of("Sidecar", spec, "default")


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


def test_an_authorization_policy_admits_another_client(cluster: Cluster, namespace: str) -> None:
    right, wrong = (f"cluster.local/ns/{namespace}/sa/{a}" for a in ("default", "other"))
    asked = ("svc/checkout", "--from=pod/meshed")
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, admitted(wrong))
        found = diagnose_all(cluster, namespace, *asked)
        cluster.apply(admitted(right), namespace)
        well = diagnose_all(cluster, namespace, *asked)
        outside = diagnose_all(cluster, namespace, "svc/checkout", "--from=pod/web")
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC722"])
    assert (well.verdict, well.findings) == ("healthy", [])
    assert outside.causes == ["PC722"]
    assert "has no identity there" in outside.findings[0]["summary"]
    title = "an AuthorizationPolicy admits another client than the one of --from"
    keep(f"{title} (read, not enforced)", found, well, by_hand=True)


def test_a_policy_with_rules_of_http_in_ambient_mode(cluster: Cluster, namespace: str) -> None:
    made = deployment(container("http://0.0.0.0:8080", ports={"http": 8080}))
    made["spec"]["template"]["metadata"]["annotations"] = {
        "ambient.istio.io/redirection": "enabled"
    }
    with crds.served(cluster, *KINDS):
        cluster.apply([made, service((80, 8080)), authorized(8080, methods=["GET"])], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        found = diagnose(cluster, namespace)
        cluster.apply(authorized(8080), namespace)
        well = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC722"])
    assert (well.verdict, well.findings) == ("healthy", [])
    title = "an AuthorizationPolicy allows by HTTP methods before pods in ambient mode"
    keep(f"{title} (read, not enforced)", found, well, by_hand=True)


def test_a_sidecar_that_does_not_import_the_service(cluster: Cluster, namespace: str) -> None:
    asked = ("svc/checkout", "--from=pod/meshed")
    with crds.served(cluster, *KINDS):
        shop(cluster, namespace, importing("istio-system/*"))
        found = diagnose_all(cluster, namespace, *asked)
        cluster.apply(importing("istio-system/*", "./*"), namespace)
        well = diagnose_all(cluster, namespace, *asked)
        cluster.apply(importing("istio-system/*", mode="ALLOW_ANY"), namespace)
        passed_on = diagnose_all(cluster, namespace, *asked)
        outside = diagnose_all(cluster, namespace, "svc/checkout", "--from=pod/web")
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC729"])
    assert (well.verdict, well.findings) == ("healthy", [])
    assert (passed_on.verdict, passed_on.findings) == ("healthy", [])
    assert (outside.verdict, outside.findings) == ("healthy", [])
    title = "a Sidecar of Istio does not import the Service for the client (read, not enforced)"
    keep(title, found, well, by_hand=True)


def named(cluster: Cluster, namespace: str, name: str, app: Document) -> None:
    """Pods with a sidecar by name, behind a port of this name."""
    proxy = {**container("tcp://127.0.0.1:15000"), "name": "istio-proxy"}
    (port,) = [p["containerPort"] for p in app["ports"]]
    called = service((80, port))
    called["spec"]["ports"][0]["name"] = name
    cluster.apply([deployment(app, proxy), called], namespace)
    cluster.wait_ready("deployment/checkout", namespace)


PROBE = {"httpGet": {"port": 8443, "path": "/", "scheme": "HTTPS"}, "periodSeconds": 1}
SPEAKING = {
    "a server that speaks first": (
        "http-db",
        container("tcp://0.0.0.0:3306", ports={"mysql": 3306}),
        "MySQL is spoken on 3306 of the pod, and port 80 is declared HTTP for Istio",
    ),
    "TLS": (
        "http",
        container("https://0.0.0.0:8443", ports=[8443], readinessProbe=PROBE),
        "TLS is spoken on 8443 of the pod, and port 80 is declared HTTP for Istio",
    ),
}


@pytest.mark.parametrize("what", SPEAKING)
def test_a_port_that_is_declared_http(cluster: Cluster, namespace: str, what: str) -> None:
    name, app, summary = SPEAKING[what]
    with crds.served(cluster, *KINDS):
        named(cluster, namespace, name, app)
        found = diagnose(cluster, namespace)
        assert found.fix
        paste(cluster, found.fix)
        well = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC727"])
    assert found.findings[0]["summary"] == summary
    assert (well.verdict, well.findings) == ("healthy", [])
    keep(f"{what} behind a port declared HTTP for Istio (read, not enforced)", found, well)
