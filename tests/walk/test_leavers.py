"""Pods that are deleted while a walk looks into them, as in every rollout."""

from pathlib import Path
from typing import Any

import pytest

from tests.fake.api_server import Command, FakeApiServer
from tests.fake.wire import Exchange
from tests.walk.shop import NAMESPACE, Run, shop, sockets, walk

LISTS = f"/api/v1/namespaces/{NAMESPACE}/pods?"


def lists(server: FakeApiServer) -> int:
    return sum(LISTS in r.line for r in server.requests)


def deleted(server: FakeApiServer, *names: str) -> None:
    """From the first look into one of these pods on it is gone."""

    def gone(exchange: Exchange) -> None:
        name = next(n for n in names if f"/{n}/" in exchange.request.line)
        server.store.remove("Pod", name, NAMESPACE)
        exchange.status(404, "NotFound", f'pods "{name}" not found')

    for name in names:
        server.on(f"/pods/{name}/", gone)


def terminating(server: FakeApiServer, name: str) -> None:
    """Once it is looked into, the pod has closed its ports, and ends."""
    [pod] = [o for o in server.store.objects if o["metadata"]["name"] == name]

    def closed(*_: Any) -> Command:
        ending = {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        server.add({**pod, "metadata": ending})
        return Command(sockets())

    server.commands[NAMESPACE, name] = closed
    server.ports[NAMESPACE, name] = {}


def said(done: Run) -> tuple[str, list[str], list[str]]:
    service = done.report["services"][0]
    return done.verdict, service["notes"], [p["name"] for p in service["pods"]]


def test_a_pod_that_is_gone_is_left_out_and_said(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        deleted(server, "checkout-1")
        done = walk(server, tmp_path)
        assert lists(server) == 2
    note = "checkout-1 was deleted during the check and is left out"
    assert said(done) == ("healthy", [note], ["checkout-0", "checkout-2"])
    assert done.code == 0
    assert not done.report["services"][0]["findings"]


def test_a_pod_that_ends_is_left_out_and_said(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        terminating(server, "checkout-2")
        done = walk(server, tmp_path)
        assert lists(server) == 2
    note = "checkout-2 was deleted during the check and is left out"
    assert said(done) == ("healthy", [note], ["checkout-0", "checkout-1"])


def test_several_of_them(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        deleted(server, "checkout-0", "checkout-1")
        done = walk(server, tmp_path)
        assert lists(server) == 2
    note = "checkout-0 and checkout-1 were deleted during the check and are left out"
    assert said(done) == ("healthy", [note], ["checkout-2"])


def test_where_all_are_gone_it_is_inconclusive(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        deleted(server, "checkout-0", "checkout-1", "checkout-2")
        done = walk(server, tmp_path)
        assert lists(server) == 2
    assert said(done) == ("inconclusive", [], ["checkout-0", "checkout-1", "checkout-2"])


@pytest.mark.parametrize(("listening", "verdict"), [(8080, "healthy"), (9000, "broken")])
def test_pods_that_are_alike_are_listed_once(tmp_path: Path, listening: int, verdict: str) -> None:
    with FakeApiServer() as server:
        shop(server, listening)
        assert walk(server, tmp_path).verdict == verdict
        assert lists(server) == 1


def test_a_pod_that_stays_keeps_its_fault(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.commands[NAMESPACE, "checkout-1"] = lambda *_: Command(sockets(9000))
        server.ports[NAMESPACE, "checkout-1"] = {9000: "accepted"}
        done = walk(server, tmp_path)
        assert lists(server) == 2
    assert (done.verdict, done.causes) == ("degraded", ["PC407"])
    assert not done.report["services"][0]["notes"]


def test_what_may_not_be_looked_into_is_no_deletion(tmp_path: Path) -> None:
    from tests.fake import faults

    with FakeApiServer() as server:
        shop(server, 8080)
        why = 'pods "checkout-1" is forbidden: cannot create resource "pods/exec"'
        server.on("/exec", faults.status(403, "Forbidden", why))
        walk(server, tmp_path, "--no-port-forward")
        assert lists(server) == 1


def test_a_list_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    from tests.fake import faults

    with FakeApiServer() as server:
        shop(server, 8080)

        def gone(exchange: Exchange) -> None:
            server.on(r"GET /api/v1/namespaces/production/pods\?", faults.reset_at_once)
            exchange.status(404, "NotFound", 'pods "checkout-1" not found')

        server.on("/pods/checkout-1/", gone)
        done = walk(server, tmp_path)
    assert (done.verdict, done.report["services"][0]["notes"]) == ("inconclusive", [])
