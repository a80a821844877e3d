"""PC414: one name, or one number, in several containers of a pod."""

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.render.facts import lines

CONTAINERS = """
  containers:
  - {name: cache, ports: [{name: http, containerPort: 6081}]}
  - {name: exporter, ports: [{name: http, containerPort: 9131}]}
"""


def findings(
    containers: str, *, target: str = "http", protocol: str = "TCP", more: str = ""
) -> list[Finding]:
    text = f"""
kind: Service
metadata: {{name: cache, labels: {{app: cache}}}}
spec:
  selector: {{app: cache}}
  ports: [{{name: web, port: 80, targetPort: {target}, protocol: {protocol}}}]
---
kind: Pod
metadata: {{name: cache-1, labels: {{app: cache}}}}
spec:
{containers}
---
{more}
probes: {{cache-1: {{sockets: ["0.0.0.0:6081", "0.0.0.0:9131", "udp 0.0.0.0:53"]}}}}
"""
    found = diagnose(evidence_of(text)).services[0].findings
    return [f for f in found if f.code == "PC414"]


def test_every_declaration_is_named_and_the_first_wins() -> None:
    (found,) = findings(CONTAINERS)
    assert found.summary.endswith("leads to 6081 of container cache")
    said = " ".join(lines(found.evidence))
    assert "cache declares http as 6081" in said
    assert "exporter declares http as 9131: the Service does not use it" in said


def test_a_native_sidecar_comes_last_though_it_starts_first() -> None:
    (found,) = findings("""
  initContainers:
  - {name: proxy, restartPolicy: Always, ports: [{name: http, containerPort: 15000}]}
  containers:
  - {name: cache, ports: [{name: http, containerPort: 6081}]}
""")
    assert found.summary.endswith("leads to 6081 of container cache")


@pytest.mark.parametrize(
    "containers",
    [
        # An init container that ends has no ports to lead to.
        """
  initContainers: [{name: wait, ports: [{name: http, containerPort: 15000}]}]
  containers: [{name: cache, ports: [{name: http, containerPort: 6081}]}]
""",
        # Another protocol is another name.
        """
  containers:
  - {name: cache, ports: [{name: http, containerPort: 6081}]}
  - {name: dns, ports: [{name: http, containerPort: 53, protocol: UDP}]}
""",
        # TCP and UDP of one number are two ports.
        """
  containers:
  - {name: cache, ports: [{name: http, containerPort: 6081}]}
  - {name: dns, ports: [{containerPort: 6081, protocol: UDP}]}
""",
    ],
    ids=["init container", "protocol of the name", "protocol of the number"],
)
def test_what_is_no_second_declaration(containers: str) -> None:
    assert findings(containers) == []


def test_one_number_in_two_containers_is_information() -> None:
    (found,) = findings(
        """
  containers:
  - {name: cache, ports: [{containerPort: 6081}]}
  - {name: proxy, ports: [{containerPort: 6081}]}
""",
        target="6081",
    )
    assert (found.severity, found.fixes) == ("info", ())
    assert "cache and proxy" in found.summary


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("PodMonitor", "podMetricsEndpoints: [{port: http}]"),
        ("ServiceMonitor", "endpoints: [{targetPort: http}]"),
    ],
)
def test_a_monitor_that_means_both_is_named(kind: str, spec: str) -> None:
    monitor = f"""
kind: {kind}
metadata: {{name: cache, namespace: ""}}
spec: {{selector: {{matchLabels: {{app: cache}}}}, {spec}}}
---
"""
    (found,) = findings(CONTAINERS, target="9131", more=monitor)
    assert (found.subject.kind, found.severity) == (kind, "warning")
    assert "6081 and 9131: Prometheus scrapes each of them" in found.summary


def test_a_monitor_that_names_a_service_port_means_one() -> None:
    monitor = """
kind: ServiceMonitor
metadata: {name: cache}
spec: {selector: {matchLabels: {app: cache}}, endpoints: [{port: web}]}
---
"""
    assert findings(CONTAINERS, target="9131", more=monitor) == []
