"""PC612: a workload's settings name a port that the Service does not have."""

from collections.abc import Sequence

from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import ServicePort
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
    Worth,
)
from kubectl_portcheck.rules.service_ports import written
from kubectl_portcheck.rules.wording import listing, plural
from kubectl_portcheck.semantics.calls import fault, meant_port, text
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    if (unread := calls.unread(RULE, case)) is not None:
        return unread
    wrong = [c for c in case.calls if fault(c) == "port"]
    found = [_finding(case, s, of) for s, of in calls.by_workload(wrong)]
    return Several(tuple(found)) if found else calls.lacking(RULE, case) or Passed()


def _finding(case: ServiceCase, subject: Subject, found: Sequence[Call]) -> Finding:
    first = found[0]
    severity, impact = calls.weight(case, found)
    has = listing(f"{written(p)}/{p.protocol}" for p in first.ports)
    others = dict.fromkeys(text(c) for c in found if c.service != first.service)
    more = f"; {listing(others)} likewise" if others else ""
    numbers = dict.fromkeys(c.named.port for c in found if c.service == first.service)
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} calls port {listing(numbers)} of Service {first.service}, "
        f"which has {plural('port', len(first.ports))} {has or 'no port'}{more}",
        evidence=calls.facts(found),
        fixes=[calls.set_to(case, c, c.named.host, _number(c)) for c in found[:3] if _meant(c)],
        impact=impact,
        severity=severity,
        subject=subject,
        port=None if case.of_workload else _meant(first),
    )


def _meant(call: Call) -> ServicePort | None:
    return meant_port(call.ports, call.named.port)


def _number(call: Call) -> int | None:
    port = _meant(call)
    return port.port if port else None


_SERVICE = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 5000}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:5000"], port-forward: {5000: accepted}}}
"""

RULE = Rule(
    code="PC612",
    name="caller-port-missing",
    severity="warning",
    summary="A workload's settings name a port that the Service does not have",
    needs=(),
    uses=(Need.CALLS,),
    in_files=Worth.PROOF,
    about_pods=True,
    explanation=Explanation(
        meaning="An environment variable, an argument or a command of a workload names the Service "
        "with a port that the Service does not have. Often it is the port of the pods.",
        why="Nothing answers on a Service's address at a port that the Service does not have: a "
        "client gets a time-out, or no route to host. Whether the program uses the setting is not "
        "known, so this is a warning on the Service.",
        confirm="kubectl get service NAME shows the ports. kubectl set env WORKLOAD --list shows "
        "the variables.",
        fix="Set the port in the workload's setting to a port of the Service. A value that holds "
        "more than a host and a port, such as a URL, has to be changed by hand.",
    ),
    examples=(
        Example(
            "a variable has the port of the pods",
            _SERVICE
            + """---
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CHECKOUT_ADDR, host: checkout, port: 5000,
    whole: true, sure: true}
  service: checkout
  serviceNamespace: default
  exists: true
  ports: [{port: 80, targetPort: 5000}]
""",
            expects="""
healthy
PC612 warning in Deployment frontend, port 80/TCP
  Deployment frontend calls port 5000 of Service checkout, which has port 80/TCP
  - Deployment frontend: checkout:5000 in variable CHECKOUT_ADDR of container app
  review: Set CHECKOUT_ADDR=checkout:80 in Deployment frontend; its pods are replaced
    kubectl set env deployment/frontend -c app CHECKOUT_ADDR=checkout:80 -n default
""",
        ),
        Example(
            "a URL in an argument has it: to be changed by hand",
            _SERVICE
            + """---
calls:
- kind: CronJob
  namespace: default
  name: report
  named: {container: app, setting: args, host: checkout.default.svc, port: 8080, sure: true}
  service: checkout
  serviceNamespace: default
  exists: true
  ports: [{port: 80, targetPort: 5000}]
""",
            expects="""
healthy
PC612 warning in CronJob report, port 80/TCP
  CronJob report calls port 8080 of Service checkout, which has port 80/TCP
  - CronJob report: checkout.default.svc:8080 in the arguments of container app
  review: Set the host and port in the arguments of container app in CronJob report to
      checkout.default.svc:80
    look: kubectl get cronjob report -o yaml -n default
""",
        ),
        Example(
            "the workload itself was asked about",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CHECKOUT_HOST, portVariable: CHECKOUT_PORT,
    host: checkout, port: 81, whole: true, sure: true}
  service: checkout
  serviceNamespace: default
  exists: true
  ports: [{port: 80, targetPort: 5000}]
""",
            expects="""
degraded
PC612 error for path in Deployment frontend
  Deployment frontend calls port 81 of Service checkout, which has port 80/TCP
  - Deployment frontend: checkout:81 in variable CHECKOUT_HOST and CHECKOUT_PORT of container
      app
  review: Set CHECKOUT_PORT=80 in Deployment frontend; its pods are replaced
    kubectl set env deployment/frontend -c app CHECKOUT_PORT=80 -n default
""",
        ),
        Example(
            "the port is the Service's; a headless Service has any port that its pods have",
            _SERVICE
            + """---
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: CHECKOUT_URL, host: checkout, port: 80,
    sure: true}
  service: checkout
  serviceNamespace: default
  exists: true
  ports: [{port: 80, targetPort: 5000}]
- kind: Deployment
  namespace: default
  name: batch
  named: {container: app, setting: env, variable: CHECKOUT_URL, host: checkout, port: 5000,
    sure: true}
  service: checkout
  serviceNamespace: default
  exists: true
  anyPort: true
  ports: [{port: 80, targetPort: 5000}]
""",
            expects="healthy",
        ),
    ),
    clues=(Need.CALLS,),
    check_service=_check,
)
