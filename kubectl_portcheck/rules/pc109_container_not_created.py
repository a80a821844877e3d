"""PC109: the kubelet or the container runtime refuses to create a container."""

import msgspec

from kubectl_portcheck.model.facts import Said
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
from kubectl_portcheck.rules.wording import share
from kubectl_portcheck.semantics import events, traffic, unmet
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.pods import is_ready, is_terminating

REFUSED = ("CreateContainerConfigError", "CreateContainerError")
SANDBOX = "FailedCreatePodSandBox"


class _Refused(msgspec.Struct, frozen=True):
    """A container, or the whole pod, that is not created."""

    pod: Pod
    container: str
    """Empty where the pod's sandbox is not made."""
    words: str


def _check(case: ServiceCase) -> Outcome:
    found = {
        p.metadata.name: refused
        for p in case.pods
        if not (is_ready(p) or is_terminating(p)) and (refused := _refused(case, p))
    }
    if not found:
        return Passed()
    first = next(iter(found.values()))
    impact = traffic.impact_on(case, [r.pod for r in found.values()])
    what = f"Container {first.container}" if first.container else "The network of the pod"
    return RULE.finding(
        case,
        f"{what} cannot be created in {share(found, case.pods)}: {_short(first.words)}",
        evidence=[
            Said(source="the kubelet", words=r.words, subject=evidence.pod_subject(case, name))
            for name, r in found.items()
        ],
        fixes=_fixes(case, first),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=found,
    )


def _refused(case: ServiceCase, pod: Pod) -> _Refused | None:
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = status.state.waiting
        if waiting and waiting.reason in REFUSED and unmet.reference(waiting.message) is None:
            return _Refused(pod, status.name, waiting.message or waiting.reason)
    started = any(s.state.running or s.started for s in pod.status.container_statuses)
    if pod.status.phase == "Pending" and not started and not pod.status.pod_ip:
        said = [e for e in events.about(case, "Pod", pod.metadata.name) if e.reason == SANDBOX]
        if said:
            return _Refused(pod, "", " ".join(said[0].message.split()))
    return None


def _short(words: str) -> str:
    """The words without the pod's own name and number in brackets."""
    return words.partition(" (pod: ")[0]


def _fixes(case: ServiceCase, refused: _Refused) -> list[Fix]:
    found = fixes.undo(case, [refused.pod])
    if unmet.needs_another_user(refused.words):
        title = (
            f"Set securityContext.runAsUser of container {refused.container} to a number other "
            "than 0, or build the image with a numeric USER"
        )
    elif refused.container:
        title = f"Correct what the kubelet names in the template of container {refused.container}"
    else:
        node = refused.pod.spec.node_name or "the pod's node"
        title = f"Repair the network plugin on {node}: it cannot make the pod's network"
    return [*found, fixes.by_hand(title)]


RULE = Rule(
    code="PC109",
    name="container-not-created",
    severity="error",
    summary="A container behind the Service is refused by the kubelet or the container runtime",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.REPLICA_SETS, Need.EVENTS),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The kubelet cannot create the container as the pod template asks for it, for "
        "example because runAsNonRoot is set and the image runs as root, or because the network "
        "plugin fails. Its words are quoted.",
        why="The container does not start, so the pod is not Ready and gets no traffic.",
        confirm="kubectl describe pod POD shows the waiting reason and the events.",
        fix="Correct the pod template or the image. If the sandbox is what fails, look at the "
        "network plugin on the node.",
    ),
    examples=(
        Example(
            "runAsNonRoot, and an image that runs as root",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout, uid: rs-1, controller: true}]}
spec: {containers: [{name: app}]}
status:
  phase: Pending
  containerStatuses:
  - name: app
    state:
      waiting:
        reason: CreateContainerConfigError
        message: 'container has runAsNonRoot and image will run as root (pod: "checkout-1")'
""",
            expects="""
broken; also PC302
PC109 error for all in Service checkout
  Container app cannot be created in the pod: container has runAsNonRoot and image will run as
      root
  pods: checkout-1
  - checkout-1: the kubelet: container has runAsNonRoot and image will run as root (pod:
      "checkout-1")
  review: Set securityContext.runAsUser of container app to a number other than 0, or build the
      image with a numeric USER
""",
        ),
        Example(
            "a container that is being created",
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
  containerStatuses: [{name: app, state: {waiting: {reason: ContainerCreating}}}]
""",
            expects="broken; also PC302",
        ),
    ),
    check_service=_check,
)
