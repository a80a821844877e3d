"""The live list of steps: shown late, erased at the end, silent where it cannot be erased."""

import io
import re
import threading
import time

import pytest

from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.progress import DELAY, Progress
from kubectl_portcheck.render.text import cells

LIVE = Look(width=80, cursor=True)


class Screen(io.StringIO):
    """A terminal that remembers which lines are on it."""

    def lines(self) -> list[str]:
        rows: list[str] = [""]
        at = 0
        for part in re.split(r"(\x1b\[\d*[AKJ]|\r|\n)", self.getvalue()):
            if part == "\n":
                at += 1
                rows += [""] * (at + 1 - len(rows))
            elif part.endswith("A") and part.startswith("\x1b"):
                at -= int(part[2:-1])
            elif part.endswith("J") and part.startswith("\x1b"):
                rows[at:] = [""]
            elif part.endswith("K") and part.startswith("\x1b"):
                rows[at] = ""
            elif part and part != "\r":
                rows[at] += part
        return [r for r in rows if r]

    def until_drawn(self) -> None:
        """Waits until it was drawn once, and once more over that."""
        deadline = time.monotonic() + 60
        while "A\r" not in self.getvalue():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_fast_walk_writes_nothing_to_the_terminal() -> None:
    screen = Screen()
    with Progress(screen, LIVE) as progress:
        progress.target("svc/checkout")
        progress.started("pod-status")
        progress.done("pod-status")
    assert screen.getvalue() == ""


def test_a_slow_walk_is_shown_and_erased() -> None:
    screen = Screen()
    with Progress(screen, LIVE, delay=0) as progress:
        progress.target("svc/checkout", 3, 60)
        progress.started("listening-ports", "2 of 40 pods")
        screen.until_drawn()
        progress.done("listening-ports", "warn")
        rows = progress.lines()
        assert "svc/checkout (3 of 60)" in screen.lines()[0]
        assert len(screen.lines()) == 7
    assert "! 2 Listening ports" in rows[2]
    assert screen.lines() == []
    assert "\x1b[?25" not in screen.getvalue(), "the cursor is never hidden"


@pytest.mark.parametrize(
    "look",
    [
        Look(width=None),
        Look(width=80),
        Look(width=80, cursor=True, plain=True),
        Look(width=20, cursor=True),
    ],
)
def test_silent_where_it_could_not_be_erased(look: Look) -> None:
    screen = Screen()
    with Progress(screen, look, delay=0) as progress:
        progress.target("svc/checkout")
        progress.started("endpoints")
        time.sleep(0.05)
    assert screen.getvalue() == ""


def test_an_interrupt_erases_it_as_well() -> None:
    screen = Screen()

    def walk() -> None:
        with Progress(screen, LIVE, delay=0) as progress:
            progress.target("svc/checkout")
            screen.until_drawn()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk()
    assert screen.lines() == []
    assert not [t for t in threading.enumerate() if t.name == "progress"]


def test_a_closed_stream_does_not_end_the_walk() -> None:
    screen = Screen()
    with Progress(screen, LIVE, delay=0) as progress:
        progress.target("svc/checkout")
        screen.close()
        time.sleep(0.05)
        progress.started("endpoints")


def test_lines_fit_and_are_harmless() -> None:
    now = [0.0]
    progress = Progress(Screen(), Look(width=60, cursor=True), clock=lambda: now[0])
    progress.target("svc/" + "x" * 300)
    progress.started("endpoints", "\x1b[2J" + "y" * 300)
    now[0] = 7.9
    progress.started("target-port", "slow")
    now[0] = 12
    rows = progress.lines()
    assert all(cells(r) < 60 for r in rows)
    assert "\x1b" not in "".join(rows)
    assert "slow 4s" in rows[4]


def test_many_threads_may_report() -> None:
    screen = Screen()
    with Progress(screen, LIVE, delay=0) as progress:

        def work(number: int) -> None:
            for i in range(50):
                progress.started("endpoints", f"{number}.{i}")
                progress.done("endpoints")

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert screen.lines() == []


def test_the_delay_is_a_quarter_of_a_second() -> None:
    assert DELAY == 0.25
