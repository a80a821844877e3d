"""PC616: a workload calls an address among those of Services that no Service has."""

from collections.abc import Sequence

from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import calls
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    Several,
)
from kubectl_portcheck.semantics.calls import fault, meant_port, text
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    if (unread := calls.unread(RULE, case)) is not None:
        return unread
    wrong = [c for c in case.calls if fault(c) == "address"]
    found = [_finding(case, s, of) for s, of in calls.by_workload(wrong)]
    return Several(tuple(found)) if found else calls.lacking(RULE, case) or Passed()


def _finding(case: ServiceCase, subject: Subject, found: Sequence[Call]) -> Finding:
    first = found[0]
    severity, impact = calls.weight(case, found)
    near = f"; the variable is named after Service {first.near}" if first.near else ""
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} calls {text(first)}; no Service has this address, which is "
        f"in the range of Services{near}",
        evidence=calls.facts(found),
        fixes=[_fix(case, c) for c in found[:3]],
        impact=impact,
        severity=severity,
        subject=subject,
    )


def _fix(case: ServiceCase, call: Call) -> Fix:
    if not call.near:
        return calls.set_to(case, call, "NAME.NAMESPACE", call.named.port, known=False)
    port = call.named.port
    if port not in {p.port for p in call.near_ports}:
        meant = meant_port(call.near_ports, port)
        port = meant.port if meant and port else port
    return calls.set_to(case, call, call.near, port)


RULE = Rule(
    code="PC616",
    name="caller-uses-old-address",
    severity="warning",
    summary="A workload calls a ClusterIP that no Service has",
    needs=(),
    uses=(Need.CALLS,),
    about_pods=True,
    explanation=Explanation(
        meaning="A variable, an argument or a command of a workload has an address among those of "
        "the Services, and no Service has it. A Service that is deleted and created again gets "
        "another address.",
        why="Nothing answers at the address: the client gets a time-out, or no route to host.",
        confirm="kubectl get services -A -o wide shows the addresses.",
        fix="Write the DNS name of the Service instead of its address.",
    ),
    examples=(
        Example(
            "the Service was created again",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CHECKOUT_ADDR, host: 10.96.3.4, port: 80,
    whole: true, sure: true}
  exists: false
  near: checkout
  nearPorts: [{port: 80}]
  address: unknown
""",
            expects="""
degraded
PC616 error for path in Deployment frontend
  Deployment frontend calls 10.96.3.4:80; no Service has this address, which is in the range of
      Services; the variable is named after Service checkout
  - Deployment frontend: 10.96.3.4:80 in variable CHECKOUT_ADDR of container app
  review: Set CHECKOUT_ADDR=checkout:80 in Deployment frontend; its pods are replaced
    kubectl set env deployment/frontend -c app CHECKOUT_ADDR=checkout:80 -n default
""",
        ),
        Example(
            "which Service was meant is not known",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: args, host: 10.96.3.4, port: 80, sure: true}
  exists: false
  address: unknown
""",
            expects="""
degraded
PC616 error for path in Deployment frontend
  Deployment frontend calls 10.96.3.4:80; no Service has this address, which is in the range of
      Services
  - Deployment frontend: 10.96.3.4:80 in the arguments of container app
  review: Set the host and port in the arguments of container app in Deployment frontend to
      NAME.NAMESPACE:80
    look: kubectl get deployment frontend -o yaml -n default
""",
        ),
        Example(
            "the address is a Service's",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 5000}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:5000"], port-forward: {5000: accepted}}}
---
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CHECKOUT_ADDR, host: 10.96.3.4, port: 80,
    whole: true, sure: true}
  service: checkout
  serviceNamespace: default
  exists: true
  ports: [{port: 80}]
  address: service
""",
            expects="healthy",
        ),
    ),
    clues=(Need.CALLS,),
    check_service=_check,
)
