"""What of a policy is compared with a connection: reasons, labels that are asked for, ranges."""

from typing import Any

import pytest

from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.semantics.admission import ANY_POD, ANYONE
from kubectl_portcheck.semantics.guards.compare import asks_for_labels, matched, not_compared
from kubectl_portcheck.semantics.peers import Asked, Fact, Peer
from tests.unit.semantics.documents import document
from tests.unit.semantics.test_cilium import pod

SERVER, CLIENT = pod("checkout", "shop"), pod("web", "front")
BY_LABEL = {"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.team": "sales"}}
BY_NAME = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "front"}}
TO_NAMES = {"toFQDNs": [{"matchName": "example.com"}]}
HTTP = {"toPorts": [{"ports": [{"port": "80"}], "rules": {"http": [{}]}}]}


def cilium(**spec: Any) -> Guard:
    return document("CiliumNetworkPolicy", {"endpointSelector": {}, **spec}, "shop").guard


def calico(**rule: Any) -> Guard:
    spec = {"ingress": [{"action": "Allow", **rule}]}
    return document("NetworkPolicy.projectcalico.org", spec, "shop").guard


def by_rule(guard: Guard) -> str:
    return not_compared(guard, guard.parts[0].rules[0], Peer(CLIENT))


@pytest.mark.parametrize(
    ("guard", "client", "why"),
    [
        (cilium(ingress=[HTTP]), Peer(CLIENT), "has rules of layer 7, which is not compared"),
        (cilium(egress=[TO_NAMES]), Peer(CLIENT), "has toFQDNs, which are not compared"),
        (
            cilium(ingress=[{"fromEndpoints": [BY_LABEL]}]),
            Peer(CLIENT),
            "the labels of namespace front were not read",
        ),
        (
            cilium(ingress=[{"fromEndpoints": [BY_LABEL]}]),
            Peer(CLIENT, {}),
            "whether CiliumNetworkPolicy guard means this client is not known",
        ),
        (
            cilium(ingress=[{"fromEndpoints": [BY_LABEL]}]),
            Peer(address="192.0.2.1"),
            "whether CiliumNetworkPolicy guard means this client is not known",
        ),
        (
            cilium(ingress=[{"fromEndpoints": [BY_NAME]}]),
            Peer(CLIENT),
            "whether CiliumNetworkPolicy guard means this client is not known",
        ),
    ],
)
def test_why_it_is_not_known(guard: Guard, client: Peer, why: str) -> None:
    assert why in not_compared(guard, None, client)


def test_the_reason_of_one_rule_is_not_that_of_another() -> None:
    both = cilium(ingress=[{"fromEndpoints": [BY_NAME]}, HTTP])
    assert "layer 7" in not_compared(both, None, Peer(CLIENT))
    assert "layer 7" not in by_rule(both)


@pytest.mark.parametrize(
    ("guard", "asks"),
    [
        (cilium(ingress=[{}]), False),
        (cilium(ingress=[{"toPorts": []}]), False),
        (cilium(ingress=[{"fromEndpoints": [{}, BY_NAME]}]), False),
        (cilium(ingress=[{"fromEndpoints": [BY_NAME, BY_LABEL]}]), True),
        (cilium(ingress=[{"fromEntities": ["all"]}]), False),
        (cilium(endpointSelector=BY_LABEL, ingress=[{}]), True),
        (cilium(endpointSelector=BY_NAME, ingress=[{}]), False),
        (calico(), False),
        (calico(source={"namespaceSelector": "team == 'sales'"}), True),
        (calico(source={"namespaceSelector": "projectcalico.org/name == 'front'"}), False),
        (calico(source={"notSelector": "pcns.team == 'sales'"}), True),
        (calico(source={"notSelector": "app == 'web'"}), False),
        (calico(destination={"selector": "pcns.team == 'sales'"}), True),
        (calico(destination={"selector": "app == 'web'"}), False),
    ],
)
def test_whether_labels_of_namespaces_are_asked_for(guard: Guard, asks: bool) -> None:
    assert asks_for_labels(guard) is asks


V4, V6, TEN = "0.0.0.0/0", "::/0", "10.0.0.0/8"


@pytest.mark.parametrize(
    ("nets", "client", "family", "expected"),
    [
        ([V4], ANYONE, "IPv4", True),
        ([V4], ANYONE, "IPv6", None),
        ([V4], ANYONE, "", None),
        ([V4, V6], ANYONE, "", True),
        ([V4, V6, TEN], ANYONE, "", True),
        ([V6], ANYONE, "IPv6", True),
        ([TEN], ANYONE, "IPv4", None),
        ([TEN], Peer(), "IPv4", None),
        ([V4], ANY_POD, "IPv4", True),
        ([TEN], Peer(CLIENT, {}), "IPv4", True),
        (["192.0.2.0/24"], Peer(CLIENT, {}), "IPv4", False),
        (["192.0.2.0/24", TEN], Peer(CLIENT, {}), "IPv4", True),
        (["192.0.2.0/24"], Peer(address="192.0.2.9"), "IPv4", True),
        (["192.0.2.0/24"], Peer(address="192.0.2.9"), "IPv6", None),
        (["192.0.2.0/24"], Peer(address="192.0.2.9"), "", True),
    ],
)
def test_ranges_and_clients(nets: list[str], client: Peer, family: str, expected: Fact) -> None:
    guard = calico(source={"nets": nets})
    asked = Asked(Peer(SERVER, {}), 8080, "TCP", family)
    rule = guard.parts[0].rules[0]
    assert matched(rule, guard, (asked.server, client), asked) is expected
    negative = calico(source={"notNets": nets})
    rule = negative.parts[0].rules[0]
    opposite = None if expected is None else not expected
    assert matched(rule, negative, (asked.server, client), asked) is opposite


def test_a_range_with_exceptions_is_not_every_address() -> None:
    guard = cilium(ingress=[{"fromCIDRSet": [{"cidr": V4, "except": [TEN]}]}])
    asked = Asked(Peer(SERVER, {}), 8080, "TCP", "IPv4")
    found = matched(guard.parts[0].rules[0], guard, (asked.server, Peer(address="")), asked)
    assert found is None
