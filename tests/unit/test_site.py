"""The sources of the site: every rule and every demo has its page, and nothing is fetched."""

from pathlib import Path

import pytest
import yaml

from kubectl_portcheck.demo import SCENARIOS
from kubectl_portcheck.rules.table import CATALOGUE
from tests import site

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site") / "site"
    site.write(made)
    return made


def test_every_rule_has_a_page_with_its_examples(folder: Path) -> None:
    table = (folder / "pages" / "docs" / "rules.md").read_text()
    for rule in CATALOGUE:
        text = (folder / "pages" / "docs" / "rules" / f"{rule.code}.md").read_text()
        assert text.startswith(f"# {rule.code} {rule.name}\n")
        assert all(f"### {e.title}\n" in text for e in rule.in_full.examples)
        assert f'<a id="{rule.code.lower()}"></a>' in table


def test_every_demo_is_a_page(folder: Path) -> None:
    table = (folder / "pages" / "docs" / "demos.md").read_text()
    for scenario in SCENARIOS:
        page = folder / "pages" / "docs" / "demos" / f"{scenario.name}.html"
        assert page.read_text().startswith("<!DOCTYPE html>")
        assert f"(demos/{scenario.name}.html)" in table


def test_the_readmes_pages_are_in_it(folder: Path) -> None:
    assert {*site.FIRST, *site.TITLES} - {"docs/demos.md"} <= {*site.linked()}
    for path in site.linked():
        assert (folder / "pages" / path).is_file()


def test_it_is_strict_and_fetches_nothing(folder: Path) -> None:
    found = yaml.safe_load((folder / "mkdocs.yml").read_text())
    assert set(found["validation"].values()) == {"warn"}  # Strictly, a warning is an error.
    assert found["theme"]["font"] is False
    assert found["plugins"] == ["search"]


def test_a_link_to_a_folder_is_text() -> None:
    assert "](../tests/corpus/manifests)" in (ROOT / "docs" / "findings.md").read_text()
    assert "](../tests/corpus/manifests)" not in site._without_folders("docs/findings.md")
