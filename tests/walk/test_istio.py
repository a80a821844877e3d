"""By which Gateways the clients of a Service come: what is read of them, and what is said where it
may not be read."""

from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.model.kinds import GATEWAY, ISTIO
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, Run, program, shop
from tests.walk.test_references import codes, refuse
from tests.walk.town import add_service

WAYS = pytest.mark.parametrize("flags", [["svc/checkout"], [], ["-A"], ["--deep"]])


def made(kind: str, spec: Any, name: str = "public", space: str = NAMESPACE, **more: Any) -> Any:
    return {
        "apiVersion": f"{ISTIO}/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": space},
        "spec": spec,
        **more,
    }


def virtual_service(gateway: str) -> Any:
    destination = {"host": "checkout", "port": {"number": 80}}
    spec = {
        "hosts": ["shop.example.com"],
        "gateways": [gateway],
        "http": [{"route": [{"destination": destination}]}],
    }
    return made("VirtualService", spec, "shop")


def begun(server: FakeApiServer, *groups: str) -> None:
    """A healthy Service in a cluster that serves the groups."""
    shop(server, 8080)
    server.groups += [(group, "v1") for group in groups]


def run(server: FakeApiServer, tmp_path: Path, flags: list[str]) -> Run:
    server.requests.clear()
    return program(server, tmp_path, *flags, namespace="" if "-A" in flags else NAMESPACE)


def lists_of(server: FakeApiServer, part: str) -> list[str]:
    paths = (r.target.partition("?")[0] for r in server.requests)
    return [p for p in paths if part in p]


def missing(done: Run, code: str) -> list[str]:
    [service] = done.report["services"]
    return [n["missing"] for n in service["notEvaluated"] if n["code"] == code]


@WAYS
def test_a_gateway_of_the_gateway_api_counts(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        begun(server, ISTIO, GATEWAY)
        server.add(virtual_service("edge/public"))
        absent = run(server, tmp_path, flags)
        lists = lists_of(server, f"{GATEWAY}/v1/gateways")
        other = made("Gateway", {}, space="edge", apiVersion=f"{GATEWAY}/v1")
        server.add(other)
        there = run(server, tmp_path, flags)
        refuse(server, rf"GET /apis/{GATEWAY}/v1/(namespaces/\w+/)?gateways")
        unknown = run(server, tmp_path, flags)
    assert (absent.verdict, codes(absent)) == ("degraded", ["PC731"])
    assert len(lists) == 1
    assert (there.verdict, codes(there)) == ("healthy", [])
    assert codes(unknown) == []
    assert len(missing(unknown, "PC731")) == 1


def test_without_istio_no_gateway_is_read(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        begun(server, GATEWAY)
        run(server, tmp_path, ["svc/checkout"])
        assert lists_of(server, "gateways") == []
        run(server, tmp_path, [])
        assert lists_of(server, "gateways") == []


def gateway(selected: str, port: int = 80) -> Any:
    servers = [{"port": {"number": port}, "hosts": ["shop.example.com"]}]
    return made("Gateway", {"selector": {"istio": selected}, "servers": servers})


def ingress(server: FakeApiServer) -> None:
    """The pods of an ingress gateway in a namespace of its own, and its Service."""
    labels = {"istio": "ingressgateway"}
    for name in ("ingress-1", "ingress-2"):
        owner = {"kind": "ReplicaSet", "name": "ingress", "controller": True}
        metadata = {
            "name": name,
            "namespace": "edge",
            "labels": labels,
            "ownerReferences": [owner],
        }
        container = {"name": "istio-proxy"}
        server.add(pod_of(metadata, {"containers": [container]}))
    server.add(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "ingress", "namespace": "edge"},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        }
    )


def pod_of(metadata: Any, spec: Any) -> Any:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


ONE = pytest.mark.parametrize("flags", [["svc/checkout"], [], ["--deep"]])
"""``-A`` would report on the ingress gateway's own Service as well."""


@ONE
def test_the_pods_of_a_gateway_are_looked_for_in_every_namespace(
    tmp_path: Path, flags: list[str]
) -> None:
    with FakeApiServer() as server:
        begun(server, ISTIO)
        ingress(server)
        server.add(virtual_service("public"), gateway("ingressgateway"))
        well = run(server, tmp_path, flags)
        pods = [r.target for r in server.requests if "istio%3Dingressgateway" in r.target]
        services = lists_of(server, "namespaces/edge/services")
        server.add(gateway("ingres"))
        found = run(server, tmp_path, flags)
        server.add(gateway("ingressgateway", 443))
        closed = run(server, tmp_path, flags)
    assert (well.verdict, codes(well)) == ("healthy", [])
    assert [p.partition("?")[0] for p in pods] == ["/api/v1/pods"]
    assert len(services) == 1
    assert (found.verdict, codes(found)) == ("inconclusive", ["PC733"])
    assert (closed.verdict, codes(closed)) == ("healthy", ["PC733"])


@ONE
def test_a_gateway_whose_pods_may_not_be_read_is_not_judged(
    tmp_path: Path, flags: list[str]
) -> None:
    with FakeApiServer() as server:
        begun(server, ISTIO)
        ingress(server)
        server.add(virtual_service("public"), gateway("ingres"))
        refuse(server, r"GET /api/v1/pods\?")
        no_pods = run(server, tmp_path, flags)
    assert codes(no_pods) == []
    assert missing(no_pods, "PC733") == ["pods of other namespaces may not be listed"]
    with FakeApiServer() as server:
        begun(server, ISTIO)
        ingress(server)
        server.add(virtual_service("public"), gateway("ingressgateway", 443))
        refuse(server, r"GET /api/v1/namespaces/edge/services")
        no_services = run(server, tmp_path, flags)
    assert codes(no_services) == []
    [why] = missing(no_services, "PC733")
    assert "services" in why


@ONE
def test_without_a_gateway_on_the_way_no_other_pods_are_read(
    tmp_path: Path, flags: list[str]
) -> None:
    with FakeApiServer() as server:
        begun(server, ISTIO)
        ingress(server)
        server.add(virtual_service("mesh"), gateway("ingressgateway"))
        assert run(server, tmp_path, flags).verdict == "healthy"
        assert not [r for r in server.requests if "istio%3D" in r.target]
        assert lists_of(server, "namespaces/edge/") == []


def test_a_sweep_reads_them_once_for_all_services(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        begun(server, ISTIO)
        ingress(server)
        server.add(gateway("ingressgateway"))
        for i in range(3):
            add_service(server, f"s{i}", NAMESPACE, probed=8080)
            spec = {
                "hosts": ["shop.example.com"],
                "gateways": ["public"],
                "http": [{"route": [{"destination": {"host": f"s{i}"}}]}],
            }
            server.add(made("VirtualService", spec, f"s{i}"))
        run(server, tmp_path, [])
        pods = [r.target for r in server.requests if "istio%3Dingressgateway" in r.target]
        services = lists_of(server, "namespaces/edge/services")
    assert (len(pods), len(services)) == (1, 1)


def service_entry(space: str, name: str = "checkout") -> Any:
    spec = {
        "hosts": [f"{name}.{NAMESPACE}.svc.cluster.local"],
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "endpoints": [{"address": "192.0.2.7"}],
    }
    return made("ServiceEntry", spec, "outside", space)


@WAYS
def test_a_service_entry_with_the_host_of_the_service(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        begun(server, ISTIO)
        server.add(service_entry("web"), service_entry("other", "another"))
        found = run(server, tmp_path, flags)
        refuse(server, rf"GET /apis/{ISTIO}/v1/serviceentries")
        unknown = run(server, tmp_path, flags)
    assert (found.verdict, codes(found)) == ("healthy", ["PC732"])
    assert found.report["services"][0]["findings"][0]["subject"]["namespace"] == "web"
    assert (unknown.verdict, codes(unknown)) == ("healthy", [])
    assert missing(unknown, "PC732") == ["serviceentries of other namespaces may not be listed"]


def test_a_service_entry_needs_no_service(tmp_path: Path) -> None:
    """Another cluster may have the Service of that name."""
    with FakeApiServer() as server:
        begun(server, ISTIO)
        server.add(service_entry("web", "elsewhere"))
        done = run(server, tmp_path, ["svc/elsewhere"])
    assert done.code == ExitCode.USAGE
