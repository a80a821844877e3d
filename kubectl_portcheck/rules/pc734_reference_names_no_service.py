"""PC734: what leads to a Service has a mistyped name, which no Service has."""

from collections.abc import Sequence

from kubectl_portcheck.model.base import Reason
from kubectl_portcheck.model.evidence import Misnamed
from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    Several,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    missing = case.missing("misnamed")
    if missing is not None and missing.reason not in (Reason.NOT_ASKED, Reason.NOT_RECORDED):
        return RULE.lacks(missing)
    by_object: dict[Subject, list[Misnamed]] = {}
    for one in case.misnamed:
        by = Subject(kind=one.kind, namespace=one.namespace, name=one.name)
        by_object.setdefault(by, []).append(one)
    found = [_finding(case, by, several) for by, several in by_object.items()]
    return Several(tuple(found)) if found else Passed()


def _finding(case: ServiceCase, by: Subject, found: Sequence[Misnamed]) -> Finding:
    names = dict.fromkeys(one.service for one in found)
    exist = "does not exist" if len(names) == 1 else "do not exist"
    services = "Service" if len(names) == 1 else "Services"
    return RULE.finding(
        case,
        f"{by.kind} {by.name} names {services} {listing(names)}, which {exist} in namespace "
        f"{case.namespace}; Service {case.name} has nearly this name",
        evidence=[State(subject=by, state=f"{one.where} names {one.service}") for one in found],
        fixes=[
            fixes.by_hand(
                f"Write {case.name} instead of {listing(names)} in {by.kind} {by.name}, if that "
                "was meant"
            )
        ],
        subject=by,
    )


_SHOP = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}}
---
kind: Ingress
metadata: {name: web, namespace: default}
"""

RULE = Rule(
    code="PC734",
    name="reference-names-no-service",
    severity="warning",
    summary="An Ingress, a route or a webhook has a mistyped name of the Service",
    clues=(Need.MISNAMED,),
    needs=(),
    uses=(Need.MISNAMED,),
    in_files=Worth.ABSENCE,
    explanation=Explanation(
        meaning="A reference names a Service that does not exist in the namespace, and nearly has "
        "the name of one that does. The name may be mistyped, or the Service that it means was "
        "deleted or renamed. Names with another word, such as web-v1 and web-v2, are not compared.",
        why="The reader of the reference has no backend: an Ingress controller answers with 503 or "
        "404, and the API server refuses what a webhook must admit. Clients that use the Service "
        "itself are served.",
        confirm="kubectl get services shows the names. kubectl portcheck svc/NAME, with the wrong "
        "name, lists all that needs it.",
        fix="Correct the name in the reference, or create the Service that it names.",
    ),
    examples=(
        Example(
            "two letters are exchanged",
            f"{_SHOP}spec: {{defaultBackend: {{service: {{name: chekcout}}}}}}\n",
            expects="""
healthy
PC734 warning in Ingress web
  Ingress web names Service chekcout, which does not exist in namespace default; Service
      checkout has nearly this name
  - Ingress web: default backend names chekcout
  review: Write checkout instead of chekcout in Ingress web, if that was meant
""",
        ),
        Example(
            "the name is that of a version beside it",
            f"{_SHOP.replace('name: checkout,', 'name: checkout-v1,')}"
            "spec: {defaultBackend: {service: {name: checkout-v2, port: {number: 80}}}}\n",
            expects="healthy",
        ),
    ),
    check_service=_check,
)
