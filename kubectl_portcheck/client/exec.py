"""Commands in a container, over a WebSocket.

Channels: 1 is standard output, 2 standard error, 3 ends the stream with a Status object. Sources:
Kubernetes ``remotecommand`` (v4.channel.k8s.io and v5.channel.k8s.io; they differ in how standard
input is closed, of which there is none here).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlencode

from kubectl_portcheck.client.errors import ApiStatusError, BadAnswer, TimedOut
from kubectl_portcheck.client.paths import pod_path
from kubectl_portcheck.client.status import parse_object
from kubectl_portcheck.client.turns import Turn, Turns
from kubectl_portcheck.client.websocket import WebSocket
from kubectl_portcheck.client.wire import Disconnected
from kubectl_portcheck.inputs.limits import MESSAGE_CHARACTERS, SMALL_BYTES

STDOUT, STDERR, ERROR = 1, 2, 3
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"

PROTOCOL_FAILURES = (
    "server gave http response to https client",
    "bad handshake",
    "malformed http",
    "protocol",
    "websocket",
)
"""Failures with one subprotocol that another may not meet: cri-dockerd fails v5 on 1.36."""


class ExecResult(NamedTuple):
    """What a command printed and how it ended."""

    stdout: bytes
    stderr: bytes
    error: str
    """Why it did not end properly, in the runtime's or our own words; empty after exit code 0."""
    exit_code: int | None
    """None where the runtime gave none (it could not start the command), or it is not known."""
    complete: bool
    """True where it is known how the command ended, or that it could not be started, and all of its
    output is here."""
    turn: Turn | None = None
    """Held while a large output is."""


def exec_path(namespace: str, pod: str, container: str, argv: Sequence[str]) -> str:
    """The request path of an exec without standard input and terminal."""
    query = [("container", container)] if container else []
    query += [("stdout", "true"), ("stderr", "true")]
    return f"{pod_path(namespace, pod)}/exec?{urlencode(query)}&{_command(tuple(argv))}"


@lru_cache(maxsize=16)
def _command(argv: tuple[str, ...]) -> str:
    """The command in a query; thousands of pods are asked with one and the same."""
    return urlencode([("command", word) for word in argv])


def read_exec(stream: WebSocket, limit_bytes: int, turns: Turns) -> ExecResult:
    """Reads a command's output to its end, its limit or its deadline; raises nothing for these."""
    output = {STDOUT: bytearray(), STDERR: bytearray()}
    turn: Turn | None = None
    status: bytes | None = None
    total = 0
    problem = ""
    try:
        for message in stream.messages():
            if not message:
                continue
            channel, data = message[0], message[1:]
            if channel in output:
                total += len(data)
                if turn is None and total > SMALL_BYTES:
                    turn = turns.take(stream.deadline)
                output[channel] += data
                if total > limit_bytes:
                    problem = f"more than {limit_bytes} bytes of output"
                    break
            elif channel == ERROR and data:
                status = data
                break
    except TimedOut as error:
        problem = error.message
    except Disconnected as error:
        problem = f"the stream broke off: {error}"
    except BadAnswer as error:
        problem = error.message
    stdout, stderr = (bytes(output[channel][:limit_bytes]) for channel in (STDOUT, STDERR))
    if status is None or problem:
        why = problem or "the stream ended without a status"
        return ExecResult(stdout, stderr, why, None, False, turn=turn)
    error_text, code = _ending(status)
    return ExecResult(stdout, stderr, error_text, code, True, turn=turn)


def _ending(status: bytes) -> tuple[str, int | None]:
    """Error text and exit code of the Status object on channel 3."""
    data = parse_object(status)
    if data is None or "status" not in data:
        return status.decode("utf-8", "replace").strip()[:MESSAGE_CHARACTERS], None
    if data.get("status") == "Success":
        return "", 0
    message = data.get("message")
    text = message if isinstance(message, str) and message else "the command failed"
    details = data.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes if isinstance(causes, list) else []:
        if isinstance(cause, dict) and cause.get("reason") == "ExitCode":
            code = str(cause.get("message", ""))
            whole = code.isascii() and code.isdigit() and len(code) < 10
            return text, int(code) if whole else None
    return text, None


def worth_another_protocol(result: ExecResult | ApiStatusError) -> bool:
    """Whether a failure looks like one of the subprotocol, which another may not meet."""
    if isinstance(result, ApiStatusError):
        return result.status in (400, 500, 502, 503) and _is_of_protocol(result.message)
    return (
        result.exit_code is None
        and not result.stdout
        and not result.stderr
        and _is_of_protocol(result.error)
    )


def _is_of_protocol(text: str) -> bool:
    lowered = text.lower()
    return any(words in lowered for words in PROTOCOL_FAILURES) or any(
        # Not where it was the container that could not be had.
        line.rfind("unable to upgrade") > line.rfind("container")
        for line in lowered.splitlines()
    )
