"""PC204, PC305 and PC307: what the endpoints say, and what clients meet there."""

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import Finding, ServiceReport


def report(text: str) -> ServiceReport:
    return diagnose(evidence_of(text)).services[0]


def finding(found: ServiceReport, code: str) -> Finding:
    return next(f for f in found.findings if f.code == code)


DUAL = """
kind: Service
metadata: {name: checkout}
spec:
  ipFamilies: [IPv4, IPv6]
  selector: {app: checkout}
  ports: [{port: 80, targetPort: 8080}]
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 8080}}}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions: [{type: Ready, status: "True"}]
---
"""


def test_one_family_that_fails_degrades_a_dual_stack_service() -> None:
    found = report(DUAL + 'probes: {one: {sockets: ["0.0.0.0:8080"]}}')
    problem = finding(found, "PC204")
    assert (found.verdict, problem.impact) == ("degraded", "path")
    assert "not accept IPv6 connections" in problem.summary
    command = problem.fixes[1].command
    assert command
    assert "SingleStack" in command[-1]


def test_a_first_family_that_fails_cannot_be_given_up() -> None:
    found = report(DUAL + 'probes: {one: {sockets: ["[::]:8080 v6only"]}}')
    assert [f.command for f in finding(found, "PC204").fixes] == [None]


def test_what_the_second_family_meets_is_not_guessed() -> None:
    found = report(DUAL + "probes: {one: {port-forward: {8080: accepted}}}")
    assert found.verdict == "inconclusive"
    assert [n.code for n in found.not_evaluated if "IPv6" in n.missing] == ["PC204"]


def test_a_listener_at_the_other_familys_address() -> None:
    single = DUAL.replace("[IPv4, IPv6]", "[IPv4]")
    found = report(single + 'probes: {one: {sockets: ["[fd00::1]:8080"]}}')
    assert (found.verdict, found.findings[0].code) == ("broken", "PC204")


SERVICE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: one, labels: {app: checkout}CREATED}
spec: {containers: [{name: app}]}
---
probes: {one: {sockets: ["0.0.0.0:8080"]}}
---
kind: EndpointSlice
metadata: {name: a}
endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: one}}]
ports: [{name: "", port: 8080}]
---
kind: EndpointSlice
metadata: {name: b, labels: {endpointslice.kubernetes.io/managed-by: someone}}
endpoints: [{addresses: [10.0.0.9], targetRef: {kind: Pod, name: gone}}]
ports: [{name: "", port: 8080}]
"""


def test_an_endpoint_without_a_pod_takes_its_share_of_the_clients() -> None:
    found = report(SERVICE.replace("CREATED", ""))
    problem = finding(found, "PC307")
    assert (found.verdict, problem.impact) == ("degraded", "pods")
    assert "1 of 2 endpoints leads to no pod" in problem.summary
    command = problem.fixes[0].command
    assert command
    assert command[1:4] == ("delete", "endpointslice", "b")


def test_while_pods_come_and_go_the_slices_may_lag() -> None:
    found = report(SERVICE.replace("CREATED", ', creationTimestamp: "2026-06-01T11:59:58Z"'))
    assert (found.verdict, found.findings) == ("healthy", ())


STALE = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 9000}]}
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: EndpointSlice
metadata: {name: a}
endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: one}}]
ports: [{name: "", port: 8080}]
---
"""


def test_an_old_port_that_nothing_serves_breaks_the_service() -> None:
    found = report(STALE + 'probes: {one: {sockets: ["0.0.0.0:9000"]}}')
    assert (found.verdict, found.findings[0].code) == ("broken", "PC307")


def test_an_old_port_that_is_still_served_is_a_warning() -> None:
    found = report(STALE + 'probes: {one: {sockets: ["0.0.0.0:9000", "0.0.0.0:8080"]}}')
    assert (found.verdict, finding(found, "PC307").severity) == ("healthy", "warning")


MANUAL = """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: a, port: 1}, {name: b, port: 2}]}
---
kind: EndpointSlice
metadata: {name: s}
endpoints: [{addresses: [192.0.2.7]}]
ports: [{name: a, port: 1}, {name: c, port: 2}]
"""


def test_only_the_port_that_no_other_claims_is_renamed() -> None:
    problem = finding(report(MANUAL), "PC305")
    assert problem.port == 2
    [fix] = problem.fixes
    assert fix.safety == "review"
    assert "nothing here can connect to it" in fix.unpredicted
    assert fix.command
    assert '"path":"/ports/1/name","value":"b"' in fix.command[-1]


def test_two_unclaimed_ports_are_a_choice() -> None:
    text = MANUAL.replace("{name: a, port: 1}, {name: c", "{name: d, port: 1}, {name: c")
    assert finding(report(text), "PC305").fixes == ()
