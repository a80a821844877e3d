"""PC119: the Service selects a workload without pods, and not its twin, whose pods are Ready."""

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Pod, Workload
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import plural, verb
from kubectl_portcheck.semantics import pods, resting, twins
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.selectors import NearMiss, matches, near_miss

MOST = 5
"""Pods that are named."""


def _check(case: ServiceCase) -> Outcome:
    if case.pods or case.finished_pods or resting.rests(case):
        return NotApplicable("only where a Service that wants pods selects none")
    selector = case.service.spec.selector
    idle = [
        w
        for w in case.deployments
        if w.spec.replicas == 0 and matches(selector, w.spec.template.metadata.labels)
    ]
    found: dict[NearMiss, list[Pod]] = {}
    for pod in case.namespace_pods if len(idle) == 1 else ():
        miss = near_miss(selector, pod.metadata.labels)
        if miss and _is_twin(idle[0], pod, miss):
            found.setdefault(miss, []).append(pod)
    if len(found) != 1:
        return Passed()
    (miss, twin), off = next(iter(found.items())), idle[0].metadata.name
    path = f"/spec/selector/{fixes.pointer(miss.key)}"
    count = f"{len(twin)} Ready {plural('pod', len(twin))}"
    return RULE.finding(
        case,
        f"The Service selects {miss.key}={miss.wanted}, and Deployment {off} is scaled to 0; "
        f"{count} {verb(twin, 'has', 'have')} {miss.key}={miss.found}",
        evidence=[
            State(
                subject=Subject(kind="Deployment", namespace=case.namespace, name=off),
                state="replicas: 0",
            ),
            *(
                evidence.pod_is(case, p.metadata.name, f"Ready, {miss.key}={miss.found}")
                for p in twin[:MOST]
            ),
        ],
        fixes=[
            fixes.patch(
                case,
                case.subject,
                fixes.replace(path, miss.wanted, miss.found),
                title=f"Send the clients to {miss.key}={miss.found}",
                safety="review",
                source=f"spec:\n  selector:\n    {miss.key}: {miss.found}\n",
            ),
            fixes.run(
                case,
                *("scale", f"deployment/{off}", "--replicas=1"),
                title=f"Scale Deployment {off} to 1",
                subject=Subject(kind="Deployment", namespace=case.namespace, name=off),
            ),
        ],
        impact=Impact.ALL,
    )


def _is_twin(idle: Workload, pod: Pod, miss: NearMiss) -> bool:
    return (
        miss.found is not None
        and twins.are_twins(miss.wanted, miss.found)
        and twins.alike(idle.spec.template.spec, pod.spec)
        and pods.is_ready(pod)
        and not pods.is_terminating(pod)
    )


def _service(name: str, side: str) -> str:
    return f"""
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: checkout, side: {side}}}, ports: [{{port: 80, targetPort: 8080}}]}}
"""


def _twins(image: str, side: str) -> str:
    return f"""---
kind: Deployment
metadata: {{name: checkout-{side}}}
spec: {{replicas: 0, template: {{metadata: {{labels: {{app: checkout, side: {side}}}}},
  spec: {{containers: [{{name: app, image: "shop:1"}}]}}}}}}
---
kind: Pod
metadata: {{name: checkout-green-1, labels: {{app: checkout, side: green}}}}
spec: {{containers: [{{name: app, image: "{image}"}}]}}
"""


RULE = Rule(
    code="PC119",
    name="twin-not-selected",
    severity="error",
    summary="The Service selects a workload that is scaled to 0, and its twin's pods are Ready",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.DEPLOYMENTS, Need.NAMESPACE_PODS),
    why_unready=True,
    explanation=Explanation(
        meaning="Two workloads replace one another, such as blue and green or one version and "
        "the next: their labels differ only in that, and they run the same program. The Service "
        "still selects the one that is scaled to 0.",
        why="The Service has no endpoint, so its clients are refused, while the pods of the other "
        "workload get none.",
        confirm="kubectl get deployments --show-labels, and kubectl get service NAME -o "
        "jsonpath={.spec.selector}.",
        fix="Change the selector to the other workload, if it is meant to serve; else scale the "
        "selected one up.",
    ),
    examples=(
        Example(
            "blue was scaled to 0 before the clients were sent to green",
            _service("checkout", "blue") + _twins("shop:2", "blue"),
            expects="""
broken; also PC301
PC119 error for all in Service checkout
  The Service selects side=blue, and Deployment checkout-blue is scaled to 0; 1 Ready pod has
      side=green
  - Deployment checkout-blue: replicas: 0
  - checkout-green-1: Ready, side=green
  review: Send the clients to side=green
    replace /spec/selector/side green in Service checkout
  review: Scale Deployment checkout-blue to 1
    kubectl scale deployment/checkout-blue --replicas=1 -n default
""",
        ),
        Example(
            "another program has the other label",
            _service("checkout", "blue") + _twins("worker:2", "blue"),
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
