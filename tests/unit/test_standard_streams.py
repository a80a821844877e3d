"""A verdict holds whatever happens to the streams that it is printed to."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.streams import CLOSED, Stream

HEALTHY = """
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: shop, ports: [{containerPort: 8080}]}]}
"""
FULL = Path("/dev/full")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the program from a shell that closes or redirects its streams."""
    (folder / "shop.yaml").write_text(HEALTHY)
    program = f"{sys.executable} -m kubectl_portcheck"
    return subprocess.run(
        ["sh", "-c", line.replace("PORTCHECK", program)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.getcwd(), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("ending", ["2>&-", "<&-", "<&- 2>&-", "2</dev/null"])
def test_the_code_is_the_verdicts_though_a_stream_is_closed(tmp_path: Path, ending: str) -> None:
    done = shell(f"PORTCHECK -f shop.yaml {ending}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    broken = shell(f"PORTCHECK --demo {ending}", tmp_path)
    assert (broken.returncode, broken.stderr) == (1, "")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "flags", ["-f shop.yaml", "-f shop.yaml -v=9", "-f shop.yaml nowhere.yaml"]
)
def test_a_full_standard_error_changes_nothing(tmp_path: Path, flags: str) -> None:
    full, well = (shell(f"PORTCHECK {flags} {end}", tmp_path) for end in ("2>/dev/full", ""))
    assert (full.returncode, full.stdout) == (well.returncode, well.stdout)


@pytest.mark.parametrize("flags", ["-f shop.yaml", "--demo", "--demo -q", "--demo -o json"])
@pytest.mark.parametrize(
    ("ending", "why"),
    [
        (">&-", CLOSED),
        pytest.param(
            ">/dev/full",
            "No space left on device",
            marks=pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full"),
        ),
        ("1</dev/null", "Bad file descriptor"),
    ],
)
def test_a_report_that_is_lost_has_a_code_of_its_own(
    tmp_path: Path, flags: str, ending: str, why: str
) -> None:
    done = shell(f"PORTCHECK {flags} {ending}", tmp_path)
    assert done.returncode == ExitCode.NOT_WRITTEN
    assert done.stderr == f"error: cannot write to standard output: {why}\n"


@pytest.mark.parametrize(
    "flags",
    ["--help", "--version", "--list-rules", "--explain PC401", "--rbac", "--completion bash"],
)
def test_knowledge_that_is_lost_has_it_too(tmp_path: Path, flags: str) -> None:
    done = shell(f"PORTCHECK {flags} >&-", tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (ExitCode.NOT_WRITTEN, 1)
    assert shell(f"PORTCHECK {flags} >&- 2>&-", tmp_path).returncode == ExitCode.NOT_WRITTEN


def test_a_closed_standard_input_is_no_empty_manifest(tmp_path: Path) -> None:
    done = shell("PORTCHECK -f - <&-", tmp_path)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr == "error: cannot read standard input: it is closed\n"


@pytest.mark.parametrize("ending", [">&-", "2>&- >&- <&-", "2>&-", "<&-"])
def test_completion_says_nothing_whatever_is_closed(tmp_path: Path, ending: str) -> None:
    done = shell(f"PORTCHECK __complete --vers {ending}", tmp_path)
    said = "" if ">&- <&-" in ending or ending == ">&-" else "--version\n:4\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


def test_nothing_is_opened_in_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    done = shell("PORTCHECK --demo --save kept.json >&- 2>&- <&-", tmp_path)
    assert done.returncode == ExitCode.NOT_WRITTEN
    assert (tmp_path / "kept.json").read_bytes()[-1:] == b"}"


def test_the_files_are_written_though_stdout_is_full(tmp_path: Path) -> None:
    class Full(io.StringIO):
        def write(self, text: str, /) -> int:
            raise OSError(28, "No space left on device")

    kept = tmp_path / "report.json"
    err = io.StringIO()
    code = main(["--demo", "--output-file", f"json={kept}"], Environment(Full(), err, {}))
    assert (code, kept.stat().st_size > 1000) == (ExitCode.NOT_WRITTEN, True)
    assert err.getvalue() == "error: cannot write to standard output: No space left on device\n"


def test_a_reader_who_has_seen_enough_is_no_failure() -> None:
    class Left(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    err = io.StringIO()
    assert main(["--demo"], Environment(Left(), err, {})) == ExitCode.PROBLEM
    assert err.getvalue() == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_character_that_the_encoding_lacks_is_escaped(encoding: str) -> None:
    raw = io.BytesIO()
    stream = Stream(io.TextIOWrapper(raw, encoding=encoding))
    stream.write("a → b \udcff\n")
    stream.flush()
    assert stream.failure == ""
    assert raw.getvalue().startswith(
        b"a \\u2192 b \\udcff" if encoding != "utf-8" else "a →".encode()
    )
