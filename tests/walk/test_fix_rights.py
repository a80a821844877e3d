"""Before a change is offered: which clients it may harm, and whether the user may make it."""

from pathlib import Path
from typing import Any

import pytest

from tests.fake import faults
from tests.fake.api_server import RULES_REVIEW, FakeApiServer
from tests.walk.shop import NAMESPACE, Run, program, shop, walk

LOOK_ONLY = {"verbs": ["get", "list"], "apiGroups": ["*"], "resources": ["*"]}
PATCH_SERVICES = {"verbs": ["patch"], "apiGroups": [""], "resources": ["services"]}


def fix(done: Run) -> dict[str, Any]:
    """The first fix of the first finding."""
    found: dict[str, Any] = done.report["services"][0]["findings"][0]["fixes"][0]
    return found


def reviewed(server: FakeApiServer) -> bool:
    return any(r.target == RULES_REVIEW for r in server.requests)


def test_a_right_that_is_missing_is_said_beside_the_fix(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.may = [LOOK_ONLY]
        done = walk(server, tmp_path)
        text = walk(server, tmp_path, "-o", "table")
    assert fix(done)["missingRight"] == {
        "namespace": NAMESPACE,
        "apiGroup": "",
        "resource": "services",
        "verbs": ["patch"],
    }
    assert done.report["missingRights"] == []
    words = " ".join(text.stdout.split())
    assert "You may not make this change: patch services is not allowed in namespace" in words


@pytest.mark.parametrize(
    "may", [[LOOK_ONLY, PATCH_SERVICES], [{**PATCH_SERVICES, "resourceNames": ["checkout"]}]]
)
def test_a_right_that_is_there_is_not_mentioned(tmp_path: Path, may: list[Any]) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.may = may
        assert fix(walk(server, tmp_path))["missingRight"] is None
        assert reviewed(server)


@pytest.mark.parametrize(
    "handler",
    [
        lambda x: x.json(201, {"status": {"resourceRules": [LOOK_ONLY], "incomplete": True}}),
        faults.status(403, "Forbidden", "no"),
        faults.status(404, "NotFound", "no"),
        faults.plain(200, "<html>", "text/html"),
        lambda x: x.json(201, {"status": None}),
        lambda x: x.json(201, {"status": {"resourceRules": 1}}),
        lambda x: x.reset(),
    ],
    ids=["incomplete", "forbidden", "unserved", "html", "null", "odd", "reset"],
)
def test_what_is_not_known_is_not_said(tmp_path: Path, handler: Any) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.on(RULES_REVIEW, handler)
        done = walk(server, tmp_path)
        assert reviewed(server)
    assert (done.code, done.verdict, fix(done)["missingRight"]) == (1, "broken", None)
    assert done.report["services"][0]["missing"] == []


def test_a_well_service_asks_for_no_review(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        assert walk(server, tmp_path).verdict == "healthy"
        assert not reviewed(server)


def beside(server: FakeApiServer, target: int, **spec: Any) -> None:
    """Another Service of the same pods."""
    port = {"port": 80, "targetPort": target, "protocol": "TCP"}
    server.add(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "admin", "namespace": NAMESPACE},
            "spec": {"selector": {"app": "checkout"}, "ports": [port], **spec},
        }
    )


def test_the_fix_of_a_walk_is_not_safe_where_another_service_leads_there(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        assert fix(walk(server, tmp_path))["safety"] == "safe"
        beside(server, 9000)
        found = fix(walk(server, tmp_path))
    assert (found["safety"], found["cautions"]) == (
        "review",
        ["Service admin already leads to 9000"],
    )


def test_it_stays_safe_beside_services_of_other_pods_and_ports(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        beside(server, 9001)
        beside(server, 9000, selector={"app": "other"})
        assert fix(walk(server, tmp_path))["safety"] == "safe"


def test_nothing_is_safe_where_the_other_services_are_not_known(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.on(r"/services\?", faults.status(403, "Forbidden", "services is forbidden"))
        found = fix(walk(server, tmp_path))
    assert found["safety"] == "review"
    assert found["unpredicted"].startswith("the other Services of the namespace could not be read")


def test_a_sweep_asks_once_what_may_be_changed(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        beside(server, 9001)
        server.may = [LOOK_ONLY]
        done = program(server, tmp_path)
        assert sum(r.target == RULES_REVIEW for r in server.requests) == 1
    found = [f for s in done.report["services"] for x in s["findings"] for f in x["fixes"]]
    assert all(f["missingRight"] for f in found if f["command"])
    assert any(f["command"] for f in found)
