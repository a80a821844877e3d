"""CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy: layers 3 and 4.

By Cilium's documentation (docs.cilium.io, Network Policy: Layer 3, Layer 4, Deny Policies, Policy
Enforcement Modes) and the field comments of its API (``pkg/policy/api``): a pod is isolated in a
direction once a policy with a rule of that direction selects it, unless ``enableDefaultDeny`` says
otherwise. Allow rules add up, also with those of NetworkPolicies; a deny rule comes before all of
them. ``fromEndpoints`` of a namespaced policy means pods of its own namespace, unless a term names
a namespace. A rule without a source is about every source; ``{}`` by itself allows nothing. An
address range never means a pod of the cluster. The name of a pod's service account is a label that
Cilium gives; other such labels, HTTP and other rules of layer 7, names of DNS, Services, nodes and
authentication are not compared.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.guards import (
    Action,
    Direction,
    Entity,
    Guard,
    GuardPart,
    GuardPeer,
    GuardRule,
    GuardSelector,
)
from kubectl_portcheck.model.objects import LabelSelector, LabelSelectorRequirement, ObjectMeta
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import IPBlock, NetworkPolicyPort
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics.digits import number_of
from kubectl_portcheck.semantics.forms import Form
from kubectl_portcheck.semantics.peers import NAMESPACE_NAME

NAMESPACE = "io.kubernetes.pod.namespace"
NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
OWN = "io.cilium.k8s."
"""How the keys of labels begin that Cilium gives. (Cilium, Layer 3 Policies, Service Accounts)"""
NOT_COMPARED = "labels that Cilium gives"


class Port(Record, frozen=True):
    """A port of a rule."""

    port: str = ""
    end_port: WholeNumber = 0
    protocol: str = ""


class Ports(Record, frozen=True):
    """Ports, and what of layer 7 is allowed there."""

    ports: tuple[Port, ...] = ()
    rules: dict[str, Any] | None = None


class CidrRule(Record, frozen=True):
    """A range of addresses."""

    cidr: str = ""
    except_: tuple[str, ...] = msgspec.field(name="except", default=())
    cidr_group_ref: str = ""


class Rule(Record, frozen=True):
    """One rule; of each pair of fields only that of its direction is there."""

    from_endpoints: tuple[LabelSelector, ...] | None = None
    from_entities: tuple[str, ...] | None = None
    from_cidr: tuple[str, ...] | None = msgspec.field(name="fromCIDR", default=None)
    from_cidr_set: tuple[CidrRule, ...] | None = msgspec.field(name="fromCIDRSet", default=None)
    from_requires: tuple[LabelSelector, ...] | None = None
    from_nodes: tuple[LabelSelector, ...] | None = None
    from_groups: tuple[dict[str, Any], ...] | None = None
    to_endpoints: tuple[LabelSelector, ...] | None = None
    to_entities: tuple[str, ...] | None = None
    to_cidr: tuple[str, ...] | None = msgspec.field(name="toCIDR", default=None)
    to_cidr_set: tuple[CidrRule, ...] | None = msgspec.field(name="toCIDRSet", default=None)
    to_requires: tuple[LabelSelector, ...] | None = None
    to_nodes: tuple[LabelSelector, ...] | None = None
    to_groups: tuple[dict[str, Any], ...] | None = None
    to_services: tuple[dict[str, Any], ...] | None = None
    to_fqdns: tuple[dict[str, Any], ...] | None = msgspec.field(name="toFQDNs", default=None)
    to_ports: tuple[Ports, ...] | None = None
    icmps: tuple[dict[str, Any], ...] | None = None
    authentication: dict[str, Any] | None = None


class DefaultDeny(Record, frozen=True):
    """Whether the policy isolates the pods at all."""

    ingress: bool | None = None
    egress: bool | None = None


class Spec(Record, frozen=True):
    """What a policy says of some pods."""

    endpoint_selector: LabelSelector | None = None
    """None where it is about nodes."""
    ingress: tuple[Rule, ...] = ()
    ingress_deny: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()
    egress_deny: tuple[Rule, ...] = ()
    enable_default_deny: DefaultDeny = DefaultDeny()


class CiliumPolicy(Record, frozen=True):
    """One of both kinds."""

    metadata: ObjectMeta
    spec: Spec | None = None
    specs: tuple[Spec, ...] = ()


def read_namespaced(policy: CiliumPolicy) -> Guard:
    """A CiliumNetworkPolicy in the common form."""
    return _read("CiliumNetworkPolicy", policy)


def read_clusterwide(policy: CiliumPolicy) -> Guard:
    """A CiliumClusterwideNetworkPolicy in the common form."""
    return _read("CiliumClusterwideNetworkPolicy", policy)


def _read(kind: str, policy: CiliumPolicy) -> Guard:
    local = kind == "CiliumNetworkPolicy"
    specs = (*((policy.spec,) if policy.spec else ()), *policy.specs)
    parts = tuple(_part(s, s.endpoint_selector, local) for s in specs if s.endpoint_selector)
    return Guard(metadata=policy.metadata, kind=kind, parts=parts)


def _part(spec: Spec, selected: LabelSelector, local: bool) -> GuardPart:
    deny = spec.enable_default_deny
    isolates: list[Direction] = []
    if _isolates(deny.ingress, spec.ingress, spec.ingress_deny):
        isolates.append("Ingress")
    if _isolates(deny.egress, spec.egress, spec.egress_deny):
        isolates.append("Egress")
    rules = (
        *(_rule(r, "Ingress", "Deny", local) for r in spec.ingress_deny),
        *(_rule(r, "Egress", "Deny", local) for r in spec.egress_deny),
        *(_rule(r, "Ingress", "Allow", local) for r in spec.ingress),
        *(_rule(r, "Egress", "Allow", local) for r in spec.egress),
    )
    return GuardPart(
        selects=(selector_of(selected, local=local),),
        isolates=tuple(isolates),
        rules=rules,
        beyond=NOT_COMPARED if _asks(selected) else "",
    )


def _isolates(said: bool | None, rules: tuple[Rule, ...], deny: tuple[Rule, ...]) -> bool:
    return bool(rules or deny) if said is None else said


def _rule(rule: Rule, direction: Direction, action: Action, local: bool) -> GuardRule:
    inward = direction == "Ingress"
    endpoints = rule.from_endpoints if inward else rule.to_endpoints
    entities = rule.from_entities if inward else rule.to_entities
    ranges = rule.from_cidr if inward else rule.to_cidr
    sets = rule.from_cidr_set if inward else rule.to_cidr_set
    others = {
        "fromRequires": rule.from_requires,
        "fromNodes": rule.from_nodes,
        "fromGroups": rule.from_groups,
        "toRequires": rule.to_requires,
        "toNodes": rule.to_nodes,
        "toGroups": rule.to_groups,
        "toServices": rule.to_services,
        "toFQDNs": rule.to_fqdns,
        "icmps": rule.icmps,
        "authentication": rule.authentication,
        "cidrGroupRef": tuple(c for c in sets or () if c.cidr_group_ref) or None,
        "rules of layer 7": next((p.rules for p in rule.to_ports or () if p.rules), None),
        NOT_COMPARED: tuple(e for e in endpoints or () if _asks(e, _accounts(e))) or None,
    }
    beyond = ", ".join(name for name, value in others.items() if value is not None)
    peers: tuple[GuardPeer, ...] | None = None
    if any(part is not None for part in (endpoints, entities, ranges, sets)):
        peers = (
            *(
                GuardPeer(selectors=(selector_of(e, local=local),), accounts=_accounts(e))
                for e in endpoints or ()
            ),
            *(GuardPeer(entity=_ENTITIES.get(e, "outside")) for e in entities or ()),
            *(_range(IPBlock(cidr=c)) for c in ranges or ()),
            *(_range(IPBlock(cidr=c.cidr, except_=c.except_)) for c in sets or ()),
        )
    elif rule.to_ports is None and not beyond:
        peers = ()  # A rule of nothing: it isolates, and allows nothing.
    return GuardRule(
        direction=direction,
        action=action,
        peers=peers,
        ports=tuple(_ports(rule.to_ports or ())),
        beyond=beyond,
    )


def _range(block: IPBlock) -> GuardPeer:
    """A range of addresses: it never means a pod."""
    return GuardPeer(blocks=(block,), entity="no-pod")


_ENTITIES: dict[str, Entity] = {"all": "all", "cluster": "cluster"}


def _ports(several: Iterable[Ports]) -> Iterator[NetworkPolicyPort]:
    for one in several:
        for port in one.ports:
            number = number_of(port.port)
            named = port.port if number is None else number
            protocols = _PROTOCOLS.get(port.protocol, ("TCP", "UDP", "SCTP"))
            for protocol in protocols:
                yield NetworkPolicyPort(
                    protocol=protocol, port=named or None, end_port=port.end_port or None
                )


_PROTOCOLS: dict[str, tuple[Protocol, ...]] = {"TCP": ("TCP",), "UDP": ("UDP",), "SCTP": ("SCTP",)}


def selector_of(selector: LabelSelector, *, local: bool) -> GuardSelector:
    """A selector of endpoints as one of pods and one of namespaces.

    Without a term about the namespace it means the policy's own, where the policy has one.
    """
    pods, spaces = [], []
    for term in _terms(selector):
        key = term.key
        if key == NAMESPACE:
            spaces.append(msgspec.structs.replace(term, key=NAMESPACE_NAME))
        elif key.startswith(NAMESPACE_LABELS):
            spaces.append(msgspec.structs.replace(term, key=key.removeprefix(NAMESPACE_LABELS)))
        elif not key.startswith(OWN):
            pods.append(term)
    named = LabelSelector(match_expressions=tuple(spaces)) if spaces or not local else None
    return GuardSelector(pods=LabelSelector(match_expressions=tuple(pods)), namespaces=named)


def _terms(selector: LabelSelector) -> Iterator[LabelSelectorRequirement]:
    """All that must hold, without the sources of the labels."""
    for key, value in selector.match_labels.items():
        yield LabelSelectorRequirement(key=_plain(key), operator="In", values=(value,))
    for term in selector.match_expressions:
        yield msgspec.structs.replace(term, key=_plain(term.key))


def _plain(key: str) -> str:
    return key.partition(":")[2] if _PREFIX.match(key) else key


def _accounts(selector: LabelSelector) -> tuple[str, ...]:
    """The service accounts that a selector names; none where it says nothing of them, or more."""
    named = [t for t in _terms(selector) if t.key == ACCOUNT]
    return named[0].values or () if len(named) == 1 and named[0].operator == "In" else ()


def _asks(selector: LabelSelector, accounts: Sequence[str] = ()) -> bool:
    """Whether it asks for labels that Cilium gives, besides namespaces' and these accounts."""
    return any(
        t.key.startswith(OWN)
        and not t.key.startswith(NAMESPACE_LABELS)
        and not (t.key == ACCOUNT and accounts)
        for t in _terms(selector)
    )


_PREFIX = regex(r"(k8s|any|container|reserved):")
"""Where a label comes from; a pod's own come from Kubernetes. (Cilium, Label Sources)"""


FORMS = {
    kinds.CILIUM_POLICY: Form(CiliumPolicy, read_namespaced),
    kinds.CILIUM_CLUSTER_POLICY: Form(CiliumPolicy, read_clusterwide),
}
