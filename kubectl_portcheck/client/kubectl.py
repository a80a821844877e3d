"""What the kubectl beside us does better: commands without ``get``, and renewed oidc tokens.

The usual handbook Role grants only ``create`` on pods/exec. kubectl works with it, since it speaks
SPDY, which is a POST; our WebSocket is a GET and needs ``get`` as well. Where that is the one thing
missing, kubectl runs the command with the same connection flags.
"""

import re
import threading
from collections.abc import Mapping, Sequence

from kubectl_portcheck.client import children
from kubectl_portcheck.client.connection import Connection
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import (
    CredentialsError,
    Forbidden,
    TimedOut,
    status_error,
)
from kubectl_portcheck.client.exec import ExecResult
from kubectl_portcheck.client.kubeconfig import AuthProvider, load_kubeconfig
from kubectl_portcheck.inputs.limits import PLUGIN_BYTES

_CODES = {"Unauthorized": 401, "Forbidden": 403, "NotFound": 404, "TooManyRequests": 429}


def find_kubectl(environ: Mapping[str, str]) -> str | None:
    """The kubectl that called us or the one in PATH, or None."""
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
    flags = connection.flags._replace(namespace=namespace, request_timeout=None)
    chosen = ["-c", container] if container else []
    deadline.check("before kubectl was run")
    ran = children.run(
        [kubectl, "exec", f"pod/{pod}", *chosen, *flags.to_argv(), "--", *argv],
        # Not WebSockets first: they are what was just refused.
        {**connection.environ, "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false"},
        deadline,
        cancelled,
        limit_bytes,
    )
    if ran.cut:
        words = f"more than {limit_bytes} bytes of output"
        return ExecResult(ran.stdout, ran.stderr, words, None, False)
    if ran.code is None:
        words = "timed out waiting for kubectl exec"
        return ExecResult(ran.stdout, ran.stderr, words, None, False)
    return _read_ending(ran.code, ran.stdout, ran.stderr)


def renew_provider(
    connection: Connection, deadline: Deadline, cancelled: threading.Event
) -> AuthProvider | None:
    """Lets kubectl renew the tokens of an ``auth-provider`` entry, and reads the entry again.

    kubectl keeps the new tokens in the kubeconfig; an issuer that gives a refresh token only once
    would otherwise log the user out of kubectl. Where there is no kubectl, the official client
    takes its place. None where the entry holds nothing to renew it by. Raises
    :class:`CredentialsError` with kubectl's words, and :class:`TimedOut`.
    """
    kubectl = find_kubectl(connection.environ)
    if kubectl is None:
        from kubectl_portcheck.client.official import renew_with_package

        return renew_with_package(connection, deadline, cancelled)
    argv = [kubectl, "get", "--raw", "/version", *connection.flags.to_argv()]
    deadline.check("before kubectl was run")
    ran = children.run(argv, connection.environ, deadline, cancelled, PLUGIN_BYTES)
    if ran.code is None:
        raise TimedOut("timed out while kubectl renewed the credentials")
    if ran.code != 0:
        lines = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        said = lines[-1].removeprefix("error: ") if lines else f"exit code {ran.code}"
        raise CredentialsError(f"kubectl could not renew the credentials: {said}")
    config = load_kubeconfig(connection.flags.kubeconfig, connection.environ)
    entry = config.users.get(connection.user_name)
    return entry.auth_provider if entry else None


def _read_ending(code: int, stdout: bytes, stderr: bytes) -> ExecResult:
    """The result, with kubectl's own lines separated from the command's."""
    if code == 0:
        return ExecResult(stdout, stderr, "", 0, True)
    lines = stderr.decode("utf-8", "replace").splitlines()
    last = lines[-1].strip() if lines else ""
    if match := re.fullmatch(r"command terminated with exit code (\d{1,9})", last):
        rest = stderr[: stderr.rstrip().rfind(b"command terminated")]
        return ExecResult(stdout, rest, last, int(match[1]), True)
    if match := re.fullmatch(r"Error from server(?: \((\w+)\))?: (.*)", last):
        reason = match[1] or ""
        if reason in _CODES:
            raise status_error(_CODES[reason], reason, match[2])
    return ExecResult(stdout, b"", last.removeprefix("error: "), None, True)
