"""What is sent to a port: one GET where something says HTTP, and nothing anywhere else."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, shop, walk

SERVICE = f"/api/v1/namespaces/{NAMESPACE}/services/checkout"


def named(server: FakeApiServer, **port: Any) -> None:
    """The shop, with this said of the Service's port; its pods answer with 200."""
    shop(server, 8080)
    server.add(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "checkout", "namespace": NAMESPACE},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": "10.96.0.10",
                "ipFamilies": ["IPv4"],
                "selector": {"app": "checkout"},
                "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP", **port}],
            },
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "checkout-1",
                "namespace": NAMESPACE,
                "labels": {"kubernetes.io/service-name": "checkout"},
            },
            "addressType": "IPv4",
            "ports": [{"name": port.get("name", ""), "port": 8080, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [f"10.0.0.{i}"],
                    "conditions": {"ready": True},
                    "targetRef": {"kind": "Pod", "name": f"checkout-{i}", "namespace": NAMESPACE},
                }
                for i in range(3)
            ],
        },
    )
    for i in range(3):
        server.http[NAMESPACE, f"checkout-{i}", 8080] = (200, b"ok")


def sent(server: FakeApiServer) -> Counter[str]:
    """The requests through the pod proxy, without the pods' names."""
    found = (r.target.partition("/pods/")[2] for r in server.requests if "/proxy" in r.target)
    return Counter(
        f.replace("checkout-", "").lstrip("012") if f[0] == "c" else f[:6] for f in found
    )


@pytest.mark.parametrize("said", [{"name": "http"}, {"name": "web"}, {"appProtocol": "http"}])
def test_one_request_to_each_pod(tmp_path: Path, said: dict[str, str]) -> None:
    with FakeApiServer() as server:
        named(server, **said)
        done = walk(server, tmp_path)
        assert sent(server) == {":8080/proxy/": 3}
    assert done.verdict == "healthy"


def test_by_tls_where_that_is_declared(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        named(server, name="https")
        assert walk(server, tmp_path).verdict == "healthy"
        assert sent(server) == {"https:": 3}


@pytest.mark.parametrize(
    "said",
    [{"name": "redis"}, {"name": "grpc"}, {"name": "http", "appProtocol": "kubernetes.io/h2c"}],
)
def test_nothing_without_evidence_of_http(tmp_path: Path, said: dict[str, str]) -> None:
    with FakeApiServer() as server:
        named(server, **said)
        assert walk(server, tmp_path).verdict == "healthy"
        assert not sent(server)


def test_a_missing_right_is_no_news(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        named(server, name="http")
        refused = 'pods "checkout-0" is forbidden: cannot get resource "pods/proxy"'
        server.on("/proxy", faults.status(403, "Forbidden", refused))
        done = walk(server, tmp_path)
    assert (done.verdict, "pods/proxy" in done.stdout) == ("healthy", False)
