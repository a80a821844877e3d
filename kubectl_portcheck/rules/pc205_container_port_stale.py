"""PC205: a container declares a port on which nothing listens."""

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.evidence import NOT_ASKED
from kubectl_portcheck.model.facts import Declares
from kubectl_portcheck.model.objects import ContainerPort, Pod
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import listing, plural, verb
from kubectl_portcheck.semantics import mesh, pods, ports, traffic
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    read = [p for p in case.pods if case.listeners(p) is not None and _is_settled(case, p)]
    if not read:
        settled = any(_is_settled(case, p) for p in case.pods)
        return RULE.lacks("what listens in the pods is not known") if settled else Passed()
    idle: dict[tuple[str, ContainerPort], list[str]] = {}
    used: set[tuple[str, ContainerPort]] = set()
    for pod in read:
        targets = {ports.dialled_port(case.service, p, pod) for p in case.service.spec.ports}
        for container, port in ports.declared_ports(pod):
            if container.name in mesh.CONTAINERS or port.container_port in targets:
                continue
            if _idle(case, pod, port):
                idle.setdefault((container.name, port), []).append(pod.metadata.name)
            else:
                used.add((container.name, port))
    stale = {key: names for key, names in idle.items() if key not in used}
    if not stale:
        return Passed()
    labels = [f"{p.container_port}" + (f" ({p.name})" if p.name else "") for _, p in stale]
    return RULE.finding(
        case,
        f"{plural('containerPort', len(stale))} {listing(labels)} "
        f"{verb(stale, 'is', 'are')} declared, but nothing listens there, and the Service does not "
        f"use {verb(stale, 'it', 'them')}",
        evidence=[
            Declares(
                pod=name, ports=(port,), note=f"in container {container}; nothing listens there"
            )
            for (container, port), names in stale.items()
            for name in names
        ],
        fixes=[
            fixes.by_hand(
                "Correct or remove the containerPort when you next change the pod template: it "
                "opens nothing, but people, monitors and policies go by it"
            )
        ],
        pods=dict.fromkeys(n for names in stale.values() for n in names),
    )


def _is_settled(case: ServiceCase, pod: Pod) -> bool:
    """Whether the pod is Ready, has been for a while, and has its network for itself."""
    return pods.is_ready(pod) and not pod.spec.host_network and not traffic.is_new(case, pod)


def _idle(case: ServiceCase, pod: Pod, port: ContainerPort) -> bool:
    """Whether surely no socket of the pod is on the declared port."""
    sockets = case.evidence.sockets.get(pod.metadata.name, NOT_ASKED)
    if port.protocol == "SCTP" or isinstance(sockets, Missing) or not sockets.value.complete:
        return False
    return not any(
        s.port == port.container_port and s.protocol == port.protocol
        for s in sockets.value.listeners
    )


RULE = Rule(
    code="PC205",
    name="container-port-stale",
    severity="info",
    summary="A container declares a port on which nothing listens",
    applies=(When.SELECTOR,),
    needs=(Need.PODS,),
    uses=(Need.SOCKETS,),
    explanation=Explanation(
        meaning="A container of the pod declares a containerPort, and no process listens on it. "
        "The Service does not send traffic to it.",
        why="Traffic does not fail. Declaring a port opens nothing, and leaving it out closes "
        "nothing. But people, monitors and policies rely on the declaration.",
        confirm="Compare kubectl exec POD -- netstat -tuln with containers[].ports of the pod.",
        fix="Correct or remove the containerPort in the pod template when you next change it. If "
        "a targetPort refers to it by name, PC405 reports it.",
    ),
    examples=(
        Example(
            "the application moved, and the declaration did not",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 9000}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"]}}
""",
            expects="""
healthy
PC205 info in Service checkout
  containerPort 8080 is declared, but nothing listens there, and the Service does not use it
  pods: checkout-1
  - checkout-1: declares 8080; in container app; nothing listens there
  review: Correct or remove the containerPort when you next change the pod template: it opens
      nothing, but people, monitors and policies go by it
""",
        ),
        Example(
            "an undeclared port, and a declared one on loopback",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 9000}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 6060, name: pprof}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000", "127.0.0.1:6060"]}}
""",
            expects="healthy",
        ),
        Example(
            "the port of a mesh's container",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{containerPort: 8080}]}
  - {name: istio-proxy, ports: [{containerPort: 15090}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "the port of another container, on which nothing listens",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{containerPort: 8080}]}
  - {name: sidecar, ports: [{containerPort: 15090}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy
PC205 info in Service checkout
  containerPort 15090 is declared, but nothing listens there, and the Service does not use it
  pods: checkout-1
  - checkout-1: declares 15090; in container sidecar; nothing listens there
  review: Correct or remove the containerPort when you next change the pod template: it opens
      nothing, but people, monitors and policies go by it
""",
        ),
        Example(
            "a pod on the node's network declares the node's ports",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  hostNetwork: true
  containers:
  - {name: app, ports: [{containerPort: 8080}]}
  - {name: sidecar, ports: [{containerPort: 15090}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="healthy",
        ),
        Example(
            "a pod that is not Ready may not listen yet",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{containerPort: 8080}]}
  - {name: sidecar, ports: [{containerPort: 15090}]}
status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "False"}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="broken; also PC302",
        ),
        Example(
            "the sockets could not be read",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 9090}]}]}
""",
            expects="""
inconclusive
not evaluated: what listens in the pods is not known
""",
        ),
    ),
    check_service=_check,
    follows_from=("PC102", "PC201", "PC309", "PC401", "PC405", "PC406", "PC407", "PC411"),
)
