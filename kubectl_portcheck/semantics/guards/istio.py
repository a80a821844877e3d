"""Istio's PeerAuthentication, AuthorizationPolicy and Sidecar.

By the reference of Istio's API (``security.istio.io/v1``): a policy is about the pods of its
namespace that its selector means, or of every namespace where it stands in the root namespace
(``istio-system`` unless the mesh is set otherwise). Of PeerAuthentications the one with a selector
comes first, then that of the namespace, then that of the mesh; modes of ports count only with a
selector, and are those of the pod's port; UNSET inherits; without any, PERMISSIVE holds. Of
AuthorizationPolicies a DENY rule that matches comes first; once an ALLOW policy selects the pod, it
has only what one of its rules allows. Ports are those of the pod.

Principals, namespaces and service accounts of a source are the client's identity by mutual TLS; its
IP blocks are compared with the address that the packets come from. (Istio, "Authorization Policy":
Source) Request principals, trust domains, forwarded addresses, HTTP rules, conditions and the
action CUSTOM are not compared.
Policies with ``targetRefs`` are about gateways and waypoints, not about sidecars. Of a Sidecar
(``networking.istio.io``) three things are read: where the proxy connects to for a port
(``ingress[].defaultEndpoint``), which hosts it knows of (``egress[].hosts``), and what it does with
connections to others (``outboundTrafficPolicy``).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.guards import (
    Action,
    Guard,
    GuardPart,
    GuardPeer,
    GuardRule,
    GuardSelector,
    Identity,
    Imports,
)
from kubectl_portcheck.model.objects import LabelSelector, ObjectMeta
from kubectl_portcheck.model.references import IPBlock, NetworkPolicyPort
from kubectl_portcheck.semantics.annotations import ISTIO_DRY_RUN
from kubectl_portcheck.semantics.digits import number_of
from kubectl_portcheck.semantics.forms import Form
from kubectl_portcheck.semantics.mesh import ISTIO_ROOT

WORKLOAD, NAMESPACE, MESH = 0.0, 1.0, 2.0
"""How near a policy stands to a pod: as its order."""


class WorkloadSelector(Record, frozen=True):
    """Pods of a namespace by their labels."""

    match_labels: dict[str, str] = {}


class MutualTls(Record, frozen=True):
    """A mode of mutual TLS."""

    mode: str = ""


class PeerSpec(Record, frozen=True):
    """What a PeerAuthentication asks of connections."""

    selector: WorkloadSelector | None = None
    mtls: MutualTls = MutualTls()
    port_level_mtls: dict[str, MutualTls] = {}


class PeerAuthentication(Record, frozen=True):
    """A PeerAuthentication."""

    metadata: ObjectMeta
    spec: PeerSpec = PeerSpec()


class AuthorizationSource(Record, frozen=True):
    """Where a request comes from. All that is set must hold."""

    namespaces: tuple[str, ...] = ()
    ip_blocks: tuple[str, ...] = ()
    principals: tuple[str, ...] = ()
    not_principals: tuple[str, ...] = ()
    request_principals: tuple[str, ...] = ()
    not_request_principals: tuple[str, ...] = ()
    not_namespaces: tuple[str, ...] = ()
    service_accounts: tuple[str, ...] = ()
    not_service_accounts: tuple[str, ...] = ()
    not_ip_blocks: tuple[str, ...] = ()
    remote_ip_blocks: tuple[str, ...] = ()
    not_remote_ip_blocks: tuple[str, ...] = ()
    trust_domains: tuple[str, ...] = ()
    not_trust_domains: tuple[str, ...] = ()


class AuthorizationFrom(Record, frozen=True):
    """One source."""

    source: AuthorizationSource = AuthorizationSource()


class AuthorizationOperation(Record, frozen=True):
    """What a request asks for. All that is set must hold."""

    ports: tuple[str, ...] = ()
    not_ports: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    not_hosts: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    not_methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    not_paths: tuple[str, ...] = ()


class AuthorizationTo(Record, frozen=True):
    """One operation."""

    operation: AuthorizationOperation = AuthorizationOperation()


class AuthorizationRule(Record, frozen=True):
    """One rule: a source, an operation and all conditions must match."""

    from_: tuple[AuthorizationFrom, ...] = msgspec.field(name="from", default=())
    to: tuple[AuthorizationTo, ...] = ()
    when: tuple[dict[str, Any], ...] = ()


class AuthorizationSpec(Record, frozen=True):
    """What an AuthorizationPolicy says."""

    selector: WorkloadSelector | None = None
    target_ref: dict[str, Any] | None = None
    target_refs: tuple[dict[str, Any], ...] = ()
    action: str = ""
    rules: tuple[AuthorizationRule, ...] = ()


class AuthorizationPolicy(Record, frozen=True):
    """An AuthorizationPolicy."""

    metadata: ObjectMeta
    spec: AuthorizationSpec = AuthorizationSpec()


class SidecarPort(Record, frozen=True):
    """The port of a listener."""

    number: WholeNumber = 0


class SidecarListener(Record, frozen=True):
    """What the proxy does with connections to one port of the pod."""

    port: SidecarPort = SidecarPort()
    default_endpoint: str = ""


class SidecarSelector(Record, frozen=True):
    """Pods of a namespace by their labels."""

    labels: dict[str, str] = {}


class SidecarHosts(Record, frozen=True):
    """Hosts that the proxy knows of, for one port or for those that no other entry is about."""

    port: SidecarPort | None = None
    hosts: tuple[str, ...] = ()


class UnmatchedTraffic(Record, frozen=True):
    """What the proxy does with connections to hosts that it does not know of."""

    mode: str = "REGISTRY_ONLY"
    """The API's value 0, which is what a message without a mode has."""


class SidecarSpec(Record, frozen=True):
    """What a Sidecar says."""

    workload_selector: SidecarSelector | None = None
    ingress: tuple[SidecarListener, ...] = ()
    egress: tuple[SidecarHosts, ...] = ()
    outbound_traffic_policy: UnmatchedTraffic | None = None


class Sidecar(Record, frozen=True):
    """A Sidecar."""

    metadata: ObjectMeta
    spec: SidecarSpec = SidecarSpec()


def read_sidecar(sidecar: Sidecar) -> Guard:
    """A Sidecar in the common form."""
    chosen = sidecar.spec.workload_selector
    # With a selector it is about pods of its own namespace, in the root namespace as well.
    selects = (
        GuardSelector(pods=LabelSelector(match_labels=chosen.labels))
        if chosen
        else _selected(sidecar.metadata, None)
    )
    endpoints = {
        str(listener.port.number): listener.default_endpoint
        for listener in sidecar.spec.ingress
        if listener.default_endpoint
    }
    unmatched = sidecar.spec.outbound_traffic_policy
    part = GuardPart(
        selects=(selects,),
        endpoints=endpoints,
        imports=tuple(
            Imports(port=e.port.number if e.port else 0, hosts=e.hosts) for e in sidecar.spec.egress
        ),
        unmatched=unmatched.mode if unmatched else "",
    )
    return Guard(
        metadata=sidecar.metadata,
        kind="Sidecar",
        tier="mesh",
        order=_standing(sidecar.metadata, chosen=chosen is not None),
        parts=(part,),
    )


def read_peer(policy: PeerAuthentication) -> Guard:
    """A PeerAuthentication in the common form."""
    spec = policy.spec
    chosen = bool(spec.selector and spec.selector.match_labels)
    modes = {"": spec.mtls.mode}
    if chosen:
        modes |= {port: found.mode for port, found in spec.port_level_mtls.items()}
    part = GuardPart(selects=(_selected(policy.metadata, spec.selector),), modes=modes)
    return Guard(
        metadata=policy.metadata,
        kind="PeerAuthentication",
        tier="mesh",
        order=_standing(policy.metadata, chosen=chosen),
        # With a selector it says nothing in the root namespace.
        parts=() if chosen and policy.metadata.namespace == ISTIO_ROOT else (part,),
    )


def _standing(metadata: ObjectMeta, *, chosen: bool) -> float:
    """How near a policy stands to the pods that it is about."""
    return WORKLOAD if chosen else MESH if metadata.namespace == ISTIO_ROOT else NAMESPACE


def read_authorization(policy: AuthorizationPolicy) -> Guard:
    """An AuthorizationPolicy of Istio in the common form."""
    spec = policy.spec
    dry = policy.metadata.annotations.get(ISTIO_DRY_RUN, "").lower() == "true"
    action = (spec.action or "ALLOW").upper()
    nothing = dry or action == "AUDIT" or spec.target_ref or spec.target_refs
    does: Action = "Allow" if action == "ALLOW" else "Deny"
    beyond = "" if action in ("ALLOW", "DENY") else f"the action {action}"
    home = policy.metadata.namespace
    rules = tuple(r for rule in spec.rules for r in _rules(rule, home, does, beyond))
    part = GuardPart(
        selects=(_selected(policy.metadata, spec.selector),),
        isolates=("Ingress",) if action == "ALLOW" else (),
        rules=rules,
    )
    return Guard(
        metadata=policy.metadata,
        kind="AuthorizationPolicy",
        tier="mesh",
        parts=() if nothing else (part,),
    )


def _selected(metadata: ObjectMeta, selector: WorkloadSelector | None) -> GuardSelector:
    return GuardSelector(
        pods=LabelSelector(match_labels=selector.match_labels if selector else {}),
        namespaces=LabelSelector() if metadata.namespace == ISTIO_ROOT else None,
    )


def _rules(rule: AuthorizationRule, home: str, action: Action, beyond: str) -> Iterator[GuardRule]:
    """One for each operation and each sort of sources."""
    http = _asks_for_http(rule)
    for operation in [t.operation for t in rule.to] or [AuthorizationOperation()]:
        ports, of_ports = _ports(operation.ports)
        not_ports, of_others = _ports(operation.not_ports)
        words = [of_ports or of_others, "HTTP rules" if _speaks_http(operation) else ""]
        words.append("conditions" if rule.when else "")
        for of_sources, peers in _peers(rule.from_, home).items():
            yield GuardRule(
                direction="Ingress",
                action=action,
                peers=peers,
                ports=ports,
                not_ports=not_ports,
                beyond=", ".join(w for w in (beyond, of_sources, *words) if w),
                http=http,
            )


def _asks_for_http(rule: AuthorizationRule) -> bool:
    """Whether anything of a rule is an attribute of HTTP. (Istio, "Use Layer 4 security policy")"""
    sources = (s.source for s in rule.from_)
    return (
        any(_speaks_http(t.operation) for t in rule.to)
        or any(s.request_principals or s.not_request_principals for s in sources)
        or any(s.source.remote_ip_blocks or s.source.not_remote_ip_blocks for s in rule.from_)
        or any(condition.get("key") not in _OF_CONNECTIONS for condition in rule.when)
    )


_OF_CONNECTIONS = (
    *("source.ip", "source.namespace", "source.principal"),
    *("destination.ip", "destination.port"),
)
"""Conditions that ztunnel knows."""


def for_ztunnel(policy: Guard) -> Guard:
    """An AuthorizationPolicy as ztunnel enforces it: a rule that asks for what only HTTP has never
    matches in a policy that allows. (Istio, "Use Layer 4 security policy": such a policy denies)
    """

    def kept(rule: GuardRule) -> GuardRule:
        if rule.http and rule.action == "Allow":
            return msgspec.structs.replace(rule, peers=(), beyond="")
        return rule

    parts = tuple(
        msgspec.structs.replace(part, rules=tuple(map(kept, part.rules))) for part in policy.parts
    )
    return msgspec.structs.replace(policy, parts=parts)


def _speaks_http(asked: AuthorizationOperation) -> bool:
    """Whether an operation asks for what only HTTP has."""
    fields = (asked.hosts, asked.not_hosts, asked.methods, asked.not_methods)
    return any((*fields, asked.paths, asked.not_paths))


def _peers(
    sources: Iterable[AuthorizationFrom], home: str
) -> dict[str, tuple[GuardPeer, ...] | None]:
    """The sources, by what of them is not compared; every client where there are none."""
    found: dict[str, list[GuardPeer]] = {}
    for source in (s.source for s in sources):
        found.setdefault(_beyond(source), []).append(_peer(source, home))
    return {why: tuple(peers) for why, peers in found.items()} or {"": None}


def _beyond(source: AuthorizationSource) -> str:
    """What of a source is not compared."""
    spaces = (*source.namespaces, *source.not_namespaces)
    words = {
        "request principals": (*source.request_principals, *source.not_request_principals),
        "forwarded addresses": (*source.remote_ip_blocks, *source.not_remote_ip_blocks),
        "trust domains": (*source.trust_domains, *source.not_trust_domains),
        "namespaces by a pattern": [s for s in spaces if "*" in s[1:-1] or s.count("*") > 1],
        # No cluster accepts both.
        "namespaces beside service accounts": source.service_accounts and source.namespaces,
    }
    return ", ".join(word for word, asked in words.items() if asked)


def _peer(source: AuthorizationSource, home: str) -> GuardPeer:
    """A source in the common form."""
    spaces = tuple(Identity(namespace=n) for n in source.namespaces)
    accounts = tuple(_identity(a, home) for a in source.service_accounts)
    others = (
        *(Identity(namespace=n) for n in source.not_namespaces),
        *(_identity(a, home) for a in source.not_service_accounts),
    )
    return GuardPeer(
        identities=accounts or spaces or None,
        not_identities=others,
        principals=source.principals,
        not_principals=source.not_principals,
        blocks=tuple(map(_block, source.ip_blocks)) or None,
        not_blocks=tuple(map(_block, source.not_ip_blocks)),
    )


def _identity(account: str, home: str) -> Identity:
    """A service account, which is one of the policy's own namespace unless it names another."""
    space, _, name = account.rpartition("/")
    return Identity(namespace=space or home or "default", account=name)


def _block(address: str) -> IPBlock:
    return IPBlock(cidr=address if "/" in address else f"{address}/{128 if ':' in address else 32}")


def _ports(ports: Iterable[str]) -> tuple[tuple[NetworkPolicyPort, ...], str]:
    """The ports of the pod, and what of them is not compared."""
    numbers = [number_of(p) for p in ports]
    if None in numbers:
        return (), "ports by a pattern"
    return tuple(NetworkPolicyPort(port=n) for n in numbers if n is not None), ""


def mode_of(found: Iterable[tuple[Guard, GuardPart]], port: int) -> tuple[str, Guard | None]:
    """The mode that holds for a port of a pod, and the policy that says so.

    ``found`` are the PeerAuthentications that are about the pod. '' where several of the same
    standing say different things: the oldest holds, and which one that is, is not known.
    """
    levels: dict[float, list[tuple[str, Guard]]] = {}
    for guard, part in found:
        mode = part.modes.get(str(port), "") or ""
        if mode in ("", "UNSET"):
            mode = part.modes.get("", "")
        if mode not in ("", "UNSET"):
            levels.setdefault(guard.order or WORKLOAD, []).append((mode, guard))
    for level in sorted(levels):
        modes = {mode for mode, _ in levels[level]}
        return levels[level][0] if len(modes) == 1 else ("", None)
    return "PERMISSIVE", None


FORMS = {
    kinds.PEER_AUTHENTICATION: Form(PeerAuthentication, read_peer),
    kinds.ISTIO_AUTHORIZATION: Form(AuthorizationPolicy, read_authorization),
    kinds.ISTIO_SIDECAR: Form(Sidecar, read_sidecar),
}
