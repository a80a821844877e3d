"""PC615: a workload calls a Service's port in its own pod, where no container has it."""

from collections.abc import Sequence

from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.facts import Fact, State
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
from kubectl_portcheck.semantics.calls import fault, text
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    if (unread := calls.unread(RULE, case)) is not None:
        return unread
    wrong = [c for c in case.calls if fault(c) == "own"]
    found = [_finding(case, s, of) for s, of in calls.by_workload(wrong)]
    return Several(tuple(found)) if found else calls.lacking(RULE, case) or Passed()


def _finding(case: ServiceCase, subject: Subject, found: Sequence[Call]) -> Finding:
    closed = [c for c in found if c.listens is False]
    first = (closed or found)[0]
    seen = f"nothing listens on port {first.named.port}"
    where = seen if closed else f"no container declares port {first.named.port}"
    severity, impact = calls.weight(case, closed)
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} calls {text(first)}, its own pod, where {where}; Service "
        f"{first.near} has that port",
        evidence=[*calls.facts(found), *(_seen(c) for c in closed)],
        severity=severity,
        impact=impact,
        fixes=[calls.set_to(case, c, c.near, c.named.port) for c in found[:3]],
        subject=subject,
    )


def _seen(call: Call) -> Fact:
    pod = Subject(kind="Pod", namespace=call.namespace, name=call.seen_in)
    return State(subject=pod, state=f"nothing listens on port {call.named.port}")


RULE = Rule(
    code="PC615",
    name="caller-uses-localhost",
    severity="warning",
    summary="A workload calls localhost at a port that a Service of that name has, and not its pod",
    needs=(),
    uses=(Need.CALLS,),
    about_pods=True,
    explanation=Explanation(
        meaning="A variable named after a Service, such as REDIS_URL beside a Service redis, has "
        "localhost, or the pod's own address, and the port of that Service. No container of the "
        "pod declares the port; with --calls the sockets of a pod show whether anything listens.",
        why="localhost is the pod itself. Where nothing listens there the client reads 'connection "
        "refused'. A container need not declare its ports, so without the sockets this is a "
        "warning.",
        confirm="kubectl exec POD -- netstat -tln shows whether anything listens on the port in "
        "the pod.",
        fix="Write the name of the Service, unless a container of the pod is meant.",
    ),
    examples=(
        Example(
            "the setting of a developer's machine",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: REDIS_ADDR, host: localhost, port: 6379,
    whole: true, sure: true}
  near: redis
  nearPorts: [{port: 6379}]
  address: own
""",
            expects="""
healthy
PC615 warning in Deployment frontend
  Deployment frontend calls localhost:6379, its own pod, where no container declares port 6379;
      Service redis has that port
  - Deployment frontend: localhost:6379 in variable REDIS_ADDR of container app
  review: Set REDIS_ADDR=redis:6379 in Deployment frontend; its pods are replaced
    kubectl set env deployment/frontend -c app REDIS_ADDR=redis:6379 -n default
""",
        ),
        Example(
            "the sockets of a pod show that nothing listens there",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: REDIS_ADDR, host: localhost, port: 6379,
    whole: true, sure: true}
  near: redis
  nearPorts: [{port: 6379}]
  address: own
  listens: false
  seenIn: frontend-1
""",
            expects="""
degraded
PC615 error for path in Deployment frontend
  Deployment frontend calls localhost:6379, its own pod, where nothing listens on port 6379;
      Service redis has that port
  - Deployment frontend: localhost:6379 in variable REDIS_ADDR of container app
  - frontend-1: nothing listens on port 6379
  review: Set REDIS_ADDR=redis:6379 in Deployment frontend; its pods are replaced
    kubectl set env deployment/frontend -c app REDIS_ADDR=redis:6379 -n default
""",
        ),
        Example(
            "a program of the pod listens there, though no container declares it",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: REDIS_ADDR, host: localhost, port: 6379,
    whole: true, sure: true}
  near: redis
  nearPorts: [{port: 6379}]
  address: own
  listens: true
  seenIn: frontend-1
""",
            expects="healthy",
        ),
        Example(
            "a sidecar declares the port",
            """
kind: Service
metadata: {name: frontend, namespace: default}
---
calls-of: Deployment
calls:
- kind: Deployment
  namespace: default
  name: frontend
  named: {container: app, setting: env, variable: REDIS_ADDR, host: localhost, port: 6379,
    whole: true, sure: true}
  near: redis
  nearPorts: [{port: 6379}]
  address: own
  declared: true
""",
            expects="healthy",
        ),
    ),
    clues=(Need.CALLS,),
    check_service=_check,
)
