"""The one command that settles what is not known."""

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.report import ServiceReport

SHOP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: PROBES}
"""
OUTSIDE = """
kind: Service
metadata: {name: checkout}
spec: {ports: [{name: pg, port: 5432}]}
---
kind: EndpointSlice
metadata: {name: checkout-1, labels: {kubernetes.io/service-name: checkout}}
endpoints: [{addresses: [192.0.2.7]}]
ports: [{name: pg, port: 5432}]
"""
DENY = """
kind: NetworkPolicy
metadata: {name: default-deny}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
SILENT = (
    "{sockets: ['0.0.0.0:8080'], port-forward: {8080: accepted}, pod-proxy: {1: refused}, "
    "spoken: {8080: {request: http /healthz, outcome: timeout}}}"
)


def report(text: str, probes: str = "{}") -> ServiceReport:
    kubectl = ("kubectl", "--context=prod")
    return diagnose(evidence_of(text.replace("PROBES", probes)), kubectl=kubectl).services[0]


@pytest.mark.parametrize(
    ("text", "probes", "command"),
    [
        (
            SHOP,
            "{port-forward: {8080: accepted}}",
            "kubectl portcheck svc/checkout -n default --context=prod --debug-image busybox",
        ),
        (
            SHOP,
            SILENT,
            "kubectl --context=prod get --raw "
            "/api/v1/namespaces/default/pods/checkout-1:8080/proxy/healthz --request-timeout=60s",
        ),
        (
            f"{SHOP}---\n{DENY}",
            "{sockets: ['0.0.0.0:8080'], pod-proxy: {1: refused}}",
            "kubectl portcheck svc/checkout -n default --context=prod --from auto",
        ),
        (
            OUTSIDE,
            "{}",
            "kubectl portcheck svc/checkout -n default --context=prod --from pod/POD",
        ),
    ],
    ids=["no shell", "no answer", "policies", "no pod"],
)
def test_a_report_that_could_not_tell_ends_with_a_command(
    text: str, probes: str, command: str
) -> None:
    found = report(text, probes)
    assert found.verdict == "inconclusive"
    assert found.next is not None
    assert " ".join(found.next.command) == command


@pytest.mark.parametrize(
    "probes",
    [
        "{sockets: ['0.0.0.0:8080'], port-forward: {8080: accepted}}",
        "{sockets: ['0.0.0.0:9000']}",
    ],
    ids=["healthy", "broken"],
)
def test_a_report_that_could_tell_does_not(probes: str) -> None:
    assert report(SHOP, probes).next is None
