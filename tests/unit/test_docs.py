"""What is generated is as the program would write it now; what README says exists."""

import re
from pathlib import Path

import pytest

from kubectl_portcheck import arguments
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.rules import CATALOGUE
from tests import docs

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_help_is_current() -> None:
    assert (docs.DOCS / "help.txt").read_text() == docs.help_text(), "run make docs"


def test_the_rule_reference_is_current() -> None:
    assert (docs.DOCS / "rules.md").read_text() == docs.rules_text(), "run make docs"


def test_the_json_reference_is_current() -> None:
    assert (docs.DOCS / "json.md").read_text() == docs.json_text(), "run make docs"


def test_the_readme_names_flags_that_exist() -> None:
    known = set(arguments.parser()._option_string_actions)
    assert set(re.findall(r"--[a-z][a-z-]+", README)) <= known


def test_the_readme_names_every_exit_code() -> None:
    table = README[README.index("| verdict |") :]
    named = {int(n) for n in re.findall(r"\| (\d+)(?: \(|\s*\|)", table)}
    assert named == {int(c) for c in ExitCode}


def test_the_readme_names_files_that_exist() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)


def test_the_changelog_names_every_rule() -> None:
    told = (ROOT / "CHANGELOG.md").read_text()
    assert [r.code for r in CATALOGUE if r.code not in told] == []


@pytest.mark.parametrize("command", re.findall(r"^    make ([a-z-]+)", README, re.M))
def test_the_readmes_commands_are_targets(command: str) -> None:
    assert f"\n{command}:" in (ROOT / "Makefile").read_text()
