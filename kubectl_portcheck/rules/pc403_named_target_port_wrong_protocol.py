"""PC403: the pods declare the targetPort's name for another protocol than the Service's."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Declares
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import ContainerPort
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing, names, share
from kubectl_portcheck.semantics import listening, ports
from kubectl_portcheck.semantics.case import Case, PodState


def _check(case: Case) -> Outcome:
    without = [s for s in case.states if s.target is None]
    found = {s.name: p for s in without if (p := _declared(s, str(case.target)))}
    if not found:
        return Passed()
    every = len(without) == len(case.states)
    labels = sorted({f"{p.container_port}/{p.protocol}" for p in found.values()})
    return RULE.finding(
        case,
        f"The Service's port {case.port.port} is {case.port.protocol}, but {case.target} is "
        f"declared as {listing(labels)} in {share(found, case.states)}, so the name does not "
        "resolve",
        evidence=[
            Declares(pod=s.name, ports=(p,), note=_heard(case, s, p))
            if (p := found.get(s.name))
            else evidence.declares(s.pod, case.target)
            for s in without
        ],
        fixes=_fixes(case, [s for s in without if s.name in found], list(found.values())),
        impact=Impact.ALL if every else Impact.NONE,
        severity="error" if every else "warning",
        pods=names(without),
    )


def _declared(state: PodState, name: str) -> ContainerPort | None:
    return next((p for _, p in ports.declared_ports(state.pod) if p.name == name), None)


def _speaks(case: Case, state: PodState, number: int) -> set[str] | None:
    """The protocols for which the pod takes clients on the number; None where not known."""
    listeners = case.listeners(state.pod)
    if listeners is None:
        return None
    open_ = listening.accepting(state.pod, listeners, families=case.families)
    return {s.protocol for s in open_ if s.port == number}


def _heard(case: Case, state: PodState, port: ContainerPort) -> str:
    spoken = _speaks(case, state, port.container_port)
    if spoken is None:
        return "what listens there is not known"
    return f"{listing(sorted(spoken)) or 'nothing'} listens there"


def _fixes(case: Case, states: Sequence[PodState], declared: Sequence[ContainerPort]) -> list[Fix]:
    """The side to fix is the one that differs from the socket."""
    spoken = [_speaks(case, s, p.container_port) for s, p in zip(states, declared, strict=True)]
    numbers = {p.container_port for p in declared}
    other, mine = declared[0].protocol, case.port.protocol
    taken = any(p.port == case.port.port and p.protocol == other for p in case.service.spec.ports)
    found = []
    if len(numbers) == 1 and not any(s is not None and mine not in s for s in spoken):
        found.append(
            fixes.retarget(
                case,
                declared[0].container_port,
                safety="safe" if all(spoken) else "review",
                title=f"Set targetPort to the number {declared[0].container_port}, which needs no "
                "declaration",
            )
        )
    if not taken and not any(s is not None and other not in s for s in spoken):
        base = f"/spec/ports/{case.service.spec.ports.index(case.port)}"
        only = all(s == {other} for s in spoken)
        found.append(
            fixes.patch(
                case,
                case.subject,
                [
                    fixes.test(f"{base}/port", case.port.port),
                    *fixes.replace(f"{base}/protocol", mine, other),
                ],
                title=f"Set the protocol of the Service port to {other}, like the container port",
                safety="safe" if only else "review",
                source=f"spec:\n  ports:\n  - port: {case.port.port}\n    protocol: {other}\n",
            )
        )
    found.append(
        fixes.by_hand(
            f"Declare {case.target} with protocol {mine} in the pod template, if {mine} is meant"
        )
    )
    return found


RULE = Rule(
    code="PC403",
    name="named-target-port-wrong-protocol",
    severity="error",
    summary="The pods declare the targetPort's name for another protocol than the Service's",
    applies=(When.SELECTOR, When.NOT_HEADLESS, When.NAMED_TARGET_PORT),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
    in_files=Worth.PROOF,
    of_containers=True,
    field=("ports", "#", "targetPort"),
    explanation=Explanation(
        meaning="Kubernetes looks the name up among the container ports by name and protocol. The "
        "pods declare the name for UDP and the Service port is TCP, or the reverse. If protocol "
        "is left out, it is TCP.",
        why="The name does not resolve, so the endpoints do not have this port and kube-proxy "
        "refuses connections. kubectl port-forward ignores the protocol and may work.",
        confirm="kubectl get pod POD -o yaml shows the protocol next to the name under "
        "containers[].ports. kubectl get endpointslices shows <unset>.",
        fix="Set protocol in the Service and in the container port to the protocol that the "
        "application uses.",
    ),
    examples=(
        Example(
            "the Service has no protocol",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 53, targetPort: dns}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}
---
probes: {checkout-1: {sockets: ["udp 0.0.0.0:53"]}}
""",
            expects="""
broken; also PC303
PC403 error for all in Service checkout, port 53/TCP
  The Service's port 53 is TCP, but dns is declared as 53/UDP in the pod, so the name does not
      resolve
  pods: checkout-1
  - checkout-1: declares dns (53/UDP); UDP listens there
  safe: Set the protocol of the Service port to UDP, like the container port
    replace /spec/ports/0/protocol UDP in Service checkout
  review: Declare dns with protocol TCP in the pod template, if TCP is meant
""",
        ),
        Example(
            "one name for both protocols",
            """
kind: Service
metadata: {name: checkout}
spec:
  selector: {app: checkout}
  ports:
  - {name: u, port: 53, protocol: UDP, targetPort: dns}
  - {name: t, port: 53, targetPort: dns-tcp}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - name: app
    ports: [{name: dns, containerPort: 53, protocol: UDP}, {name: dns-tcp, containerPort: 53}]
---
probes: {checkout-1: {sockets: ["udp 0.0.0.0:53", "0.0.0.0:53"]}}
""",
            expects="healthy",
        ),
        Example(
            "the pods listen for both protocols, and only one is declared",
            """
kind: Service
metadata: {name: dns}
spec: {selector: {app: dns}, ports: [{port: 53, targetPort: dns}]}
---
kind: Pod
metadata: {name: dns-1, labels: {app: dns}}
spec: {containers: [{name: dns, ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}
---
probes: {dns-1: {sockets: ["udp 0.0.0.0:53", "0.0.0.0:53"]}}
""",
            expects="""
broken; also PC303
PC403 error for all in Service dns, port 53/TCP
  The Service's port 53 is TCP, but dns is declared as 53/UDP in the pod, so the name does not
      resolve
  pods: dns-1
  - dns-1: declares dns (53/UDP); TCP and UDP listens there
  safe: Set targetPort to the number 53, which needs no declaration
    replace /spec/ports/0/targetPort 53 in Service dns
  review: Set the protocol of the Service port to UDP, like the container port
    replace /spec/ports/0/protocol UDP in Service dns
  review: Declare dns with protocol TCP in the pod template, if TCP is meant
""",
        ),
        Example(
            "the pods listen for the Service's protocol: the declaration is wrong",
            """
kind: Service
metadata: {name: dns}
spec: {selector: {app: dns}, ports: [{port: 53, targetPort: dns}]}
---
kind: Pod
metadata: {name: dns-1, labels: {app: dns}}
spec: {containers: [{name: dns, ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}
---
probes: {dns-1: {sockets: ["0.0.0.0:53"]}}
""",
            expects="""
broken; also PC303, PC205
PC403 error for all in Service dns, port 53/TCP
  The Service's port 53 is TCP, but dns is declared as 53/UDP in the pod, so the name does not
      resolve
  pods: dns-1
  - dns-1: declares dns (53/UDP); TCP listens there
  safe: Set targetPort to the number 53, which needs no declaration
    replace /spec/ports/0/targetPort 53 in Service dns
  review: Declare dns with protocol TCP in the pod template, if TCP is meant
""",
        ),
        Example(
            "what the pods listen for is not known",
            """
kind: Service
metadata: {name: dns}
spec: {selector: {app: dns}, ports: [{port: 53, targetPort: dns}]}
---
kind: Pod
metadata: {name: dns-1, labels: {app: dns}}
spec: {containers: [{name: dns, ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}
""",
            expects="""
broken; also PC303
PC403 error for all in Service dns, port 53/TCP
  The Service's port 53 is TCP, but dns is declared as 53/UDP in the pod, so the name does not
      resolve
  pods: dns-1
  - dns-1: declares dns (53/UDP); what listens there is not known
  review: Set targetPort to the number 53, which needs no declaration
    replace /spec/ports/0/targetPort 53 in Service dns
  review: Set the protocol of the Service port to UDP, like the container port
    replace /spec/ports/0/protocol UDP in Service dns
  review: Declare dns with protocol TCP in the pod template, if TCP is meant
""",
        ),
        Example(
            "the Service has a port for the other protocol already",
            """
kind: Service
metadata: {name: dns}
spec:
  selector: {app: dns}
  ports:
  - {name: tcp, port: 53, targetPort: dns}
  - {name: udp, port: 53, protocol: UDP, targetPort: dns}
---
kind: Pod
metadata: {name: dns-1, labels: {app: dns}}
spec: {containers: [{name: dns, ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}
---
probes: {dns-1: {sockets: ["udp 0.0.0.0:53"]}}
""",
            expects="""
broken; also PC303
PC403 error for all in Service dns, port 53/TCP
  The Service's port 53 is TCP, but dns is declared as 53/UDP in the pod, so the name does not
      resolve
  pods: dns-1
  - dns-1: declares dns (53/UDP); UDP listens there
  review: Declare dns with protocol TCP in the pod template, if TCP is meant
""",
        ),
    ),
    check=_check,
    follows_from=("PC404",),
)
