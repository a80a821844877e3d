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


NAMED = INGRESS.replace("number: 80", "name: http")
WITHOUT = INGRESS.replace(", port: {number: 80}", "")
CALLS = """
calls:
- kind: Deployment
  namespace: default
  name: web
  service: checkout
  serviceNamespace: default
  named: {container: app, setting: %s, host: checkout, port: 81, variable: "%s"}
"""
"""Of what a workload calls."""


@pytest.mark.parametrize(
    ("document", "port", "where"),
    [
        (NAMED, "http", "default backend"),
        (WITHOUT, None, "default backend"),
        (CALLS % ("env", "CHECKOUT_URL"), 81, "CHECKOUT_URL"),
        (CALLS % ("args", ""), 81, "args of app"),
    ],
)
def test_the_port_and_the_place_that_names_it(
    document: str, port: int | str | None, where: str
) -> None:
    [needed] = needs_of(evidence_of(SERVICE + document).services[0])
    assert (needed.port, needed.where) == (port, where)


@pytest.mark.parametrize(
    "document",
    [
        ROUTE.replace("{name: checkout,", "{name: checkout, namespace: other,"),
        WEBHOOK.replace("namespace: default", "namespace: other"),
        CALLS.replace("serviceNamespace: default", "serviceNamespace: other") % ("env", ""),
        CALLS.replace("service: checkout", "service: cart") % ("env", ""),
    ],
)
def test_what_names_one_of_another_namespace_needs_nothing_here(document: str) -> None:
    assert needs_of(evidence_of(SERVICE + document).services[0]) == []
