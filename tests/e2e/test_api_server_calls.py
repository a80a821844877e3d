"""What the API server calls by a Service that has no cluster IP: its own words, and the report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .portcheck import diagnose, diagnose_all
from .table import keep
from .test_references import api_service, applied, authority, webhooks
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

APP = container("https://0.0.0.0:8443", ports={"https": 8443})


def _hook(cluster: Cluster, namespace: str, called: str) -> Document:
    """A webhook that is asked only about marked ConfigMaps."""
    made = webhooks(namespace, authority(cluster), name=f"portcheck-{namespace}", port=8443)
    (webhook,) = made["webhooks"]
    webhook["clientConfig"]["service"]["name"] = called
    webhook["rules"] = [
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": ["CREATE"],
            "resources": ["configmaps"],
        }
    ]
    webhook["objectSelector"] = {"matchLabels": {"portcheck.test/checked": namespace}}
    return made


def _refusal(cluster: Cluster, namespace: str, words: str) -> None:
    """Waits until the API server refuses a marked ConfigMap with these words."""
    marked = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "checked", "labels": {"portcheck.test/checked": namespace}},
    }

    def refused() -> bool:
        create = ("create", "-f", "-", "--dry-run=server")
        done = cluster.kubectl(*create, namespace=namespace, stdin=json.dumps(marked))
        return words in done.stderr

    cluster.until(refused, f"the API server to say {words}")


def _deploy(cluster: Cluster, namespace: str) -> None:
    selected = {"app": "checkout"}
    headless = service((8443, 8443), name="checkout-pods", clusterIP="None", selector=selected)
    cluster.apply([deployment(APP), service((8443, 8443)), headless], namespace)
    cluster.wait_ready("deployment/checkout", namespace)


def test_a_webhook_calls_a_headless_service(cluster: Cluster, namespace: str) -> None:
    _deploy(cluster, namespace)
    with applied(cluster, _hook(cluster, namespace, "checkout-pods")):
        _refusal(cluster, namespace, 'cannot route to service with ClusterIP "None"')
        found = diagnose_all(cluster, namespace, "svc/checkout-pods")
        assert (found.verdict, found.causes) == ("healthy", ["PC740"])
        assert found.findings[0]["severity"] == "warning"
        cluster.apply(_hook(cluster, namespace, "checkout"))
        # It is called now, and what it shows is no certificate of the Service.
        _refusal(cluster, namespace, "tls: failed to verify certificate")
        well = diagnose_all(cluster, namespace, "svc/checkout-pods", "svc/checkout")
        assert (well.verdict, well.findings) == ("healthy", [])
        keep("a webhook calls a headless Service", found, well, by_hand=True)


def test_an_api_service_calls_a_headless_service(cluster: Cluster, namespace: str) -> None:
    _deploy(cluster, namespace)
    wrong = api_service(namespace, 8443)
    wrong["spec"]["service"]["name"] = "checkout-pods"
    with applied(cluster, wrong):

        def led_by_it() -> bool:
            # The cause, and the word of the API server as its consequence.
            found = diagnose_all(cluster, namespace, "svc/checkout-pods")
            return (found.verdict, found.causes) == ("degraded", ["PC740"])

        cluster.until(led_by_it, "the API server to report it")
        found = diagnose_all(cluster, namespace, "svc/checkout-pods")
    well = diagnose_all(cluster, namespace, "svc/checkout-pods")
    assert (well.verdict, well.findings) == ("healthy", [])
    keep("an APIService calls a headless Service", found, well, by_hand=True)


def test_a_webhook_calls_an_alias_of_a_service(cluster: Cluster, namespace: str) -> None:
    _deploy(cluster, namespace)
    alias: Document = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "hooks"},
        "spec": {
            "type": "ExternalName",
            "externalName": f"checkout.{namespace}.svc.cluster.local",
        },
    }
    cluster.apply(alias, namespace)
    with applied(cluster, _hook(cluster, namespace, "hooks")):
        # Its DNS server knows no such name, or does not answer in time.
        _refusal(cluster, namespace, "failed calling webhook")
        found = diagnose_all(cluster, namespace, "svc/hooks")
        [named] = [f for f in found.findings if f["code"] == "PC740"]
        assert named["severity"] == "warning"
        # The API server asks its own DNS: a host that it knows is called, by its certificate.
        alias["spec"]["externalName"] = "localhost"
        cluster.apply(alias, namespace)
        well = diagnose_all(cluster, namespace, "svc/hooks")
        assert "PC740" not in [f["code"] for f in well.findings]
        title = "a webhook calls an ExternalName Service that leads into the cluster"
        keep(title, found, well, by_hand=True, code="PC740")
    assert diagnose(cluster, namespace).verdict == "healthy"
