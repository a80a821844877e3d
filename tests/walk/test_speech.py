"""What is sent to a port: one GET where something says HTTP, and nothing anywhere else."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fake import faults
from tests.fake.api_server import NO_SHELL, Command, FakeApiServer
from tests.walk.shop import NAMESPACE, program, shop, sockets, walk

SERVICE = f"/api/v1/namespaces/{NAMESPACE}/services/checkout"


def named(server: FakeApiServer, **port: Any) -> None:
    """The shop, with this said of the Service's port; its pods answer with 200."""
    shop(server, 8080)
    server.add(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "checkout", "namespace": NAMESPACE},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": "10.96.0.10",
                "ipFamilies": ["IPv4"],
                "selector": {"app": "checkout"},
                "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP", **port}],
            },
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "checkout-1",
                "namespace": NAMESPACE,
                "labels": {
                    "kubernetes.io/service-name": "checkout",
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
            },
            "addressType": "IPv4",
            "ports": [{"name": port.get("name", ""), "port": 8080, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [f"10.0.0.{i}"],
                    "conditions": {"ready": True},
                    "targetRef": {"kind": "Pod", "name": f"checkout-{i}", "namespace": NAMESPACE},
                }
                for i in range(3)
            ],
        },
    )
    for i in range(3):
        server.http[NAMESPACE, f"checkout-{i}", 8080] = (200, b"ok")


def sent(server: FakeApiServer) -> Counter[str]:
    """The requests through the pod proxy, without the pods' names."""
    found = (r.target.partition("/pods/")[2] for r in server.requests if "/proxy" in r.target)
    return Counter(
        f.replace("checkout-", "").lstrip("012") if f[0] == "c" else f[:6] for f in found
    )


@pytest.mark.parametrize("said", [{"name": "http"}, {"name": "web"}, {"appProtocol": "http"}])
def test_one_request_to_each_pod(tmp_path: Path, said: dict[str, str]) -> None:
    with FakeApiServer() as server:
        named(server, **said)
        done = walk(server, tmp_path)
        assert sent(server) == {":8080/proxy/": 3}
    assert done.verdict == "healthy"


def test_by_tls_where_that_is_declared(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        named(server, name="https")
        assert walk(server, tmp_path).verdict == "healthy"
        assert sent(server) == {"https:": 3}


@pytest.mark.parametrize(
    "said",
    [{"name": "redis"}, {"name": "grpc"}, {"name": "http", "appProtocol": "kubernetes.io/h2c"}],
)
def test_nothing_without_evidence_of_http(tmp_path: Path, said: dict[str, str]) -> None:
    with FakeApiServer() as server:
        named(server, **said)
        assert walk(server, tmp_path).verdict == "healthy"
        assert not sent(server)


def test_a_missing_right_is_no_news(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        named(server, name="http")
        refused = 'pods "checkout-0" is forbidden: cannot get resource "pods/proxy"'
        server.on("/proxy", faults.status(403, "Forbidden", refused))
        done = walk(server, tmp_path)
    assert (done.verdict, "pods/proxy" in done.stdout) == ("healthy", False)


def without_a_shell(server: FakeApiServer) -> None:
    for i in range(3):
        server.commands[NAMESPACE, f"checkout-{i}"] = lambda _, __: NO_SHELL


@pytest.mark.parametrize(
    "said",
    [
        {"name": "redis"},
        {"name": "http", "appProtocol": "kubernetes.io/h2c"},
        {"name": "http-debug"},
        {"name": "debug", "appProtocol": "http"},
    ],
)
@pytest.mark.parametrize("flags", [("svc/checkout",), ()], ids=["walk", "sweep"])
def test_no_evidence_of_http_and_no_shell_either(
    tmp_path: Path, said: dict[str, str], flags: tuple[str, ...]
) -> None:
    """What may not be sent to a port may not be sent to find out about the port."""
    with FakeApiServer() as server:
        named(server, **said)
        without_a_shell(server)
        program(server, tmp_path, *flags)
        assert not sent(server)


def test_a_request_without_an_answer_counts_where_the_api_server_reaches_the_pod(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        named(server, name="http")
        server.on(":8080/proxy", faults.hang)
        done = walk(server, tmp_path)
        assert sent(server) == {":8080/proxy/": 3, ":1/proxy/": 3}
    assert (done.verdict, done.causes) == ("inconclusive", ["PC502"])


def test_an_api_server_that_reaches_no_pod_proves_nothing(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        named(server, name="http")
        server.on("/proxy", faults.hang)
        done = walk(server, tmp_path)
    assert (done.verdict, done.causes) == ("healthy", [])
    assert "port 80: all 3 pods accept connections" in done.stdout


def test_closed_without_a_byte_is_no_answer(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        named(server, name="http")
        reason = "error trying to reach service: EOF"
        server.on("/proxy", faults.status(503, "ServiceUnavailable", reason))
        done = walk(server, tmp_path)
    assert (done.verdict, done.causes) == ("inconclusive", ["PC503"])
    assert "PROXY protocol" in done.stdout


def hung(connections: int) -> bytes:
    """What the script prints where connections wait on 8080."""
    return sockets(8080).replace(b":00000000 00:", b":%08X 00:" % connections, 1)


def looked_again(still: int) -> bytes:
    """What the second script prints; so many of three connections still wait."""
    row = "   0: 00000000:1F90 00000000:0000 0A 00000000:{:08X} 00:00000000 00000000 0 0 7 1 0\n"
    held = (
        "   1: 0100000A:1F90 0200000A:00{:02X} 01 00000000:00000000 00:00000000 00000000 0 0 0 1\n"
    )
    looks = (row.format(n) + "".join(held.format(i) for i in range(n)) for n in (3, still))
    return ("first\n" + "second\n".join(looks) + "end\n").encode()


@pytest.mark.parametrize(("still", "verdict"), [(3, "broken"), (1, "inconclusive"), (0, "healthy")])
def test_connections_that_wait_are_looked_at_again(
    tmp_path: Path, still: int, verdict: str
) -> None:
    def answer(_: str, argv: Sequence[str]) -> Command:
        return Command(looked_again(still) if "echo second" in argv[-1] else hung(3))

    with FakeApiServer() as server:
        shop(server, 8080)
        for i in range(3):
            server.commands[NAMESPACE, f"checkout-{i}"] = answer
        done = walk(server, tmp_path)
        execs = [r for r in server.requests if "/exec" in r.target]
    assert (done.verdict, len(execs)) == (verdict, 6)
    assert done.causes == ([] if verdict == "healthy" else ["PC507"])


def test_a_workload_whose_process_hangs_is_not_healthy(tmp_path: Path) -> None:
    def answer(_: str, argv: Sequence[str]) -> Command:
        return Command(looked_again(3) if "echo second" in argv[-1] else hung(3))

    with FakeApiServer() as server:
        shop(server, 8080)
        for i in range(3):
            server.commands[NAMESPACE, f"checkout-{i}"] = answer
        done = program(server, tmp_path, "deploy/checkout")
    own = next(s for s in done.report["services"] if s["kind"] == "Deployment")
    assert own["verdict"] == "broken"
    assert own["headline"].endswith("all 3 pods listen; all 3 pods accept no connection")
