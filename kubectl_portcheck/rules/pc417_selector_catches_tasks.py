"""PC417: the selector also matches pods of Jobs, Helm tests or other hooks."""

from collections.abc import Iterator

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.rules import narrowing
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
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.pods import HOOKS


def _check(case: ServiceCase) -> Outcome:
    if not case.caught:
        return Passed()
    wanted = [p for p in case.pods if p not in case.caught]
    what = listing(dict.fromkeys(_what(p) for p in case.caught))
    return RULE.finding(
        case,
        f"The selector also matches pods of {what}, which get connections while they are Ready",
        evidence=list(_facts(case)),
        fixes=[narrowing.narrowed(case, wanted, case.caught, "pods that serve")],
        pods=tuple(p.metadata.name for p in case.caught),
    )


def _what(pod: Pod) -> str:
    owner = next((o for o in pod.metadata.owner_references if o.controller), None)
    if owner is not None and owner.kind in ("Job", "CronJob"):
        return f"{owner.kind} {owner.name}"
    return f"hook {pod.metadata.name}"


def _facts(case: ServiceCase) -> Iterator[Fact]:
    for pod in case.caught:
        hook = next((h for h in HOOKS if h in pod.metadata.annotations), "")
        state = f"belongs to {_what(pod)}" + (f" (annotation {hook})" if hook else "")
        subject = Subject(kind="Pod", namespace=case.namespace, name=pod.metadata.name)
        yield State(subject=subject, state=state)


RULE = Rule(
    code="PC417",
    name="selector-catches-tasks",
    severity="warning",
    summary="The selector also matches pods of Jobs, Helm tests or other hooks",
    applies=(When.SELECTOR,),
    clues=(Clue.TASKS,),
    needs=(Need.PODS,),
    uses=(),
    in_files=Worth.PROOF,
    field=("selector",),
    explanation=Explanation(
        meaning="Pods that run for a task have the labels that the Service selects: a migration, "
        "a backup, a Helm test. Charts often give one set of labels to everything.",
        why="Such a pod is an endpoint from the moment it is Ready until it ends. It does not "
        "listen on the target port, so a share of the connections is refused meanwhile.",
        confirm="kubectl get pods --show-labels with the Service's selector, while the task runs.",
        fix="Add a label to the selector that only the serving pods have, or remove the common "
        "label from the template of the task.",
    ),
    examples=(
        Example(
            "a migration has the labels of the application",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout, component: server}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata:
  name: migrate-x7k
  labels: {app: checkout, component: migration}
  ownerReferences: [{kind: Job, name: migrate, controller: true}]
spec: {containers: [{name: app}]}
---
probes:
  checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}
  migrate-x7k: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}
""",
            expects="""
healthy
PC417 warning in Service checkout
  The selector also matches pods of Job migrate, which get connections while they are Ready
  pods: migrate-x7k
  - migrate-x7k: belongs to Job migrate
""",
        ),
        Example(
            "a task that ended gets no connections",
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
metadata:
  name: migrate-x7k
  labels: {app: checkout}
  ownerReferences: [{kind: Job, name: migrate, controller: true}]
spec: {containers: [{name: app}]}
status: {phase: Succeeded}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}}
""",
            expects="healthy",
        ),
    ),
    check_service=_check,
    follows_from=("PC309",),
)
