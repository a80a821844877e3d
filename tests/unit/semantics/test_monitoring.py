"""Which port Prometheus would scrape."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.references import Monitor
from kubectl_portcheck.semantics.monitoring import Siblings, lacks_port, scrapes


def monitor(
    *endpoints: dict[str, Any], kind: str = "ServiceMonitor", app: str = "checkout"
) -> Monitor:
    field = "endpoints" if kind == "ServiceMonitor" else "podMetricsEndpoints"
    spec = {"selector": {"matchLabels": {"app": app}}, field: list(endpoints)}
    metadata = {"name": "m", "namespace": "shop"}
    return msgspec.convert({"metadata": metadata, "kind": kind, "spec": spec}, Monitor)


def service(*ports: str, name: str = "checkout", app: str = "checkout") -> Service:
    metadata = {"name": name, "namespace": "shop", "labels": {"app": app}}
    made = [{"name": p, "port": n} for n, p in enumerate(ports, 80)]
    return msgspec.convert({"metadata": metadata, "spec": {"ports": made}}, Service)


def pod(app: str = "checkout", init: bool = False) -> Pod:
    container = {"name": "app", "ports": [{"name": "metrics", "containerPort": 9100}]}
    spec = (
        {"containers": [{"name": "x"}], "initContainers": [container]}
        if init
        else {"containers": [container]}
    )
    return msgspec.convert({"metadata": {"name": "p", "labels": {"app": app}}, "spec": spec}, Pod)


POD_MONITOR = "PodMonitor"


@pytest.mark.parametrize(
    ("asking", "pods", "expected"),
    [
        (monitor({"port": "http"}), [pod()], [("port", "http", True)]),
        (monitor({"port": "web"}), [pod()], [("port", "web", False)]),
        (monitor({"port": "http", "targetPort": 1}), [pod()], [("port", "http", True)]),
        (monitor({"targetPort": 9100}), [pod()], [("targetPort", 9100, True)]),
        (monitor({"targetPort": "metrics"}), [pod(init=True)], [("targetPort", "metrics", True)]),
        (monitor({"targetPort": 9101}), [pod()], [("targetPort", 9101, False)]),
        (monitor({"targetPort": 9101}), [], [("targetPort", 9101, True)]),
        (monitor({}), [pod()], []),
        (monitor({"port": "metrics"}, kind=POD_MONITOR), [pod()], [("port", "metrics", True)]),
        (monitor({"port": "http"}, kind=POD_MONITOR), [pod()], [("port", "http", False)]),
        (monitor({"portNumber": 9100}, kind=POD_MONITOR), [pod()], [("portNumber", 9100, True)]),
        # Only the pods that it selects count.
        (monitor({"port": "http"}, kind=POD_MONITOR), [pod("cart")], [("port", "http", True)]),
        (monitor({}, {"port": "metrics"}, kind=POD_MONITOR), [pod()], [("port", "metrics", True)]),
    ],
)
def test_what_a_monitor_asks_for(
    asking: Monitor, pods: list[Pod], expected: list[tuple[str, int | str, bool]]
) -> None:
    found = scrapes(asking, service("http"), pods)
    assert [(s.field, s.named, s.found) for s in found] == expected
    field = "endpoints" if asking.kind == "ServiceMonitor" else "podMetricsEndpoints"
    listed = len(asking.spec.endpoints or asking.spec.pod_metrics_endpoints) - 1
    assert [s.pointer for s in found] == [f"/spec/{field}/{listed}/{s.field}" for s in found]


@pytest.mark.parametrize(
    ("asking", "lacks"),
    [
        (monitor({"port": "metrics"}), True),
        (monitor({"port": "http"}), False),
        (monitor({"port": "metrics"}, {"port": "http"}), False),
        (monitor({"targetPort": 1}), False),
        (monitor({"port": "metrics"}, app="cart"), False),
        (monitor({"port": "metrics"}, kind=POD_MONITOR), False),
    ],
)
def test_a_monitor_that_asks_for_ports_that_are_not_there(asking: Monitor, lacks: bool) -> None:
    assert lacks_port(asking, service("http")) is lacks
    beside = service("metrics", name="checkout-metrics")
    assert Siblings([beside]).has_meant(asking, service("http")) is lacks


@pytest.mark.parametrize(
    "beside",
    [
        service("metrics"),
        service("http", name="other"),
        service("metrics", name="other", app="cart"),
    ],
)
def test_what_is_no_sibling_that_has_the_port(beside: Service) -> None:
    assert not Siblings([beside]).has_meant(monitor({"port": "metrics"}), service("http"))


def test_a_monitor_is_held_against_the_services_of_a_namespace_once() -> None:
    """Hundreds of both would else take minutes."""
    looks = []

    class Services(list[Service]):
        def __iter__(self) -> Iterator[Service]:
            looks.append(1)
            return super().__iter__()

    everyone = Services(service("http", name=f"s{n}") for n in range(9))
    looks.clear()
    siblings, asking = Siblings(everyone), [monitor({"port": "metrics"}) for _ in range(3)]
    assert not any(siblings.has_meant(m, s) for s in list(everyone) for m in asking)
    assert len(looks) <= len(asking) + 1
