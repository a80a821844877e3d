"""PC113: a volume cannot be attached or mounted, so the containers do not start."""

from kubectl_portcheck.model.facts import Said
from kubectl_portcheck.model.objects import Event, Pod
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
from kubectl_portcheck.semantics.pods import is_terminating

REASONS = ("FailedMount", "FailedAttachVolume", "FailedMapVolume")


def _check(case: ServiceCase) -> Outcome:
    found = {
        p.metadata.name: (p, event)
        for p in case.pods
        if _creating(p) and (event := _failed(case, p)) is not None
    }
    if not found:
        return Passed()
    impact = traffic.impact_on(case, [p for p, _ in found.values()])
    pod, event = next(iter(found.values()))
    words = " ".join(event.message.split())
    return RULE.finding(
        case,
        f"A volume cannot be mounted in {share(found, case.pods)}: {words}",
        evidence=[
            Said(
                source=f"event {e.reason}",
                words=" ".join(e.message.split()),
                subject=evidence.pod_subject(case, name),
            )
            for name, (_, e) in found.items()
        ],
        fixes=[
            fixes.look(
                case,
                *("describe", "pod", pod.metadata.name),
                title="Correct the volume that the event names; this shows all events",
            )
        ],
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=found,
    )


def _creating(pod: Pod) -> bool:
    """Whether no container of the pod has started, and none was refused."""
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return not is_terminating(pod) and any(
        s.state.waiting and s.state.waiting.reason == "ContainerCreating" for s in statuses
    )


def _failed(case: ServiceCase, pod: Pod) -> Event | None:
    return next(
        (
            e
            for e in events.about(case, "Pod", pod.metadata.name)
            if e.reason in REASONS and unmet.reference(e.message) is None
        ),
        None,
    )


_SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}], volumes: [{name: data}]}
status:
  phase: Pending
  containerStatuses: [{name: app, state: {waiting: {reason: ContainerCreating}}}]
"""

RULE = Rule(
    code="PC113",
    name="volume-not-mounted",
    severity="error",
    summary="A volume of the pods behind the Service cannot be attached or mounted",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.EVENTS,),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The kubelet or the attach controller cannot give the pod one of its volumes, "
        "for example because it is still attached to another node. The event is quoted.",
        why="The containers start only when all volumes are mounted, so the pod is not Ready and "
        "gets no traffic.",
        confirm="kubectl describe pod POD shows FailedMount or FailedAttachVolume.",
        fix="Correct the volume that the event names. A volume that is attached to another node "
        "is released when the pod there is gone.",
    ),
    examples=(
        Example(
            "the disk is still attached to another node",
            _SERVICE
            + """---
kind: Event
metadata: {name: e1}
involvedObject: {kind: Pod, name: checkout-1}
reason: FailedAttachVolume
message: 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) checkout-0'
""",
            expects="""
broken; also PC302
PC113 error for all in Service checkout
  A volume cannot be mounted in the pod: Multi-Attach error for volume "pvc-1" Volume is already
      used by pod(s) checkout-0
  pods: checkout-1
  - checkout-1: event FailedAttachVolume: Multi-Attach error for volume "pvc-1" Volume is
      already used by pod(s) checkout-0
  review: Correct the volume that the event names; this shows all events
    look: kubectl describe pod checkout-1 -n default
""",
        ),
        Example("the containers are being created", _SERVICE, expects="broken; also PC302"),
    ),
    check_service=_check,
)
