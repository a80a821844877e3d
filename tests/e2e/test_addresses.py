"""What a client reports, pasted as the target, on a real cluster."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from . import incidents
from .portcheck import run

if TYPE_CHECKING:
    from .conftest import Cluster

LINES = {
    "cluster-ip": "dial tcp {ip}:80: connect: connection refused",
    "name": "Get http://x/: dial tcp: lookup checkout.{namespace} on 10.96.0.10:53: no such host",
    "pod-ip": "connect ECONNREFUSED {pod}:9000",
    "node-port": "curl: (7) Failed to connect to {node} port {node_port} after 3 ms: refused",
}


@pytest.mark.parametrize("how", LINES)
def test_an_error_line_leads_to_what_it_is_about(
    cluster: Cluster, namespace: str, how: str
) -> None:
    documents = incidents.checkout()
    for document in documents:
        if document["kind"] == "Service":
            document["spec"]["type"] = "NodePort"
    cluster.apply(documents, namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.settle(namespace)
    spec = cluster.get("service/checkout", namespace=namespace)["spec"]
    pod = cluster.get("pods", "-l", "app=checkout", namespace=namespace)["items"][0]
    line = LINES[how].format(
        ip=spec["clusterIP"],
        namespace=namespace,
        pod=pod["status"]["podIP"],
        node=pod["status"]["hostIP"],
        node_port=spec["ports"][0]["nodePort"],
    )

    done = run(cluster, line, "-o", "json")

    found: dict[str, Any] = json.loads(done.stdout)["services"][0]
    assert found["lookup"]["how"] == how
    assert found["namespace"] == namespace
    if how != "pod-ip":
        assert (done.returncode, found["findings"][0]["code"]) == (1, "PC401")
