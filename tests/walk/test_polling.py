"""--wait and --watch against a cluster that changes while it is looked at."""

import json
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fake import faults
from tests.fake.api_server import FakeApiServer
from tests.fake.wire import Exchange
from tests.stopwatch import patiently
from tests.walk.shop import PODS, Run, shop, walk
from tests.walk.test_interrupt import await_request, start


def after(server: FakeApiServer, rounds: int, target: int) -> None:
    """From this round on the Service leads to another port."""
    seen = Counter[str]()

    def answer(exchange: Exchange) -> None:
        seen["services"] += 1
        if seen["services"] == rounds:
            shop(server, 9000, 9100, target=target)
        server.answer(exchange)

    server.on("/services/checkout", answer)


def rounds_of(server: FakeApiServer) -> int:
    return sum("/services/checkout" in r.line for r in list(server.requests))


def documents(text: str) -> list[dict[str, Any]]:
    found, at = [], 0
    while at < len(text):
        document, at = json.JSONDecoder().raw_decode(text, at)
        found.append(document)
        at += 1  # The line break after it.
    return found


@pytest.mark.long
def test_wait_ends_healthy_and_says_meanwhile_what_hinders(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        after(server, 3, 9000)
        done = walk(server, tmp_path, "--wait", "--timeout", "200s")
    assert (done.code, done.verdict) == (0, "healthy")
    first, *others = done.stderr.splitlines()
    assert first == (
        "waiting: svc/checkout broken: port 80: no process listens on targetPort 8080; all 3 pods "
        "listen on 9000"
    )
    # Nothing is said twice; a round may see the change half done.
    assert all("EndpointSlices are out of date" in o for o in others)
    assert len(others) < 2


@pytest.mark.long
@pytest.mark.parametrize(("flag", "code"), [("", 1), ("--exit-zero", 0), ("-q", 1)])
def test_wait_ends_with_the_verdict_at_the_end_of_its_time(
    tmp_path: Path, flag: str, code: int
) -> None:
    def wait(seconds: float) -> Run:
        with FakeApiServer() as server:
            shop(server, 9000, 9100)
            return walk(
                server, tmp_path, "--wait", f"--timeout={seconds:g}s", *filter(None, [flag])
            )

    done = patiently(wait, lambda run: run.code == code, 8)
    assert done.code == code
    if flag == "-q":
        assert done.stderr == ""
    else:
        assert done.verdict == "broken"


@pytest.mark.long
def test_a_healthy_pod_is_not_looked_into_again_until_all_are_healthy(tmp_path: Path) -> None:
    """Two pods are healthy, one is not for three rounds; then everything is looked at afresh."""
    with FakeApiServer() as server:
        shop(server, 9000, target=9000)
        sick = server.ports["production", PODS[2]]
        server.ports["production", PODS[2]] = {}
        rounds = Counter[str]()

        def answer(exchange: Exchange) -> None:
            rounds["all"] += 1
            if rounds["all"] == 4:
                server.ports["production", PODS[2]] = sick
            server.answer(exchange)

        server.on("/services/checkout", answer)
        done = walk(server, tmp_path, "--wait", "--timeout", "120s")
        asked = Counter(
            r.line.partition("?")[0].split("/")[6] for r in server.requests if "/exec?" in r.line
        )
    assert (done.code, done.verdict) == (0, "healthy")
    # The first round, and the last, which proves what the others took for granted.
    assert (asked[PODS[0]], asked[PODS[1]]) == (2, 2)
    assert asked[PODS[2]] == rounds["all"] == 5


def test_a_server_that_fails_for_a_while_ends_no_wait(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        after(server, 2, 9000)
        refused = faults.status(401, "Unauthorized", "Unauthorized")
        rounds = Counter[str]()

        def answer(exchange: Exchange) -> None:
            rounds["all"] += 1
            if rounds["all"] == 2:
                shop(server, 9000, 9100, target=9000)
                refused(exchange)
            else:
                server.answer(exchange)

        server.on("/services/checkout", answer)
        done = walk(server, tmp_path, "--wait", "--timeout", "200s")
    assert (done.code, done.verdict) == (0, "healthy")
    assert "waiting: error: You must be logged in to the server" in done.stderr


def test_an_unknown_service_is_reported_at_once(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        done = walk(server, tmp_path, "--wait")
    assert (done.code, done.stdout) == (2, "")
    assert 'services "checkout" not found' in done.stderr


@pytest.mark.parametrize("flag", ["--wait", "--watch"])
def test_an_interrupt_ends_it_with_the_last_report(tmp_path: Path, flag: str) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        process = start(server, tmp_path, "-o", "json", flag)
        await_request(server, "/proxy/")
        while rounds_of(server) < 2:  # The second round has begun.
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert json.loads(out)["verdict"] == "broken"


@pytest.mark.long
def test_watch_prints_one_document_after_the_other(tmp_path: Path) -> None:
    kept = tmp_path / "last.json"

    def watch(seconds: float) -> tuple[Run, int]:
        with FakeApiServer() as server:
            shop(server, 9000, 9100)
            after(server, 3, 9000)
            flags = ("--watch", f"--timeout={seconds:g}s", "--output-file", f"json={kept}")
            return walk(server, tmp_path, *flags), rounds_of(server)

    done, rounds = patiently(watch, lambda found: found[1] > 4, 20)
    printed = documents(done.stdout)
    assert (done.code, printed[0]["verdict"], printed[-1]["verdict"]) == (0, "broken", "healthy")
    # Two of the rounds were news, or a third that saw the change half done.
    assert len(printed) <= 3 < rounds
    assert json.loads(kept.read_text()) == printed[-1]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--wait", "--watch"], "--wait and --watch exclude each other"),
        (["--watch", "-o", "junit"], "--watch cannot print junit"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, flags: list[str], words: str) -> None:
    with FakeApiServer() as server:
        done = walk(server, tmp_path, *flags)
    assert done.code == 2
    assert words in done.stderr


def test_a_confirming_round_that_the_time_cuts_short_confirms_nothing(tmp_path: Path) -> None:
    """Healthy by looks of an earlier round, of which two pods were not looked into again."""

    def wait(seconds: float) -> tuple[Run, int]:
        with FakeApiServer() as server:
            shop(server, 9000, target=9000)
            sick = server.ports["production", PODS[2]]
            server.ports["production", PODS[2]] = {}
            rounds = Counter[str]()

            def answer(exchange: Exchange) -> None:
                rounds["all"] += 1
                if rounds["all"] == 2:
                    server.ports["production", PODS[2]] = sick
                if rounds["all"] == 3:
                    faults.hang(exchange)
                server.answer(exchange)

            server.on("/services/checkout", answer)
            return walk(server, tmp_path, "--wait", f"--timeout={seconds:g}s"), rounds["all"]

    done, rounds = patiently(wait, lambda found: found[1] == 3, 8)
    assert rounds == 3
    assert (done.code, done.verdict) == (3, "inconclusive")
    (service,) = done.report["services"]
    why = "was not looked into again before the time was up (--timeout)"
    assert [m for m in service["missing"] if m.endswith(why)] == [f"{p} {why}" for p in PODS[:2]]


NAMES = ("checkout", "production", "10.0.0.", "kubeconfig", "fake")
"""What the shop, its cluster and the flags call things."""


@pytest.mark.parametrize("flag", ["--watch", "--wait", "--exit-zero"])
@pytest.mark.parametrize("form", ["table", "json", "markdown"])
def test_no_name_is_in_what_is_redacted(tmp_path: Path, flag: str, form: str) -> None:
    kept, report = tmp_path / "kept.json", tmp_path / "report.md"
    files = ("--save", str(kept), "--output-file", f"markdown={report}")
    flags = ("-o", form, "--redact", "--context=fake", *files)

    def run(seconds: float) -> Run:
        with FakeApiServer() as server:
            shop(server, 9000, 9100)
            after(server, 2, 9000)
            return walk(server, tmp_path, flag, f"--timeout={seconds:g}s", *flags)

    verdict = "healthy" if flag.startswith("--w") else "broken"
    done = patiently(run, lambda found: verdict in found.stdout.lower(), 5)
    assert verdict in done.stdout.lower()
    for text in (done.stdout, done.stderr, kept.read_text(), report.read_text()):
        assert not [name for name in NAMES if name in text], text


def test_names_are_redacted_alike_in_every_round(tmp_path: Path) -> None:
    def watch(seconds: float) -> Run:
        with FakeApiServer() as server:
            shop(server, 9000, 9100)
            after(server, 2, 9000)
            return walk(server, tmp_path, "--watch", f"--timeout={seconds:g}s", "--redact")

    printed = documents(patiently(watch, lambda run: len(documents(run.stdout)) > 1, 5).stdout)
    assert len(printed) > 1
    assert len({(s["namespace"], s["name"]) for t in printed for s in t["services"]}) == 1


def test_an_error_in_between_is_redacted_too(tmp_path: Path) -> None:
    def watch(seconds: float) -> Run:
        with FakeApiServer() as server:
            shop(server, 9000, 9100)
            rounds = Counter[str]()

            def answer(exchange: Exchange) -> None:
                rounds["all"] += 1
                if rounds["all"] == 2:
                    words = 'services "checkout" is forbidden in production'
                    faults.status(401, "Unauthorized", words)(exchange)
                else:
                    server.answer(exchange)

            server.on("/services/checkout", answer)
            return walk(server, tmp_path, "--watch", f"--timeout={seconds:g}s", "--redact")

    words = "You must be logged in to the server"
    done = patiently(watch, lambda run: words in run.stderr, 6)
    assert words in done.stderr
    assert not [name for name in NAMES if name in done.stderr]
