"""PC614: a workload calls a Service that does not exist."""

from collections.abc import Sequence

from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.fixes import Subject
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
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.calls import fault, meant_port, text
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    if (unread := calls.unread(RULE, case)) is not None:
        return unread
    wrong = [c for c in case.calls if fault(c) == "name"]
    found = [_finding(case, s, of) for s, of in calls.by_workload(wrong)]
    return Several(tuple(found)) if found else calls.lacking(RULE, case) or Passed()


def _finding(case: ServiceCase, subject: Subject, found: Sequence[Call]) -> Finding:
    first = next((c for c in found if c.near), found[0])
    severity, impact = calls.weight(case, [c for c in found if _is_certain(c)])
    others = dict.fromkeys(text(c) for c in found if c.service != first.service)
    if not any(map(_is_certain, found)):
        severity = "info"
    near = f"; Service {first.near} exists" if first.near else ""
    elsewhere = f"; it exists in namespace {listing(first.elsewhere)}" if first.elsewhere else ""
    more = f"; {listing(others)} likewise" if others else ""
    host = "" if _is_certain(first) else "; a host outside the cluster may have the name"
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} calls {text(first)}; no Service {first.service} exists in "
        f"namespace {first.service_namespace}{host}{near or elsewhere}{more}",
        evidence=calls.facts(found),
        fixes=[calls.set_to(case, c, _meant_host(c), _number(c)) for c in found[:3] if c.near],
        impact=impact,
        severity=severity,
        subject=subject,
    )


def _is_certain(call: Call) -> bool:
    """Whether the name is a Service's by its form, or nearly that of one."""
    return bool(call.near) or "." in call.named.host


def _meant_host(call: Call) -> str:
    """The host under the name that was meant, in the form in which it is written."""
    return f"{call.near}{call.named.host.removeprefix(call.service)}"


def _number(call: Call) -> int | None:
    """The port as it is where the meant Service has it, or where none is certain."""
    if call.named.port is None or call.named.port in {p.port for p in call.near_ports}:
        return call.named.port
    port = meant_port(call.near_ports, call.named.port)
    return port.port if port else call.named.port


RULE = Rule(
    code="PC614",
    name="caller-name-unknown",
    severity="warning",
    summary="A workload calls a Service that does not exist",
    needs=(),
    uses=(Need.CALLS,),
    about_pods=True,
    explanation=Explanation(
        meaning="A variable, an argument or a command of a workload names a Service that does not "
        "exist. The name may be mistyped, or the Service was deleted or renamed.",
        why="DNS knows no such name: the client reads 'no such host' (NXDOMAIN).",
        confirm="kubectl get services shows the names. kubectl exec POD -- getent hosts NAME finds "
        "nothing.",
        fix="Correct the name in the workload's setting, or create the Service. A bare name that "
        "resembles no Service may be a host outside the cluster, and is information only.",
    ),
    examples=(
        Example(
            "two letters are exchanged",
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
  named: {container: app, setting: env, variable: CHECKOUT_ADDR, host: chekcout, port: 80,
    whole: true, sure: true}
  service: chekcout
  serviceNamespace: default
  exists: false
  near: checkout
  nearPorts: [{port: 80, targetPort: 5000}]
""",
            expects="""
healthy
PC614 warning in Deployment frontend
  Deployment frontend calls chekcout:80; no Service chekcout exists in namespace default;
      Service checkout exists
  - Deployment frontend: chekcout:80 in variable CHECKOUT_ADDR of container app
  review: Set CHECKOUT_ADDR=checkout:80 in Deployment frontend; its pods are replaced
    kubectl set env deployment/frontend -c app CHECKOUT_ADDR=checkout:80 -n default
""",
        ),
        Example(
            "a full name of a Service that was deleted; the workload was asked about",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CART_URL, host: cart.shop.svc, port: 80,
    sure: true}
  service: cart
  serviceNamespace: shop
  exists: false
""",
            expects="""
degraded
PC614 error for path in Deployment frontend
  Deployment frontend calls cart.shop.svc:80; no Service cart exists in namespace shop
  - Deployment frontend: cart.shop.svc:80 in variable CART_URL of container app
""",
        ),
        Example(
            "a bare name may be a host outside the cluster",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: LDAP_URL, host: ldap, port: 389, sure: true}
  service: ldap
  serviceNamespace: default
  exists: false
""",
            expects="""
healthy
PC614 info in Deployment frontend
  Deployment frontend calls ldap:389; no Service ldap exists in namespace default; a host
      outside the cluster may have the name
  - Deployment frontend: ldap:389 in variable LDAP_URL of container app
""",
        ),
        Example(
            "the Service exists",
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
  named: {container: app, setting: env, variable: CHECKOUT_ADDR, host: checkout, port: 80,
    whole: true, sure: true}
  service: checkout
  serviceNamespace: default
  exists: true
  ports: [{port: 80, targetPort: 5000}]
""",
            expects="healthy",
        ),
    ),
    clues=(Need.CALLS,),
    check_service=_check,
)
