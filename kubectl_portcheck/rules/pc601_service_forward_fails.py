"""PC601: kubectl port-forward to the Service fails."""

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
)
from kubectl_portcheck.semantics.case import Case

WORDS = {"refused": "is refused", "reset": "is reset", "timeout": "times out"}


def _check(case: Case) -> Outcome:
    forward = case.service_forward
    if forward is None or forward.attempt is None:
        return NotApplicable("no port-forward to the Service was made")
    if forward.attempt.outcome not in ("refused", "reset", "timeout"):
        return Passed()
    outcome = forward.attempt.outcome
    facts = [Observation(text=f"kubectl chooses port {forward.pod_port} of pod {forward.pod}")]
    state = next((s for s in case.states if s.name == forward.pod), None)
    if state and state.target != forward.pod_port:
        text = f"clients of the Service reach port {state.target} there: kubectl resolves otherwise"
        facts.append(Observation(text=text))
    if state and state.answer.kind == "serves":
        facts.append(Observation(text="clients of the Service are served all the same"))
    return RULE.finding(
        case,
        f"kubectl port-forward svc/{case.name} {case.port.port} connects to {forward.pod_port} of "
        f"{forward.pod} and {WORDS[outcome]}",
        evidence=facts,
        pods=[forward.pod] if forward.pod else [],
    )


RULE = Rule(
    code="PC601",
    name="service-forward-fails",
    severity="warning",
    summary="kubectl port-forward to the Service fails",
    needs=(),
    uses=(Need.PODS, Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.FORWARDS),
    explanation=Explanation(
        meaning="kubectl port-forward svc/NAME selects one pod, translates the Service port and "
        "forwards to loopback in that pod. It does not use the Service's address, kube-proxy or a "
        "NetworkPolicy, so it says little about the Service's clients.",
        why="The port of the selected pod is closed on loopback. Usually another finding of the "
        "report says why.",
        confirm="kubectl port-forward svc/NAME :PORT, then connect to it.",
        fix="Fix the cause. If clients are served anyway (the application listens on the pod's IP "
        "address only), ignore the port-forward.",
    ),
    examples=(
        Example(
            "the selected pod refuses",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["10.0.0.1:8080"], service-port-forward: {80: refused}}}
""",
            expects="""
healthy; also PC203
PC601 warning in Service checkout, port 80/TCP, follows from PC203
  kubectl port-forward svc/checkout 80 connects to 8080 of checkout-1 and is refused
  pods: checkout-1
  - kubectl chooses port 8080 of pod checkout-1
  - clients of the Service are served all the same
""",
        ),
        Example(
            "accepted",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], service-port-forward: {80: accepted}}}
""",
            expects="healthy",
        ),
    ),
    clues=(Need.FORWARDS,),
    check=_check,
    follows_from=(
        "PC101",
        "PC102",
        "PC103",
        "PC104",
        "PC105",
        "PC106",
        "PC107",
        "PC108",
        "PC116",
        "PC109",
        "PC110",
        "PC111",
        "PC112",
        "PC113",
        "PC114",
        "PC115",
        "PC201",
        "PC202",
        "PC203",
        "PC204",
        "PC206",
        "PC301",
        "PC302",
        "PC309",
        "PC401",
        "PC402",
        "PC403",
        "PC404",
        "PC405",
        "PC406",
        "PC407",
        "PC411",
        "PC501",
        "PC502",
        "PC503",
        "PC506",
        "PC603",
    ),
)
