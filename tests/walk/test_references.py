"""What leads to a Service from other namespaces and from the API server itself: what is read of it,
and what is said where it may not be read."""

import re
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.collect.cluster import reads
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.model.kinds import ISTIO
from tests.fake.api_server import FakeApiServer
from tests.fake.wire import Exchange
from tests.walk.shop import NAMESPACE, Run, program, shop
from tests.walk.test_requests import API_SERVER_CALLS
from tests.walk.test_sweep import lists, sweep
from tests.walk.town import add_service

DEFINITIONS = "apiextensions.k8s.io/v1/customresourcedefinitions"


def webhooks(port: int | None, **more: Any) -> dict[str, Any]:
    called = {"name": "checkout", "namespace": NAMESPACE, **({"port": port} if port else {})}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "checkout"},
        "webhooks": [
            {
                "name": "a.example.com",
                "clientConfig": {"service": called, "caBundle": "LS0t"},
                **more,
            }
        ],
    }


def virtual_service(port: int, host: str, namespace: str) -> dict[str, Any]:
    destination = {"host": host, "port": {"number": port}}
    return {
        "apiVersion": f"{ISTIO}/v1",
        "kind": "VirtualService",
        "metadata": {"name": "edge", "namespace": namespace},
        "spec": {"http": [{"route": [{"destination": destination}]}]},
    }


def codes(run: Run) -> list[str]:
    return [f["code"] for s in run.report["services"] for f in s["findings"]]


def refuse(server: FakeApiServer, pattern: str) -> None:
    """Refuses as the API server does, naming the right."""

    def refused(exchange: Exchange) -> None:
        path = exchange.request.target.partition("?")[0].strip("/").split("/")
        at = f' in the namespace "{path[4]}"' if "namespaces" in path else " at the cluster scope"
        words = f'User "u" cannot list resource "{path[-1]}" in API group "{path[1]}"{at}'
        exchange.status(403, "Forbidden", f"{path[-1]} is forbidden: {words}")

    server.on(pattern, refused)


def test_a_webhook_that_calls_another_port_is_a_finding(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(webhooks(None))
        done = program(server, tmp_path, "svc/checkout")
        server.add(webhooks(80))
        good = program(server, tmp_path, "svc/checkout")
    assert (done.code, codes(done)) == (ExitCode.PROBLEM, ["PC706"])
    [problem] = done.report["services"][0]["findings"]
    kind = "ValidatingWebhookConfiguration"
    assert problem["subject"] == {"kind": kind, "namespace": "", "name": "checkout"}
    assert "failurePolicy is Fail" in problem["summary"]
    [fix] = problem["fixes"]
    assert "-n" not in fix["command"][fix["command"].index("patch") :]
    assert (fix["safety"], fix["predicted"]["verdict"]) == ("safe", "healthy")
    assert (good.code, codes(good)) == (ExitCode.HEALTHY, [])


def test_what_may_not_be_read_matters_only_where_tls_may_be_spoken(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        for path in API_SERVER_CALLS:
            refuse(server, re.escape(path))
        plain = program(server, tmp_path, "svc/checkout")
        says_tls(server)
        maybe = program(server, tmp_path, "svc/checkout")
    assert (plain.code, maybe.code) == (ExitCode.HEALTHY, ExitCode.HEALTHY)
    assert plain.report["missingRights"] == []
    lacking = [n["code"] for n in plain.report["services"][0]["notEvaluated"]]
    assert "PC706" not in lacking
    [lacks] = [n for n in maybe.report["services"][0]["notEvaluated"] if n["code"] == "PC706"]
    assert "validatingwebhookconfigurations" in lacks["missing"]
    rights = [r["resource"] for r in maybe.report["missingRights"]]
    assert rights == [p.rpartition("/")[2] for p in sorted(API_SERVER_CALLS)]


def definition(port: int | None, name: str = "carts.example.com") -> dict[str, Any]:
    called = {"name": "checkout", "namespace": NAMESPACE, **({"port": port} if port else {})}
    webhook = {"clientConfig": {"service": called, "caBundle": "LS0t"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {"conversion": {"strategy": "Webhook", "webhook": webhook}},
    }


def says_tls(server: FakeApiServer) -> None:
    """Name the port of the Services as one that the API server calls."""
    for item in server.store.objects:
        if item["kind"] in ("Service", "EndpointSlice"):
            (item.get("spec") or item)["ports"][0]["name"] = "webhook"


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["--deep"]])
def test_definitions_are_listed_once_and_only_where_tls_may_be_spoken(
    tmp_path: Path, flags: list[str]
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(definition(None), definition(80, "baskets.example.com"))
        plain = program(server, tmp_path, *flags)
        assert not [r for r in server.requests if DEFINITIONS in r.target]
        says_tls(server)
        done = program(server, tmp_path, *flags)
        asked = [r for r in server.requests if DEFINITIONS in r.target]
        refuse(server, re.escape(f"GET /apis/{DEFINITIONS}"))
        refused = program(server, tmp_path, *flags)
    assert (codes(plain), codes(done), len(asked)) == ([], ["PC706"], 1)
    [problem] = done.report["services"][0]["findings"]
    assert problem["subject"]["name"] == "carts.example.com"
    assert "cannot read or write carts.example.com" in problem["summary"]
    assert codes(refused) == []
    [lacks] = [n for n in refused.report["services"][0]["notEvaluated"] if n["code"] == "PC706"]
    assert "customresourcedefinitions" in lacks["missing"]


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["-A"], ["--deep"]])
def test_a_virtual_service_of_another_namespace(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((ISTIO, "v1"))
        host = f"checkout.{NAMESPACE}.svc.cluster.local"
        server.add(virtual_service(8080, host, "web"), virtual_service(1, "checkout", "other"))
        done = program(server, tmp_path, *flags, namespace="" if "-A" in flags else NAMESPACE)
        lists_of_it = [r.target for r in server.requests if "virtualservices" in r.target]
    assert codes(done) == ["PC707"]
    assert done.report["services"][0]["findings"][0]["subject"]["namespace"] == "web"
    assert [t.partition("?")[0] for t in lists_of_it] == [f"/apis/{ISTIO}/v1/virtualservices"]


@pytest.mark.parametrize("flags", [["svc/checkout"], [], ["--deep"]])
def test_where_only_the_namespace_may_be_read(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((ISTIO, "v1"))
        refuse(server, rf"GET /apis/{ISTIO}/v1/\w+\?")
        server.add(virtual_service(8080, "checkout", NAMESPACE))
        found = program(server, tmp_path, *flags)
        server.add(virtual_service(80, "checkout", NAMESPACE))
        well = program(server, tmp_path, *flags)
    assert codes(found) == ["PC707"]
    assert codes(well) == []
    [lacks] = [n for n in well.report["services"][0]["notEvaluated"] if n["code"] == "PC707"]
    assert lacks["missing"] == "virtualservices of other namespaces may not be listed"


def test_of_very_many_those_of_the_namespace_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "FOREIGN_OBJECTS", 3)
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((ISTIO, "v1"))
        server.add(*(virtual_service(1, "x", f"n{i}") for i in range(5)))
        server.add(virtual_service(8080, "checkout", NAMESPACE))
        done = program(server, tmp_path, "svc/checkout")
    assert codes(done) == ["PC707"]


def test_kinds_that_are_not_served_cost_nothing_and_others_one_list(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        for i in range(5):
            add_service(server, f"s{i}", probed=8080)
        sweep(server, tmp_path)
        before = lists(server)
        server.requests.clear()
        server.groups.append((ISTIO, "v1"))
        sweep(server, tmp_path)
        more = lists(server) - before
    assert not any(ISTIO in path for path in before)
    kinds = ("virtualservices", "destinationrules", "gateways", "serviceentries", "sidecars")
    assert more == {f"/apis/{ISTIO}/v1/{kind}": 1 for kind in kinds}
