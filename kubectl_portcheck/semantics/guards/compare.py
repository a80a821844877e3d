"""Whether the rules of a policy in the common form mean a connection."""

from kubectl_portcheck.model.guards import Guard, GuardPeer, GuardRule, GuardSelector
from kubectl_portcheck.semantics.peers import (
    NAMESPACE_NAME,
    Asked,
    Fact,
    Peer,
    all_of,
    any_of,
    covered,
    in_block,
)
from kubectl_portcheck.semantics.selectors import holds


def not_compared(guard: Guard, rule: GuardRule | None, other: Peer) -> str:
    """Why it is not known whether a policy means the connection."""
    rules = [rule] if rule else [r for part in guard.parts for r in part.rules]
    beyond = next((r.beyond for r in rules if r.beyond), "")
    name = f"{guard.kind} {guard.metadata.name}"
    if beyond:
        return f"{name} has {beyond}, which {'are' if beyond.endswith('s') else 'is'} not compared"
    return f"whether {name} means this client is not known"


def selected(selector: GuardSelector, guard: Guard, end: Peer) -> Fact:
    """Whether a selector means this pod."""
    if end.anyone:
        return None
    if end.pod is None or end.pod.spec.host_network:
        return False
    if selector.namespaces is None:
        inside: Fact = end.namespace == (guard.metadata.namespace or "default")
    elif end.namespace_labels is None:
        inside = holds(selector.namespaces, {NAMESPACE_NAME: end.namespace}, whole=False)
    else:
        inside = holds(selector.namespaces, {NAMESPACE_NAME: end.namespace, **end.namespace_labels})
    return all_of((inside, holds(selector.pods, end.pod.metadata.labels)))


def matched(rule: GuardRule, guard: Guard, other: Peer, asked: Asked) -> Fact:
    """Whether a rule means the connection; not known where more of the rule would have to hold."""
    peers = rule.peers
    known: Fact = True if peers is None else any_of(_is_peer(p, guard, other, asked) for p in peers)
    found = all_of((known, covered(rule.ports, asked)))
    return None if found and rule.beyond else found


def _is_peer(peer: GuardPeer, guard: Guard, other: Peer, asked: Asked) -> Fact:
    if peer.entity == "all":
        return True
    if other.anyone:
        return None
    own_network = other.pod is not None and not other.pod.spec.host_network
    if peer.selector is not None:
        return selected(peer.selector, guard, other)
    if peer.block is not None:
        if own_network:
            return False
        addresses = other.addresses(asked.family)
        block = peer.block
        return any_of(in_block(block, a) for a in addresses) if addresses else None
    if own_network:
        return peer.entity == "cluster"
    return True if peer.entity == "cluster" and other.pod is not None else None
