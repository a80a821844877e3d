"""PC715: a BackendTLSPolicy names a port that the Service does not have, or is not accepted."""

from kubectl_portcheck.model.facts import Said
from kubectl_portcheck.model.references import Referrer
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
from kubectl_portcheck.semantics import referrers
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    outcome = referrer_ports.check(case, RULE, "gateway", "warning")
    if not isinstance(outcome, Passed):
        return outcome
    found = [f for r in referrers.read_by(case.referrers, "gateway") if (f := _refused(case, r))]
    return Several(tuple(found)) if found else outcome


def _refused(case: ServiceCase, policy: Referrer) -> Finding | None:
    said = [
        c
        for c in policy.conditions
        if c.type in ("Accepted", "ResolvedRefs") and c.status == "False"
    ]
    if not said:
        return None
    subject = referrer_ports.subject_of(case, policy)
    return RULE.finding(
        case,
        f"A Gateway's controller does not apply {subject.kind} {subject.name}: "
        f"{said[0].reason or said[0].type}",
        evidence=[
            Said(source="the Gateway's controller", words=c.message or c.reason or c.type)
            for c in said
        ],
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
_POLICY = """kind: BackendTLSPolicy
metadata: {name: checkout, namespace: default}
spec: {targetRefs: [{group: "", kind: Service, name: checkout, sectionName: %s}]}
"""

RULE = Rule(
    code="PC715",
    name="backend-tls-policy-detached",
    severity="warning",
    summary="A BackendTLSPolicy of the Gateway API names a port that the Service does not have, or "
    "is not accepted",
    applies=(When.NOT_EXTERNAL_NAME,),
    needs=(),
    uses=(Need.REFERRERS, Need.PODS),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="A BackendTLSPolicy makes Gateways speak TLS to the Services in its targetRefs. "
        "sectionName is the name of one port of the Service. There is no such port, or the "
        "controller reports that it does not apply the policy; the finding quotes it.",
        why="The Gateway does not apply the policy: it speaks plain HTTP to the pods, or answers "
        "with status 500. Clients inside the cluster are not affected.",
        confirm="kubectl get backendtlspolicy NAME -o yaml: read status.ancestors, and compare "
        "sectionName with the names of the ports in kubectl get service NAME -o yaml.",
        fix="Set sectionName to the name of the port, or leave it out.",
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
            "its certificate authority is not there",
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
