"""Records the program at a terminal, on a real cluster: ``make casts``.

``python -m tests.demo.casts [NAME...]`` breaks a Service in a namespace of its own, starts the
program at a pseudo-terminal, presses keys when the screen has what is waited for, and writes what
the terminal got into docs/recordings, in asciinema's format. The cluster is that of $KUBECONFIG,
else the test bed's; the recording of several clusters has it under two names, with a namespace
for each.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import secrets
import select
import shlex
import shutil
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.demo.record import _bed, _kubeconfig
from tests.e2e import incidents
from tests.e2e.conftest import Cluster, connect
from tests.e2e.portcheck import PROGRAM, diagnose

DOCS = Path(__file__).resolve().parents[2] / "docs"
FOLDER = DOCS / "recordings"
SHOWN = "production"
"""What the recording calls the namespace, which has a name of the same length."""
COLUMNS, ROWS = 100, 32
PATIENCE = 120.0


class Press(NamedTuple):
    """Keys, and what has to be on the screen before."""

    after: str
    keys: bytes
    seconds: float = 2.0
    """How long a person would look before."""


def main() -> int:
    """Record what the command line names, or everything."""
    parser = argparse.ArgumentParser(description="Records the program at a terminal.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECORDERS))
    names = parser.parse_args().names or list(RECORDERS)
    unknown = set(names) - set(RECORDERS)
    if unknown:
        parser.error(f"no recording {', '.join(sorted(unknown))}")
    cluster = connect(_kubeconfig(), Path(_bed("kubectl")), direct=False)
    for name in names:
        with _namespace(cluster) as namespace, tempfile.TemporaryDirectory() as folder:
            _checkout(cluster, namespace, 9000, "broken")
            RECORDERS[name](cluster, namespace, Path(folder))
    return 0


@contextmanager
def _namespace(cluster: Cluster) -> Iterator[str]:
    name = f"cast-{secrets.token_hex(3)}"[: len(SHOWN)].ljust(len(SHOWN), "0")
    cluster.kubectl("create", "namespace", name, check=True)
    try:
        yield name
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


def _checkout(cluster: Cluster, namespace: str, listening: int, verdict: str) -> None:
    cluster.apply(incidents.checkout(listening), namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == verdict, f"{verdict} checkout")


def _fix(cluster: Cluster, namespace: str, folder: Path) -> None:
    command = (str(PROGRAM), "svc/checkout", "-n", namespace, "--fix")
    title = f"kubectl portcheck svc/checkout -n {SHOWN} --fix"
    _record(
        "fix", title, command, _environment(cluster, folder), [namespace], [Press("[y/N]", b"y\n")]
    )


def _k9s(cluster: Cluster, namespace: str, folder: Path) -> None:
    k9s = os.environ.get("PORTCHECK_K9S") or shutil.which("k9s")
    if not k9s:
        sys.exit("there is no k9s here: put it on the PATH, or name it in PORTCHECK_K9S")
    command = (k9s, "--headless", "--splashless", "-n", namespace, "-c", "services")
    presses = [
        Press("checkout", b"P"),
        Press("Esc: back to k9s", b"\x1b", 4.0),
        Press("checkout", b":quit\r"),
    ]
    _record("k9s", "Shift-P in k9s", command, _environment(cluster, folder), [namespace], presses)


def _fleet(cluster: Cluster, namespace: str, folder: Path) -> None:
    with _namespace(cluster) as other:
        _checkout(cluster, other, 8080, "healthy")
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(_two_names(cluster, {"eu": namespace, "us": other})))
        commands = [
            "kubectl portcheck --contexts eu,us",
            "kubectl portcheck --context eu -o json > eu.json",
            "kubectl portcheck --context us -o json > us.json",
            "kubectl portcheck --merge eu.json us.json --summary",
        ]
        environ = {**_environment(cluster, folder), "KUBECONFIG": str(kubeconfig)}
        _record("fleet", "Several clusters", _typed(commands, folder), environ, [namespace, other])


def _two_names(cluster: Cluster, namespaces: Mapping[str, str]) -> dict[str, Any]:
    """The cluster's kubeconfig as if it were one cluster for each of the names."""
    words = ("config", "view", "--raw", "--flatten", "--minify", "-o", "json")
    config: dict[str, Any] = json.loads(cluster.kubectl(*words, check=True).stdout)
    (server,), (user,) = config["clusters"], config["users"]
    return {
        **config,
        "clusters": [{**server, "name": name} for name in namespaces],
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": user["name"], "namespace": space}}
            for name, space in namespaces.items()
        ],
        "current-context": next(iter(namespaces)),
    }


def _metrics(cluster: Cluster, namespace: str, folder: Path) -> None:
    words = f"kubectl portcheck -n {namespace} -o openmetrics"
    environ = _environment(cluster, folder)
    _record("metrics", "Metrics", _typed([words], folder), environ, [namespace])


def _mcp(cluster: Cluster, namespace: str, folder: Path) -> None:
    command = (sys.executable, "-m", "tests.demo.conversation", str(PROGRAM), namespace)
    environ = _environment(cluster, folder)
    _record("mcp", "A client of kubectl portcheck --mcp", command, environ, [namespace])


RECORDERS = {"fix": _fix, "k9s": _k9s, "fleet": _fleet, "metrics": _metrics, "mcp": _mcp}


def _typed(commands: Sequence[str], folder: Path) -> tuple[str, ...]:
    """A shell that shows each command as a person would type it, and runs it in the folder."""
    lines = [f"cd {shlex.quote(str(folder))}"]
    for command in commands:
        lines += [f"printf '$ %s\\n' {shlex.quote(command)}", "sleep 1", command, "echo"]
    return ("/bin/sh", "-c", "\n".join(lines))


def _environment(cluster: Cluster, folder: Path) -> dict[str, str]:
    """The environment of a user who has the plugin, in kubectl and in k9s."""
    shutil.copy(DOCS / "k9s" / "plugins.yaml", folder / "plugins.yaml")
    (folder / "kubectl").symlink_to(cluster.kubectl_path)
    (folder / "kubectl-portcheck").symlink_to(PROGRAM)
    places = {f"XDG_{kind}_HOME": str(folder / kind) for kind in ("STATE", "DATA", "CACHE")}
    return {
        **cluster.environment(),
        **places,
        "K9S_CONFIG_DIR": str(folder),
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "TERM": "xterm-256color",
    }


def _record(
    name: str,
    title: str,
    command: Sequence[str],
    environ: Mapping[str, str],
    namespaces: Sequence[str],
    presses: Sequence[Press] = (),
) -> None:
    """Run the command at a terminal and write what it got, with SHOWN for the namespaces."""
    events = _run(command, environ, presses)
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "idle_time_limit": 3, "title": title}
    rows = [json.dumps(head)]
    rows += [json.dumps([round(at, 3), "o", text]) for at, text in events]
    FOLDER.mkdir(exist_ok=True)
    text = "\n".join(rows) + "\n"
    for namespace in namespaces:
        text = text.replace(namespace, SHOWN)
    (FOLDER / f"{name}.cast").write_text(text)


def _run(
    command: Sequence[str], environ: Mapping[str, str], presses: Sequence[Press]
) -> list[tuple[float, str]]:
    """Give what the terminal got, each piece with its second."""
    child, terminal = pty.fork()
    if not child:
        os.execvpe(command[0], list(command), dict(environ))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    began, seen, events = time.monotonic(), "", list[tuple[float, str]]()
    left = list(presses)
    due = 0.0
    while time.monotonic() - began < PATIENCE:
        ready, _, _ = select.select([terminal], [], [], 0.1)
        try:
            piece = os.read(terminal, 65536).decode("utf-8", "replace") if ready else ""
        except OSError:  # The last process at the terminal has ended.
            break
        now = time.monotonic() - began
        if piece:
            events.append((now, piece))
            seen += piece
        if left and not due and left[0].after in seen:
            due = now + left[0].seconds
        if due and now >= due:
            os.write(terminal, left.pop(0).keys)
            due, seen = 0.0, ""
    else:
        sys.exit(f"{command[0]} did not end")
    os.waitpid(child, 0)
    return events


if __name__ == "__main__":
    raise SystemExit(main())
