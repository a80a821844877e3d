"""PC101: pods of the Service are Pending because they fit on no node."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, Said, State
from kubectl_portcheck.model.fixes import Command, Fix, Subject
from kubectl_portcheck.model.objects import ContainerPort, Node, Pod
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
from kubectl_portcheck.rules.wording import plural, share
from kubectl_portcheck.semantics import events, nodes, scheduling
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.scheduling import Verdict

MOST = 5
"""Pods on a taken hostPort that are named."""


def _check(case: ServiceCase) -> Outcome:
    waiting = {
        p.metadata.name: (p, c.message or c.reason)
        for p in case.pods
        if p.status.phase == "Pending"
        for c in p.status.conditions
        if c.type == "PodScheduled" and c.status == "False"
    }
    if not waiting:
        return Passed()
    everyone = len(waiting) == len(case.pods)
    pod, words = next(iter(waiting.values()))
    verdict = scheduling.read(words)
    return RULE.finding(
        case,
        f"The scheduler finds no node for {share(waiting, case.pods)}: {_counted(verdict, words)}",
        evidence=[
            *(
                Said(source="the scheduler", words=why, subject=evidence.pod_subject(case, name))
                for name, (_, why) in waiting.items()
            ),
            *(s for name, (_, why) in waiting.items() for s in _more(case, name, why)),
            *_taken(case, pod, verdict),
            *_kept_out(case, verdict),
        ],
        fixes=_fixes(case, pod, verdict),
        impact=Impact.ALL if everyone else Impact.NONE,
        severity="error" if everyone else "warning",
        pods=waiting,
    )


def _counted(verdict: Verdict | None, words: str) -> str:
    """The scheduler's reasons, each with the number of nodes; its own words where unreadable."""
    if verdict is None or not verdict.reasons:
        return words
    found = [
        f"{reason.words} ({reason.nodes} of {verdict.nodes} {plural('node', verdict.nodes)})"
        if reason.nodes
        else reason.words
        for reason in verdict.reasons
    ]
    return "; ".join(r.removeprefix("node(s) ") for r in found)


def _host_ports(pod: Pod) -> list[tuple[int, int, ContainerPort]]:
    """The ports of the node that the pod asks for: places of container and port, and the port."""
    return [
        (c, n, port)
        for c, container in enumerate(pod.spec.containers)
        for n, port in enumerate(container.ports)
        if port.host_port
    ]


def _taken(case: ServiceCase, pod: Pod, verdict: Verdict | None) -> Sequence[Fact]:
    """Who has the hostPort that the pod asks for, as far as the namespace's own pods tell."""
    if verdict is None or not verdict.ports_taken:
        return []
    wanted = {(p.host_port, p.protocol) for _, _, p in _host_ports(pod)}
    return [
        evidence.pod_is(
            case,
            other.metadata.name,
            f"has hostPort {port.host_port} on node {other.spec.node_name}",
        )
        for other in case.namespace_pods
        if other.spec.node_name
        for _, _, port in _host_ports(other)
        if (port.host_port, port.protocol) in wanted
    ][:MOST]


def _kept_out(case: ServiceCase, verdict: Verdict | None) -> Sequence[Fact]:
    """The nodes that accept no new pod, and why."""
    if verdict is None or not verdict.node_kept_out:
        return []
    return [
        State(subject=_node(node), state=", ".join(found))
        for node in case.nodes
        if (found := nodes.troubles(node))
    ][:MOST]


def _node(node: Node) -> Subject:
    return Subject(kind="Node", namespace="", name=node.metadata.name)


def _uncordon(case: ServiceCase) -> list[Fix]:
    """The command that lets pods onto a node that is healthy and cordoned."""
    cordoned = [n for n in case.nodes if nodes.troubles(n) == ["cordoned"]]
    if not cordoned:
        title = "Uncordon a node (kubectl uncordon NODE); this shows which are cordoned"
        return [fixes.look(case, "get", "nodes", title=title, namespace="")]
    name = cordoned[0].metadata.name
    return [
        Fix(
            title=f"Uncordon node {name}, if its maintenance has ended",
            change=Command(words=("uncordon", name)),
            subject=_node(cordoned[0]),
            safety="review",
            kubectl=case.kubectl,
        )
    ]


def _fixes(case: ServiceCase, pod: Pod, verdict: Verdict | None) -> list[Fix]:
    workload = case.workload(pod)
    found = fixes.undo(case, [pod])
    if verdict is None:
        return found
    owner = f"{workload.kind} {workload.name}" if workload else f"pod {pod.metadata.name}"
    if verdict.ports_taken:
        found += _without_host_ports(case, pod, workload)
    if verdict.says("Insufficient "):
        title = f"Request less in {owner} (resources.requests), or add a node; this shows what fits"
        found.append(fixes.look(case, "describe", "nodes", title=title, namespace=""))
    if verdict.says("node affinity/selector"):
        title = (
            f"Change nodeSelector or affinity of {owner}, or label a node; this shows the labels"
        )
        words = ("get", "nodes", "--show-labels")
        found.append(fixes.look(case, *words, title=title, namespace=""))
    if verdict.says(f"untolerated taint(s) {{{scheduling.NODE_TAINTS}") or verdict.says(
        f"untolerated taint {{{scheduling.NODE_TAINTS}"
    ):
        title = "Repair the node whose condition keeps pods off it; this shows its conditions"
        found.append(fixes.look(case, "describe", "nodes", title=title, namespace=""))
    elif verdict.says("untolerated taint"):
        title = f"Add a toleration to {owner}, or remove the taint; this shows the taints"
        found.append(fixes.look(case, "describe", "nodes", title=title, namespace=""))
    if verdict.says("were unschedulable"):
        found += _uncordon(case)
    return found


def _without_host_ports(case: ServiceCase, pod: Pod, workload: Subject | None) -> list[Fix]:
    """The pod template without its hostPorts: a Service does not need them."""
    asked = _host_ports(pod)
    if workload is None or workload.kind not in ("Deployment", "StatefulSet") or not asked:
        return []
    operations = []
    for container, place, port in asked:
        path = f"/spec/template/spec/containers/{container}/ports/{place}/hostPort"
        operations += [fixes.test(path, port.host_port), fixes.remove(path)]
    title = (
        f"Remove hostPort from {workload.kind} {workload.name}; the Service does not need it, "
        "clients that use the node's address do"
    )
    return [fixes.patch(case, workload, operations, title=title, safety="review")]


def _more(case: ServiceCase, pod: str, known: str) -> list[Said]:
    """What the autoscaler says, and the scheduler where the condition does not repeat it."""
    events_said = events.said(case, pod, "FailedScheduling", "NotTriggerScaleUp", most=2)
    return [t for t in events_said if " ".join(known.split()) not in t.words]


RULE = Rule(
    code="PC101",
    name="pod-not-scheduled",
    severity="error",
    summary="Pods of the Service are Pending because they fit on no node",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.EVENTS, Need.REPLICA_SETS, Need.NAMESPACE_PODS, Need.NODES),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The scheduler found no node for the pod. Usually a node lacks CPU or memory, or "
        "a taint, an affinity rule or a volume excludes it. The finding quotes the scheduler's "
        "reason.",
        why="A pod without a node has no IP address, so it is not an endpoint. If every pod of "
        "the Service is Pending, connections to the Service are refused.",
        confirm="kubectl describe pod POD: the event FailedScheduling says why each node does not "
        "fit.",
        fix="Add or free the resources that the scheduler asks for, or request less in the pod "
        "template (resources.requests, nodeSelector, tolerations).",
    ),
    examples=(
        Example(
            "the only pod requests more CPU than any node has",
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
  conditions:
  - {type: PodScheduled, status: "False", reason: Unschedulable,
     message: "0/3 nodes are available: 3 Insufficient cpu."}
""",
            expects="""
broken; also PC302
PC101 error for all in Service checkout
  The scheduler finds no node for the pod: Insufficient cpu (3 of 3 nodes)
  pods: checkout-1
  - checkout-1: the scheduler: 0/3 nodes are available: 3 Insufficient cpu.
  review: Request less in pod checkout-1 (resources.requests), or add a node; this shows what
      fits
    look: kubectl describe nodes
""",
        ),
        Example(
            "a hostPort that a pod of another workload has",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: ReplicaSet
metadata: {name: checkout-1, uid: rs-1,
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
---
kind: Pod
metadata: {name: checkout-1-a, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout-1, uid: rs-1, controller: true}]}
spec: {containers: [{name: app, ports: [{containerPort: 8080, hostPort: 8080}]}]}
status:
  phase: Pending
  conditions:
  - {type: PodScheduled, status: "False", reason: Unschedulable,
     message: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod
       ports."}
---
kind: Pod
metadata: {name: proxy-1, labels: {app: proxy}}
spec: {nodeName: worker-1, containers: [{name: app, ports: [{containerPort: 80, hostPort: 8080}]}]}
""",
            expects="""
broken; also PC302
PC101 error for all in Service checkout
  The scheduler finds no node for the pod: didn't have free ports for the requested pod ports (1
      of 1 node)
  pods: checkout-1-a
  - checkout-1-a: the scheduler: 0/1 nodes are available: 1 node(s) didn't have free ports for
      the requested pod ports.
  - proxy-1: has hostPort 8080 on node worker-1
  review: Remove hostPort from Deployment checkout; the Service does not need it, clients that
      use the node's address do
    remove /spec/template/spec/containers/0/ports/0/hostPort in Deployment checkout
""",
        ),
        Example(
            "a pod that is starting on its node",
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
  conditions: [{type: PodScheduled, status: "True"}]
""",
            expects="broken; also PC302",
        ),
        Example(
            "the only node is cordoned",
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
  conditions:
  - {type: PodScheduled, status: "False", reason: Unschedulable,
    message: "0/2 nodes are available: 1 node(s) had untolerated taint
      {node.kubernetes.io/memory-pressure: }, 1 node(s) were unschedulable."}
---
kind: Node
metadata: {name: worker-1}
spec: {unschedulable: true}
status: {conditions: [{type: Ready, status: "True"}]}
---
kind: Node
metadata: {name: worker-2}
status: {conditions: [{type: Ready, status: "True"}, {type: MemoryPressure, status: "True"}]}
""",
            expects="""
broken; also PC302
PC101 error for all in Service checkout
  The scheduler finds no node for the pod: had untolerated taint
      {node.kubernetes.io/memory-pressure: } (1 of 2 nodes); were unschedulable (1 of 2 nodes)
  pods: checkout-1
  - checkout-1: the scheduler: 0/2 nodes are available: 1 node(s) had untolerated taint
      {node.kubernetes.io/memory-pressure: }, 1 node(s) were unschedulable.
  - Node worker-1: cordoned
  - Node worker-2: memory pressure
  review: Repair the node whose condition keeps pods off it; this shows its conditions
    look: kubectl describe nodes
  review: Uncordon node worker-1, if its maintenance has ended
    kubectl uncordon worker-1
""",
        ),
    ),
    check_service=_check,
    follows_from=("PC112",),
)
