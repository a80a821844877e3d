"""Ingresses beside a walk: what they cost, and what a right that is missing leaves open."""

from pathlib import Path

from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, program, shop, walk
from tests.walk.test_requests import READS, asked

CLASSES = "GET /apis/networking.k8s.io/v1/ingressclasses"


def _led(server: FakeApiServer, service: str = "checkout", class_: str = "nginx") -> None:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    path = {"path": "/checkout", "pathType": "Prefix", "backend": backend}
    server.add(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "shop", "namespace": NAMESPACE},
            "spec": {
                "ingressClassName": class_,
                "rules": [{"host": "shop.example", "http": {"paths": [path]}}],
            },
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "nginx"},
            "spec": {"controller": "k8s.io/ingress-nginx"},
        },
    )


def test_an_ingress_costs_one_read_more(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        _led(server)
        done = walk(server, tmp_path)
        found = asked(server)
    assert done.verdict == "healthy"
    assert found[CLASSES] == 1
    assert not set(READS) - set(found)
    [way] = done.report["services"][0]["ingresses"]
    assert way == {"name": "shop", "places": ["shop.example/checkout"], "port": 80}


def test_an_ingress_of_another_service_costs_nothing(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        _led(server, service="cart")
        done = walk(server, tmp_path)
        assert CLASSES not in asked(server)
    assert done.report["services"][0]["ingresses"] == []


def test_classes_that_may_not_be_listed_are_named(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        _led(server, class_="ngnix")
        words = 'ingressclasses.networking.k8s.io is forbidden: User "u" cannot list resource '
        server.on("/ingressclasses", faults.status(403, "Forbidden", words + '"ingressclasses"'))
        done = walk(server, tmp_path)
    [service] = done.report["services"]
    assert done.verdict == "healthy"
    assert "PC716" in [n["code"] for n in service["notEvaluated"]]
    assert any("ingressclasses" in m for m in service["missing"])


def test_a_sweep_lists_the_classes_once(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        _led(server, class_="ngnix")
        done = program(server, tmp_path)
        assert asked(server)[CLASSES] == 1
    assert done.verdict == "degraded"
    assert [f["code"] for s in done.report["services"] for f in s["findings"]] == ["PC716"]
