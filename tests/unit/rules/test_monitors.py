"""PC704: what Prometheus has to scrape, and what is there."""

import json

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import Finding, ServiceReport

SHOP = """
kind: Service
metadata: {name: checkout, namespace: shop, labels: {app: checkout}ANNOTATED}
spec:
  selector: {app: checkout}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: http-metrics, port: 81, targetPort: 9100}
---
kind: Pod
metadata: {name: one, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{name: web, containerPort: 8080}, {containerPort: 9100}]}]}
---
probes: {one: {sockets: ["0.0.0.0:8080", "0.0.0.0:9100"]}}
"""


def shop(monitor: str = "", kind: str = "ServiceMonitor", annotations: str = "") -> str:
    text = SHOP.replace("ANNOTATED", annotations and f", annotations: {{{annotations}}}")
    field = "endpoints" if kind == "ServiceMonitor" else "podMetricsEndpoints"
    return text + (
        f"""
---
kind: {kind}
metadata: {{name: m, namespace: shop}}
spec: {{selector: {{matchLabels: {{app: checkout}}}}, {field}: [{monitor}]}}
"""
        if monitor
        else ""
    )


def report(text: str) -> ServiceReport:
    return diagnose(evidence_of(text)).services[0]


def found(text: str) -> list[Finding]:
    service = report(text)
    # Monitoring breaks no client.
    assert service.verdict == "healthy"
    return [f for f in service.findings if f.code == "PC704"]


@pytest.mark.parametrize(
    ("kind", "monitor"),
    [
        ("ServiceMonitor", "{port: http}"),
        ("ServiceMonitor", "{port: http-metrics}"),
        ("ServiceMonitor", "{port: other}, {port: http}"),
        ("ServiceMonitor", "{targetPort: 9100}"),
        ("ServiceMonitor", "{targetPort: web}"),
        ("ServiceMonitor", "{path: /metrics}"),
        ("PodMonitor", "{port: web}"),
        ("PodMonitor", "{portNumber: 9100}"),
        ("PodMonitor", "{targetPort: 9100}"),
    ],
)
def test_a_port_that_is_there(kind: str, monitor: str) -> None:
    assert not found(shop(monitor, kind))


@pytest.mark.parametrize(
    ("kind", "monitor", "new"),
    [
        ("ServiceMonitor", '{port: "8080"}', "http"),
        ("ServiceMonitor", '{port: "81"}', "http-metrics"),
        ("ServiceMonitor", "{port: web}", "http"),
        ("ServiceMonitor", "{port: metrics}", "http-metrics"),
        ("ServiceMonitor", "{port: htp}", "http"),
        ("ServiceMonitor", "{targetPort: 9999}", None),
        ("PodMonitor", "{port: http}", None),
        ("PodMonitor", "{port: wed}", "web"),
        ("PodMonitor", "{portNumber: 81}", None),
    ],
)
def test_a_port_that_is_not_there(kind: str, monitor: str, new: str | None) -> None:
    [problem] = found(shop(monitor, kind))
    assert (problem.severity, problem.impact) == ("warning", "none")
    assert problem.subject.kind == kind
    command = problem.fixes[0].command
    assert (command is None) == (new is None)
    if command:
        assert json.loads(command[-1])[-1]["value"] == new


def test_a_service_port_without_a_name_gets_the_monitors() -> None:
    text = shop("{port: metrics}").replace("{name: http, port: 80", "{port: 80")
    text = text.replace("  - {name: http-metrics, port: 81, targetPort: 9100}\n", "")
    [problem] = found(text)
    command = problem.fixes[0].command
    assert command
    assert command[command.index("patch") + 1] == "service"
    assert json.loads(command[-1])[-1] == {
        "op": "add",
        "path": "/spec/ports/0/name",
        "value": "metrics",
    }


@pytest.mark.parametrize(
    ("annotations", "fires"),
    [
        ('prometheus.io/scrape: "true", prometheus.io/port: "9100"', False),
        ('prometheus.io/scrape: "true", prometheus.io/port: "81"', True),
        ('prometheus.io/scrape: "true", prometheus.io/port: metrics', True),
        ('prometheus.io/scrape: "false", prometheus.io/port: "81"', False),
        ('prometheus.io/port: "81"', False),
    ],
)
def test_the_annotation(annotations: str, fires: bool) -> None:
    assert bool(found(shop(annotations=annotations))) == fires


def test_sockets_that_were_not_read_prove_nothing() -> None:
    text = shop(annotations='prometheus.io/scrape: "true", prometheus.io/port: "81"')
    text = text.replace('sockets: ["0.0.0.0:8080", "0.0.0.0:9100"]', "port-forward: {}")
    assert "PC704" not in [f.code for f in report(text).findings]


def pods(*annotated: str, sockets: tuple[str, ...] = ("8080", "8080", "8080")) -> str:
    """A shop of three pods, each with an annotation and a socket of its own."""
    service = SHOP.partition("---")[0].replace("ANNOTATED", "")
    documents = [service.replace("  - {name: http-metrics, port: 81, targetPort: 9100}\n", "")]
    for i, port in enumerate(annotated):
        documents.append(f"""
kind: Pod
metadata:
  name: p{i}
  labels: {{app: checkout}}
  annotations: {{prometheus.io/scrape: "true", prometheus.io/port: "{port}"}}
spec: {{containers: [{{name: app, ports: [{{containerPort: 8080}}]}}]}}
""")
    heard = ", ".join(
        f'p{i}: {{sockets: ["0.0.0.0:8080", "0.0.0.0:{s}"]}}' for i, s in enumerate(sockets)
    )
    return "---".join([*documents, f"\nprobes: {{{heard}}}\n"])


@pytest.mark.parametrize(
    ("annotated", "sockets", "summaries"),
    [
        (("9100",) * 3, ("9100",) * 3, []),
        (
            ("9100",) * 3,
            ("9100", "9100", "9200"),
            ["1 of 3 pods references port 9100, where nothing listens"],
        ),
        (
            ("9100", "9200", "9200"),
            ("9100", "9100", "9200"),
            ["1 of 3 pods references port 9200, where nothing listens"],
        ),
        (
            ("9100", "metrics", "99999"),
            ("9200", "9200", "9200"),
            [
                "1 of 3 pods references port 9100, where nothing listens",
                "1 of 3 pods is not a port number: metrics",
                "1 of 3 pods references port 99999, where nothing listens",
            ],
        ),
    ],
)
def test_each_annotated_pod_is_judged_by_its_own_sockets(
    annotated: tuple[str, ...], sockets: tuple[str, ...], summaries: list[str]
) -> None:
    problems = found(pods(*annotated, sockets=sockets))
    start = "The annotation prometheus.io/port of "
    assert [str(p.summary).removeprefix(start) for p in problems] == summaries
    assert all(len(p.pods) == 1 for p in problems)


def test_the_annotation_of_the_service_holds_for_every_pod() -> None:
    text = pods("9100", "9100", "9100", sockets=("9100", "9100", "9200")).replace(
        "labels: {app: checkout}}",
        'labels: {app: checkout}, annotations: {prometheus.io/scrape: "true", '
        'prometheus.io/port: "9200"}}',
        1,
    )
    first = found(text)[0]
    assert (
        "of the Service references port 9200, on which 2 of 3 pods do not listen" in first.summary
    )
    assert first.pods == ("p0", "p1")
