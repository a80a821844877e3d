"""Sweeps: what is asked once for all Services, what of pods, and what is said of the rest."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from kubectl_portcheck.collect.cluster import sweep as sweeping
from kubectl_portcheck.collect.cluster.shared_lists import SHARED_KINDS
from kubectl_portcheck.collect.cluster.work import Work
from kubectl_portcheck.exit_codes import ExitCode
from tests.fake import faults
from tests.fake.api_server import Command, FakeApiServer
from tests.fake.wire import Exchange
from tests.stopwatch import patiently
from tests.walk.shop import Run, await_quiet, program, sockets
from tests.walk.test_requests import API_SERVER_CALLS
from tests.walk.town import add_service

STREAMS = re.compile(r"/(exec|portforward)\?")


def streams(server: FakeApiServer) -> Counter[str]:
    """The streams, by pod."""
    return Counter(r.line.split("/")[6] for r in server.requests if STREAMS.search(r.line))


def lists(server: FakeApiServer) -> Counter[str]:
    """Everything else that was asked, without queries."""
    found = (r.line for r in server.requests if not STREAMS.search(r.line))
    return Counter(line.partition("?")[0].removeprefix("GET ") for line in found)


def verdicts(run: Run) -> dict[str, str]:
    return {f"{s['namespace']}/{s['name']}": s["verdict"] for s in run.report["services"]}


def sweep(server: FakeApiServer, folder: Path, *flags: str, namespace: str = "town") -> Run:
    return program(server, folder, *flags, namespace="" if "-A" in flags else namespace)


def test_no_more_than_so_many_streams_are_under_way_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubectl_portcheck.client.api.MOST_STREAMS", 3)
    lock = Lock()
    under_way: list[int] = [0]

    def counted(exchange: Exchange) -> None:
        with lock:
            under_way.append(under_way[-1] + 1)
        time.sleep(0.05)
        with lock:
            under_way.append(under_way[-1] - 1)
        server.answer(exchange)

    with FakeApiServer() as server:
        for number in range(4):
            add_service(server, f"service-{number}", pods=2)
        server.on(STREAMS.pattern, counted)
        done = sweep(server, tmp_path)
        assert sum(streams(server).values()) == 4 * 5
    assert done.code == ExitCode.HEALTHY
    assert 1 < max(under_way) <= 3


def test_a_readiness_probe_on_the_served_port_settles_a_service(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        add_service(server, "probed", probed=8080)
        done = sweep(server, tmp_path)
        assert not streams(server)
    assert verdicts(done) == {"town/probed": "healthy"}
    assert done.code == ExitCode.HEALTHY
    headline = done.report["services"][0]["headline"]
    assert headline == "port 80: both pods answer the kubelet's readiness probe"


@pytest.mark.parametrize("probed", [None, 9100])
def test_without_it_every_pod_is_looked_into(tmp_path: Path, probed: int | None) -> None:
    with FakeApiServer() as server:
        add_service(server, "well", probed=probed)
        add_service(server, "wrong", listening=9000, probed=probed, pods=3)
        done = sweep(server, tmp_path)
        assert set(streams(server)) == {"well-0", "well-1", "wrong-0", "wrong-1", "wrong-2"}
    assert verdicts(done) == {"town/well": "healthy", "town/wrong": "broken"}
    causes = [f["code"] for s in done.report["services"] for f in s["findings"] if f["cause"]]
    assert causes == ["PC401"]


def test_what_looks_broken_is_asked_for_once_more(tmp_path: Path) -> None:
    """The second walk to a Service takes nothing of what the first one saw in its pods."""
    with FakeApiServer() as server:
        add_service(server, "starting", pods=1)
        seen: list[int] = []

        def begun(*_: object) -> Command:
            seen.append(9999 if not seen else 8080)
            return Command(sockets(seen[-1]))

        server.commands["town", "starting-0"] = begun
        done = sweep(server, tmp_path)
    assert (seen, verdicts(done)) == ([9999, 8080], {"town/starting": "healthy"})


def test_a_stale_or_foreign_probe_settles_nothing(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        add_service(server, "slow", probed=8080)
        add_service(server, "other", probed=8080)
        for item in server.store.objects:
            if item["kind"] == "Pod" and item["metadata"]["labels"]["app"] == "slow":
                item["spec"]["containers"][0]["readinessProbe"]["periodSeconds"] = 600
            if item["kind"] == "Service" and item["metadata"]["name"] == "other":
                item["spec"]["ipFamilies"] = ["IPv4", "IPv6"]
        sweep(server, tmp_path)
        assert set(streams(server)) == {"slow-0", "slow-1", "other-0", "other-1"}


@pytest.mark.parametrize("many", [5, 40])
def test_the_lists_do_not_grow_with_the_services(tmp_path: Path, many: int) -> None:
    with FakeApiServer() as server:
        for i in range(many):
            add_service(server, f"s{i:03}", f"town-{i % 3}", probed=8080)
        done = sweep(server, tmp_path, "-A")
        asked = lists(server)
    assert set(verdicts(done).values()) == {"healthy"}
    assert len(verdicts(done)) == many
    assert asked == {
        "/api/v1/services": 1,
        "/api/v1/pods": 1,
        "/apis/discovery.k8s.io/v1/endpointslices": 1,
        "/apis/networking.k8s.io/v1/ingresses": 1,
        "/apis/networking.k8s.io/v1/networkpolicies": 1,
        "/apis": 1,
        "/version": 1,
        **{f"/apis/{path}": 1 for path in API_SERVER_CALLS},
    }


def test_no_thread_is_needed_for_what_the_lists_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes more to hand over than to answer, and there are forty for each Service."""
    handed: Counter[str] = Counter()
    ask = Work.ask

    def counted(self: Work, do: Any, *args: Any, **kwargs: Any) -> Any:
        handed[getattr(args[0], "name", "") if args else do.__name__] += 1
        return ask(self, do, *args, **kwargs)

    monkeypatch.setattr(Work, "ask", counted)
    with FakeApiServer() as server:
        add_service(server, "shop", "town", probed=8080, selector="shoop")
        done = sweep(server, tmp_path)
    assert verdicts(done) == {"town/shop": "broken"}
    assert handed.keys() & SHARED_KINDS == set()
    assert {"StatefulSet", "deployments"} <= handed.keys()


def test_what_looks_wrong_is_read_again(tmp_path: Path) -> None:
    """A pod that the lists have and that is gone a moment later is no stale endpoint."""
    with FakeApiServer() as server:
        add_service(server, "moving", probed=8080)
        known = [o for o in server.store.objects if o["kind"] == "Pod"][:1]
        stale = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": known}

        def older(exchange: Exchange) -> None:
            exchange.json(200, stale)

        server.on(r"/namespaces/town/pods\?limit=500$", older, times=1)
        done = sweep(server, tmp_path)
    assert verdicts(done) == {"town/moving": "healthy"}


def test_beyond_the_budget_nothing_is_called_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "MOST_PODS", 5)
    with FakeApiServer() as server:
        for name in ("a", "b", "c"):
            add_service(server, name)
        add_service(server, "wrong", ready=False)
        some = sweep(server, tmp_path)
        looked_into = set(streams(server))
        server.requests.clear()
        every = sweep(server, tmp_path, "--deep")
        assert len(streams(server)) == 8
    # What looks wrong comes first, and a Service is looked into whole or not at all.
    assert looked_into == {"wrong-0", "wrong-1", "a-0", "a-1"}
    assert verdicts(some)["town/a"] == "healthy"
    assert verdicts(some)["town/c"] == "inconclusive"
    assert "not contacted" in some.report["services"][2]["headline"]
    assert [v for v in verdicts(every).values() if v != "healthy"] == ["broken"]


def test_a_namespace_that_is_forbidden_does_not_end_the_sweep(tmp_path: Path) -> None:
    denied = 'User "u" cannot list resource "services" in API group "" in the namespace'
    with FakeApiServer() as server:
        add_service(server, "a", "open", probed=8080)
        add_service(server, "b", "closed", probed=8080)
        for name in ("open", "closed"):
            server.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        server.on(r"/v1/(services|pods|endpointslices)\?", faults.status(403, "Forbidden", denied))
        server.on(r"/closed/services\?", faults.status(403, "Forbidden", denied))
        done = sweep(server, tmp_path, "-A")
    assert verdicts(done) == {"open/a": "healthy"}
    assert done.report["missing"] == ["namespace closed: list services is forbidden"]
    assert (done.verdict, done.code) == ("inconclusive", ExitCode.INCONCLUSIVE)


def test_rights_of_one_namespace_are_not_enough_for_all(tmp_path: Path) -> None:
    denied = 'cannot list resource "services" in API group "" at the cluster scope'
    with FakeApiServer() as server:
        add_service(server, "a")
        server.on(r"/api/v1/(services|namespaces)\?", faults.status(403, "Forbidden", denied))
        done = sweep(server, tmp_path, "-A")
    assert (done.code, done.stdout) == (ExitCode.INCONCLUSIVE, "")
    assert "list services is forbidden" in done.stderr
    assert "--rbac -A" in done.stderr


def test_pods_that_may_not_be_listed_are_missing(tmp_path: Path) -> None:
    denied = 'cannot list resource "pods" in API group "" in the namespace'
    with FakeApiServer() as server:
        add_service(server, "a")
        server.on(r"/pods\?", faults.status(403, "Forbidden", denied))
        done = sweep(server, tmp_path)
    assert verdicts(done) == {"town/a": "inconclusive"}
    assert "list pods is forbidden" in done.report["services"][0]["missing"]


@pytest.mark.parametrize("times", [1, 2, 5])
def test_an_expired_page_begins_the_list_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.setattr("kubectl_portcheck.collect.cluster.pages.PAGE", "3")
    with FakeApiServer() as server:
        for i in range(5):
            add_service(server, f"s{i}", probed=8080)
        gone = faults.status(410, "Expired", "The provided continue parameter is too old")
        server.on(r"/pods\?.*continue=6", gone, times=times)
        done = sweep(server, tmp_path)
    assert set(verdicts(done).values()) == {"healthy"}
    assert [len(s["pods"]) for s in done.report["services"]] == [2] * 5


@pytest.mark.parametrize(
    ("flag", "value"), [("-l", "tier=a"), ("--field-selector", "metadata.name=a")]
)
def test_a_selector_chooses(tmp_path: Path, flag: str, value: str) -> None:
    with FakeApiServer() as server:
        add_service(server, "a", probed=8080)
        add_service(server, "b", probed=8080)
        assert verdicts(sweep(server, tmp_path, flag, value)) == {"town/a": "healthy"}
        none = sweep(server, tmp_path, flag, value.replace("a", "z", 1).replace("=a", "=x"))
    assert none.code == ExitCode.USAGE
    assert none.stdout == ""


def test_a_mistyped_namespace_is_not_an_empty_one(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        for name in ("town", "empty"):
            server.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        wrong = sweep(server, tmp_path, namespace="twon")
        empty = sweep(server, tmp_path, namespace="empty")
    assert wrong.code == ExitCode.USAGE
    assert wrong.stderr.endswith('namespaces "twon" not found\nDid you mean -n town?\n')
    assert (empty.code, empty.verdict) == (ExitCode.HEALTHY, "healthy")


def test_the_time_that_is_up_keeps_what_was_found(tmp_path: Path) -> None:
    def cut_short(seconds: float) -> Run:
        with FakeApiServer() as server:
            add_service(server, "probed", probed=8080)
            add_service(server, "hangs")
            server.on(STREAMS.pattern, faults.hang)
            return sweep(server, tmp_path, f"--timeout={seconds:g}s")

    known = {"town/hangs": "inconclusive", "town/probed": "healthy"}
    done = patiently(cut_short, lambda run: verdicts(run) == known, 4)
    assert verdicts(done) == known
    assert done.code == ExitCode.INCONCLUSIVE


def test_an_older_cluster_is_asked_for_endpoints(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        add_service(server, "a", probed=8080, pods=1)
        server.on(r"/endpointslices", faults.status(404, "NotFound", "the server could not find"))
        server.add(
            {
                "apiVersion": "v1",
                "kind": "Endpoints",
                "metadata": {"name": "a", "namespace": "town"},
                "subsets": [
                    {
                        "addresses": [
                            {"ip": "10.0.0.0", "targetRef": {"kind": "Pod", "name": "a-0"}}
                        ],
                        "ports": [{"port": 8080}],
                    }
                ],
            }
        )
        done = sweep(server, tmp_path)
    assert verdicts(done) == {"town/a": "healthy"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["svc/a", "-A"], "a resource cannot be retrieved by name across all namespaces"),
        (["svc/a", "-l", "a=b"], "name cannot be provided when a selector is specified"),
        (["svc/a", "--deep"], "--deep does nothing with a TARGET"),
    ],
)
def test_names_beside_what_means_many(tmp_path: Path, flags: list[str], words: str) -> None:
    with FakeApiServer() as server:
        done = program(server, tmp_path, *flags)
        assert not server.requests
    assert done.code == ExitCode.USAGE
    assert words in done.stderr


@pytest.mark.parametrize(
    ("call", "probed"), [(r"/exec\?", "healthy"), (r"/namespaces/town/pods\?", "inconclusive")]
)
def test_an_interrupt_keeps_what_was_found(tmp_path: Path, call: str, probed: str) -> None:
    with FakeApiServer() as server:
        add_service(server, "probed", probed=8080)
        add_service(server, "hangs")
        server.on(call, faults.hang)
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        process = subprocess.Popen(
            [sys.executable, "-m", "kubectl_portcheck", "-n", "town", "-o", "json"],
            env={**os.environ, "KUBECONFIG": str(kubeconfig)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
        )
        deadline = time.monotonic() + 120
        while not any(re.search(call, r.line) for r in list(server.requests)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        await_quiet(server)  # Let the others be answered.
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    report = json.loads(out)
    assert (process.returncode, err, report["interrupted"]) == (ExitCode.INTERRUPTED, "", True)
    assert {s["name"]: s["verdict"] for s in report["services"]} == {
        "hangs": "inconclusive",
        "probed": probed,
    }


def test_a_server_that_is_too_busy_is_asked_again_later(tmp_path: Path) -> None:
    busy = faults.status(429, "TooManyRequests", "too many requests", Retry_After="1")
    with FakeApiServer() as server:
        add_service(server, "a")
        for call in (r"/town/pods\?", r"/exec\?", r"/portforward\?"):
            server.on(call, busy, times=2)
        done = sweep(server, tmp_path)
    assert verdicts(done) == {"town/a": "healthy"}
