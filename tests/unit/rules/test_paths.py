"""PC701, PC702 and PC703: what leads to a Service from outside, and by which of its ports."""

import json

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import Finding, ServiceReport
from kubectl_portcheck.render.facts import lines


def report(text: str) -> ServiceReport:
    return diagnose(evidence_of(text)).services[0]


def findings(found: ServiceReport, code: str) -> list[Finding]:
    return [f for f in found.findings if f.code == code]


def operations(finding: Finding, number: int = 0) -> list[tuple[str, str, object]]:
    command = finding.fixes[number].command
    assert command
    return [(o["op"], o["path"], o.get("value")) for o in json.loads(command[-1])]


PODS = """
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: web, containerPort: 8080}]}]}
---
probes:
  one:
    sockets: ["0.0.0.0:8080", "0.0.0.0:9100", "udp 0.0.0.0:5353"]
    port-forward: {8080: accepted, 9100: accepted}
"""
TWO_PORTS = """
kind: Service
metadata: {name: checkout, namespace: default}
spec:
  type: TYPE
  selector: {app: checkout}
  ports:
  - {name: http, port: 80, targetPort: 8080, nodePort: 30080}
  - {name: metrics, port: 81, targetPort: 9100}
  - {name: dns, port: 53, targetPort: 5353, protocol: UDP}
"""
ONE_PORT = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
"""


def ingress(port: str, *, name: str = "shop", spec: str = "", metadata: str = "") -> str:
    backend = f"{{service: {{name: checkout, port: {{{port}}}}}}}"
    return f"""
---
kind: Ingress
metadata: {{name: {name}{metadata}}}
spec: {{{spec}defaultBackend: {backend}}}
"""


def shop(port: str, service: str = TWO_PORTS, **more: str) -> str:
    return service.replace("TYPE", "NodePort") + ingress(port, **more) + PODS


@pytest.mark.parametrize(
    ("port", "changed", "why"),
    [
        ("number: 8080", ("/number", 80), "8080 is its targetPort"),
        ("name: web", ("/name", "http"), "web is the pods' port"),
        ("number: 30080", ("/number", 80), "30080 is its nodePort"),
        ('name: "80"', ("/name", "http"), "the name 80 is its number in quotes"),
        ("number: 9100", ("/number", 81), "9100 is its targetPort"),
    ],
)
def test_the_port_that_was_meant(port: str, changed: tuple[str, object], why: str) -> None:
    [problem] = findings(report(shop(port)), "PC701")
    assert problem.fixes[0].safety == "safe"
    assert len(problem.fixes) == 1
    base = "/spec/defaultBackend/service/port"
    assert operations(problem)[-1] == ("replace", f"{base}{changed[0]}", changed[1])
    assert [o for o, _, _ in operations(problem)] == ["test", "test", "replace"]
    assert any(why in line for line in lines(problem.evidence))


def test_a_name_for_a_port_without_one_becomes_its_number() -> None:
    [problem] = findings(report(shop("name: http", ONE_PORT)), "PC701")
    base = "/spec/defaultBackend/service/port"
    assert operations(problem)[-2:] == [
        ("remove", f"{base}/name", None),
        ("add", f"{base}/number", 80),
    ]


def test_an_unknown_number_of_several_ports_is_a_choice() -> None:
    [problem] = findings(report(shop("number: 1234")), "PC701")
    assert [f.safety for f in problem.fixes] == ["review", "review"]
    assert problem.port is None


def test_a_udp_port_is_no_backend() -> None:
    assert findings(report(shop("number: 53")), "PC701")
    assert not findings(report(shop("number: 81")), "PC701")


def test_one_path_fails_and_only_the_port_that_is_meant_is_degraded() -> None:
    found = report(shop("number: 8080"))
    assert found.verdict == "degraded"
    assert [(p.port, p.verdict) for p in found.ports if p.protocol == "TCP"] == [
        (80, "degraded"),
        (81, "healthy"),
    ]


@pytest.mark.parametrize(
    ("asked", "port", "verdict"),
    [
        ("81", "number: 8080", "healthy"),
        ("80", "number: 8080", "degraded"),
        ("81", "number: 1234", "healthy"),
    ],
)
def test_a_path_to_another_port_does_not_decide_the_asked_one(
    asked: str, port: str, verdict: str
) -> None:
    found = report(shop(port) + f"---\nasked: {asked}\n")
    assert found.verdict == verdict
    assert findings(found, "PC701")


def test_each_ingress_is_fixed_by_itself() -> None:
    found = report(shop("number: 8080") + ingress("number: 9100", name="inner"))
    problems = findings(found, "PC701")
    assert sorted(p.subject.name for p in problems) == ["inner", "shop"]
    commands = [p.fixes[0].command for p in problems]
    assert all(c and c[c.index("patch") + 1] == "ingress" for c in commands)


@pytest.mark.parametrize(
    "more",
    [
        {"spec": "ingressClassName: nginx, "},
        {"metadata": ", annotations: {kubernetes.io/ingress.class: nginx-internal}"},
    ],
)
def test_ingress_nginx_takes_a_target_port(more: dict[str, str]) -> None:
    found = report(shop("number: 8080", **more))
    [problem] = findings(found, "PC701")
    assert (found.verdict, problem.severity) == ("healthy", "warning")
    assert any("ingress-nginx accepts a targetPort" in line for line in lines(problem.evidence))
    [other] = findings(report(shop("number: 1234", **more)), "PC701")
    assert other.severity == "error"


@pytest.mark.parametrize(
    "service",
    [
        "{type: ExternalName, externalName: shop.example.com}",
        "{type: ExternalName, externalName: shop.example.com, ports: [{port: 443}]}",
    ],
)
def test_an_external_name_has_no_ports_to_be_named(service: str) -> None:
    text = f"kind: Service\nmetadata: {{name: checkout}}\nspec: {service}\n"
    assert not findings(report(text + ingress("number: 80")), "PC701")


def test_another_resource_and_another_service_are_no_concern() -> None:
    # Of a backend that is another resource nothing is read.
    other = """
---
kind: Ingress
metadata: {name: other}
spec:
  defaultBackend: {}
  rules: [{http: {paths: [{backend: {service: {name: basket, port: {number: 1}}}}]}}]
"""
    found = report(ONE_PORT + other + PODS)
    assert (found.verdict, found.findings) == ("healthy", ())


def route(kind: str, backend: str, namespace: str = "default", status: str = "") -> str:
    return f"""
---
kind: {kind}
metadata: {{name: edge, namespace: {namespace}}}
spec: {{rules: [{{backendRefs: [{backend}]}}]}}
{status}
"""


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"])
def test_a_route_of_any_kind_is_fixed(kind: str) -> None:
    text = TWO_PORTS.replace("TYPE", "ClusterIP") + route(kind, "{name: checkout, port: 8080}")
    [problem] = findings(report(text + PODS), "PC702")
    assert (problem.subject.kind, problem.impact, problem.port) == (kind, "path", 80)
    command = problem.fixes[0].command
    assert command
    assert command[command.index("patch") + 1] == kind.lower()
    assert operations(problem) == [
        ("test", "/spec/rules/0/backendRefs/0/name", "checkout"),
        ("test", "/spec/rules/0/backendRefs/0/port", 8080),
        ("replace", "/spec/rules/0/backendRefs/0/port", 80),
    ]


def test_a_route_without_a_port_gets_one() -> None:
    [problem] = findings(report(ONE_PORT + route("HTTPRoute", "{name: checkout}")), "PC702")
    assert "references no port" in problem.summary
    assert operations(problem)[-1] == ("add", "/spec/rules/0/backendRefs/0/port", 80)


def test_the_controllers_own_words_are_quoted() -> None:
    status = """status:
  parents:
  - parentRef: {name: edge-gateway}
    conditions:
    - {type: Accepted, status: "True", reason: Accepted}
    - {type: ResolvedRefs, status: "False", reason: BackendNotFound, message: no such port}
"""
    text = ONE_PORT + route("HTTPRoute", "{name: checkout, port: 8080}", status=status)
    [problem] = findings(report(text), "PC702")
    assert "Gateway edge-gateway: BackendNotFound: no such port" in lines(problem.evidence)


def test_a_backend_of_another_kind_or_namespace_is_no_concern() -> None:
    text = ONE_PORT + route("HTTPRoute", "{name: checkout, kind: ServiceImport, port: 1}")
    text += route("GRPCRoute", "{name: checkout, namespace: other, port: 1}")
    assert not findings(report(text), "PC702")


FOREIGN = ONE_PORT + route("HTTPRoute", "{name: checkout, namespace: default, port: 80}", "web")


def grant(**given: str) -> str:
    asking = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "web"}
    asking |= {k: v for k, v in given.items() if k in asking}
    asked = {"group": '""', "kind": "Service", "name": given.get("name", '""')}
    asked["kind"] = given.get("to", "Service")

    def flow(values: dict[str, str]) -> str:
        return "{" + ", ".join(f"{k}: {v}" for k, v in values.items()) + "}"

    return f"""
---
kind: ReferenceGrant
metadata: {{name: g, namespace: default}}
spec: {{from: [{flow(asking)}], to: [{flow(asked)}]}}
"""


@pytest.mark.parametrize(
    ("granted", "fires"),
    [
        (grant(), False),
        (grant(name="checkout"), False),
        (grant(name="basket"), True),
        (grant(kind="GRPCRoute"), True),
        (grant(namespace="other"), True),
        (grant(to="Secret"), True),
        ("", True),
    ],
)
def test_who_may_refer_to_the_service(granted: str, fires: bool) -> None:
    problems = findings(report(FOREIGN + granted), "PC703")
    assert bool(problems) == fires
    for problem in problems:
        assert problem.subject.namespace == "web"
        assert problem.impact == "path"


def test_the_grant_that_is_missing_fixes_it() -> None:
    [problem] = findings(report(FOREIGN), "PC703")
    [fix] = problem.fixes
    assert fix.command is None
    assert fix.patch
    assert not findings(report(f"{FOREIGN}\n---\n{fix.patch}"), "PC703")
