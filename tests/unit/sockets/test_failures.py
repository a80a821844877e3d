"""The classes of failed execs, against the corpus of real texts."""

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.collect.sockets import classify_exec_failure
from kubectl_portcheck.model.base import Reason

ERRORS = Path(__file__).parents[2] / "corpus" / "sockets" / "errors" / "exec.json"
CASES = json.loads(ERRORS.read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['cls']} {case['runtime'][:40]}")
def test_corpus(case: dict[str, Any]) -> None:
    failure = classify_exec_failure(
        case["stdout"], case["stderr"], case["error"], case["exit_code"]
    )
    if case["cls"] == "ok":
        assert failure is None
        return
    assert failure is not None
    assert failure.kind == case["cls"]
    assert failure.detail
    assert failure.detail.isprintable()


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        ('pods "x" is forbidden: User "u" cannot create resource', "forbidden", Reason.FORBIDDEN),
        (
            'admission webhook "guard.example" denied the request: no exec in production',
            "forbidden",
            Reason.FORBIDDEN,
        ),
        ('pods "gone" not found', "target-not-found", Reason.NOT_FOUND),
        ("container nope is not valid for pod web", "target-not-found", Reason.NOT_FOUND),
        (
            "cannot exec into a container in a completed pod; current phase is Succeeded",
            "container-not-running",
            Reason.NOT_RUNNING,
        ),
        ("context deadline exceeded", "timed-out", Reason.TIMED_OUT),
        ("error dialing backend: EOF", "failed", Reason.FAILED),
    ],
)
def test_refusals(error: str, kind: str, reason: str) -> None:
    failure = classify_exec_failure("", "", error, None)
    assert failure is not None
    assert (failure.kind, failure.reason, failure.detail) == (kind, reason, error)


@pytest.mark.parametrize(
    ("stdout", "stderr", "kind"),
    [
        ('OCI runtime exec failed: exec: "sh": executable file not found\r\n', "", "not-found"),
        ("", "sh: 1: ss: not found\n", "not-found-inside-shell"),
        ("", "bash: line 1: ss: command not found\n", "not-found-inside-shell"),
    ],
)
def test_exit_code_127_is_that_of_a_shell_or_of_docker(stdout: str, stderr: str, kind: str) -> None:
    failure = classify_exec_failure(stdout, stderr, None, 127)
    assert failure is not None
    assert failure.kind == kind
    assert failure.detail == (stdout or stderr).strip()


def test_output_of_a_command_that_worked_is_no_failure() -> None:
    text = "OCI runtime exec failed: executable file not found in $PATH"
    assert classify_exec_failure(text, text, None, 0) is None
    assert classify_exec_failure(text, "", "", None) is None


def test_output_of_a_command_that_failed_is_not_taken_for_the_runtime() -> None:
    failure = classify_exec_failure("permission denied: 8080", "", "", 3)
    assert failure is not None
    assert (failure.kind, failure.exit_code) == ("exit-code", 3)


def test_a_program_cannot_pose_as_the_api_server() -> None:
    text = 'pods "x" is forbidden: User "u" cannot create resource "pods/exec"'
    for exit_code in (1, 126, 255):
        failure = classify_exec_failure(text, text, None, exit_code)
        assert failure is not None
        assert failure.kind == "exit-code"


def test_detail_cannot_steer_a_terminal() -> None:
    failure = classify_exec_failure("", "\x1b[2Jgone\n", None, 1)
    assert failure is not None
    assert failure.detail == "?[2Jgone"
