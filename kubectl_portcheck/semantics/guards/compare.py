"""Whether the rules of a policy in the common form mean a connection."""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.model.guards import (
    AccountLabels,
    Guard,
    GuardPart,
    GuardPeer,
    GuardRule,
    GuardSelector,
    Identity,
)
from kubectl_portcheck.model.objects import LabelSelector
from kubectl_portcheck.model.references import IPBlock
from kubectl_portcheck.semantics.guards import identities
from kubectl_portcheck.semantics.peers import (
    NAMESPACE_NAME,
    Asked,
    Fact,
    Peer,
    all_of,
    any_of,
    covered,
    in_block,
    negated,
)
from kubectl_portcheck.semantics.selectors import holds


def title(guard: Guard) -> str:
    """``CiliumNetworkPolicy guard``: the policy in a sentence."""
    return f"{guard.kind} {guard.metadata.name}"


def not_compared(guard: Guard, rule: GuardRule | None, other: Peer) -> str:
    """Why it is not known whether a policy means the connection."""
    rules = [rule] if rule else [r for part in guard.parts for r in part.rules]
    beyond = next((r.beyond for r in rules if r.beyond), "")
    if beyond:
        are = "are" if beyond.endswith("s") else "is"
        return f"{title(guard)} has {beyond}, which {are} not compared"
    if _asks_for_labels(rules) and other.pod is not None and other.namespace_labels is None:
        return f"the labels of namespace {other.namespace} were not read"
    peers = [p for r in rules for p in (*(r.peers or ()), *((r.own,) if r.own else ()))]
    if any(p.account_labels and not p.account_labels.whole for p in peers):
        return f"the labels of service accounts, which {title(guard)} selects by, were not read"
    if any(s.more_nets for p in peers for s in (*(p.selectors or ()), *p.not_selectors)):
        return f"not all sets of networks that {title(guard)} may select were read"
    return f"whether {title(guard)} means this client is not known"


def asks_for_labels(guard: Guard) -> bool:
    """Whether the policy selects namespaces by more than their names."""
    subjects = (s for part in guard.parts for s in part.selects)
    rules = [r for part in guard.parts for r in part.rules]
    return not all(map(_names_only, subjects)) or _asks_for_labels(rules)


def _asks_for_labels(rules: Iterable[GuardRule]) -> bool:
    return not all(
        _names_only(s)
        for rule in rules
        for peer in (*(rule.peers or ()), *((rule.own,) if rule.own else ()))
        for s in (*(peer.selectors or ()), *peer.not_selectors)
    )


def _names_only(selector: GuardSelector) -> bool:
    """Whether it selects namespaces only by their names, or not at all."""
    found = selector.namespaces
    if found is None:
        return True
    keys = (*found.match_labels, *(t.key for t in found.match_expressions))
    return all(key == NAMESPACE_NAME for key in keys)


def about(part: GuardPart, guard: Guard, end: Peer) -> Fact:
    """Whether a part of a policy is about this pod."""
    found = any_of(selected(s, guard, end) for s in part.selects)
    if part.accounts is not None:
        found = all_of((found, _has_account(part.accounts, end)))
    return None if found and part.beyond else found


def not_known_about(part: GuardPart, guard: Guard, end: Peer) -> str:
    """Why it is not known whether the part is about the pod."""
    if guard.tier == "unknown" and guard.place is not None:
        return f"{title(guard)} is in {unknown_tier(guard)}"
    if part.beyond:
        return f"{title(guard)} has {part.beyond}, which is not compared"
    if part.accounts is not None:
        return f"{title(guard)} selects service accounts, whose labels were not read"
    return f"{title(guard)} selects namespaces, and the labels of {end.namespace} were not read"


def unknown_tier(guard: Guard) -> str:
    """``tier security``, with why its policies are not compared."""
    return f"tier {guard.place.name if guard.place else ''}, which was not found"


def selected(selector: GuardSelector, guard: Guard, end: Peer) -> Fact:
    """Whether a selector means this pod."""
    if end.anyone:
        return True if end.pods_only and _means_every_pod(selector) else None
    if end.pod is None or end.pod.spec.host_network:
        return None if selector.others else False
    if selector.namespaces is None:
        inside: Fact = end.namespace == (guard.metadata.namespace or "default")
    elif end.namespace_labels is None:
        inside = holds(selector.namespaces, {NAMESPACE_NAME: end.namespace}, whole=False)
    else:
        inside = holds(selector.namespaces, {NAMESPACE_NAME: end.namespace, **end.namespace_labels})
    return all_of((inside, holds(selector.pods, end.pod.metadata.labels)))


def _means_every_pod(selector: GuardSelector) -> bool:
    if selector.namespaces is None or selector.pods != LabelSelector():
        return False
    return not selector.namespaces.match_labels and all(
        t.key == NAMESPACE_NAME and t.operator == "Exists"
        for t in selector.namespaces.match_expressions
    )


def matched(rule: GuardRule, guard: Guard, ends: tuple[Peer, Peer], asked: Asked) -> Fact:
    """Whether a rule means the connection; not known where more of the rule would have to hold.

    ``ends`` are the end that the policy selects, and the other one.
    """
    own, other = ends
    terms: list[Fact] = [covered(rule.ports, asked), _family(rule, asked)]
    if rule.peers is not None:
        terms.append(any_of(_is_peer(p, guard, other, asked) for p in rule.peers))
    if rule.own is not None:
        terms.append(_is_peer(rule.own, guard, own, asked))
    if rule.not_ports:
        terms.append(negated(covered(rule.not_ports, asked)))
    found = all_of(terms)
    return None if found and rule.beyond else found


def _family(rule: GuardRule, asked: Asked) -> Fact:
    if not rule.family:
        return True
    return rule.family == asked.family if asked.family else None


def _is_peer(peer: GuardPeer, guard: Guard, end: Peer, asked: Asked) -> Fact:
    terms: list[Fact] = []
    if peer.entity:
        terms.append(_is_entity(peer, end))
    if peer.selectors is not None:
        terms.append(any_of(_means(s, guard, end, asked) for s in peer.selectors))
    terms += [negated(_means(s, guard, end, asked)) for s in peer.not_selectors]
    if peer.blocks is not None:
        terms.append(_inside(peer.blocks, end, asked))
    if peer.not_blocks:
        terms.append(negated(_inside(peer.not_blocks, end, asked)))
    if peer.accounts:
        terms.append(_runs_as(peer.accounts, end))
    if peer.account_labels is not None:
        terms.append(_has_account(peer.account_labels, end))
    if peer.identities is not None:
        terms.append(identities.is_one_of(peer.identities, guard, end))
    if peer.not_identities:
        terms.append(negated(identities.is_one_of(peer.not_identities, guard, end)))
    if peer.principals:
        terms.append(identities.has_principal(peer.principals, guard, end))
    if peer.not_principals:
        terms.append(negated(identities.has_principal(peer.not_principals, guard, end)))
    return all_of(terms)


def _means(selector: GuardSelector, guard: Guard, end: Peer, asked: Asked) -> Fact:
    """Whether a selector means this end: as a pod, or by the addresses of a set of networks."""
    answers = [selected(selector, guard, end)]
    if selector.nets:
        answers.append(_inside([IPBlock(cidr=n) for n in selector.nets], end, asked))
    return any_of((*answers, None) if selector.more_nets else answers)


def _runs_as(accounts: Sequence[str], end: Peer) -> Fact:
    """Whether the pod runs as one of these service accounts; ``default`` where it names none."""
    if end.anyone:
        return None
    if end.pod is None or end.pod.spec.host_network:
        return False
    return (end.pod.spec.service_account_name or "default") in accounts


def _has_account(wanted: AccountLabels, end: Peer) -> Fact:
    """Whether the pod runs as a service account with the labels."""
    if end.anyone:
        return None
    if end.pod is None or end.pod.spec.host_network:
        return False
    own = Identity(namespace=end.namespace, account=end.pod.spec.service_account_name or "default")
    if own in wanted.meant:
        return True
    return False if wanted.whole or own in wanted.others else None


def _inside(blocks: Sequence[IPBlock], end: Peer, asked: Asked) -> Fact:
    """Whether one of the ranges has the end's address."""
    addresses = end.addresses(asked.family)
    if not addresses:
        every = {b.cidr for b in blocks if not b.except_}
        wanted = {_EVERY[asked.family]} if asked.family else set(_EVERY.values())
        return True if wanted <= every else None
    return any_of(in_block(b, a) for b in blocks for a in addresses)


_EVERY = {"IPv4": "0.0.0.0/0", "IPv6": "::/0"}


def _is_entity(peer: GuardPeer, end: Peer) -> Fact:
    if peer.entity == "all":
        return True
    if end.anyone:
        return peer.entity == "cluster" if end.pods_only else None
    if end.pod is not None and not end.pod.spec.host_network:
        return peer.entity == "cluster"
    if peer.entity == "no-pod":
        return True
    return True if peer.entity == "cluster" and end.pod is not None else None
