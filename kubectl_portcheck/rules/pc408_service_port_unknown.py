"""PC408: the requested port is not a port of the Service."""

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    asked = case.evidence.asked_port
    if asked is None:
        return NotApplicable("every port was asked about")
    if case.asked_ports:
        return Passed()
    ports = [
        f"{p.port}/{p.protocol}" + (f" ({p.name})" if p.name else "")
        for p in case.service.spec.ports
    ]
    return RULE.finding(
        case,
        f"The Service has no port {asked}; its ports: {listing(ports) or 'none'}",
        evidence=[Observation(text=f"port {p}") for p in ports],
        impact=Impact.ALL,
    )


RULE = Rule(
    code="PC408",
    name="service-port-unknown",
    severity="error",
    summary="The requested port is not a port of the Service",
    applies=(When.NOT_EXTERNAL_NAME, When.NOT_HEADLESS),
    clues=(Clue.ASKED,),
    needs=(),
    uses=(),
    in_files=Worth.PROOF,
    field=("ports",),
    explanation=Explanation(
        meaning="You asked for NAME:PORT, and the Service has no port with that number or name. A "
        "client that uses this port uses the wrong one. Usually it uses the target port.",
        why="kube-proxy has no rule for the port: clients get 'no route to host' or a time-out, "
        "not a refusal.",
        confirm="kubectl get service NAME lists the ports.",
        fix="Use a port of the Service in the client, or add the port to the Service.",
    ),
    examples=(
        Example(
            "the client uses the target port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
asked: 8080
""",
            expects="""
broken; also PC301
PC408 error for all in Service checkout
  The Service has no port 8080; its ports: 80/TCP
  - port 80/TCP
""",
        ),
        Example(
            "by its name",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
asked: http
""",
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
