"""PC201: the containers run, but no process listens on any port."""

from kubectl_portcheck.model.facts import Listens
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    impact_of,
)
from kubectl_portcheck.rules.wording import names, share
from kubectl_portcheck.semantics import mesh
from kubectl_portcheck.semantics.case import Case, PodState


def deaf(case: Case, state: PodState) -> bool:
    """Whether the pod's processes listen on nothing at all."""
    listeners = case.listeners(state.pod)
    return (
        state.answer.kind == "not-listening"
        and listeners is not None
        and not mesh.without(state.pod, listeners)
    )


def _check(case: Case) -> Outcome:
    found = [s for s in case.backends if deaf(case, s)]
    if not found:
        return Passed()
    containers = sorted({c.name for s in found for c in mesh.own_containers(s.pod)})
    return RULE.finding(
        case,
        f"No process listens on any port in {share(found, case.backends)}",
        evidence=[Listens(pod=s.name, note="its containers run") for s in found],
        fixes=[
            *fixes.undo(case, [s.pod for s in found]),
            fixes.look(
                case,
                *("logs", found[0].name, "-c", containers[0]),
                title=f"Make the application listen on {found[0].target}; its log says what it "
                "does instead",
            ),
        ],
        impact=impact_of(found, case),
        pods=names(found),
    )


RULE = Rule(
    code="PC201",
    name="nothing-listening",
    severity="error",
    summary="The containers run, but no process listens on any port",
    applies=(When.PODS,),
    clues=(Clue.MEASURED,),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.MESH_POLICIES),
    explanation=Explanation(
        meaning="The containers run, and no socket of the pod listens: the application has not "
        "opened a port, or has closed it.",
        why="The pod refuses every connection.",
        confirm="kubectl exec POD -- netstat -tlnp prints no line. kubectl logs POD shows what "
        "the application does instead, such as waiting for a database.",
        fix="Fix the start of the application. A readiness probe on the served port keeps such a "
        "pod out of the Service.",
    ),
    examples=(
        Example(
            "the container sleeps",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: []}}
""",
            expects="""
broken; also PC501
PC201 error for all in Service checkout, port 80/TCP
  No process listens on any port in the pod
  pods: checkout-1
  - checkout-1: listens on no port; its containers run
  review: Make the application listen on 8080; its log says what it does instead
    look: kubectl logs checkout-1 -c app -n default
""",
        ),
        Example(
            "a process listens on another port: that is PC401",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"]}}
""",
            expects="broken; also PC401, PC501",
        ),
        Example(
            "a mesh's proxy listens, the application does not",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}, {name: istio-proxy}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:15006 envoy", "[::]:15020 pilot-agent"]}}
""",
            expects="""
broken; also PC501
PC201 error for all in Service checkout, port 80/TCP
  No process listens on any port in the pod
  pods: checkout-1
  - checkout-1: listens on no port; its containers run
  review: Make the application listen on 8080; its log says what it does instead
    look: kubectl logs checkout-1 -c app -n default
""",
        ),
        Example(
            "the only container is the proxy: it is the application, on another port",
            """
kind: Service
metadata: {name: gateway}
spec: {selector: {app: gateway}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: gateway-1, labels: {app: gateway}}
spec: {containers: [{name: istio-proxy, ports: [{containerPort: 8081}]}]}
---
probes: {gateway-1: {sockets: ["0.0.0.0:8081 envoy"]}}
""",
            expects="broken; also PC401, PC501",
        ),
    ),
    check=_check,
    follows_from=("PC102", "PC116", "PC309"),
)
