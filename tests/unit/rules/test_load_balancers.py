"""PC410 and PC413: ports that apply lost, load balancers that nothing creates."""

import json

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import Finding, ServiceReport
from kubectl_portcheck.render.facts import lines


def report(text: str) -> ServiceReport:
    return diagnose(evidence_of(text)).services[0]


def finding(found: ServiceReport, code: str) -> Finding:
    return next(f for f in found.findings if f.code == code)


BALANCED = """
kind: Service
metadata: {name: checkout, creationTimestamp: "2026-06-01T11:00:00Z"}
spec:
  type: LoadBalancer
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {one: {sockets: ["0.0.0.0:8080"]}}
"""


def event(type_: str, reason: str, at: str, about: str = "Service") -> str:
    return f"""
---
kind: Event
metadata: {{name: {reason.lower()}.{at}}}
involvedObject: {{kind: {about}, name: checkout}}
type: {type_}
reason: {reason}
message: "said at {at}"
lastTimestamp: "2026-06-01T11:{at}:00Z"
"""


def test_a_controller_that_fails_degrades_and_is_quoted() -> None:
    text = event("Normal", "EnsuringLoadBalancer", "10") + event("Warning", "Failed", "20")
    found = report(BALANCED + text)
    problem = finding(found, "PC413")
    assert (found.verdict, problem.severity, problem.impact) == ("degraded", "error", "path")
    shown = lines(problem.evidence)
    assert shown[:2] == ["event Failed: said at 20", "event EnsuringLoadBalancer: said at 10"]
    assert shown[2].endswith("created 1 hour ago")
    assert "30080" in shown[3]


@pytest.mark.parametrize("text", ["", event("Warning", "Unhealthy", "10", about="Pod")])
def test_where_nothing_is_said_clients_inside_are_served(text: str) -> None:
    found = report(BALANCED + text)
    problem = finding(found, "PC413")
    assert (found.verdict, problem.severity) == ("healthy", "warning")
    assert any("there are no events" in line for line in lines(problem.evidence))


def test_a_new_one_is_given_its_time() -> None:
    text = BALANCED.replace("11:00:00", "11:58:30")
    young = report(text)
    assert [(f.code, f.severity, f.fixes) for f in young.findings] == [("PC413", "info", ())]
    assert young.verdict == "healthy"
    assert finding(report(text + event("Warning", "Failed", "59")), "PC413").severity == "error"


def test_a_class_of_its_own_is_named() -> None:
    text = BALANCED.replace("type: LoadBalancer", "type: LoadBalancer, loadBalancerClass: corp/lb")
    text = text.replace(
        "spec:\n  type: LoadBalancer, loadBalancerClass: corp/lb\n",
        """spec:
  type: LoadBalancer
  loadBalancerClass: corp/lb
""",
    )
    said = lines(finding(report(text), "PC413").evidence)
    assert any("loadBalancerClass is corp/lb" in line for line in said)


def test_the_port_of_the_nodes_is_in_the_report() -> None:
    assert [p.node_port for p in report(BALANCED).ports] == [30080]


def dns(live: str, applied: str, asked: str = "") -> str:
    return f"""
kind: Service
metadata: {{name: dns}}
spec: {{selector: {{app: dns}}, ports: [{live}]}}
lastApplied: [{applied}]
---
kind: Pod
metadata: {{name: one, labels: {{app: dns}}}}
spec: {{containers: [{{name: app}}]}}
---
probes: {{one: {{sockets: ["0.0.0.0:53", "udp 0.0.0.0:53", "0.0.0.0:80"]}}}}
{asked and f"---{chr(10)}asked: {asked}"}
"""


UDP = "{name: dns, port: 53, protocol: UDP}"
TCP = "{name: dns-tcp, port: 53, protocol: TCP}"
WEB = "{name: web, port: 80}"


@pytest.mark.parametrize(("live", "lost"), [(UDP, "TCP"), (TCP, "UDP")])
def test_the_lost_port_is_added_beside_the_other(live: str, lost: str) -> None:
    found = report(dns(live, f"{UDP}, {TCP}"))
    problem = finding(found, "PC410")
    assert (found.verdict, problem.fixes[0].safety) == ("degraded", "safe")
    command = problem.fixes[0].command
    assert command
    added = json.loads(command[-1])[-1]
    assert (added["op"], added["path"]) == ("add", "/spec/ports/-")
    assert added["value"]["protocol"] == lost
    assert added["value"]["targetPort"] == 53


def test_another_port_that_was_asked_about_is_healthy() -> None:
    found = report(dns(f"{UDP}, {WEB}", f"{UDP}, {TCP}, {WEB}", asked="80"))
    assert (found.verdict, finding(found, "PC410").severity) == ("healthy", "warning")


def test_a_target_that_was_not_changed_with_the_other() -> None:
    old = TCP.replace("port: 53", "port: 53, targetPort: 80")
    found = report(dns(f"{UDP}, {old}", f"{UDP}, {TCP}"))
    problem = finding(found, "PC410")
    assert (problem.severity, problem.port, problem.protocol) == ("warning", 53, "TCP")
    command = problem.fixes[0].command
    assert command
    assert json.loads(command[-1])[-1] == {
        "op": "replace",
        "path": "/spec/ports/1/targetPort",
        "value": 53,
    }


@pytest.mark.parametrize(
    ("live", "applied"),
    [(WEB, WEB), (WEB, "{name: old, port: 81}"), (WEB, f"{WEB}, {UDP}, {TCP}"), (WEB, "")],
)
def test_what_was_changed_otherwise_was_not_lost_in_apply(live: str, applied: str) -> None:
    assert "PC410" not in [f.code for f in report(dns(live, applied)).findings]
