"""AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy.

By the API reference of the Network Policy API (network-policy-api.sigs.k8s.io,
policy.networking.k8s.io/v1alpha1 and v1alpha2): they are objects of the cluster, and their subject
are pods by labels of namespaces and pods, without pods on the network of their node. Policies of
the admin tier are asked by their priority, the lowest first; of a policy the first rule that
matches decides; *Pass* leaves it to the NetworkPolicies. Policies of the baseline tier decide where
no NetworkPolicy selects the pod. ``networks`` mean pods as well. Nodes and names of DNS are not
compared.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.guards import (
    EITHER,
    Action,
    Direction,
    Guard,
    GuardPart,
    GuardPeer,
    GuardRule,
    GuardSelector,
    Tier,
)
from kubectl_portcheck.model.objects import LabelSelector, ObjectMeta
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import IPBlock, NetworkPolicyPort
from kubectl_portcheck.semantics.forms import Form


class NamespacedPod(Record, frozen=True):
    """Pods by the labels of their namespaces and their own."""

    namespace_selector: LabelSelector = LabelSelector()
    pod_selector: LabelSelector = LabelSelector()


class AdminPeer(Record, frozen=True):
    """One source or destination, or a subject: one of the fields is set."""

    namespaces: LabelSelector | None = None
    pods: NamespacedPod | None = None
    nodes: LabelSelector | None = None
    networks: tuple[str, ...] | None = None
    domain_names: tuple[str, ...] | None = None


class PortNumber(Record, frozen=True):
    """A port by its number."""

    protocol: str = "TCP"
    port: WholeNumber = 0


class PortRange(Record, frozen=True):
    """Ports from one number to another."""

    protocol: str = "TCP"
    start: WholeNumber = 0
    end: WholeNumber = 0


class AdminPort(Record, frozen=True):
    """A port of v1alpha1."""

    port_number: PortNumber | None = None
    named_port: str | None = None
    port_range: PortRange | None = None


class DestinationPort(Record, frozen=True):
    """A port of v1alpha2."""

    number: WholeNumber = 0
    range: PortRange | None = None


class Destination(Record, frozen=True):
    """What is asked of one protocol."""

    destination_port: DestinationPort | None = None


class AdminProtocol(Record, frozen=True):
    """A protocol of v1alpha2, with its ports."""

    tcp: Destination | None = None
    udp: Destination | None = None
    sctp: Destination | None = None
    destination_named_port: str = ""


class AdminRule(Record, frozen=True):
    """One rule; of ``from`` and ``to`` only that of its direction is there."""

    action: str = ""
    from_: tuple[AdminPeer, ...] = msgspec.field(name="from", default=())
    to: tuple[AdminPeer, ...] = ()
    ports: tuple[AdminPort, ...] | None = None
    protocols: tuple[AdminProtocol, ...] | None = None


class AdminSpec(Record, frozen=True):
    """What a policy of one of the three kinds says."""

    tier: str = ""
    priority: WholeNumber = 0
    subject: AdminPeer = AdminPeer()
    ingress: tuple[AdminRule, ...] = ()
    egress: tuple[AdminRule, ...] = ()


class AdminPolicy(Record, frozen=True):
    """One of the three kinds."""

    metadata: ObjectMeta
    spec: AdminSpec = AdminSpec()


def read_admin(policy: AdminPolicy) -> Guard:
    """An AdminNetworkPolicy in the common form."""
    return _read("AdminNetworkPolicy", policy, "admin")


def read_baseline(policy: AdminPolicy) -> Guard:
    """A BaselineAdminNetworkPolicy in the common form."""
    return _read("BaselineAdminNetworkPolicy", policy, "baseline")


def read_cluster(policy: AdminPolicy) -> Guard:
    """A ClusterNetworkPolicy in the common form."""
    tier = _TIERS.get(policy.spec.tier, "unknown")
    return _read("ClusterNetworkPolicy", policy, tier)


_TIERS: dict[str, Tier] = {"Admin": "admin", "Baseline": "baseline"}
_ACTIONS: dict[str, Action] = {"Allow": "Allow", "Accept": "Allow", "Deny": "Deny", "Pass": "Pass"}


def _read(kind: str, policy: AdminPolicy, tier: Tier) -> Guard:
    spec = policy.spec
    subject = _selector(spec.subject)
    both = (
        *(made for r in spec.ingress for made in _rules(r, "Ingress")),
        *(made for r in spec.egress for made in _rules(r, "Egress")),
    )
    # Unlike NetworkPolicies it isolates nothing: what no rule matches, it leaves to the next tier.
    part = GuardPart(
        selects=(subject or GuardSelector(namespaces=LabelSelector()),),
        beyond="" if subject else "a subject of an unknown kind",
        rules=both,
    )
    return Guard(
        metadata=policy.metadata,
        kind=kind,
        tier=tier,
        order=float(spec.priority),
        parts=(part,),
    )


def _selector(peer: AdminPeer) -> GuardSelector | None:
    if peer.namespaces is not None:
        return GuardSelector(namespaces=peer.namespaces)
    if peer.pods is not None:
        found = peer.pods
        return GuardSelector(pods=found.pod_selector, namespaces=found.namespace_selector)
    return None


def _rules(rule: AdminRule, direction: Direction) -> Iterator[GuardRule]:
    """The rule; one for each action where its own is not known."""
    ends = rule.from_ if direction == "Ingress" else rule.to
    action = _ACTIONS.get(rule.action)
    beyond = [*dict.fromkeys(b for e in ends if (b := _beyond(e)))]
    if action is None:
        beyond.append("an unknown action")
    ports = (*_numbered(rule.ports or ()), *_of_protocols(rule.protocols or ()))
    if (rule.ports or rule.protocols) and not ports:
        beyond.append("ports of an unknown kind")
    known = [p for e in ends if (p := _peer(e)) is not None]
    for does in (action,) if action else EITHER:
        yield GuardRule(
            direction=direction,
            action=does,
            # What is not compared may be any end.
            peers=None if beyond else tuple(known),
            ports=ports,
            beyond=", ".join(beyond),
        )


def _beyond(peer: AdminPeer) -> str:
    if peer.nodes is not None:
        return "nodes"
    if peer.domain_names is not None:
        return "domainNames"
    return "" if _peer(peer) else "a peer of an unknown kind"


def _peer(peer: AdminPeer) -> GuardPeer | None:
    selector = _selector(peer)
    if selector is not None:
        return GuardPeer(selectors=(selector,))
    if peer.networks is not None:
        return GuardPeer(blocks=tuple(IPBlock(cidr=c) for c in peer.networks))
    return None


_PROTOCOLS: tuple[Protocol, ...] = ("TCP", "UDP", "SCTP")


def _numbered(ports: Iterable[AdminPort]) -> Iterator[NetworkPolicyPort]:
    for port in ports:
        if port.port_number is not None:
            yield from _port(port.port_number.protocol, port.port_number.port)
        if port.port_range is not None:
            yield from _port(port.port_range.protocol, port.port_range.start, port.port_range.end)
        if port.named_port:
            yield from _named(port.named_port)


def _named(name: str) -> Iterator[NetworkPolicyPort]:
    for protocol in _PROTOCOLS:
        yield NetworkPolicyPort(protocol=protocol, port=name)


def _port(protocol: str, first: int, last: int | None = None) -> Iterator[NetworkPolicyPort]:
    for known in _PROTOCOLS:
        if known == protocol:
            yield NetworkPolicyPort(protocol=known, port=first or None, end_port=last)


def _of_protocols(protocols: Iterable[AdminProtocol]) -> Iterator[NetworkPolicyPort]:
    for one in protocols:
        asked: tuple[Any, ...] = (one.tcp, one.udp, one.sctp)
        for protocol, wanted in zip(_PROTOCOLS, asked, strict=True):
            if wanted is None:
                continue
            port = wanted.destination_port or DestinationPort()
            if port.range is not None:
                yield from _port(protocol, port.range.start, port.range.end)
            else:
                yield from _port(protocol, port.number)
        if one.destination_named_port:
            yield from _named(one.destination_named_port)


FORMS = {
    kinds.ADMIN_POLICY: Form(AdminPolicy, read_admin),
    kinds.BASELINE_POLICY: Form(AdminPolicy, read_baseline),
    kinds.CLUSTER_POLICY: Form(AdminPolicy, read_cluster),
}
