"""PC206, PC309, PC403, PC406 and PC412: which side is fixed, and how."""

import json
from typing import Any

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import Finding, ServiceReport


def report(text: str) -> ServiceReport:
    return diagnose(evidence_of(text)).services[0]


def finding(found: ServiceReport, code: str) -> Finding:
    return next(f for f in found.findings if f.code == code)


def changes(fix: Fix) -> dict[str, Any]:
    assert fix.command
    return {o["path"]: o["value"] for o in json.loads(fix.command[-1]) if o["op"] != "test"}


NAMED = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 53, targetPort: dns}]}
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: dns, containerPort: 53PROTOCOL}]}]}
---
"""
UDP = NAMED.replace("PROTOCOL", ", protocol: UDP")


def test_a_name_and_its_socket_are_udp_so_the_service_is_wrong() -> None:
    problem = finding(report(UDP + 'probes: {one: {sockets: ["udp 0.0.0.0:53"]}}'), "PC403")
    assert problem.fixes[0].safety == "safe"
    assert changes(problem.fixes[0]) == {"/spec/ports/0/protocol": "UDP"}


def test_a_name_is_udp_and_its_socket_tcp_so_the_declaration_is_wrong() -> None:
    problem = finding(report(UDP + 'probes: {one: {sockets: ["0.0.0.0:53"]}}'), "PC403")
    assert problem.fixes[0].safety == "safe"
    assert changes(problem.fixes[0]) == {"/spec/ports/0/targetPort": 53}


def test_without_the_sockets_it_is_a_choice() -> None:
    problem = finding(report(UDP + "probes: {}"), "PC403")
    assert {f.safety for f in problem.fixes} == {"review"}


def test_a_name_that_resolves_needs_its_number_when_the_protocol_changes() -> None:
    tcp = NAMED.replace("PROTOCOL", "")
    problem = finding(report(tcp + 'probes: {one: {sockets: ["udp 0.0.0.0:53"]}}'), "PC206")
    assert changes(problem.fixes[0]) == {
        "/spec/ports/0/protocol": "UDP",
        "/spec/ports/0/targetPort": 53,
    }


HEADLESS = """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: None, selector: {app: checkout}, ports: [{port: 80TARGET}]}
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
---
probes: {one: {sockets: ["0.0.0.0:8080"]}}
"""


def test_a_headless_service_gets_the_port_that_its_clients_can_dial() -> None:
    for target, wanted in (
        (", targetPort: 8080", {"/spec/ports/0/port": 8080}),
        (", targetPort: http", {"/spec/ports/0/port": 8080}),
        ("", {"/spec/ports/0/port": 8080}),
        (", targetPort: 80", {"/spec/ports/0/port": 8080, "/spec/ports/0/targetPort": 8080}),
    ):
        problem = finding(report(HEADLESS.replace("TARGET", target)), "PC406")
        if target:
            assert changes(problem.fixes[0]) == wanted
        else:
            assert changes(problem.fixes[0])["/spec/ports/0/port"] == 8080


SPAN = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: web-0, labels: {app: checkout, part: web, pod-template-hash: "1"},
  ownerReferences: [{kind: StatefulSet, name: web, uid: w, controller: true}]}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: debug, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {web-0: {sockets: ["0.0.0.0:8080"]}, debug: {sockets: ["0.0.0.0:9000"]}}
"""


def test_the_selector_is_narrowed_to_what_lasts() -> None:
    found = report(SPAN)
    assert found.verdict == "degraded"
    assert changes(finding(found, "PC309").fixes[0]) == {"/spec/selector/part": "web"}


def test_two_bare_pods_are_no_workloads() -> None:
    owner = "  ownerReferences: [{kind: StatefulSet, name: web, uid: w, controller: true}]}\n"
    bare = SPAN.replace(f",\n{owner}", "}\n")
    assert "ownerReferences" not in bare
    assert [f.code for f in report(bare).findings if f.code in ("PC309", "PC407")] == ["PC407"]


def test_a_management_port_does_not_make_a_healthy_service_less_so() -> None:
    found = report("""
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 9100}}}]}
---
probes: {one: {sockets: ["0.0.0.0:8080", "0.0.0.0:9100"]}}
""")
    assert (found.verdict, [f.severity for f in found.findings]) == ("healthy", ["info"])


def test_on_a_broken_service_it_is_reported_under_the_cause() -> None:
    found = report("""
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app, readinessProbe: {httpGet: {port: 9100}}}]}
---
probes: {one: {sockets: ["0.0.0.0:9000", "0.0.0.0:9100"], port-forward: {8080: refused}}}
""")
    assert (found.findings[0].code, finding(found, "PC412").caused_by) == ("PC401", "PC401")
