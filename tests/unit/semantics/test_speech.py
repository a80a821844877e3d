"""Where a plain HTTP request does no harm: only where something says HTTP, and nothing forbids."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.semantics.speech import (
    expected,
    of_clients,
    sayings,
    takes_plain_http,
)

APP: dict[str, Any] = {"name": "app"}


def judged(port: dict[str, Any], app: dict[str, Any], *beside: str) -> tuple[bool, str | None]:
    """Whether to send it, and what the port is expected to speak."""
    service = msgspec.convert({"metadata": {}, "spec": {"ports": [port]}}, Service)
    containers = [{**APP, **app}, *({"name": name} for name in beside)]
    pod = msgspec.convert({"metadata": {}, "spec": {"containers": containers}}, Pod)
    number = int(port.get("targetPort", port["port"]))
    said = expected(service, service.spec.ports, pod, number)
    return takes_plain_http(service, service.spec.ports, pod, number), said.scheme if said else None


def declared(name: str) -> dict[str, Any]:
    return {"ports": [{"containerPort": 80, "name": name}]}


def probed(scheme: str, kind: str = "readinessProbe", port: int | str = 80) -> dict[str, Any]:
    return {kind: {"httpGet": {"port": port, "scheme": scheme}}}


@pytest.mark.parametrize(
    ("port", "app", "speaks"),
    [
        ({"port": 80}, {}, None),
        ({"port": 80, "name": "http"}, {}, "http"),
        ({"port": 80, "name": "http-admin"}, {}, "http"),
        ({"port": 80, "name": "web"}, {}, "http"),
        ({"port": 80, "name": "https"}, {}, "https"),
        ({"port": 80, "name": "redis"}, {}, None),
        ({"port": 80, "appProtocol": "HTTP"}, {}, "http"),
        ({"port": 80, "name": "http", "appProtocol": "kubernetes.io/h2c"}, {}, None),
        ({"port": 80, "name": "http", "appProtocol": "grpc"}, {}, None),
        ({"port": 80, "name": "http-debug"}, {}, None),
        ({"port": 5005, "name": "http"}, {}, None),
        ({"port": 80}, declared("http"), "http"),
        ({"port": 80, "name": "http"}, declared("https"), "https"),
        ({"port": 80}, probed("HTTP"), "http"),
        ({"port": 80}, probed("HTTP", "livenessProbe"), "http"),
        ({"port": 80, "name": "http"}, probed("HTTPS"), "https"),
        ({"port": 80}, probed("HTTP", port=81), None),
        ({"port": 80}, declared("api") | probed("HTTP", port="api"), "http"),
        ({"port": 80}, probed("HTTPS") | probed("HTTP", "livenessProbe"), "https"),
    ],
)
def test_what_a_port_is_said_to_speak(
    port: dict[str, Any], app: dict[str, Any], speaks: str | None
) -> None:
    assert judged(port, app) == (speaks == "http", speaks)


@pytest.mark.parametrize("proxy", ["istio-proxy", "linkerd-proxy", "kuma-sidecar"])
def test_nothing_is_sent_to_a_mesh(proxy: str) -> None:
    assert judged({"port": 80, "name": "http"}, {}, proxy) == (False, None)


def said_by(port: dict[str, Any], app: dict[str, Any], *beside: str) -> tuple[Service, Pod, int]:
    service = msgspec.convert({"metadata": {}, "spec": {"ports": [port]}}, Service)
    containers = [{**APP, **app}, *({"name": name} for name in beside)]
    pod = msgspec.convert({"metadata": {}, "spec": {"containers": containers}}, Pod)
    number = int(port.get("targetPort", port["port"]))
    return service, pod, number


@pytest.mark.parametrize(
    ("port", "app", "beside", "expected"),
    [
        ({"port": 80}, {}, (), []),
        ({"port": 80, "name": "http"}, {}, (), ["http by service-port http"]),
        (
            {"port": 80, "name": "http", "appProtocol": "HTTPS"},
            declared("web") | probed("HTTPS"),
            (),
            [
                "https by probe HTTPS",
                "http by container-port web",
                "https by app-protocol https",
                "http by service-port http",
            ],
        ),
        (
            {"port": 80, "name": "http"},
            {"ports": [{"containerPort": 81, "name": "https"}]},
            (),
            ["http by service-port http"],
        ),
        (
            {"port": 80},
            {"ports": [{"containerPort": 80, "name": "https", "protocol": "UDP"}]},
            (),
            [],
        ),
        ({"port": 5005, "name": "http"}, {}, (), []),
        ({"port": 80, "name": "http"}, {}, ("istio-proxy",), []),
        ({"port": 80, "name": "http", "targetPort": 81}, {}, (), ["http by service-port http"]),
    ],
)
def test_all_that_says_what_a_port_speaks(
    port: dict[str, Any], app: dict[str, Any], beside: tuple[str, ...], expected: list[str]
) -> None:
    service, pod, number = said_by(port, app, *beside)
    found = sayings(service, pod, number)
    assert [f"{s.scheme} by {s.by} {s.name}" for s in found] == expected
    assert {s.path for s in found} <= {"/"}
    assert sayings(service, pod, 9999) == ()


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"port": 80}, None),
        ({"port": 80, "name": "http"}, "the Service port's name http"),
        ({"port": 80, "name": "redis"}, None),
        ({"port": 80, "name": "http", "appProtocol": "HTTPS"}, "the appProtocol https"),
        ({"port": 80, "name": "http", "appProtocol": "kubernetes.io/h2c"}, None),
    ],
)
def test_what_clients_speak(port: dict[str, Any], expected: str | None) -> None:
    found = of_clients(msgspec.convert(port, ServicePort))
    assert (found and found.why) == expected


@pytest.mark.parametrize(
    ("path", "asked"), [("/healthz", "/healthz"), ("", "/"), ("/x?token=1", "/")]
)
def test_the_path_is_that_of_the_kubelet(path: str, asked: str) -> None:
    probe = {"readinessProbe": {"httpGet": {"port": 80, "scheme": "HTTP", "path": path}}}
    service, pod, number = said_by({"port": 80}, probe)
    found = expected(service, service.spec.ports, pod, number)
    assert found is not None
    assert found.path == asked
