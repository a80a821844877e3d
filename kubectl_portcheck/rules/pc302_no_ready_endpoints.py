"""PC302: the selector matches pods, but none of them is Ready."""

from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import pods, probes
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    if case.backends or not case.pods:
        return Passed()
    if any(e.endpoint.ready and e.port is None for e in case.endpoints):
        return NotApplicable("endpoints are ready; they lack this port (PC303)")
    unready = [s for s in case.states if not pods.is_ready(s.pod)]
    if not unready:
        return NotApplicable("the pods are ready: the EndpointSlices lag (PC307), or lack the port")
    return RULE.finding(
        case,
        ("The pod is not" if len(case.pods) == 1 else f"None of the {len(case.pods)} pods is")
        + " Ready, so the Service has no ready endpoint",
        evidence=[
            evidence.pod_is(case, s.name, f"{pods.describe(s.pod)}{_probe(case, s)}")
            for s in case.states
        ],
        impact=Impact.ALL,
        pods=[s.name for s in case.states],
    )


def _probe(case: Case, state: PodState) -> str:
    """What the readiness probe asks, and whether anything listens there."""
    asked = [p for p, kind in probes.asked_ports(state.pod).items() if kind == "readiness"]
    listeners = case.listeners(state.pod)
    if not asked or not pods.has_running_main(state.pod):
        return ""
    if listeners is None:
        return f"; readiness is checked on {asked[0]}"
    found = sorted({s.port for s in listeners if s.protocol == "TCP"})
    if asked[0] in found:
        return f"; readiness is checked on {asked[0]}, where a process listens"
    where = f"; the pod listens on {listing(found)}" if found else ""
    return f"; readiness is checked on {asked[0]}, where nothing listens{where}"


RULE = Rule(
    code="PC302",
    name="no-ready-endpoints",
    severity="error",
    summary="The selector matches pods, but none of them is Ready",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The selector is right and pods exist, but none is Ready: they are Pending, they "
        "crash, or their readiness probe fails.",
        why="Only Ready pods get traffic. Without one, connections to the Service are refused.",
        confirm="kubectl get pods shows 0/1. kubectl describe pod shows the failing probe.",
        fix="Fix what keeps the pods from being Ready; another finding of the report names it. In "
        "an emergency, publishNotReadyAddresses sends traffic to pods that are not Ready as well.",
    ),
    examples=(
        Example(
            "the readiness probe fails",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers: [{name: app, readinessProbe: {httpGet: {port: 8081, path: /}}}]
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, state: {running: {}}}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
broken; also PC411, PC104
PC302 error for all in Service checkout, port 80/TCP, follows from PC411
  The pod is not Ready, so the Service has no ready endpoint
  pods: checkout-1
  - checkout-1: Running, not Ready; readiness is checked on 8081, where nothing listens; the pod
      listens on 8080
""",
        ),
        Example(
            "one of two pods is Ready",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status: {phase: Pending}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy; also PC304",
        ),
    ),
    check=_check,
    follows_from=(
        *("PC116", "PC115", "PC112", "PC113", "PC108", "PC109", "PC110", "PC114"),
        *("PC101", "PC102", "PC103", "PC104", "PC105", "PC106", "PC107", "PC411", "PC507"),
    ),
)
