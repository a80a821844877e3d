"""Policies of Calico and of the Network Policy API are read where they are served. Nothing enforces
them on the test cluster: only what the report says of them is seen here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from . import crds
from .portcheck import diagnose, diagnose_all, paste
from .table import keep
from .workloads import (
    Document,
    client_pod,
    container,
    deployment,
    network_policy,
    service,
)

if TYPE_CHECKING:
    from .conftest import Cluster

HERE = "kubernetes.io/metadata.name"


def calico(kind: str, namespace: str, port: int) -> Document:
    """Allows one port of the pods of the Service, and denies the others."""
    to = {"ports": [port]}
    spec: Document = {
        "order": 100,
        "selector": "app == 'checkout'",
        "types": ["Ingress"],
        "ingress": [
            {"action": "Log"},
            {"action": "Allow", "protocol": "TCP", "destination": to},
            {"action": "Deny"},
        ],
    }
    if kind == "GlobalNetworkPolicy":
        spec["namespaceSelector"] = f"{HERE} == '{namespace}'"
    return spec


def admin(kind: str, namespace: str, port: int) -> Document:
    """Lets pods connect to one port of the pods of the namespace, and to no other."""
    allow = "Accept" if kind == "ClusterNetworkPolicy" else "Allow"
    to: Document = {"ports": [{"portNumber": {"protocol": "TCP", "port": port}}]}
    if kind == "ClusterNetworkPolicy":
        to = {"protocols": [{"tcp": {"destinationPort": {"number": port}}}]}
    peers: list[Document] = [{"namespaces": {}}]
    spec: Document = {
        "subject": {"namespaces": {"matchLabels": {HERE: namespace}}},
        "ingress": [{"action": allow, "from": peers, **to}, {"action": "Deny", "from": peers}],
    }
    if kind != "BaselineAdminNetworkPolicy":
        spec["priority"] = 7
    if kind == "ClusterNetworkPolicy":
        spec["tier"] = "Admin"
    return spec


API = f"{crds.CALICO}/v1"
EVERYONE = ["0.0.0.0/0", "::/0"]


def of_calico(kind: str, name: str, spec: Document, **meta: Any) -> Document:
    metadata = {"name": name, **meta}
    return {"apiVersion": API, "kind": kind, "metadata": metadata, "spec": spec}


def in_tier(namespace: str, *, passes: bool) -> list[Document]:
    """A tier before all NetworkPolicies, in which a policy allows another port."""
    spec = calico("GlobalNetworkPolicy", namespace, 9100)
    spec |= {"tier": "portcheck", "ingress": spec["ingress"][:-1]}
    end = {"order": 5, "defaultAction": "Pass" if passes else "Deny"}
    return [
        of_calico("Tier", "portcheck", end),
        of_calico("GlobalNetworkPolicy", "portcheck.allow", spec),
    ]


def by_set(namespace: str, *, passes: bool) -> list[Document]:
    """A set of all addresses, and a policy that denies what is in such a set."""
    spec = calico("GlobalNetworkPolicy", namespace, 9000)
    chosen = {"selector": "portcheck == 'outside'", "namespaceSelector": "global()"}
    spec["ingress"] = [{"action": "Deny", "source": chosen}, {"action": "Allow"}]
    labels = {"portcheck": "inside" if passes else "outside"}
    return [
        of_calico("GlobalNetworkSet", "portcheck", {"nets": EVERYONE}, labels=labels),
        of_calico("GlobalNetworkPolicy", "portcheck-allow", spec),
    ]


def by_account(namespace: str, *, passes: bool) -> list[Document]:
    """A policy for the pods of service accounts with a label, and one with it."""
    spec = calico("GlobalNetworkPolicy", namespace, 9100)
    spec |= {"serviceAccountSelector": "portcheck == 'closed'", "selector": ""}
    labels = {"portcheck": "open" if passes else "closed"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount"}
    return [
        {**account, "metadata": {"name": "checkout", "labels": labels}},
        of_calico("GlobalNetworkPolicy", "portcheck-allow", spec),
    ]


MEANT: dict[str, tuple[tuple[str, ...], Any]] = {
    "a tier of Calico before NetworkPolicies denies the port": (("Tier",), in_tier),
    "a policy of Calico denies what is in a GlobalNetworkSet": (("GlobalNetworkSet",), by_set),
    "a policy of Calico selects pods by a label of their service account": ((), by_account),
}


@pytest.mark.parametrize("title", MEANT)
def test_what_a_policy_of_calico_means(cluster: Cluster, namespace: str, title: str) -> None:
    needed, made = MEANT[title]
    app = container("http://0.0.0.0:9000", ports={"http": 9000})
    pods = deployment(app)
    pods["spec"]["template"]["spec"]["serviceAccountName"] = "checkout"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "checkout"}}
    allow = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "allow"},
        "spec": {"podSelector": {}, "ingress": [{"ports": [{"port": 9000}]}]},
    }
    with crds.served(cluster, "GlobalNetworkPolicy", *needed):
        cluster.apply([account, pods, service((80, 9000)), allow], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        cluster.apply(made(namespace, passes=False), namespace)
        found, swept = diagnose(cluster, namespace), diagnose_all(cluster, namespace)
        cluster.apply(made(namespace, passes=True), namespace)
        well, swept_well = diagnose(cluster, namespace), diagnose_all(cluster, namespace)

    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC720"])
    assert swept.causes == ["PC720"]
    assert (well.verdict, well.findings) == ("healthy", [])
    assert swept_well.findings == []
    keep(f"{title} (read, not enforced)", found, well, by_hand=True)


KINDS: dict[str, Any] = {
    "NetworkPolicy.crd.projectcalico.org": calico,
    "GlobalNetworkPolicy": calico,
    "AdminNetworkPolicy": admin,
    "BaselineAdminNetworkPolicy": admin,
    "ClusterNetworkPolicy": admin,
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_names_the_old_port(cluster: Cluster, namespace: str, kind: str) -> None:
    group, version = crds.KINDS[kind]
    name = "default" if kind.startswith("Baseline") else "portcheck-allow"
    plain = kind.partition(".")[0]

    def policy(port: int) -> Document:
        spec = KINDS[kind](plain, namespace, port)
        api = f"{group}/{version}"
        return {"apiVersion": api, "kind": plain, "metadata": {"name": name}, "spec": spec}

    app = container("http://0.0.0.0:9000", ports={"http": 9000})
    with crds.served(cluster, kind):
        made = [deployment(app), service((80, 9000)), client_pod("web"), policy(8080)]
        cluster.apply(made, namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        cluster.wait_ready("pod/web", namespace)
        found = diagnose(cluster, namespace)
        asked = diagnose_all(cluster, namespace, "svc/checkout", "--from=pod/web")
        swept = diagnose_all(cluster, namespace)
        cluster.apply(policy(9000), namespace)
        well = diagnose(cluster, namespace)
        swept_well = diagnose_all(cluster, namespace)

    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC720"])
    assert found.findings[0]["severity"] == "warning"
    shown = crds.key(kind)
    assert found.findings[0]["subject"]["kind"] == shown
    assert (asked.verdict, asked.findings) == ("healthy", []), "a client gets through"
    assert swept.causes == ["PC720"]
    assert (well.verdict, well.findings) == ("healthy", [])
    assert swept_well.findings == []
    title = f"{shown} names the old port (read, not enforced)"
    keep(title, found, well, by_hand=True)


def test_the_policy_that_has_to_change(cluster: Cluster, namespace: str) -> None:
    """An AdminNetworkPolicy that denies others is not the cause of what a NetworkPolicy lacks."""
    spec = admin("AdminNetworkPolicy", namespace, 9000)
    others = {"namespaces": {"matchLabels": {HERE: "portcheck-none"}}}
    spec["ingress"] = [{"action": "Deny", "from": [others]}]
    api = f"{crds.ADMIN}/v1alpha1"
    meta = {"name": "portcheck-deny"}
    deny = {"apiVersion": api, "kind": "AdminNetworkPolicy", "metadata": meta, "spec": spec}
    allow = network_policy("allow", "checkout", ingress=[{"ports": [{"port": 80}]}])
    app = container("http://0.0.0.0:9000", ports={"http": 9000})
    with crds.served(cluster, "AdminNetworkPolicy"):
        cluster.apply([deployment(app), service((80, 9000)), allow, deny], namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        found, swept = diagnose(cluster, namespace), diagnose_all(cluster, namespace)
        assert found.fix
        paste(cluster, found.fix)
        well = diagnose(cluster, namespace)

    assert (found.verdict, found.causes) == ("inconclusive", ["PC705"])
    assert swept.causes == ["PC705"]
    assert (well.verdict, well.findings) == ("healthy", [])
