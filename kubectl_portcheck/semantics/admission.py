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

Policies of other kinds stand beside them: those of Cilium add up with NetworkPolicies, and what
they deny comes first; those of Calico and of the Network Policy API are asked in tiers. Where
policies of both sorts are there and say different things, it is not known which of them the network
plugin enforces.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.objects import LabelSelector, Pod
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import (
    NetworkPolicy,
    NetworkPolicyPeer,
)
from kubectl_portcheck.semantics.guards import compare, tiers
from kubectl_portcheck.semantics.peers import (
    NAMESPACE_NAME,
    Asked,
    Direction,
    Fact,
    Peer,
    all_of,
    any_of,
    covered,
    in_block,
    negated,
)
from kubectl_portcheck.semantics.selectors import holds

ANYONE = Peer(anyone=True)
ANY_POD = Peer(anyone=True, pods_only=True)
Policy = NetworkPolicy | Guard


class Policies(NamedTuple):
    """The policies of a cluster, as far as they were read."""

    network: Sequence[NetworkPolicy] = ()
    unread: Mapping[str, str] = {}
    """By namespace: why its policies are not among them."""
    guards: Sequence[Guard] = ()
    """Those of other kinds."""


class Side(NamedTuple):
    """What the policies of one end say."""

    allowed: Fact
    guards: tuple[Policy, ...] = ()
    """The policies that isolate it in this direction, or the one that denies the connection; none
    where everything is allowed."""
    by: tuple[Policy, ...] = ()
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
        return all_of((self.ingress.allowed, self.egress.allowed))

    @property
    def why(self) -> str:
        """What is missing, where it is not known."""
        return self.ingress.why or self.egress.why

    @property
    def guards(self) -> tuple[Policy, ...]:
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
        _side("Ingress", server, client, policies, Asked(server, port, protocol, family)),
        _side("Egress", client, server, policies, Asked(server, port, protocol, family)),
    )


def mesh_admits(
    client: Peer, server: Peer, port: int, protocol: Protocol, policies: Sequence[Guard]
) -> Side:
    """Whether a mesh's own policies let the client connect to this port of the pod.

    They stand apart from the others: the pod's proxy asks them when the packets have arrived.
    """
    asked = Asked(server, port, protocol, "")
    return _added_up("Ingress", (server, client), policies, (), asked)


def mesh_admits_anyone(
    server: Peer, port: int, protocol: Protocol, policies: Sequence[Guard]
) -> Side:
    """Whether a mesh's own policies let any client at all connect to this port of the pod."""
    return mesh_admits(ANYONE, server, port, protocol, policies)


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


def _side(direction: Direction, own: Peer, other: Peer, policies: Policies, asked: Asked) -> Side:
    """What the policies of this end say about the other end."""
    if own.pod is None or own.pod.spec.host_network:
        return FREE
    if unread := policies.unread.get(own.namespace):
        return Side(None, why=unread)
    isolated = isolating(policies.network, own.pod, direction)
    answers = [(p, _allows(p, direction, other, asked)) for p in isolated]
    if policies.guards:
        return _with_guards(direction, (own, other), policies.guards, answers, asked)
    if not isolated:
        return FREE
    by = tuple(p for p, allowed in answers if allowed)
    allowed = any_of(answer for _, answer in answers)
    why = _unknown(other, direction) if allowed is None else ""
    return Side(allowed, isolated, by, why)


def _with_guards(
    direction: Direction,
    ends: tuple[Peer, Peer],
    guards: Sequence[Guard],
    answers: Sequence[tuple[NetworkPolicy, Fact]],
    asked: Asked,
) -> Side:
    """The same with policies of other kinds, by how these stand to NetworkPolicies."""
    adding = [g for g in guards if g.tier == "union"]
    tiered = [g for g in guards if g.tier != "union"]
    sides = []
    if adding or not tiered:
        sides.append(_added_up(direction, ends, adding, answers, asked))
    if tiered:
        sides.append(_in_tiers(direction, ends, tiered, answers, asked))
    if len({side.allowed for side in sides}) == 1:
        return sides[-1]
    names = " and ".join(dict.fromkeys(compare.title(g) for g in (adding[0], tiered[0])))
    return Side(None, why=f"which of {names} the network plugin enforces is not known")


def _added_up(
    direction: Direction,
    ends: tuple[Peer, Peer],
    guards: Sequence[Guard],
    answers: Sequence[tuple[NetworkPolicy, Fact]],
    asked: Asked,
) -> Side:
    """What allows adds up, and what denies comes first. (Cilium, Policy Enforcement Modes)"""
    own, other = ends
    unsure = ""
    isolation: list[tuple[Policy, Fact]] = [(p, True) for p, _ in answers]
    allowing: list[tuple[Policy, Fact]] = list(answers)
    for guard in guards:
        for part in guard.parts:
            about = compare.about(part, guard, own)
            if about is False:
                continue
            isolation.append((guard, about if direction in part.isolates else False))
            for rule in part.rules:
                if rule.direction != direction:
                    continue
                found = all_of((about, compare.matched(rule, guard, ends, asked)))
                if rule.action == "Allow":
                    allowing.append((guard, found))
                elif found:
                    return Side(False, (guard,))
                elif found is None:
                    unsure = unsure or compare.not_compared(guard, rule, other)
    isolated = any_of(found for _, found in isolation)
    if isolated is False:
        return Side(None, why=unsure) if unsure else FREE
    allowed = any_of((negated(isolated), any_of(found for _, found in allowing)))
    names = _each(p for p, found in isolation if found is not False)
    by = _each(p for p, found in allowing if found)
    if allowed and unsure:
        return Side(None, names, by, unsure)
    why = ""
    if allowed is None:
        vague = next((p for p, found in allowing if found is None and isinstance(p, Guard)), None)
        why = compare.not_compared(vague, None, other) if vague else _unknown(other, direction)
    return Side(allowed, names, by, why)


_KNP_ORDER = 1000.0
"""Where NetworkPolicies stand among Calico's own. (Calico, reference of NetworkPolicy, Order)"""


def _in_tiers(
    direction: Direction,
    ends: tuple[Peer, Peer],
    guards: Sequence[Guard],
    answers: Sequence[tuple[NetworkPolicy, Fact]],
    asked: Asked,
) -> Side:
    """The first rule that matches decides, tier after tier."""
    by_tier: dict[str, list[tiers.Entry[Policy]]] = {"admin": [], "main": [], "baseline": []}
    for guard in guards:
        for entry in _entries(guard, direction, ends, asked):
            if guard.tier not in by_tier:
                return Side(None, why=entry.why())
            by_tier[guard.tier].append(entry)

    def unknown() -> str:
        return _unknown(ends[1], direction)

    by_tier["main"] += [
        tiers.Entry(p, True, _KNP_ORDER, (tiers.Step("Allow", allowed, unknown),), unknown)
        for p, allowed in answers
    ]
    found = tiers.decide((by_tier[name], name == "main") for name in by_tier)
    several = [e.policy for entries in by_tier.values() for e in entries]
    if not several:
        return FREE
    return Side(
        found.allowed,
        _each(found.denying if found.allowed is False else several),
        _each(found.allowing),
        (found.why or _tied(found)) if found.allowed is None else "",
    )


def _tied(found: tiers.Decided[Policy]) -> str:
    names = dict.fromkeys(
        f"{kind_of(p)} {p.metadata.name}" for p in (*found.allowing, *found.denying)
    )
    return f"{' and '.join(names)} have the same order and say different things"


def _entries(
    guard: Guard, direction: Direction, ends: tuple[Peer, Peer], asked: Asked
) -> Iterator[tiers.Entry[Policy]]:
    """What a policy says of the connection in this direction, where it says something."""
    own, other = ends
    order = float("inf") if guard.order is None else guard.order
    for part in guard.parts:
        about = compare.about(part, guard, own)
        rules = [r for r in part.rules if r.direction == direction]
        if about is False or not (rules or direction in part.isolates):
            continue
        steps = (
            tiers.Step(
                rule.action,
                compare.matched(rule, guard, ends, asked),
                partial(compare.not_compared, guard, rule, other),
            )
            for rule in rules
        )
        why = partial(compare.not_known_about, part, guard, own)
        yield tiers.Entry(guard, about, order, tuple(steps), why)


def kind_of(policy: Policy) -> str:
    """The policy's kind."""
    return policy.kind if isinstance(policy, Guard) else "NetworkPolicy"


def _each(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """The policies, each once: one may have several parts and rules."""
    named = {(kind_of(p), p.metadata.namespace, p.metadata.name): p for p in policies}
    return tuple(named.values())


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


def _allows(policy: NetworkPolicy, direction: Direction, other: Peer, asked: Asked) -> Fact:
    """Whether one of the policy's rules allows the connection."""
    home = policy.metadata.namespace or "default"
    if direction == "Ingress":
        return any_of(
            all_of((_from(rule.from_, home, other, asked.family), covered(rule.ports, asked)))
            for rule in policy.spec.ingress
        )
    return any_of(
        all_of(
            (
                _from(rule.to, home, other, asked.family),
                covered(rule.ports, asked, names=_names_count(rule.to, home, other)),
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
    """Whether one of the peers is this end; no peers mean every one."""
    return not peers or any_of(_is(peer, home, other, family) for peer in peers)


def _is(peer: NetworkPolicyPeer, home: str, other: Peer, family: str) -> Fact:
    if other.anyone:
        return None
    if peer.ip_block is not None:
        addresses = other.addresses(family)
        return any_of(in_block(peer.ip_block, a) for a in addresses) if addresses else None
    if other.pod is None:
        return False
    labels = other.pod.metadata.labels
    found = all_of((_in_namespace(peer, home, other), holds(_pods(peer), labels)))
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
