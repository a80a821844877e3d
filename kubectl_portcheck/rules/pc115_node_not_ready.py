"""PC115: pods are not Ready because their node is not."""

from kubectl_portcheck.model.facts import Said
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Condition, Node
from kubectl_portcheck.model.report import Finding, Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
)
from kubectl_portcheck.rules.wording import share, verb
from kubectl_portcheck.semantics import traffic
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.pods import lost_with_its_node


def _check(case: ServiceCase) -> Outcome:
    lost = [p for p in case.pods if lost_with_its_node(p)]
    if not lost:
        return Passed()
    if (missing := case.missing(Need.NODES)) is not None:
        return RULE.lacks(missing)
    found = [
        _finding(case, node, why)
        for node in case.nodes
        if any(p.spec.node_name == node.metadata.name for p in lost)
        and (why := _not_ready(node)) is not None
    ]
    return Several(tuple(found)) if found else Passed()


def _not_ready(node: Node) -> Condition | None:
    return next(
        (c for c in node.status.conditions if c.type == "Ready" and c.status != "True"), None
    )


def _finding(case: ServiceCase, node: Node, why: Condition) -> Finding:
    name = node.metadata.name
    here = [p for p in case.pods if p.spec.node_name == name and lost_with_its_node(p)]
    impact = traffic.impact_on(case, here)
    subject = Subject(kind="Node", namespace="", name=name)
    title = f"Repair node {name}; this shows what it reports"
    return RULE.finding(
        case,
        f"Node {name} is not Ready; {share(here, case.pods)} {verb(here, 'runs', 'run')} on it",
        evidence=[
            Said(
                source=f"condition Ready, {why.reason}",
                words=" ".join(why.message.split()),
                subject=subject,
            )
        ],
        fixes=[fixes.look(case, "describe", "node", name, title=title, namespace="")],
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=[p.metadata.name for p in here],
        subject=subject,
    )


_POD = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {nodeName: worker-1, containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses: [{name: app, ready: true, state: {running: {}}}]
---
kind: Node
metadata: {name: worker-1}
status: {conditions: [{type: Ready, status: STATUS, reason: REASON, message: "MESSAGE"}]}
"""

RULE = Rule(
    code="PC115",
    name="node-not-ready",
    severity="error",
    summary="Pods behind the Service run on a node that is not Ready",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.NODES,),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The control plane does not hear from the kubelet of the node, or the kubelet "
        "reports that the node is not Ready. All pods on it lose their Ready condition.",
        why="A pod that is not Ready is no endpoint. Pods are moved to another node only after "
        "five minutes, and those of a StatefulSet only when the node is removed.",
        confirm="kubectl get nodes, and kubectl describe node NAME.",
        fix="Repair the node or its network. To move the pods at once, delete the node object or "
        "force-delete the pods, if the node is surely down.",
    ),
    examples=(
        Example(
            "the kubelet no longer reports",
            _POD.replace("STATUS", "Unknown")
            .replace("REASON", "NodeStatusUnknown")
            .replace("MESSAGE", "Kubelet stopped posting node status."),
            expects="""
broken; also PC302
PC115 error for all in Node worker-1
  Node worker-1 is not Ready; the pod runs on it
  pods: checkout-1
  - Node worker-1: condition Ready, NodeStatusUnknown: Kubelet stopped posting node status.
  review: Repair node worker-1; this shows what it reports
    look: kubectl describe node worker-1
""",
        ),
        Example(
            "the node is Ready",
            _POD.replace("STATUS", '"True"')
            .replace("REASON", "KubeletReady")
            .replace("MESSAGE", "kubelet is posting ready status"),
            expects="broken; also PC302",
        ),
    ),
    check_service=_check,
)
