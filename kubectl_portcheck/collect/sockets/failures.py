"""Why an exec gave no answer, read from its texts.

Container runtimes report the same failure on different channels: containerd in the error of the
exec itself, CRI-O on standard error with exit code 255, cri-dockerd on standard output with 126.
"""

import re
from typing import Literal

import msgspec

from kubectl_portcheck.collect.sockets.rows import name
from kubectl_portcheck.model.base import Reason

FailureKind = Literal[
    "not-found",
    "not-found-inside-shell",
    "permission-denied",
    "bad-interpreter",
    "exec-format",
    "unsupported-option",
    "container-not-running",
    "forbidden",
    "target-not-found",
    "timed-out",
    "killed",
    "exit-code",
    "failed",
]


class ExecFailure(msgspec.Struct, frozen=True):
    """An exec that did not do what it was asked to."""

    kind: FailureKind
    reason: Reason
    """What the evidence says of it."""
    detail: str
    """The words of the refusal, in one line."""
    exit_code: int | None


class Unreadable(Exception):
    """An output that is no answer to the question which sockets listen."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Take the reason, and what a user needs to see."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


_REASONS: dict[FailureKind, Reason] = {
    "not-found": Reason.NO_SHELL,
    "bad-interpreter": Reason.NO_SHELL,
    "exec-format": Reason.NO_SHELL,
    "container-not-running": Reason.NOT_RUNNING,
    "forbidden": Reason.FORBIDDEN,
    "target-not-found": Reason.NOT_FOUND,
    "timed-out": Reason.TIMED_OUT,
}

# Patterns stay text until a failure needs them: compiling takes longer than all else at start-up.
_Patterns = tuple[tuple[FailureKind, str], ...]

# The API server and the kubelet, which speak only in the error.
_REFUSALS: _Patterns = (
    ("forbidden", r"is forbidden|cannot (?:create|get) resource|denied the request|Unauthorized"),
    (
        "container-not-running",
        r"is in CONTAINER_\w+ state|container not found \(|not created or running"
        r"|container state improper|is not running|container not running|in a stopped container"
        r"|in a (?:completed|deleted|paused) |does not have a host assigned",
    ),
    ("target-not-found", r"pods? \"[^\"]*\" not found|is not valid for pod"),
)
# The container runtime, on whichever channel it has.
_RUNTIME: _Patterns = (
    ("exec-format", r"(?i)exec format error"),
    ("bad-interpreter", r"(?m)^exec \S+: no such file or directory"),
    (
        "not-found",
        r"executable file (?:`[^`]*` )?not found"
        r"|(?:stat|exec:|fork/exec) \S+: no such file or directory",
    ),
    ("permission-denied", r"(?i)permission denied|open executable: Operation not permitted"),
)
# A tool that did run.
_TOOL: _Patterns = (
    ("unsupported-option", r"(?i)(?:invalid|unrecognized|unknown|illegal|bad) option"),
)
_LAST: _Patterns = (("timed-out", r"(?i)deadline exceeded|timed? ?out"),)
_EXIT_CODE = r"exit (?:code|status):? (\d{1,5})\b"
_RUNTIME_EXIT_CODES = (126, 127, 255)
_KILLED = 137
_NOT_FOUND = 127


def classify_exec_failure(
    stdout: str, stderr: str, error_text: str | None, exit_code: int | None
) -> ExecFailure | None:
    """Say why an exec failed, or return None where it did not.

    ``error_text`` is what came on the error channel, or the message of the Status that refused the
    request. An exit code that is not given is read from it.
    """
    error = error_text or ""
    if exit_code is None and (stated := re.search(_EXIT_CODE, error)):
        exit_code = int(stated[1])
    if exit_code == 0 or (exit_code is None and not error):
        return None

    spoken = error if exit_code is None else f"{stderr}\n{error}"
    # Standard output is the runtime's word only where the program itself cannot have started.
    runtime = f"{spoken}\n{stdout}" if exit_code in _RUNTIME_EXIT_CODES else spoken
    kind = (
        _first(_REFUSALS, error)
        or ("killed" if exit_code == _KILLED else None)
        or _first(_RUNTIME, runtime)
        or ("not-found-inside-shell" if exit_code == _NOT_FOUND else None)
        or (_first(_TOOL, stderr) if exit_code is not None else None)
        or _first(_LAST, error)
        or ("exit-code" if exit_code is not None else "failed")
    )
    words = _words(stderr, error, stdout if exit_code in _RUNTIME_EXIT_CODES else "")
    return ExecFailure(kind, _REASONS.get(kind, Reason.FAILED), words, exit_code)


def _first(patterns: _Patterns, text: str) -> FailureKind | None:
    return next((kind for kind, pattern in patterns if re.search(pattern, text)), None)


def _words(*channels: str) -> str:
    """Return the first line that says more than an exit code, made safe to show."""
    spoken = [line.strip() for text in channels for line in text.splitlines() if line.strip()]
    telling = next((line for line in spoken if not re.search(_EXIT_CODE, line)), None)
    return name(telling or (spoken[0] if spoken else "")) or ""
