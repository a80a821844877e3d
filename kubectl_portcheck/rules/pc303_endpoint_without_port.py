"""PC303: ready endpoints do not have the port, because a named targetPort did not resolve."""

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import plural, verb
from kubectl_portcheck.semantics.case import Case


def _check(case: Case) -> Outcome:
    carrying = {e.pod for e in case.endpoints if e.port is not None}
    without = [
        e for e in case.endpoints if e.endpoint.ready and e.port is None and e.pod not in carrying
    ]
    if not without:
        return Passed()
    every = not case.backends
    label = f"port {case.port.name}" if case.port.name else f"port {case.port.port}"
    return RULE.finding(
        case,
        f"{len(without)} ready {plural('endpoint', len(without))} {verb(without, 'has', 'have')} "
        f"no {label}, because targetPort {case.target} does not resolve",
        evidence=[
            evidence.pod_is(case, e.pod, f"ready in an EndpointSlice that has no {label}")
            if e.pod
            else Observation(text=f"an address is ready in an EndpointSlice that has no {label}")
            for e in without
        ],
        impact=Impact.ALL if every else Impact.NONE,
        severity="error" if every else "warning",
        pods=[e.pod for e in without if e.pod],
    )


RULE = Rule(
    code="PC303",
    name="endpoint-without-port",
    severity="error",
    summary="Ready endpoints do not have the port, because a named targetPort did not resolve",
    applies=(When.SELECTOR, When.NOT_HEADLESS),
    needs=(Need.SLICES,),
    uses=(Need.PODS, Need.SOCKETS, Need.ATTEMPTS),
    explanation=Explanation(
        meaning="The EndpointSlice controller looks a named targetPort up in each pod. If a pod "
        "has no container port of that name and protocol, the controller leaves the port out and "
        "keeps the endpoint. kubectl describe service then looks healthy.",
        why="kube-proxy has no endpoint for this port and refuses connections to it.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME shows <unset> "
        "under PORTS.",
        fix="Set targetPort to a name that the pods declare, or declare the name in the pods.",
    ),
    examples=(
        Example(
            "the slice has no port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: htpp}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
---
kind: EndpointSlice
metadata: {name: checkout-x}
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true},
  targetRef: {kind: Pod, name: checkout-1}}]
ports: null
""",
            expects="""
broken; also PC402
PC303 error for all in Service checkout, port 80/TCP, follows from PC402
  1 ready endpoint has no port 80, because targetPort htpp does not resolve
  pods: checkout-1
  - checkout-1: ready in an EndpointSlice that has no port 80
""",
        ),
        Example(
            "the slice has the port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: http}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
---
kind: EndpointSlice
metadata: {name: checkout-x}
endpoints: [{addresses: [10.0.0.1], conditions: {ready: true},
  targetRef: {kind: Pod, name: checkout-1}}]
ports: [{name: "", port: 8080}]
""",
            expects="inconclusive",
        ),
    ),
    check=_check,
    deciding=True,
    follows_from=("PC307", "PC402", "PC403", "PC404"),
)
