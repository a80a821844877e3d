"""Whether policies let a client connect to a port of a pod: one answer for all who ask.

:func:`admits` is pure and is the only place that combines both sides of a connection: the policies
of the pod (ingress) and those of the client (egress). Both have to allow it.

By the API reference (networking.k8s.io/v1) and the concept page of NetworkPolicies: a pod is
isolated in a direction once a policy with that type selects it, and then has what any one rule of
any of these policies allows. The node of a pod always reaches it, and a pod always reaches itself.
What a selector means for a pod on its node's network is not defined. Replies to a connection are
always allowed. A pod's policies see the pod's own port, after the translation by the Service, and
the client pod's own address; a client outside of the cluster may appear under the address of a
node.

The answer is ``True`` or ``False`` only where it is certain. It is ``None``, with the reason, where
something was not read (the labels of a namespace, the policies of a namespace) or is not defined.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from kubectl_portcheck.model.objects import LabelSelector, Pod
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import (
    IPBlock,
    NetworkPolicy,
    NetworkPolicyPeer,
    NetworkPolicyPort,
)
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.listening import addresses_of, family_of
from kubectl_portcheck.semantics.selectors import holds

Direction = Literal["Ingress", "Egress"]
Fact = bool | None
"""None where it is not known."""

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that every namespace has, with its name. (KEP-2161, stable since 1.22)"""


class Peer(NamedTuple):
    """One end of a connection: a pod, or an address that is no pod's."""

    pod: Pod | None = None
    namespace_labels: Mapping[str, str] | None = None
    """The labels of the pod's namespace; None where they were not read."""
    address: str = ""
    """Where it is no pod: its address as the other end sees it; '' where that is not known."""
    node: str = ""
    """Where it is no pod: the node on which it runs, if it does."""

    @property
    def namespace(self) -> str:
        """The pod's namespace; '' where it is no pod."""
        return (self.pod.metadata.namespace or "default") if self.pod else ""

    @property
    def on_node(self) -> str:
        """The node whose network it uses; '' for a pod with a network of its own."""
        if self.pod is None:
            return self.node
        return self.pod.spec.node_name if self.pod.spec.host_network else ""

    def addresses(self, family: str) -> tuple[str, ...]:
        """Its addresses of the family."""
        if self.pod is not None:
            return addresses_of(self.pod, (family,) if family else ())
        return (self.address,) if self.address and family in ("", family_of(self.address)) else ()


class Policies(NamedTuple):
    """The policies of a cluster, as far as they were read."""

    network: Sequence[NetworkPolicy] = ()
    unread: Mapping[str, str] = {}
    """By namespace: why its NetworkPolicies are not among them."""


class Side(NamedTuple):
    """What the policies of one end say."""

    allowed: Fact
    guards: tuple[NetworkPolicy, ...] = ()
    """The policies that isolate it in this direction; none where everything is allowed."""
    by: tuple[NetworkPolicy, ...] = ()
    """Those of them that allow the connection."""
    why: str = ""
    """What is missing, where it is not known."""


class Admitted(NamedTuple):
    """Whether a connection is allowed, and which policies decide."""

    ingress: Side
    """Of the pod that is connected to."""
    egress: Side
    """Of the client."""
    exempt: str = ""
    """Why no policy applies, where one would otherwise."""

    @property
    def allowed(self) -> Fact:
        """Whether both sides allow it."""
        return _all((self.ingress.allowed, self.egress.allowed))

    @property
    def why(self) -> str:
        """What is missing, where it is not known."""
        return self.ingress.why or self.egress.why

    @property
    def guards(self) -> tuple[NetworkPolicy, ...]:
        """The policies that deny it."""
        sides = (self.ingress, self.egress)
        return tuple(p for side in sides if side.allowed is False for p in side.guards)


FREE = Side(allowed=True)


def admits(
    client: Peer, server: Peer, port: int, protocol: Protocol, policies: Policies, family: str = ""
) -> Admitted:
    """Whether the client may connect to this port of the pod.

    ``port`` is the pod's port, not the Service's. ``family`` is ``IPv4`` or ``IPv6``, the family of
    the connection, which decides the addresses that an ipBlock is compared with; '' compares all.
    """
    if why := _exempt(client, server):
        return Admitted(FREE, FREE, why)
    return Admitted(
        _side("Ingress", server, client, policies, _Asked(server, port, protocol, family)),
        _side("Egress", client, server, policies, _Asked(server, port, protocol, family)),
    )


def _exempt(client: Peer, server: Peer) -> str:
    one, other = client.pod, server.pod
    if one is not None and other is not None:
        names = (one.metadata.namespace, one.metadata.name)
        if names == (other.metadata.namespace, other.metadata.name):
            return "a pod always reaches itself"
    homes = [p.spec.node_name if p else peer.node for p, peer in ((one, client), (other, server))]
    if homes[0] and homes[0] == homes[1] and (client.on_node or server.on_node):
        return "policies do not apply between a pod and its own node"
    return ""


class _Asked(NamedTuple):
    """The connection in question."""

    server: Peer
    port: int
    protocol: Protocol
    family: str


def _side(direction: Direction, own: Peer, other: Peer, policies: Policies, asked: _Asked) -> Side:
    """What the policies of this end say about the other end."""
    if own.pod is None or own.pod.spec.host_network:
        return FREE
    if unread := policies.unread.get(own.namespace):
        return Side(None, why=unread)
    guards = isolating(policies.network, own.pod, direction)
    if not guards:
        return FREE
    answers = [(p, _allows(p, direction, other, asked)) for p in guards]
    by = tuple(p for p, allowed in answers if allowed)
    allowed = _any(answer for _, answer in answers)
    why = _unknown(other, direction) if allowed is None else ""
    return Side(allowed, guards, by, why)


def _unknown(other: Peer, direction: Direction) -> str:
    if other.pod is not None and other.pod.spec.host_network:
        return "what a selector means for a pod with hostNetwork is not defined"
    if other.pod is not None and other.namespace_labels is None:
        return f"the labels of namespace {other.namespace} were not read"
    if direction == "Egress":
        return "what a port name means in an egress rule without pod selectors is not defined"
    return "the client's address is not known"


def isolating(
    policies: Iterable[NetworkPolicy], pod: Pod, direction: Direction = "Ingress"
) -> tuple[NetworkPolicy, ...]:
    """The policies of the pod's namespace that isolate the pod in this direction.

    A policy that names no type has Ingress, and Egress too where it has egress rules. (API
    reference, ``policyTypes``)
    """
    if pod.spec.host_network:
        return ()
    namespace = pod.metadata.namespace or "default"
    return tuple(
        p
        for p in policies
        if direction in types_of(p)
        and (p.metadata.namespace or "default") == namespace
        and holds(p.spec.pod_selector, pod.metadata.labels)
    )


def types_of(policy: NetworkPolicy) -> tuple[str, ...]:
    """The directions that the policy is about."""
    if policy.spec.policy_types:
        return policy.spec.policy_types
    return ("Ingress", "Egress") if policy.spec.egress else ("Ingress",)


def _allows(policy: NetworkPolicy, direction: Direction, other: Peer, asked: _Asked) -> Fact:
    """Whether one of the policy's rules allows the connection."""
    home = policy.metadata.namespace or "default"
    if direction == "Ingress":
        return _any(
            _all((_from(rule.from_, home, other, asked.family), _ports(rule.ports, asked)))
            for rule in policy.spec.ingress
        )
    return _any(
        _all(
            (
                _from(rule.to, home, other, asked.family),
                _ports(rule.ports, asked, names=_names_count(rule.to, home, other)),
            )
        )
        for rule in policy.spec.egress
    )


def _names_count(to: Sequence[NetworkPolicyPeer], home: str, server: Peer) -> bool:
    """Whether the port names of an egress rule are those of the pod that is connected to.

    Names are certain where the rule selects pods. Without ``to``, one engine looks only at the pods
    of the policy's namespace; with an ipBlock it ignores names. (Seen with kube-router 2.1.0)
    """
    if not to:
        return server.namespace == home
    return all(peer.ip_block is None for peer in to)


def _from(peers: Sequence[NetworkPolicyPeer], home: str, other: Peer, family: str) -> Fact:
    """Whether one of the peers is this end; no peers stand for every one."""
    return not peers or _any(_is(peer, home, other, family) for peer in peers)


def _is(peer: NetworkPolicyPeer, home: str, other: Peer, family: str) -> Fact:
    if peer.ip_block is not None:
        addresses = other.addresses(family)
        return _any(in_block(peer.ip_block, a) for a in addresses) if addresses else None
    if other.pod is None:
        return False
    found = _all((_in_namespace(peer, home, other), holds(_pods(peer), other.pod.metadata.labels)))
    if other.pod.spec.host_network:
        return None if found is not False else False
    return found


def _pods(peer: NetworkPolicyPeer) -> LabelSelector:
    return peer.pod_selector or LabelSelector()


def _in_namespace(peer: NetworkPolicyPeer, home: str, other: Peer) -> Fact:
    if peer.namespace_selector is None:
        return other.namespace == home
    name = {NAMESPACE_NAME: other.namespace}
    labels = other.namespace_labels
    if labels is None:
        return holds(peer.namespace_selector, name, whole=False)
    return holds(peer.namespace_selector, {**name, **labels})


def _ports(entries: Sequence[NetworkPolicyPort], asked: _Asked, *, names: bool = True) -> Fact:
    """Whether one of the entries covers the port; no entries stand for every port.

    ``names`` says whether it is known what a port's name means.
    """
    return not entries or _any(
        None
        if isinstance(entry.port, str) and entry.protocol == asked.protocol and not names
        else covers(entry, asked.server.pod, asked.port, asked.protocol)
        for entry in entries
    )


def covers(entry: NetworkPolicyPort, pod: Pod | None, number: int, protocol: Protocol) -> bool:
    """Whether the entry means this port of the pod. A name must match with its protocol."""
    if entry.protocol != protocol:
        return False
    if entry.port is None:
        return True
    if isinstance(entry.port, str):
        return pod is not None and any(
            (p.name, p.protocol, p.container_port) == (entry.port, protocol, number)
            for _, p in ports.declared_ports(pod)
        )
    return entry.port <= number <= (entry.end_port or entry.port)


def in_block(block: IPBlock, address: str) -> Fact:
    """Whether the address is in the range and in none of its exceptions."""
    inside = _within(block.cidr, address)
    if not inside:
        return inside
    return _not(_any(_within(part, address) for part in block.except_))


@lru_cache(maxsize=4096)
def _within(cidr: str, address: str) -> Fact:
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(address) in ip_network(cidr, strict=False)
    except ValueError:
        return None


def _any(answers: Iterable[Fact]) -> Fact:
    """Or, where an unknown may be either."""
    found: Fact = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            found = None
    return found


def _all(answers: Iterable[Fact]) -> Fact:
    """And, where an unknown may be either."""
    return _not(_any(_not(a) for a in answers))


def _not(answer: Fact) -> Fact:
    return None if answer is None else not answer
