"""From the client's seat: names, nameservers and policies that fail a client of a healthy Service.

One test stops the cluster's DNS for a moment; it stands here with all that would meet it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from .portcheck import Diagnosis, paste, run
from .table import keep
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


DNS_PODS = "k8s-app=kube-dns"
FRONT = ("exec", "deploy/front", "--", "timeout", "3")
LOOKUP = ("getent", "hosts", "checkout")
CONNECT = ("bash", "-c", "echo >/dev/tcp/checkout/80")


@pytest.fixture
def shop(cluster: Cluster, namespace: str) -> str:
    """A healthy Service, and a client beside it."""
    return set_up(cluster, namespace)


@pytest.fixture
def guarded_shop(guarded: Cluster) -> Iterator[str]:
    """The same on a cluster that enforces NetworkPolicies."""
    name = guarded.make_namespace()
    yield set_up(guarded, name)
    guarded.kubectl("delete", "namespace", name, "--wait=false")


def set_up(cluster: Cluster, namespace: str) -> str:
    """Deploy a healthy Service and a client; return their namespace."""
    cluster.apply(
        [
            deployment(container("http://0.0.0.0:8080", ports=[8080]), replicas=2),
            service((80, 8080)),
            client(),
        ],
        namespace,
    )
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.wait_ready("deployment/front", namespace)
    cluster.until(
        lambda: cluster.kubectl(*FRONT, *CONNECT, namespace=namespace).returncode == 0,
        "the Service to answer its client",
    )
    return namespace


@pytest.fixture
def elsewhere(cluster: Cluster) -> Iterator[str]:
    """Another namespace."""
    name = cluster.make_namespace()
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def client(name: str = "front", image: str = "debian", **pod: Any) -> Document:
    """A Deployment whose pod is a client."""
    strategy = {"type": "Recreate"}
    return deployment(container(image=image), name=name, pod=pod, strategy=strategy)


def ask(cluster: Cluster, namespace: str, *flags: str, target: str = "svc/checkout") -> Diagnosis:
    done = run(cluster, target, "-n", namespace, "-o", "json", *flags)
    assert "Traceback" not in done.stderr
    assert done.stdout, (done.returncode, done.stderr)
    return Diagnosis(done.returncode, json.loads(done.stdout))


def until(
    cluster: Cluster, namespace: str, *flags: str, verdict: str, cause: str = "", **more: str
) -> Diagnosis:
    """The diagnosis once it is this one."""
    found: list[Diagnosis] = []

    def come_about() -> bool:
        target = more.get("target", "svc/checkout")
        done = run(cluster, target, "-n", namespace, "-o", "json", *flags)
        assert "Traceback" not in done.stderr
        if not done.stdout:
            return False  # While its pod is replaced there is no client to look from.
        found[:] = [Diagnosis(done.returncode, json.loads(done.stdout))]
        return found[0].verdict == verdict and (not cause or found[0].causes[:1] == [cause])

    cluster.until(come_about, f"{verdict} {cause}", 90)
    return found[0]


def fixed(cluster: Cluster, namespace: str, found: Diagnosis, title: str, *flags: str) -> Diagnosis:
    """Healthy, once the first fix of the report is pasted."""
    assert found.fix, found.findings
    paste(cluster, found.fix)
    after = until(cluster, namespace, *flags, verdict="healthy")
    keep(title, found, after)
    return after


def steps(found: Diagnosis) -> dict[str, str]:
    way = found.report["services"][0]["from"]
    return {s["name"]: s["status"] for s in way["steps"]}


ALL_PASS = dict.fromkeys(("resolver", "name", "service", "pods"), "pass")


@pytest.mark.parametrize("image", ["debian", "busybox"])
def test_a_healthy_way_passes_every_step(cluster: Cluster, shop: str, image: str) -> None:
    cluster.apply(client("other", image), shop)
    cluster.wait_ready("deployment/other", shop)
    found = ask(cluster, shop, "--from=deploy/other")
    assert (found.verdict, steps(found)) == ("healthy", ALL_PASS)
    auto = ask(cluster, shop, "--from=auto")
    assert (auto.verdict, steps(auto)) == ("healthy", ALL_PASS)
    assert auto.report["services"][0]["from"]["pod"].startswith(("front-", "other-"))


def test_one_pod_on_each_node_takes_the_same_way(cluster: Cluster, shop: str) -> None:
    nodes = [n["metadata"]["name"] for n in cluster.get("nodes")["items"]]
    if len(nodes) < 2:
        pytest.skip("the cluster has one node: bed up --nodes 2")
    made = client("agent")
    made["kind"] = "DaemonSet"
    for field in ("replicas", "strategy"):
        del made["spec"][field]
    cluster.apply(made, shop)
    cluster.kubectl("rollout", "status", "daemonset/agent", "--timeout=60s", namespace=shop)
    found = ask(cluster, shop, "--from=ds/agent", "--from-each-node")
    way = found.report["services"][0]["from"]
    assert (found.verdict, [o["status"] for o in way["others"]]) == ("healthy", ["pass"])
    assert {way["node"], *(o["node"] for o in way["others"])} == set(nodes[:2])


def test_dns_policy_default(cluster: Cluster, shop: str) -> None:
    cluster.apply(client("plain", dnsPolicy="Default"), shop)
    cluster.wait_ready("deployment/plain", shop)
    found = until(cluster, shop, "--from=deploy/plain", verdict="degraded", cause="PC609")
    title = "the client's pod has dnsPolicy Default"
    fixed(cluster, shop, found, title, "--from=deploy/plain")


def test_host_network_without_the_cluster_first_policy_for_it(cluster: Cluster, shop: str) -> None:
    cluster.apply(client("plain", hostNetwork=True), shop)
    cluster.wait_ready("deployment/plain", shop)
    found = until(cluster, shop, "--from=deploy/plain", verdict="degraded", cause="PC609")
    title = "the client's pod uses its node's network, and so its node's DNS"
    fixed(cluster, shop, found, title, "--from=deploy/plain")


def test_a_search_list_without_the_clusters_domains(cluster: Cluster, shop: str) -> None:
    dns = cluster.get("service/kube-dns", namespace="kube-system")["spec"]["clusterIP"]
    made = client("plain", dnsPolicy="None", dnsConfig={"nameservers": [dns]})
    cluster.apply(made, shop)
    cluster.wait_ready("deployment/plain", shop)
    found = until(cluster, shop, "--from=deploy/plain", verdict="degraded", cause="PC606")
    title = "dnsConfig of the client's pod replaces the search list"
    fixed(cluster, shop, found, title, "--from=deploy/plain")


def test_a_nameserver_that_no_service_has(cluster: Cluster, shop: str) -> None:
    made = client("plain", dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"]})
    cluster.apply(made, shop)
    cluster.wait_ready("deployment/plain", shop)
    found = until(cluster, shop, "--from=deploy/plain", verdict="degraded", cause="PC607")
    assert "no Service of this cluster has the address 192.0.2.53" in str(found.report)
    title = "dnsConfig of the client's pod names a nameserver that does not exist"
    fixed(cluster, shop, found, title, "--from=deploy/plain")


def test_a_name_without_the_namespace_that_it_needs(
    cluster: Cluster, shop: str, elsewhere: str
) -> None:
    cluster.apply(client(), elsewhere)
    cluster.wait_ready("deployment/front", elsewhere)
    wrong = (f"--from={elsewhere}/deploy/front",)
    target = f"checkout.{shop}.svc.cluster.lan"
    found = until(cluster, shop, *wrong, verdict="degraded", cause="PC606", target=target)
    assert "the cluster's domain is cluster.local, not cluster.lan" in str(found.findings)
    after = ask(cluster, shop, *wrong, target=f"checkout.{shop}.svc.cluster.local")
    assert after.verdict == "healthy"
    keep("the client's settings name another cluster's domain", found, after, by_hand=True)


def test_host_aliases_that_override_the_name(cluster: Cluster, shop: str) -> None:
    aliases = [{"ip": "192.0.2.7", "hostnames": ["checkout"]}]
    cluster.apply(client("plain", hostAliases=aliases), shop)
    cluster.wait_ready("deployment/plain", shop)
    found = until(cluster, shop, "--from=deploy/plain", verdict="degraded", cause="PC608")
    cluster.apply(client("plain", hostAliases=None), shop)
    cluster.wait_ready("deployment/plain", shop)
    after = until(cluster, shop, "--from=deploy/plain", verdict="healthy")
    title = "hostAliases of the client's pod override the Service's name"
    keep(title, found, after, by_hand=True)


def test_the_clusters_dns_has_no_pods(cluster: Cluster, shop: str) -> None:
    flags = ("--from=deploy/front",)
    scale = ("scale", "deployment/coredns")
    try:
        cluster.kubectl(*scale, "--replicas=0", namespace="kube-system", check=True)
        cluster.until(
            lambda: not cluster.get("pods", "-l", DNS_PODS, namespace="kube-system")["items"],
            "the pods of the DNS to be gone",
            90,
        )
        found = until(cluster, shop, *flags, verdict="degraded", cause="PC607")
        assert "Service kube-dns in kube-system is broken" in found.findings[0]["summary"]
        server = found.report["services"][0]["from"]["dnsServer"]
        assert (server["name"], server["verdict"], server["code"]) == (
            "kube-dns",
            "broken",
            "PC301",
        )
        assert steps(found)["dns-server"] == "fail"
        fixed(cluster, shop, found, "CoreDNS is scaled to zero", *flags)
    finally:
        cluster.kubectl(*scale, "--replicas=1", namespace="kube-system")
        cluster.wait_ready("deployment/coredns", "kube-system")


def policy(name: str, app: str, **spec: Any) -> Document:
    """A NetworkPolicy for the pods of a workload."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {"matchLabels": {"app": app}}, **spec},
    }


def enforce(cluster: Cluster, namespace: str, made: Document, *command: str) -> None:
    """Apply a policy that stops the command in the client."""
    cluster.apply(made, namespace)
    cluster.until(
        lambda: cluster.kubectl(*FRONT, *command, namespace=namespace).returncode != 0,
        "a policy to be enforced",
    )


def test_an_egress_policy_without_dns(guarded: Cluster, guarded_shop: str) -> None:
    rule = {"policyTypes": ["Egress"], "egress": [{"ports": [{"port": 8080}]}]}
    enforce(guarded, guarded_shop, policy("only-checkout", "front", **rule), *LOOKUP)
    found = until(guarded, guarded_shop, "--from=deploy/front", verdict="degraded", cause="PC610")
    assert steps(found)["dns-policies"] == "fail"
    title = "an egress NetworkPolicy of the client does not allow DNS"
    fixed(guarded, guarded_shop, found, title, "--from=deploy/front")


def test_an_egress_policy_without_the_services_port(guarded: Cluster, guarded_shop: str) -> None:
    ports = [{"port": 53, "protocol": p} for p in ("UDP", "TCP")]
    rule = {"policyTypes": ["Egress"], "egress": [{"ports": ports}]}
    enforce(guarded, guarded_shop, policy("only-dns", "front", **rule), *CONNECT)
    found = until(guarded, guarded_shop, "--from=deploy/front", verdict="degraded", cause="PC618")
    assert "only-dns does not allow" in found.findings[0]["summary"]
    added(guarded, guarded_shop, found, "an egress NetworkPolicy of the client allows only DNS")


def test_an_ingress_policy_that_does_not_admit_this_client(
    guarded: Cluster, guarded_shop: str
) -> None:
    admitted = [{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}]
    enforce(guarded, guarded_shop, policy("only-other", "checkout", ingress=admitted), *CONNECT)
    found = until(guarded, guarded_shop, "--from=deploy/front", verdict="degraded", cause="PC618")
    assert "only-other does not allow" in found.findings[0]["summary"]
    added(
        guarded,
        guarded_shop,
        found,
        "an ingress NetworkPolicy of the Service admits another client only",
    )


def added(cluster: Cluster, namespace: str, found: Diagnosis, title: str) -> None:
    """Healthy, once the policy that the report proposes is applied."""
    cluster.apply(found.findings[0]["fixes"][0]["patch"], namespace)
    after = until(cluster, namespace, "--from=deploy/front", verdict="healthy")
    keep(title, found, after, by_hand=True)


def wrongly_named(
    cluster: Cluster, shop: str, elsewhere: str, written: str, right: str, title: str
) -> None:
    """A client of another namespace whose setting has a wrong name; asked as the client would.

    Healthy under the right name, once the command of the report is pasted.
    """
    made = client()
    variable = {"name": "CHECKOUT_ADDR", "value": f"{written}:80"}
    made["spec"]["template"]["spec"]["containers"][0]["env"] = [variable]
    cluster.apply(made, elsewhere)
    cluster.wait_ready("deployment/front", elsewhere)
    flags = ("--from=deploy/front",)
    found = until(cluster, elsewhere, *flags, verdict="broken", cause="PC606", target=written)
    assert f"has no name {written}" in found.findings[0]["summary"]
    assert steps(found) == {"resolver": "pass", "name": "fail"}
    assert found.fix is not None
    assert f"CHECKOUT_ADDR={right}:80" in found.fix
    paste(cluster, found.fix)
    cluster.wait_ready("deployment/front", elsewhere)
    after = until(cluster, elsewhere, *flags, verdict="healthy", target=right)
    # The namespaces have other names in each run.
    said = json.loads(json.dumps(found.report).replace(shop, "shop"))
    keep(title, Diagnosis(found.code, said), after)


def test_a_mistyped_name_of_another_namespace(cluster: Cluster, shop: str, elsewhere: str) -> None:
    title = "a client's setting has a mistyped name of a Service of another namespace"
    wrongly_named(cluster, shop, elsewhere, f"chekcout.{shop}", f"checkout.{shop}", title)


def test_a_wrong_namespace_in_the_name(cluster: Cluster, shop: str, elsewhere: str) -> None:
    title = "a client's setting has a namespace in the name that does not exist"
    wrongly_named(cluster, shop, elsewhere, f"checkout.{shop}x", f"checkout.{shop}", title)
