"""Several targets: walked side by side, each with an answer of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from kubectl_portcheck.collect.cluster.walks import LATE, WALKS
from kubectl_portcheck.exit_codes import ExitCode
from tests.fake import faults
from tests.fake.api_server import FakeApiServer, Handler
from tests.fake.wire import Exchange
from tests.stopwatch import patiently, stopwatch
from tests.walk.shop import NAMESPACE, Run, await_quiet, program, shop
from tests.walk.test_interrupt import await_request

MANY = 3 * WALKS
NAMES = [f"checkout-{n:02}" for n in range(MANY)]
PATIENT = ("--timeout", "5m")
"""For tests that are about something else than a limit of time."""
QUICK = ("--no-exec", "--no-port-forward", "-n", NAMESPACE, "-o", "json")


def town(server: FakeApiServer, *, healthy: int = MANY) -> None:
    """Many Services of the same pods; those after the healthy ones lead to a closed port."""
    shop(server, 8080, pods=1)
    for number, name in enumerate(NAMES):
        target = 8080 if number < healthy else 9000
        server.add(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": name, "namespace": NAMESPACE},
                "spec": {
                    "type": "ClusterIP",
                    "clusterIP": f"10.96.1.{number}",
                    "ipFamilies": ["IPv4"],
                    "selector": {"app": "checkout"},
                    "ports": [{"port": 80, "targetPort": target, "protocol": "TCP"}],
                },
            },
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"{name}-1",
                    "namespace": NAMESPACE,
                    "labels": {
                        "kubernetes.io/service-name": name,
                        "endpointslice.kubernetes.io/managed-by": (
                            "endpointslice-controller.k8s.io"
                        ),
                    },
                },
                "addressType": "IPv4",
                "ports": [{"name": "", "port": target, "protocol": "TCP"}],
                "endpoints": [
                    {
                        "addresses": ["10.0.0.0"],
                        "conditions": {"ready": True},
                        "targetRef": {
                            "kind": "Pod",
                            "name": "checkout-0",
                            "namespace": NAMESPACE,
                        },
                    }
                ],
            },
        )


def found_in(run: Run) -> dict[str, tuple[str, str]]:
    """Verdict and headline, by the Service's name."""
    return {s["name"]: (s["verdict"], s["headline"]) for s in run.report["services"]}


def test_what_belongs_to_no_single_service_is_asked_once(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        town(server, healthy=MANY - 1)
        done = program(server, tmp_path, "deploy/checkout")
        asked = Counter(r.line.partition("?")[0].partition(" ")[2] for r in server.requests)
    verdicts = {s["name"]: s["verdict"] for s in done.report["services"] if s["kind"] == "Service"}
    assert verdicts == {**dict.fromkeys(["checkout", *NAMES[:-1]], "healthy"), NAMES[-1]: "broken"}
    again = {path.rpartition("/")[2] for path, times in asked.items() if times > 1}
    assert again == {"endpointslices", "pods", "portforward", "checkout"}
    # The workload that is named, and what made the pods of the Services.
    assert asked[f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/checkout"] == 2
    assert asked[f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"] == MANY + 1
    assert asked[f"/api/v1/namespaces/{NAMESPACE}/services"] == 1
    # A node runs the commands in a container one after the other.
    assert asked[f"/api/v1/namespaces/{NAMESPACE}/pods/checkout-0/exec"] == 1


def test_so_many_at_a_time(tmp_path: Path) -> None:
    """A Service is answered only when all of its group have been asked for."""
    together = threading.Barrier(WALKS)
    late: list[str] = []

    def hold(exchange: Exchange) -> None:
        try:
            together.wait(20)
        except threading.BrokenBarrierError:
            late.append(exchange.request.line)
        server.answer(exchange)

    with FakeApiServer() as server:
        town(server)
        server.on(r"/services/checkout-", hold)
        done = program(server, tmp_path, *NAMES, *PATIENT)
    assert (late, done.verdict) == ([], "healthy")
    assert [s["name"] for s in done.report["services"]] == NAMES


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.close_at_once, "closed the connection without an answer"),
        (faults.status(503, "ServiceUnavailable", "the server is busy"), "the server is busy"),
        (faults.hang, "timed out"),
    ],
)
def test_what_fails_for_one_is_said_of_that_one(tmp_path: Path, fault: Handler, said: str) -> None:
    with FakeApiServer() as server:
        town(server)
        server.on(r"/services/checkout-05", fault)
        done = program(server, tmp_path, *NAMES, *PATIENT)
    found = found_in(done)
    verdict, headline = found.pop("checkout-05")
    assert (verdict, said in headline) == ("inconclusive", True), headline
    assert {v for v, _ in found.values()} == {"healthy"}
    assert (done.code, done.stderr) == (ExitCode.INCONCLUSIVE, "")


@pytest.mark.parametrize("flags", [(), ("--from", "deploy/checkout")], ids=["", "from a pod"])
def test_where_the_time_is_up_the_others_are_named(tmp_path: Path, flags: tuple[str, ...]) -> None:
    with FakeApiServer() as server:
        town(server)
        for name in NAMES[1 : WALKS + 1]:
            server.on(rf"/services/{name}", faults.hang)

        def run(seconds: float) -> Run:
            return program(server, tmp_path, *NAMES, *flags, "--timeout", f"{seconds}s")

        def is_reached(run: Run) -> bool:
            return bool(run.stdout) and LATE not in found_in(run)[NAMES[0]][1]

        done = patiently(run, is_reached, 2)
    found = found_in(done)
    assert list(found) == NAMES
    assert LATE not in found[NAMES[0]][1]
    assert flags or found[NAMES[0]][0] == "healthy"
    assert found[NAMES[-1]] == ("inconclusive", f"could not tell: {LATE}")
    assert done.code == ExitCode.INCONCLUSIVE


def test_without_any_answer_it_says_why_once(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        town(server)
        server.on(r"/services/", faults.status(401, "Unauthorized", "Unauthorized"))
        done = program(server, tmp_path, *NAMES)
    assert (done.code, done.stdout) == (ExitCode.NO_CLUSTER, "")
    assert done.stderr.count("Unauthorized") == 1


def test_an_interrupt_leaves_what_is_known(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with FakeApiServer() as server:
        town(server)
        server.on(rf"/services/{NAMES[-1]}", faults.hang)
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        process = subprocess.Popen(
            [sys.executable, "-m", "kubectl_portcheck", *NAMES, *QUICK],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
        )
        await_request(server, f"/services/{NAMES[-1]}")
        await_quiet(server)
        with stopwatch() as spent:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert spent.seconds < 5  # Ten, if it waited for the answer.
    report = json.loads(out)
    assert report["interrupted"] is True
    assert [s["name"] for s in report["services"]] == NAMES[:-1]


def test_debug_containers_are_added_one_after_the_other(tmp_path: Path) -> None:
    """Two walks that meet the same pod would both add one."""
    under_way: list[int] = []
    most: list[int] = []

    def count(exchange: Exchange) -> None:
        under_way.append(1)
        most.append(len(under_way))
        server.answer(exchange)
        under_way.pop()

    with FakeApiServer() as server:
        town(server)
        server.on(r"/services/checkout-", count)
        program(server, tmp_path, *NAMES, "--debug-image", "debug:1")
    assert max(most) == 1
    assert not [r for r in server.requests if re.match("PATCH", r.line)]
