"""Credential plugins: programs that print an ExecCredential (client.authentication.k8s.io).

The rules are those of client-go's ``plugin/pkg/client/auth/exec``. A plugin that fails is an error
that shows what it said: the requests never go out without its credentials.
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from kubectl_portcheck.client import children
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import CredentialsError, TimedOut
from kubectl_portcheck.client.kubeconfig import ExecPlugin
from kubectl_portcheck.inputs import Unreadable, json_value, size
from kubectl_portcheck.inputs.limits import PLUGIN_BYTES

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
NOT_INSTALLED = (
    "\n\nIt looks like you are trying to use a client-go credential plugin that is not installed."
    "\n\nTo learn more about this feature, consult the documentation available at:\n      "
    "https://kubernetes.io/docs/reference/access-authn-authz/authentication/"
    "#client-go-credential-plugins"
)
MOST_STDERR = 4000
"""How many characters of the plugin's own message are shown, from its end."""


class PluginAnswer(NamedTuple):
    """What a plugin printed."""

    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    expires: float | None = None
    """When the credentials end, in seconds since the epoch; None where the plugin did not say."""

    def __repr__(self) -> str:
        return f"PluginAnswer(expires={self.expires})"


def run_plugin(
    plugin: ExecPlugin,
    cluster: Mapping[str, Any] | None,
    environ: Mapping[str, str],
    deadline: Deadline,
    cancelled: threading.Event,
) -> PluginAnswer:
    """Runs a credential plugin and reads its answer.

    ``cluster`` is what it receives about the cluster, where it asked for that. Raises
    :class:`CredentialsError` with the plugin's message, and :class:`TimedOut`.
    """
    import msgspec

    if plugin.api_version not in VERSIONS:
        raise CredentialsError(f'exec plugin: invalid apiVersion "{plugin.api_version}"')
    spec: dict[str, Any] = {"interactive": _is_interactive(plugin)}
    if plugin.provide_cluster_info and cluster is not None:
        spec["cluster"] = cluster
    info = {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}
    full_environ = {**environ, **dict(plugin.env)}
    full_environ["KUBERNETES_EXEC_INFO"] = msgspec.json.encode(info).decode()
    stdout = _run(plugin, full_environ, spec["interactive"], deadline, cancelled)
    try:
        answer = json_value(stdout)
    except Unreadable:
        raise CredentialsError(
            f"getting credentials: decoding stdout: {plugin.command} did not print JSON"
        ) from None
    return _read(plugin, answer)


def _is_interactive(plugin: ExecPlugin) -> bool:
    if plugin.interactive_mode == "Never":
        return False
    terminal = sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
    if plugin.interactive_mode == "Always" and not terminal:
        raise CredentialsError(
            "getting credentials: exec plugin cannot support interactive mode: "
            "standard input is not a terminal"
        )
    return terminal


def _run(
    plugin: ExecPlugin,
    environ: Mapping[str, str],
    interactive: bool,
    deadline: Deadline,
    cancelled: threading.Event,
) -> bytes:
    """The plugin's standard output. Its standard error is kept for the error message."""
    name = os.path.normpath(plugin.command)
    # The search follows the PATH of this run's environment, as for kubectl.
    import shutil

    found = shutil.which(name, path=environ.get("PATH"))
    if found is None:
        hint = f"\n\n{plugin.install_hint}" if plugin.install_hint else ""
        raise CredentialsError(
            f"getting credentials: exec: executable {name} not found{NOT_INSTALLED}{hint}",
            plugin.install_hint,
        )
    deadline.check(f"before the credential plugin {name} was run")
    try:
        ran = children.run(
            [found, *plugin.args],
            environ,
            deadline,
            cancelled,
            PLUGIN_BYTES,
            interactive=interactive,
        )
    except (OSError, ValueError) as error:
        # ValueError: a NUL character, which no program can be given.
        why = error.strerror if isinstance(error, OSError) else "invalid argument"
        raise CredentialsError(f"getting credentials: exec: {name}: {why}") from None
    if ran.cut:
        raise CredentialsError(
            f"getting credentials: exec: {name} printed more than {size(PLUGIN_BYTES)}"
        )
    if ran.code is None:
        # It may have said where to log in.
        raise TimedOut(f"timed out waiting for the credential plugin {name}{_said(ran.stderr)}")
    if ran.code != 0:
        raise CredentialsError(
            f"getting credentials: exec: executable {name} failed with exit code "
            f"{ran.code}{_said(ran.stderr)}",
            plugin.install_hint,
        )
    return ran.stdout


def _said(stderr: bytes | None) -> str:
    """The plugin's own message, on lines of its own."""
    text = (stderr or b"").decode("utf-8", "replace").strip()[-MOST_STDERR:]
    return f"\n{text}" if text else ""


def _read(plugin: ExecPlugin, answer: Any) -> PluginAnswer:
    def fail(reason: str) -> CredentialsError:
        return CredentialsError(f"getting credentials: {reason}")

    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise fail("decoding stdout: not an ExecCredential")
    if answer.get("apiVersion") != plugin.api_version:
        raise fail(
            f"exec plugin is configured to use API version {plugin.api_version}, "
            f"plugin returned version {answer.get('apiVersion')}"
        )
    status = answer.get("status")
    if not isinstance(status, dict):
        raise fail("exec plugin didn't return a status field")
    token = status.get("token") or ""
    certificate = status.get("clientCertificateData") or ""
    key = status.get("clientKeyData") or ""
    if not all(isinstance(value, str) for value in (token, certificate, key)):
        raise fail("decoding stdout: not an ExecCredential")
    if not (token or certificate or key):
        raise fail("exec plugin didn't return a token or cert/key pair")
    if bool(certificate) != bool(key):
        raise fail("exec plugin returned only certificate or key, not both")
    return PluginAnswer(
        token, certificate.encode(), key.encode(), _moment(status.get("expirationTimestamp"))
    )


def _moment(text: Any) -> float | None:
    """An RFC 3339 time as seconds since the epoch; None where there is none or it is no time."""
    if not isinstance(text, str) or not text:
        return None
    from datetime import datetime

    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        # An unreadable time counts as 'now': the answer serves this once.
        return time.time()
