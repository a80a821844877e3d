"""What a client meets for each fault, as kube-proxy's mode has it: the table of docs/testing.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.nodes.test_incidents import client, dials, roll_out, web
from tests.e2e.workloads import Document, container, deployment, network_policy, service

if TYPE_CHECKING:
    from tests.e2e.conftest import Cluster
    from tests.e2e.nodes.conftest import Nodes

EXPECTED = {
    "no endpoint": "refused",
    "no endpoint, by a node port": "refused",
    "the endpoint's port is closed": "refused",
    "internalTrafficPolicy Local, no endpoint on the client's node": "timeout",
    "externalTrafficPolicy Local, no endpoint on the node": "timeout",
    "the endpoint's node is gone": "timeout",
}
"""The same in both modes."""


def named(name: str, **spec: object) -> Document:
    """A Service of the web servers under a name of its own."""
    return service((80, 8080), name=name, **{"selector": {"app": "checkout"}, **spec})


def test_what_a_client_meets(cluster: Cluster, namespace: str, nodes: Nodes) -> None:
    mode = nodes.proxy_mode()
    closed = deployment(container(image="busybox"), name="closed")
    roll_out(cluster, namespace, web(nodes, "worker"), client(nodes, "control-plane"), closed)
    services = [
        named("served"),
        named("none", selector={"app": "none"}, type="NodePort"),
        named("closed", selector={"app": "closed"}),
        named("inside", internalTrafficPolicy="Local"),
        named("outside", type="NodePort", externalTrafficPolicy="Local"),
    ]
    cluster.apply(services, namespace)
    made = {
        s["metadata"]["name"]: s["spec"]
        for s in cluster.get("services", namespace=namespace)["items"]
    }
    address = {name: f"{spec['clusterIP']}:80" for name, spec in made.items()}
    node_port = {
        name: f"{nodes.address('control-plane')}:{made[name]['ports'][0]['nodePort']}"
        for name in ("none", "outside")
    }
    cluster.until(
        lambda: dials(cluster, namespace, address["served"]) == "accepted", "the rules", 60
    )
    met = {
        "no endpoint": dials(cluster, namespace, address["none"]),
        "no endpoint, by a node port": dials(cluster, namespace, node_port["none"]),
        "the endpoint's port is closed": dials(cluster, namespace, address["closed"]),
        "internalTrafficPolicy Local, no endpoint on the client's node": dials(
            cluster, namespace, address["inside"]
        ),
        "externalTrafficPolicy Local, no endpoint on the node": nodes.from_outside(
            node_port["outside"]
        ),
    }
    nodes.change("stop", "worker")
    met["the endpoint's node is gone"] = dials(cluster, namespace, address["served"])
    print(mode, met)
    assert met == EXPECTED, mode


def test_what_a_denied_client_meets(cluster: Cluster, namespace: str, nodes: Nodes) -> None:
    """Where the bed enforces NetworkPolicies: from another node, and from the pod's own."""
    if not nodes.enforces():
        pytest.skip("the bed was started without --policies")
    mode = nodes.proxy_mode()
    roll_out(cluster, namespace, web(nodes, "worker"), client(nodes, "control-plane"))
    cluster.apply([named("served")], namespace)
    address = cluster.get("service/served", namespace=namespace)["spec"]["clusterIP"]
    [pod] = cluster.get("pods", "-l", "app=checkout", namespace=namespace)["items"]
    direct = f"{pod['status']['podIP']}:8080"
    cluster.until(lambda: dials(cluster, namespace, f"{address}:80") == "accepted", "rules", 60)
    closed = network_policy("closed", "checkout", policyTypes=["Ingress"])
    cluster.apply(closed, namespace)
    cluster.until(lambda: dials(cluster, namespace, direct) != "accepted", "enforcement", 60)
    met = [dials(cluster, namespace, target) for target in (direct, f"{address}:80")]
    print(mode, met)
    assert met == ["refused", "refused"], mode
