"""NetworkPolicies in a walk: one request more to each pod, and only where they admit no client."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, Run, shop, walk

DROPPED = (
    b'{"kind":"Status","apiVersion":"v1","code":503,'
    b'"message":"error trying to reach service: dial tcp 10.0.0.1:1: i/o timeout"}'
)
REFUSED = (
    'networkpolicies is forbidden: cannot list resource "networkpolicies" '
    'in API group "networking.k8s.io"'
)


def guarded(server: FakeApiServer, *ports: dict[str, Any]) -> None:
    """The shop, its pods open to nothing but these ports."""
    shop(server, 9000, target=9000)
    server.add(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "api-allow", "namespace": NAMESPACE},
            "spec": {
                "podSelector": {},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"podSelector": {}}], "ports": list(ports)}],
            },
        }
    )


def proxied(server: FakeApiServer) -> Counter[str]:
    """The ports that the pod proxy was asked for."""
    lines = (r.line for r in server.requests if "/proxy/" in r.line)
    return Counter(line.rpartition(":")[2].partition("/")[0] for line in lines)


def codes(done: Run) -> list[str]:
    return [f["code"] for f in done.report["services"][0]["findings"]]


def test_no_answer_from_a_port_that_is_closed_to_everybody_is_a_dropped_packet(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        guarded(server, {"port": 8080})
        for i in range(3):
            server.http[NAMESPACE, f"checkout-{i}", 1] = (503, DROPPED)
        done = walk(server, tmp_path)
        assert proxied(server) == {"1": 3}
    assert (done.verdict, codes(done)) == ("broken", ["PC602"])


def test_a_refusal_came_from_the_pod_and_proves_nothing(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        guarded(server, {"port": 8080})
        done = walk(server, tmp_path)
        assert proxied(server) == {"1": 3}
    assert (done.code, done.verdict, codes(done)) == (3, "inconclusive", ["PC602"])


def test_a_request_that_nothing_answers_ends_and_is_a_dropped_packet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubectl_portcheck.timeouts.PROXY", 0.5)
    with FakeApiServer() as server:
        guarded(server, {"port": 8080})
        server.on("checkout-[0-9]:1/proxy", faults.hang)
        done = walk(server, tmp_path)
    assert (done.verdict, codes(done)) == ("broken", ["PC602"])


def test_where_a_client_is_admitted_nothing_more_is_asked(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        guarded(server, {"port": 9000})
        done = walk(server, tmp_path)
        assert not proxied(server)
    assert (done.verdict, codes(done)) == ("healthy", [])


def test_without_the_right_to_list_policies_the_walk_is_whole(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        guarded(server, {"port": 8080})
        server.on("networkpolicies", faults.status(403, "Forbidden", REFUSED))
        done = walk(server, tmp_path)
        assert not proxied(server)
    assert (done.verdict, codes(done)) == ("healthy", [])
    lacking = {n["code"]: n["missing"] for n in done.report["services"][0]["notEvaluated"]}
    forbidden = "list networkpolicies.networking.k8s.io is forbidden"
    assert (lacking["PC602"], lacking["PC705"]) == (forbidden, forbidden)


def test_an_ignored_policy_decides_nothing(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        guarded(server, {"port": 8080})
        done = walk(server, tmp_path, "--ignore", "PC602")
    assert (done.verdict, codes(done)) == ("healthy", [])
