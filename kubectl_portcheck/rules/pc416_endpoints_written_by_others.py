"""PC416: who writes the endpoints of a Service without a selector, and what they change."""

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import listing, verb
from kubectl_portcheck.semantics import endpoints
from kubectl_portcheck.semantics.case import Case


def _check(case: Case) -> Outcome:
    carried = sorted({e.port for e in case.endpoints if e.port is not None})
    if not carried:
        return NotApplicable("no endpoint carries the port")
    other = [n for n in carried if n != case.target] if isinstance(case.target, int) else []
    who = {s.metadata.name: endpoints.writers(s) for s in case.written_slices}
    if not other and not any(who.values()):
        return Passed()
    led = listing(other or carried)
    summary = (
        f"targetPort {case.target} has no effect, because the Service has no selector: its "
        f"EndpointSlices lead to {led}"
        if other
        else f"{listing(dict.fromkeys(w for w in who.values() if w))} "
        f"{verb(who, 'writes', 'write')} the endpoints of the Service"
    )
    return RULE.finding(
        case,
        summary,
        evidence=[
            State(
                subject=Subject(kind="EndpointSlice", namespace=case.namespace, name=name),
                state=f"is written by {w or 'hand'}",
            )
            for name, w in who.items()
        ],
    )


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: EndpointSlice
metadata: {name: checkout-1, labels: {kubernetes.io/service-name: checkout}}
endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: checkout-1}}]
ports: [{name: http, port: PORT}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:PORT"]}}
"""

RULE = Rule(
    code="PC416",
    name="endpoints-written-by-others",
    severity="info",
    summary="Who writes the endpoints of a Service without a selector, and to which port",
    applies=(When.MANUAL_ENDPOINTS, When.NOT_HEADLESS),
    needs=(Need.SLICES,),
    uses=(Need.PODS,),
    explanation=Explanation(
        meaning="The Service has no selector, so the port of its EndpointSlices counts, and its "
        "targetPort does not. The label endpointslice.kubernetes.io/managed-by and the field "
        "managers of a slice say who writes it: an operator, a serverless controller, a person.",
        why="Traffic does not fail. It is information for those who want to change the port: a "
        "change of targetPort has no effect here.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml "
        "--show-managed-fields.",
        fix="Nothing. To change the port, change it where the EndpointSlice is written.",
    ),
    examples=(
        Example(
            "the endpoints lead to another port than targetPort",
            _SHOP.replace("PORT", "9000"),
            expects="""
healthy
PC416 info in Service checkout, port 80/TCP
  targetPort 8080 has no effect, because the Service has no selector: its EndpointSlices lead to
      9000
  - EndpointSlice checkout-1: is written by hand
""",
        ),
        Example(
            "the endpoints lead to targetPort",
            _SHOP.replace("PORT", "8080"),
            expects="healthy",
        ),
    ),
    check=_check,
)
