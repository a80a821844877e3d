"""PC118: a Deployment is paused, so the change of its pod template reaches no pod."""

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Workload
from kubectl_portcheck.model.report import Finding, Severity
from kubectl_portcheck.model.share import Share
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
)
from kubectl_portcheck.semantics import rollouts, traffic
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.pods import crash


def _check(case: ServiceCase) -> Outcome:
    found = [w for w in case.workloads if rollouts.is_paused(w) and rollouts.is_behind(w)]
    if not found:
        return Passed()
    return Several(tuple(_finding(case, w) for w in found))


def _finding(case: ServiceCase, workload: Workload) -> Finding:
    name = workload.metadata.name
    subject = Subject(kind="Deployment", namespace=case.namespace, name=name)
    status = workload.status
    behind = Share(part=status.replicas - status.updated_replicas, whole=status.replicas)
    # A container that crashes again and again is Ready for a moment, too.
    served = any(traffic.receives(case, p) and not crash(p, case.now) for p in case.pods)
    severity: Severity = "info" if served else "error"
    return RULE.finding(
        case,
        f"Deployment {name} is paused, and {behind} "
        f"{'does' if behind.part == 1 else 'do'} not have its present pod template",
        evidence=[State(subject=subject, state="spec.paused: true")],
        fixes=[
            fixes.run(
                case,
                *("rollout", "resume", f"deployment/{name}"),
                title=f"Resume the rollout of Deployment {name}",
                subject=subject,
            )
        ],
        severity=severity,
        subject=subject,
    )


_SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Deployment
metadata: {name: checkout}
spec: {replicas: 1, paused: true, template: {metadata: {labels: {app: checkout}}}}
status: {replicas: 1, updatedReplicas: UPDATED}
"""
_SERVES = """---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
"""
_CRASHES = """---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - name: app
    restartCount: 5
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {exitCode: 1, reason: Error}}
"""

RULE = Rule(
    code="PC118",
    name="rollout-paused",
    severity="info",
    summary="A Deployment is paused, and its changed pod template reaches no pod",
    applies=(When.SELECTOR,),
    clues=(Need.WORKLOADS,),
    needs=(Need.PODS,),
    uses=(Need.WORKLOADS,),
    about_pods=True,
    explanation=Explanation(
        meaning="The field paused of the Deployment is set. Changes of its pod template wait until "
        "the rollout is resumed: not all of its pods have the present one.",
        why="The pods run as they did before the change. Where they do not serve, a pod template "
        "that was corrected in the meantime has no effect.",
        confirm="kubectl get deployment NAME -o jsonpath={.spec.paused} prints true, and "
        "status.updatedReplicas is less than status.replicas.",
        fix="kubectl rollout resume, once the pod template is right. A paused rollout that serves "
        "is often meant so, such as a canary.",
    ),
    examples=(
        Example(
            "the pods crash, and the corrected pod template waits",
            _SERVICE.replace("UPDATED", "0") + _CRASHES,
            expects="""
broken; also PC102, PC302
PC118 error in Deployment checkout
  Deployment checkout is paused, and the pod does not have its present pod template
  - Deployment checkout: spec.paused: true
  review: Resume the rollout of Deployment checkout
    kubectl rollout resume deployment/checkout -n default
""",
        ),
        Example(
            "a paused rollout that serves: information",
            _SERVICE.replace("UPDATED", "0") + _SERVES,
            expects="""
healthy
PC118 info in Deployment checkout
  Deployment checkout is paused, and the pod does not have its present pod template
  - Deployment checkout: spec.paused: true
  review: Resume the rollout of Deployment checkout
    kubectl rollout resume deployment/checkout -n default
""",
        ),
        Example(
            "paused, and nothing waits",
            _SERVICE.replace("UPDATED", "1") + _SERVES,
            expects="healthy",
        ),
    ),
    check_service=_check,
)
