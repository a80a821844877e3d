"""The command line as a whole: exit code, stdout and stderr, without a cluster."""

import gzip
import io
import json
from pathlib import Path

import pytest

from kubectl_portcheck import __version__
from kubectl_portcheck.arguments import FORMATS
from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode


class Outcome:
    """A run of :func:`main` with streams of its own."""

    def __init__(self, *argv: str, **environ: str) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.code = main(argv, Environment(self.out, self.err, {"HOME": "/nowhere", **environ}))

    @property
    def stdout(self) -> str:
        return self.out.getvalue()

    @property
    def stderr(self) -> str:
        return self.err.getvalue()


def test_the_demo_names_the_cause_and_hands_over_the_fix() -> None:
    demo = Outcome("--demo")
    assert (demo.code, demo.stderr) == (ExitCode.PROBLEM, "")
    first, second = demo.stdout.partition("\n\n")[2].splitlines()[:2]
    assert "BROKEN" in first
    assert "no process listens on targetPort 8080; all 3 pods listen on 9000" in second
    assert "PC401" in demo.stdout
    assert "kubectl patch service checkout -n production" in demo.stdout


def test_a_format_changes_neither_verdict_nor_exit_code() -> None:
    found = json.loads(Outcome("--demo", "-o", "json").stdout)
    assert found["verdict"] == "broken"
    codes = {Outcome("--demo", "-o", f).code for f in FORMATS}
    assert codes == {ExitCode.PROBLEM}


def test_quiet_is_the_verdict_line() -> None:
    quiet = Outcome("--demo", "-q")
    assert quiet.stdout.startswith("BROKEN svc/checkout -n production: port 80: ")
    assert quiet.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--exit-zero"], ExitCode.HEALTHY),
        (["--fail-on", "broken"], ExitCode.PROBLEM),
        (["--fail-on", "warning"], ExitCode.PROBLEM),
    ],
)
def test_the_line_of_exit_1_moves(flags: list[str], code: ExitCode) -> None:
    assert Outcome("--demo", *flags).code == code


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["--nonsense"], "error: unknown flag: --nonsense"),
        (["--namespce", "x"], "Did you mean --namespace?"),
        (["-Z"], "error: unknown shorthand flag: 'Z' in -Z"),
        (["svc/x", "-n"], "error: flag needs an argument: --namespace"),
        (["-o", "xml", "svc/x"], 'invalid argument "xml" for "-o, --output" flag: must be one of'),
        (["svc/x", "--timeout", "soon"], 'invalid argument "soon" for "--timeout" flag'),
        (["svc/x", "--timeout", "0"], "every wait has an end"),
        (["svc/x", "--quiet=maybe"], 'invalid argument "maybe" for "-q, --quiet" flag'),
        (["svc/x", "-v", "six"], 'invalid argument "six" for "-v, --v" flag'),
        (["svc/x", "--as-user-extra", "reason"], "write KEY=VALUE"),
        (["svc/x", "--request-timeout", "5x"], "error: Invalid timeout value. Timeout must be"),
        (["svc/x", "--match-server-version"], "--match-server-version is not supported"),
        (["svc/x", "--warnings-as-errors"], "--warnings-as-errors is not supported"),
        (["--explain", "PC401", "svc/x"], "--explain takes no TARGET"),
        (["--list-rules", "--rbac"], "--list-rules and --rbac exclude each other"),
        (["node/x"], "leads to no Service"),
        (["svc/UPPER"], "invalid Service name"),
        (["--explain", "PC999"], "no rule 'PC999'"),
        (["--demo", "checkout", "svc/x"], "takes no TARGET"),
        (["--demo", "svc/x"], "no demo 'svc/x'"),
        (["--demo", "--output-file", "junit"], "write FORMAT=FILE"),
        (["--demo", "--output-file", "json=/nowhere/x"], "cannot write /nowhere/x"),
        (["--demo", "--replay", "x"], "exclude each other"),
        (["--replay", "/nowhere/x.json"], "cannot read /nowhere/x.json"),
        (["--demo", "--save", "/nowhere/x.json"], "cannot write /nowhere/x.json"),
        (["--demo", "--save-svg", "/nowhere/x.svg"], "cannot write /nowhere/x.svg"),
    ],
)
def test_a_wrong_call_is_answered_in_a_line(argv: list[str], line: str) -> None:
    wrong = Outcome(*argv)
    assert (wrong.code, wrong.stdout) == (ExitCode.USAGE, "")
    assert line in wrong.stderr
    assert len(wrong.stderr.splitlines()) <= 2


def test_a_code_is_explained_and_a_near_miss_suggested() -> None:
    assert (
        Outcome("--explain", "pc401").stdout
        == Outcome("--explain", "target-port-not-listening").stdout
    )
    near = Outcome("--explain", "target-port-not-lisening")
    assert "Did you mean target-port-not-listening?" in near.stderr


def test_the_version() -> None:
    asked = Outcome("--version")
    assert (asked.code, asked.stdout) == (ExitCode.HEALTHY, f"kubectl-portcheck {__version__}\n")


@pytest.mark.parametrize("name", ["kept.json", "kept.json.gz"])
def test_what_was_saved_replays_identically(tmp_path: Path, name: str) -> None:
    kept = tmp_path / name
    first = Outcome("--demo", "--save", str(kept), "-o", "json")
    again = Outcome("--replay", str(kept), "-o", "json")
    assert (again.code, again.stdout) == (first.code, first.stdout)
    assert (kept.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"not json",
        b"[" * 100_000,
        b"\x1f\x8bdamaged",
        gzip.compress(b"[]", mtime=0),
    ],
)
def test_a_damaged_snapshot_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(content)
    damaged = Outcome("--replay", str(kept))
    assert (damaged.code, damaged.stdout) == (ExitCode.USAGE, "")
    assert "is not a snapshot of kubectl-portcheck, or it is damaged" in damaged.stderr


def test_a_newer_snapshot_says_so(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text('{"kind": "PortcheckSnapshot", "version": 99}')
    assert "saved by a newer version" in Outcome("--replay", str(kept)).stderr


def test_the_report_can_be_kept_as_a_picture_and_as_a_page(tmp_path: Path) -> None:
    svg, html = tmp_path / "r.svg", tmp_path / "r.html"
    files = ("--save-svg", str(svg), "--output-file", f"html={html}")
    assert Outcome("--demo", *files).code == 1
    assert svg.read_text().startswith("<svg")
    assert "<html" in html.read_text()


def test_a_report_is_kept_in_several_forms_besides(tmp_path: Path) -> None:
    kept = [f"{form}={tmp_path / form}" for form in FORMATS]
    both = Outcome("--demo", "-o", "json", *(w for k in kept for w in ("--output-file", k)))
    assert json.loads(both.stdout)["verdict"] == "broken"
    assert all((tmp_path / form).stat().st_size for form in FORMATS)
    assert (tmp_path / "json").read_text() == both.stdout


def test_no_configuration_is_kubectls_own_line() -> None:
    lost = Outcome("svc/checkout", KUBECONFIG="/nowhere")
    assert (lost.code, lost.stdout) == (ExitCode.NO_CLUSTER, "")
    assert "localhost:8080 was refused" in lost.stderr
