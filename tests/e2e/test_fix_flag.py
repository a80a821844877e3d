"""--fix on a real cluster: asked at a terminal, healed, undone by the command that it prints."""

from __future__ import annotations

import os
import pty
import subprocess
from typing import TYPE_CHECKING

from . import incidents
from .portcheck import PROGRAM, diagnose, paste, run
from .table import keep

if TYPE_CHECKING:
    from .conftest import Cluster


def break_it(cluster: Cluster, namespace: str) -> None:
    cluster.apply(incidents.checkout(), namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "broken", "the incident")


def at_a_terminal(cluster: Cluster, *args: str, typed: str) -> tuple[int, str]:
    """The exit code, and what a user saw who typed this."""
    ours, theirs = pty.openpty()
    started = subprocess.Popen(
        [str(PROGRAM), *args],
        env=cluster.environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    seen = b""
    try:
        while piece := os.read(ours, 4096):
            seen += piece
    except OSError:  # The last process on the other side has ended.
        pass
    os.close(ours)
    return started.wait(120), seen.decode("utf-8", "replace").replace("\r\n", "\n")


def undo(said: str) -> str:
    return next(row for row in said.splitlines() if row.startswith("  kubectl patch")).strip()


def test_at_a_terminal(cluster: Cluster, namespace: str) -> None:
    break_it(cluster, namespace)
    before = diagnose(cluster, namespace)
    words = ("svc/checkout", "-n", namespace, "--fix", "--plain")

    code, said = at_a_terminal(cluster, *words, typed="n\n")
    assert (code, diagnose(cluster, namespace).verdict) == (1, "broken")
    assert "you did not confirm it" in said

    code, said = at_a_terminal(cluster, *words, typed="y\n")
    after = diagnose(cluster, namespace)
    assert (code, after.verdict) == (0, "healthy"), said
    assert "+ spec.ports[0].targetPort: 9000" in said
    keep("the debrief's incident, fixed by --fix", before, after)

    paste(cluster, undo(said))
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "broken", "the undo")


def test_without_a_terminal(cluster: Cluster, namespace: str) -> None:
    break_it(cluster, namespace)
    words = ("svc/checkout", "-n", namespace, "--fix")
    assert run(cluster, *words).returncode == 2
    shown = run(cluster, *words, "--dry-run=server")
    assert (shown.returncode, diagnose(cluster, namespace).verdict) == (1, "broken")
    assert "- spec.ports[0].targetPort: 8080" in shown.stderr
    # Impersonated, so without rights of its own: refused before anything is asked of the Service.
    refused = run(cluster, *words, "--yes", "--as=somebody")
    assert refused.returncode in (2, 3)
    done = run(cluster, *words, "--yes", "-o", "name")
    assert (done.returncode, done.stdout) == (0, "")
