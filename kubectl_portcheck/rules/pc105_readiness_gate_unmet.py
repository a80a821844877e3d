"""PC105: the containers are ready, but a readiness gate keeps the pods from being Ready."""

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import listing, plural, share, verb
from kubectl_portcheck.semantics import pods, traffic
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    held = {p.metadata.name: (p, g) for p in case.pods if (g := _unmet(p))}
    if any(traffic.receives(case, p) for p in case.pods):
        held = {n: h for n, h in held.items() if not traffic.is_new(case, h[0])}
    if not held:
        return Passed()
    gates = sorted({g for _, unmet in held.values() for g in unmet})
    published = case.service.spec.publish_not_ready_addresses
    impact = Impact.NONE if published else traffic.impact_on(case, [p for p, _ in held.values()])
    return RULE.finding(
        case,
        f"The {plural('readiness gate', len(gates))} {listing(gates)} "
        f"{verb(gates, 'keeps', 'keep')} {share(held, case.pods)} from being Ready, though the "
        "containers are ready",
        evidence=[
            evidence.pod_is(case, name, f"condition {gate} is {why}")
            for name, (_, unmet) in held.items()
            for gate, why in unmet.items()
        ],
        fixes=[
            fixes.by_hand(
                f"Read in the log of its controller why the condition {gate} is not True. If that "
                "controller is gone, remove the readinessGate from the pod template"
            )
            for gate in gates
        ],
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=held,
    )


def _unmet(pod: Pod) -> dict[str, str]:
    """The readiness gates that by themselves keep the pod from being Ready, and what they say."""
    if pods.is_ready(pod) or pods.is_terminating(pod):
        return {}
    if pods.condition(pod, "ContainersReady") != "True":
        return {}
    conditions = {c.type: c for c in pod.status.conditions}
    unmet = {}
    for gate in pod.spec.readiness_gates:
        condition = conditions.get(gate.condition_type)
        if condition is None:
            unmet[gate.condition_type] = "not set"
        elif condition.status != "True":
            said = condition.message or condition.reason
            unmet[gate.condition_type] = condition.status + (f": {said}" if said else "")
    return unmet


RULE = Rule(
    code="PC105",
    name="readiness-gate-unmet",
    severity="error",
    summary="The containers are ready, but a readiness gate keeps the pods from being Ready",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The pods have a readiness gate: a condition that a controller sets, for example "
        "when a load balancer has registered the pod. The condition is not True.",
        why="A pod is Ready when all its containers are ready and all its gates are True. Until "
        "then it gets no new connections from the Service.",
        confirm="kubectl get pod POD -o wide shows the column READINESS GATES. status.conditions "
        "of the pod has the reason.",
        fix="Fix the controller that sets the condition. If that controller no longer exists, "
        "remove the readinessGate from the pod template.",
    ),
    examples=(
        Example(
            "the load balancer's controller has not set the condition",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}], readinessGates: [{conditionType: example.com/registered}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: ContainersReady, status: "True"}, {type: Ready, status: "False"}]
  containerStatuses: [{name: app, ready: true, state: {running: {}}}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
broken; also PC302
PC105 error for all in Service checkout
  The readiness gate example.com/registered keeps the pod from being Ready, though the
      containers are ready
  pods: checkout-1
  - checkout-1: condition example.com/registered is not set
  review: Read in the log of its controller why the condition example.com/registered is not
      True. If that controller is gone, remove the readinessGate from the pod template
""",
        ),
        Example(
            "the containers are not ready either",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}], readinessGates: [{conditionType: example.com/registered}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: ContainersReady, status: "False"}, {type: Ready, status: "False"}]
""",
            expects="broken; also PC302",
        ),
        Example(
            "the gate is True",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}], readinessGates: [{conditionType: example.com/registered}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions:
  - {type: ContainersReady, status: "True"}
  - {type: example.com/registered, status: "True"}
  - {type: Ready, status: "True"}
""",
            expects="inconclusive",
        ),
        Example(
            "a pod that terminates needs no gate any more",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata:
  name: checkout-1
  labels: {app: checkout}
  deletionTimestamp: "2026-06-01T11:59:50Z"
spec: {containers: [{name: app}], readinessGates: [{conditionType: example.com/registered}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: ContainersReady, status: "True"}, {type: Ready, status: "False"}]
""",
            expects="broken; also PC106, PC302",
        ),
    ),
    check_service=_check,
)
