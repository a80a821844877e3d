"""NetworkPolicies on a real cluster.

The test bed has no network plugin that enforces them, so a small engine does it for the pods of one
namespace: it reads their policies from the API and drops packets on the node, as a plugin does.
"""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import BED
from .portcheck import Diagnosis, diagnose, paste
from .table import keep
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


class Engine:
    """Drops what no policy of the namespace admits; it knows numbers, ranges and ``from: []``."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.chain = f"PC-{zlib.crc32(namespace.encode()):08x}"
        self._iptables("-N", self.chain)
        for hook in ("OUTPUT", "FORWARD"):
            self._iptables("-I", hook, "-j", self.chain)

    def sync(self) -> None:
        """Does what the policies say now."""
        policies = self.cluster.get("networkpolicies", namespace=self.namespace)["items"]
        pods = self.cluster.get("pods", namespace=self.namespace)["items"]
        self._iptables("-F", self.chain)
        for pod in pods if policies else ():
            to = ("-A", self.chain, "-d", pod["status"]["podIP"], "-p", "tcp")
            for port in self._admitted(policies):
                last = f":{port['endPort']}" if "endPort" in port else ""
                self._iptables(*to, "--dport", f"{port['port']}{last}", "-j", "RETURN")
            self._iptables(*to, "--syn", "-j", "DROP")

    def stop(self) -> None:
        """Takes everything away."""
        for hook in ("OUTPUT", "FORWARD"):
            self._iptables("-D", hook, "-j", self.chain)
        self._iptables("-F", self.chain)
        self._iptables("-X", self.chain)

    @staticmethod
    def _admitted(policies: list[Any]) -> list[Any]:
        rules = [r for p in policies for r in p["spec"].get("ingress", [])]
        return [port for rule in rules for port in rule["ports"]]

    @staticmethod
    def _iptables(*words: str) -> None:
        command = [str(BED / "bed"), "enter", "iptables", "-w", *words]
        subprocess.run(command, check=True, capture_output=True, timeout=30)


@pytest.fixture
def engine(cluster: Cluster, namespace: str) -> Iterator[Engine]:
    """Enforcement for the namespace's pods."""
    if not cluster.direct:
        pytest.skip("the engine needs the node of the test bed")
    made = Engine(cluster, namespace)
    yield made
    made.stop()


def policy(name: str, spec: Document) -> Document:
    """A NetworkPolicy."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {"matchLabels": {"app": "checkout"}}, **spec},
    }


def allow(*ports: Document, name: str = "allow") -> Document:
    """A policy that admits pods of the namespace to these ports."""
    return policy(name, {"ingress": [{"from": [{"podSelector": {}}], "ports": list(ports)}]})


DENY = policy("default-deny", {"podSelector": {}, "policyTypes": ["Ingress"]})


def address(cluster: Cluster, namespace: str) -> str:
    return str(cluster.get("service/checkout", namespace=namespace)["spec"]["clusterIP"])


def deploy(cluster: Cluster, namespace: str, port: int, *policies: Document) -> None:
    """A Service on that port of its pods, which are guarded."""
    app = container(f"http://0.0.0.0:{port}", ports={"serving": port})
    made = [deployment(app, replicas=2), service((80, port)), *policies]
    cluster.apply(made, namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.wait_dial(address(cluster, namespace), 80, "accepted")


def until(cluster: Cluster, namespace: str, verdict: str) -> Diagnosis:
    """The diagnosis once it is this one."""
    cluster.until(
        lambda: diagnose(cluster, namespace).verdict == verdict, f"the verdict {verdict}", 60
    )
    return diagnose(cluster, namespace)


def mended(cluster: Cluster, namespace: str, engine: Engine, found: Diagnosis, title: str) -> None:
    """Clients are served again once the fix is pasted."""
    assert found.fix
    paste(cluster, found.fix)
    engine.sync()
    cluster.wait_dial(address(cluster, namespace), 80, "accepted")
    well = until(cluster, namespace, "healthy")
    assert (well.code, well.findings) == (0, [])
    keep(title, found, well)


def test_a_policy_that_still_names_the_old_port(
    cluster: Cluster, namespace: str, engine: Engine
) -> None:
    deploy(cluster, namespace, 9000, DENY, allow({"port": 8080}))
    engine.sync()
    cluster.wait_dial(address(cluster, namespace), 80, "timeout")

    found = diagnose(cluster, namespace)

    assert (found.code, found.verdict, found.causes) == (1, "broken", ["PC602"])
    lead = found.findings[0]
    assert "of both pods" in lead["summary"]
    assert "allow only 8080" in lead["summary"]
    assert "NetworkPolicy allow: allows 8080 from all pods in this namespace" in lead["evidence"]
    assert lead["subject"]["name"] == "allow"
    title = "an enforced NetworkPolicy still names the port that the application left"
    mended(cluster, namespace, engine, found, title)


def test_a_policy_that_names_the_services_port(
    cluster: Cluster, namespace: str, engine: Engine
) -> None:
    deploy(cluster, namespace, 8080, allow({"port": 80}))
    engine.sync()
    cluster.wait_dial(address(cluster, namespace), 80, "timeout")

    found = diagnose(cluster, namespace)

    assert (found.code, found.verdict, found.causes) == (1, "broken", ["PC705"])
    assert "PC602" in [f["code"] for f in found.findings if not f["cause"]]
    title = "an enforced NetworkPolicy names the Service's port"
    mended(cluster, namespace, engine, found, title)


def test_nobody_is_admitted_to_anything(cluster: Cluster, namespace: str, engine: Engine) -> None:
    deploy(cluster, namespace, 8080, DENY)
    engine.sync()
    cluster.wait_dial(address(cluster, namespace), 80, "timeout")

    found = diagnose(cluster, namespace)

    assert (found.verdict, found.causes, found.fix) == ("broken", ["PC602"], None)
    fix = found.findings[0]["fixes"][0]
    assert fix["target"] == "source"
    cluster.apply(fix["patch"], namespace)
    engine.sync()
    cluster.wait_dial(address(cluster, namespace), 80, "accepted")
    well = until(cluster, namespace, "healthy")
    assert well.findings == []
    keep("an enforced NetworkPolicy admits no client at all", found, well, by_hand=True)


def test_where_nothing_shows_that_policies_are_enforced_nothing_is_claimed(
    cluster: Cluster, namespace: str
) -> None:
    deploy(cluster, namespace, 8080, DENY)

    found = diagnose(cluster, namespace)

    # Clients are served: no plugin enforces the policy here. That cannot be told for sure.
    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC602"])
    assert found.findings[0]["severity"] == "warning"
    untold = {n["missing"] for n in found.report["services"][0]["notEvaluated"]}
    assert "whether this cluster enforces NetworkPolicies is not known" in untold


ODD = {
    "by-number": [DENY, allow({"port": 8080})],
    "by-name": [DENY, allow({"port": "serving"})],
    "by-range": [DENY, allow({"port": 8000, "endPort": 8100})],
    "every-port": [DENY, policy("allow", {"ingress": [{"from": [{"podSelector": {}}]}]})],
    "every-tcp-port": [DENY, allow({"protocol": "TCP"})],
    "everybody": [DENY, policy("allow", {"ingress": [{}]})],
    "one-address": [
        policy("allow", {"ingress": [{"from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]})
    ],
    "other-pods": [policy("other", {"podSelector": {"matchLabels": {"app": "other"}}})],
    "egress-only": [policy("egress", {"policyTypes": ["Egress"]})],
    "two-add-up": [allow({"port": 9100}, name="metrics"), allow({"port": 8080})],
    "service-port-besides": [allow({"port": 80}, {"port": 8080})],
}


def test_policies_that_admit_somebody_raise_nothing(cluster: Cluster, namespace: str) -> None:
    deploy(cluster, namespace, 8080)
    assert until(cluster, namespace, "healthy").findings == []
    for name, policies in ODD.items():
        cluster.kubectl("delete", "networkpolicies", "--all", namespace=namespace, check=True)
        cluster.apply(policies, namespace)
        found = diagnose(cluster, namespace)
        assert (name, found.verdict, found.findings) == (name, "healthy", [])
