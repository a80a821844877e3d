"""The gateways of Istio on the way to a Service, and what its list of Services has in its place. No
mesh runs on the test cluster: the objects are read, and nothing follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import crds
from .portcheck import diagnose, diagnose_all
from .table import keep
from .test_references import of
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

GATEWAYS = ("VirtualService", "Gateway", "DestinationRule")


def entrance(label: str, port: int) -> Document:
    server = {"port": {"number": port, "name": "web", "protocol": "HTTP"}, "hosts": ["*"]}
    return of("Gateway", {"selector": {"portcheck": label}, "servers": [server]}, "public")


def ingress(label: str) -> list[Document]:
    """Pods in the place of an ingress gateway, with its Service."""
    labels = {"portcheck": label}
    gateway = deployment(container("http://0.0.0.0:8080"), name="ingress", labels=labels)
    return [gateway, service((80, 8080), name="ingress", selector=labels)]


def test_the_pods_and_the_ports_of_a_gateway(cluster: Cluster, namespace: str) -> None:
    """The gateway is in another namespace than the Service and its VirtualService."""
    route = {"route": [{"destination": {"host": "checkout", "port": {"number": 80}}}]}
    spec = {"hosts": ["shop.example.com"], "gateways": ["public"], "http": [route]}
    edge = cluster.make_namespace()
    with crds.served(cluster, *GATEWAYS):
        cluster.apply(ingress(namespace), edge)
        cluster.wait_ready("deployment/ingress", edge)
        app = container("http://0.0.0.0:8080", ports={"http": 8080})
        virtual = of("VirtualService", spec)
        cluster.apply([deployment(app), service((80, 8080)), virtual], namespace)
        cluster.apply(entrance(f"{namespace}-other", 80), namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        found = diagnose(cluster, namespace)
        swept = diagnose_all(cluster, namespace)
        cluster.apply(entrance(namespace, 443), namespace)
        closed = diagnose(cluster, namespace)
        cluster.apply(entrance(namespace, 80), namespace)
        well = diagnose(cluster, namespace)
    cluster.kubectl("delete", "namespace", edge, "--wait=false")
    assert (found.verdict, found.causes) == ("inconclusive", ["PC733"])
    assert swept.causes == ["PC733"]
    assert (closed.verdict, [f["code"] for f in closed.findings]) == ("healthy", ["PC733"])
    assert (well.verdict, well.findings) == ("healthy", [])
    keep("the Gateway of a VirtualService selects no pod", found, well, by_hand=True)
    title = "no Service leads to the port that the Gateway of a VirtualService opens"
    keep(title, closed, well, by_hand=True)


def test_a_service_entry_has_the_host_of_the_service(cluster: Cluster, namespace: str) -> None:
    def entry(host: str) -> Document:
        ports = [{"number": 80, "name": "web", "protocol": "HTTP"}]
        return of("ServiceEntry", {"hosts": [host], "ports": ports, "resolution": "DNS"})

    beside = cluster.make_namespace()
    with crds.served(cluster, "ServiceEntry"):
        app = container("http://0.0.0.0:8080", ports={"http": 8080})
        cluster.apply([deployment(app), service((80, 8080))], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        cluster.apply(entry(f"checkout.{namespace}.svc.cluster.local"), beside)
        found = diagnose(cluster, namespace)
        swept = diagnose_all(cluster, namespace)
        cluster.apply(entry(f"*.{namespace}.svc.cluster.local"), beside)
        well = diagnose(cluster, namespace)
    cluster.kubectl("delete", "namespace", beside, "--wait=false")
    assert (found.verdict, [f["code"] for f in found.findings]) == ("healthy", ["PC732"])
    assert [f["code"] for f in swept.findings] == ["PC732"]
    assert (well.verdict, well.findings) == ("healthy", [])
    keep("a ServiceEntry of Istio has the host of a Service", found, well, by_hand=True)
