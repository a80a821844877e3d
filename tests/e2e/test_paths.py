"""What leads to a Service from outside: broken, diagnosed, fixed with the pasted fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .crds import GATEWAY, KINDS, served
from .portcheck import Diagnosis, diagnose, diagnose_all, paste
from .table import keep
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


def fixed(cluster: Cluster, namespace: str, code: str, title: str) -> Diagnosis:
    """One path fails for this cause; pasting its first fix leaves none."""
    found = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (1, "degraded", [code]), found.findings
    assert found.findings[0]["fixes"][0]["safety"] == "safe"
    assert found.fix
    paste(cluster, found.fix)
    well = diagnose(cluster, namespace)
    assert (well.code, well.verdict, well.findings) == (0, "healthy", [])
    keep(title, found, well)
    return found


@pytest.mark.parametrize("wrong", [8080, "http"])
def test_an_ingress_names_the_port_of_the_pods(
    cluster: Cluster, namespace: str, wrong: int | str
) -> None:
    deploy(cluster, namespace, ingress(backend(80), backend(wrong)))
    found = fixed(cluster, namespace, "PC701", f"an Ingress names the targetPort {wrong}")
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
            found = fixed(cluster, namespace, "PC702", f"a {kind} names the targetPort")
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
            keep(
                "an HTTPRoute of another namespace without a ReferenceGrant",
                found,
                well,
                by_hand=True,
            )
            assert GATEWAY in fix["patch"]
        finally:
            cluster.kubectl("delete", "namespace", other, "--wait=false")


def monitor(kind: str, **endpoint: object) -> Document:
    field = "endpoints" if kind == "ServiceMonitor" else "podMetricsEndpoints"
    return {
        "apiVersion": "/".join(KINDS[kind]),
        "kind": kind,
        "metadata": {"name": "checkout"},
        "spec": {"selector": {"matchLabels": {"app": "checkout"}}, field: [endpoint]},
    }


def test_monitors_that_confuse_service_ports_and_pod_ports(
    cluster: Cluster, namespace: str
) -> None:
    with served(cluster, "ServiceMonitor", "PodMonitor"):
        deploy(cluster, namespace)
        named = service((80, 8080))
        named["metadata"]["labels"] = {"app": "checkout"}
        named["spec"]["ports"][0]["name"] = "web"
        cluster.apply(named, namespace)
        for kind, wrong in (("ServiceMonitor", "http"), ("PodMonitor", "htp")):
            cluster.apply(monitor(kind, port=wrong), namespace)
            found = diagnose(cluster, namespace)
            assert (found.code, found.verdict, found.causes) == (0, "healthy", ["PC704"])
            assert found.findings[0]["severity"] == "warning"
            assert found.findings[0]["subject"]["kind"] == kind
            assert found.fix
            paste(cluster, found.fix)
            well = diagnose(cluster, namespace)
            assert (well.verdict, well.findings) == ("healthy", [])
            keep(f"a {kind} scrapes a port by the wrong field", found, well)


def test_a_scrape_annotation_for_a_closed_port(cluster: Cluster, namespace: str) -> None:
    deploy(cluster, namespace)
    words = ["prometheus.io/scrape=true", "prometheus.io/port=9100"]
    cluster.kubectl("annotate", "service/checkout", *words, namespace=namespace, check=True)
    found = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (0, "healthy", ["PC704"])
    right = "prometheus.io/port=8080"
    cluster.kubectl(
        "annotate", "--overwrite", "service/checkout", right, namespace=namespace, check=True
    )
    well = diagnose(cluster, namespace)
    assert well.findings == []
    keep("the annotation prometheus.io/port names a closed port", found, well, by_hand=True)


DNS = {
    "UDP": {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353},
    "TCP": {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 5353},
}


@pytest.mark.parametrize(("first", "lost"), [("UDP", "TCP"), ("TCP", "TCP")])
def test_apply_loses_one_of_two_ports_of_one_number(
    cluster: Cluster, namespace: str, first: str, lost: str
) -> None:
    """Adding TCP to UDP loses TCP; adding UDP to TCP replaces it."""
    app = container("udp://0.0.0.0:5353", "tcp://0.0.0.0:5353")
    made = service()
    made["spec"]["ports"] = [DNS[first]]
    cluster.apply([deployment(app), made], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    made["spec"]["ports"] = list(DNS.values())
    cluster.apply(made, namespace)
    live = cluster.get("service/checkout", namespace=namespace)["spec"]["ports"]
    assert lost not in [p["protocol"] for p in live]

    found = diagnose(cluster, namespace)

    assert (found.code, found.verdict, found.causes) == (1, "degraded", ["PC410"])
    assert found.fix
    paste(cluster, found.fix)
    clusterip = cluster.get("service/checkout", namespace=namespace)["spec"]["clusterIP"]
    cluster.wait_dial(clusterip, 53, "accepted")
    well = diagnose(cluster, namespace)
    assert (well.code, well.verdict, well.findings) == (0, "healthy", [])
    keep(f"apply was given {first}, then both protocols on port 53", found, well)
    cluster.apply(made, namespace)  # from now on apply keeps both
    assert len(cluster.get("service/checkout", namespace=namespace)["spec"]["ports"]) == 2


def test_apply_changes_one_of_two_target_ports(cluster: Cluster, namespace: str) -> None:
    both = ("udp://0.0.0.0:5353", "tcp://0.0.0.0:5353", "udp://0.0.0.0:5454", "tcp://0.0.0.0:5454")
    made = service()
    made["spec"]["ports"] = list(DNS.values())
    cluster.apply([deployment(container(*both)), made], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    made["spec"]["ports"] = [{**p, "targetPort": 5454} for p in DNS.values()]
    cluster.apply(made, namespace)
    found = diagnose(cluster, namespace)
    assert found.causes == ["PC410"]
    assert found.fix
    paste(cluster, found.fix)
    live = cluster.get("service/checkout", namespace=namespace)["spec"]["ports"]
    assert [p["targetPort"] for p in live] == [5454, 5454]
    assert "PC410" not in [f["code"] for f in diagnose(cluster, namespace).findings]


def test_a_load_balancer_that_a_controller_cannot_make(cluster: Cluster, namespace: str) -> None:
    """No such controller runs here, so its event is written by hand."""
    deploy(cluster, namespace)
    cluster.apply(service((80, 8080), type="LoadBalancer"), namespace)
    young = diagnose(cluster, namespace)
    # It is given its time: that it has no address yet is no more than information.
    assert (young.verdict, [f["severity"] for f in young.findings]) == ("healthy", ["info"])
    now = cluster.get("service/checkout", namespace=namespace)["metadata"]
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "checkout.1"},
            "involvedObject": {
                "kind": "Service",
                "namespace": namespace,
                "name": "checkout",
                "uid": now["uid"],
            },
            "type": "Warning",
            "reason": "SyncLoadBalancerFailed",
            "message": "Error syncing load balancer: quota exceeded",
            "lastTimestamp": now["creationTimestamp"],
        },
        namespace,
    )
    found = diagnose(cluster, namespace)
    assert (found.code, found.verdict, found.causes) == (1, "degraded", ["PC413"])
    assert any("quota exceeded" in line for line in found.findings[0]["evidence"])
    status = '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"}]}}}'
    words = ("patch", "service", "checkout", "--subresource=status", "--type=merge", "-p", status)
    cluster.kubectl(*words, namespace=namespace, check=True)
    well = diagnose(cluster, namespace)
    assert well.verdict == "healthy"
    keep("the cloud does not make a load balancer", found, well, by_hand=True)


def test_an_endpoint_that_is_on_no_node_of_a_local_service(
    cluster: Cluster, namespace: str
) -> None:
    app = container(HTTP, image="busybox")
    cluster.apply(deployment(app), namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    [pod] = cluster.get("pods", namespace=namespace)["items"]
    made = service((80, 8080), internalTrafficPolicy="Local")
    del made["spec"]["selector"]
    labels = {"kubernetes.io/service-name": "checkout"}
    by_hand = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "checkout", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [pod["status"]["podIP"]]}],
        "ports": [{"name": "", "port": 8080}],
    }
    cluster.apply([made, by_hand], namespace)
    clusterip = cluster.get("service/checkout", namespace=namespace)["spec"]["clusterIP"]
    cluster.wait_dial(clusterip, 80, "timeout")

    found = diagnose(cluster, namespace)

    assert (found.code, found.verdict, found.causes) == (1, "broken", ["PC308"])
    assert found.fix
    paste(cluster, found.fix)
    cluster.wait_dial(clusterip, 80, "accepted")
    assert diagnose(cluster, namespace).findings == []


def test_an_ingress_has_a_mistyped_name(cluster: Cluster, namespace: str) -> None:
    mistyped = backend(80)
    mistyped["service"]["name"] = "chekcout"
    deploy(cluster, namespace, ingress(mistyped))
    found, swept = diagnose(cluster, namespace), diagnose_all(cluster, namespace)
    for one in (found, swept):
        assert (one.code, one.verdict, one.causes) == (0, "healthy", ["PC734"])
        assert "Service checkout has nearly this name" in one.findings[0]["summary"]
    cluster.apply(ingress(backend(80)), namespace)
    well = diagnose(cluster, namespace)
    assert (well.code, well.findings) == (0, [])
    keep("an Ingress names a Service that does not exist", found, well, by_hand=True)
