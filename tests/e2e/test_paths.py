"""What leads to a Service from outside: broken, diagnosed, mended with the pasted fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .crds import GATEWAY, KINDS, served
from .portcheck import Diagnosis, diagnose, paste
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

HTTP = "http://0.0.0.0:8080"


def backend(port: int | str) -> Document:
    named = {"name": port} if isinstance(port, str) else {"number": port}
    return {"service": {"name": "checkout", "port": named}}


def ingress(*paths: Document, name: str = "shop", **spec: object) -> Document:
    found = [
        {"path": f"/{i}", "pathType": "Prefix", "backend": path} for i, path in enumerate(paths)
    ]
    rules = [{"host": "shop.example.com", "http": {"paths": found}}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name},
        "spec": {"rules": rules, **spec},
    }


def route(
    port: int, kind: str = "HTTPRoute", namespace: str = "", *, name: str = "shop"
) -> Document:
    elsewhere = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": "/".join(KINDS[kind]),
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"rules": [{"backendRefs": [{"name": "checkout", "port": port, **elsewhere}]}]},
    }


def deploy(cluster: Cluster, namespace: str, *more: Document) -> None:
    app = container(HTTP, image="busybox", ports={"http": 8080})
    cluster.apply([deployment(app), service((80, 8080)), *more], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    clusterip = cluster.get("service/checkout", namespace=namespace)["spec"]["clusterIP"]
    cluster.wait_dial(clusterip, 80, "accepted")


def mended(cluster: Cluster, namespace: str, code: str) -> Diagnosis:
    """One path fails for this cause; pasting its first fix leaves none."""
    found = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (1, "degraded", [code]), found.findings
    assert found.findings[0]["fixes"][0]["safety"] == "safe"
    assert found.fix
    paste(cluster, found.fix)
    well = diagnose(cluster, namespace)
    assert (well.code, well.verdict, well.findings) == (0, "healthy", [])
    return found


@pytest.mark.parametrize("wrong", [8080, "http"])
def test_an_ingress_names_the_port_of_the_pods(
    cluster: Cluster, namespace: str, wrong: int | str
) -> None:
    deploy(cluster, namespace, ingress(backend(80), backend(wrong)))
    found = mended(cluster, namespace, "PC701")
    assert found.findings[0]["subject"] == {
        "kind": "Ingress",
        "namespace": namespace,
        "name": "shop",
    }
    paths = cluster.get("ingress/shop", namespace=namespace)["spec"]["rules"][0]["http"]["paths"]
    assert [p["backend"] for p in paths] == [backend(80), backend(80)]


def test_the_service_port_was_renumbered(cluster: Cluster, namespace: str) -> None:
    old = ingress(defaultBackend=backend(80))
    del old["spec"]["rules"]
    deploy(cluster, namespace, ingress(backend(80)), {**old, "metadata": {"name": "old"}})
    renumbered = '[{"op":"replace","path":"/spec/ports/0/port","value":8081}]'
    words = ("patch", "service", "checkout", "--type=json", "-p", renumbered)
    cluster.kubectl(*words, namespace=namespace, check=True)
    for left in (2, 1):
        found = diagnose(cluster, namespace)
        assert (found.verdict, found.causes) == ("degraded", ["PC701"] * left)
        assert found.fix
        paste(cluster, found.fix)
    assert diagnose(cluster, namespace).verdict == "healthy"


def test_ingresses_that_are_odd_and_well(cluster: Cluster, namespace: str) -> None:
    action = {"service": {"name": "checkout", "port": {"name": "use-annotation"}}}
    resource = {"resource": {"apiGroup": "example.com", "kind": "Bucket", "name": "assets"}}
    other = {"service": {"name": "elsewhere", "port": {"number": 1}}}
    deploy(cluster, namespace, ingress(backend(80), action, resource, other))
    found = diagnose(cluster, namespace)
    assert (found.verdict, found.findings) == ("healthy", [])


def test_a_route_names_the_port_of_the_pods(cluster: Cluster, namespace: str) -> None:
    # Together, so that the group has a version in which not every kind is served.
    with served(cluster, "HTTPRoute", "GRPCRoute", "TCPRoute"):
        deploy(cluster, namespace)
        for kind in ("HTTPRoute", "GRPCRoute", "TCPRoute"):
            cluster.apply(route(8080, kind), namespace)
            found = mended(cluster, namespace, "PC702")
            assert found.findings[0]["subject"]["kind"] == kind


def test_a_route_of_another_namespace(cluster: Cluster, namespace: str) -> None:
    with served(cluster, "HTTPRoute", "ReferenceGrant"):
        deploy(cluster, namespace)
        other = cluster.make_namespace()
        try:
            cluster.apply(route(80, namespace=namespace), other)
            found = diagnose(cluster, other, "httproute/shop")
            assert (found.verdict, found.causes) == ("degraded", ["PC703"])
            [fix] = found.findings[0]["fixes"]
            cluster.apply(fix["patch"], namespace)
            well = diagnose(cluster, other, "httproute/shop")
            assert (well.verdict, well.findings) == ("healthy", [])
            assert GATEWAY in fix["patch"]
        finally:
            cluster.kubectl("delete", "namespace", other, "--wait=false")
