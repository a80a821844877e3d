"""Incidents that need several nodes: broken, named, fixed, and healthy again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.nodes.test_bed import daemon_set
from tests.e2e.portcheck import Diagnosis, diagnose_all, paste
from tests.e2e.table import keep
from tests.e2e.workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from tests.e2e.conftest import Cluster
    from tests.e2e.nodes.conftest import Nodes

SERVICE = "svc/checkout"
SLOW = 120
"""Seconds in which a verdict must come about on a busy machine."""


def web(nodes: Nodes, role: str = "", replicas: int = 1, **more: object) -> Document:
    """Web servers over both families, on one node or on as many as there are."""
    app = container("http://[::]:8080", ports=[8080], readiness=8080, program="checkout")
    app.update(more)
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "checkout"}},
    }
    place: Document = {"topologySpreadConstraints": [spread]}
    if role:
        place = {"nodeSelector": {"kubernetes.io/hostname": nodes.full(role)}}
    return deployment(app, replicas=replicas, pod=place)


def client(nodes: Nodes, role: str) -> Document:
    """A pod that connections are made from."""
    tolerated = [{"operator": "Exists"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client", "labels": {"app": "client"}},
        "spec": {
            "nodeName": nodes.full(role),
            "tolerations": tolerated,
            "terminationGracePeriodSeconds": 0,
            "containers": [container(image="busybox", name="client")],
        },
    }


def roll_out(cluster: Cluster, namespace: str, *documents: Document) -> None:
    cluster.apply(list(documents), namespace)
    for document in documents:
        kind, name = document["kind"].lower(), document["metadata"]["name"]
        if kind in ("deployment", "daemonset", "pod"):
            cluster.wait_ready(f"{kind}/{name}", namespace, timeout=SLOW)


def settled(
    cluster: Cluster, namespace: str, *words: str, verdict: str, cause: str = ""
) -> Diagnosis:
    """Give the diagnosis once it is this one."""
    found: list[Diagnosis] = []

    def come_about() -> bool:
        found[:] = [diagnose_all(cluster, namespace, *words)]
        return found[0].verdict == verdict and cause in ("", *found[0].causes[:1])

    try:
        cluster.until(come_about, f"{' '.join(words)}: {verdict} {cause}", SLOW)
    except BaseException:
        print(found)  # The last one says why.
        raise
    return found[0]


def dials(cluster: Cluster, namespace: str, target: str) -> str:
    probe = ("--", "/listen", "probe", target, "3s")
    said = cluster.kubectl("exec", "client", *probe, namespace=namespace)
    return said.stdout.strip() or said.stderr.strip()


def cluster_ip(cluster: Cluster, namespace: str) -> str:
    found: str = cluster.get("service/checkout", namespace=namespace)["spec"]["clusterIP"]
    return found


def test_an_internal_policy_that_is_local_and_a_client_elsewhere(
    cluster: Cluster, namespace: str, nodes: Nodes
) -> None:
    local = service((80, 8080), internalTrafficPolicy="Local")
    roll_out(cluster, namespace, web(nodes, "worker"), client(nodes, "worker2"), local)
    found = settled(cluster, namespace, SERVICE, verdict="degraded", cause="PC308")
    target = f"{cluster_ip(cluster, namespace)}:80"
    assert dials(cluster, namespace, target) == "timeout"
    seen = diagnose_all(cluster, namespace, SERVICE, "--from", "pod/client")
    assert seen.causes[:1] == ["PC308"]
    assert found.fix
    paste(cluster, found.fix)
    after = settled(cluster, namespace, SERVICE, verdict="healthy")
    cluster.until(
        lambda: dials(cluster, namespace, target) == "accepted", "the client to be served"
    )
    keep("internalTrafficPolicy Local, and clients on other nodes", found, after)


def test_an_external_policy_that_is_local_and_a_node_without_an_endpoint(
    cluster: Cluster, namespace: str, nodes: Nodes
) -> None:
    local = service((80, 8080), type="NodePort", externalTrafficPolicy="Local")
    roll_out(cluster, namespace, web(nodes, "worker"), local)
    spec = cluster.get("service/checkout", namespace=namespace)["spec"]
    port = spec["ports"][0]["nodePort"]
    here, elsewhere = (nodes.address(role) for role in ("worker", "worker2"))
    cluster.wait_dial(here, port, "accepted", SLOW)
    assert cluster.dial(elsewhere, port) == "timeout"
    assert diagnose_all(cluster, namespace, f"{here}:{port}").verdict == "healthy"
    found = settled(cluster, namespace, f"{elsewhere}:{port}", verdict="degraded", cause="PC308")
    assert found.fix
    paste(cluster, found.fix)
    cluster.wait_dial(elsewhere, port, "accepted", SLOW)
    after = settled(cluster, namespace, f"{elsewhere}:{port}", verdict="healthy")
    keep("externalTrafficPolicy Local, asked by a node without an endpoint", found, after)


def test_a_node_that_is_lost_while_its_endpoints_stand(
    cluster: Cluster, namespace: str, nodes: Nodes
) -> None:
    published = service((80, 8080), publishNotReadyAddresses=True)
    roll_out(cluster, namespace, web(nodes, replicas=3), published)
    settled(cluster, namespace, SERVICE, verdict="healthy")
    nodes.change("stop", "worker2")
    at_once = diagnose_all(cluster, namespace, SERVICE)
    assert at_once.verdict == "inconclusive"
    following = at_once.report["services"][0]["next"]
    assert nodes.full("worker2") in following["text"]
    assert following["command"][-2:] == ["--from", "auto"]
    nodes.await_ready("worker2", "Unknown")
    found = settled(cluster, namespace, SERVICE, verdict="degraded", cause="PC115")
    nodes.change("start", "worker2")
    after = settled(cluster, namespace, SERVICE, verdict="healthy")
    title = "A node that is lost, and the endpoints of its pods stand"
    keep(title, found, after, by_hand=True)


def test_two_nodes_that_lost_each_other(cluster: Cluster, namespace: str, nodes: Nodes) -> None:
    documents = (web(nodes, replicas=3), client(nodes, "worker"), service((80, 8080)))
    roll_out(cluster, namespace, *documents)
    words = (SERVICE, "--from", "pod/client")
    settled(cluster, namespace, *words, verdict="healthy")
    nodes.change("partition", "worker", "worker2")
    found = settled(cluster, namespace, *words, verdict="degraded", cause="PC604")
    assert "1 of 3 pods" in found.findings[0]["summary"]
    assert diagnose_all(cluster, namespace, SERVICE).verdict == "healthy", "the API server gets in"
    nodes.change("heal", "worker")
    after = settled(cluster, namespace, *words, verdict="healthy")
    keep("A partition between two nodes, asked with --from", found, after, by_hand=True)


def test_the_clients_of_one_node(cluster: Cluster, namespace: str, nodes: Nodes) -> None:
    """Cut off from the node of the only endpoint, which all others reach, the API server too."""
    on_each = daemon_set(tolerations=[{"operator": "Exists"}])
    on_each["metadata"]["name"] = "agent"
    template = on_each["spec"]["template"]
    for labels in (on_each["spec"]["selector"]["matchLabels"], template["metadata"]["labels"]):
        labels["app"] = "agent"
    template["spec"]["containers"] = [container(image="busybox", name="agent")]
    roll_out(cluster, namespace, web(nodes, "worker"), on_each, service((80, 8080)))
    words = (SERVICE, "--from", "ds/agent", "--from-each-node")
    settled(cluster, namespace, *words, verdict="healthy")
    nodes.change("partition", "worker", "worker2")
    found = settled(cluster, namespace, *words, verdict="degraded", cause="PC611")
    summary = found.findings[0]["summary"]
    assert summary.startswith(f"Clients on node {nodes.full('worker2')} do not reach the Service")
    assert diagnose_all(cluster, namespace, SERVICE).verdict == "healthy", "no client was asked"
    nodes.change("heal", "worker")
    after = settled(cluster, namespace, *words, verdict="healthy")
    title = "A partition between the nodes of a client and of the endpoint, asked from each node"
    keep(title, found, after, by_hand=True)


def test_a_daemon_set_that_misses_a_node(cluster: Cluster, namespace: str, nodes: Nodes) -> None:
    local = service((80, 8080), internalTrafficPolicy="Local")
    taint = ("taint", "node", nodes.full("worker2"))
    cluster.kubectl(*taint, "example.com/dedicated=gpu:NoSchedule", check=True)
    try:
        roll_out(cluster, namespace, daemon_set(), client(nodes, "worker2"), local)
        quiet = settled(cluster, namespace, SERVICE, verdict="healthy")
        [warned] = [f for f in quiet.findings if f["code"] == "PC308"]
        assert warned["severity"] == "warning"
        words = (SERVICE, "--from", "pod/client")
        found = settled(cluster, namespace, *words, verdict="degraded", cause="PC604")
        assert "on node" in found.findings[0]["fixes"][0]["title"]
        roll_out(cluster, namespace, daemon_set(tolerations=[{"operator": "Exists"}]))
        after = settled(cluster, namespace, *words, verdict="healthy")
    finally:
        cluster.kubectl(*taint, "example.com/dedicated-", check=True)
    keep("A DaemonSet that misses a node with a taint", found, after, by_hand=True)


def test_a_preference_for_the_same_node_is_no_fault(
    cluster: Cluster, namespace: str, nodes: Nodes
) -> None:
    near = service((80, 8080), trafficDistribution="PreferSameNode")
    roll_out(cluster, namespace, web(nodes, "worker", 2), client(nodes, "worker2"), near)
    found = settled(cluster, namespace, SERVICE, "--from", "pod/client", verdict="healthy")
    assert [f["code"] for f in found.findings if f["severity"] != "info"] == []


def test_a_host_port_that_another_pod_has(cluster: Cluster, namespace: str, nodes: Nodes) -> None:
    ports = [{"containerPort": 8080, "hostPort": 8088}]
    first = web(nodes, "worker", ports=ports)
    first["metadata"]["name"] = "first"
    for labels in (
        first["spec"]["selector"]["matchLabels"],
        first["spec"]["template"]["metadata"]["labels"],
    ):
        labels["app"] = "first"
    roll_out(cluster, namespace, first)
    cluster.apply([web(nodes, "worker", ports=ports), service((80, 8080))], namespace)
    found = settled(cluster, namespace, SERVICE, verdict="broken", cause="PC101")
    said = " ".join(found.findings[0]["evidence"])
    assert "first-" in said
    assert "hostPort 8088" in said
    assert found.fix
    paste(cluster, found.fix)
    after = settled(cluster, namespace, SERVICE, verdict="healthy")
    keep("A hostPort that a pod of another workload has on the node", found, after)


def test_a_kubelet_that_does_not_answer(cluster: Cluster, namespace: str, nodes: Nodes) -> None:
    roll_out(cluster, namespace, web(nodes, replicas=3), service((80, 8080)))
    nodes.change("deafen", "worker2")
    found = settled(cluster, namespace, SERVICE, verdict="healthy")
    assert found.report["services"][0]["missing"], "the evidence that could not be had is named"
    steps = {s["step"]: s["status"] for s in found.report["services"][0]["ports"][0]["steps"]}
    assert steps[2] != "pass"
    assert steps[5] != "pass"


@pytest.mark.parametrize("listen", ["http://0.0.0.0:8080", "tcp6://[::]:8080"])
def test_a_dual_stack_service_and_pods_of_one_family(
    cluster: Cluster, namespace: str, nodes: Nodes, listen: str
) -> None:
    both = service((80, 8080), ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv4", "IPv6"])
    app = container(listen, ports=[8080], image="busybox", program="checkout")
    roll_out(cluster, namespace, deployment(app, replicas=2), client(nodes, "worker"))
    cluster.apply(both, namespace)
    found = settled(cluster, namespace, SERVICE, verdict="degraded", cause="PC204")
    four, six = cluster.get("service/checkout", namespace=namespace)["spec"]["clusterIPs"]
    met = [dials(cluster, namespace, target) for target in (f"{four}:80", f"[{six}]:80")]
    only_six = "tcp6" in listen
    assert met == (["refused", "accepted"] if only_six else ["accepted", "refused"])
    roll_out(cluster, namespace, web(nodes, replicas=2))
    after = settled(cluster, namespace, SERVICE, verdict="healthy")
    family = "IPv6" if only_six else "IPv4"
    title = f"A dual-stack Service whose pods accept {family} only"
    keep(title, found, after, by_hand=True)
