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

from collections.abc import Iterable, Sequence

import msgspec

from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.objects import LabelSelector, Pod
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import (
    NetworkPolicy,
    NetworkPolicyPeer,
)
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
)
from kubectl_portcheck.semantics.selectors import holds
from kubectl_portcheck.semantics.sides import FREE, Policies, Policy, Side, unknown

ANYONE = Peer(anyone=True)
ANY_POD = Peer(anyone=True, pods_only=True)


class Admitted(msgspec.Struct, frozen=True):
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
    client: Peer,
    server: Peer,
    port: int,
    protocol: Protocol,
    policies: Sequence[Guard],
    family: str = "",
) -> Side:
    """Whether a mesh's own policies let the client connect to this port of the pod.

    They stand apart from the others: the pod's proxy asks them when the packets have arrived.
    """
    from kubectl_portcheck.semantics.guards.admitting import added_up

    asked = Asked(server, port, protocol, family)
    return added_up("Ingress", (server, client), policies, (), asked)


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
        from kubectl_portcheck.semantics.guards.admitting import with_guards

        return with_guards(direction, (own, other), policies.guards, answers, asked)
    if not isolated:
        return FREE
    by = tuple(p for p, allowed in answers if allowed)
    allowed = any_of(answer for _, answer in answers)
    why = unknown(other, direction) if allowed is None else ""
    return Side(allowed, isolated, by, why)


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
