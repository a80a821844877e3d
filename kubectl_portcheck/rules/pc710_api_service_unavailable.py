"""PC710: the API server reports that an aggregated API behind the Service is not available."""

from kubectl_portcheck.model.facts import Said
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.rules import fixes, referrer_ports
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
)
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    known = [c for c in case.referrers if c.kind == "APIService"]
    if not known:
        return NotApplicable("no APIService is known to lead to the Service")
    found = [f for c in known if (f := _finding(case, c))]
    return Several(tuple(found)) if found else Passed()


def _finding(case: ServiceCase, referrer: Referrer) -> Finding | None:
    said = next((c for c in referrer.conditions if c.type == "Available"), None)
    if said is None or said.status != "False":
        return None
    subject = referrer_ports.subject_of(case, referrer)
    called = referrer_ports.references_here(case, referrer)
    numbers = {r.meant for r in called}
    port = next((p for p in case.service.spec.ports if numbers == {p.port}), None)
    touches = port is None or port in case.asked_ports
    return RULE.finding(
        case,
        f"The API server reports that APIService {subject.name} is not available: "
        f"{said.reason or 'no reason given'}",
        evidence=[Said(source=f"APIService {subject.name}", words=said.message or said.reason)],
        fixes=[
            fixes.by_hand(
                "Fix what the API server reports: where it connects from must reach the pods, and "
                "their certificate must be one that it can verify",
            ),
            fixes.by_hand(f"Delete APIService {subject.name}, if that API is no longer served"),
        ],
        impact=Impact.PATH if touches else Impact.NONE,
        severity="error" if touches else "warning",
        subject=subject,
        port=port,
        pointer=called[0].pointer if called else "",
    )


_SHOP = """
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
kind: APIService
metadata: {name: v1.checkout.example.com}
spec: {service: {name: checkout, namespace: default, port: 443}, caBundle: LS0t}
"""

RULE = Rule(
    code="PC710",
    name="api-service-unavailable",
    severity="error",
    summary="The API server reports that an aggregated API behind the Service is not available",
    needs=(),
    uses=(Need.REFERRERS,),
    explanation=Explanation(
        meaning="An APIService sends requests for a group of the Kubernetes API to this Service. "
        "Its condition Available is False. The finding quotes the API server.",
        why="Requests for that group fail with status 503. kubectl api-resources and the deletion "
        "of namespaces can fail as well, because they ask every group.",
        confirm="kubectl get apiservice NAME -o yaml: read the condition Available.",
        fix="Fix the cause that the report names beside this. If there is none, look at what "
        "is between the API server and the pods: policies, firewalls, certificates.",
    ),
    examples=(
        Example(
            "the discovery check fails",
            f"""{_SHOP}status:
  conditions:
  - type: Available
    status: "False"
    reason: FailedDiscoveryCheck
    message: "failing or missing response from https://10.0.0.1:8443/apis/checkout.example.com/v1"
""",
            expects="""
degraded
PC710 error for path in APIService v1.checkout.example.com, port 443/TCP
  The API server reports that APIService v1.checkout.example.com is not available:
      FailedDiscoveryCheck
  - APIService v1.checkout.example.com: failing or missing response from
      https://10.0.0.1:8443/apis/checkout.example.com/v1
  review: Fix what the API server reports: where it connects from must reach the pods, and their
      certificate must be one that it can verify
  review: Delete APIService v1.checkout.example.com, if that API is no longer served
""",
        ),
        Example(
            "the API is available",
            f"""{_SHOP}status: {{conditions: [{{type: Available, status: "True", reason: Passed}}]}}
""",
            expects="healthy",
        ),
    ),
    clues=(Need.REFERRERS,),
    check_service=_check,
    follows_from=("PC706", "PC709", "PC740"),
)
