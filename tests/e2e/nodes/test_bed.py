"""The nodes of the test bed: what the other tests of this folder take for granted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.e2e.workloads import Document, container, service

if TYPE_CHECKING:
    from tests.e2e.conftest import Cluster
    from tests.e2e.nodes.conftest import Nodes

ROLES = ("control-plane", "worker", "worker2")


def daemon_set(**spec: object) -> Document:
    """A pod on every node, over both families."""
    app = container("http://[::]:8080", ports=[8080], image="busybox", readiness=8080)
    pod = {"terminationGracePeriodSeconds": 0, "containers": [app], **spec}
    labels = {"app": "checkout"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "checkout"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


class Web(NamedTuple):
    """The pods of the DaemonSet, by the node they are on."""

    cluster: Cluster
    namespace: str
    pods: dict[str, str]
    addresses: dict[str, list[str]]

    def dials(self, source: str, target: str, port: int = 8080) -> str:
        """Give what a pod on one node meets at an address, or at the pod of another node."""
        address = self.addresses.get(target, [target])[0]
        host = f"[{address}]" if ":" in address else address
        probe = ("--", "/listen", "probe", f"{host}:{port}", "2s")
        said = self.cluster.kubectl("exec", self.pods[source], *probe, namespace=self.namespace)
        return said.stdout.strip() or said.stderr.strip()


@pytest.fixture
def web(cluster: Cluster, namespace: str, nodes: Nodes) -> Web:
    """A pod on each node."""
    made = service((80, 8080), ipFamilyPolicy="PreferDualStack")
    cluster.apply([daemon_set(), made], namespace)
    cluster.wait_ready("daemonset/checkout", namespace)
    pods, addresses = {}, {}
    for pod in cluster.get("pods", namespace=namespace)["items"]:
        role = next(r for r in reversed(ROLES) if pod["spec"]["nodeName"] == nodes.full(r))
        pods[role] = pod["metadata"]["name"]
        addresses[role] = [one["ip"] for one in pod["status"]["podIPs"]]
    assert sorted(pods) == sorted(ROLES)
    return Web(cluster, namespace, pods, addresses)


def test_every_pod_reaches_every_other_over_both_families(web: Web) -> None:
    met = {
        (source, address): web.dials(source, address)
        for source in ROLES
        for target in ROLES
        for address in web.addresses[target]
    }
    assert set(met.values()) == {"accepted"}, met
    assert len(met) == len(ROLES) * len(ROLES) * len(web.addresses["worker"])


def test_the_service_is_served_on_every_node(web: Web) -> None:
    spec = web.cluster.get("service/checkout", namespace=web.namespace)["spec"]
    for address in spec["clusterIPs"]:
        for source in ROLES:
            met = [web.dials(source, address, 80) for _ in range(6)]
            assert set(met) == {"accepted"}, (source, address)


def test_two_nodes_lose_each_other_and_nothing_else(web: Web, nodes: Nodes) -> None:
    nodes.change("partition", "worker", "worker2")
    assert web.dials("worker", "worker2") == "timeout"
    assert web.dials("worker2", "worker") == "timeout"
    assert web.dials("worker", "control-plane") == "accepted"
    assert web.dials("control-plane", "worker2") == "accepted"
    nodes.change("heal", "worker")
    assert web.dials("worker", "worker2") == "accepted"
    assert web.dials("worker2", "worker") == "accepted"


def test_a_deaf_kubelet_is_ready_and_does_not_answer(web: Web, nodes: Nodes) -> None:
    nodes.change("deafen", "worker")
    command = ("logs", web.pods["worker"], "--request-timeout=5s")
    assert web.cluster.kubectl(*command, namespace=web.namespace).returncode
    assert web.dials("worker2", "worker") == "accepted"
    nodes.await_ready("worker", "True")
    nodes.change("heal", "worker")
    assert web.cluster.kubectl(*command, namespace=web.namespace).returncode == 0


def test_a_stopped_node_is_not_ready_and_starts_its_pods_again(web: Web, nodes: Nodes) -> None:
    nodes.change("stop", "worker2")
    assert web.dials("worker", "worker2") != "accepted"
    nodes.await_ready("worker2", "Unknown")
    nodes.change("start", "worker2")
    web.cluster.wait_ready(f"pod/{web.pods['worker2']}", web.namespace)
    pod = web.cluster.get(f"pod/{web.pods['worker2']}", namespace=web.namespace)
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1
