"""PC613: a workload calls a Service of another namespace without naming that namespace."""

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
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.calls import fault, text
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    if (unread := calls.unread(RULE, case)) is not None:
        return unread
    wrong = [c for c in case.calls if fault(c) == "namespace"]
    found = [_finding(case, s, of) for s, of in calls.by_workload(wrong)]
    return Several(tuple(found)) if found else calls.lacking(RULE, case) or Passed()


def _finding(case: ServiceCase, subject: Subject, found: Sequence[Call]) -> Finding:
    first = found[0]
    severity, impact = calls.weight(case, found)
    one = len(first.elsewhere) == 1
    where = f"{'namespace' if one else 'namespaces'} {listing(first.elsewhere)}"
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} calls {text(first)}; its namespace {first.namespace} has "
        f"no Service {first.service}, {where} {'has' if one else 'have'} one",
        evidence=calls.facts(found),
        fixes=[fix for c in found[:3] for fix in _fixes(case, c)],
        impact=impact,
        severity=severity,
        subject=subject,
    )


def _fixes(case: ServiceCase, call: Call) -> list[Fix]:
    """A change for each namespace that may be meant; a command where there is only one."""
    only = len(call.elsewhere) == 1
    return [
        calls.set_to(case, call, f"{call.service}.{space}", call.named.port, known=only)
        for space in call.elsewhere[:3]
    ]


RULE = Rule(
    code="PC613",
    name="caller-namespace-missing",
    severity="warning",
    summary="A workload calls a Service of another namespace by its bare name",
    needs=(),
    uses=(Need.CALLS,),
    about_pods=True,
    explanation=Explanation(
        meaning="A variable, an argument or a command of a workload has the bare name of a "
        "Service. The workload's namespace has no Service of that name, and another namespace has.",
        why="DNS looks for a bare name in the namespace of the pod only: the client reads 'no such "
        "host' (NXDOMAIN).",
        confirm="kubectl get services -A shows the namespaces. kubectl exec POD -- getent hosts "
        "NAME finds nothing, and getent hosts NAME.NAMESPACE does.",
        fix="Write NAME.NAMESPACE in the workload's setting.",
    ),
    examples=(
        Example(
            "the Service is in the namespace shop",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CHECKOUT_ADDR, host: checkout, port: 80,
    whole: true, sure: true}
  service: checkout
  serviceNamespace: default
  exists: false
  elsewhere: [shop]
""",
            expects="""
degraded
PC613 error for path in Deployment frontend
  Deployment frontend calls checkout:80; its namespace default has no Service checkout,
      namespace shop has one
  - Deployment frontend: checkout:80 in variable CHECKOUT_ADDR of container app
  review: Set CHECKOUT_ADDR=checkout.shop:80 in Deployment frontend; its pods are replaced
    kubectl set env deployment/frontend -c app CHECKOUT_ADDR=checkout.shop:80 -n default
""",
        ),
        Example(
            "two namespaces have such a Service: a person has to choose",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CHECKOUT_ADDR, host: checkout, port: 80,
    whole: true, sure: true}
  service: checkout
  serviceNamespace: default
  exists: false
  elsewhere: [dev, shop]
""",
            expects="""
degraded
PC613 error for path in Deployment frontend
  Deployment frontend calls checkout:80; its namespace default has no Service checkout,
      namespaces dev and shop have one
  - Deployment frontend: checkout:80 in variable CHECKOUT_ADDR of container app
  review: Set the host and port in CHECKOUT_ADDR in Deployment frontend to checkout.dev:80
    look: kubectl get deployment frontend -o yaml -n default
  review: Set the host and port in CHECKOUT_ADDR in Deployment frontend to checkout.shop:80
    look: kubectl get deployment frontend -o yaml -n default
""",
        ),
        Example(
            "the namespace is named, and the Service exists there",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CHECKOUT_ADDR, host: checkout.shop, port: 80,
    whole: true, sure: true}
  service: checkout
  serviceNamespace: shop
  exists: true
  ports: [{port: 80}]
""",
            expects="healthy",
        ),
    ),
    clues=(Need.CALLS,),
    check_service=_check,
)
