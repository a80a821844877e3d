"""--history and --since-last: kept only when that was turned on, private, bounded, and compared."""

import gzip
import io
import json
import stat
from pathlib import Path

import pytest

from kubectl_portcheck.cli import main
from kubectl_portcheck.commands import history
from kubectl_portcheck.diagnosis.since import changes
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode
from tests.fake.api_server import FakeApiServer
from tests.unit.render import builders as b
from tests.walk.shop import NAMESPACE, shop
from tests.walk.test_logs import CANARY, LINES, crashing, writes


def run(folder: Path, *argv: str, server: FakeApiServer | None = None) -> tuple[int, str, str]:
    environ = {"XDG_STATE_HOME": str(folder / "state"), "PATH": "/nowhere"}
    if server is not None:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        environ["KUBECONFIG"] = str(kubeconfig)
        argv = (*argv, "-n", NAMESPACE)
    out, err = io.StringIO(), io.StringIO()
    code = main(argv, Environment(out, err, environ))
    return code, out.getvalue(), err.getvalue()


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "state").glob("kubectl-portcheck/history/*"))


def earlier(file: Path, time: str) -> None:
    """Let a kept run be of an earlier time: two runs of a test are of one second."""
    file.rename(file.with_name(f"{time}{file.name[18:]}"))


def test_nothing_is_kept_until_it_is_turned_on_and_nothing_is_left_afterwards(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        assert run(tmp_path, "svc/checkout", server=server)[0] == ExitCode.PROBLEM
        assert not (tmp_path / "state").exists()
        for argv in (["--history"], ["svc/checkout", "--since-last"]):
            code, out, err = run(tmp_path, *argv, server=server if argv[1:] else None)
            assert (code, out) == (ExitCode.USAGE, "")
            assert "Turn it on: kubectl portcheck --history on" in err
        assert run(tmp_path, "--history", "on")[0] == ExitCode.HEALTHY
        run(tmp_path, "svc/checkout", server=server)
    assert len(kept(tmp_path)) == 1
    assert "1 run is kept in" in run(tmp_path, "--history")[1]
    assert run(tmp_path, "--history", "off")[0] == ExitCode.HEALTHY
    assert not (tmp_path / "state/kubectl-portcheck/history").exists()


def test_what_changed_is_said_before_the_report(tmp_path: Path) -> None:
    run(tmp_path, "--history", "on")
    with FakeApiServer() as server:
        shop(server, 9000)
        code, out, err = run(tmp_path, "svc/checkout", "--since-last", server=server)
        assert err == "no earlier run that asked the same is kept\n"
        assert out.startswith("✗ BROKEN")
        earlier(kept(tmp_path)[0], "2026-01-02T030405Z")
        out = run(tmp_path, "svc/checkout", "--since-last", server=server)[1]
        assert out.startswith("Nothing changed since 2026-01-02 03:04:05 UTC.\n\n✗ BROKEN")
    earlier(kept(tmp_path)[1], "2026-01-03T030405Z")
    with FakeApiServer() as server:
        shop(server, 8080)
        code, out, _ = run(tmp_path, "svc/checkout", "--since-last", server=server)
    assert code == ExitCode.HEALTHY
    changed, row = out.splitlines()[:2]
    assert changed == "Changed since 2026-01-03 03:04:05 UTC"
    assert row.startswith(f"  ✓ svc/checkout in {NAMESPACE}: broken → healthy; no longer: PC401")


def test_another_question_has_another_history(tmp_path: Path) -> None:
    run(tmp_path, "--history", "on")
    with FakeApiServer() as server:
        shop(server, 9000)
        run(tmp_path, "svc/checkout", server=server)
        for argv in (["svc/checkout:80"], []):
            err = run(tmp_path, *argv, "--since-last", server=server)[2]
            assert err == "no earlier run that asked the same is kept\n"


def test_a_kept_run_is_private_and_has_no_log(tmp_path: Path) -> None:
    run(tmp_path, "--history", "on")
    with FakeApiServer() as server:
        shop(server, 8080)
        crashing(server, "checkout-0")
        writes(server, *LINES)
        assert "no such table" in run(tmp_path, "svc/checkout", "--logs", server=server)[1]
    (file,) = kept(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    text = gzip.decompress(file.read_bytes()).decode()
    assert json.loads(text)["verdict"]
    assert "no such table" not in text
    assert CANARY not in text


def test_redacted_runs_are_not_kept(tmp_path: Path) -> None:
    run(tmp_path, "--history", "on")
    with FakeApiServer() as server:
        shop(server, 8080)
        run(tmp_path, "svc/checkout", "--redact", server=server)
    assert kept(tmp_path) == []


def test_the_number_and_the_size_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, "--history", "on")
    place = tmp_path / "state/kubectl-portcheck/history"
    foreign = place / "notes.txt"
    foreign.write_text("mine")
    for minute in range(60):
        (place / f"2026-01-02T03{minute:02}05Z-{'0' * 16}.json.gz").write_bytes(b"x" * 1000)
    with FakeApiServer() as server:
        shop(server, 8080)
        run(tmp_path, "svc/checkout", server=server)
        assert len(kept(tmp_path)) == history.MOST_RUNS + 1
        monkeypatch.setattr(history, "MOST_BYTES", 10_000)
        run(tmp_path, "svc/checkout", server=server)
    assert 1 < len(kept(tmp_path)) < 12
    assert run(tmp_path, "--history")[0] == ExitCode.HEALTHY  # What is no report is passed over.
    code, _, err = run(tmp_path, "--history", "off")
    assert code == ExitCode.NOT_WRITTEN
    assert "Directory not empty" in err
    assert kept(tmp_path) == [foreign]


def test_a_folder_that_cannot_be_written_costs_no_report(tmp_path: Path) -> None:
    run(tmp_path, "--history", "on")
    place = tmp_path / "state/kubectl-portcheck/history"
    place.rmdir()
    place.symlink_to("/proc/self/fd")
    with FakeApiServer() as server:
        shop(server, 8080)
        code, out, err = run(tmp_path, "svc/checkout", server=server)
    assert (code, out[:9]) == (ExitCode.HEALTHY, "✓ HEALTHY")
    assert err.startswith("this run was not kept: ")


def test_a_partial_report_makes_no_service_new_or_gone() -> None:
    one, both = b.report(b.service("a")), b.report(b.service("a"), b.service("b"))
    partial = b.report(b.service("a"), missing=("services is forbidden",))
    assert [(c.service.name, c.before, c.after) for c in changes(one, both)] == [
        ("b", None, "healthy")
    ]
    assert [(c.service.name, c.before, c.after) for c in changes(both, one)] == [
        ("b", "healthy", None)
    ]
    assert changes(both, partial) == changes(partial, both) == changes(both, both) == []


def test_findings_that_came_and_went_are_named() -> None:
    before = b.report(b.debrief_service())
    found = changes(before, b.report(b.service("checkout")))
    assert [(c.before, c.after, c.gone) for c in found] == [
        ("broken", "healthy", ("PC401 target-port-not-listening",))
    ]
    (back,) = changes(b.report(b.service("checkout")), before)
    assert back.new == ("PC401 target-port-not-listening",)
