"""Calico's NetworkPolicy and GlobalNetworkPolicy, layers 3 and 4.

By Calico's documentation (docs.tigera.io, reference of NetworkPolicy, GlobalNetworkPolicy and
Tier) and the field comments of its API (``projectcalico/api``, ``policy_common.go``): policies of a
tier are asked by their ``order``, those without one last; of a policy the first rule that matches
allows, denies, or passes to the next tier; ``Log`` goes on. Kubernetes' NetworkPolicies stand in
the default tier with the order 1000. A pod that a policy of the tier selects has only what one of
them allows. In a rule everything that is set must hold, of the source and of the destination.
``selector`` and ``notSelector`` mean the policy's own namespace unless ``namespaceSelector`` says
otherwise; in a GlobalNetworkPolicy all. ``nets`` mean pods as well. ``doNotTrack`` and ``preDNAT``
are about nodes. Where no tier decides, the profile of the namespace allows.

``serviceAccounts`` means pods by the name of their service account and by its labels, in the same
namespaces; ``serviceAccountSelector`` does so for the pods that a policy selects.
(``projectcalico/calico``, ``GetEntityRuleSelector``) What a policy means by other objects, tiers,
sets of networks and service accounts, ``calico_joined`` looks up.

HTTP rules, Services, ports of the source, and selectors of service accounts that mean what has none
are not compared. A selector may mean a node too: of clients that are no pods it says nothing where
they are in no set of networks.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.guards import (
    EITHER,
    AccountLabels,
    Action,
    Direction,
    FamilyName,
    Guard,
    GuardPart,
    GuardPeer,
    GuardRule,
    GuardSelector,
    Place,
    Tier,
)
from kubectl_portcheck.model.kinds import (
    CALICO_CRD_GLOBAL_POLICY,
    CALICO_CRD_POLICY,
    CALICO_GLOBAL_POLICY,
    CALICO_POLICY,
)
from kubectl_portcheck.model.objects import LabelSelector, ObjectMeta
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import IPBlock, NetworkPolicyPort
from kubectl_portcheck.semantics.digits import number_of
from kubectl_portcheck.semantics.forms import Form
from kubectl_portcheck.semantics.guards.calico_selectors import NotCompared, selectors, ways
from kubectl_portcheck.semantics.selectors import holds

COPIES = ("knp.", "kanp.", "kbanp.", "kcnp.")
"""What begins the names under which Calico's API shows Kubernetes' own policies."""


class ServiceAccountMatch(Record, frozen=True):
    """Service accounts by name and by label: both must hold."""

    names: tuple[str, ...] = ()
    selector: str = ""


class EntityRule(Record, frozen=True):
    """What must hold of one end."""

    nets: tuple[str, ...] = ()
    not_nets: tuple[str, ...] = ()
    selector: str = ""
    not_selector: str = ""
    namespace_selector: str = ""
    ports: tuple[int | str, ...] = ()
    not_ports: tuple[int | str, ...] = ()
    service_accounts: ServiceAccountMatch | None = None
    services: dict[str, Any] | None = None


class CalicoRule(Record, frozen=True):
    """One rule."""

    action: str = ""
    ip_version: WholeNumber | None = None
    protocol: WholeNumber | str | None = None
    not_protocol: WholeNumber | str | None = None
    icmp: dict[str, Any] | None = None
    not_icmp: dict[str, Any] | None = msgspec.field(name="notICMP", default=None)
    source: EntityRule = EntityRule()
    destination: EntityRule = EntityRule()
    http: dict[str, Any] | None = None


class CalicoSpec(Record, frozen=True):
    """What a policy says."""

    tier: str = ""
    order: float | None = None
    selector: str = ""
    namespace_selector: str = ""
    service_account_selector: str = ""
    types: tuple[str, ...] = ()
    ingress: tuple[CalicoRule, ...] = ()
    egress: tuple[CalicoRule, ...] = ()
    do_not_track: bool = False
    pre_dnat: bool = msgspec.field(name="preDNAT", default=False)


class CalicoPolicy(Record, frozen=True):
    """One of both kinds."""

    metadata: ObjectMeta
    spec: CalicoSpec = CalicoSpec()


def read_policy(policy: CalicoPolicy) -> Guard:
    """A NetworkPolicy of projectcalico.org in the common form."""
    return _read(CALICO_POLICY.key, policy)


def read_global_policy(policy: CalicoPolicy) -> Guard:
    """A GlobalNetworkPolicy of projectcalico.org in the common form."""
    return _read(CALICO_GLOBAL_POLICY.key, policy)


def read_crd_policy(policy: CalicoPolicy) -> Guard:
    """A NetworkPolicy of crd.projectcalico.org in the common form."""
    return _read(CALICO_CRD_POLICY.key, policy)


def read_crd_global_policy(policy: CalicoPolicy) -> Guard:
    """A GlobalNetworkPolicy of crd.projectcalico.org in the common form."""
    return _read(CALICO_CRD_GLOBAL_POLICY.key, policy)


GLOBAL = (CALICO_GLOBAL_POLICY.key, CALICO_CRD_GLOBAL_POLICY.key)


TIERS: dict[str, Tier] = {
    **dict.fromkeys(("", "default"), "main"),
    **dict.fromkeys(("kube-admin", "adminnetworkpolicy"), "admin"),
    **dict.fromkeys(("kube-baseline", "baselineadminnetworkpolicy"), "baseline"),
}
"""The tiers that Calico makes itself, under the names that they have in its versions.
(docs.tigera.io, "Get started with policy tiers")"""


def _read(kind: str, policy: CalicoPolicy) -> Guard:
    spec, name = policy.spec, policy.metadata.name
    home = "" if kind in GLOBAL else policy.metadata.namespace or "default"
    about_pods = not (spec.do_not_track or spec.pre_dnat or name.startswith(COPIES))
    tier = TIERS.get(spec.tier, "unknown")
    return Guard(
        metadata=policy.metadata,
        kind=kind,
        tier=tier,
        order=spec.order,
        place=Place(name=spec.tier) if tier == "unknown" else None,
        parts=(_part(spec, home),) if about_pods else (),
    )


def _part(spec: CalicoSpec, home: str) -> GuardPart:
    beyond, accounts = "", None
    try:
        chosen = selectors(spec.selector, spec.namespace_selector, home, others=False)
        accounts = _by_labels(spec.service_account_selector)
    except NotCompared:
        chosen = selectors("", "", home, others=False)
        beyond = "a selector of a kind"
    types = _types(spec)
    written: dict[Direction, tuple[CalicoRule, ...]] = {
        "Ingress": spec.ingress,
        "Egress": spec.egress,
    }
    rules = tuple(made for d in types for r in written[d] for made in _rules(r, d, home))
    return GuardPart(selects=chosen, accounts=accounts, beyond=beyond, isolates=types, rules=rules)


def _by_labels(selector: str) -> AccountLabels | None:
    """The service accounts that a selector means; None for all. Raises NotCompared."""
    found = ways(selector)
    if () in found:
        return None
    return AccountLabels(any_of=tuple(LabelSelector(match_expressions=way) for way in found))


def _types(spec: CalicoSpec) -> tuple[Direction, ...]:
    """Without ``types``: by the rules that there are, and Ingress where there is none."""
    said = {t.lower() for t in spec.types}
    if not said:
        said = {"egress"} if spec.egress else set()
        said |= {"ingress"} if spec.ingress or not said else set()
    both: tuple[Direction, ...] = ("Ingress", "Egress")
    return tuple(d for d in both if d.lower() in said)


_ACTIONS: dict[str, Action] = {"allow": "Allow", "deny": "Deny", "pass": "Pass"}
_FAMILIES: dict[int, FamilyName] = {4: "IPv4", 6: "IPv6"}
_PROTOCOLS: dict[str, Protocol] = {
    "tcp": "TCP",
    "6": "TCP",
    "udp": "UDP",
    "17": "UDP",
    "sctp": "SCTP",
    "132": "SCTP",
}


def _rules(rule: CalicoRule, direction: Direction, home: str) -> Iterator[GuardRule]:
    """The rule; one for each action where its own is not known.

    None where it says nothing about connections by TCP, UDP or SCTP.
    """
    protocols = _protocols(rule)
    if not protocols or rule.action.lower() == "log":
        return
    own, other = (
        (rule.destination, rule.source)
        if direction == "Ingress"
        else (rule.source, rule.destination)
    )
    action = _ACTIONS.get(rule.action.lower())
    beyond = ["an unknown action"] if action is None else []
    beyond += _beyond(rule)
    ends: list[GuardPeer | None] = []
    for entity in (own, other):
        try:
            ends.append(_peer(entity, home))
        except NotCompared:
            ends.append(None)
            beyond.append("a selector of a kind")
    limited = bool(rule.protocol or rule.not_protocol)
    destination = rule.destination
    for does in (action,) if action else EITHER:
        yield GuardRule(
            direction=direction,
            action=does,
            own=ends[0],
            peers=None if ends[1] is None else (ends[1],),
            ports=tuple(_ports(destination.ports, protocols, limited=limited)),
            not_ports=tuple(_ports(destination.not_ports, protocols, limited=False)),
            family=_FAMILIES.get(rule.ip_version or 0, ""),
            beyond=", ".join(dict.fromkeys(beyond)),
        )


def _protocols(rule: CalicoRule) -> tuple[Protocol, ...]:
    """Those that the rule may match."""
    every: tuple[Protocol, ...] = ("TCP", "UDP", "SCTP")
    if rule.protocol:
        wanted = _PROTOCOLS.get(str(rule.protocol).lower())
        every = (wanted,) if wanted else ()
    if rule.not_protocol:
        left_out = _PROTOCOLS.get(str(rule.not_protocol).lower())
        every = tuple(p for p in every if p != left_out)
    return () if rule.icmp is not None else every


def _beyond(rule: CalicoRule) -> Iterator[str]:
    if rule.http is not None:
        yield "HTTP rules"
    for entity in (rule.source, rule.destination):
        if _may_mean_sets(entity):
            yield "serviceAccounts"
        if entity.services is not None:
            yield "services"
    if rule.source.ports or rule.source.not_ports:
        yield "ports of the source"


def _may_mean_sets(entity: EntityRule) -> bool:
    """Whether service accounts by their labels may mean sets of networks, which have none."""
    match = entity.service_accounts
    if match is None or match.names:
        return False
    try:
        found = _by_labels(match.selector)
    except NotCompared:
        return False
    return found is None or any(holds(s, {}) for s in found.any_of)


def _peer(entity: EntityRule, home: str) -> GuardPeer | None:
    """What must hold of one end; None for nothing. Raises NotCompared."""
    match = entity.service_accounts or ServiceAccountMatch()
    labels = _by_labels(match.selector)
    by_account = bool(match.names or labels)
    chosen: tuple[GuardSelector, ...] | None = None
    if entity.selector or entity.not_selector or entity.namespace_selector or by_account:
        chosen = selectors(entity.selector, entity.namespace_selector, home, others=not by_account)
    left_out = selectors(entity.not_selector, "", "", others=True) if entity.not_selector else ()
    if chosen is None and not (entity.nets or entity.not_nets):
        return None
    return GuardPeer(
        selectors=chosen,
        not_selectors=left_out,
        blocks=tuple(IPBlock(cidr=n) for n in entity.nets) if entity.nets else None,
        not_blocks=tuple(IPBlock(cidr=n) for n in entity.not_nets),
        accounts=match.names,
        account_labels=labels,
    )


def _ports(
    ports: Iterable[int | str], protocols: Iterable[Protocol], *, limited: bool
) -> Iterator[NetworkPolicyPort]:
    """The ports by each protocol; only the protocols where there are none."""
    several = list(ports)
    for protocol in protocols:
        for port in several:
            first, last = _numbers(port)
            yield NetworkPolicyPort(protocol=protocol, port=first, end_port=last)
        if limited and not several:
            yield NetworkPolicyPort(protocol=protocol)


def _numbers(port: int | str) -> tuple[int | str, int | None]:
    """A number, the ends of a range such as ``8000:9000``, or a name."""
    if isinstance(port, int):
        return port, None
    first, _, last = port.partition(":")
    lowest, highest = number_of(first), number_of(last)
    if lowest is None or (last and highest is None):
        return port, None
    return lowest, highest


FORMS = {
    CALICO_POLICY: Form(CalicoPolicy, read_policy),
    CALICO_GLOBAL_POLICY: Form(CalicoPolicy, read_global_policy),
    CALICO_CRD_POLICY: Form(CalicoPolicy, read_crd_policy),
    CALICO_CRD_GLOBAL_POLICY: Form(CalicoPolicy, read_crd_global_policy),
}
