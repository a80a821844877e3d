"""PC117: a rollout is half done: the new pods are not Ready, and the old ones serve."""

from collections.abc import Sequence

import msgspec

from kubectl_portcheck.model.facts import Fact, Said, State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import Condition, Pod, Workload
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import evidence, fixes
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
from kubectl_portcheck.rules.wording import plural, verb
from kubectl_portcheck.semantics import pods, rollouts
from kubectl_portcheck.semantics.case import ServiceCase

PATIENCE = 60.0
"""Seconds in which a new pod may become Ready before its rollout is called stalled."""


class _Stalled(msgspec.Struct, frozen=True):
    """A rollout that does not go on."""

    workload: Workload
    new: Sequence[Pod]
    """Its new pods, none of which is Ready."""
    old: Sequence[Pod]
    """The Ready pods of earlier revisions."""


def _check(case: ServiceCase) -> Outcome:
    found = [s for w in case.workloads if (s := _stalled(case, w))]
    if not found:
        return Passed()
    return Several(tuple(_finding(case, s) for s in found))


def _stalled(case: ServiceCase, workload: Workload) -> _Stalled | None:
    new, earlier = rollouts.new_and_old(case, workload)
    old = [p for p in earlier if pods.is_ready(p) and not pods.is_terminating(p)]
    new = [p for p in new if not pods.is_terminating(p)]
    if not new or not old or any(pods.is_ready(p) for p in new):
        return None
    late = all(pods.age(p.metadata.creation_timestamp, case.now) > PATIENCE for p in new)
    fails = any(pods.crash(p, case.now) for p in new)
    return _Stalled(workload, new, old) if late or fails or _overdue(workload) else None


def _overdue(workload: Workload) -> Condition | None:
    """The condition with which the Deployment controller gives up."""
    return next(
        (
            c
            for c in workload.status.conditions
            if (c.type, c.status, c.reason) == ("Progressing", "False", "ProgressDeadlineExceeded")
        ),
        None,
    )


def _finding(case: ServiceCase, stalled: _Stalled) -> Finding:
    workload, new, old = stalled.workload, stalled.new, stalled.old
    name = f"{workload.kind} {workload.metadata.name}"
    states = sorted({pods.describe(p) for p in new})
    count = f"{len(new)} new {plural('pod', len(new))}"
    return RULE.finding(
        case,
        f"The rollout of {name} is half done: {count} "
        f"{verb(new, 'is', 'are')} not Ready ({', '.join(states)}), and {len(old)} "
        f"{plural('pod', len(old))} of the revision before {verb(old, 'serves', 'serve')}",
        evidence=_facts(case, stalled),
        fixes=_fixes(case, stalled),
        pods=[p.metadata.name for p in new],
        subject=_subject(case, workload),
    )


def _subject(case: ServiceCase, workload: Workload) -> Subject:
    return Subject(kind=workload.kind, namespace=case.namespace, name=workload.metadata.name)


def _facts(case: ServiceCase, stalled: _Stalled) -> list[Fact]:
    subject = _subject(case, stalled.workload)
    facts: list[Fact] = []
    if (overdue := _overdue(stalled.workload)) is not None:
        source = f"condition Progressing, {overdue.reason}"
        facts.append(Said(source=source, words=overdue.message, subject=subject))
    facts += [
        evidence.pod_is(case, p.metadata.name, f"new, {pods.describe(p)}") for p in stalled.new
    ]
    several = rollouts.last_two(case, stalled.workload)
    if several and (changed := rollouts.differences(several[1].spec, several[0].spec)):
        facts.append(State(subject=subject, state=f"the rollout changes {'; '.join(changed)}"))
    return facts


def _fixes(case: ServiceCase, stalled: _Stalled) -> list[Fix]:
    workload = stalled.workload
    note = rollouts.undo_note(case, stalled.new[0])
    found = [fixes.rollout_undo(case, _subject(case, workload), note)]
    if workload.kind == "StatefulSet":
        # Kubernetes, StatefulSets, "Forced rollback".
        names = ", ".join(p.metadata.name for p in stalled.new)
        title = f"Delete pod {names} after the undo: a StatefulSet waits for it for ever"
        found.append(fixes.by_hand(title))
    words = ("describe", "pod", stalled.new[0].metadata.name)
    title = "Or fix what keeps the new pods from being Ready; this shows it"
    return [*found, fixes.look(case, *words, title=title)]


_SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
"""
_DEPLOYMENT = """---
kind: Deployment
metadata: {name: checkout, uid: d}
spec: {replicas: 2, template: {metadata: {labels: {app: checkout}}}}
status:
  replicas: 3
  updatedReplicas: 1
  conditions:
  - {type: Progressing, status: "False", reason: ProgressDeadlineExceeded,
    message: ReplicaSet "checkout-2" has timed out progressing.}
"""


def _replica_set(number: int, image: str) -> str:
    return f"""---
kind: ReplicaSet
metadata: {{name: checkout-{number}, uid: rs-{number},
  annotations: {{deployment.kubernetes.io/revision: "{number}"}},
  ownerReferences: [{{kind: Deployment, name: checkout, uid: d, controller: true}}]}}
spec: {{template: {{spec: {{containers: [{{name: app, image: "{image}"}}]}}}}}}
"""


def _pod(name: str, revision: int, *, ready: bool) -> str:
    state = "running: {}" if ready else "waiting: {reason: ImagePullBackOff}"
    return f"""---
kind: Pod
metadata: {{name: {name}, labels: {{app: checkout}}, creationTimestamp: "2026-06-01T11:40:00Z",
  ownerReferences: [{{kind: ReplicaSet, name: checkout-{revision}, uid: rs-{revision},
  controller: true}}]}}
spec: {{containers: [{{name: app}}]}}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{{type: Ready, status: "{ready}"}}]
  containerStatuses: [{{name: app, ready: {str(ready).lower()}, state: {{{state}}}}}]
"""


_BOTH = _replica_set(1, "shop:1") + _replica_set(2, "shop:2")

RULE = Rule(
    code="PC117",
    name="rollout-stalled",
    severity="warning",
    summary="A rollout is half done: the new pods are not Ready, and the old ones serve",
    applies=(When.SELECTOR,),
    clues=(Need.WORKLOADS,),
    needs=(Need.PODS,),
    uses=(Need.WORKLOADS, Need.REPLICA_SETS, Need.REVISIONS),
    about_pods=True,
    explanation=Explanation(
        meaning="The workload was changed, and the pods of the new revision do not become Ready. A "
        "rolling update does not go on before they do, so the pods of the revision before stay. "
        "Other findings name what keeps the new pods from being Ready.",
        why="Clients are served by the old revision; there are fewer of its pods than before. What "
        "the change was meant to bring does not reach them.",
        confirm="kubectl rollout status, and kubectl get replicasets: the newest has pods that are "
        "not Ready.",
        fix="Undo the rollout, or fix what keeps the new pods from being Ready; the rollout then "
        "goes on by itself. A StatefulSet does not replace a pod that is not Ready: delete it.",
    ),
    examples=(
        Example(
            "the image of the new revision cannot be pulled",
            _SERVICE
            + _DEPLOYMENT
            + _BOTH
            + _pod("checkout-1-a", 1, ready=True)
            + _pod("checkout-1-b", 1, ready=True)
            + _pod("checkout-2-a", 2, ready=False)
            + """---
probes: {checkout-1-a: {sockets: ["0.0.0.0:8080"]}, checkout-1-b: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy; also PC103, PC304
PC117 warning in Deployment checkout
  The rollout of Deployment checkout is half done: 1 new pod is not Ready (ImagePullBackOff),
      and 2 pods of the revision before serve
  pods: checkout-2-a
  - Deployment checkout: condition Progressing, ProgressDeadlineExceeded: ReplicaSet
      "checkout-2" has timed out progressing.
  - checkout-2-a: new, ImagePullBackOff
  - Deployment checkout: the rollout changes image shop:1 → shop:2
  review: Undo the last rollout of Deployment checkout
    kubectl rollout undo deployment/checkout -n default
  review: Or fix what keeps the new pods from being Ready; this shows it
    look: kubectl describe pod checkout-2-a -n default
""",
        ),
        Example(
            "the new pod of a StatefulSet crashes",
            _SERVICE
            + """---
kind: StatefulSet
metadata: {name: checkout, uid: s}
spec: {replicas: 2, template: {metadata: {labels: {app: checkout}}}}
status: {replicas: 2, updatedReplicas: 1}
---
kind: ControllerRevision
metadata: {name: checkout-6d, ownerReferences: [{kind: StatefulSet, name: checkout, uid: s}]}
revision: 1
---
kind: ControllerRevision
metadata: {name: checkout-7f, ownerReferences: [{kind: StatefulSet, name: checkout, uid: s}]}
revision: 2
---
kind: Pod
metadata: {name: checkout-0, labels: {app: checkout, controller-revision-hash: checkout-6d},
  ownerReferences: [{kind: StatefulSet, name: checkout, uid: s, controller: true}]}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout, controller-revision-hash: checkout-7f},
  ownerReferences: [{kind: StatefulSet, name: checkout, uid: s, controller: true}]}
spec: {containers: [{name: app}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - name: app
    restartCount: 5
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {exitCode: 1, reason: Error}}
---
probes: {checkout-0: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy; also PC102, PC304
PC117 warning in StatefulSet checkout
  The rollout of StatefulSet checkout is half done: 1 new pod is not Ready (CrashLoopBackOff),
      and 1 pod of the revision before serves
  pods: checkout-1
  - checkout-1: new, CrashLoopBackOff
  review: Undo the last rollout of StatefulSet checkout
    kubectl rollout undo statefulset/checkout -n default
  review: Delete pod checkout-1 after the undo: a StatefulSet waits for it for ever
  review: Or fix what keeps the new pods from being Ready; this shows it
    look: kubectl describe pod checkout-1 -n default
""",
        ),
        Example(
            "the rollout goes on: a new pod is Ready",
            _SERVICE
            + _BOTH
            + _pod("checkout-1-a", 1, ready=True)
            + _pod("checkout-2-a", 2, ready=True)
            + """---
probes: {checkout-1-a: {sockets: ["0.0.0.0:8080"]}, checkout-2-a: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
    ),
    check_service=_check,
)
