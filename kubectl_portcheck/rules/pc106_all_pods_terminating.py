"""PC106: every pod of the Service is being deleted."""

from collections.abc import Sequence

from kubectl_portcheck.model.fixes import Fix
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
from kubectl_portcheck.rules.wording import capital, share, verb
from kubectl_portcheck.semantics import pods, rollouts
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.traffic import SETTLED


def _check(case: ServiceCase) -> Outcome:
    everyone = case.pods or case.finished_pods
    if not everyone or not all(pods.is_terminating(p) for p in everyone):
        return Passed()
    draining = any(Case(case.evidence, port, case.now).used_pods for port in case.asked_ports)
    still = f"; until then {verb(everyone, 'it answers', 'they answer')}"
    return RULE.finding(
        case,
        capital(f"{share(everyone, everyone)} {verb(everyone, 'is', 'are')} being deleted")
        + ", and no other pod takes over"
        + (still if draining else ""),
        evidence=[evidence.pod_is(case, p.metadata.name, _progress(case, p)) for p in everyone],
        fixes=_fixes(case, everyone),
        impact=Impact.NONE if draining else Impact.ALL,
        severity="warning" if draining else "error",
        pods=[p.metadata.name for p in everyone],
    )


def _progress(case: ServiceCase, pod: Pod) -> str:
    """How far the deletion is: its timestamp is the end of the grace period."""
    seconds = pods.age(pod.metadata.deletion_timestamp, case.now)
    state = pod.status.phase if pods.is_finished(pod) else "running"
    if seconds != float("inf") and seconds > SETTLED:
        return f"{state}; its grace period ended {seconds:.0f} s ago: a finalizer or a lost node"
    return f"{state}; being deleted"


def _fixes(case: ServiceCase, everyone: Sequence[Pod]) -> list[Fix]:
    """Where the latest revision wants no pod, the Deployment was scaled down."""
    found = []
    for pod in everyone:
        own, workload = rollouts.replica_set_of(case, pod), case.workload(pod)
        if own is None or workload is None or workload.kind != "Deployment":
            continue
        latest = rollouts.siblings(case, own)[0]
        if latest.spec.replicas == 0:
            count = sum(case.workload(p) == workload for p in everyone)
            name = f"{workload.kind.lower()}/{workload.name}"
            fix = fixes.run(
                case,
                *("scale", name, f"--replicas={count}"),
                title=f"Scale {workload.kind} {workload.name} to {count}, if it was scaled to 0 by "
                "mistake",
                subject=workload,
            )
            if fix not in found:
                found.append(fix)
    return found or [
        fixes.by_hand("Find out what deleted the pods, and why no workload creates new ones")
    ]


RULE = Rule(
    code="PC106",
    name="all-pods-terminating",
    severity="error",
    summary="Every pod of the Service is being deleted",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.REPLICA_SETS),
    why_unready=True,
    explanation=Explanation(
        meaning="All pods that the selector matches are being deleted, and no new pod exists: the "
        "workload was scaled to 0 or deleted, or its strategy is Recreate.",
        why="A pod that is being deleted is not a ready endpoint. While no other pod is ready, "
        "kube-proxy sends clients to the deleted pods that still answer. When these are gone, "
        "connections are refused.",
        confirm="kubectl get pods shows Terminating. kubectl get deployments shows 0/0.",
        fix="Scale the workload up again. A pod that stays in Terminating waits for a finalizer, "
        "or its node is gone.",
    ),
    examples=(
        Example(
            "scaled to 0, and the last pod stays in Terminating",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: ReplicaSet
metadata: {name: checkout-1, uid: rs-1, annotations: {deployment.kubernetes.io/revision: "1"},
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
spec: {replicas: 0}
---
kind: Pod
metadata: {name: checkout-1-a, labels: {app: checkout},
  deletionTimestamp: "2026-06-01T11:58:00Z",
  ownerReferences: [{kind: ReplicaSet, name: checkout-1, uid: rs-1, controller: true}]}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, state: {terminated: {exitCode: 0}}}]
---
kind: EndpointSlice
metadata: {name: checkout-x}
endpoints: [{addresses: [10.0.0.1], conditions: {ready: false, serving: false, terminating: true},
  targetRef: {kind: Pod, name: checkout-1-a}}]
ports: [{name: "", port: 8080}]
""",
            expects="""
broken; also PC302
PC106 error for all in Service checkout
  The pod is being deleted, and no other pod takes over
  pods: checkout-1-a
  - checkout-1-a: running; its grace period ended 120 s ago: a finalizer or a lost node
  review: Scale Deployment checkout to 1, if it was scaled to 0 by mistake
    kubectl scale deployment/checkout --replicas=1 -n default
""",
        ),
        Example(
            "all pods are being deleted and still answer: a warning",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}, deletionTimestamp: "2026-06-01T12:00:20Z"}
spec: {containers: [{name: app}]}
---
kind: EndpointSlice
metadata: {name: checkout-x}
endpoints: [{addresses: [10.0.0.1], conditions: {ready: false, serving: true, terminating: true},
  targetRef: {kind: Pod, name: checkout-1}}]
ports: [{name: "", port: 8080}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}}
""",
            expects="""
healthy
PC106 warning in Service checkout
  The pod is being deleted, and no other pod takes over; until then it answers
  pods: checkout-1
  - checkout-1: running; being deleted
  review: Find out what deleted the pods, and why no workload creates new ones
""",
        ),
        Example(
            "a new pod has replaced it",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}, deletionTimestamp: "2026-06-01T12:00:20Z"}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-2: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="inconclusive",
        ),
    ),
    check_service=_check,
)
