"""Istio's PeerAuthentication, AuthorizationPolicy and Sidecar, for pods with a sidecar.

By the reference of Istio's API (``security.istio.io/v1``): a policy is about the pods of its
namespace that its selector means, or of every namespace where it stands in the root namespace
(``istio-system`` unless the mesh is set otherwise). Of PeerAuthentications the one with a selector
comes first, then that of the namespace, then that of the mesh; modes of ports count only with a
selector, and are those of the pod's port; UNSET inherits; without any, PERMISSIVE holds. Of
AuthorizationPolicies a DENY rule that matches comes first; once an ALLOW policy selects the pod, it
has only what one of its rules allows. Ports are those of the pod.

Principals, request principals, HTTP rules, conditions and the action CUSTOM are not compared.
Policies with ``targetRefs`` are about gateways and waypoints, not about sidecars. Of a Sidecar
(``networking.istio.io``) only ``ingress[].defaultEndpoint`` is read: where the proxy connects to
for a port.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from kubectl_portcheck.model.base import Record, WholeNumber
from kubectl_portcheck.model.guards import (
    Action,
    Guard,
    GuardPart,
    GuardPeer,
    GuardRule,
    GuardSelector,
)
from kubectl_portcheck.model.objects import LabelSelector, LabelSelectorRequirement, ObjectMeta
from kubectl_portcheck.model.references import IPBlock, NetworkPolicyPort
from kubectl_portcheck.semantics.annotations import ISTIO_DRY_RUN
from kubectl_portcheck.semantics.peers import NAMESPACE_NAME

ROOT = "istio-system"
"""The root namespace of a mesh that is set up as documented."""
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


class SidecarSpec(Record, frozen=True):
    """What a Sidecar says."""

    workload_selector: SidecarSelector | None = None
    ingress: tuple[SidecarListener, ...] = ()


class Sidecar(Record, frozen=True):
    """A Sidecar."""

    metadata: ObjectMeta
    spec: SidecarSpec = SidecarSpec()


def read_sidecar(sidecar: Sidecar) -> Guard:
    """A Sidecar in the common form."""
    chosen = sidecar.spec.workload_selector
    selector = WorkloadSelector(match_labels=chosen.labels) if chosen else None
    endpoints = {
        str(listener.port.number): listener.default_endpoint
        for listener in sidecar.spec.ingress
        if listener.default_endpoint
    }
    part = GuardPart(selects=(_selected(sidecar.metadata, selector),), endpoints=endpoints)
    return Guard(metadata=sidecar.metadata, kind="Sidecar", tier="mesh", parts=(part,))


def read_peer(policy: PeerAuthentication) -> Guard:
    """A PeerAuthentication in the common form."""
    spec = policy.spec
    of_mesh = policy.metadata.namespace == ROOT
    chosen = bool(spec.selector and spec.selector.match_labels)
    modes = {"": spec.mtls.mode}
    if chosen:
        modes |= {port: found.mode for port, found in spec.port_level_mtls.items()}
    part = GuardPart(selects=(_selected(policy.metadata, spec.selector),), modes=modes)
    return Guard(
        metadata=policy.metadata,
        kind="PeerAuthentication",
        tier="mesh",
        order=WORKLOAD if chosen else MESH if of_mesh else NAMESPACE,
        # With a selector it says nothing in the root namespace.
        parts=() if chosen and of_mesh else (part,),
    )


def read_authorization(policy: AuthorizationPolicy) -> Guard:
    """An AuthorizationPolicy of Istio in the common form."""
    spec = policy.spec
    dry = policy.metadata.annotations.get(ISTIO_DRY_RUN, "").lower() == "true"
    action = (spec.action or "ALLOW").upper()
    nothing = dry or action == "AUDIT" or spec.target_ref or spec.target_refs
    does: Action = "Allow" if action == "ALLOW" else "Deny"
    beyond = "" if action in ("ALLOW", "DENY") else f"the action {action}"
    rules = tuple(r for rule in spec.rules for r in _rules(rule, does, beyond))
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
        namespaces=LabelSelector() if metadata.namespace == ROOT else None,
    )


def _rules(rule: AuthorizationRule, action: Action, beyond: str) -> Iterator[GuardRule]:
    """One for each operation."""
    peers, of_sources = _peers(rule.from_)
    for operation in [t.operation for t in rule.to] or [AuthorizationOperation()]:
        ports, of_ports = _ports(operation.ports)
        not_ports, of_others = _ports(operation.not_ports)
        http = any(
            (
                *(operation.hosts, operation.not_hosts, operation.methods, operation.not_methods),
                *(operation.paths, operation.not_paths),
            )
        )
        words = [beyond, of_sources, of_ports or of_others, "HTTP rules" if http else ""]
        words.append("conditions" if rule.when else "")
        yield GuardRule(
            direction="Ingress",
            action=action,
            peers=peers,
            ports=ports,
            not_ports=not_ports,
            beyond=", ".join(w for w in words if w),
        )


def _peers(sources: Iterable[AuthorizationFrom]) -> tuple[tuple[GuardPeer, ...] | None, str]:
    """The sources, and what of them is not compared."""
    found: list[GuardPeer] = []
    several = [s.source for s in sources]
    for source in several:
        only = AuthorizationSource(namespaces=source.namespaces, ip_blocks=source.ip_blocks)
        if source != only or any("*" in n for n in source.namespaces):
            return None, "principals or other sources"
        term = LabelSelectorRequirement(key=NAMESPACE_NAME, operator="In", values=source.namespaces)
        spaces = LabelSelector(match_expressions=(term,))
        blocks = tuple(
            IPBlock(cidr=b if "/" in b else f"{b}/{128 if ':' in b else 32}")
            for b in source.ip_blocks
        )
        found.append(
            GuardPeer(
                selectors=(GuardSelector(namespaces=spaces),) if source.namespaces else None,
                blocks=blocks or None,
            )
        )
    return (tuple(found) if several else None), ""


def _ports(ports: Iterable[str]) -> tuple[tuple[NetworkPolicyPort, ...], str]:
    """The ports of the pod, and what of them is not compared."""
    several = list(ports)
    if any(not p.isdecimal() for p in several):
        return (), "ports by a pattern"
    return tuple(NetworkPolicyPort(port=int(p)) for p in several), ""


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
