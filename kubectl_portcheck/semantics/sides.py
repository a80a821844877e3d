"""What the policies of one end of a connection say, whatever their kinds."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.semantics.peers import Direction, Fact, Peer

Policy = NetworkPolicy | Guard


class Policies(msgspec.Struct, frozen=True):
    """The policies of a cluster, as far as they were read."""

    network: Sequence[NetworkPolicy] = ()
    unread: Mapping[str, str] = {}
    """By namespace: why its policies are not among them."""
    guards: Sequence[Guard] = ()
    """Those of other kinds."""


class Side(msgspec.Struct, frozen=True):
    """What the policies of one end say."""

    allowed: Fact
    guards: tuple[Policy, ...] = ()
    """The policies that isolate it in this direction, or the one that denies the connection; none
    where everything is allowed."""
    by: tuple[Policy, ...] = ()
    """Those of them that allow the connection."""
    why: str = ""
    """What is missing, where it is not known."""
    denied: bool = False
    """Whether a rule denies the connection, whatever others allow."""


FREE = Side(allowed=True)


def kind_of(policy: Policy) -> str:
    """The policy's kind."""
    return policy.kind if isinstance(policy, Guard) else "NetworkPolicy"


def each_once(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """The policies, each once: one may have several parts and rules."""
    named = {(kind_of(p), p.metadata.namespace, p.metadata.name): p for p in policies}
    return tuple(named.values())


def unknown(other: Peer, direction: Direction) -> str:
    """Why it is not known whether a NetworkPolicy means the other end."""
    if other.pod is not None and other.pod.spec.host_network:
        return "what a selector means for a pod with hostNetwork is not defined"
    if other.pod is not None and other.namespace_labels is None:
        return f"the labels of namespace {other.namespace} were not read"
    if direction == "Egress":
        return "what a port name means in an egress rule without pod selectors is not defined"
    return "the client's address is not known"
