"""Ingresses beside a walk: what they cost, and what a right that is missing leaves open."""

from pathlib import Path

from kubectl_portcheck.exit_codes import ExitCode
from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, program, shop, walk
from tests.walk.test_requests import READS, asked

SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
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


def test_an_ingress_with_a_mistyped_name_costs_one_read_of_the_services(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        _led(server, service="chekcout")
        done = program(server, tmp_path, "svc/checkout")
        listed = [r for r in server.requests if r.line.startswith(f"GET {SERVICES}?")]
        swept = program(server, tmp_path)
    for run in (done, swept):
        assert (run.code, run.report["verdict"]) == (ExitCode.HEALTHY, "healthy")
        [finding] = run.report["services"][0]["findings"]
        assert (finding["code"], finding["severity"]) == ("PC734", "warning")
        assert "names Service chekcout, which does not exist" in finding["summary"]
    assert len(listed) == 1


def test_where_the_services_may_not_be_listed_the_mistyped_name_is_not_known(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        _led(server, service="chekcout")
        server.on(rf"{SERVICES}\?", faults.status(403, "Forbidden", "services is forbidden"))
        done = program(server, tmp_path, "svc/checkout")
    service = done.report["services"][0]
    assert (done.code, service["findings"]) == (ExitCode.HEALTHY, [])
    assert "PC734" in [rule["code"] for rule in service["notEvaluated"]]


def test_a_sweep_of_some_services_claims_nothing_of_names(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        _led(server, service="chekcout")
        done = program(server, tmp_path, "--field-selector", "metadata.name=checkout")
    assert done.report["services"][0]["findings"] == []
