"""The recordings of the documentation: readable, listed, and without names of the machine."""

import json
import re
from pathlib import Path

import pytest

from tests.demo.casts import COLUMNS, FOLDER, RECORDERS, ROWS, SHOWN

README = (FOLDER / "README.md").read_text()
FILES = sorted(FOLDER.glob("*.cast"))
PLACES = re.compile(r"/(?:home|root|tmp|work|mnt|Users)/|cast-[0-9a-f]{5}")
"""Folders of the person who made the recording, and the namespaces' true names."""


def test_each_that_can_be_made_is_there_and_listed() -> None:
    assert {f.stem for f in FILES} == {*RECORDERS}
    assert {*re.findall(r"^\| \[(\w+)\.cast\]\(\1\.cast\) \|", README, re.M)} == {*RECORDERS}


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_it_is_in_the_players_format(file: Path) -> None:
    head, *rows = (json.loads(row) for row in file.read_text().splitlines())
    assert (head["version"], head["width"], head["height"]) == (2, COLUMNS, ROWS)
    times = [at for at, kind, text in rows if kind == "o" and text]
    assert len(times) == len(rows) > 0
    assert times == sorted(times)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_it_shows_an_incident_and_nothing_of_the_machine(file: Path) -> None:
    shown = "".join(json.loads(row)[2] for row in file.read_text().splitlines()[1:])
    assert SHOWN in shown
    assert "checkout" in shown
    assert PLACES.findall(shown) == []
