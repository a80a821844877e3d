"""PC617: a Service does not exist, and something in the cluster needs it."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import fixes, missing_name
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
)
from kubectl_portcheck.rules.wording import listing, verb
from kubectl_portcheck.semantics import expose, seat
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.needs import Needed, needs_of
from kubectl_portcheck.semantics.seat import Seen

CALLING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod")
"""The kinds that need a Service by a setting, and look its name up by DNS."""


def _check(case: ServiceCase) -> Outcome:
    if case.evidence.absence is None:
        return NotApplicable("the Service exists")
    needs = needs_of(case.evidence)
    if not needs:
        return Passed()
    if _leads_outside(case) and all(n.by.kind in CALLING for n in needs):
        return NotApplicable("the name leads to an address that is no Service's")
    who = dict.fromkeys(f"{n.by.kind} {n.by.name}" for n in needs)
    return RULE.finding(
        case,
        f"Service {case.name} does not exist in namespace {case.namespace}; {listing(who)} "
        f"{verb(who, 'needs', 'need')} it{_near(case)}",
        evidence=_facts(case, needs),
        fixes=_fixes(case, needs),
        impact=Impact.ALL,
    )


def _leads_outside(case: ServiceCase) -> bool:
    """Whether a client finds an address under the name all the same (--from)."""
    found = seat.seen(case)
    return isinstance(found, Seen) and found.kind in ("differs", "alias")


def _near(case: ServiceCase) -> str:
    near = case.evidence.absence.near if case.evidence.absence else ""
    return f"; Service {near} has nearly this name" if near else ""


def _facts(case: ServiceCase, needs: Sequence[Needed]) -> list[Fact]:
    absence = case.evidence.absence
    found: list[Fact] = [
        State(subject=n.by, state=f"{n.where} names {case.name}{f':{n.port}' if n.port else ''}")
        for n in dict.fromkeys(needs)
    ]
    for space in absence.elsewhere if absence else ():
        subject = Subject(kind="Service", namespace=space, name=case.name)
        found.append(State(subject=subject, state=f"exists in namespace {space}"))
    return found


def _fixes(case: ServiceCase, needs: Sequence[Needed]) -> list[Fix]:
    ports = tuple(dict.fromkeys(n.port for n in needs if n.port is not None))
    wanted = expose.Wanted(case.name, ports)
    found = missing_name.exposed(case, wanted)
    absence = case.evidence.absence
    if absence and absence.near:
        title = f"Write {absence.near} instead of {case.name} in what names it, if that was meant"
        found.append(fixes.by_hand(title))
    if absence and absence.elsewhere:
        names = listing(f"{case.name}.{space}" for space in absence.elsewhere)
        found.append(fixes.by_hand(f"Write {names} in the workloads, if that was meant"))
    return found or [fixes.by_hand(f"Create Service {case.name} in namespace {case.namespace}")]


_CALL = """
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CHECKOUT_ADDR, host: checkout, port: 80,
    whole: true, sure: true}
  service: checkout
  serviceNamespace: default
  exists: false
"""

RULE = Rule(
    code="PC617",
    name="service-missing",
    severity="error",
    summary="A Service does not exist, and Ingresses, routes, webhooks or workloads need it",
    clues=(Clue.ABSENT,),
    needs=(),
    uses=(
        *(Need.CALLS, Need.INGRESSES, Need.ROUTES, Need.REFERRERS, Need.DEPLOYMENTS),
        Need.IN_CLUSTER,
    ),
    about_absent=True,
    follows_from=("PC606",),
    denies_name=True,
    explanation=Explanation(
        meaning="There is no Service of that name in the namespace, and other objects name it. It "
        "was deleted, never created, or is in another namespace.",
        why="DNS knows no such name, and proxies and the API server have no backend: all of these "
        "clients get errors.",
        confirm="kubectl get services -A shows whether it exists elsewhere. kubectl get events "
        "and the audit log show who deleted it.",
        fix="Create the Service again, from its manifest if there is one. kubectl expose makes it "
        "from the workload with its ports.",
    ),
    examples=(
        Example(
            "it was deleted; a workload of its name is there",
            """
kind: Service
metadata: {name: checkout, namespace: default}
---
kind: Deployment
metadata: {name: checkout, namespace: default}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
kind: Ingress
metadata: {name: web, namespace: default}
spec: {defaultBackend: {service: {name: checkout, port: {number: 80}}}}
---
absent: {}
"""
            + _CALL.lstrip("\n"),
            expects="""
broken
PC617 error for all in Service checkout
  Service checkout does not exist in namespace default; Ingress web and Deployment frontend need
      it
  - Ingress web: default backend names checkout:80
  - Deployment frontend: CHECKOUT_ADDR names checkout:80
  review: Create Service checkout for Deployment checkout; port 80 leads to 8080
    kubectl expose deploy/checkout --port=80 --target-port=8080 -n default
""",
        ),
        Example(
            "it is in another namespace, and one with nearly its name is here",
            """
kind: Service
metadata: {name: checkout, namespace: default}
---
absent: {near: checkouts, elsewhere: [shop]}
"""
            + _CALL.lstrip("\n"),
            expects="""
broken
PC617 error for all in Service checkout
  Service checkout does not exist in namespace default; Deployment frontend needs it; Service
      checkouts has nearly this name
  - Deployment frontend: CHECKOUT_ADDR names checkout:80
  - Service checkout: exists in namespace shop
  review: Write checkouts instead of checkout in what names it, if that was meant
  review: Write checkout.shop in the workloads, if that was meant
""",
        ),
        Example(
            "the Service exists",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 5000}]}
""",
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
