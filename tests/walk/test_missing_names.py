"""``--from`` with the name of a Service that does not exist: DNS is asked as the client would."""

from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from tests.fake.api_server import FakeApiServer
from tests.walk.clients import client, seat
from tests.walk.shop import NAMESPACE, Run, program, shop
from tests.walk.test_callers import caller
from tests.walk.test_targets import ingress

NO_NAME = (
    "look python3 -2 Name or service not known\nask 10.96.0.2 udp python3 rcode 3\n"
    "ask 10.96.0.2 tcp python3 open\nend\n"
)
OUTSIDE = "look python3 0 203.0.113.7\nask 10.96.0.2 udp python3 rcode 3\nend\n"
LATE = "look python3 -3 Try again\nask 10.96.0.2 udp python3 timeout\nend\n"


def frontend(server: FakeApiServer, namespace: str = "web", dns: str = NO_NAME, **env: str) -> None:
    """A client's Deployment with these variables, and its pod."""
    server.add(caller(namespace=namespace, odd=env))
    pod = client("frontend-7c-x", namespace, owner="frontend-7c", labels={"app": "frontend"})
    pod["metadata"]["labels"]["pod-template-hash"] = "7c"
    seat(server, pod, dns)


def ask(server: FakeApiServer, folder: Path, target: str, *flags: str, here: str = "web") -> Run:
    words = flags or ("--from=deploy/frontend",)
    return program(server, folder, target, *words, namespace=here)


def lead(done: Run) -> dict[str, Any]:
    found: dict[str, Any] = done.report["services"][0]["findings"][0]
    return found


def shells(done: Run) -> list[str | None]:
    return [f["shell"] for f in lead(done)["fixes"]]


def steps(done: Run) -> dict[str, str]:
    return {s["name"]: s["status"] for s in done.report["services"][0]["from"]["steps"]}


SET = "kubectl set env deployment/frontend -c app CHECKOUT_ADDR={} -n web"


@pytest.mark.parametrize(
    ("written", "said", "right"),
    [
        ("chekcout.production", "Service checkout has nearly this name", "checkout.production"),
        ("checkout.prod", "Service checkout is in namespace production", "checkout.production"),
        (
            "checkout.prod.svc.cluster.local",
            "Service checkout is in namespace production",
            "checkout.production.svc.cluster.local",
        ),
        ("checkout", "Service checkout is in namespace production", "checkout.production"),
        (
            "chekcout",
            "Service checkout in namespace production has nearly this name",
            "checkout.production",
        ),
    ],
)
def test_the_name_that_is_meant_is_found_and_set(
    tmp_path: Path, written: str, said: str, right: str
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        frontend(server, CHECKOUT_ADDR=f"{written}:80")
        done = ask(server, tmp_path, written)
    found = lead(done)
    assert (done.verdict, found["code"], done.code) == ("broken", "PC606", ExitCode.PROBLEM)
    assert f"DNS in pod/frontend-7c-x has no name {written}: " in found["summary"]
    assert said in found["summary"]
    assert steps(done) == {"resolver": "pass", "name": "fail"}
    assert shells(done)[0] == SET.format(f"{right}:80")


def test_a_namespace_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        frontend(server)
        server.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}})
        done = ask(server, tmp_path, "checkout.prod")
        empty = ask(server, tmp_path, "checkout", "--from=auto")
    assert "namespace prod does not exist" in lead(done)["summary"]
    assert "namespace web has no Service checkout" in lead(empty)["summary"]


def test_what_else_needs_the_service_leads_where_no_other_is_meant(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.store.remove("Service", "checkout", NAMESPACE)
        server.add(ingress("checkout"))
        frontend(server, NAMESPACE, CHECKOUT_ADDR="checkout:80")
        done = ask(server, tmp_path, "checkout", here=NAMESPACE)
    assert (lead(done)["code"], steps(done)["name"]) == ("PC617", "fail")
    assert shells(done) == [
        "kubectl expose deploy/checkout --port=80 --target-port=8080 -n production"
    ]


def test_a_name_that_leads_outside_is_not_called_broken(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        frontend(server, dns=OUTSIDE, CHECKOUT_ADDR="billing.vendor:80")
        done = ask(server, tmp_path, "billing.vendor")
    assert (done.verdict, done.code) == ("inconclusive", ExitCode.INCONCLUSIVE)
    assert (lead(done)["code"], lead(done)["severity"]) == ("PC608", "warning")
    assert "leads to 203.0.113.7" in lead(done)["summary"]


def test_a_nameserver_that_does_not_answer_is_walked_and_the_service_is_still_missing(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        frontend(server, dns=LATE)
        done = ask(server, tmp_path, "chekcout.production")
    assert (done.verdict, lead(done)["code"]) == ("broken", "PC607")
    assert 'services "chekcout" not found' in str(done.report["services"][0]["missing"])


def test_without_a_tool_it_is_an_unknown_name_as_before(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(namespace="web"))
        seat(server, client("bare", "web"), tool=False)
        done = ask(server, tmp_path, "chekcout.production", "--from=pod/bare")
    assert (done.code, done.stdout) == (ExitCode.USAGE, "")
    assert "Did you mean checkout?" in done.stderr


def test_a_client_is_looked_for_in_the_namespace_in_use_then_in_the_targets(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        frontend(server)
        seat(server, client("only-there"))
        here = ask(server, tmp_path, "checkout.production")
        there = ask(server, tmp_path, "checkout.production", "--from=pod/only-there")
        nowhere = ask(server, tmp_path, "checkout.production", "--from=pod/nobody")
    places = [r.report["services"][0]["from"]["namespace"] for r in (here, there)]
    assert places == ["web", NAMESPACE]
    assert '--from: pods "nobody" not found in web' in nowhere.stderr


def test_what_it_costs_is_bounded(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        frontend(server, CHECKOUT_ADDR="chekcout.production:80")
        ask(server, tmp_path, "chekcout.production")
        assert len(server.requests) < 45


def test_it_is_saved_and_replayed(tmp_path: Path) -> None:
    saved = str(tmp_path / "saved.json.gz")
    with FakeApiServer() as server:
        shop(server, 8080)
        frontend(server, CHECKOUT_ADDR="http://me:s3cret-pw@chekcout.production/pay")
        done = ask(
            server, tmp_path, "chekcout.production", "--from=deploy/frontend", f"--save={saved}"
        )
        again = program(server, tmp_path, "--replay", saved)
    assert done.report["services"] == again.report["services"]
    assert "s3cret" not in str(done) + str(again)
