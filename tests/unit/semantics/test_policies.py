"""NetworkPolicies: the evaluation against a slow and obvious one, and its words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.semantics.policies import EVERYONE, admission

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
