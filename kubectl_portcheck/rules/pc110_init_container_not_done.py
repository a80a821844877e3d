"""PC110: an init container has not ended, so the pod's own containers have not started."""

import msgspec

from kubectl_portcheck.model.evidence import InitCall
from kubectl_portcheck.model.facts import Fact, Said
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import ContainerStatus, Pod
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import evidence, fixes
from kubectl_portcheck.rules.base import (
    Clue,
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
)
from kubectl_portcheck.rules.wording import plural, share
from kubectl_portcheck.semantics import exits, traffic
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.pods import age, init_unfinished, is_ready, is_terminating


class _Stuck(msgspec.Struct, frozen=True):
    """A pod whose init container fails, or waits for something that is not there."""

    pod: Pod
    status: ContainerStatus
    calls: tuple[InitCall, ...]
    """The Services that it calls and that are missing or have no ready endpoint."""


def _check(case: ServiceCase) -> Outcome:
    stuck = {
        p.metadata.name: found
        for p in case.pods
        if not (is_ready(p) or is_terminating(p)) and (found := _stuck(case, p))
    }
    if not stuck:
        return Passed()
    first = next(iter(stuck.values()))
    impact = traffic.impact_on(case, [s.pod for s in stuck.values()])
    return RULE.finding(
        case,
        f"Init container {first.status.name} in {share(stuck, case.pods)} {_does(first)}",
        evidence=[fact for name, s in stuck.items() for fact in _facts(case, name, s)],
        fixes=_fixes(case, first),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=stuck,
    )


def _stuck(case: ServiceCase, pod: Pod) -> _Stuck | None:
    for status in init_unfinished(pod):
        calls = tuple(
            c
            for c in case.evidence.init_calls
            if (c.pod, c.container) == (pod.metadata.name, status.name)
            and (c.exists is False or c.ready == 0)
        )
        failed = status.state.terminated or status.last_state.terminated
        if failed or calls or _is_late(case, status):
            return _Stuck(pod, status, calls)
    return None


def _is_late(case: ServiceCase, status: ContainerStatus) -> bool:
    """Whether it runs for longer than work before a start usually takes."""
    running = status.state.running
    return running is not None and 60 < age(running.started_at, case.now) < float("inf")


def _does(stuck: _Stuck) -> str:
    if stuck.calls:
        call = stuck.calls[0]
        lacks = "does not exist" if call.exists is False else "has no ready endpoint"
        near = f" ({call.near} does)" if call.near and call.exists is False else ""
        return f"waits for Service {call.service}, which {lacks}{near}"
    if stuck.status.state.running and not stuck.status.last_state.terminated:
        return "has not ended"
    return "fails"


def _facts(case: ServiceCase, pod: str, stuck: _Stuck) -> list[Fact]:
    found: list[Fact] = []
    status = stuck.status
    ended = status.state.terminated or status.last_state.terminated
    if ended:
        meaning = exits.meaning(ended)
        found.append(
            evidence.pod_is(
                case,
                pod,
                f"init container {status.name} exited with code {ended.exit_code}"
                + (f" ({meaning})" if meaning else "")
                + f", {status.restart_count} {plural('restart', status.restart_count)}",
            )
        )
        if ended.message:
            subject = evidence.pod_subject(case, pod)
            found.append(Said(source="its last message", words=ended.message, subject=subject))
    elif status.state.running:
        seconds = age(status.state.running.started_at, case.now)
        since = f" for {int(seconds)} s" if 0 <= seconds < float("inf") else ""
        state = (
            f"init container {status.name} has been running{since}; "
            "the other containers wait until it ends"
        )
        found.append(evidence.pod_is(case, pod, state))
    for call in stuck.calls:
        where = f"{call.host}:{call.port}" if call.port else call.host
        near = f"; Service {call.near} exists" if call.near else ""
        called = f"the command of init container {status.name} calls {where}{near}"
        found.append(evidence.pod_is(case, pod, called))
    return found


def _fixes(case: ServiceCase, stuck: _Stuck) -> list[Fix]:
    found = fixes.undo(case, [stuck.pod])
    name = stuck.status.name
    if stuck.calls:
        call = stuck.calls[0]
        if call.exists is False:
            other = f", or call {call.near} instead" if call.near else ""
            title = f"Create Service {call.service} in namespace {case.namespace}{other}"
        else:
            title = f"Give Service {call.service} a ready pod; this says why it has none"
            return [*found, fixes.look(case, "portcheck", call.service, title=title)]
        return [*found, fixes.by_hand(title)]
    title = f"Correct init container {name}; its log says what fails"
    return [*found, fixes.look_at_log(case, stuck.pod, name, title=title)]


_SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
"""

RULE = Rule(
    code="PC110",
    name="init-container-not-done",
    severity="error",
    summary="An init container fails or waits, so the containers behind the Service do not start",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.REPLICA_SETS, Need.INIT_CALLS),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="Init containers run before the pod's own containers, one after the other, and "
        "each has to exit with code 0. One fails, or waits for a Service that does not exist "
        "or has no ready endpoint.",
        why="The application's container has not started, so the pod is not Ready and gets no "
        "traffic.",
        confirm="kubectl get pod POD shows Init:0/1. kubectl logs POD -c INIT-CONTAINER shows "
        "what it does.",
        fix="Create or repair what the init container waits for, or correct its command.",
    ),
    examples=(
        Example(
            "it waits for a Service under a wrong name",
            _SERVICE
            + """---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout, uid: rs-1, controller: true}]}
spec: {initContainers: [{name: wait-db}], containers: [{name: app}]}
status:
  phase: Pending
  initContainerStatuses: [{name: wait-db, state: {running: {startedAt: "2026-06-01T11:59:30Z"}}}]
  containerStatuses: [{name: app, state: {waiting: {reason: PodInitializing}}}]
---
init-calls:
- {pod: checkout-1, container: wait-db, host: postgres, port: 5432, service: postgres,
   exists: false, near: postgresql}
""",
            expects="""
broken; also PC302
PC110 error for all in Service checkout
  Init container wait-db in the pod waits for Service postgres, which does not exist (postgresql
      does)
  pods: checkout-1
  - checkout-1: init container wait-db has been running for 30 s; the other containers wait
      until it ends
  - checkout-1: the command of init container wait-db calls postgres:5432; Service postgresql
      exists
  review: Create Service postgres in namespace default, or call postgresql instead
""",
        ),
        Example(
            "it ends with an error each time",
            _SERVICE
            + """---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {initContainers: [{name: migrate}], containers: [{name: app}]}
status:
  phase: Pending
  initContainerStatuses:
  - name: migrate
    restartCount: 4
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {exitCode: 127, reason: Error}}
  containerStatuses: [{name: app, state: {waiting: {reason: PodInitializing}}}]
""",
            expects="""
broken; also PC302
PC110 error for all in Service checkout
  Init container migrate in the pod fails
  pods: checkout-1
  - checkout-1: init container migrate exited with code 127 (the command was not found), 4
      restarts
  review: Correct init container migrate; its log says what fails
    look: kubectl logs checkout-1 -c migrate --previous -n default
""",
        ),
        Example(
            "it has just started",
            _SERVICE
            + """---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {initContainers: [{name: migrate}], containers: [{name: app}]}
status:
  phase: Pending
  initContainerStatuses: [{name: migrate, state: {running: {startedAt: "2026-06-01T11:59:58Z"}}}]
  containerStatuses: [{name: app, state: {waiting: {reason: PodInitializing}}}]
""",
            expects="broken; also PC302",
        ),
    ),
    check_service=_check,
)
