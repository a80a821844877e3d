"""PC721: a DestinationRule makes clients speak what the pods' sidecars do not take."""

from collections.abc import Sequence

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes, referrer_ports
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import names, share
from kubectl_portcheck.semantics import istio_inbound, mesh, sidecar
from kubectl_portcheck.semantics.case import Case, PodState, ServiceCase

PLAIN = ("DISABLE", "SIMPLE")
"""Modes in which clients show no certificate of the mesh."""


def _check(case: Case) -> Outcome:
    asked = [(r, _mode(case, r)) for r in case.referrers if r.kind == "DestinationRule"]
    asked = [(r, m) for r, m in asked if m and referrer_ports.references_here(case, r)]
    judged = [s for s in case.backends if s.target and sidecar.judges(s.pod, s.target)]
    if not asked or not judged:
        return NotApplicable("no DestinationRule sets TLS to pods with a sidecar of Istio")
    lacking = unread(case)
    if lacking is not None:
        return RULE.lacks(lacking)
    found = [
        _finding(case, referrer, mode, wrong)
        for referrer, mode in asked
        if (wrong := [s for s in judged if _conflicts(case, s, mode)])
    ]
    return Several(tuple(found)) if found else Passed()


def unread(case: ServiceCase, group: str = kinds.ISTIO_SECURITY) -> Missing | None:
    """Why policies of the mesh are not known, though the cluster serves them."""
    return istio_inbound.unread(case, Need.MESH_POLICIES, group)


def _mode(case: Case, rule: Referrer) -> str:
    modes = rule.tls_modes
    return modes.get(str(case.port.port), modes.get("", ""))


def _conflicts(case: Case, state: PodState, mode: str) -> bool:
    taken = istio_inbound.mode(case, state.pod, state.target or 0).name
    if mode in PLAIN:
        return taken == "STRICT"
    return mode == "ISTIO_MUTUAL" and taken == "DISABLE"


def _finding(case: Case, rule: Referrer, mode: str, wrong: Sequence[PodState]) -> Finding:
    subject = referrer_ports.subject_of(case, rule)
    target = wrong[0].target or 0
    taken = istio_inbound.mode(case, wrong[0].pod, target)
    plain = mode in PLAIN
    speaks = "without a certificate of the mesh" if plain else "by mutual TLS of the mesh"
    takes = "accepts only mutual TLS" if plain else "does not accept it"
    facts: list[Fact] = [State(subject=subject, state=f"sets TLS mode {mode}")]
    if taken.by is not None:
        facts.append(
            State(subject=policy_of(case, taken.by), state=f"sets mode {taken.name} for {target}")
        )
    return RULE.finding(
        case,
        f"DestinationRule {subject.name} makes clients in the mesh{_whose(case, rule)} connect "
        f"{speaks}, and the sidecar of {share(wrong, case.backends)} {takes} on {target}",
        evidence=facts,
        fixes=[
            fixes.by_hand(
                f"Set tls.mode to {'ISTIO_MUTUAL' if plain else 'DISABLE'} for port "
                f"{case.port.port} in DestinationRule {subject.name}, or remove its tls: Istio "
                "then finds out by itself what the pods take"
            )
        ],
        pods=names(wrong),
        subject=subject,
        unsure=istio_inbound.UNSEEN,
    )


def _whose(case: ServiceCase, rule: Referrer) -> str:
    """Whose clients, where only those of its namespace follow the rule.

    A client looks in its own namespace, in that of the Service, then in the root namespace. (Istio,
    ``DestinationRule.exportTo``)
    """
    home = case.namespace_of(rule.metadata)
    return "" if home in (case.namespace, mesh.ISTIO_ROOT) else f" of namespace {home}"


def policy_of(case: ServiceCase, policy: Guard) -> Subject:
    """A policy of the mesh, as the subject of a fact or finding."""
    namespace = case.namespace_of(policy.metadata)
    return Subject(kind=policy.kind, namespace=namespace, name=policy.metadata.name)


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}, {name: istio-proxy}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"]}}
---
kind: PeerAuthentication
metadata: {name: default, namespace: NAMESPACE}
spec: {mtls: {mode: STRICT}}
---
kind: DestinationRule
metadata: {name: checkout}
spec: {host: checkout, trafficPolicy: {tls: {mode: MODE}}}
"""

RULE = Rule(
    code="PC721",
    name="mesh-tls-conflicts",
    severity="warning",
    summary="A DestinationRule of Istio makes clients speak what the pods' sidecars do not take",
    applies=(When.PODS, When.TCP),
    clues=(Clue.MESHED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.REFERRERS, Need.MESH_POLICIES),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="A DestinationRule sets the TLS mode in which clients of the mesh connect, and a "
        "PeerAuthentication what the pods' sidecars take. DISABLE and SIMPLE show no certificate "
        "of the mesh, which STRICT asks for; ISTIO_MUTUAL sends TLS that DISABLE hands on to the "
        "application.",
        why="The sidecar accepts the connection and resets it, so requests fail with 503 and "
        "connection reset, while every pod is Ready: the kubelet's probes do not go this way.",
        confirm="istioctl x describe pod POD shows both; the client's sidecar logs 503 UC or UF.",
        fix="Leave tls out of the DestinationRule, so that Istio finds out by itself what the "
        "pods take, or set ISTIO_MUTUAL. A mode can be set per port.",
    ),
    examples=(
        Example(
            "clients speak plain text, the namespace asks for mutual TLS",
            _SHOP.replace("MODE", "DISABLE").replace("NAMESPACE", "default"),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC721 warning in DestinationRule checkout, port 80/TCP
  DestinationRule checkout makes clients in the mesh connect without a certificate of the mesh,
      and the sidecar of the pod accepts only mutual TLS on 8080
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - DestinationRule checkout: sets TLS mode DISABLE
  - PeerAuthentication default: sets mode STRICT for 8080
  review: Set tls.mode to ISTIO_MUTUAL for port 80 in DestinationRule checkout, or remove its
      tls: Istio then finds out by itself what the pods take
""",
        ),
        Example(
            "the mesh asks for it, and the clients speak it",
            _SHOP.replace("MODE", "ISTIO_MUTUAL").replace("NAMESPACE", "istio-system"),
            expects="healthy",
        ),
    ),
    check=_check,
)
