"""--fix on a real cluster: asked at a terminal, healed, undone by the command that it prints."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from . import incidents
from .portcheck import PROGRAM, diagnose, paste, run
from .table import keep
from .terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@pytest.fixture
def asked(cluster: Cluster, namespace: str) -> Iterator[Callable[..., Terminal]]:
    """Run --fix on the broken Service at a terminal; wait until it asks."""
    opened: list[Terminal] = []
    break_it(cluster, namespace)

    def run_it(*flags: str, until: str = "Apply this change? [y/N]") -> Terminal:
        words = shlex.join([str(PROGRAM), "svc/checkout", "-n", namespace, "--fix", *flags])
        # The shell outlives Ctrl-C, to say how the program ended.
        command = ["sh", "-c", f"trap : INT; {words}; echo ended with $?; sleep 600"]
        opened.append(Terminal(command, cluster.environment(), (120, 60)))
        opened[-1].shows(until)
        return opened[-1]

    yield run_it
    for terminal in opened:
        terminal.close()


def target_port(cluster: Cluster, namespace: str) -> int:
    found: int = cluster.get("service", "checkout", namespace=namespace)["spec"]["ports"][0][
        "targetPort"
    ]
    return found


def test_an_object_that_changed_since_it_was_shown_is_not_changed(
    cluster: Cluster, namespace: str, asked: Callable[..., Terminal]
) -> None:
    terminal = asked()
    cluster.kubectl("annotate", "service", "checkout", "a=b", namespace=namespace, check=True)
    terminal.press("y", "Enter")
    screen = terminal.shows("ended with 1")
    assert "nothing was changed: " in screen
    assert "Service checkout changed since it was shown: run it again" in screen
    assert target_port(cluster, namespace) == 8080


def test_who_may_not_change_it_reads_which_right_is_missing(
    cluster: Cluster, namespace: str, asked: Callable[..., Terminal]
) -> None:
    role = run(cluster, "--rbac", "-n", namespace, "svc/checkout").stdout
    cluster.apply(role, namespace)
    bind = ("create", "rolebinding", "reader", "--role=portcheck", "--user=reader")
    cluster.kubectl(*bind, namespace=namespace, check=True)
    screen = asked("--as=reader", until="ended with 1").screen()
    assert "nothing was changed: you may not patch services" in screen
    assert target_port(cluster, namespace) == 8080


def test_an_owner_that_would_revert_it_is_named_before_the_question(
    cluster: Cluster, namespace: str, asked: Callable[..., Terminal]
) -> None:
    annotation = "argocd.argoproj.io/tracking-id=shop:/Service:shop/checkout"
    cluster.kubectl("annotate", "service", "checkout", annotation, namespace=namespace, check=True)
    before = asked().screen().partition("Apply this change?")[0]
    assert "Argo CD application shop owns this object and takes the change back" in before


def test_ctrl_c_after_the_change_says_that_it_stands_and_how_it_is_undone(
    cluster: Cluster, namespace: str, asked: Callable[..., Terminal]
) -> None:
    terminal = asked()
    # Clients are not served as long as there is no pod: there is something to wait for.
    cluster.kubectl("scale", "deployment/checkout", "--replicas=0", namespace=namespace, check=True)
    terminal.press("y", "Enter")
    terminal.shows("changed.", "To undo it:")
    terminal.press("C-c")
    screen = terminal.shows("ended with 130")
    assert "interrupted; the change was made and remains" in screen
    assert "To undo it:" in screen
    assert "kubectl patch service checkout" in screen
    assert target_port(cluster, namespace) == 9000


def test_ctrl_c_at_the_question_changes_nothing(
    cluster: Cluster, namespace: str, asked: Callable[..., Terminal]
) -> None:
    terminal = asked()
    terminal.press("C-c")
    terminal.shows("ended with 130")
    assert target_port(cluster, namespace) == 8080
