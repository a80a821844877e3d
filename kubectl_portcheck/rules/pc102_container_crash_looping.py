"""PC102: a container of the Service's pods starts and exits again and again."""

from kubectl_portcheck.model.facts import Fact, Said
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import Pod
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
from kubectl_portcheck.semantics import events, exits, kubelet
from kubectl_portcheck.semantics import pods as pod_state
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.pods import Trouble


def _check(case: ServiceCase) -> Outcome:
    crashing = {
        p.metadata.name: (p, t)
        for p in case.pods
        if not pod_state.is_terminating(p) and (t := pod_state.crash(p, case.now))
    }
    if not crashing:
        return Passed()
    well = [p for p in case.pods if p.metadata.name not in crashing and pod_state.is_ready(p)]
    pod, trouble = next(iter(crashing.values()))
    seen_ready = any(pod_state.is_ready(p) for p, _ in crashing.values())
    if not well:
        impact = Impact.PATH if all(map(_serves_now, crashing.values())) else Impact.ALL
    else:
        impact = Impact.PODS if seen_ready else Impact.NONE
    return RULE.finding(
        case,
        f"Container {trouble.container} keeps crashing in {share(crashing, case.pods)}: it "
        f"{_last_end(trouble)}{_up_again(case, pod, trouble)}",
        evidence=[f for name, (p, t) in crashing.items() for f in _facts(case, p, name, t)]
        # A kill by a liveness or startup probe looks like the container's own end: 137 or 143.
        + [s for name in crashing for s in events.said(case, name, "Unhealthy", "Killing")],
        fixes=_fixes(case, pod, trouble),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=crashing,
    )


def _serves_now(crashing: tuple[Pod, Trouble]) -> bool:
    """Whether clients are served until the next end, which takes longer than a restart."""
    pod, trouble = crashing
    ended = trouble.ended
    lived = pod_state.age(ended.started_at, ended.finished_at or "") if ended else 0.0
    return pod_state.is_ready(pod) and pod_state.JUST_UP < lived < float("inf")


def _up_again(case: ServiceCase, pod: Pod, trouble: Trouble) -> str:
    status = kubelet.status_of(pod, trouble.container)
    running = status.state.running if status else None
    seconds = pod_state.age(running.started_at, case.now) if running else float("inf")
    return f"; it restarted {seconds:.0f} s ago" if seconds < float("inf") else ""


def _facts(case: ServiceCase, made: Pod, pod: str, trouble: Trouble) -> list[Fact]:
    restarts = f"{trouble.restarts} {plural('restart', trouble.restarts)}"
    ended = f"container {trouble.container} {_last_end(trouble)}{_lived(trouble)}, {restarts}"
    found: list[Fact] = [evidence.pod_is(case, pod, ended)]
    if trouble.message:
        subject = evidence.pod_subject(case, pod)
        found.append(Said(source="its last message", words=trouble.message, subject=subject))
    for port, other in _in_the_way(case, made, trouble.container):
        state = f"container {other} listens on {port}, which container {trouble.container} declares"
        found.append(evidence.pod_is(case, pod, f"{state} too: only one of them can"))
    return found


def _last_end(trouble: Trouble) -> str:
    if trouble.exit_code is None:
        return f"ended ({trouble.reason})" if trouble.reason else "ended"
    meaning = exits.meaning(trouble.ended) if trouble.ended else ""
    reason = trouble.reason if trouble.reason not in ("", "Error", "Completed") else ""
    said = "; ".join(filter(None, (reason, meaning)))
    return f"exited with code {trouble.exit_code}" + (f" ({said})" if said else "")


def _lived(trouble: Trouble) -> str:
    """`` after 3 s``; nothing where the container never ran, or its times are not known."""
    ended = trouble.ended
    if ended is None or ended.reason in exits.NOT_STARTED:
        return ""
    seconds = pod_state.age(ended.started_at, ended.finished_at or "")
    return f" after {seconds:.0f} s" if 0 <= seconds < float("inf") else ""


def _in_the_way(case: ServiceCase, pod: Pod, container: str) -> list[tuple[int, str]]:
    """The ports that the container declares and on which another one of the pod listens."""
    declared = {
        (p.container_port, p.protocol)
        for c in pod.spec.containers
        if c.name == container
        for p in c.ports
    }
    return sorted(
        {
            (s.port, s.container)
            for s in case.listeners(pod) or ()
            if (s.port, s.protocol) in declared and s.container not in (None, "", container)
        }
    )


def _fixes(case: ServiceCase, pod: Pod, trouble: Trouble) -> list[Fix]:
    found = fixes.undo(case, [pod])
    for port, other in _in_the_way(case, pod, trouble.container):
        title = f"Let container {trouble.container} listen on another port than {port}"
        found.append(fixes.by_hand(f"{title}, which container {other} has"))
    title = f"Fix what ends container {trouble.container}; its log says what that is"
    found.append(fixes.look_at_log(case, pod, trouble.container, title=title))
    return found


RULE = Rule(
    code="PC102",
    name="container-crash-looping",
    severity="error",
    summary="A container of the Service's pods starts and exits again and again",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.EVENTS, Need.SOCKETS),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The container exits soon after its start, and the kubelet restarts it with "
        "growing delays. The finding quotes the last exit code, reason and message. OOMKilled "
        "means that it reached its memory limit. 137 means that it was killed, often after a "
        "failing liveness probe. 1 or 2 is usually an error of the application.",
        why="Between two starts nothing listens. The pod's network stays up, so a port-forward "
        "reports 'connection refused', as it does for a wrong port.",
        confirm="kubectl logs POD -c CONTAINER --previous, and kubectl describe pod POD.",
        fix="Fix the application or its configuration. If the revision before it worked, undo the "
        "rollout: kubectl rollout undo.",
    ),
    examples=(
        Example(
            "exit code 1 after every start",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - name: app
    restartCount: 5
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {exitCode: 1, reason: Error, message: "no such table: orders"}}
""",
            expects="""
broken; also PC302
PC102 error for all in Service checkout
  Container app keeps crashing in the pod: it exited with code 1
  pods: checkout-1
  - checkout-1: container app exited with code 1, 5 restarts
  - checkout-1: its last message: no such table: orders
  review: Fix what ends container app; its log says what that is
    look: kubectl logs checkout-1 -c app --previous -n default
""",
        ),
        Example(
            "two containers that want one port",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers:
  - {name: app, ports: [{containerPort: 8080}]}
  - {name: metrics, ports: [{containerPort: 8080}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - {name: app, ready: true, state: {running: {}}}
  - name: metrics
    restartCount: 5
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {exitCode: 1, reason: Error, startedAt: "2026-06-01T11:58:00Z",
      finishedAt: "2026-06-01T11:58:01Z"}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 java in app"]}}
""",
            expects="""
broken; also PC302, PC414
PC102 error for all in Service checkout
  Container metrics keeps crashing in the pod: it exited with code 1
  pods: checkout-1
  - checkout-1: container metrics exited with code 1 after 1 s, 5 restarts
  - checkout-1: container app listens on 8080, which container metrics declares too: only one of
      them can
  review: Let container metrics listen on another port than 8080, which container app has
  review: Fix what ends container metrics; its log says what that is
    look: kubectl logs checkout-1 -c metrics --previous -n default
""",
        ),
        Example(
            "one restart, long ago",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "True"}]
  containerStatuses:
  - name: app
    ready: true
    restartCount: 1
    state: {running: {startedAt: "2026-01-01T00:00:00Z"}}
    lastState: {terminated: {exitCode: 1, reason: Error}}
""",
            expects="inconclusive",
        ),
        Example(
            "a program that ends without an error each time, and runs at the moment",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "True"}]
  containerStatuses:
  - name: app
    ready: true
    restartCount: 3
    state: {running: {startedAt: "2026-06-01T11:58:30Z"}}
    lastState: {terminated: {exitCode: 0, reason: Completed, startedAt: "2026-06-01T11:50:00Z",
      finishedAt: "2026-06-01T11:55:00Z"}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
degraded
PC102 error for path in Service checkout
  Container app keeps crashing in the pod: it exited with code 0 (the program ended without an
      error); it restarted 90 s ago
  pods: checkout-1
  - checkout-1: container app exited with code 0 (the program ended without an error) after 300
      s, 3 restarts
  review: Fix what ends container app; its log says what that is
    look: kubectl logs checkout-1 -c app --previous -n default
""",
        ),
        Example(
            "one of two pods crashes; the other serves",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.2
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - name: app
    ready: false
    restartCount: 7
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState: {terminated: {exitCode: 137, reason: OOMKilled}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
healthy; also PC304
PC102 warning in Service checkout
  Container app keeps crashing in 1 of 2 pods: it exited with code 137 (OOMKilled; killed
      because it used more memory than its limit)
  pods: checkout-2
  - checkout-2: container app exited with code 137 (OOMKilled; killed because it used more
      memory than its limit), 7 restarts
  review: Fix what ends container app; its log says what that is
    look: kubectl logs checkout-2 -c app --previous -n default
""",
        ),
        Example(
            "it is Ready between two crashes: clients are sent to it",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: checkout-2, labels: {app: checkout}}
spec: {containers: [{name: app}]}
status:
  phase: Running
  podIP: 10.0.0.2
  conditions: [{type: Ready, status: "True"}]
  containerStatuses:
  - name: app
    ready: true
    restartCount: 7
    state: {running: {startedAt: "2026-06-01T11:59:50Z"}}
    lastState: {terminated: {exitCode: 137, reason: OOMKilled}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"]}, checkout-2: {sockets: ["0.0.0.0:8080"]}}
""",
            expects="""
degraded
PC102 error for pods in Service checkout
  Container app keeps crashing in 1 of 2 pods: it exited with code 137 (OOMKilled; killed
      because it used more memory than its limit); it restarted 10 s ago
  pods: checkout-2
  - checkout-2: container app exited with code 137 (OOMKilled; killed because it used more
      memory than its limit), 7 restarts
  review: Fix what ends container app; its log says what that is
    look: kubectl logs checkout-2 -c app --previous -n default
""",
        ),
    ),
    check_service=_check,
    follows_from=("PC411", "PC114"),
)
