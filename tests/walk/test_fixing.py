"""--fix: it changes what was shown and confirmed, and nothing else; it says how to undo it."""

import io
import json
import shlex
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fake import faults
from tests.fake.api_server import Command, FakeApiServer
from tests.walk.shop import NAMESPACE, PODS, Run, program, shop, sockets

SERVICE = f"/api/v1/namespaces/{NAMESPACE}/services/checkout"


class Terminal(io.BytesIO):
    """A terminal on which a person types."""

    def isatty(self) -> bool:
        return True


def fix(server: FakeApiServer, folder: Path, *flags: str, typed: str | None = None) -> Run:
    stdin = None if typed is None else Terminal(typed.encode())
    words = flags if any(f.startswith("--fix") for f in flags) else ("--fix", *flags)
    return program(server, folder, "svc/checkout", *words, stdin=stdin)


def patches(server: FakeApiServer) -> list[str]:
    """What was sent to change something: ``dry-run`` or ``change``."""
    found = [r for r in server.requests if r.method == "PATCH"]
    return ["dry-run" if r.values("dryRun") == ["All"] else "change" for r in found]


def target(server: FakeApiServer) -> int:
    found = server.store.get(SERVICE)
    assert found is not None
    return int(found["spec"]["ports"][0]["targetPort"])


def controller(server: FakeApiServer) -> None:
    """Lets the endpoints follow the Service, as in a cluster."""

    def follow(made: dict[str, Any]) -> None:
        for item in server.store.objects:
            if item["kind"] == "EndpointSlice":
                item["ports"][0]["port"] = made["spec"]["ports"][0]["targetPort"]

    server.patched = follow


def test_it_fixes_what_was_confirmed_and_says_how_to_undo_it(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        controller(server)
        done = fix(server, tmp_path, typed="y\n")
        assert (done.code, done.verdict) == (0, "healthy")
        assert patches(server) == ["dry-run", "change"]
        assert target(server) == 9000
    assert "- spec.ports[0].targetPort: 8080\n  + spec.ports[0].targetPort: 9000" in done.stderr
    undo = next(r for r in done.stderr.splitlines() if r.startswith("  kubectl patch"))
    operations = json.loads(shlex.split(undo)[-1])
    assert {"op": "replace", "path": "/spec/ports/0/targetPort", "value": 8080} in operations
    assert {"op": "test", "path": "/spec/ports/0/targetPort", "value": 9000} in operations


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "yess\n", "y" * 1000])
def test_without_a_yes_nothing_is_changed(tmp_path: Path, typed: str) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        done = fix(server, tmp_path, typed=typed)
        assert (done.code, done.verdict) == (1, "broken")
        assert patches(server) == ["dry-run"]
        assert target(server) == 8080
    assert "nothing was changed: you did not confirm it" in done.stderr


def test_without_a_terminal_it_needs_yes_and_asks_the_cluster_nothing(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        done = fix(server, tmp_path)
        assert (done.code, done.stdout, server.requests) == (2, "", [])
        assert "--yes" in done.stderr
        controller(server)
        assert fix(server, tmp_path, "--yes").verdict == "healthy"


def test_a_dry_run_stops_after_the_diff(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        done = fix(server, tmp_path, "--dry-run=server")
        assert (done.code, patches(server), target(server)) == (1, ["dry-run"], 8080)
    assert "+ spec.ports[0].targetPort: 9000" in done.stderr


def test_what_was_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)

        def meanwhile(exchange: Any) -> None:
            server.answer(exchange)
            found = server.store.get(SERVICE)
            assert found is not None
            found["metadata"]["resourceVersion"] = "77"

        found = server.store.get(SERVICE)
        assert found is not None
        found["metadata"]["resourceVersion"] = "5"
        server.on("dryRun", meanwhile)
        done = fix(server, tmp_path, "--yes")
        assert (done.code, target(server)) == (1, 8080)
    said = "nothing was changed: Service checkout changed since it was shown: run it again"
    assert said in done.stderr


@pytest.mark.parametrize(
    "handler",
    [
        faults.status(403, "Forbidden", "services is forbidden"),
        faults.status(409, "Conflict", "the object has been modified"),
        faults.plain(200, "<html>", "text/html"),
        faults.plain(200, "[[", "application/json"),
        lambda exchange: exchange.reset(),
    ],
    ids=["forbidden", "conflict", "html", "cut off", "reset"],
)
def test_a_refusal_of_the_dry_run_ends_it(tmp_path: Path, handler: Any) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.on("PATCH", handler)
        done = fix(server, tmp_path, "--yes")
        assert (done.code, target(server)) == (1, 8080)
        assert set(patches(server)) == {"dry-run"}
    assert "nothing was changed: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_right_that_is_missing_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.may = [{"verbs": ["get", "list"], "apiGroups": ["*"], "resources": ["*"]}]
        done = fix(server, tmp_path, "--yes")
        assert (done.code, patches(server)) == (1, [])
    assert f"you may not patch services in namespace {NAMESPACE}" in done.stderr


def test_who_would_take_it_back_is_named_before_the_question(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        found = server.store.get(SERVICE)
        assert found is not None
        found["metadata"]["annotations"] = {"meta.helm.sh/release-name": "shop"}
        found["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
        done = fix(server, tmp_path, typed="n\n")
    before, question, _ = done.stderr.partition("Apply this change?")
    assert question
    assert "Helm" in before


def test_only_what_is_proved_is_made_without_a_number(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        for name in PODS:
            pod = server.store.get(f"/api/v1/namespaces/{NAMESPACE}/pods/{name}")
            assert pod is not None
            pod["spec"]["containers"][0]["ports"] = []
        done = fix(server, tmp_path, "--yes")
        assert (done.code, patches(server)) == (1, [])
        assert "--fix=1" in done.stderr
        assert "choose one by its number" in done.stderr
        beyond = fix(server, tmp_path, "--fix=99", "--yes")
        assert "there is no fix 99" in beyond.stderr
        controller(server)
        chosen = fix(server, tmp_path, "--fix=1", "--yes")
        assert chosen.verdict == "healthy"


def test_a_healthy_service_needs_none(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        done = fix(server, tmp_path, "--yes")
        assert (done.code, done.verdict, patches(server)) == (0, "healthy", [])


@pytest.fixture
def wrong_ingress() -> Any:
    """An Ingress that names a port which the Service does not have: degraded, and easily fixed."""
    backend = {"service": {"name": "checkout", "port": {"number": 8080}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {"ingressClassName": "nginx", "rules": [{"http": {"paths": paths}}]},
    }


@pytest.mark.parametrize(("typed", "after"), [("y\ny\n", 8080), ("y\nn\n", 80)])
def test_what_got_worse_is_undone_where_that_is_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong_ingress: Any, typed: str, after: int
) -> None:
    monkeypatch.setattr("kubectl_portcheck.commands.fixing.WORSE", 0.1)
    ingress_class = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "nginx"},
        "spec": {"controller": "k8s.io/ingress-nginx"},
    }
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(wrong_ingress, ingress_class)

        def break_down(_: Any) -> None:
            for name in PODS:
                server.commands[NAMESPACE, name] = lambda _, __: Command(sockets(7000))
                server.ports[NAMESPACE, name] = {7000: "accepted"}

        server.patched = break_down
        done = fix(server, tmp_path, "--fix=1", typed=typed)
        path = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/ingresses/shop"
        found = server.store.get(path)
    assert found is not None
    named = found["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"]["number"]
    assert (done.code, done.verdict, named) == (1, "broken", after)
    assert "it is worse than before; undo it:" in done.stderr
    assert ("undone." in done.stderr) is (after == 8080)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Take SIGINT as Python does, also where the parent ignores it (a shell with ``&``)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_it_changes_says_that_it_may_be_made(tmp_path: Path) -> None:
    import _thread

    with FakeApiServer() as server:
        shop(server, 9000)
        server.patched = lambda _: _thread.interrupt_main()
        done = fix(server, tmp_path, "--yes")
        assert (done.code, target(server)) == (130, 9000)
    assert "the change may have been made" in done.stderr
    assert "kubectl patch service checkout" in done.stderr


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_after_the_change_says_that_it_stands(tmp_path: Path) -> None:
    import _thread

    with FakeApiServer() as server:
        shop(server, 9000)

        def interrupt(exchange: Any) -> None:
            server.answer(exchange)
            if target(server) == 9000:
                _thread.interrupt_main()

        server.on(f"GET {SERVICE}", interrupt)
        done = fix(server, tmp_path, "--yes")
        assert (done.code, target(server)) == (130, 9000)
    assert "the change was made and remains" in done.stderr
    assert "kubectl patch service checkout" in done.stderr


def test_an_answer_that_is_lost_is_no_refusal(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        controller(server)

        def lose(exchange: Any) -> None:
            if exchange.request.values("dryRun"):
                server.answer(exchange)
                return
            exchange.json = lambda *_: None
            server.answer(exchange)
            exchange.reset()

        server.on("PATCH", lose)
        done = fix(server, tmp_path, "--yes")
        assert (target(server), patches(server)) == (9000, ["dry-run", "change"])
    assert (done.code, done.verdict) == (0, "healthy")
    assert "the change may have been made" in done.stderr
    assert "kubectl patch service checkout" in done.stderr


def test_nothing_else_writes(tmp_path: Path) -> None:
    """Whatever else is asked of the program, it only reads, and asks once what the user may do."""
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        for flags in ([], ["--callers"], ["--logs"], ["-o", "wide"], ["--wait", "--timeout=1s"]):
            program(server, tmp_path, "svc/checkout", *flags)
        program(server, tmp_path)
        program(server, tmp_path, "-A", "--deep", namespace="")
        verbs = Counter(r.method for r in server.requests)
        reviews = [r.target for r in server.requests if r.method == "POST"]
    assert set(verbs) == {"GET", "POST"}
    assert {t.rpartition("/")[2] for t in reviews} == {"selfsubjectrulesreviews"}


@pytest.mark.parametrize(
    "flags",
    [
        ["--fix", "--wait"],
        ["--fix", "--watch"],
        ["--fix", "--redact"],
        ["--fix", "--debug-image=x"],
        ["--fix", "--yes", "--dry-run=server"],
        ["--fix", "--dry-run=client"],
        ["--fix=two"],
        ["--yes"],
        ["--dry-run=server"],
        ["--fix", "svc/other"],
    ],
)
def test_flags_that_do_not_fit_are_refused(tmp_path: Path, flags: list[str]) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        done = program(server, tmp_path, "svc/checkout", *flags, stdin=Terminal(b"y\n"))
        assert (done.code, done.stdout, server.requests) == (2, "", [])
