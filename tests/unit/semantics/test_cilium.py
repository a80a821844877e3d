"""Policies of Cilium, compared with a client: its selectors, entities, ranges, and deny rules."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.semantics.admission import ANY_POD, ANYONE, Admitted, admits
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.sides import Policies
from tests.unit.semantics.documents import Document, document


def pod(name: str, namespace: str, **spec: Any) -> Pod:
    return msgspec.convert(
        {
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
            "spec": {"containers": [{"name": "app"}], "nodeName": name, **spec},
            "status": {"podIPs": [{"ip": "10.0.0.9"}]},
        },
        Pod,
    )


SERVER, CLIENT = pod("checkout", "shop"), pod("web", "front")
LABELS = {"team": "sales"}


def policy(kind: str = "CiliumNetworkPolicy", namespace: str = "shop", **spec: Any) -> Document:
    return document(kind, {"endpointSelector": {}, **spec}, namespace)


def ask(
    *guards: Document,
    client: Peer | None = None,
    network: tuple[NetworkPolicy, ...] = (),
    port: int = 8080,
    server: Pod = SERVER,
) -> Admitted:
    client = client or Peer(CLIENT, LABELS)
    known = Policies(network, {}, [g.guard for g in guards])
    return admits(client, Peer(server, {}), port, "TCP", known, "IPv4")


def ingress(**rule: Any) -> Document:
    return policy(ingress=[rule])


TO_8080 = [{"ports": [{"port": "8080", "protocol": "TCP"}]}]
OF_FRONT = {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "front"}}
OF_SALES = {"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.team": "sales"}}

ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
CLUSTER = "io.cilium.k8s.policy.cluster"


def account(name: str, **labels: str) -> dict[str, Any]:
    """Pods of the client's namespace that run as a service account."""
    return {"matchLabels": {ACCOUNT: name, **labels, **OF_FRONT["matchLabels"]}}


CASES: dict[str, tuple[list[Document], bool | None]] = {
    "other pods": ([policy(endpointSelector={"matchLabels": {"app": "x"}}, ingress=[{}])], True),
    "a rule of nothing isolates": ([ingress()], False),
    "no rule at all": ([policy(ingress=[])], True),
    "its own namespace by default": ([ingress(fromEndpoints=[{}])], False),
    "a namespace by its name": ([ingress(fromEndpoints=[OF_FRONT])], True),
    "a namespace by its label": ([ingress(fromEndpoints=[OF_SALES])], True),
    "a label with its source": (
        [ingress(fromEndpoints=[{"matchLabels": {"any:app": "web", **OF_FRONT["matchLabels"]}}])],
        True,
    ),
    "its service account": ([ingress(fromEndpoints=[account("default")])], True),
    "another service account": ([ingress(fromEndpoints=[account("other")])], False),
    "its service account and another name": (
        [ingress(fromEndpoints=[account("default", app="other")])],
        False,
    ),
    "any service account": (
        [
            ingress(
                fromEndpoints=[
                    {"matchExpressions": [{"key": ACCOUNT, "operator": "Exists"}], **OF_FRONT}
                ]
            )
        ],
        None,
    ),
    "a cluster of several": (
        [ingress(fromEndpoints=[{"matchLabels": {CLUSTER: "one", **OF_FRONT["matchLabels"]}}])],
        None,
    ),
    "for a service account": (
        [policy(endpointSelector={"matchLabels": {ACCOUNT: "web"}}, ingress=[{}])],
        None,
    ),
    "no endpoint": ([ingress(fromEndpoints=[])], False),
    "everyone to a port": ([ingress(toPorts=TO_8080)], True),
    "everyone to another port": ([ingress(toPorts=[{"ports": [{"port": "80"}]}])], False),
    "a range of other ports": (
        [ingress(toPorts=[{"ports": [{"port": "8000", "endPort": 8079}]}])],
        False,
    ),
    "a name that the pod has not": ([ingress(toPorts=[{"ports": [{"port": "http"}]}])], False),
    "another protocol": (
        [ingress(toPorts=[{"ports": [{"port": "8080", "protocol": "UDP"}]}])],
        False,
    ),
    "every port": ([ingress(toPorts=[{"ports": [{"port": "0", "protocol": "TCP"}]}])], True),
    "a range of ports": (
        [ingress(toPorts=[{"ports": [{"port": "8000", "endPort": 8100}]}])],
        True,
    ),
    "all": ([ingress(fromEntities=["all"])], True),
    "the cluster": ([ingress(fromEntities=["cluster"])], True),
    "the world": ([ingress(fromEntities=["world"])], False),
    "a range never means a pod": ([ingress(fromCIDR=["10.0.0.0/8"])], False),
    "a set of ranges never means a pod": ([ingress(fromCIDRSet=[{"cidr": "10.0.0.0/8"}])], False),
    "nor does one of the other direction": (
        [policy(namespace="front", egress=[{"toCIDRSet": [{"cidr": "10.0.0.0/8"}]}])],
        False,
    ),
    "deny comes first": (
        [ingress(fromEntities=["all"]), policy(ingressDeny=[{"toPorts": TO_8080}])],
        False,
    ),
    "deny of another port isolates": (
        [policy(ingressDeny=[{"fromEntities": ["all"], "toPorts": [{"ports": [{"port": "1"}]}]}])],
        False,
    ),
    "deny that does not isolate": (
        [
            policy(
                ingressDeny=[{"fromEntities": ["all"], "toPorts": [{"ports": [{"port": "1"}]}]}],
                enableDefaultDeny={"ingress": False},
            )
        ],
        True,
    ),
    "clusterwide": (
        [
            policy(
                "CiliumClusterwideNetworkPolicy",
                "",
                endpointSelector={"matchLabels": {"app": "checkout"}},
                ingress=[{"fromEndpoints": [{"matchLabels": {"app": "web"}}]}],
            )
        ],
        True,
    ),
    "about nodes": (
        [policy("CiliumClusterwideNetworkPolicy", "", endpointSelector=None, ingress=[{}])],
        True,
    ),
    "egress of the client": ([policy(namespace="front", egress=[{}])], False),
    "egress to the pods": (
        [
            policy(
                namespace="front",
                egress=[
                    {"toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "shop"}}]}
                ],
            )
        ],
        True,
    ),
    "HTTP": (
        [ingress(toPorts=[{**TO_8080[0], "rules": {"http": [{"method": "GET"}]}}])],
        None,
    ),
    "DNS names": ([policy(namespace="front", egress=[{"toFQDNs": [{"matchName": "x.y"}]}])], None),
}


@pytest.mark.parametrize("case", CASES)
def test_a_client_in_another_namespace(case: str) -> None:
    guards, allowed = CASES[case]
    found = ask(*guards)
    assert (found.allowed, bool(found.why)) == (allowed, allowed is None)


def test_rules_of_a_network_policy_add_up_and_a_deny_comes_before_them() -> None:
    allow = msgspec.convert(
        {
            "metadata": {"name": "allow", "namespace": "shop"},
            "spec": {"podSelector": {}, "ingress": [{}]},
        },
        NetworkPolicy,
    )
    assert ask(ingress(), network=(allow,)).allowed
    assert ask(policy(ingressDeny=[{"toPorts": TO_8080}]), network=(allow,)).allowed is False
    only = msgspec.structs.replace(allow, spec=msgspec.structs.replace(allow.spec, ingress=()))
    assert ask(ingress(fromEntities=["cluster"]), network=(only,)).allowed


OUTSIDE = Peer(address="192.0.2.7")
HERE, THERE = "192.0.2.0/24", "198.51.100.0/24"


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        ({"fromCIDR": [HERE]}, True),
        ({"fromCIDR": [THERE]}, False),
        ({"fromCIDR": [THERE, HERE]}, True),
        ({"fromCIDRSet": [{"cidr": HERE}]}, True),
        ({"fromCIDRSet": [{"cidr": HERE, "except": ["192.0.2.7/32"]}]}, False),
        ({"fromCIDRSet": [{"cidr": HERE, "except": [THERE]}]}, True),
        ({"fromCIDRSet": [{"cidrGroupRef": "office"}]}, None),
        ({"fromEndpoints": [{}]}, False),
        ({"fromEntities": ["all"]}, True),
        ({"fromEntities": ["world"]}, None),
        ({"fromEntities": ["cluster"]}, None),
        ({"toCIDR": [HERE]}, False),
    ],
)
def test_a_client_outside_of_the_cluster(rule: dict[str, Any], allowed: bool | None) -> None:
    assert ask(ingress(**rule), client=OUTSIDE).allowed is allowed


@pytest.mark.parametrize(
    ("rule", "allowed"),
    [
        ({"toCIDR": ["10.0.0.0/8"]}, True),
        ({"toCIDR": [THERE]}, False),
        ({"toCIDRSet": [{"cidr": "10.0.0.0/8"}]}, True),
        ({"toCIDRSet": [{"cidr": THERE}]}, False),
        ({"fromCIDR": ["10.0.0.0/8"]}, False),
        ({"toEntities": ["all"]}, True),
        ({"toEndpoints": [{}]}, False),
    ],
)
def test_a_pod_on_the_network_of_its_node_is_met_by_its_address(
    rule: dict[str, Any], allowed: bool
) -> None:
    node = pod("proxy", "shop", hostNetwork=True)
    assert ask(policy(namespace="front", egress=[rule]), server=node).allowed is allowed


def test_several_specifications_in_one_policy() -> None:
    specs = [
        {"endpointSelector": {}, "ingress": [{}]},
        {"endpointSelector": {}, "ingress": [{"fromEndpoints": [OF_FRONT]}]},
    ]
    assert ask(document("CiliumNetworkPolicy", specs, "shop", field="specs")).allowed


def test_whether_any_client_at_all_is_admitted() -> None:
    assert ask(ingress(), client=ANYONE).ingress.allowed is False
    assert ask(ingress(fromEndpoints=[{}]), client=ANYONE).ingress.allowed is None
    assert ask(ingress(fromEntities=["all"]), client=ANYONE).ingress.allowed
    assert ask(ingress(fromEntities=["cluster"]), client=ANYONE).ingress.allowed is None
    assert ask(ingress(fromEntities=["cluster"]), client=ANY_POD).ingress.allowed
    assert ask(ingress(fromEntities=["world"]), client=ANY_POD).ingress.allowed is False
    assert ask(ingress(fromCIDR=["0.0.0.0/0"]), client=ANY_POD).ingress.allowed is False
    assert ask(ingress(fromEndpoints=[{}], toPorts=TO_8080), client=ANYONE, port=1).allowed is False


def test_a_client_on_the_network_of_its_node_is_no_endpoint() -> None:
    agent = Peer(pod("agent", "front", hostNetwork=True), LABELS)
    assert ask(ingress(fromEndpoints=[OF_FRONT]), client=agent).allowed is False
    assert ask(ingress(fromEntities=["cluster"]), client=agent).allowed
    assert ask(ingress(fromEntities=["host"]), client=agent).allowed is None
