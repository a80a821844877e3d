"""What leads to a Service besides Ingresses and routes: broken, diagnosed, fixed with the pasted
command. Of the custom kinds nothing but their schemas is there: no controller is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from .crds import GATEWAY, KINDS, definition, served
from .portcheck import diagnose, diagnose_all, paste
from .table import keep
from .test_paths import HTTP, deploy, fixed, route
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


def of(kind: str, spec: Document, name: str = "shop") -> Document:
    """An object of a custom kind."""
    version = "/".join(KINDS[kind])
    plain = kind.partition(".")[0]
    return {"apiVersion": version, "kind": plain, "metadata": {"name": name}, "spec": spec}


def webhooks(
    namespace: str,
    ca: str,
    kind: str = "Validating",
    name: str = "portcheck-checkout",
    **called: Any,
) -> Document:
    """A webhook for objects of a group that does not exist: the cluster never calls it."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "checkout.portcheck.test",
                "clientConfig": {
                    "service": {"name": "checkout", "namespace": namespace, **called},
                    "caBundle": ca,
                },
                "rules": [
                    {
                        "apiGroups": ["nothing.portcheck.test"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["nothings"],
                    }
                ],
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
            }
        ],
    }


@contextmanager
def applied(cluster: Cluster, document: Document) -> Iterator[None]:
    """An object of the whole cluster, which is removed again."""
    cluster.apply(document)
    try:
        yield
    finally:
        kind = document["kind"].lower()
        cluster.kubectl("delete", kind, document["metadata"]["name"], "--ignore-not-found")


def deploy_tls(cluster: Cluster, namespace: str, listens: str = "https://0.0.0.0:8443") -> None:
    """Pods that speak TLS on 8443, behind port 8443; no name says so."""
    app = container(listens, ports={"secure": 8443})
    cluster.apply([deployment(app), service((8443, 8443))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)


def authority(cluster: Cluster) -> str:
    """A certificate authority, as a caBundle wants it; nothing is verified by it."""
    words = ("config", "view", "--raw", "-o", "json")
    found = json.loads(cluster.kubectl(*words, check=True).stdout)
    return str(found["clusters"][0]["cluster"]["certificate-authority-data"])


@pytest.mark.parametrize("kind", ["Validating", "Mutating"])
def test_a_webhook_calls_the_default_port(cluster: Cluster, namespace: str, kind: str) -> None:
    deploy_tls(cluster, namespace)
    with applied(cluster, webhooks(namespace, authority(cluster), kind)):
        title = f"a {kind}WebhookConfiguration calls 443, and the Service has 8443"
        found = fixed(cluster, namespace, "PC706", title)
        assert found.findings[0]["subject"]["kind"] == f"{kind}WebhookConfiguration"
        assert "failurePolicy is Fail" in found.findings[0]["summary"]


def test_a_webhook_is_called_where_pods_speak_plain_http(cluster: Cluster, namespace: str) -> None:
    deploy(cluster, namespace)
    called = webhooks(namespace, authority(cluster), name="portcheck-plain", port=80)
    with applied(cluster, called):
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.causes) == ("degraded", ["PC709"])
        tls = container("https://0.0.0.0:8080", ports={"https": 8080})
        cluster.apply(deployment(tls), namespace)
        cluster.kubectl("rollout", "status", "deployment/checkout", namespace=namespace, check=True)
        cluster.until(
            lambda: len(cluster.get("pods", namespace=namespace)["items"]) == 1, "the old pod to go"
        )
        well = diagnose(cluster, namespace)
        assert (well.verdict, well.findings) == ("healthy", [])
        title = "a webhook's pods speak plain HTTP"
        keep(title, found, well, by_hand=True)


def test_the_error_line_of_a_webhook_whose_service_is_gone(
    cluster: Cluster, namespace: str
) -> None:
    """The line is what the API server says for real; only marked objects of the namespace are
    checked by that webhook."""
    deploy_tls(cluster, namespace)
    cluster.kubectl("delete", "service", "checkout", namespace=namespace, check=True)
    made = webhooks(namespace, authority(cluster), name=f"portcheck-{namespace}")
    (webhook,) = made["webhooks"]
    webhook["rules"] = [
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["configmaps"],
        }
    ]
    webhook["objectSelector"] = {"matchLabels": {"portcheck.test/checked": namespace}}
    checked = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "checked", "labels": {"portcheck.test/checked": namespace}},
    }
    with applied(cluster, made):
        lines: list[str] = []

        def refused() -> bool:
            create = ("create", "-f", "-", "--dry-run=server")
            done = cluster.kubectl(*create, namespace=namespace, stdin=json.dumps(checked))
            lines[:] = [done.stderr.strip()]
            return "failed calling webhook" in done.stderr

        cluster.until(refused, "the API server to ask the webhook")
        (line,) = lines
        assert f"https://checkout.{namespace}.svc:443/" in line
        found = diagnose(cluster, namespace, line)
        assert (found.verdict, found.causes) == ("broken", ["PC617"])
        summary = found.findings[0]["summary"]
        assert f"ValidatingWebhookConfiguration portcheck-{namespace} needs it" in summary
        assert found.fix
        paste(cluster, found.fix)
        cluster.until(
            lambda: diagnose(cluster, namespace, line).verdict == "healthy", "the Service to serve"
        )
        well = diagnose(cluster, namespace, line)
        keep("a webhook's Service is deleted (the API server's error line is pasted)", found, well)


def api_service(namespace: str, port: int) -> Document:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.checkout.portcheck.test"},
        "spec": {
            "group": "checkout.portcheck.test",
            "version": "v1",
            "service": {"name": "checkout", "namespace": namespace, "port": port},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 10,
        },
    }


def test_an_api_service_is_not_available(cluster: Cluster, namespace: str) -> None:
    """First its port is wrong; then what answers there serves no such API."""
    deploy_tls(cluster, namespace, "https://0.0.0.0:8443?status=503")
    with applied(cluster, api_service(namespace, 443)):

        def led_by(code: str) -> bool:
            return diagnose(cluster, namespace).causes == [code]

        cluster.until(lambda: led_by("PC706"), "the wrong port to be the cause")
        wrong = diagnose(cluster, namespace)
        assert wrong.fix
        paste(cluster, wrong.fix)
        cluster.until(lambda: led_by("PC710"), "the API to be unavailable")
        found = diagnose(cluster, namespace)
        assert found.verdict == "degraded"
        said = " ".join(found.findings[0]["evidence"])
        assert "checkout.portcheck.test" in said
        cluster.kubectl("delete", "apiservice", "v1.checkout.portcheck.test", check=True)
        well = diagnose(cluster, namespace)
        assert (well.verdict, well.findings) == ("healthy", [])
        keep("an APIService without its API", found, well, by_hand=True)


def test_the_conversion_webhook_of_a_kind(cluster: Cluster, namespace: str) -> None:
    """The API server itself says what fails: a list in the version that is not the stored one.

    The newer version is the stored one, so that a list of every kind meets no error.
    """
    deploy_tls(cluster, namespace)
    kind = definition("Portcheck")
    [version] = kind["spec"]["versions"]
    kind["spec"]["versions"] = [{**version, "storage": False}, {**version, "name": "v2"}]
    called = {"name": "checkout", "namespace": namespace, "path": "/convert"}
    client = {"service": called, "caBundle": authority(cluster)}
    kind["spec"]["conversion"] = {
        "strategy": "Webhook",
        "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]},
    }
    name = kind["metadata"]["name"]
    with applied(cluster, kind):
        group = KINDS["Portcheck"][0]
        stored, other = f"portchecks.v2.{group}", f"portchecks.v1.{group}"
        cluster.until(
            lambda: cluster.kubectl("get", stored, "-A").returncode == 0, "the kind to be served"
        )
        cluster.apply({**of("Portcheck", {}), "apiVersion": f"{group}/v2"}, namespace)
        failed = cluster.kubectl("get", other, namespace=namespace)
        assert "conversion webhook" in failed.stderr
        title = "the conversion webhook of a kind calls 443, and the Service has 8443"
        found = fixed(cluster, namespace, "PC706", title)
        assert found.findings[0]["subject"]["name"] == name
        assert f"cannot read or write {name}" in found.findings[0]["summary"]


def test_a_virtual_service_routes_to_the_port_of_the_pods(cluster: Cluster, namespace: str) -> None:
    def routed(port: int) -> Document:
        destination = {"host": "checkout", "port": {"number": port}}
        return of("VirtualService", {"http": [{"route": [{"destination": destination}]}]})

    with served(cluster, "VirtualService", "DestinationRule"):
        deploy(cluster, namespace, routed(8080))
        fixed(cluster, namespace, "PC707", "a VirtualService names the targetPort")
        other = cluster.make_namespace()
        try:
            elsewhere = routed(8080)
            host = f"checkout.{namespace}.svc.cluster.local"
            elsewhere["spec"]["http"][0]["route"][0]["destination"]["host"] = host
            cluster.apply(elsewhere, other)
            found = diagnose(cluster, namespace)
            assert (found.verdict, found.causes) == ("degraded", ["PC707"])
            assert found.findings[0]["subject"]["namespace"] == other
        finally:
            cluster.kubectl("delete", "namespace", other, "--wait=false")


def test_a_subset_that_no_destination_rule_defines(cluster: Cluster, namespace: str) -> None:
    asked = {"host": "checkout", "subset": "canary"}
    subsets: list[Document] = [{"name": "stable"}]
    with served(cluster, "VirtualService", "DestinationRule"):
        deploy(
            cluster,
            namespace,
            of("VirtualService", {"http": [{"route": [{"destination": asked}]}]}),
            of("DestinationRule", {"host": "checkout", "subsets": subsets}),
        )
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.causes) == ("degraded", ["PC711"])
        more = [*subsets, {"name": "canary"}]
        cluster.apply(of("DestinationRule", {"host": "checkout", "subsets": more}), namespace)
        well = diagnose(cluster, namespace)
        assert (well.verdict, well.findings) == ("healthy", [])
        title = "a VirtualService asks for a subset that no DestinationRule defines"
        keep(title, found, well, by_hand=True)
        more[-1] = {"name": "canary", "labels": {"track": "canary"}}
        cluster.apply(of("DestinationRule", {"host": "checkout", "subsets": more}), namespace)
        empty, swept = diagnose(cluster, namespace), diagnose_all(cluster, namespace)
        assert (empty.verdict, empty.causes) == ("healthy", ["PC711"])
        assert "no pod of the Service has the labels track=canary" in empty.findings[0]["summary"]
        assert swept.causes == ["PC711"]
        more[-1] = {"name": "canary", "labels": {"app": "checkout"}}
        cluster.apply(of("DestinationRule", {"host": "checkout", "subsets": more}), namespace)
        assert diagnose(cluster, namespace).findings == []


def test_a_route_and_a_monitor_of_another_namespace(cluster: Cluster, namespace: str) -> None:
    """The Service is asked about, and no one names the route."""
    with served(cluster, "HTTPRoute", "ReferenceGrant", "ServiceMonitor"):
        deploy(cluster, namespace)
        labelled = service((80, 8080))
        labelled["metadata"]["labels"] = {"portcheck.test": namespace}
        cluster.apply(labelled, namespace)
        other = cluster.make_namespace()
        try:
            cluster.apply(route(8080, namespace=namespace), other)
            found = diagnose(cluster, namespace)
            assert (found.verdict, sorted(found.causes)) == ("degraded", ["PC702", "PC703"])
            [grant] = [f["fixes"][0]["patch"] for f in found.findings if f["code"] == "PC703"]
            cluster.apply(grant, namespace)
            found = fixed(cluster, namespace, "PC702", "an HTTPRoute of another namespace")
            assert found.findings[0]["subject"]["namespace"] == other
            selected = {
                "selector": {"matchLabels": {"portcheck.test": namespace}},
                "namespaceSelector": {"any": True},
                "endpoints": [{"port": "metrics"}],
            }
            cluster.apply(of("ServiceMonitor", selected), other)
            found = diagnose(cluster, namespace)
            assert (found.verdict, found.causes) == ("healthy", ["PC704"])
        finally:
            cluster.kubectl("delete", "namespace", other, "--wait=false")


def test_a_udp_route_and_a_port_for_tcp(cluster: Cluster, namespace: str) -> None:
    with served(cluster, "UDPRoute"):
        app = container("udp://0.0.0.0:8080", HTTP)
        both = service((80, 8080), (90, 8080))
        both["spec"]["ports"][1]["protocol"] = "UDP"
        cluster.apply([deployment(app), both, route(80, "UDPRoute")], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        fixed(cluster, namespace, "PC702", "a UDPRoute names a port for TCP")


PROXIES: dict[str, tuple[Any, Any]] = {
    "IngressRoute": (8080, lambda port: {"routes": [{"services": [_called(port)]}]}),
    "IngressRouteTCP": ("80", lambda port: {"routes": [{"services": [_called(port)]}]}),
    "TraefikService": (8080, lambda port: {"weighted": {"services": [_called(port)]}}),
    "Route": (80, lambda port: {"to": {"name": "checkout"}, "port": {"targetPort": port}}),
    "HTTPProxy": (8080, lambda port: {"routes": [{"services": [_called(port)]}]}),
    "TargetGroupBinding": ("http", lambda port: {"serviceRef": _called(port)}),
}
"""By kind: a port that is wrong there, and the specification with a port."""


def _called(port: int | str) -> Document:
    return {"name": "checkout", "port": port}


def test_kinds_of_proxies(cluster: Cluster, namespace: str) -> None:
    """The healthy case is the state after the fix, with the objects of all kinds before it."""
    with served(cluster, *PROXIES):
        deploy(cluster, namespace)
        for kind, (wrong, spec) in PROXIES.items():
            cluster.apply(of(kind, spec(wrong)), namespace)
            found = fixed(cluster, namespace, "PC708", f"the port {wrong} in a {kind}")
            assert found.findings[0]["subject"]["kind"] == kind


def test_a_webhook_that_is_called_well_and_one_without_authority(
    cluster: Cluster, namespace: str
) -> None:
    deploy_tls(cluster, namespace)
    called = webhooks(namespace, authority(cluster), name="portcheck-healthy", port=8443)
    with applied(cluster, called):
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.findings) == ("healthy", [])
        del called["webhooks"][0]["clientConfig"]["caBundle"]
        cluster.apply(called)
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.causes) == ("healthy", ["PC709"])
        assert found.findings[0]["severity"] == "warning"


def test_the_port_of_a_backend_tls_policy(cluster: Cluster, namespace: str) -> None:
    with served(cluster, "BackendTLSPolicy", "HTTPRoute"):
        target = {"group": "", "kind": "Service", "name": "checkout", "sectionName": "https"}
        app = container("https://0.0.0.0:8443", ports={"https": 8443})
        secure = service((443, 8443))
        secure["spec"]["ports"][0]["name"] = "web-tls"
        policy = of("BackendTLSPolicy", {"targetRefs": [target]})
        cluster.apply([deployment(app), secure, policy, route(443)], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.causes) == ("healthy", ["PC715"])
        assert found.findings[0]["severity"] == "warning"
        assert found.fix
        paste(cluster, found.fix)
        well = diagnose(cluster, namespace)
        assert (well.verdict, well.findings) == ("healthy", [])
        keep("a BackendTLSPolicy names a port that is not there", found, well)


def test_the_services_of_a_rollout(cluster: Cluster, namespace: str) -> None:
    """The canary Service selects a label that the pods do not have, and one does not exist."""
    with served(cluster, "Rollout"):
        canary = {"stableService": "checkout", "canaryService": "checkout-canary"}
        labels = {"app": "checkout"}
        spec = {
            "strategy": {"canary": canary},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}},
        }
        wrong = service((80, 8080))
        wrong["spec"]["selector"]["tier"] = "web"
        app = container(HTTP, ports=[8080])
        pods = deployment(app, labels={**labels, "tier": "web"})
        cluster.apply([pods, wrong, of("Rollout", spec)], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.causes) == ("healthy", ["PC714"])
        assert found.fix
        paste(cluster, found.fix)
        well = diagnose(cluster, namespace)
        assert (well.verdict, well.findings) == ("healthy", [])
        keep("a Rollout's Service selects a label that its pods do not have", found, well)
        absent = diagnose_all(cluster, namespace, "svc/checkout-canary")
        assert absent.causes == ["PC617"]


def test_routes_in_an_older_version_than_their_group(cluster: Cluster, namespace: str) -> None:
    """A sweep finds them where other kinds of the group are served in a newer one."""
    with served(cluster, "HTTPRoute", "TCPRoute"):
        deploy(cluster, namespace, route(8080, "TCPRoute"))
        swept = diagnose_all(cluster, namespace)
        assert swept.causes == ["PC702"]


def test_an_ingress_route_for_udp(cluster: Cluster, namespace: str) -> None:
    with served(cluster, "IngressRouteUDP"):
        both = service((80, 8080), (90, 8080))
        both["spec"]["ports"][1]["protocol"] = "UDP"
        called = {"routes": [{"services": [{"name": "checkout", "port": 8080}]}]}
        app = container("udp://0.0.0.0:8080", HTTP)
        cluster.apply([deployment(app), both, of("IngressRouteUDP", called)], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.causes) == ("degraded", ["PC708"])
        called["routes"][0]["services"][0]["port"] = 90
        cluster.apply(of("IngressRouteUDP", called), namespace)
        well = diagnose(cluster, namespace)
        assert (well.verdict, well.findings) == ("healthy", [])
        keep("an IngressRouteUDP names the targetPort", found, well, by_hand=True)


def test_a_route_that_its_gateway_refuses(cluster: Cluster, namespace: str) -> None:
    with served(cluster, "HTTPRoute"):
        refused = route(80)
        condition = {"type": "Accepted", "status": "False", "reason": "NotAllowedByListeners"}
        refused["status"] = {
            "parents": [{"parentRef": {"name": "edge"}, "conditions": [condition]}]
        }
        deploy(cluster, namespace, refused)
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.causes) == ("healthy", ["PC730"])
        condition |= {"status": "True", "reason": "Accepted"}
        cluster.apply(refused, namespace)
        well = diagnose(cluster, namespace)
        assert (well.verdict, well.findings) == ("healthy", [])
        keep("the Gateway does not accept a route", found, well, by_hand=True)


def test_the_gateway_of_a_virtual_service(cluster: Cluster, namespace: str) -> None:
    """Another Gateway has a similar name, then the Gateway API's has the very name; then its
    servers take another host."""
    destination = {"host": "checkout", "port": {"number": 80}}
    spec = {
        "hosts": ["shop.example.com"],
        "gateways": ["publik"],
        "http": [{"route": [{"destination": destination}]}],
    }
    gateway = {"servers": [{"hosts": ["*.example.com"]}]}
    with served(cluster, "VirtualService", "Gateway", f"Gateway.{GATEWAY}"):
        public = of("Gateway", gateway, "public")
        deploy(cluster, namespace, of("VirtualService", spec), public)
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.causes) == ("degraded", ["PC731"])
        assert diagnose_all(cluster, namespace).causes == ["PC731"]
        assert found.fix
        kubernetes = of(f"Gateway.{GATEWAY}", {}, "publik")
        cluster.apply(kubernetes, namespace)
        assert diagnose(cluster, namespace).verdict == "healthy"
        name = f"gateways.{GATEWAY}/publik"
        cluster.kubectl("-n", namespace, "delete", name, check=True)
        paste(cluster, found.fix)
        well = diagnose(cluster, namespace)
        assert (well.verdict, well.findings) == ("healthy", [])
        keep("a VirtualService names a Gateway that does not exist", found, well)
        cluster.apply(of("Gateway", {"servers": [{"hosts": ["example.org"]}]}, "public"), namespace)
        other = diagnose(cluster, namespace)
        assert (other.verdict, other.causes) == ("degraded", ["PC731"])
        cluster.apply(public, namespace)
        keep(
            "an Istio Gateway does not take the host of a VirtualService", other, well, by_hand=True
        )


@pytest.mark.parametrize("key", ["", "root.pem"])
def test_a_config_map_of_a_backend_tls_policy(cluster: Cluster, namespace: str, key: str) -> None:
    def config_map(key: str) -> Document:
        data = {key: "-----BEGIN CERTIFICATE-----"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": data}

    target = {"group": "", "kind": "Service", "name": "checkout"}
    refs = [{"group": "", "kind": "ConfigMap", "name": "ca"}]
    validation = {"hostname": "checkout", "caCertificateRefs": refs}
    with served(cluster, "BackendTLSPolicy"):
        made = [deployment(container("http://0.0.0.0:8443")), service((443, 8443))]
        policy = of("BackendTLSPolicy", {"targetRefs": [target], "validation": validation})
        cluster.apply([*made, policy, *([config_map(key)] if key else [])], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        found, swept = diagnose(cluster, namespace), diagnose_all(cluster, namespace)
        cluster.apply(config_map("ca.crt"), namespace)
        well, swept_well = diagnose(cluster, namespace), diagnose_all(cluster, namespace)
    assert [f["code"] for f in found.findings] == [f["code"] for f in swept.findings] == ["PC715"]
    assert well.findings == swept_well.findings == []
    what = f"has only the key {key}" if key else "is not there"
    keep(f"the ConfigMap of a BackendTLSPolicy {what}", found, well, by_hand=True)
