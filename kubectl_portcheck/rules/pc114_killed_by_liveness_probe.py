"""PC114: the kubelet kills a container because its liveness probe fails."""

import msgspec

from kubectl_portcheck.model.facts import Observation, Said
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import Container, Pod, Probe, StateTerminated
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
from kubectl_portcheck.rules.wording import share
from kubectl_portcheck.semantics import (
    creation,
    events,
    exits,
    kubelet,
    pods,
    probes,
    traffic,
)
from kubectl_portcheck.semantics.case import ServiceCase

START = 30
"""How often a startup probe may fail in the fix: as many periods of the liveness probe."""
ENDED_BY_KUBELET = (0, 137, 143)
"""The exit codes of a program that SIGKILL or SIGTERM ended, or that exited with 0 when it was
asked to by SIGTERM."""
SLACK = 45.0
"""Seconds that a container may live on after the last failed probe: its grace period, and some."""


class _Killed(msgspec.Struct, frozen=True):
    """A container that its liveness probe ended."""

    pod: Pod
    container: Container
    probe: Probe
    lived: float
    """Seconds from its last start to its end."""
    words: str
    """What the kubelet said of the probe."""
    early: bool
    """Whether it had not opened its port by then: it did not get the time that it needs."""


def _check(case: ServiceCase) -> Outcome:
    killed = {
        p.metadata.name: found
        for p in case.pods
        if not pods.is_terminating(p) and (found := _killed(case, p))
    }
    if not killed:
        return Passed()
    first = next(iter(killed.values()))
    impact = traffic.impact_on(case, [k.pod for k in killed.values()])
    return RULE.finding(
        case,
        f"The livenessProbe of container {first.container.name} in {share(killed, case.pods)} "
        f"kills it {first.lived:.0f} s after its start"
        + (
            f", before it listens on {first.probe.port}"
            if first.early
            else f": {_answer(first.words)}"
        ),
        evidence=[
            *(
                Said(
                    source="event Unhealthy",
                    words=k.words,
                    subject=evidence.pod_subject(case, name),
                )
                for name, k in killed.items()
            ),
            Observation(text=_settings(first.probe)),
        ],
        fixes=_fixes(case, first),
        impact=impact,
        severity="warning" if impact == Impact.NONE else "error",
        pods=killed,
    )


def _answer(words: str) -> str:
    """What the probe met: the kubelet's words without their beginning."""
    return words.partition("probe failed: ")[2] or words


def _settings(probe: Probe) -> str:
    return (
        f"The probe allows {_allowed(probe)} s: initialDelaySeconds "
        f"{probe.initial_delay_seconds}, periodSeconds {probe.period_seconds}, failureThreshold "
        f"{probe.failure_threshold}; there is no startupProbe"
    )


def _least(probe: Probe) -> int:
    """Seconds for which a container lives at least that the probe kills."""
    return _allowed(probe) - probe.period_seconds


def _allowed(probe: Probe) -> int:
    return probe.initial_delay_seconds + probe.period_seconds * probe.failure_threshold


def _killed(case: ServiceCase, pod: Pod) -> _Killed | None:
    trouble = pods.crash(pod, case.now)
    container = next(
        (c for c in pod.spec.containers if trouble and c.name == trouble.container), None
    )
    if container is None or container.startup_probe or not container.liveness_probe:
        return None
    check = next(
        c for c in probes.checks(pod) if (c.container, c.kind) == (container.name, "liveness")
    )
    status = kubelet.status_of(pod, container.name)
    ended = status.state.terminated or status.last_state.terminated if status else None
    if ended is None or ended.reason == exits.OUT_OF_MEMORY:
        return None
    lived = pods.age(ended.started_at, ended.finished_at or "")
    probe = container.liveness_probe
    words = kubelet.refused(case, pod, check) if check.number is not None else None
    if words is not None:
        early = _as_long(probe, lived)
        return (
            _Killed(pod, container, probe, lived, " ".join(words.split()), True) if early else None
        )
    words = _failed(case, pod, ended)
    return _Killed(pod, container, probe, lived, words, False) if words else None


def _failed(case: ServiceCase, pod: Pod, ended: StateTerminated) -> str:
    """What the liveness probe met in the life of the container that was then stopped; else ''.

    The kubelet says it no more after some restarts: then the same end is taken for the same cause.
    """
    if ended.exit_code not in ENDED_BY_KUBELET or not ended.started_at:
        return ""
    first = pod.metadata.creation_timestamp if ended.exit_code else ended.started_at
    return next(
        (
            events.words_of(e)
            for e in events.about(case, "Pod", pod.metadata.name)
            if e.reason == "Unhealthy"
            and e.message.startswith("Liveness probe failed: ")
            and creation.when(e) >= first
        ),
        "",
    )


def _as_long(probe: Probe, lived: float) -> bool:
    """Whether it lived for about as long as the probe lets a container live that never answers."""
    least = _least(probe)
    return least <= lived + 1 <= least + SLACK + 2 * probe.period_seconds


def _fixes(case: ServiceCase, killed: _Killed) -> list[Fix]:
    workload = case.workload(killed.pod)
    found = fixes.undo(case, [killed.pod])
    if not killed.early:
        words = ("describe", "pod", killed.pod.metadata.name)
        title = (
            f"Correct what the livenessProbe of container {killed.container.name} asks for, or "
            "what answers it; the events show each answer"
        )
        return [*found, fixes.look(case, *words, title=title)]
    seconds = killed.probe.period_seconds * START
    if workload and workload.kind in ("Deployment", "StatefulSet", "DaemonSet"):
        place = killed.pod.spec.containers.index(killed.container)
        base = f"/spec/template/spec/containers/{place}"
        found.append(
            fixes.patch(
                case,
                workload,
                [
                    fixes.test(f"{base}/name", killed.container.name),
                    fixes.add(f"{base}/startupProbe", _startup(killed.probe)),
                ],
                title=f"Add a startupProbe that gives container {killed.container.name} "
                f"{seconds} s to start (its pods are replaced)",
                safety="review",
            )
        )
    else:
        title = f"Add a startupProbe that gives container {killed.container.name} {seconds} s"
        found.append(fixes.by_hand(title))
    return found


def _startup(probe: Probe) -> dict[str, object]:
    """A startup probe that asks what the liveness probe asks."""
    asked: dict[str, object] = {}
    if probe.http_get:
        action = probe.http_get
        asked = {"httpGet": {"path": action.path, "port": action.port, "scheme": action.scheme}}
    elif probe.grpc:
        asked = {"grpc": {"port": probe.grpc.port}}
    else:
        asked = {"tcpSocket": {"port": probe.port}}
    return {**asked, "periodSeconds": probe.period_seconds, "failureThreshold": START}


_POD = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: ReplicaSet
metadata: {name: checkout-1, uid: rs-1,
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
---
kind: Pod
metadata: {name: checkout-1-a, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: checkout-1, uid: rs-1, controller: true}]}
spec:
  containers:
  - name: app
    ports: [{containerPort: 8080}]
    livenessProbe: {httpGet: {port: 8080, path: /live}, periodSeconds: 5, failureThreshold: 3}
status:
  phase: Running
  podIP: 10.0.0.1
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - name: app
    restartCount: 4
    state: {waiting: {reason: CrashLoopBackOff}}
    lastState:
      terminated: {exitCode: 137, reason: REASON, startedAt: "2026-06-01T11:50:00Z",
        finishedAt: "2026-06-01T11:50:16Z"}
"""
_EVENT = """---
kind: Event
metadata: {name: e1}
involvedObject: {kind: Pod, name: checkout-1-a}
reason: Unhealthy
message: 'Liveness probe failed: Get "http://10.0.0.1:8080/live": dial tcp 10.0.0.1:8080: connect:
  connection refused'
"""

RULE = Rule(
    code="PC114",
    name="killed-by-liveness-probe",
    severity="error",
    summary="The liveness probe kills a container behind the Service",
    applies=(When.SELECTOR,),
    clues=(Clue.UNHEALTHY,),
    needs=(Need.PODS,),
    uses=(Need.EVENTS, Need.REPLICA_SETS),
    about_pods=True,
    why_unready=True,
    explanation=Explanation(
        meaning="The container needs longer to start than its liveness probe allows, so the "
        "kubelet kills it and starts it again, each time too early. Or the probe asks for "
        "something that does not answer as it should. It looks like a crash: exit code 137 or 143, "
        "or 0 where the program handles SIGTERM.",
        why="The application never gets as far as to open its port, so its clients are refused.",
        confirm="kubectl describe pod POD: the event 'Liveness probe failed ... connection "
        "refused', and a container that lives as long as initialDelaySeconds and the failures "
        "allow.",
        fix="Add a startupProbe: until it has passed, the liveness probe does not run. A longer "
        "initialDelaySeconds does the same less well. Where the port is open, correct the path or "
        "what answers it.",
    ),
    examples=(
        Example(
            "an application that needs longer than 15 seconds",
            _POD.replace("REASON", "Error") + _EVENT,
            expects="""
broken; also PC102, PC302
PC114 error for all in Service checkout
  The livenessProbe of container app in the pod kills it 16 s after its start, before it listens
      on 8080
  pods: checkout-1-a
  - checkout-1-a: event Unhealthy: Liveness probe failed: Get "http://10.0.0.1:8080/live": dial
      tcp 10.0.0.1:8080: connect: connection refused
  - The probe allows 15 s: initialDelaySeconds 0, periodSeconds 5, failureThreshold 3; there is
      no startupProbe
  review: Add a startupProbe that gives container app 150 s to start (its pods are replaced)
    add /spec/template/spec/containers/0/startupProbe {"httpGet": {"path": "/live", "port":
        8080, "scheme": "HTTP"}, "periodSeconds": 5, "failureThreshold": 30} in Deployment
        checkout
""",
        ),
        Example(
            "it answers its liveness probe with 500",
            _POD.replace("REASON", "Error")
            + """---
kind: Event
metadata: {name: e1}
involvedObject: {kind: Pod, name: checkout-1-a}
reason: Unhealthy
message: 'Liveness probe failed: HTTP probe failed with statuscode: 500'
lastTimestamp: "2026-06-01T11:50:15Z"
""",
            expects="""
broken; also PC102, PC302
PC114 error for all in Service checkout
  The livenessProbe of container app in the pod kills it 16 s after its start: HTTP probe failed
      with statuscode: 500
  pods: checkout-1-a
  - checkout-1-a: event Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500
  - The probe allows 15 s: initialDelaySeconds 0, periodSeconds 5, failureThreshold 3; there is
      no startupProbe
  review: Correct what the livenessProbe of container app asks for, or what answers it; the
      events show each answer
    look: kubectl describe pod checkout-1-a -n default
""",
        ),
        Example(
            "it was killed for its memory, not by the probe",
            _POD.replace("REASON", "OOMKilled") + _EVENT,
            expects="broken; also PC102, PC302",
        ),
    ),
    check_service=_check,
    follows_from=("PC411",),
)
