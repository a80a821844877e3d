"""The connections that wait to be accepted: the first look, and the second one a second later."""

from __future__ import annotations

import subprocess

import pytest

from kubectl_portcheck.collect.sockets import (
    BACKLOG_SCRIPT,
    merge,
    parse_script_output,
    restrict_to_pod,
    second_look,
)
from kubectl_portcheck.collect.sockets.ss import ss_rows
from kubectl_portcheck.model.probes import AcceptQueue


def listens(port: int, waiting: int, *, inode: int = 7) -> str:
    """A row of /proc/net/tcp as the kernel prints it."""
    return (
        f"   0: 00000000:{port:04X} 00000000:0000 0A 00000000:{waiting:08X} 00:00000000 00000000"
        f"     0        0 {inode} 1 ffff9d0a41b0a300 100 0 0 10 0"
    )


def waits(port: int, client: int, *, state: str = "01", inode: int = 0) -> str:
    """A connection to the port; without an inode it is not accepted yet."""
    return (
        f"   1: 0500F40A:{port:04X} 0100F40A:{client:04X} {state} 00000000:00000000 00:00000000 "
        f"00000000     0        0 {inode} 1 ffff9d0a41b0b400 20 4 30 10 -1"
    )


def answer(*rows: str, ss: str = "") -> bytes:
    """What the script prints first of all."""
    head = ["portcheck 1", "cpu processor : 0", "table tcp", *rows, "ss"]
    return "\n".join([*head, *([ss] if ss else []), "procs", "end", ""]).encode()


def looks(first: list[str], second: list[str] | None) -> bytes:
    """What the second script prints."""
    lines = ["first", *first]
    lines += ["second", *second] if second is not None else []
    return "\n".join([*lines, "end", ""]).encode()


def test_the_first_look_counts_what_waits() -> None:
    found = parse_script_output(answer(listens(8080, 6), listens(9000, 0, inode=8)))
    assert found.queues == (AcceptQueue(port=8080, waiting=6),)


def test_ss_tells_the_limit() -> None:
    shown = "tcp   LISTEN 6      128          0.0.0.0:8080      0.0.0.0:*    ino:7 sk:1"
    assert [(r.waiting, r.limit) for r in ss_rows(shown)] == [(6, 128)]
    found = parse_script_output(answer(listens(8080, 6), ss=shown))
    assert found.queues == (AcceptQueue(port=8080, waiting=6, limit=128),)


def test_workers_with_a_socket_each_are_counted_together() -> None:
    found = parse_script_output(answer(listens(8080, 2), listens(8080, 3, inode=8)))
    assert [(q.port, q.waiting) for q in found.queues] == [(8080, 5)]


def test_a_udp_socket_has_no_such_queue() -> None:
    row = listens(53, 4).replace(" 0A ", " 07 ")
    assert parse_script_output(answer(row).replace(b"table tcp", b"table udp")).queues == ()


def test_containers_of_one_pod_see_one_queue() -> None:
    seen = [parse_script_output(answer(listens(8080, n)), f"c{n}") for n in (3, 5)]
    assert [(q.port, q.waiting) for q in merge(seen).queues] == [(8080, 5)]


def test_the_nodes_queues_are_not_the_pods() -> None:
    assert restrict_to_pod(parse_script_output(answer(listens(8080, 6)), "app")).queues == ()


SEEN = (AcceptQueue(port=8080, waiting=2, limit=128),)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(
            [listens(8080, 2), waits(8080, 1), waits(8080, 2, state="08")],
            [listens(8080, 3), waits(8080, 1), waits(8080, 2, state="08"), waits(8080, 3)],
            AcceptQueue(port=8080, waiting=3, limit=128, stuck=2),
            id="nothing was accepted",
        ),
        pytest.param(
            [listens(8080, 2), waits(8080, 1), waits(8080, 2)],
            [listens(8080, 1), waits(8080, 2), waits(8080, 1, inode=55)],
            AcceptQueue(port=8080, waiting=1, limit=128, stuck=1, accepted=1),
            id="one was accepted",
        ),
        pytest.param(
            [listens(8080, 2), waits(8080, 1), waits(8080, 2)],
            [listens(8080, 2), waits(8080, 3), waits(8080, 4)],
            AcceptQueue(port=8080, waiting=2, limit=128, stuck=0, accepted=2),
            id="others wait by now: busy",
        ),
        pytest.param([listens(8080, 2)], [listens(8080, 0)], None, id="the queue is empty by now"),
        pytest.param([listens(8080, 2)], [], None, id="nothing listens any more"),
        pytest.param([listens(8080, 2)], None, SEEN[0], id="no sleep in this image"),
    ],
)
def test_the_second_look(
    first: list[str], second: list[str] | None, expected: AcceptQueue | None
) -> None:
    found = second_look(looks(first, second), SEEN)
    assert found == ((expected,) if expected else ())


def test_an_answer_that_was_cut_proves_nothing() -> None:
    whole = looks([listens(8080, 2), waits(8080, 1)], [listens(8080, 2), waits(8080, 1)])
    assert second_look(whole[: -len("end\n")], SEEN) == SEEN
    assert second_look(b"", SEEN) == SEEN


def test_the_script_runs_in_this_shell() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", BACKLOG_SCRIPT], capture_output=True, check=True, timeout=30
    )
    lines = done.stdout.decode().split("\n")
    assert (lines[0], lines[-2:]) == ("first", ["end", ""])
    assert "second" in lines
