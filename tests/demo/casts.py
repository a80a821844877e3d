"""Records --fix and the plugin for k9s at a terminal, on a real cluster: ``make casts``.

``python -m tests.demo.casts [fix] [k9s]`` breaks a Service in a namespace of its own, starts the
program at a pseudo-terminal, presses keys when the screen has what is waited for, and writes what
the terminal got into docs/recordings, in asciinema's format. The cluster is that of $KUBECONFIG,
else the test bed's.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import secrets
import select
import shutil
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

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
    """Record what the command line names, or both."""
    parser = argparse.ArgumentParser(description="Records the program at a terminal.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="fix, k9s")
    names = parser.parse_args().names or ["fix", "k9s"]
    cluster = connect(_kubeconfig(), Path(_bed("kubectl")), direct=False)
    for name in names:
        namespace = f"cast-{secrets.token_hex(3)}"[: len(SHOWN)].ljust(len(SHOWN), "0")
        cluster.kubectl("create", "namespace", namespace, check=True)
        try:
            _break(cluster, namespace)
            with tempfile.TemporaryDirectory() as folder:
                RECORDERS[name](cluster, namespace, Path(folder))
        finally:
            cluster.kubectl("delete", "namespace", namespace, "--wait=false")
    return 0


def _break(cluster: Cluster, namespace: str) -> None:
    cluster.apply(incidents.checkout(), namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "broken", "the incident")


def _fix(cluster: Cluster, namespace: str, folder: Path) -> None:
    command = (str(PROGRAM), "svc/checkout", "-n", namespace, "--fix")
    title = f"kubectl portcheck svc/checkout -n {SHOWN} --fix"
    _record(
        "fix", title, command, _environment(cluster, folder), namespace, [Press("[y/N]", b"y\n")]
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
    _record("k9s", "Shift-P in k9s", command, _environment(cluster, folder), namespace, presses)


RECORDERS = {"fix": _fix, "k9s": _k9s}


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
    namespace: str,
    presses: Sequence[Press],
) -> None:
    """Run the command at a terminal and write what it got."""
    events = _run(command, environ, presses)
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "idle_time_limit": 3, "title": title}
    rows = [json.dumps(head)]
    rows += [json.dumps([round(at, 3), "o", text]) for at, text in events]
    FOLDER.mkdir(exist_ok=True)
    text = "\n".join(rows).replace(namespace, SHOWN) + "\n"
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
