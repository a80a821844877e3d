"""PC101: pods of the Service are Pending because they fit on no node."""

from kubectl_portcheck.model.facts import Said
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import share
from kubectl_portcheck.semantics import events
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    waiting = {
        p.metadata.name: c.message or c.reason
        for p in case.pods
        if p.status.phase == "Pending"
        for c in p.status.conditions
        if c.type == "PodScheduled" and c.status == "False"
    }
    if not waiting:
        return Passed()
    everyone = len(waiting) == len(case.pods)
    return RULE.finding(
        case,
        f"The scheduler finds no node for {share(waiting, case.pods)}: "
        f"{next(iter(waiting.values()))}",
        evidence=[
            *(
                Said(source="the scheduler", words=why, subject=evidence.pod_subject(case, name))
                for name, why in waiting.items()
            ),
            *(s for name in waiting for s in _more(case, name, waiting[name])),
        ],
        impact=Impact.ALL if everyone else Impact.NONE,
        severity="error" if everyone else "warning",
        pods=waiting,
    )


def _more(case: ServiceCase, pod: str, known: str) -> list[Said]:
    """What the autoscaler says, and the scheduler where the condition does not repeat it."""
    told = events.said(case, pod, "FailedScheduling", "NotTriggerScaleUp", most=2)
    return [t for t in told if " ".join(known.split()) not in t.words]


RULE = Rule(
    code="PC101",
    name="pod-not-scheduled",
    severity="error",
    summary="Pods of the Service are Pending because they fit on no node",
    applies=(When.SELECTOR,),
    needs=(Need.PODS,),
    uses=(Need.EVENTS,),
    about_pods=True,
    explanation=Explanation(
        meaning="The scheduler found no node for the pod. Usually a node lacks CPU or memory, or "
        "a taint, an affinity rule or a volume excludes it. The finding quotes the scheduler's "
        "reason.",
        why="A pod without a node has no IP address, so it is not an endpoint. If every pod of "
        "the Service is Pending, connections to the Service are refused.",
        confirm="kubectl describe pod POD: the event FailedScheduling says why each node does not "
        "fit.",
        fix="Add or free the resources that the scheduler asks for, or request less in the pod "
        "template (resources.requests, nodeSelector, tolerations).",
    ),
    examples=(
        Example(
            "the only pod requests more CPU than any node has",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Pending
  conditions:
  - {type: PodScheduled, status: "False", reason: Unschedulable,
     message: "0/3 nodes are available: 3 Insufficient cpu."}
""",
            expects="""
broken; also PC302
PC101 error for all in Service checkout
  The scheduler finds no node for the pod: 0/3 nodes are available: 3 Insufficient cpu.
  pods: checkout-1
""",
        ),
        Example(
            "a pod that is starting on its node",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Pending
  conditions: [{type: PodScheduled, status: "True"}]
""",
            expects="broken; also PC302",
        ),
    ),
    check_service=_check,
    follows_from=("PC112",),
)
