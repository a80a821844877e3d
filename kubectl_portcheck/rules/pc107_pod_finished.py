"""PC107: all pods that the selector matches have finished."""

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
from kubectl_portcheck.rules.wording import listing, plural
from kubectl_portcheck.semantics import pods
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    ended = [p for p in case.finished_pods if not pods.is_terminating(p)]
    if case.pods or not ended:
        return Passed()
    found = sorted({(w.kind, w.name) for p in ended if (w := case.workload(p))})
    owners = [f"{kind} {name}" for kind, name in found]
    of_job = [f"Job {name}" for kind, name in found if kind == "Job"]
    whose = f" (of {listing(owners)})" if owners else ""
    return RULE.finding(
        case,
        f"The selector matches only {len(ended)} finished {plural('pod', len(ended))}{whose}; no "
        "pod is running",
        evidence=[
            evidence.pod_is(case, p.metadata.name, _end(p.status.phase, p.status.reason))
            for p in ended
        ],
        fixes=[
            fixes.by_hand(
                f"Select pods that keep running: those of {listing(of_job)} finish by design"
                if of_job
                else "Run the application in a Deployment, which replaces a pod that ends, or "
                "change the selector to the pods that were meant"
            )
        ],
        impact=Impact.ALL,
        pods=[p.metadata.name for p in ended],
    )


def _end(phase: str, reason: str) -> str:
    return f"{phase} ({reason})" if reason else phase


RULE = Rule(
    code="PC107",
    name="pod-finished",
    severity="error",
    summary="All pods that the selector matches have finished",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The selector matches pods, but each of them is Succeeded or Failed: pods of a "
        "Job, pods with restartPolicy Never, or evicted pods.",
        why="A pod that has finished is removed from the endpoints for good. If no other pod "
        "exists, connections to the Service are refused.",
        confirm="kubectl get pods with the Service's selector shows Completed, Error or Evicted.",
        fix="Change the selector so that it matches pods that keep running. Kubernetes does not "
        "replace a bare pod that was evicted: run it in a Deployment.",
    ),
    examples=(
        Example(
            "the selector matches a pod of a Job",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: migrate-x, labels: {app: checkout},
  ownerReferences: [{kind: Job, name: migrate, uid: j, controller: true}]}
spec: {containers: [{name: app}]}
status: {phase: Succeeded}
""",
            expects="""
broken
PC107 error for all in Service checkout
  The selector matches only 1 finished pod (of Job migrate); no pod is running
  pods: migrate-x
  - migrate-x: Succeeded
  review: Select pods that keep running: those of Job migrate finish by design
""",
        ),
        Example(
            "an evicted pod and the pod that replaced it",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status: {phase: Failed, reason: Evicted}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-2: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
    ),
    check_service=_check,
)
