"""What leads to a Service besides Ingresses and routes: broken, diagnosed, fixed with the pasted
command. Of the custom kinds nothing but their schemas is there: no controller is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from .crds import KINDS, served
from .portcheck import diagnose
from .test_paths import deploy, mended
from .workloads import Document

if TYPE_CHECKING:
    from .conftest import Cluster


def of(kind: str, spec: Document, name: str = "shop") -> Document:
    """An object of a custom kind."""
    version = "/".join(KINDS[kind])
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def webhooks(
    namespace: str, kind: str = "Validating", name: str = "portcheck-checkout", **called: Any
) -> Document:
    """A webhook for objects of a group that does not exist: the cluster never calls it."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{kind}WebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "checkout.portcheck.test",
                "clientConfig": {"service": {"name": "checkout", "namespace": namespace, **called}},
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


@pytest.mark.parametrize("kind", ["Validating", "Mutating"])
def test_a_webhook_calls_the_default_port(cluster: Cluster, namespace: str, kind: str) -> None:
    deploy(cluster, namespace)
    with applied(cluster, webhooks(namespace, kind)):
        title = f"a {kind}WebhookConfiguration calls 443, and the Service has 80"
        found = mended(cluster, namespace, "PC706", title)
        assert found.findings[0]["subject"]["kind"] == f"{kind}WebhookConfiguration"
        assert "failurePolicy is Fail" in found.findings[0]["summary"]


def test_an_api_service_calls_the_port_of_the_pods(cluster: Cluster, namespace: str) -> None:
    deploy(cluster, namespace)
    called = {"name": "checkout", "namespace": namespace, "port": 8080}
    served_by = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.checkout.portcheck.test"},
        "spec": {
            "group": "checkout.portcheck.test",
            "version": "v1",
            "service": called,
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 10,
        },
    }
    with applied(cluster, served_by):
        mended(cluster, namespace, "PC706", "an APIService calls the targetPort")


def test_a_virtual_service_routes_to_the_port_of_the_pods(cluster: Cluster, namespace: str) -> None:
    def routed(port: int) -> Document:
        destination = {"host": "checkout", "port": {"number": port}}
        return of("VirtualService", {"http": [{"route": [{"destination": destination}]}]})

    with served(cluster, "VirtualService", "DestinationRule"):
        deploy(cluster, namespace, routed(8080))
        mended(cluster, namespace, "PC707", "a VirtualService names the targetPort")
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


def test_what_calls_the_right_port_is_no_finding(cluster: Cluster, namespace: str) -> None:
    deploy(cluster, namespace)
    with applied(cluster, webhooks(namespace, name="portcheck-healthy", port=80)):
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.findings) == ("healthy", [])
