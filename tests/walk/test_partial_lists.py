"""One kind of several may not be read: what the others show is reported, and so is the right."""

from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.model.kinds import GATEWAY, MONITORING
from tests.fake.api_server import FakeApiServer
from tests.fake.faults import status
from tests.walk.shop import NAMESPACE, Run, program, shop

FIELDS = {"ServiceMonitor": "endpoints", "PodMonitor": "podMetricsEndpoints"}
WALK: list[str] = ["svc/checkout"]
SWEEP: list[str] = []
EVERYWHERE = ["-A"]


def monitor(kind: str, port: str) -> dict[str, Any]:
    endpoints = {FIELDS[kind]: [{"port": port}]}
    return {
        "apiVersion": f"{MONITORING}/v1",
        "kind": kind,
        "metadata": {"name": "m", "namespace": NAMESPACE},
        "spec": {"selector": {}, **endpoints},
    }


def route(port: int) -> dict[str, Any]:
    return {
        "apiVersion": f"{GATEWAY}/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "r", "namespace": NAMESPACE},
        "spec": {"rules": [{"backendRefs": [{"name": "checkout", "port": port}]}]},
    }


def run(tmp_path: Path, asked: list[str], *objects: dict[str, Any], forbidden: str) -> Run:
    """Check the shop where one kind may not be listed."""
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups += [(MONITORING, "v1"), (GATEWAY, "v1")]
        server.add(*objects)
        plural, _, group = forbidden.partition(".")
        words = (
            f'{forbidden} is forbidden: User "u" cannot list resource "{plural}" in API group '
            f'"{group}" in the namespace "{NAMESPACE}"'
        )
        server.on(rf"GET \S*/{plural}\b", status(403, "Forbidden", words))
        namespace = "" if "-A" in asked else NAMESPACE
        return program(server, tmp_path, *asked, namespace=namespace)


def outcome(done: Run) -> tuple[list[str], dict[str, str], str]:
    """Codes of findings, what was not evaluated, and all that was missing."""
    (service,) = done.report["services"]
    return (
        [f["code"] for f in service["findings"]],
        {n["code"]: n["missing"] for n in service["notEvaluated"]},
        " ".join(service["missing"]),
    )


@pytest.mark.parametrize("asked", [WALK, SWEEP, EVERYWHERE], ids=["walk", "sweep", "-A"])
def test_nothing_wrong_in_one_kind_is_no_pass_for_the_other(
    tmp_path: Path, asked: list[str]
) -> None:
    well = monitor("ServiceMonitor", "")
    done = run(tmp_path, asked, well, forbidden=f"podmonitors.{MONITORING}")
    codes, unjudged, missing = outcome(done)
    assert codes == []
    assert "podmonitors" in unjudged["PC704"]
    assert "podmonitors" in missing
    assert done.verdict == "healthy"  # Monitoring breaks no client.


@pytest.mark.parametrize("asked", [WALK, SWEEP, EVERYWHERE], ids=["walk", "sweep", "-A"])
def test_a_problem_in_one_kind_is_found_though_another_is_forbidden(
    tmp_path: Path, asked: list[str]
) -> None:
    wrong = monitor("ServiceMonitor", "nowhere")
    codes, _, missing = outcome(run(tmp_path, asked, wrong, forbidden=f"podmonitors.{MONITORING}"))
    assert codes == ["PC704"]
    assert "podmonitors" in missing


@pytest.mark.parametrize("asked", [WALK, SWEEP, EVERYWHERE], ids=["walk", "sweep", "-A"])
@pytest.mark.parametrize("port", [80, 81])
def test_the_same_of_routes(tmp_path: Path, asked: list[str], port: int) -> None:
    done = run(tmp_path, asked, route(port), forbidden=f"grpcroutes.{GATEWAY}")
    codes, unjudged, missing = outcome(done)
    assert codes == ([] if port == 80 else ["PC702"])
    assert ("PC702" in unjudged) == (port == 80)
    assert "grpcroutes" in missing


def test_every_right_that_is_missing_is_named(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.groups.append((MONITORING, "v1"))
        for kind in ("servicemonitors", "podmonitors"):
            words = f"{kind}.{MONITORING} is forbidden"
            server.on(rf"GET \S*/{kind}\b", status(403, "Forbidden", words))
        _, unjudged, missing = outcome(program(server, tmp_path, "svc/checkout"))
    assert "PC704" in unjudged
    assert "servicemonitors" in missing
    assert "podmonitors" in missing
