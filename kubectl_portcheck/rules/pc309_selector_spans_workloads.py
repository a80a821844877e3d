"""PC309: the selector matches pods of several workloads that listen on different ports."""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.rules import evidence, narrowing
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
    impact_of,
)
from kubectl_portcheck.rules.wording import capital, listing, names, share, verb
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    good = case.in_state("serves")
    bad = case.in_state("not-listening", "other-protocol")
    if not good or not bad:
        return Passed()
    owners = {s.name: narrowing.workload_of(case, s.pod) for s in (*good, *bad)}
    if None in owners.values():
        return RULE.lacks("which workload made the pods is not known")
    serving, failing = ({o for s in g if (o := owners[s.name])} for g in (good, bad))
    if serving & failing or {o.kind for o in serving | failing} == {"Pod"}:
        return Passed()
    return RULE.finding(
        case,
        f"{capital(share(bad, case.backends))} {verb(bad, 'refuses', 'refuse')} connections: "
        f"beside {_listed(serving)} the selector matches {_listed(failing)}, whose pods do "
        "not listen on the target port",
        evidence=[
            evidence.listens(case, s, wanted=s in bad, owner=_label(owners[s.name]))
            for s in (*good, *bad)
        ],
        fixes=_fixes(case, serving, bad),
        impact=impact_of(bad, case),
        pods=names(bad),
    )


def _label(workload: Subject | None) -> str:
    return f"{workload.kind} {workload.name}" if workload else ""


def _listed(workloads: Iterable[Subject]) -> str:
    return listing(sorted(map(_label, workloads)))


def _fixes(case: Case, serving: set[Subject], bad: Sequence[PodState]) -> list[Fix]:
    """Narrows the selector to what all pods of the serving workloads have and the others do not."""
    wanted = [p for p in case.pods if narrowing.workload_of(case, p) in serving]
    others = [s.pod for s in bad]
    return [narrowing.narrowed(case, wanted, others, f"pods of {_listed(serving)}")]


RULE = Rule(
    code="PC309",
    name="selector-spans-workloads",
    severity="error",
    summary="The selector matches pods of several workloads that listen on different ports",
    applies=(When.SELECTOR,),
    clues=(Clue.UNPROVED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.REPLICA_SETS, Need.SOCKETS, Need.ATTEMPTS),
    in_files=Worth.HINT,
    field=("selector",),
    explanation=Explanation(
        meaning="Pods of more than one workload have the labels that the Service selects. The "
        "pods of one workload listen on the target port, the pods of another do not. Usually the "
        "other is a worker, a job or a debug pod with the same label.",
        why="The Service sends clients to all of these pods. Connections to a pod of the other "
        "workload are refused, so the Service fails now and then.",
        confirm="kubectl get pods --show-labels with the Service's selector: the names show the "
        "workloads.",
        fix="Add a label to the Service's selector that only the right pods have, or change the "
        "labels of the other workload. Two workloads that listen on the same port, such as blue "
        "and green or a canary, are not reported.",
    ),
    examples=(
        Example(
            "a worker has the same label app",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: ReplicaSet
metadata: {name: web-1, uid: rs-1,
  ownerReferences: [{kind: Deployment, name: web, uid: d, controller: true}]}
---
kind: Pod
metadata: {name: web-1-a, labels: {app: checkout, role: web},
  ownerReferences: [{kind: ReplicaSet, name: web-1, uid: rs-1, controller: true}]}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: worker-0, labels: {app: checkout, role: worker},
  ownerReferences: [{kind: StatefulSet, name: worker, uid: s, controller: true}]}
spec: {containers: [{name: app}]}
---
probes: {web-1-a: {sockets: ["0.0.0.0:8080"]}, worker-0: {sockets: []}}
""",
            expects="""
degraded; also PC201, PC501
PC309 error for pods in Service checkout, port 80/TCP
  1 of 2 pods refuses connections: beside Deployment web the selector matches StatefulSet
      worker, whose pods do not listen on the target port
  pods: worker-0
  - web-1-a: of Deployment web, listens on 8080
  - worker-0: of StatefulSet worker, listens on no port, not on 8080
  review: Add role=web to the selector, which only pods of Deployment web have: then it matches
      1 pod
    add /spec/selector/role web in Service checkout
""",
        ),
        Example(
            "blue and green, which listen on the same port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: blue-0, labels: {app: checkout},
  ownerReferences: [{kind: StatefulSet, name: blue, uid: b, controller: true}]}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: green-0, labels: {app: checkout},
  ownerReferences: [{kind: StatefulSet, name: green, uid: g, controller: true}]}
spec: {containers: [{name: app}]}
---
probes: {blue-0: {sockets: ["0.0.0.0:8080"]}, green-0: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "two revisions of one Deployment: that is PC407, even if no ReplicaSet can be read",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: web-1-a, labels: {app: checkout, pod-template-hash: "1"},
  ownerReferences: [{kind: ReplicaSet, name: web-1, uid: rs-1, controller: true}]}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: web-2-a, labels: {app: checkout, pod-template-hash: "2"},
  ownerReferences: [{kind: ReplicaSet, name: web-2, uid: rs-2, controller: true}]}
spec: {containers: [{name: app}]}
---
probes: {web-1-a: {sockets: ["0.0.0.0:8080"]}, web-2-a: {sockets: ["0.0.0.0:9000"]}}
""",
            expects="degraded; also PC407, PC501",
        ),
    ),
    check=_check,
    follows_from=("PC102",),
)
