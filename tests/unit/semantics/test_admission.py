"""Whether policies let a client connect to a port of a pod: both sides, every kind of peer."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.references import IPBlock, NetworkPolicy
from kubectl_portcheck.semantics.admission import Admitted, admits, isolating
from kubectl_portcheck.semantics.peers import Peer, in_block
from kubectl_portcheck.semantics.sides import Policies


def pod(name: str, namespace: str = "shop", **more: Any) -> Pod:
    """A pod with the label app=NAME, two addresses, and the port http=8080."""
    number = sum(map(ord, name)) % 200
    ports = more.pop("ports", [{"name": "http", "containerPort": 8080}])
    return msgspec.convert(
        {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {"app": name, **more.pop("labels", {})},
            },
            "spec": {"nodeName": "one", "containers": [{"name": "app", "ports": ports}], **more},
            "status": {"podIPs": [{"ip": f"10.0.0.{number}"}, {"ip": f"fd00::{number}"}]},
        },
        Pod,
    )


def policy(spec: dict[str, Any], namespace: str = "shop", name: str = "guard") -> NetworkPolicy:
    spec.setdefault("podSelector", {})
    return msgspec.convert(
        {"metadata": {"name": name, "namespace": namespace}, "spec": spec}, NetworkPolicy
    )


SERVER = pod("checkout")
CLIENT = pod("web", "front", labels={"tier": "edge"})
LABELS = {"team": "sales"}


def ask(
    *policies: NetworkPolicy,
    client: Peer | None = None,
    server: Pod = SERVER,
    port: int = 8080,
    protocol: Any = "TCP",
    family: str = "IPv4",
    **unread: str,
) -> Admitted:
    known = Policies(policies, unread)
    client = client or Peer(CLIENT, LABELS)
    return admits(client, Peer(server, {}), port, protocol, known, family)


def takes(*peers: dict[str, Any], ports: list[dict[str, Any]] | None = None) -> NetworkPolicy:
    """A policy of the pod that is connected to."""
    rule: dict[str, Any] = {"from": list(peers)}
    return policy({"ingress": [rule if ports is None else {**rule, "ports": ports}]})


def gives(*peers: dict[str, Any], ports: list[dict[str, Any]] | None = None) -> NetworkPolicy:
    """A policy of the client."""
    rule: dict[str, Any] = {"to": list(peers)}
    rule = rule if ports is None else {**rule, "ports": ports}
    return policy({"policyTypes": ["Egress"], "egress": [rule]}, "front", "out")


SALES = {"namespaceSelector": {"matchLabels": {"team": "sales"}}}
FRONT = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "front"}}}
BY_EXPRESSION = {
    "podSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["edge"]}]}
}

INGRESS = {
    "no policy": ([], True),
    "of another namespace": ([policy({}, "elsewhere")], True),
    "of other pods": ([policy({"podSelector": {"matchLabels": {"app": "x"}}})], True),
    "nothing": ([policy({})], False),
    "egress only": ([policy({"policyTypes": ["Egress"]})], True),
    "every source": ([takes()], True),
    "pods of this namespace": ([takes({"podSelector": {}})], False),
    "every namespace": ([takes({"namespaceSelector": {}})], True),
    "its namespace by label": ([takes(SALES)], True),
    "its namespace by name": ([takes(FRONT)], True),
    "another namespace": ([takes({"namespaceSelector": {"matchLabels": {"team": "x"}}})], False),
    "both selectors": ([takes({**SALES, **BY_EXPRESSION})], True),
    "the pods of another label": (
        [takes({**SALES, "podSelector": {"matchLabels": {"tier": "back"}}})],
        False,
    ),
    "one of two peers": ([takes({"podSelector": {}}, SALES)], True),
    "its address": ([takes({"ipBlock": {"cidr": "10.0.0.0/8"}})], True),
    "its address excepted": (
        [takes({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/24"]}})],
        False,
    ),
    "addresses of the other family": ([takes({"ipBlock": {"cidr": "fd00::/8"}})], False),
    "the port": ([takes(SALES, ports=[{"port": 8080}])], True),
    "the port of another protocol": (
        [takes(SALES, ports=[{"port": 8080, "protocol": "UDP"}])],
        False,
    ),
    "another port": ([takes(SALES, ports=[{"port": 80}])], False),
    "a range": ([takes(SALES, ports=[{"port": 8000, "endPort": 8080}])], True),
    "a range that ends before": ([takes(SALES, ports=[{"port": 8000, "endPort": 8079}])], False),
    "the name": ([takes(SALES, ports=[{"port": "http"}])], True),
    "another name": ([takes(SALES, ports=[{"port": "web"}])], False),
    "every TCP port": ([takes(SALES, ports=[{"protocol": "TCP"}])], True),
    "two that add up": ([policy({}), takes(SALES)], True),
    "port and source in two rules": (
        [takes({"podSelector": {}}, ports=[{"port": 8080}]), takes(SALES, ports=[{"port": 1}])],
        False,
    ),
}


@pytest.mark.parametrize("case", INGRESS)
def test_the_pods_side(case: str) -> None:
    policies, allowed = INGRESS[case]
    found = ask(*policies)
    assert (found.allowed, found.why) == (allowed, "")
    assert bool(found.guards) == (not allowed)


EGRESS = {
    "nothing": ([policy({"policyTypes": ["Egress"]}, "front")], False),
    "types are left out and there are rules": (
        [policy({"egress": [{"to": [{"podSelector": {}}]}]}, "front")],
        False,
    ),
    "types are left out and there is none": ([policy({}, "front")], True),
    "every destination": ([gives()], True),
    "pods of its own namespace": ([gives({"podSelector": {}})], False),
    "the namespace by name": (
        [gives({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}})],
        True,
    ),
    "addresses": ([gives({"ipBlock": {"cidr": "10.0.0.0/24"}})], True),
    "the port's number": ([gives(ports=[{"port": 8080}])], True),
    "the name of a port of selected pods": (
        [gives({"namespaceSelector": {}}, ports=[{"port": "http"}])],
        True,
    ),
    "a name without selected pods": ([gives(ports=[{"port": "http"}])], None),
    "a name beside addresses": (
        [gives({"ipBlock": {"cidr": "10.0.0.0/8"}}, ports=[{"port": "http"}])],
        None,
    ),
    "a name for another protocol": (
        [gives(ports=[{"port": "http", "protocol": "UDP"}])],
        False,
    ),
}


@pytest.mark.parametrize("case", EGRESS)
def test_the_clients_side(case: str) -> None:
    policies, allowed = EGRESS[case]
    found = ask(*policies)
    assert (found.allowed, bool(found.why)) == (allowed, allowed is None)


def test_both_sides_have_to_allow_it() -> None:
    closed = policy({"policyTypes": ["Egress"]}, "front", "out")
    found = ask(takes(SALES), closed)
    assert (found.ingress.allowed, found.egress.allowed, found.allowed) == (True, False, False)
    assert [p.metadata.name for p in found.guards] == ["out"]
    assert [p.metadata.name for p in found.ingress.by] == ["guard"]


def test_the_family_decides_which_addresses_count() -> None:
    six = takes({"ipBlock": {"cidr": "fd00::/64"}})
    assert ask(six, family="IPv6").allowed
    assert ask(six, family="IPv4").allowed is False
    assert ask(six, family="").allowed


def test_labels_of_the_namespace_that_were_not_read() -> None:
    unknown = Peer(CLIENT)
    assert ask(takes(FRONT), client=unknown).allowed, "its name is always known"
    found = ask(takes(SALES), client=unknown)
    assert (found.allowed, found.why) == (None, "the labels of namespace front were not read")
    other = {**FRONT, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "x"}}}
    assert ask(takes(other), client=unknown).allowed is False
    assert ask(takes(SALES), takes(), client=unknown).allowed, "another policy allows it"


def test_policies_that_were_not_read() -> None:
    found = ask(takes(SALES), front="list networkpolicies is forbidden")
    assert (found.allowed, found.why) == (None, "list networkpolicies is forbidden")
    assert ask(policy({}), front="forbidden").allowed is False, "one side is enough to deny"


def test_a_pod_reaches_itself_and_is_reached_by_its_node() -> None:
    closed = policy({"policyTypes": ["Ingress", "Egress"]})
    assert ask(closed, client=Peer(SERVER, {})).exempt
    assert ask(closed, client=Peer(address="192.0.2.1", node="one")).allowed
    assert ask(closed, client=Peer(address="192.0.2.1", node="two")).allowed is False
    agent = pod("agent", "system", hostNetwork=True)
    assert ask(closed, client=Peer(agent, {})).allowed
    elsewhere = pod("agent", "system", hostNetwork=True, nodeName="two")
    assert ask(closed, client=Peer(elsewhere, {})).allowed is False


def test_selectors_and_pods_on_the_network_of_their_node() -> None:
    agent = Peer(pod("agent", "system", hostNetwork=True, nodeName="two"), {})
    found = ask(takes({"namespaceSelector": {}}), client=agent)
    assert found.allowed is None
    assert "hostNetwork" in found.why
    assert ask(takes({"podSelector": {}}), client=agent).allowed is False
    assert ask(takes({"ipBlock": {"cidr": "10.0.0.0/8"}}), client=agent).allowed
    host = pod("proxy", hostNetwork=True)
    assert ask(policy({}), server=host).allowed, "the API does not isolate it"
    assert isolating([policy({})], host) == ()


def test_a_client_that_is_no_pod() -> None:
    outside = Peer(address="192.0.2.1")
    assert ask(takes({"namespaceSelector": {}}), client=outside).allowed is False
    assert ask(takes({"ipBlock": {"cidr": "192.0.2.0/24"}}), client=outside).allowed
    unknown = ask(takes({"ipBlock": {"cidr": "192.0.2.0/24"}}), client=Peer())
    assert (unknown.allowed, unknown.why) == (None, "the client's address is not known")


def test_a_range_that_is_none() -> None:
    assert in_block(IPBlock(cidr="10.0.0.300/8"), "10.0.0.1") is None
    assert in_block(IPBlock(cidr="10.0.0.0/8", except_=("nonsense",)), "10.0.0.1") is None
    assert in_block(IPBlock(cidr="10.0.0.0/8"), "fd00::1") is False
