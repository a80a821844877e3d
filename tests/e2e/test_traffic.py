"""Which endpoints and nodes clients are sent to: preferences, and load balancers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .portcheck import diagnose
from .table import keep
from .test_paths import HTTP, deploy
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


def _endpoint(pod: Document, place: str, kind: str = "forZones") -> Document:
    return {
        "addresses": [pod["status"]["podIP"]],
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]},
        "hints": {kind: [{"name": place}]},
    }


def _slice(*endpoints: Document) -> Document:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "checkout-1",
            "labels": {"kubernetes.io/service-name": "checkout"},
        },
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "", "port": 8080, "protocol": "TCP"}],
    }


def _two_pods(cluster: Cluster, namespace: str) -> tuple[Document, Document]:
    """A pod that serves and one that does not, behind a Service without a selector."""
    good = deployment(container(HTTP, ports=[8080]))
    bad = deployment(container("http://0.0.0.0:9000"), name="checkout-b")
    bare = service((80, 8080))
    del bare["spec"]["selector"]
    bare["spec"]["trafficDistribution"] = "PreferClose"
    cluster.apply([good, bad, bare], namespace)
    for name in ("checkout", "checkout-b"):
        cluster.wait_ready(f"deployment/{name}", namespace)
    pods = cluster.get("pods", namespace=namespace)["items"]
    one, two = sorted(pods, key=lambda p: "checkout-b" in p["metadata"]["name"])
    return one, two


def test_the_clients_of_a_zone_get_only_a_failing_pod(cluster: Cluster, namespace: str) -> None:
    """The hints are those that the control plane writes where nodes are in several zones."""
    one, two = _two_pods(cluster, namespace)
    cluster.apply(_slice(_endpoint(one, "a"), _endpoint(two, "b")), namespace)
    found = diagnose(cluster, namespace)
    assert found.verdict == "degraded"
    [named] = [f for f in found.findings if f["code"] == "PC312"]
    assert "Clients in zone b" in named["summary"]
    # The zone has no endpoint of its own any more: its clients use the other one.
    cluster.apply(_slice(_endpoint(one, "a")), namespace)
    well = diagnose(cluster, namespace)
    assert well.verdict == "healthy"
    assert "PC312" not in [f["code"] for f in well.findings]


def test_the_clients_of_a_node_get_only_a_failing_pod(cluster: Cluster, namespace: str) -> None:
    """kube-proxy follows the hints: no connection on this node gets to the pod that serves."""
    one, two = _two_pods(cluster, namespace)
    node = two["spec"]["nodeName"]
    hinted = [_endpoint(one, "elsewhere", "forNodes"), _endpoint(two, node, "forNodes")]
    cluster.apply(_slice(*hinted), namespace)
    address = cluster.get("service/checkout", namespace=namespace)["spec"]["clusterIP"]

    def all_are(expected: str) -> bool:
        return {cluster.dial(address, 80) for _ in range(12)} == {expected}

    cluster.until(lambda: all_are("refused"), "every connection to be refused")
    found = diagnose(cluster, namespace)
    assert found.verdict == "degraded"
    [named] = [f for f in found.findings if f["code"] == "PC312"]
    assert f"Clients in node {node}" in named["summary"]
    hinted[1]["hints"] = hinted[0]["hints"]
    cluster.apply(_slice(*hinted), namespace)
    cluster.until(
        lambda: "accepted" in {cluster.dial(address, 80) for _ in range(12)},
        "both endpoints to be used",
    )
    rolled = deployment(container(HTTP, ports=[8080]), name="checkout-b")
    cluster.apply(rolled, namespace)
    cluster.wait_ready("deployment/checkout-b", namespace)
    [new] = cluster.get("pods", "-l", "app=checkout-b", namespace=namespace)["items"]
    cluster.apply(_slice(hinted[0], _endpoint(new, node, "forNodes")), namespace)
    cluster.until(lambda: all_are("accepted"), "every connection to be accepted")
    well = diagnose(cluster, namespace)
    assert (well.verdict, well.findings) == ("healthy", [])
    title = "hints send the clients of a node to a pod that does not listen"
    keep(title, found, well, by_hand=True, code="PC312")


def _report(cluster: Cluster, namespace: str, *addresses: Document) -> None:
    """What a controller of load balancers would write into the status."""
    patch = json.dumps({"status": {"loadBalancer": {"ingress": list(addresses)}}})
    words = ("patch", "service", "checkout", "--subresource=status", "--type=merge", "-p", patch)
    cluster.kubectl(*words, namespace=namespace, check=True)


def test_a_port_that_the_load_balancer_does_not_take(cluster: Cluster, namespace: str) -> None:
    deploy(cluster, namespace)
    cluster.apply(service((80, 8080), type="LoadBalancer"), namespace)
    refused = {"port": 80, "protocol": "TCP", "error": "PortNotSupported"}
    _report(cluster, namespace, {"ip": "192.0.2.80", "ports": [refused]})
    found = diagnose(cluster, namespace)
    assert (found.verdict, found.causes) == ("degraded", ["PC413"])
    del refused["error"]
    _report(cluster, namespace, {"ip": "192.0.2.80", "ports": [refused]})
    well = diagnose(cluster, namespace)
    assert (well.verdict, well.findings) == ("healthy", [])
    keep("a load balancer reports an error for a port", found, well, by_hand=True)


def test_every_node_with_an_endpoint_is_left_out(cluster: Cluster, namespace: str) -> None:
    """No load balancer is there: the label concerns nothing else on this cluster."""
    deploy(cluster, namespace)
    local = service((80, 8080), type="LoadBalancer", externalTrafficPolicy="Local")
    cluster.apply(local, namespace)
    _report(cluster, namespace, {"ip": "192.0.2.80"})
    [pod] = cluster.get("pods", namespace=namespace)["items"]
    node = f"node/{pod['spec']['nodeName']}"
    well = diagnose(cluster, namespace)
    assert (well.verdict, well.findings) == ("healthy", [])
    cluster.kubectl("label", node, f"{EXCLUDED}=", "--overwrite", check=True)
    try:
        found = diagnose(cluster, namespace)
    finally:
        cluster.kubectl("label", node, f"{EXCLUDED}-", check=True)
    assert (found.verdict, found.causes) == ("healthy", ["PC308"])
    assert any("healthCheckNodePort" in line for line in found.findings[0]["evidence"])
    title = "load balancers leave out every node with an endpoint"
    keep(title, found, well, by_hand=True)
