"""What several Services declare for one port of pods in Istio's mesh, and what is read for that."""

from pathlib import Path
from typing import Any

import pytest

from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, program, shop
from tests.walk.test_guards import meshed
from tests.walk.test_istio import missing
from tests.walk.test_references import codes, refuse

ONE = pytest.mark.parametrize("flags", [["svc/checkout"], [], ["--deep"]])


def declaring(name: str, protocol: str, **labels: str) -> Any:
    port = {"port": 80, "targetPort": 8080, "protocol": "TCP", "appProtocol": protocol}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"selector": {"app": "checkout", **labels}, "ports": [port]},
    }


def of_checkout(report: dict[str, Any]) -> list[str]:
    """Whether a conflict is found: a request to a pod without a sidecar may find more."""
    [found] = [s for s in report["services"] if s["name"] == "checkout"]
    return [f["code"] for f in found["findings"] if f["code"] == "PC728"]


@ONE
def test_another_service_declares_otherwise(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        own = declaring("checkout", "http")
        server.add(own, declaring("second", "tcp", tier="other"))
        plain = program(server, tmp_path, *flags)
        read = [r for r in server.requests if r.target.startswith(SERVICES)]
        meshed(server)
        server.add(own)
        other_pods = program(server, tmp_path, *flags)
        server.add(declaring("second", "tcp"))
        found = program(server, tmp_path, *flags)
        server.add(declaring("second", "http2"))
        well = program(server, tmp_path, *flags)
    assert len(read) == (0 if flags == ["svc/checkout"] else 1)
    assert of_checkout(plain.report) == []
    assert of_checkout(other_pods.report) == []
    assert of_checkout(found.report) == ["PC728"]
    assert of_checkout(well.report) == []


SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services?"


def test_services_that_may_not_be_listed(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        meshed(server)
        server.add(declaring("checkout", "http"))
        refuse(server, rf"GET /api/v1/namespaces/{NAMESPACE}/services\?")
        done = program(server, tmp_path, "svc/checkout")
    assert codes(done) == []
    assert len(missing(done, "PC728")) == 1


def test_a_sweep_by_a_selector_reads_the_others_as_well(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        meshed(server)
        server.add(declaring("checkout", "http"), declaring("second", "tcp"))
        done = program(server, tmp_path, "--field-selector", "metadata.name=checkout")
        lists = [r for r in server.requests if r.target.startswith(SERVICES)]
    assert codes(done) == ["PC728"]
    assert len(lists) == 2
