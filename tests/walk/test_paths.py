"""A route of another namespace: it is known where it was the target, and then grants are read."""

from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.model.kinds import GATEWAY, MONITORING
from tests.fake.api_server import FakeApiServer
from tests.fake.faults import status
from tests.walk.shop import NAMESPACE, Run, program, shop

WEB = "web"


def route() -> dict[str, Any]:
    backend = {"name": "checkout", "namespace": NAMESPACE, "port": 80}
    return {
        "apiVersion": f"{GATEWAY}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "edge", "namespace": WEB},
        "spec": {"rules": [{"backendRefs": [backend]}]},
    }


def grant() -> dict[str, Any]:
    return {
        "apiVersion": f"{GATEWAY}/v1",
        "kind": "ReferenceGrant",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {
            "from": [{"group": GATEWAY, "kind": "HTTPRoute", "namespace": WEB}],
            "to": [{"group": "", "kind": "Service"}],
        },
    }


def served(server: FakeApiServer, *more: dict[str, Any]) -> None:
    shop(server, 8080)
    server.groups.append((GATEWAY, "v1"))
    server.add(route(), *more)


def codes(run: Run) -> list[str]:
    return [f["code"] for s in run.report["services"] for f in s["findings"]]


def test_a_route_of_another_namespace_needs_a_grant(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        served(server)
        done = program(server, tmp_path, "httproute/edge", namespace=WEB)
        server.add(grant())
        granted = program(server, tmp_path, "httproute/edge", namespace=WEB)
    assert (done.code, codes(done)) == (ExitCode.PROBLEM, ["PC703"])
    [problem] = done.report["services"][0]["findings"]
    assert problem["subject"] == {"kind": "HTTPRoute", "namespace": WEB, "name": "edge"}
    assert (granted.code, codes(granted)) == (ExitCode.HEALTHY, [])


def test_grants_that_may_not_be_read_decide_nothing(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        served(server)
        words = "referencegrants.gateway.networking.k8s.io is forbidden"
        server.on(r"GET \S*/referencegrants", status(403, "Forbidden", words))
        done = program(server, tmp_path, "httproute/edge", namespace=WEB)
    assert "PC703" not in codes(done)
    [lacking] = [n for n in done.report["services"][0]["notEvaluated"] if n["code"] == "PC703"]
    assert "referencegrants" in lacking["missing"]


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["--deep"]])
def test_a_walk_of_the_service_finds_the_route_too(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        served(server)
        done = program(server, tmp_path, *flags)
        server.add(grant())
        granted = program(server, tmp_path, *flags)
    assert (codes(done), codes(granted)) == (["PC703"], [])


def test_grants_are_asked_for_only_beside_a_route_of_another_namespace(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        served(server)
        own = route()
        own["metadata"]["namespace"] = NAMESPACE
        server.store.remove("HTTPRoute", "edge", WEB)
        server.add(own)
        done = program(server, tmp_path, "svc/checkout")
        assert not [r for r in server.requests if "referencegrants" in r.target]
    assert codes(done) == []


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["--deep"]])
def test_a_monitor_whose_port_is_a_siblings(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((MONITORING, "v1"))
        server.add(
            {
                "apiVersion": f"{MONITORING}/v1",
                "kind": "ServiceMonitor",
                "metadata": {"name": "all", "namespace": NAMESPACE},
                "spec": {"endpoints": [{"port": "metrics"}]},
            }
        )
        before = program(server, tmp_path, *flags)
        sibling = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "checkout-metrics", "namespace": NAMESPACE},
            "spec": {
                "clusterIP": "10.96.0.11",
                "ipFamilies": ["IPv4"],
                "ports": [{"name": "metrics", "port": 9100, "protocol": "TCP"}],
            },
        }
        server.add(sibling)
        beside = program(server, tmp_path, *flags)
    assert "PC704" in codes(before)
    assert "PC704" not in codes(beside)


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["--deep"]])
def test_a_monitor_of_another_namespace(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((MONITORING, "v1"))
        watching: dict[str, Any] = {
            "apiVersion": f"{MONITORING}/v1",
            "kind": "ServiceMonitor",
            "metadata": {"name": "all", "namespace": "monitoring"},
            "spec": {"namespaceSelector": {"any": True}, "endpoints": [{"port": "metrics"}]},
        }
        server.add(watching)
        found = program(server, tmp_path, *flags)
        watching["spec"]["namespaceSelector"] = {"matchNames": ["elsewhere"]}
        server.add(watching)
        none = program(server, tmp_path, *flags)
    assert (codes(found), codes(none)) == (["PC704"], [])


def test_a_kind_that_lacks_the_groups_best_version_is_read_in_another(tmp_path: Path) -> None:
    """As with the Gateway API before ReferenceGrants were in v1."""
    with FakeApiServer() as server:
        served(server)
        server.groups[-1:] = [(GATEWAY, "v1"), (GATEWAY, "v1beta1")]
        server.on(r"GET \S*/v1/\S*/referencegrants", status(404, "NotFound", "page not found"))
        server.add({**grant(), "apiVersion": f"{GATEWAY}/v1beta1"})
        done = program(server, tmp_path, "httproute/edge", namespace=WEB)
    assert (done.code, codes(done)) == (ExitCode.HEALTHY, [])
    assert "PC703" not in [n["code"] for n in done.report["services"][0]["notEvaluated"]]


def test_an_api_that_is_not_served_is_reported_only_in_json(tmp_path: Path) -> None:
    """There is nothing that people could do about it, and there are no such objects."""
    with FakeApiServer() as server:
        shop(server, 9000)
        done = program(server, tmp_path, "svc/checkout")
        table = program(server, tmp_path, "svc/checkout", "-o", "table")
        markdown = program(server, tmp_path, "svc/checkout", "-o", "markdown")
    codes = {n["code"] for n in done.report["services"][0]["notEvaluated"]}
    assert {"PC702", "PC704"} <= codes
    assert "not served" not in table.stdout + markdown.stdout
