"""One object that cannot be read is left out and named; all others are judged."""

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from tests.fake.api_server import FakeApiServer
from tests.fake.wire import Exchange
from tests.walk.shop import Run, shop, walk
from tests.walk.shop import program as run
from tests.walk.town import add_service

DEEP = '{"a":' * 50_000 + "1" + "}" * 50_000
"""Deeper than any interpreter's own limit, which was 10,000 in Python 3.13."""


def spoil(server: FakeApiServer, kind: str, name: str, part: str, value: str) -> None:
    """Puts a text of JSON in the place of a part of an object, wherever the object is sent."""
    marker = f"<{kind}/{name}>"
    for item in server.store.objects:
        if (item["kind"], item["metadata"]["name"]) == (kind, name):
            item[part] = marker

    def answer(exchange: Exchange) -> None:
        path = exchange.request.path
        found: Any = server.store.get(path) or server.store.list(exchange.request.target)
        body = json.dumps(found).replace(f'"{marker}"', value)
        exchange.respond(200, body.encode())

    path = {"Service": "services", "Pod": "pods", "EndpointSlice": "endpointslices"}[kind]
    server.on(path, answer)


def verdicts(done: Run) -> dict[str, str]:
    return {f"{s['namespace']}/{s['name']}": s["verdict"] for s in done.report["services"]}


@pytest.mark.parametrize("value", [DEEP, "5", '{"ports": [{"port": "80"}]}', "9" * 5000])
def test_a_service_that_cannot_be_read_spoils_no_sweep(tmp_path: Path, value: str) -> None:
    with FakeApiServer() as server:
        add_service(server, "well", probed=8080)
        add_service(server, "odd", probed=8080)
        add_service(server, "wrong", listening=9000)
        spoil(server, "Service", "odd", "spec", value)
        done = run(server, tmp_path, "-A", namespace="")
    assert verdicts(done) == {
        "town/odd": "inconclusive",
        "town/well": "healthy",
        "town/wrong": "broken",
    }
    headlines = {s["name"]: s["headline"] for s in done.report["services"]}
    assert headlines["odd"].startswith('could not tell: services "odd" cannot be read: ')
    assert done.code == ExitCode.PROBLEM


@pytest.mark.parametrize(
    ("kind", "name"), [("Pod", "odd-0"), ("EndpointSlice", "odd-1")], ids=["pod", "slice"]
)
def test_a_part_that_cannot_be_read_concerns_only_its_service(
    tmp_path: Path, kind: str, name: str
) -> None:
    with FakeApiServer() as server:
        add_service(server, "well", probed=8080)
        add_service(server, "odd", probed=8080)
        spoil(server, kind, name, "spec" if kind == "Pod" else "endpoints", DEEP)
        done = run(server, tmp_path, "-A", namespace="")
    assert verdicts(done) == {"town/odd": "inconclusive", "town/well": "healthy"}
    missing = {s["name"]: s["missing"] for s in done.report["services"]}
    assert any(f'"{name}" cannot be read: nested too deep' in m for m in missing["odd"])


def test_an_annotation_that_is_too_deep_is_not_known(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        for item in server.store.objects:
            if item["kind"] == "Service":
                item["metadata"]["annotations"] = {
                    "kubectl.kubernetes.io/last-applied-configuration": f'{{"spec": {DEEP}}}'
                }
        done = walk(server, tmp_path)
    assert (done.verdict, done.code) == ("broken", ExitCode.PROBLEM)


def test_a_pod_that_cannot_be_read_is_no_absent_pod(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        spoil(server, "Pod", "checkout-1", "spec", DEEP)
        done = walk(server, tmp_path)
    assert done.verdict == "inconclusive"
    assert '"checkout-1" cannot be read: nested too deep' in json.dumps(done.report).replace(
        "\\", ""
    )


def test_an_api_server_that_sends_nothing_but_depth_is_said_to_be_odd(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.on("api", lambda exchange: exchange.respond(200, DEEP.encode()))
        server.on("proxy", lambda exchange: exchange.respond(502, DEEP.encode()))
        # Each answer takes a while to refuse, one after the other: on a busy machine half a minute.
        done = walk(server, tmp_path, "--timeout", "3m")
    assert done.code == ExitCode.INCONCLUSIVE
    assert "nested too deep" in done.stdout
    assert "defect" not in done.stdout + done.stderr
