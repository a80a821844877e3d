"""What each proxy speaks to the pods, by its annotation, its field or the Service port."""

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.proxied import Proxied, proxied

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
    return [way.language for way in ways(leading, port, notes)]


def ways(leading: str, port: str = "{name: web, port: 80}", notes: str = "") -> list[Proxied]:
    service = f"""kind: Service
metadata: {{name: checkout, namespace: default, annotations: {{{notes}}}}}
spec: {{selector: {{app: checkout}}, ports: [{port}]}}
---
"""
    evidence = evidence_of(f"{service}{POD}{leading}").services[0]
    case = Case(evidence, evidence.service.spec.ports[0])
    return list(proxied(case))


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


def services(*named: str) -> str:
    """An IngressRoute that leads to these: NAME:PORT, or NAME:PORT@NAMESPACE."""
    listed = []
    for one in named:
        place, _, space = one.partition("@")
        name, _, port = place.partition(":")
        listed.append(
            f"{{name: {name}, port: {port}" + (f", namespace: {space}}}" if space else "}")
        )
    return f"""kind: IngressRoute
metadata: {{name: shop, namespace: default}}
spec: {{routes: [{{services: [{", ".join(listed)}]}}]}}
"""


def test_what_leads_to_another_service_or_port_is_left_out() -> None:
    assert spoken(services("checkout:80")) == ["plain"]
    assert spoken(services("checkout:web")) == ["plain"]
    assert spoken(services("checkout:80", "cart:80", "checkout:81")) == ["plain"]
    assert spoken(services("checkout:80", "checkout:80@other")) == ["plain"]


def two(first: str, second: str, notes: str = "", class_: str = "nginx") -> str:
    paths = ", ".join(
        f"{{path: /{n}, backend: {{service: {{name: {s}, port: {{number: 80}}}}}}}}"
        for n, s in enumerate((first, second))
    )
    return f"""kind: Ingress
metadata: {{name: shop, annotations: {{{notes}}}}}
spec: {{ingressClassName: {class_}, rules: [{{http: {{paths: [{paths}]}}}}]}}
"""


def test_an_annotation_of_an_ingress_holds_for_all_of_its_services() -> None:
    def shared(leading: str, notes: str = "") -> list[bool]:
        return [way.shared for way in ways(leading, notes=notes)]

    assert shared(two("checkout", "checkout")) == [False]
    assert shared(two("checkout", "cart")) == [True]
    assert shared(two("cart", "checkout")) == [True]
    # An annotation of the Service holds for no other.
    assert shared(two("checkout", "cart", class_="alb"), f"{ALB}: HTTPS") == [False]
    assert shared(two("checkout", "cart", class_="alb")) == [True]


def test_what_decides_it_in_words() -> None:
    key = f"{NGINX}/backend-protocol"
    (said,) = ways(ingress("nginx", f"{key}: HTTPS"))
    assert said.why == f"its annotation {key} is HTTPS"
    assert said.holder == said.subject
    (default,) = ways(ingress("nginx"))
    assert default.why == f"{key} is not set, and the default is HTTP"
    (of_service,) = ways(ingress("alb"), notes=f"{ALB}: HTTPS")
    assert of_service.why == f"the annotation {ALB} of the Service is HTTPS"
    assert of_service.holder is not None
    assert of_service.holder.kind == "Service"
    (by_scheme,) = ways(services("checkout:80").replace("port: 80", "port: 80, scheme: https"))
    assert by_scheme.why == "its scheme is https"
    assert by_scheme.field == "/spec/routes/0/services/0/scheme"
    assert by_scheme.written == "https"


def by_gateway(port: str = "80", section: str = "", space: str = "default", other: str = "") -> str:
    name = f", sectionName: {section}" if section else ""
    back = f"{{name: checkout, port: {port}}}{other}"
    return f"""apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: tls, namespace: default}}
spec: {{targetRefs: [{{kind: Service, name: checkout{name}}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: shop, namespace: {space or '""'}}}
spec: {{rules: [{{backendRefs: [{back}]}}]}}
"""


def test_a_gateway_with_a_policy_for_tls() -> None:
    (way,) = ways(by_gateway())
    assert (way.language, way.subject.kind, way.subject.namespace) == (
        "tls",
        "HTTPRoute",
        "default",
    )
    assert way.why == "BackendTLSPolicy tls is for the Service"
    assert spoken(by_gateway(section="web")) == ["tls"]
    assert spoken(by_gateway(section="admin")) == []
    assert spoken(by_gateway(port="81")) == []
    assert spoken(by_gateway(port="81", other=", {name: cart, port: 80}")) == []
    assert spoken(by_gateway().partition("---")[2]) == []


@pytest.mark.parametrize(
    ("port", "leads"),
    [
        ("port: {targetPort: web}, ", True),
        ("port: {targetPort: 8080}, ", True),
        ("port: {targetPort: '8080'}, ", True),
        ("port: {targetPort: 80}, ", False),
        ("port: {targetPort: admin}, ", False),
        ("", True),
    ],
)
def test_a_route_of_openshift_names_a_port_of_the_endpoints(port: str, leads: bool) -> None:
    route = f"""kind: Route
metadata: {{name: shop, namespace: default}}
spec: {{{port}to: {{name: checkout}}}}
"""
    assert spoken(route, "{name: web, port: 80, targetPort: 8080}") == ["plain"] * leads


def test_the_object_by_which_requests_come() -> None:
    elsewhere = services("checkout:80@default").replace(
        "namespace: default}\nspec", "namespace: front}\nspec"
    )
    (way,) = ways(elsewhere)
    assert (way.subject.kind, way.subject.namespace) == ("IngressRoute", "front")
    (way,) = ways(services("checkout:80@default").replace(", namespace: default}\nspec", "}\nspec"))
    assert (way.subject.name, way.subject.namespace) == ("shop", "default")
    (way,) = ways(
        by_gateway(space="front", other="").replace(
            "name: checkout, port", "name: checkout, namespace: default, port"
        )
    )
    assert (way.subject.kind, way.subject.namespace) == ("HTTPRoute", "front")


KONG = "konghq.com/protocol"


@pytest.mark.parametrize(
    ("notes", "language"),
    [
        ("", ["plain"]),
        (f"{KONG}: https", ["tls"]),
        (f"{KONG}: grpc", ["plain"]),
        (f"{KONG}: grpcs", ["tls"]),
        (f"{KONG}: tcp", []),
        (f"{KONG}: gibberish", ["plain"]),
        ("konghq.com/override: settings", []),
        (f"konghq.com/override: settings, {KONG}: https", ["tls"]),
    ],
)
def test_kong(notes: str, language: list[str]) -> None:
    assert spoken(ingress("kong"), notes=notes) == language
    assert spoken(ingress("kong", notes)) == ([] if "override" in notes else ["plain"])


def test_kong_and_a_field_that_it_may_read() -> None:
    port = "{name: web, port: 80, appProtocol: https}"
    assert spoken(ingress("kong"), port) == []
    assert spoken(ingress("kong"), port, f"{KONG}: http") == ["plain"]


def test_a_class_of_another_name_whose_controller_is_kong() -> None:
    made = """---
kind: IngressClass
metadata: {name: edge}
spec: {controller: ingress-controllers.konghq.com/kong}
"""
    assert spoken(ingress("edge") + made) == ["plain"]
    assert spoken(ingress("edge")) == []


GCE = "cloud.google.com/app-protocols"
OLD_GCE = "service.alpha.kubernetes.io/app-protocols"


@pytest.mark.parametrize(
    ("notes", "language"),
    [
        ("", ["plain"]),
        (f'{GCE}: \'{{"web": "HTTPS"}}\'', ["tls"]),
        (f'{GCE}: \'{{"web": "HTTP2"}}\'', ["tls"]),
        (f'{GCE}: \'{{"web": "HTTP"}}\'', ["plain"]),
        (f'{GCE}: \'{{"other": "HTTPS"}}\'', ["plain"]),
        # The port's name counts, not its number.
        (f'{GCE}: \'{{"80": "HTTPS"}}\'', ["plain"]),
        # The controller takes nothing of what it cannot read.
        (f'{GCE}: \'{{"web": "https"}}\'', []),
        (f'{GCE}: \'{{"web": "HTTPS", "x": "QUIC"}}\'', []),
        (f"{GCE}: '{{\"web\": 1}}'", []),
        (f"{GCE}: '[\"web\"]'", []),
        (f"{GCE}: 'web=HTTPS'", []),
        (f"{OLD_GCE}: '{{}}', {GCE}: '{{\"web\": \"HTTPS\"}}'", ["plain"]),
    ],
)
def test_the_load_balancer_of_google_cloud(notes: str, language: list[str]) -> None:
    assert spoken(ingress("gce"), notes=notes) == language
    assert spoken(ingress("gce-internal"), notes=notes) == language
    assert spoken(ingress("unknown"), notes=notes) == []


def _of(controller: str) -> str:
    return f"""---
kind: IngressClass
metadata: {{name: haproxy}}
spec: {{controller: {controller}}}
"""


SSL = "haproxy.org/server-ssl"


@pytest.mark.parametrize(
    ("on_service", "on_ingress", "language"),
    [
        # What is not written may be in the ConfigMap of the controller.
        ("", "", []),
        (f'{SSL}: "true"', "", ["tls"]),
        ("", f'{SSL}: "true"', ["tls"]),
        ("", 'ingress.kubernetes.io/server-ssl: "true"', ["tls"]),
        (f'{SSL}: "false"', f'{SSL}: "true"', ["plain"]),
        (f"{SSL}: gibberish", "", []),
    ],
)
@pytest.mark.parametrize(
    "controller", ["haproxy.org/ingress-controller", "haproxy.org/ingress-controller/haproxy"]
)
def test_haproxy(controller: str, on_service: str, on_ingress: str, language: list[str]) -> None:
    leading = ingress("haproxy", on_ingress) + _of(controller)
    assert spoken(leading, notes=on_service) == language
    # Without its IngressClass it may be another one's.
    assert spoken(ingress("haproxy", on_ingress), notes=on_service) == []


SECURE = "haproxy-ingress.github.io/secure-backends"
PROTOCOL = "haproxy-ingress.github.io/backend-protocol"


@pytest.mark.parametrize(
    ("on_service", "on_ingress", "language"),
    [
        ("", "", []),
        (f"{PROTOCOL}: h1-ssl", "", ["tls"]),
        (f"{PROTOCOL}: HTTPS", "", ["tls"]),
        ("", f"{PROTOCOL}: h1", ["plain"]),
        (f"{PROTOCOL}: h2", f"{PROTOCOL}: h1-ssl", ["plain"]),
        (f"{PROTOCOL}: gibberish", "", []),
        (f'{SECURE}: "true"', "", ["tls"]),
        (f"{PROTOCOL}: h1", f'{SECURE}: "true"', ["tls"]),
        (f'{PROTOCOL}: grpcs, {SECURE}: "false"', "", ["tls"]),
        (f'{SECURE}: "false"', "", []),
    ],
)
def test_haproxy_ingress(on_service: str, on_ingress: str, language: list[str]) -> None:
    leading = ingress("haproxy", on_ingress) + _of("haproxy-ingress.github.io/controller")
    assert spoken(leading, notes=on_service) == language
