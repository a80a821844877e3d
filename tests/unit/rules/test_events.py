"""The words of the kubelet and the scheduler, beside what the pods' own status says."""

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.render.facts import lines

SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app, image: shop, readinessProbe: {httpGet: {port: 8080}}}]}
status: STATUS
---
probes: {one: {sockets: ["0.0.0.0:8080"]}}
"""
PENDING = """{phase: Pending, conditions: [
  {type: PodScheduled, status: "False", reason: Unschedulable, message: no node has it}]}"""
PULLING = """{phase: Pending, containerStatuses: [
  {name: app, state: {waiting: {reason: ImagePullBackOff, message: Back-off}}}]}"""
UNREADY = """{phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "False"}],
  containerStatuses: [{name: app, state: {running: {}}}]}"""
CRASHING = """{phase: Running, conditions: [{type: Ready, status: "False"}], containerStatuses: [
  {name: app, restartCount: 5, state: {waiting: {reason: CrashLoopBackOff}},
   lastState: {terminated: {exitCode: 137, reason: Error}}}]}"""


def event(reason: str, message: str, at: int, pod: str = "one") -> str:
    return f"""
---
kind: Event
metadata: {{name: {pod}.{at}}}
involvedObject: {{kind: Pod, name: {pod}}}
type: Warning
reason: {reason}
message: {message}
lastTimestamp: "2026-06-01T11:00:{at}Z"
"""


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("PC101", PENDING, "NotTriggerScaleUp"),
        ("PC103", PULLING, "Failed"),
        ("PC104", UNREADY, "Unhealthy"),
        ("PC102", CRASHING, "Unhealthy"),
    ],
)
def test_the_latest_event_of_the_pod_is_quoted(code: str, status: str, reason: str) -> None:
    events = event(reason, "an older reason", 10) + event(reason, "the reason", 20)
    other = event(reason, "of another pod", 30, pod="two") + event("Other", "another thing", 40)
    found = diagnose(evidence_of(SERVICE.replace("STATUS", status) + events + other)).services[0]
    problem = next(f for f in found.findings if f.code == code)
    quoted = [line for line in lines(problem.evidence) if "event " in line]
    assert quoted[0] == f"one: event {reason}: the reason"
    assert not [q for q in quoted if "another" in q]


def test_what_the_condition_says_is_not_repeated() -> None:
    events = event("FailedScheduling", "no node has it", 10)
    found = diagnose(evidence_of(SERVICE.replace("STATUS", PENDING) + events)).services[0]
    problem = next(f for f in found.findings if f.code == "PC101")
    assert lines(problem.evidence) == ["one: the scheduler: no node has it"]
