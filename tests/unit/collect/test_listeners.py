"""Which commands are run in a pod's containers, and how often a person has to wait for them."""

import threading
from collections.abc import Callable, Sequence

import msgspec
import pytest

from kubectl_portcheck.client import ExecResult
from kubectl_portcheck.collect.cluster.listeners import AT_ONCE, find_listeners
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Pod
from tests.walk.shop import sockets

NOT_THERE = ExecResult(
    b"", b"", 'exec: "sh": executable file not found in $PATH: unknown', None, True
)
PROC = b"""  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt uid inode
   0: 00000000:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1000 1 0 100 0
"""


def pod(*names: str, image: str = "example.com/app:1") -> Pod:
    statuses = [{"name": n, "state": {"running": {}}} for n in names]
    return msgspec.convert(
        {
            "metadata": {"name": "checkout-1"},
            "spec": {"containers": [{"name": n, "image": image} for n in names]},
            "status": {"phase": "Running", "containerStatuses": statuses},
        },
        Pod,
    )


class Runs:
    """Answers commands, and counts how many wait at the same time and one after the other."""

    def __init__(
        self, answer: Callable[[str, Sequence[str]], ExecResult | Missing], patience: float = 0
    ) -> None:
        self.answer = answer
        self.patience = patience
        """For how many seconds a command waits until another runs beside it."""
        self.asked: list[tuple[str, str]] = []
        self.now = self.most = 0
        self.changed = threading.Condition()

    def __call__(self, container: str, argv: Sequence[str]) -> ExecResult | Missing:
        with self.changed:
            first = not self.asked  # What is asked first is asked by itself.
            self.asked.append((container, argv[0]))
            self.now += 1
            self.most = max(self.most, self.now)
            self.changed.notify_all()
            if not first:
                self.changed.wait_for(lambda: self.most > 1, timeout=self.patience)
            self.now -= 1
        return self.answer(container, argv)


def test_a_pod_without_a_shell_is_asked_twice_and_no_more() -> None:
    run = Runs(lambda _, __: NOT_THERE, patience=60)
    found = find_listeners(pod("app"), run)
    assert found == Missing(reason=Reason.NO_SHELL, detail="no shell in container app")
    assert run.asked[0] == ("app", "/bin/sh")
    assert sorted(run.asked[1:]) == [("app", "cat"), ("app", "netstat"), ("app", "sh")]
    assert 1 < run.most <= AT_ONCE


def test_the_sidecars_shell_answers_and_nothing_else_is_tried() -> None:
    def answer(container: str, _: Sequence[str]) -> ExecResult:
        if container == "app":
            return NOT_THERE
        return ExecResult(sockets(8080), b"", "", 0, True)

    run = Runs(answer)
    found = find_listeners(pod("app", "proxy"), run)
    assert isinstance(found, Observed)
    assert [s.port for s in found.value.listeners] == [8080]
    assert run.asked == [("app", "/bin/sh"), ("proxy", "/bin/sh")]


@pytest.mark.parametrize(("program", "source"), [("sh", "proc"), ("cat", "proc")])
def test_whatever_is_there_answers(program: str, source: str) -> None:
    output = {"sh": sockets(9000), "cat": PROC}[program]

    def answer(container: str, argv: Sequence[str]) -> ExecResult:
        if (container, argv[0]) == ("second", program):
            return ExecResult(output, b"", "", 0, True)
        return NOT_THERE

    found = find_listeners(pod("first", "second"), Runs(answer))
    assert isinstance(found, Observed)
    assert [(s.port, s.source) for s in found.value.listeners] == [(9000, source)]


def test_an_interpreter_is_tried_where_the_image_hints_at_one() -> None:
    run = Runs(lambda _, __: NOT_THERE)
    find_listeners(pod("app", image="gcr.io/distroless/python3"), run)
    assert ("app", "python3") in run.asked
    assert ("app", "node") not in run.asked


@pytest.mark.parametrize("reason", [Reason.FORBIDDEN, Reason.TIMED_OUT, Reason.NOT_FOUND])
def test_what_every_command_would_meet_ends_it(reason: Reason) -> None:
    run = Runs(lambda _, __: Missing(reason=reason, detail="why"))
    assert find_listeners(pod("app", "proxy"), run) == Missing(reason=reason, detail="why")
    assert run.asked == [("app", "/bin/sh")]


def test_what_does_not_end_is_not_tried_again_in_that_container() -> None:
    run = Runs(lambda _, __: ExecResult(b"y\n", b"", "more than 9 bytes of output", None, False))
    found = find_listeners(pod("app"), run)
    assert isinstance(found, Missing)
    assert run.asked == [("app", "/bin/sh")]
