"""Command line, exit code, stdout and stderr of each scene are as its file has them.

``PORTCHECK_UPDATE_CONTRACT=1 pytest tests/contract`` writes the files again; the difference is then
read like any other change.
"""

import errno
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kubectl_portcheck import __version__
from kubectl_portcheck.cli import main
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.collect.cluster.walk import Walk
from kubectl_portcheck.commands.rounds import Rounds
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode
from tests.contract.clusters import CLUSTERS, furnish
from tests.contract.scenes import ONE_ROUND, SCENES, Scene
from tests.fake.api_server import FakeApiServer

FILES = Path(__file__).parent / "scenes"


class Terminal(io.StringIO):
    """Standard output, as a terminal of 80 columns; or as a file on a disk that is full."""

    def __init__(self, full: bool) -> None:
        super().__init__()
        self._full = full

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@contextmanager
def cluster(name: str) -> Iterator[FakeApiServer | None]:
    if not name:
        yield None
        return
    with FakeApiServer() as server:
        CLUSTERS[name](server)
        yield server


def interrupt(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def at_once(*_: object) -> None:
        raise KeyboardInterrupt

    if when == "Ctrl-C at once":
        monkeypatch.setattr(LiveReads, "service", at_once)
    if when == "Ctrl-C at the end of the walk":
        whole = Walk.run

        def at_the_end(walk: Walk) -> None:
            whole(walk)
            raise KeyboardInterrupt

        monkeypatch.setattr(Walk, "run", at_the_end)


def end(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """End a watch by its rounds: how many a second holds depends on the machine."""
    if when == ONE_ROUND:
        monkeypatch.setattr(Rounds, "pause", lambda _: False)


def played(scene: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The scene as its file has it."""
    # The help looks for its width here, as every program's does.
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(folder)
    interrupt(monkeypatch, scene.happens)
    end(monkeypatch, scene.happens)
    out, err = Terminal(full="disk" in scene.happens), io.StringIO()
    with cluster(scene.cluster) as server:
        environ = furnish(folder, server)
        code = main(scene.line.split(), Environment(out, err, environ, io.BytesIO()))
        texts = [scrubbed(text.getvalue(), folder, server) for text in (out, err)]
    where = f"on {scene.cluster}: {CLUSTERS[scene.cluster].__doc__}" if scene.cluster else ""
    head = [f"$ kubectl portcheck {scene.line}", *filter(None, (where, scene.happens))]
    parts = ["\n".join(head), f"exit code {int(code)} ({code.name})"]
    for name, text in zip(("stdout", "stderr"), texts, strict=True):
        parts.append(f"--- {name}" + (f"\n{text}" if text else ": nothing"))
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def scrubbed(text: str, folder: Path, server: FakeApiServer | None) -> str:
    """Without what differs between two runs."""
    text = text.replace(str(folder), "FOLDER").replace(__version__, "VERSION")
    if server is not None:
        text = text.replace(f"127.0.0.1:{server.port}", "SERVER")
    # What the libraries that read YAML and JSON say changes with their versions.
    text = re.sub(r"(is not valid YAML|or it is damaged): .*", r"\1: REASON", text)
    text = re.sub(r'"seconds": [\d.]+', '"seconds": SECONDS', text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_as_it_was(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = played(SCENES[name], tmp_path, monkeypatch)
    file = FILES / f"{name}.txt"
    if os.environ.get("PORTCHECK_UPDATE_CONTRACT"):
        file.write_text(found, encoding="utf-8", newline="\n")
    assert file.exists(), f"no file {file.name}; run with PORTCHECK_UPDATE_CONTRACT=1"
    assert found == file.read_text(encoding="utf-8")


def test_no_scene_is_left_over() -> None:
    assert {file.stem for file in FILES.glob("*.txt")} == {*SCENES}


def test_every_exit_code_has_a_scene() -> None:
    ends = {re.search(r"^exit code (\d+)", f.read_text(), re.M) for f in FILES.glob("*.txt")}
    assert {int(end[1]) for end in ends if end} == {int(code) for code in ExitCode}


def test_what_is_refused_is_said_in_two_lines_at_most() -> None:
    for file in FILES.glob("*.txt"):
        text = file.read_text()
        if "exit code 2 (" in text and "--- stdout: nothing" in text:
            printed = text.partition("--- stderr\n")[2].splitlines()
            assert 1 <= len(printed) <= 2, file.name
            assert all(len(line) < 200 for line in printed), file.name


def test_no_scene_shows_a_defect() -> None:
    for file in FILES.glob("*.txt"):
        assert "a defect of kubectl-portcheck" not in file.read_text(), file.name
