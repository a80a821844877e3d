"""PC715: a BackendTLSPolicy names a port or a ConfigMap that is not there, or is not accepted."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, Said, State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Condition
from kubectl_portcheck.model.references import Authority, Referrer
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes, referrer_ports
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    outcome = referrer_ports.check(case, RULE, "gateway", "warning")
    found = list(outcome.findings) if isinstance(outcome, Several) else []
    policies = case.read_by("gateway")
    for policy in policies:
        wrong = [a for a in policy.authorities if a.state in ("absent", "without the key")]
        if wrong:
            found.append(_without_authority(case, policy, wrong))
        elif refused := _refused(case, policy):
            found.append(refused)
    if found:
        return Several(tuple(found))
    unknown = next((a for p in policies for a in p.authorities if a.why), None)
    if unknown is not None and isinstance(outcome, Passed):
        return RULE.lacks(
            f"ConfigMap {unknown.name}, which a BackendTLSPolicy names: {unknown.why}"
        )
    return outcome


def _without_authority(case: ServiceCase, policy: Referrer, wrong: Sequence[Authority]) -> Finding:
    subject = referrer_ports.subject_of(case, policy)
    first = wrong[0]
    absent = first.state == "absent"
    lacks = "does not exist" if absent else "does not have the key ca.crt"
    no_other = "; it names no other" if len(policy.authorities) == len(wrong) else ""
    put = (
        f"Create ConfigMap {first.name} with the certificate authority of the pods under the key "
        "ca.crt"
        if absent
        else f"Add the certificate authority of the pods to ConfigMap {first.name} under the key "
        "ca.crt"
    )
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} takes certificate authorities from ConfigMap "
        f"{first.name}, which {lacks}{no_other}",
        evidence=[
            *(_found(subject.namespace, a) for a in wrong),
            *_said(policy),
        ],
        fixes=[
            fixes.by_hand(
                f"{put}, or name the ConfigMap that has it in {subject.kind} {subject.name}. No "
                "command is offered: the certificate of the pods is not read"
            )
        ],
        subject=subject,
        pointer=first.pointer,
    )


def _found(namespace: str, authority: Authority) -> Fact:
    several = "keys" if len(authority.keys) > 1 else "key"
    keys = f"has the {several} {listing(authority.keys)}" if authority.keys else "has no keys"
    return State(
        subject=Subject(kind="ConfigMap", namespace=namespace, name=authority.name),
        state="does not exist" if authority.state == "absent" else keys,
    )


def _said(policy: Referrer) -> list[Fact]:
    """What a Gateway's controller reports against the policy."""
    return [
        Said(source="the Gateway's controller", words=c.message or c.reason or c.type)
        for c in _conditions(policy)
    ]


def _conditions(policy: Referrer) -> list[Condition]:
    return [
        c
        for c in policy.conditions
        if c.type in ("Accepted", "ResolvedRefs") and c.status == "False"
    ]


def _refused(case: ServiceCase, policy: Referrer) -> Finding | None:
    said = _conditions(policy)
    if not said:
        return None
    subject = referrer_ports.subject_of(case, policy)
    return RULE.finding(
        case,
        f"A Gateway's controller does not apply {subject.kind} {subject.name}: "
        f"{said[0].reason or said[0].type}",
        evidence=_said(policy),
        fixes=[
            fixes.by_hand(
                f"Fix what the controller reports of {subject.kind} {subject.name}: its "
                "certificate authorities (ConfigMaps with the key ca.crt) or its hostname"
            )
        ],
        subject=subject,
    )


_SERVICE = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{name: https, port: 443, targetPort: 8443}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8443"], port-forward: {8443: accepted}}}
---
"""
_VERIFIED = """kind: BackendTLSPolicy
metadata: {name: checkout, namespace: default}
spec:
  targetRefs: [{group: "", kind: Service, name: checkout}]
  validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: ca}]}
---
"""
_POLICY = """kind: BackendTLSPolicy
metadata: {name: checkout, namespace: default}
spec: {targetRefs: [{group: "", kind: Service, name: checkout, sectionName: %s}]}
"""

RULE = Rule(
    code="PC715",
    name="backend-tls-policy-detached",
    severity="warning",
    summary="A BackendTLSPolicy of the Gateway API names a port that the Service does not have, or "
    "a ConfigMap without certificate authorities, or is not accepted",
    applies=(When.NOT_EXTERNAL_NAME,),
    clues=(Need.REFERRERS,),
    needs=(),
    uses=(Need.REFERRERS, Need.PODS),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="A BackendTLSPolicy makes Gateways speak TLS to the Services in its targetRefs. "
        "sectionName is the name of one port of the Service, and caCertificateRefs are ConfigMaps "
        "of the same namespace with the certificate authorities of the pods under the key ca.crt. "
        "There is no such port, no such ConfigMap or no such key in it, or the controller reports "
        "that it does not apply the policy; the finding quotes it. Of a ConfigMap only the names "
        "of its keys are kept. In files ConfigMaps are not looked up: others than those there may "
        "be made later.",
        why="The Gateway does not apply the policy: it speaks plain HTTP to the pods, or answers "
        "with status 500 or 503. Clients inside the cluster are not affected.",
        confirm="kubectl get backendtlspolicy NAME -o yaml: read status.ancestors, and compare "
        "sectionName with the names of the ports in kubectl get service NAME -o yaml. kubectl "
        "describe configmap NAME shows the keys.",
        fix="Set sectionName to the name of the port, or leave it out. Create the ConfigMap, or "
        "name the one with the certificate authorities.",
    ),
    examples=(
        Example(
            "sectionName is the port's number",
            f"{_SERVICE}{_POLICY}" % '"443"',
            expects="""
healthy
PC715 warning in BackendTLSPolicy checkout, port 443/TCP
  BackendTLSPolicy checkout references port "443", which Service checkout does not have; the
      ports of Service checkout: 443 (https)/TCP
  - BackendTLSPolicy checkout: targetRefs[0] references port 443
  - for port 443 (https): the name 443 is its number in quotes
  safe: Change the port in BackendTLSPolicy checkout to 443 (https)
    replace /spec/targetRefs/0/sectionName https in BackendTLSPolicy checkout
""",
        ),
        Example(
            "the ConfigMap of its certificate authorities does not exist",
            f"{_SERVICE}{_VERIFIED}",
            expects="""
healthy
PC715 warning in BackendTLSPolicy checkout
  BackendTLSPolicy checkout takes certificate authorities from ConfigMap ca, which does not
      exist; it names no other
  - ConfigMap ca: does not exist
  review: Create ConfigMap ca with the certificate authority of the pods under the key ca.crt,
      or name the ConfigMap that has it in BackendTLSPolicy checkout. No command is offered: the
      certificate of the pods is not read
""",
        ),
        Example(
            "the ConfigMap has the certificate authorities under another key",
            f"""{_SERVICE}{_VERIFIED}
kind: ConfigMap
metadata: {{name: ca}}
keys: [root.pem]
""",
            expects="""
healthy
PC715 warning in BackendTLSPolicy checkout
  BackendTLSPolicy checkout takes certificate authorities from ConfigMap ca, which does not have
      the key ca.crt; it names no other
  - ConfigMap ca: has the key root.pem
  review: Add the certificate authority of the pods to ConfigMap ca under the key ca.crt, or
      name the ConfigMap that has it in BackendTLSPolicy checkout. No command is offered: the
      certificate of the pods is not read
""",
        ),
        Example(
            "the ConfigMap has the key",
            f"""{_SERVICE}{_VERIFIED}
kind: ConfigMap
metadata: {{name: ca}}
keys: [ca.crt, README]
""",
            expects="healthy",
        ),
        Example(
            "a controller reports that its certificate authority is not there",
            f"""{_SERVICE}{_POLICY % "https"}status:
  ancestors:
  - conditions:
    - type: ResolvedRefs
      status: "False"
      reason: InvalidCACertificateRef
      message: ConfigMap ca not found
""",
            expects="""
healthy
PC715 warning in BackendTLSPolicy checkout
  A Gateway's controller does not apply BackendTLSPolicy checkout: InvalidCACertificateRef
  - the Gateway's controller: ConfigMap ca not found
  review: Fix what the controller reports of BackendTLSPolicy checkout: its certificate
      authorities (ConfigMaps with the key ca.crt) or its hostname
""",
        ),
        Example(
            "sectionName is the port's name", f"{_SERVICE}{_POLICY % 'https'}", expects="healthy"
        ),
    ),
    check_service=_check,
)
