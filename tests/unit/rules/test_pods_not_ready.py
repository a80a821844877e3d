"""PC103 to PC107, PC304 and PC411: what pods that do not serve mean for the Service."""

import json

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import Finding, ServiceReport

SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
"""
GOOD = """
---
kind: Pod
metadata: {name: good, labels: {app: checkout}}
spec: {containers: [{name: app}]}
"""


def report(text: str) -> ServiceReport:
    return diagnose(evidence_of(text)).services[0]


def finding(found: ServiceReport, code: str) -> Finding:
    return next(f for f in found.findings if f.code == code)


PULLING = """
---
kind: Pod
metadata: {name: bad, labels: {app: checkout}}
spec: {containers: [{name: app, image: "x:1"}]}
status:
  phase: Pending
  podIP: 10.0.0.2
  containerStatuses: [{name: app, state: {waiting: {reason: ErrImagePull}}}]
"""


def test_an_image_that_others_do_not_need_is_a_warning() -> None:
    found = report(SERVICE + GOOD + PULLING + '---\nprobes: {good: {sockets: ["0.0.0.0:8080"]}}')
    assert found.verdict == "healthy"
    assert finding(found, "PC103").severity == "warning"
    assert finding(found, "PC304").caused_by == "PC103"


def test_an_image_that_all_need_breaks_the_service() -> None:
    found = report(SERVICE + PULLING)
    assert (found.verdict, found.findings[0].code) == ("broken", "PC103")
    assert finding(found, "PC302").caused_by == "PC103"


def test_published_pods_get_traffic_though_their_image_is_missing() -> None:
    published = SERVICE.replace("selector:", "publishNotReadyAddresses: true, selector:")
    found = report(published + PULLING)
    assert (found.verdict, finding(found, "PC103").impact) == ("broken", "all")


def unready(probe: str, state: str = "running: {}", pod: str = "bad", more: str = "") -> str:
    return f"""
---
kind: Pod
metadata: {{name: {pod}, labels: {{app: checkout}}}}
spec: {{containers: [{{name: app, {probe}}}]}}
status:
  phase: Running
  podIP: 10.0.0.2
  conditions: [{{type: Ready, status: "False"}}]
  containerStatuses: [{{name: app, state: {{{state}}}{more}}}]
"""


def test_the_wrong_port_leads_and_the_failing_probe_follows() -> None:
    pod = unready("readinessProbe: {httpGet: {port: 8081}}")
    found = report(SERVICE + pod + '---\nprobes: {bad: {sockets: ["0.0.0.0:8080"]}}')
    assert [f.code for f in found.findings if f.cause] == ["PC411"]
    assert finding(found, "PC104").caused_by == "PC411"
    assert finding(found, "PC302").caused_by == "PC411"


def test_a_published_pod_that_fails_its_probe_is_no_fault_of_the_service() -> None:
    published = SERVICE.replace("selector:", "publishNotReadyAddresses: true, selector:")
    pod = unready("readinessProbe: {httpGet: {port: 8080}}")
    slices = """
---
kind: EndpointSlice
metadata: {name: checkout-x}
endpoints: [{addresses: [10.0.0.2], conditions: {ready: true},
  targetRef: {kind: Pod, name: bad}}]
ports: [{name: "", port: 8080}]
"""
    found = report(published + pod + slices + '---\nprobes: {bad: {sockets: ["0.0.0.0:8080"]}}')
    assert found.verdict == "healthy"
    assert finding(found, "PC104").severity == "warning"


def test_a_startup_probe_hides_the_readiness_probe() -> None:
    probes = "startupProbe: {httpGet: {port: 8081}}, readinessProbe: {httpGet: {port: 8080}}"
    pod = unready(probes, more=", started: false")
    found = report(SERVICE + pod + '---\nprobes: {bad: {sockets: ["0.0.0.0:8080"]}}')
    assert "startupProbe" in finding(found, "PC104").summary
    assert "startupProbe" in finding(found, "PC411").summary


def test_a_passed_startup_probe_is_not_held_against_its_closed_port() -> None:
    probes = "startupProbe: {httpGet: {port: 8081}}"
    pod = unready(probes, more=", started: true, ready: true").replace('"False"', '"True"')
    found = report(SERVICE + pod + '---\nprobes: {bad: {sockets: ["0.0.0.0:8080"]}}')
    assert (found.verdict, found.findings) == ("healthy", ())


def test_restarts_by_a_liveness_probe_are_reported_between_them_too() -> None:
    up = 'running: {startedAt: "2026-06-01T11:59:40Z"}'
    probe = "livenessProbe: {tcpSocket: {port: 8081}}"
    ended = ", ready: true, restartCount: 3, lastState: {terminated: {exitCode: 0}}"
    pod = unready(probe, up, more=ended).replace('"False"', '"True"')
    found = report(SERVICE + pod + '---\nprobes: {bad: {sockets: ["0.0.0.0:8080"]}}')
    assert (found.verdict, found.findings[0].code) == ("broken", "PC411")


def test_a_sibling_that_waits_to_restart_has_the_same_probe() -> None:
    probe = "livenessProbe: {tcpSocket: {port: 8081}}"
    waiting = "waiting: {reason: CrashLoopBackOff}"
    pods = unready(probe) + unready(probe, waiting, pod="later")
    found = report(SERVICE + pods + '---\nprobes: {bad: {sockets: ["0.0.0.0:8080"]}}')
    assert finding(found, "PC411").pods == ("bad", "later")


def test_a_container_that_just_started_may_still_open_its_port() -> None:
    pod = unready(
        "readinessProbe: {httpGet: {port: 8081}}", 'running: {startedAt: "2026-06-01T11:59:57Z"}'
    )
    found = report(SERVICE + pod + "---\nprobes: {bad: {sockets: []}}")
    assert "PC411" not in [f.code for f in found.findings]


MOVED = """
---
kind: ReplicaSet
metadata: {name: rs, uid: rs-1,
  ownerReferences: [{kind: Deployment, name: checkout, uid: d, controller: true}]}
spec:
  template:
    spec:
      containers:
      - name: app
        readinessProbe: {httpGet: {port: 8081}}
        livenessProbe: {httpGet: {port: 8081}}
---
kind: Pod
metadata: {name: bad, labels: {app: checkout},
  ownerReferences: [{kind: ReplicaSet, name: rs, uid: rs-1, controller: true}]}
spec:
  containers:
  - {name: injected}
  - name: app
    readinessProbe: {httpGet: {port: 8081}}
    livenessProbe: {httpGet: {port: 8081}}
status:
  phase: Running
  podIP: 10.0.0.2
  conditions: [{type: Ready, status: "False"}]
  containerStatuses:
  - {name: injected, ready: true, state: {running: {}}}
  - {name: app, state: {running: {}}}
---
probes: {bad: {sockets: ["0.0.0.0:8080"]}}
"""


def test_one_patch_moves_every_probe_of_the_container_in_the_template() -> None:
    command = finding(report(SERVICE + MOVED), "PC411").fixes[0].command
    assert command
    assert command[1:4] == ("patch", "deployment", "checkout")
    # The template's place: the pod has a container more, which was injected.
    base = "/spec/template/spec/containers/0"
    assert [o["path"] for o in json.loads(command[-1]) if o["op"] == "replace"] == [
        f"{base}/livenessProbe/httpGet/port",
        f"{base}/readinessProbe/httpGet/port",
    ]


DRAINING = """
---
kind: Pod
metadata: {name: old, labels: {app: checkout}, deletionTimestamp: "2026-06-01T12:00:20Z"}
spec: {containers: [{name: app}]}
---
kind: EndpointSlice
metadata: {name: checkout-x}
endpoints: [{addresses: [10.0.0.1], conditions: {ready: false, serving: true, terminating: true},
  targetRef: {kind: Pod, name: old}}]
ports: [{name: "", port: 8080}]
---
probes: {old: {sockets: ["0.0.0.0:8080"]}}
"""


def test_while_all_pods_drain_clients_are_served() -> None:
    found = report(SERVICE + DRAINING)
    assert (found.verdict, finding(found, "PC106").severity) == ("healthy", "warning")


def test_when_the_last_pod_has_drained_they_are_not() -> None:
    found = report(SERVICE + DRAINING.replace("serving: true", "serving: false"))
    assert (found.verdict, finding(found, "PC106").severity) == ("broken", "error")
