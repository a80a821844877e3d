"""PC103: a container of the Service's pods waits for an image that cannot be pulled."""

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
from kubectl_portcheck.semantics import events, pods, traffic
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    waiting = {
        p.metadata.name: (p, *found)
        for p in case.pods
        if not pods.is_terminating(p) and (found := _failing(p))
    }
    if not waiting:
        return Passed()
    pod, container, image, _ = next(iter(waiting.values()))
    impact = traffic.impact_on(
        case, [p for p, *_ in waiting.values() if not pods.has_running_main(p)]
    )
    return RULE.finding(
        case,
        f"The image {image} of container {container} cannot be pulled in "
        f"{share(waiting, case.pods)}",
        evidence=[
            *(
                Said(source="the kubelet", words=why, subject=evidence.pod_subject(case, name))
                for name, (*_, why) in waiting.items()
            ),
            # While the kubelet waits before it tries again, only the event has the reason.
            *(s for name in waiting for s in events.said(case, name, "Failed", "InspectFailed")),
        ],
        fixes=_fixes(case, pod, container, image),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=waiting,
    )


def _failing(pod: Pod) -> tuple[str, str, str] | None:
    """The container that waits for its image, the image, and the kubelet's words."""
    images = {c.name: c.image for c in (*pod.spec.containers, *pod.spec.init_containers)}
    for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = status.state.waiting
        if waiting and waiting.reason in pods.IMAGE:
            message = waiting.message.removeprefix(f"{waiting.reason}: ")
            why = f"{waiting.reason}: {message}" if message else waiting.reason
            return status.name, images.get(status.name, ""), why
    return None


def _fixes(case: ServiceCase, pod: Pod, container: str, image: str) -> list[Fix]:
    found = fixes.undo(case, [pod])
    found.append(
        fixes.by_hand(
            f"Correct the image {image} of container {container}, or let the node pull it "
            "(imagePullSecrets, registry, network)"
        )
    )
    return found


RULE = Rule(
    code="PC103",
    name="image-pull-failing",
    severity="error",
    summary="A container of the Service's pods waits for an image that cannot be pulled",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.REPLICA_SETS, Need.EVENTS),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The node cannot pull the image: its name or tag is wrong, the registry requires "
        "credentials, or the registry cannot be reached. The finding quotes the kubelet's message.",
        why="The container does not start, so the pod is not Ready and gets no traffic. If no pod "
        "of the Service is Ready, connections to the Service are refused.",
        confirm="kubectl describe pod POD shows ErrImagePull or ImagePullBackOff with the reason.",
        fix="Correct the image in the pod template, or add the imagePullSecrets that it needs. If "
        "the revision before it worked, undo the rollout: kubectl rollout undo.",
    ),
    examples=(
        Example(
            "the latest revision has a tag that does not exist",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: ReplicaSet
metadata: {name: checkout-1, uid: rs-1, annotations: {deployment.kubernetes.io/revision: "1"},
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
---
kind: ReplicaSet
metadata: {name: checkout-2, uid: rs-2, annotations: {deployment.kubernetes.io/revision: "2"},
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
---
kind: Pod
metadata: {name: checkout-2-a, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout-2, uid: rs-2, controller: true}]}
spec: {containers: [{name: app, image: "shop/checkout:v12"}]}
status:
  phase: Pending
  containerStatuses:
  - name: app
    state:
      waiting: {reason: ImagePullBackOff, message: 'Back-off pulling image "shop/checkout:v12"'}
""",
            expects="""
broken; also PC302
PC103 error for all in Service checkout
  The image shop/checkout:v12 of container app cannot be pulled in the pod
  pods: checkout-2-a
  - checkout-2-a: the kubelet: ImagePullBackOff: Back-off pulling image "shop/checkout:v12"
  review: Undo the last rollout of Deployment checkout
    kubectl rollout undo deployment/checkout -n default
  review: Correct the image shop/checkout:v12 of container app, or let the node pull it
      (imagePullSecrets, registry, network)
""",
        ),
        Example(
            "the image is still being pulled",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, image: "shop/checkout:v12"}]}
status:
  phase: Pending
  containerStatuses: [{name: app, state: {waiting: {reason: ContainerCreating}}}]
""",
            expects="broken; also PC302",
        ),
    ),
    check_service=_check,
)
