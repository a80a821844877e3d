"""Which clients the NetworkPolicies of a namespace admit to a port of a pod.

The rules, by the API reference (networking.k8s.io/v1): a pod is isolated for ingress once a policy
with the type Ingress selects it; then it takes what any one rule of any of these policies admits,
and nothing else. No ``from`` is every source, no ``ports`` every port. Ports are those of the pod,
after the translation by the Service: a number, a range, or the name of a container port. A pod on
the network of its node is outside of what the API defines, and the node of a pod always gets in.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from kubectl_portcheck.json_text import json_of
from kubectl_portcheck.model.objects import LabelSelector, Pod
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import (
    NetworkPolicy,
    NetworkPolicyIngressRule,
    NetworkPolicyPeer,
    NetworkPolicyPort,
)
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics.admission import isolating
from kubectl_portcheck.semantics.peers import NAMESPACE_NAME, Direction, covers

EVERYONE = "every source"
FENCES = (1, 2, 4, 6)
"""Ports that hardly any program listens on."""


class Admission(msgspec.Struct, frozen=True):
    """Who may reach a port of a pod."""

    policies: tuple[NetworkPolicy, ...]
    """Those that isolate the pod; where there is none, everyone may."""
    sources: tuple[str, ...]
    """The clients that they admit, in words, each once: only ``every source``, or those named."""

    @property
    def everyone(self) -> bool:
        """Whether no client is kept away."""
        return not self.policies or EVERYONE in self.sources

    @property
    def admits_none(self) -> bool:
        """Whether no source at all is admitted, but for the pod's own node."""
        return bool(self.policies) and not self.sources


class PortEntry(msgspec.Struct, frozen=True):
    """One port in a rule of a policy."""

    policy: NetworkPolicy
    rule: int
    entry: int
    port: NetworkPolicyPort
    sources: tuple[str, ...]
    """The clients that the rule admits, in words."""

    @property
    def pointer(self) -> str:
        """The JSON pointer of the port's entry, for a patch."""
        return f"/spec/ingress/{self.rule}/ports/{self.entry}"


def admission(
    policies: Iterable[NetworkPolicy], pod: Pod, number: int, protocol: Protocol
) -> Admission:
    """Who is admitted to this port of the pod."""
    guards = isolating(policies, pod)
    words = [
        source
        for policy in guards
        for rule in policy.spec.ingress
        if not rule.ports or any(covers(p, pod, number, protocol) for p in rule.ports)
        for source in sources_of(rule)
    ]
    sources = (EVERYONE,) if EVERYONE in words else tuple(dict.fromkeys(words))
    return Admission(guards, sources)


def port_entries(policies: Iterable[NetworkPolicy]) -> Iterator[PortEntry]:
    """Every port that the rules name, in their order."""
    for policy in policies:
        for i, rule in enumerate(policy.spec.ingress):
            for j, port in enumerate(rule.ports):
                if port.port is not None:
                    yield PortEntry(policy, i, j, port, sources_of(rule))


def sources_of(rule: NetworkPolicyIngressRule) -> tuple[str, ...]:
    """The clients that a rule admits, in words."""
    return tuple(map(_in_words, rule.from_)) or (EVERYONE,)


def _in_words(peer: NetworkPolicyPeer) -> str:
    if peer.ip_block is not None:
        less = f" except {', '.join(peer.ip_block.except_)}" if peer.ip_block.except_ else ""
        return f"{peer.ip_block.cidr}{less}"
    if peer.namespace_selector is None:
        return f"{_selected('pod', peer.pod_selector)} in this namespace"
    spaces = _selected("namespace", peer.namespace_selector)
    if peer.pod_selector is None:
        return spaces
    return f"{_selected('pod', peer.pod_selector)} in {spaces}"


def _selected(noun: str, selector: LabelSelector | None) -> str:
    """``pods with app=frontend``; here an empty selector means all of them."""
    terms = [f"{k}={v}" for k, v in sorted((selector or LabelSelector()).match_labels.items())]
    for term in selector.match_expressions if selector else ():
        values = f" ({', '.join(term.values)})" if term.values else ""
        terms.append(f"{term.key} {term.operator}{values}")
    return f"{noun}s with {', '.join(terms)}" if terms else f"all {noun}s"


def fence_for(policies: Sequence[NetworkPolicy], pod: Pod, listening: Container[int]) -> int | None:
    """A TCP port that is closed, and to which no client is admitted."""
    closed = (n for n in FENCES if n not in listening)
    return next((n for n in closed if admission(policies, pod, n, "TCP").admits_none), None)


def closed_port(
    policies: Sequence[NetworkPolicy], pod: Pod, listening: Container[int]
) -> int | None:
    """A TCP port of the pod that refuses every connection, whatever the policies are.

    Where policies guard the pod, it is one to which they admit no client: a refusal from there
    shows that they are not enforced against the client, and no answer that they may be.
    """
    if admission(policies, pod, FENCES[0], "TCP").policies:
        return fence_for(policies, pod, listening)
    return next((n for n in FENCES if n not in listening), None)


def spelt(entry: NetworkPolicyPort) -> str:
    """``8080``, ``8000-8999``, ``http``, with the protocol where it is not TCP."""
    last = f"-{entry.end_port}" if entry.end_port else ""
    also = "" if entry.protocol == "TCP" else f"/{entry.protocol}"
    return f"{entry.port}{last}{also}"


def names(policies: Sequence[NetworkPolicy]) -> tuple[str, ...]:
    """The names of the policies."""
    return tuple(p.metadata.name for p in policies)


def allowances(policy: NetworkPolicy, direction: Direction) -> list[str]:
    """What each rule of the policy allows: ``8080 from pods with app=web in this namespace``."""
    inward = direction == "Ingress"
    rules = (
        [(r.from_, r.ports) for r in policy.spec.ingress]
        if inward
        else [(r.to, r.ports) for r in policy.spec.egress]
    )
    found = []
    for peers, entries in rules:
        what = ", ".join(spelt(e) for e in entries if e.port is not None) or "every port"
        if inward:
            found.append(f"{what} from {', '.join(map(_in_words, peers)) or EVERYONE}")
        else:
            found.append(f"{what} to {', '.join(map(_in_words, peers)) or 'every destination'}")
    return found


PASSING = regex(
    r"pod-template-hash|controller-revision-hash|pod-template-generation"
    r"|(statefulset|apps|batch)\.kubernetes\.io/.*|controller-uid|job-name"
)
"""Labels that a controller puts on single pods, or on the pods of one rollout."""


def lasting_labels(pod: Pod) -> dict[str, str]:
    """The labels by which a policy can mean the pods that are like this one."""
    return {k: v for k, v in sorted(pod.metadata.labels.items()) if not PASSING.fullmatch(k)}


class Port(msgspec.Struct, frozen=True):
    """A port of a pod."""

    number: int
    protocol: Protocol


def as_peer(namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    """These pods of this namespace, as a policy writes it."""
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: namespace}},
        "podSelector": {"matchLabels": labels} if labels else {},
    }


def allowing(
    direction: Direction,
    name: str,
    namespace: str,
    *,
    own: dict[str, str],
    other: dict[str, Any],
    port: Port,
) -> str:
    """A NetworkPolicy, as YAML, that allows one port in one direction."""
    key, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    selector = f"\n    matchLabels: {_flow(own)}" if own else " {}"
    return (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata:\n  name: {name}\n  namespace: {namespace}\n"
        f"spec:\n  podSelector:{selector}\n  policyTypes: [{direction}]\n"
        f"  {key}:\n  - {peers}:\n"
        f"    - namespaceSelector: {_flow(other['namespaceSelector'])}\n"
        f"      podSelector: {_flow(other['podSelector'])}\n"
        f"    ports:\n    - protocol: {port.protocol}\n      port: {port.number}\n"
    )


def _flow(value: Any) -> str:
    """A value on one line, which YAML and JSON read alike."""
    return json_of(value)
