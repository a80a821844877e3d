"""NetworkPolicies: the evaluation against a slow and obvious one, and its words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.semantics.policies import (
    EVERYONE,
    FENCES,
    Port,
    admission,
    allowances,
    allowing,
    as_peer,
    closed_port,
    fence_for,
    lasting_labels,
    port_entries,
)

PORTS = range(1, 9)
PROTOCOLS = ("TCP", "UDP")


def pod_of(**spec: Any) -> Pod:
    return msgspec.convert({"metadata": {"name": "p", "labels": {"app": "api"}}, "spec": spec}, Pod)


def policy_of(spec: dict[str, Any]) -> NetworkPolicy:
    return msgspec.convert({"metadata": {"name": "n"}, "spec": spec}, NetworkPolicy)


CONTAINER_PORTS = st.lists(
    st.fixed_dictionaries(
        {
            "containerPort": st.sampled_from(PORTS),
            "name": st.sampled_from(["web", "dns"]),
            "protocol": st.sampled_from(PROTOCOLS),
        }
    ),
    max_size=3,
)
ENTRIES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"protocol": st.sampled_from(PROTOCOLS)}),
    st.fixed_dictionaries(
        {"port": st.sampled_from(PORTS)},
        optional={"protocol": st.sampled_from(PROTOCOLS), "endPort": st.sampled_from(PORTS)},
    ),
    st.fixed_dictionaries(
        {"port": st.sampled_from(["web", "dns", "none"])},
        optional={"protocol": st.sampled_from(PROTOCOLS)},
    ),
)
PEERS = st.sampled_from(
    [
        {"podSelector": {"matchLabels": {"app": "a"}}},
        {"namespaceSelector": {}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
    ]
)
RULES = st.fixed_dictionaries(
    {}, optional={"from": st.lists(PEERS, max_size=2), "ports": st.lists(ENTRIES, max_size=3)}
)
SELECTORS = st.sampled_from(
    [
        {},
        {"matchLabels": {"app": "api"}},
        {"matchLabels": {"app": "other"}},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["api"]}]},
        {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
    ]
)
SELECTING: tuple[dict[str, Any], ...] = (
    {},
    {"matchLabels": {"app": "api"}},
    {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
)
POLICIES = st.lists(
    st.fixed_dictionaries(
        {"podSelector": SELECTORS},
        optional={
            "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), unique=True),
            "ingress": st.lists(RULES, max_size=3),
        },
    ),
    max_size=3,
)
WORDS = {
    "podSelector": "pods with app=a in this namespace",
    "namespaceSelector": "all namespaces",
    "ipBlock": "10.0.0.0/8 except 10.1.0.0/16",
}


def slow(
    specs: list[dict[str, Any]], pod: dict[str, Any]
) -> dict[tuple[str, int], set[str]] | None:
    """By protocol and port, who gets in, by painting a table; None where nothing is kept out."""
    table: dict[tuple[str, int], set[str]] = {(t, n): set() for t in PROTOCOLS for n in PORTS}
    isolated = False
    for spec in specs:
        types = spec.get("policyTypes") or ["Ingress"]
        if "Ingress" not in types or spec["podSelector"] not in SELECTING:
            continue
        isolated = True
        for rule in spec.get("ingress", []):
            peers = rule.get("from") or []
            who = {WORDS[next(iter(peer))] for peer in peers} or {EVERYONE}
            for entry in rule.get("ports") or [{"any": True}]:
                for protocol, number in table:
                    if "any" not in entry:
                        if entry.get("protocol", "TCP") != protocol:
                            continue
                        port = entry.get("port")
                        if isinstance(port, str):
                            named = [
                                c["containerPort"]
                                for c in pod["containers"][0]["ports"]
                                if c["name"] == port and c["protocol"] == protocol
                            ]
                            if number not in named:
                                continue
                        elif port is not None and number not in range(
                            port, entry.get("endPort", port) + 1
                        ):
                            continue
                    table[protocol, number] |= who
    return table if isolated else None


@given(POLICIES, CONTAINER_PORTS)
def test_as_a_slow_table_has_it(specs: list[dict[str, Any]], declared: list[Any]) -> None:
    spec = {"containers": [{"name": "app", "ports": declared}]}
    table = slow(specs, spec)
    policies = [policy_of(s) for s in specs]
    for protocol in PROTOCOLS:
        for number in PORTS:
            found = admission(policies, pod_of(**spec), number, protocol)  # type: ignore[arg-type]
            if table is None:
                assert found.everyone
                assert not found.admits_none
                continue
            expected = table[protocol, number]
            assert found.admits_none == (not expected)
            assert found.everyone == (EVERYONE in expected)
            assert set(found.sources) == ({EVERYONE} if EVERYONE in expected else expected)


@given(POLICIES)
def test_the_nodes_network_is_undefined(specs: list[dict[str, Any]]) -> None:
    found = admission([policy_of(s) for s in specs], pod_of(hostNetwork=True), 8, "TCP")
    assert found.everyone


def test_a_name_of_a_native_sidecar_counts_and_one_of_an_init_container_does_not() -> None:
    named = [policy_of({"ingress": [{"ports": [{"port": "proxy"}]}]})]
    init = {"name": "i", "ports": [{"containerPort": 15000, "name": "proxy"}]}
    sidecar = pod_of(initContainers=[{**init, "restartPolicy": "Always"}])
    assert admission(named, sidecar, 15000, "TCP").everyone
    assert admission(named, pod_of(initContainers=[init]), 15000, "TCP").admits_none


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        ({"podSelector": {}}, "all pods in this namespace"),
        ({"namespaceSelector": {}}, "all namespaces"),
        (
            {"namespaceSelector": {"matchLabels": {"team": "shop"}}, "podSelector": {}},
            "all pods in namespaces with team=shop",
        ),
        (
            {
                "namespaceSelector": {},
                "podSelector": {
                    "matchLabels": {"app": "web"},
                    "matchExpressions": [
                        {"key": "tier", "operator": "In", "values": ["a", "b"]},
                        {"key": "old", "operator": "DoesNotExist"},
                    ],
                },
            },
            "pods with app=web, tier In (a, b), old DoesNotExist in all namespaces",
        ),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, "10.0.0.0/8"),
        (
            {"ipBlock": {"cidr": "::/0", "except": ["fd00::/8", "fe80::/10"]}},
            "::/0 except fd00::/8, fe80::/10",
        ),
    ],
)
def test_sources_in_words(peer: dict[str, Any], words: str) -> None:
    found = admission([policy_of({"ingress": [{"from": [peer]}]})], pod_of(), 1, "TCP")
    assert found.sources == (words,)
    assert not found.everyone


def closed(*rules: dict[str, Any], **spec: Any) -> NetworkPolicy:
    return policy_of({"podSelector": {}, "ingress": list(rules), **spec})


TO_2: dict[str, Any] = {"ports": [{"port": 2}]}


@pytest.mark.parametrize(
    ("policies", "listening", "fence", "any_"),
    [
        ([], set(), None, 1),
        ([], {1, 2}, None, 4),
        ([], set(FENCES), None, None),
        ([closed()], set(), 1, 1),
        ([closed()], {1}, 2, 2),
        ([closed({"ports": [{"port": 1}]})], set(), 2, 2),
        ([closed({"ports": [{"port": 1, "endPort": 6}]})], set(), None, None),
        ([closed({})], set(), None, None),
        ([closed()], set(FENCES), None, None),
    ],
)
def test_a_port_that_refuses_every_connection(
    policies: list[NetworkPolicy], listening: set[int], fence: int | None, any_: int | None
) -> None:
    assert fence_for(policies, pod_of(), listening) == fence
    assert closed_port(policies, pod_of(), listening) == any_


def test_who_is_kept_away() -> None:
    free, shut = admission([], pod_of(), 80, "TCP"), admission([closed()], pod_of(), 80, "TCP")
    assert (free.everyone, free.admits_none) == (True, False)
    assert (shut.everyone, shut.admits_none) == (False, True)
    some = admission([closed({"from": [{"podSelector": {}}]})], pod_of(), 80, "TCP")
    assert (some.everyone, some.admits_none) == (False, False)
    every = admission([closed({"from": [{"podSelector": {}}]}, {})], pod_of(), 80, "TCP")
    assert every.sources == (EVERYONE,)


TEAM = {"matchLabels": {"team": "a"}}


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, "10.0.0.0/8"),
        ({"podSelector": {}}, "all pods in this namespace"),
        ({}, "all pods in this namespace"),
        ({"podSelector": TEAM}, "pods with team=a in this namespace"),
        ({"namespaceSelector": TEAM}, "namespaces with team=a"),
        ({"namespaceSelector": TEAM, "podSelector": {}}, "all pods in namespaces with team=a"),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
            "pods with a Exists in this namespace",
        ),
        (
            {
                "podSelector": {
                    "matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]
                }
            },
            "pods with a In (b, c) in this namespace",
        ),
    ],
)
def test_what_each_rule_allows_in_words(peer: dict[str, Any], words: str) -> None:
    rule = {"ports": [{"port": 80, "endPort": 90}, {"port": "dns", "protocol": "UDP"}]}
    both = policy_of(
        {"podSelector": {}, "ingress": [{**rule, "from": [peer]}], "egress": [{"to": [peer]}]}
    )
    assert allowances(both, "Ingress") == [f"80-90, dns/UDP from {words}"]
    assert allowances(both, "Egress") == [f"every port to {words}"]


def test_rules_without_ends_or_ports_in_words() -> None:
    anything = policy_of(
        {"podSelector": {}, "ingress": [{}], "egress": [{"ports": [{"protocol": "UDP"}]}]}
    )
    assert allowances(anything, "Ingress") == ["every port from every source"]
    assert allowances(anything, "Egress") == ["every port to every destination"]


def test_every_port_that_rules_name() -> None:
    named = closed({"ports": [{"protocol": "UDP"}, {"port": 80}]}, TO_2)
    found = list(port_entries([named]))
    assert [(e.port.port, e.pointer) for e in found] == [
        (80, "/spec/ingress/0/ports/1"),
        (2, "/spec/ingress/1/ports/0"),
    ]


def test_labels_that_last() -> None:
    labels = {
        "tier": "x",
        "app": "api",
        "pod-template-hash": "1",
        "batch.kubernetes.io/job-name": "j",
    }
    found = msgspec.convert({"metadata": {"name": "p", "labels": labels}}, Pod)
    assert list(lasting_labels(found)) == ["app", "tier"]


@pytest.mark.parametrize("direction", ["Ingress", "Egress"])
@pytest.mark.parametrize("labels", [{}, {"app": "web"}])
def test_a_policy_that_allows_one_port(direction: Any, labels: dict[str, str]) -> None:
    text = allowing(
        direction,
        "allow",
        "shop",
        own=labels,
        other=as_peer("front", labels),
        port=Port(8080, "TCP"),
    )
    read = yaml.safe_load(text)
    side, ends = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    selector = {"matchLabels": labels} if labels else {}
    assert read["spec"] == {
        "podSelector": selector,
        "policyTypes": [direction],
        side: [
            {
                ends: [
                    {
                        "namespaceSelector": {
                            "matchLabels": {"kubernetes.io/metadata.name": "front"}
                        },
                        "podSelector": selector,
                    }
                ],
                "ports": [{"protocol": "TCP", "port": 8080}],
            }
        ],
    }
