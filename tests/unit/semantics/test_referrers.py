"""Where objects of each kind lead to Services, and which of them matter."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Missing, Observed, Reason, Right
from kubectl_portcheck.model.kinds import ISTIO_GATEWAY, KUBERNETES_GATEWAY
from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.semantics.istio_gateways import is_gateway
from kubectl_portcheck.semantics.referrers import (
    BY_NAME,
    may_speak_tls,
    relevant,
    with_gateways,
)
from kubectl_portcheck.semantics.referrers.api_server import what_fails
from kubectl_portcheck.semantics.referrers.istio import service_of


def read(kind: str, spec: Any, **more: Any) -> Referrer:
    """``spec`` is the specification, or with ``field`` another part of the object."""
    form = BY_NAME[kind].form()
    field = more.pop("field", "spec")
    document = {"metadata": {"name": "r", "namespace": "shop"}, field: spec, **more}
    found: Referrer = form.read(msgspec.convert(document, form.shape))
    return found


def leads(found: Referrer) -> list[tuple[str, str, Any, str]]:
    return [(r.service, r.namespace, r.meant, r.pointer) for r in found.references]


CHECKOUT = {"name": "checkout"}
CALLED = {"name": "checkout", "namespace": "shop"}
TO: dict[str, Any] = {"destination": {"host": "checkout", "port": {"number": 80}}}
AT = "/spec/http/0"


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        (
            "VirtualService",
            {
                "http": [
                    {
                        "route": [TO],
                        "mirror": {"host": "copy"},
                        "mirrors": [{"destination": {"host": "b.other.svc"}}],
                    }
                ]
            },
            [
                ("checkout", "shop", 80, f"{AT}/route/0/destination/port/number"),
                ("copy", "shop", None, f"{AT}/mirror/port/number"),
                ("b", "other", None, f"{AT}/mirrors/0/destination/port/number"),
            ],
        ),
        (
            "VirtualService",
            {
                "tls": [{"route": [TO]}],
                "tcp": [{"route": [{"destination": {"host": "example.com"}}]}],
            },
            [("checkout", "shop", 80, "/spec/tls/0/route/0/destination/port/number")],
        ),
        ("DestinationRule", {"host": "checkout"}, [("checkout", "shop", None, "")]),
        ("DestinationRule", {"host": "*.shop.svc"}, []),
        (ISTIO_GATEWAY.key, {"servers": [{"hosts": ["*"]}]}, []),
        (KUBERNETES_GATEWAY.key, {"listeners": [{"hostname": "*"}]}, []),
        ("ServiceEntry", {"hosts": ["*.shop.svc.cluster.local", "example.com", ""]}, []),
        (
            "APIService",
            {"service": CALLED},
            [("checkout", "shop", 443, "/spec/service/port")],
        ),
        ("APIService", {}, []),
        (
            "CustomResourceDefinition",
            {
                "conversion": {
                    "strategy": "Webhook",
                    "webhook": {"clientConfig": {"service": {**CALLED, "port": 8443}}},
                }
            },
            [("checkout", "shop", 8443, "/spec/conversion/webhook/clientConfig/service/port")],
        ),
        (
            "CustomResourceDefinition",
            {"conversion": {"strategy": "None", "webhook": {"clientConfig": {"service": CALLED}}}},
            [],
        ),
        (
            "CustomResourceDefinition",
            {
                "conversion": {
                    "strategy": "Webhook",
                    "webhook": {"clientConfig": {"url": "https://x"}},
                }
            },
            [],
        ),
        ("CustomResourceDefinition", {"conversion": {"strategy": "Webhook"}}, []),
        ("CustomResourceDefinition", {}, []),
        (
            "Route",
            {
                "to": CHECKOUT,
                "alternateBackends": [
                    {"name": "b", "kind": "Service"},
                    {"name": "c", "kind": "X"},
                    {},
                ],
            },
            [
                ("checkout", "shop", None, "/spec/port/targetPort"),
                ("b", "shop", None, "/spec/port/targetPort"),
            ],
        ),
        (
            "Route",
            {"to": CHECKOUT, "port": {"targetPort": "web"}},
            [("checkout", "shop", "web", "/spec/port/targetPort")],
        ),
        (
            "HTTPProxy",
            {
                "routes": [{"services": [{"port": 1}, {**CHECKOUT, "port": 80}]}],
                "tcpproxy": {"services": [{"name": "db", "port": 1}]},
            },
            [
                ("checkout", "shop", 80, "/spec/routes/0/services/1/port"),
                ("db", "shop", 1, "/spec/tcpproxy/services/0/port"),
            ],
        ),
        (
            "IngressRoute",
            {
                "routes": [
                    {
                        "services": [
                            {**CHECKOUT, "port": 80},
                            {"name": "t", "kind": "TraefikService"},
                            {"name": "b", "kind": "Service", "namespace": "other"},
                            {},
                        ]
                    }
                ]
            },
            [
                ("checkout", "shop", 80, "/spec/routes/0/services/0/port"),
                ("b", "other", None, "/spec/routes/0/services/2/port"),
            ],
        ),
        (
            "TraefikService",
            {"weighted": {"services": [CHECKOUT]}},
            [("checkout", "shop", None, "/spec/weighted/services/0/port")],
        ),
        (
            "TraefikService",
            {"mirroring": {**CHECKOUT, "mirrors": [{"name": "copy"}]}},
            [
                ("checkout", "shop", None, "/spec/mirroring/port"),
                ("copy", "shop", None, "/spec/mirroring/mirrors/0/port"),
            ],
        ),
        (
            "BackendTLSPolicy",
            {
                "targetRefs": [
                    {"kind": "Service", "name": "checkout", "sectionName": "web"},
                    {"kind": "Service", "name": "b", "group": "core"},
                ]
            },
            [
                ("checkout", "shop", "web", "/spec/targetRefs/0/sectionName"),
                ("b", "shop", None, "/spec/targetRefs/1/sectionName"),
            ],
        ),
        (
            "BackendTLSPolicy",
            {
                "targetRefs": [
                    {"kind": "Gateway", "name": "a"},
                    {"kind": "Service"},
                    {"kind": "Service", "name": "x", "group": "apps"},
                ]
            },
            [],
        ),
        (
            "TargetGroupBinding",
            {"serviceRef": {**CHECKOUT, "port": 80}},
            [("checkout", "shop", 80, "/spec/serviceRef/port")],
        ),
        ("TargetGroupBinding", {}, []),
        (
            "Rollout",
            {"strategy": {"canary": {"stableService": "a", "pingPong": {"pongService": "b"}}}},
            [
                ("a", "shop", None, "/spec/strategy/canary/stableService"),
                ("b", "shop", None, "/spec/strategy/canary/pingPong/pongService"),
            ],
        ),
        (
            "Rollout",
            {"strategy": {"blueGreen": {"activeService": "a"}}},
            [("a", "shop", None, "/spec/strategy/blueGreen/activeService")],
        ),
    ],
)
def test_the_services_to_which_an_object_leads(
    kind: str, spec: dict[str, Any], expected: list[tuple[str, str, Any, str]]
) -> None:
    assert leads(read(kind, spec)) == expected


def webhook(**config: Any) -> dict[str, Any]:
    more = {k: config.pop(k) for k in ("failurePolicy",) if k in config}
    return {"name": "a.b.c", "clientConfig": config, **more}


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (webhook(service=CALLED), (443, True, True)),
        (webhook(service=CALLED, failurePolicy="Fail", caBundle="eA=="), (443, True, False)),
        (webhook(service={**CALLED, "port": 8443}, failurePolicy="Ignore"), (8443, False, True)),
    ],
)
def test_webhooks(hook: dict[str, Any], expected: tuple[int, bool, bool]) -> None:
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        found = read(kind, [webhook(url="https://x"), hook], field="webhooks")
        (called,) = found.references
        assert (called.meant, called.fails, called.unverified) == expected
        assert called.pointer == "/webhooks/1/clientConfig/service/port"


@pytest.mark.parametrize(
    ("spec", "unverified"),
    [
        ({"service": CALLED}, True),
        ({"service": CALLED, "caBundle": "eA=="}, False),
        ({"service": CALLED, "insecureSkipTLSVerify": True}, False),
    ],
)
def test_whether_an_aggregated_api_is_verified(spec: dict[str, Any], unverified: bool) -> None:
    (called,) = read("APIService", spec).references
    assert called.unverified is unverified


PASSED = {"tls": {"passthrough": True}}


@pytest.mark.parametrize(
    ("kind", "spec", "scheme"),
    [
        ("Route", {"to": CHECKOUT}, ""),
        ("Route", {"to": CHECKOUT, "tls": {"termination": "edge"}}, "edge"),
        ("HTTPProxy", {"routes": [{"services": [CHECKOUT]}]}, ""),
        ("HTTPProxy", {"routes": [{"services": [{**CHECKOUT, "protocol": "tls"}]}]}, "tls"),
        ("HTTPProxy", {"tcpproxy": {"services": [CHECKOUT]}}, "edge"),
        ("HTTPProxy", {"virtualhost": PASSED, "tcpproxy": {"services": [CHECKOUT]}}, "passthrough"),
        ("IngressRouteTCP", {"routes": [{"services": [CHECKOUT]}]}, ""),
        ("IngressRouteTCP", {"routes": [{"services": [CHECKOUT]}], **PASSED}, "passthrough"),
        ("HTTPProxy", {"tcpproxy": {"services": [{**CHECKOUT, "protocol": "tls"}]}}, "tls"),
        ("BackendTLSPolicy", {"targetRefs": [{"kind": "Service", "name": "checkout"}]}, "https"),
    ],
)
def test_what_is_to_be_spoken(kind: str, spec: dict[str, Any], scheme: str) -> None:
    (found,) = read(kind, spec).references
    assert found.scheme == scheme


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("checkout", ("checkout", "shop")),
        ("checkout.other", None),
        ("checkout.other.svc", ("checkout", "other")),
        ("checkout.other.svc.cluster.local", ("checkout", "other")),
        ("a.b.c", None),
        ("*", None),
        ("*.other.svc", None),
        ("", None),
        (".other.svc", None),
    ],
)
def test_the_service_of_a_host_of_istio(host: str, expected: tuple[str, str] | None) -> None:
    assert service_of(host, "shop") == expected


def test_modes_of_tls_by_port() -> None:
    def modes(**policy: Any) -> dict[str, str]:
        return read("DestinationRule", {"host": "x", "trafficPolicy": policy}).tls_modes

    ports = [
        {"port": {"number": 80}, "tls": {"mode": "SIMPLE"}},
        {"port": {"number": 81}},
        {"tls": {"mode": "SIMPLE"}},
    ]
    assert modes() == {}
    assert modes(tls={"mode": "DISABLE"}) == {"": "DISABLE"}
    assert modes(portLevelSettings=ports) == {"80": "SIMPLE", "81": ""}


def test_gateways_count_beside_what_names_one() -> None:
    gateway = read(ISTIO_GATEWAY.key, {"servers": [{"hosts": ["*"]}]})
    other = read(KUBERNETES_GATEWAY.key, {"listeners": []})
    assert is_gateway(gateway)
    assert is_gateway(other)

    def route(*gateways: str) -> Referrer:
        return read("VirtualService", {"http": [{"route": [TO]}], "gateways": list(gateways)})

    for names, count in (((), 1), (("mesh",), 1), (("edge",), 3), (("mesh", "edge"), 3)):
        found = route(*names)
        assert not is_gateway(found)
        assert len(with_gateways([found], [gateway, other])) == count


def test_the_labels_of_a_rollout() -> None:
    template = {"metadata": {"labels": {"app": "a"}}}
    assert read("Rollout", {"template": template}).labels == {"app": "a"}
    assert read("Rollout", {"workloadRef": {"name": "a"}}).labels == {}


def service(*ports: dict[str, Any], name: str = "checkout") -> Service:
    return msgspec.convert({"metadata": {"name": name}, "spec": {"ports": list(ports)}}, Service)


@pytest.mark.parametrize(
    ("found", "may"),
    [
        (service({"port": 80}), False),
        (service({"port": 443}), True),
        (service({"port": 8443}), True),
        (service({"port": 80, "targetPort": 9443}), True),
        (service({"port": 80, "targetPort": 10250}), True),
        (service({"port": 80, "targetPort": 4430}), False),
        (service({"port": 80, "name": "https"}), True),
        (service({"port": 80, "appProtocol": "HTTPS"}), True),
        (service({"port": 80, "targetPort": "webhook"}), True),
        (service({"port": 80}, {"port": 443}), True),
        (service({"port": 80}, name="shop-webhook"), True),
    ],
)
def test_whether_the_api_server_may_call_a_service(found: Service, may: bool) -> None:
    assert may_speak_tls(found) is may
    of_server = Missing(reason=Reason.FORBIDDEN, right=right("validatingwebhookconfigurations"))
    other = Missing(reason=Reason.FORBIDDEN, right=right("httpproxies"))
    unknown = Missing(reason=Reason.FAILED)
    left = relevant(of_server, found)
    assert isinstance(left, Missing)
    assert left.reason == (Reason.FORBIDDEN if may else Reason.NOT_ASKED)
    assert relevant(other, found) == other
    assert relevant(unknown, found) == unknown
    several: Observed[tuple[Referrer, ...]] = Observed(
        value=(), lacking=(of_server, other, unknown)
    )
    rest = relevant(several, found)
    assert isinstance(rest, Observed)
    assert rest.lacking == ((of_server, other, unknown) if may else (other, unknown))


def right(resource: str) -> Right:
    return Right(verb="list", resource=resource)


def test_what_the_api_server_refuses() -> None:
    assert "cannot read or write x" in what_fails("CustomResourceDefinition", "x")
    assert "failurePolicy" in what_fails("ValidatingWebhookConfiguration", "x")
