"""Who calls a Service, and what a workload calls, on the fake API server."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, Run, program, shop, walk


def caller(
    name: str = "frontend",
    kind: str = "Deployment",
    init: tuple[dict[str, Any], ...] = (),
    namespace: str = NAMESPACE,
    **env: str,
) -> dict[str, Any]:
    """A workload with these variables."""
    labels = {"app": name}
    container = {"name": "app", "env": [{"name": k, "value": v} for k, v in env.items()]}
    pods = {"containers": [container], "initContainers": list(init)}
    template = {"metadata": {"labels": labels}, "spec": pods}
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
    if kind == "CronJob":
        spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}
    return {
        "apiVersion": "batch/v1" if kind in ("Job", "CronJob") else "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def found(run: Run) -> list[tuple[str, str, str]]:
    return [
        (f["code"], f["subject"]["name"], f["severity"])
        for s in run.report["services"]
        for f in s["findings"]
    ]


def called(run: Run) -> list[tuple[str, str, int | None, str | None]]:
    return [
        (c["workload"]["name"], c["host"], c["port"], c["finding"])
        for s in run.report["services"]
        for c in s["calls"]
    ]


def test_the_callers_of_a_service_and_the_wrong_one_among_them(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(
            caller(CHECKOUT_URL="http://checkout/pay", OTHER="redis:6379"),
            caller("report", "CronJob", CHECKOUT_ADDR="checkout.production.svc:8080"),
            caller("mail", "StatefulSet", SMTP="smtp.example.com:587"),
        )
        done = walk(server, tmp_path, "--callers")
    assert called(done) == [
        ("frontend", "checkout", 80, None),
        ("report", "checkout.production.svc", 8080, "PC612"),
    ]
    assert found(done) == [("PC612", "report", "warning")]
    assert (done.verdict, done.code) == ("healthy", ExitCode.HEALTHY)


def test_callers_cost_six_requests_beside_the_walk(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        walk(server, tmp_path)
        plain = Counter(r.line for r in server.requests)
        server.requests.clear()
        walk(server, tmp_path, "--callers")
        more = Counter(r.line for r in server.requests) - plain
    kinds = sorted(line.partition("?")[0].rpartition("/")[2] for line in more.elements())
    assert kinds == ["cronjobs", "daemonsets", "deployments", "jobs", "services", "statefulsets"]


def test_a_pasted_address_asks_for_the_callers(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(CHECKOUT_ADDR="checkout:81"))
        done = program(server, tmp_path, "dial tcp 10.96.0.10:81: connect: no route to host")
    assert found(done) == [("PC408", "checkout", "error"), ("PC612", "frontend", "warning")]


def test_a_workload_and_what_it_calls(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(CHECKOUT_HOST="checkout", CHECKOUT_PORT="81", SITE="https://a.example"))
        done = program(server, tmp_path, "deploy/frontend", "--calls")
    assert [(s["kind"], s["name"], s["verdict"]) for s in done.report["services"]] == [
        ("Deployment", "frontend", "degraded"),
        ("Service", "checkout", "healthy"),
    ]
    assert found(done) == [("PC612", "frontend", "error")]
    fix = done.report["services"][0]["findings"][0]["fixes"][0]
    assert fix["shell"].endswith("CHECKOUT_PORT=80 -n production")
    assert done.code == ExitCode.PROBLEM


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"])
def test_each_kind_of_workload_can_be_asked(tmp_path: Path, kind: str) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller("frontend", kind, CHECKOUT_URL="http://checkout"))
        done = program(server, tmp_path, f"{kind.lower()}/frontend", "--calls")
    assert (done.verdict, done.code) == ("healthy", ExitCode.HEALTHY)
    assert called(done) == [("frontend", "checkout", 80, None)]


def test_a_workload_that_names_no_service_is_not_called_healthy(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(SITE="https://www.example.com"))
        done = program(server, tmp_path, "deploy/frontend", "--calls")
    assert (done.verdict, done.code) == ("inconclusive", ExitCode.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("svc/checkout", "--calls"), "--calls cannot check svc/checkout"),
        (("job/report",), "no Service leads to its pods"),
        (("--calls",), "--calls needs a TARGET"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    with FakeApiServer() as server:
        done = program(server, tmp_path, *words)
    assert done.code == ExitCode.USAGE
    assert said in done.stderr
