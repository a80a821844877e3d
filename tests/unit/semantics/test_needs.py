"""What needs a Service that does not exist."""

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.semantics.needs import needs_of

SERVICE = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80}]}
---
"""
INGRESS = """
kind: Ingress
metadata: {name: shop, namespace: default}
spec: {defaultBackend: {service: {name: checkout, port: {number: 80}}}}
"""
ROUTE = """
kind: HTTPRoute
metadata: {name: shop, namespace: default}
spec: {rules: [{backendRefs: [{name: checkout, port: 8080}, {name: other, port: 1}]}]}
"""
WEBHOOK = """
kind: ValidatingWebhookConfiguration
metadata: {name: shop}
webhooks: [{name: a.b.c, clientConfig: {service: {name: checkout, namespace: default}}}]
"""


@pytest.mark.parametrize(
    ("document", "kind", "port"),
    [
        (INGRESS, "Ingress", 80),
        (ROUTE, "HTTPRoute", 8080),
        (WEBHOOK, "ValidatingWebhookConfiguration", 443),
    ],
)
def test_what_names_the_service_is_found_with_its_port(document: str, kind: str, port: int) -> None:
    [needed] = needs_of(evidence_of(SERVICE + document).services[0])
    assert (needed.by.kind, needed.by.name, needed.port) == (kind, "shop", port)


def test_what_names_no_service_or_another_needs_nothing() -> None:
    other = INGRESS.replace("checkout", "cart")
    assert needs_of(evidence_of(SERVICE + other).services[0]) == []
