"""The incidents that ship with the program: each as declared, shown where there is room."""

import codecs
import gzip
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kubectl_portcheck import demo
from kubectl_portcheck.collect.snapshots import snapshot
from kubectl_portcheck.demo import SCENARIOS
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.render.animation import play
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.story import list_lines
from kubectl_portcheck.render.text import cells
from tests.demo.scenes import SCENES

from .test_cli import Outcome

FOLDER = Path(demo.__file__).parent
NAMES = [s.name for s in SCENARIOS]
EXIT = {"healthy": 0, "degraded": 1, "broken": 1, "inconclusive": 3}
ANNOTATIONS = re.compile(r'"annotations": (\{[^}]*\})')
MOST_BYTES = 64 * 1024
"""Of all recordings together."""


def test_each_story_has_a_recording_and_a_way_to_make_it_again() -> None:
    kept = {p.name.removesuffix(".json.gz") for p in FOLDER.glob("*.gz")}
    assert set(NAMES) == kept == set(SCENES)
    assert len(NAMES) == len(set(NAMES))
    assert sum(p.stat().st_size for p in FOLDER.glob("*.gz")) < MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_a_replay_says_what_the_scene_declares(name: str) -> None:
    scene = SCENES[name]
    shown = Outcome("--demo", name, "-o", "json")
    report = json.loads(shown.stdout)
    causes = [f["code"] for s in report["services"] for f in s["findings"] if f["cause"]]
    assert (report["verdict"], "".join(causes[:1])) == (scene.verdict, scene.cause)
    assert (shown.code, shown.stderr) == (EXIT[scene.verdict], "")


@pytest.mark.parametrize("name", NAMES)
def test_a_replay_is_the_same_byte_by_byte(name: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json.gz"
    first = Outcome("--demo", name, "-o", "json", "--save", str(kept))
    assert Outcome("--replay", str(kept), "-o", "json").stdout == first.stdout
    assert Outcome("--replay", str(FOLDER / f"{name}.json.gz"), "-o", "json").stdout == first.stdout


@pytest.mark.parametrize("name", NAMES)
def test_no_recording_holds_a_secret(name: str) -> None:
    text = gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()).decode()
    assert json.loads(text)["evidence"]["context"]["source"] == "cluster"
    # A token, a key, a kubeconfig; arguments and environment; the manifest that was applied.
    for word in ("eyJ", "BEGIN", "token", "password", "certificate", "http.server", "/listen"):
        assert word not in text
    for key in ("env", "envFrom", "command", "args", "data", "managedFields"):
        assert f'"{key}"' not in text
    annotations = {key for found in re.findall(ANNOTATIONS, text) for key in json.loads(found)}
    assert annotations <= {"deployment.kubernetes.io/revision"}


@pytest.mark.parametrize("name", NAMES)
def test_the_story_comes_before_the_report(name: str) -> None:
    scenario = next(s for s in SCENARIOS if s.name == name)
    shown = Outcome("--demo", name)
    story, _, report = shown.stdout.partition("\n\n")
    assert scenario.happened in story
    assert scenario.hard in story
    assert SCENES[name].verdict.upper() in report.splitlines()[0]
    assert "--demo list" in story
    # Two lines at 80 columns, and where the others are.
    assert [len(row) <= 80 for row in story.splitlines()] == [True, True, True]


def test_without_a_name_it_is_the_checkout() -> None:
    assert Outcome("--demo").stdout == Outcome("--demo", "checkout").stdout


@pytest.mark.parametrize("flags", [["-q"], ["--summary"], ["-o", "json"], ["-o", "markdown"]])
def test_other_forms_tell_no_story(flags: list[str]) -> None:
    shown = Outcome("--demo", *flags)
    assert "Story" not in shown.stdout
    assert shown.stdout == Outcome("--replay", str(FOLDER / "checkout.json.gz"), *flags).stdout


def test_the_list() -> None:
    listed = Outcome("--demo", "list")
    assert (listed.code, listed.stderr) == (0, "")
    assert [row.split()[0] for row in listed.stdout.splitlines()] == NAMES
    assert Outcome("--demo", "list", "-o", "name").stdout.split() == NAMES
    refused = Outcome("--demo", "list", "-o", "json")
    assert (refused.code, refused.stdout) == (2, "")


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_the_list_is_of_one_form_on_a_terminal_of_any_width(width: int) -> None:
    stories = [(s.name, s.happened) for s in SCENARIOS]
    rows = ["".join(s.text for s in row) for row in list_lines(stories, Look(width=width))]
    assert all(cells(row) <= width for row in rows)
    if width < 100:
        assert [row for row in rows if not row.startswith("  ")] == NAMES
    else:
        assert [row.split()[0] for row in rows] == NAMES


def test_an_unknown_one_is_refused_with_the_nearest() -> None:
    refused = Outcome("--demo", "selektor")
    assert (refused.code, refused.stdout) == (2, "")
    assert "no demo 'selektor'" in refused.stderr
    assert "Did you mean selector?" in refused.stderr


def test_a_flag_that_would_do_nothing_is_refused() -> None:
    assert Outcome("--no-animation", "svc/a").code == 2


# The animation, on a terminal.

PROGRAM = Path(sys.executable).with_name("kubectl-portcheck")
DRAWN = "\x1b[2K"


class Screen:
    """The program on a terminal of its own, and all that it wrote there."""

    def __init__(self, *argv: str, **environ: str) -> None:
        base = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR")}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:  # The child: it becomes the program.
            env = {**base, "TERM": "xterm", "COLUMNS": "100", **environ}
            os.execve(PROGRAM, [str(PROGRAM), *argv], env)
        self.seen = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        """What is read may end in the middle of a character."""

    def until(self, word: str) -> None:
        """Reads on until the word was written."""
        deadline = time.monotonic() + 120
        while word not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.terminal], [], [], 1)[0]:
                self.seen += self.decoder.decode(os.read(self.terminal, 65536))

    def end(self) -> int:
        """Reads to the end; gives the exit code."""
        while True:
            try:
                more = os.read(self.terminal, 65536)
            except OSError:  # Linux says so when the other side is closed.
                break
            if not more:
                break
            self.seen += self.decoder.decode(more)
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.mark.long
def test_the_walk_is_drawn_step_by_step_and_erased() -> None:
    screen = Screen("--demo", "selector")
    assert screen.end() == 1
    walk, _, report = screen.seen.rpartition("\x1b[J")
    assert "Story" in walk
    steps = re.findall(r"([1-6]) [A-Z][a-z]+", walk)
    assert set(steps) == set("123456")
    assert "every pod that the selector matches" in walk
    assert "PC301" in report
    assert DRAWN not in report
    assert "PC301" not in walk


@pytest.mark.parametrize("key", ["x", "\x1b[A", "\x03"], ids=["letter", "arrow", "ctrl-c"])
def test_any_key_skips_to_the_report(key: str) -> None:
    screen = Screen("--demo", "checkout")
    screen.until("Pod status")
    os.write(screen.terminal, key.encode())
    assert screen.end() == 1
    assert "Fix" in screen.seen
    assert "Traceback" not in screen.seen


def test_an_interrupt_from_outside_skips_as_well() -> None:
    screen = Screen("--demo", "checkout")
    screen.until("Pod status")
    os.kill(screen.pid, signal.SIGINT)
    assert screen.end() == 1
    assert "Fix" in screen.seen


@pytest.mark.parametrize(
    ("argv", "environ"),
    [
        (["--no-animation"], {}),
        (["--plain"], {}),
        (["-o", "json"], {}),
        (["-q"], {}),
        (["--summary"], {}),
        ([], {"CI": "true"}),
        ([], {"TERM": "dumb"}),
        ([], {"COLUMNS": "30"}),
    ],
    ids=str,
)
def test_no_animation(argv: list[str], environ: dict[str, str]) -> None:
    screen = Screen("--demo", "checkout", *argv, **environ)
    assert screen.end() == 1
    assert DRAWN not in screen.seen
    assert "\x1b[J" not in screen.seen


def test_no_animation_in_a_pipe() -> None:
    """Even where stderr is still a terminal."""
    reader, writer = pty.openpty()
    done = subprocess.run(
        [PROGRAM, "--demo"], stdin=writer, stdout=subprocess.PIPE, stderr=writer, check=False
    )
    os.set_blocking(reader, False)
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    assert done.returncode == 1


@pytest.mark.parametrize("after", [0, 1, 3, 12, 99])
def test_after_a_skip_nothing_is_waited_for(after: int) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) > after

    (checkout,) = (s for s in SCENARIOS if s.name == "checkout")
    report = diagnose(snapshot.decode(demo.recording(checkout), "the demo"))
    play(report, Look(cursor=True), io.StringIO(), wait)
    whole = 2 + 2 * 6  # The story, twice each step, and the end.
    assert len(waits) == min(after + 1, whole)
    assert sum(waits) <= 10


@pytest.mark.parametrize("look", [Look(cursor=True, width=30), Look(cursor=True, plain=True)])
def test_where_nothing_can_be_drawn_nothing_is_waited_for(look: Look) -> None:
    (checkout,) = (s for s in SCENARIOS if s.name == "checkout")
    report = diagnose(snapshot.decode(demo.recording(checkout), "the demo"))
    drawn, waits = io.StringIO(), list[float]()

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    play(report, look, drawn, wait)

    assert (drawn.getvalue(), waits) == ("", [])
