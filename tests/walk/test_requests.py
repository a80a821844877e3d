"""How much is asked of the API server. Counts are exact, where times are not."""

import re
import threading
from collections import Counter
from pathlib import Path

import pytest

from kubectl_portcheck.collect.cluster.work import Work
from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.fake.wire import Exchange
from tests.walk.shop import PODS, shop, walk

API_SERVER_CALLS = (
    "admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "apiregistration.k8s.io/v1/apiservices",
)
"""Lists of the whole cluster, which are small."""
READS = Counter(
    {
        "GET /api/v1/namespaces/production/services/checkout": 1,
        "GET /apis/discovery.k8s.io/v1/namespaces/production/endpointslices": 1,
        "GET /api/v1/namespaces/production/pods": 1,
        "GET /apis/apps/v1/namespaces/production/replicasets": 1,
        "GET /apis/apps/v1/namespaces/production/deployments/checkout": 1,
        "GET /apis/networking.k8s.io/v1/namespaces/production/ingresses": 1,
        "GET /apis/networking.k8s.io/v1/namespaces/production/networkpolicies": 1,
        "GET /apis": 1,
        "GET /version": 1,
        **{f"GET /apis/{path}": 1 for path in API_SERVER_CALLS},
    }
)


def asked(server: FakeApiServer) -> Counter[str]:
    """The requests, without their queries."""
    return Counter(r.line.partition("?")[0] for r in server.requests)


@pytest.mark.parametrize("pods", [1, 3, 60])
def test_a_well_service_costs_twelve_reads_and_two_streams_a_pod(tmp_path: Path, pods: int) -> None:
    with FakeApiServer() as server:
        shop(server, 8080, pods=pods)
        assert walk(server, tmp_path).verdict == "healthy"
        found = asked(server)
    reads = Counter({k: v for k, v in found.items() if not re.search(r"/(exec|portforward)$", k)})
    assert reads == READS
    kinds = Counter(k.rpartition("/")[2] for k in found.elements() if k not in READS)
    assert kinds == {"exec": pods, "portforward": pods + 1}


def test_a_broken_one_costs_a_second_look_at_each_pod(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        assert walk(server, tmp_path).verdict == "broken"
        kinds = Counter(k.rpartition("/")[2] for k in asked(server).elements() if k not in READS)
    # One more port for what listens undeclared, the pod proxy on the closed port; and
    # for a fix, once, which clients it may harm and whether the user may make it.
    fix = {"services": 1, "selfsubjectrulesreviews": 1}
    assert kinds == {"exec": 3, "portforward": 3 + 3 + 1, "": 3, **fix}


TRIPS = (
    (4, r"/portforward\?.*ports=9100"),
    (4, r"/proxy/"),
    (4, r"/services\?"),
    (4, r"/selfsubjectrulesreviews"),
    (4, r"/deployments/"),
    (3, r"/(exec|portforward)\?"),
    (3, r"/replicasets"),
    (2, r"/pods\?"),
    (1, r""),
)
"""In which round trip a broken Service's requests come; the first pattern that fits counts."""


def test_a_broken_service_takes_four_round_trips_one_after_the_other(tmp_path: Path) -> None:
    """A request is answered only when all of its round trip are there: one that waits for another
    one of its own trip, or of a later one, would wait for ever.
    """
    barriers = {
        1: threading.Barrier(6 + len(API_SERVER_CALLS)),
        2: threading.Barrier(1),
        3: threading.Barrier(3 + 3 + 1 + 1),
        4: threading.Barrier(3 + 3 + 1 + 2),
    }
    late = []

    def hold(exchange: Exchange) -> None:
        line = exchange.request.line
        try:
            barriers[next(n for n, p in TRIPS if re.search(p, line))].wait(5)
        except threading.BrokenBarrierError:
            late.append(line)
        server.answer(exchange)

    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        server.on("", hold)
        assert walk(server, tmp_path).verdict == "broken"
    assert late == []


def test_steps_that_are_left_out_ask_nothing(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        done = walk(server, tmp_path, "--no-exec", "--no-port-forward")
        assert asked(server) == READS
    assert done.verdict == "inconclusive"
    steps = done.report["services"][0]["ports"][0]["steps"]
    assert [s["reason"] for s in steps if s["step"] in (2, 5, 6)] == [
        "left out by --no-exec",
        "left out by --no-port-forward",
        "left out by --no-port-forward",
    ]


def test_many_walks_leave_no_thread_and_no_descriptor_behind(tmp_path: Path) -> None:
    import os
    import threading
    import time

    with FakeApiServer() as server:
        shop(server, 8080, pods=2)
        walk(server, tmp_path)
        time.sleep(0.2)

        def ours() -> int:
            return sum("fake" not in t.name for t in threading.enumerate())

        def descriptors() -> int:
            return len(os.listdir("/proc/self/fd"))

        threads, files = ours(), descriptors()
        for _ in range(30):
            assert walk(server, tmp_path).verdict == "healthy"
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and (ours() > threads or descriptors() > files + 4):
            time.sleep(0.05)
        assert ours() <= threads
        assert descriptors() <= files + 4  # The fake server's own, which end a moment later.


def test_an_old_cluster_is_asked_for_endpoints(tmp_path: Path) -> None:
    """Kubernetes before 1.21 does not serve discovery.k8s.io/v1."""
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        server.on("/apis/discovery", faults.status(404, "NotFound", "could not find the resource"))
        server.add(
            {
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": {"name": "checkout", "namespace": "production"},
                "subsets": [
                    {
                        "addresses": [
                            {"ip": f"10.0.0.{i}", "targetRef": {"kind": "Pod", "name": name}}
                            for i, name in enumerate(PODS)
                        ],
                        "ports": [{"port": 8080, "protocol": "TCP"}],
                    }
                ],
            }
        )
        done = walk(server, tmp_path)
    steps = {s["name"]: s["summary"] for s in done.report["services"][0]["ports"][0]["steps"]}
    assert (done.verdict, steps["endpoints"]) == ("broken", "3 ready, all with port 8080")


@pytest.mark.parametrize("listening", [8080, 9000])
def test_one_thread_for_questions_and_one_for_what_follows_are_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listening: int
) -> None:
    monkeypatch.setattr("kubectl_portcheck.collect.cluster.walk.Work", lambda threads: Work(1))
    with FakeApiServer() as server:
        shop(server, listening, pods=5)
        done = walk(server, tmp_path)
    assert done.verdict == ("healthy" if listening == 8080 else "broken")
    assert done.seconds < 20
