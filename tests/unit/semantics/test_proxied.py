"""What each proxy speaks to the pods, by its annotation, its field or the Service port."""

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.proxied import proxied

POD = """
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
"""
NGINX = "nginx.ingress.kubernetes.io"
ALB = "alb.ingress.kubernetes.io/backend-protocol"
TRAEFIK = "traefik.ingress.kubernetes.io/service.serversscheme"
CONTOUR = "projectcontour.io/upstream-protocol.tls"


def spoken(leading: str, port: str = "{name: web, port: 80}", notes: str = "") -> list[str]:
    service = f"""kind: Service
metadata: {{name: checkout, namespace: default, annotations: {{{notes}}}}}
spec: {{selector: {{app: checkout}}, ports: [{port}]}}
---
"""
    evidence = evidence_of(f"{service}{POD}{leading}").services[0]
    case = Case(evidence, evidence.service.spec.ports[0])
    return [way.language for way in proxied(case)]


def ingress(class_: str, notes: str = "", port: str = "number: 80") -> str:
    return f"""kind: Ingress
metadata: {{name: shop, annotations: {{{notes}}}}}
spec:
  ingressClassName: {class_}
  defaultBackend: {{service: {{name: checkout, port: {{{port}}}}}}}
"""


@pytest.mark.parametrize(
    ("written", "language"),
    [
        ("", ["plain"]),
        ("HTTP", ["plain"]),
        ("GRPC", ["plain"]),
        ("https", ["tls"]),
        ("GRPCS", ["tls"]),
        ("AUTO_HTTP", []),
        ("FCGI", []),
        ("gibberish", ["plain"]),
    ],
)
def test_ingress_nginx(written: str, language: list[str]) -> None:
    note = f'{NGINX}/backend-protocol: "{written}"' if written else ""
    assert spoken(ingress("nginx", note)) == language
    assert spoken(ingress("unknown", note)) == []
    assert spoken(ingress("nginx", note, "number: 81")) == []


def test_tls_that_goes_on_to_the_pods() -> None:
    assert spoken(ingress("nginx", f'{NGINX}/ssl-passthrough: "true"')) == []


def test_the_load_balancer_of_aws() -> None:
    https = f"{ALB}: HTTPS"
    assert spoken(ingress("alb")) == ["plain"]
    assert spoken(ingress("alb", https)) == ["tls"]
    assert spoken(ingress("alb", https), notes=f"{ALB}: HTTP") == ["plain"]


@pytest.mark.parametrize(
    ("port", "notes", "language"),
    [
        ("{name: web, port: 80}", "", ["plain"]),
        ("{name: https-web, port: 80}", "", ["tls"]),
        ("{name: web, port: 80}", f"{TRAEFIK}: https", ["tls"]),
        ("{name: https, port: 80}", f"{TRAEFIK}: h2c", ["plain"]),
        ("{name: https, port: 80}", f"{TRAEFIK}: gibberish", []),
    ],
)
def test_traefik_for_an_ingress(port: str, notes: str, language: list[str]) -> None:
    assert spoken(ingress("traefik"), port, notes) == language


@pytest.mark.parametrize(
    ("scheme", "port", "language"),
    [("", 80, "plain"), ("", 443, "tls"), ("http", 443, "plain"), ("https", 80, "tls")],
)
def test_an_ingress_route_of_traefik(scheme: str, port: int, language: str) -> None:
    said = f", scheme: {scheme}" if scheme else ""
    route = f"""kind: IngressRoute
metadata: {{name: shop, namespace: default}}
spec: {{routes: [{{services: [{{name: checkout, port: {port}{said}}}]}}]}}
"""
    assert spoken(route, f"{{port: {port}}}") == [language]
    assert spoken(route.replace("IngressRoute", "IngressRouteTCP"), f"{{port: {port}}}") == []


@pytest.mark.parametrize(
    ("said", "notes", "language"),
    [
        ("", "", ["plain"]),
        ("", f'{CONTOUR}: "443, web"', ["tls"]),
        ("", f'{CONTOUR}: "443"', ["plain"]),
        (", protocol: tls", "", ["tls"]),
        (", protocol: h2c", f"{CONTOUR}: web", ["plain"]),
        (", protocol: gibberish", "", []),
    ],
)
def test_a_proxy_of_contour(said: str, notes: str, language: list[str]) -> None:
    service = f"{{services: [{{name: checkout, port: 80{said}}}]}}"
    meta = "kind: HTTPProxy\nmetadata: {name: shop, namespace: default}\n"
    assert spoken(f"{meta}spec: {{routes: [{service}]}}\n", notes=notes) == language
    if not said:
        assert spoken(f"{meta}spec: {{tcpproxy: {service}}}\n", notes=notes) in ([], language)


@pytest.mark.parametrize(
    ("tls", "language"),
    [
        ("", ["plain"]),
        (", tls: {termination: edge}", ["plain"]),
        (", tls: {termination: reencrypt}", ["tls"]),
        (", tls: {termination: passthrough}", ["tls"]),
    ],
)
def test_a_route_of_openshift(tls: str, language: list[str]) -> None:
    route = f"""kind: Route
metadata: {{name: shop, namespace: default}}
spec: {{to: {{name: checkout}}, port: {{targetPort: web}}{tls}}}
"""
    assert spoken(route) == language
