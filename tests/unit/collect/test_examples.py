"""An example of a rule holds nothing that has no effect."""

import pytest

from kubectl_portcheck.collect.example_documents import UnfitExample
from kubectl_portcheck.collect.examples import evidence_of

SERVICE = """
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80}]}
---
kind: Pod
metadata: {name: shop-1, labels: {app: shop}}
spec: {containers: [{name: app}]}
---
"""


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (
            "probes: {shop-1: {pod-port-forward: {80: accepted}}}",
            "unknown field `pod-port-forward`",
        ),
        ("probes: {shop-1: {port-forward: {80: open}}}", "Invalid enum value 'open'"),
        ("probes: {shop-1: {spoken: {80: {request: http /, code: 200}}}}", "unknown field `code`"),
        ("probes: {shop-2: {sockets: []}}", "not there: ['shop-2']"),
        ("probes: {shop-1: {service-port-forward: {81: refused}}}", "would not forward 81"),
        ("probe: {}", "unknown field `probe`"),
        ("asked: 80\n---\nasked: 81", "said twice: ['asked']"),
        ("from: {pod: client, service: {80: accepted}}", "missing required field `tool`"),
        ("kind: Job", "kind Job"),
        ("kind: Pod\nspec: {containers: [{nam: app}]}", "spec.containers[0].nam"),
        ("kind: Pod\nstatus: {fase: Running, phase: Pending}", "status.fase"),
        ("kind: Service\nmetadata: {name: other}", "one Service"),
    ],
)
def test_what_has_no_effect_is_refused(more: str, why: str) -> None:
    with pytest.raises((UnfitExample, ValueError)) as refused:
        evidence_of(SERVICE + more)
    assert why in str(refused.value)


def test_what_is_measured_arrives() -> None:
    probes = "probes: {shop-1: {port-forward: {80: refused}}}"
    (service,) = evidence_of(f"{SERVICE}{probes}\n---\nasked: 80").services
    assert service.asked_port == 80
    assert [(a.pod, a.port, a.path, a.outcome) for a in service.attempts] == [
        ("shop-1", 80, "pod-port-forward", "refused")
    ]
