"""Commands in a container through the kubectl beside us.

The usual handbook Role grants ``create`` on pods/exec alone. kubectl works with it, since it speaks
SPDY, which is a POST; our WebSocket is a GET and needs ``get`` as well. Where that is the one thing
missing, kubectl runs the command with the same connection flags.
"""

import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO

from kubectl_portcheck.collect.connection.connection import Connection
from kubectl_portcheck.collect.connection.deadline import Deadline
from kubectl_portcheck.collect.connection.errors import Forbidden, status_error
from kubectl_portcheck.collect.connection.exec import ExecResult
from kubectl_portcheck.collect.connection.plugin import LOOK_SECONDS, end_group

_CODES = {"Unauthorized": 401, "Forbidden": 403, "NotFound": 404, "TooManyRequests": 429}


def find_kubectl(environ: Mapping[str, str]) -> str | None:
    """The kubectl that called us or stands in PATH, or None."""
    import shutil

    named = environ.get("KUBECTL_PATH")
    return shutil.which(named or "kubectl", path=environ.get("PATH"))


def may_work_with_kubectl(error: Forbidden) -> bool:
    """Whether only the right that a WebSocket needs beyond SPDY is missing."""
    return 'cannot get resource "pods/exec"' in error.message


def exec_with_kubectl(
    connection: Connection,
    kubectl: str,
    namespace: str,
    pod: str,
    container: str,
    argv: Sequence[str],
    *,
    deadline: Deadline,
    limit_bytes: int,
    cancelled: threading.Event,
) -> ExecResult:
    """Runs ``kubectl exec``; ``cancelled`` ends it early.

    Raises :class:`ApiStatusError` where the API server refuses kubectl too, and
    :class:`TimedOut` where no time is left to begin with.
    """
    deadline.check("before kubectl exec was run")
    flags = connection.flags._replace(namespace=namespace, request_timeout=None)
    chosen = ["-c", container] if container else []
    process = subprocess.Popen(
        [kubectl, "exec", pod, *chosen, *flags.to_argv(), "--", *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Not WebSockets first: they are what was just refused.
        env={**connection.environ, "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"},
        start_new_session=os.name == "posix",
    )
    stdout, stderr = _Reader(process.stdout, limit_bytes), _Reader(process.stderr, limit_bytes)
    with process:
        try:
            code = _wait(process, deadline, cancelled)
        finally:
            if process.poll() is None:
                end_group(process)
            stdout.finish()
            stderr.finish()
    if code is None:
        words = "timed out waiting for kubectl exec"
        return ExecResult(stdout.data, stderr.data, words, None, False, "kubectl")
    if stdout.cut or stderr.cut:
        words = f"more than {limit_bytes} bytes of output"
        return ExecResult(stdout.data, stderr.data, words, None, False, "kubectl")
    return _read_ending(code, stdout.data, stderr.data)


def _wait(
    process: "subprocess.Popen[bytes]", deadline: Deadline, cancelled: threading.Event
) -> int | None:
    """The exit code, or None where the process had to be given up."""
    while True:
        try:
            return process.wait(min(deadline.remaining(), LOOK_SECONDS))
        except subprocess.TimeoutExpired:
            if deadline.passed or cancelled.is_set():
                return None


class _Reader:
    """Reads a pipe to its end in a thread, and keeps so many bytes of it."""

    def __init__(self, pipe: IO[bytes] | None, limit: int) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._limit = limit
        self._kept = bytearray()
        self.cut = False
        self._thread = threading.Thread(target=self._run, daemon=True, name="portcheck-kubectl")
        self._thread.start()

    def _run(self) -> None:
        try:
            while chunk := os.read(self._pipe.fileno(), 65536):
                room = self._limit - len(self._kept)
                self._kept += chunk[:room]
                self.cut = self.cut or len(chunk) > room
        except (OSError, ValueError):
            return

    def finish(self) -> None:
        """Waits for the end, which has come once the process is gone."""
        self._thread.join(1)

    @property
    def data(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)


def _read_ending(code: int, stdout: bytes, stderr: bytes) -> ExecResult:
    """The result, with kubectl's own lines told from the command's."""
    if code == 0:
        return ExecResult(stdout, stderr, "", 0, True, "kubectl")
    lines = stderr.decode("utf-8", "replace").splitlines()
    last = lines[-1].strip() if lines else ""
    if match := re.fullmatch(r"command terminated with exit code (\d+)", last):
        rest = stderr[: stderr.rstrip().rfind(b"command terminated")]
        return ExecResult(stdout, rest, last, int(match[1]), True, "kubectl")
    if match := re.fullmatch(r"Error from server(?: \((\w+)\))?: (.*)", last):
        reason = match[1] or ""
        if reason in _CODES:
            raise status_error(_CODES[reason], reason, match[2])
    return ExecResult(stdout, b"", last.removeprefix("error: "), None, True, "kubectl")
