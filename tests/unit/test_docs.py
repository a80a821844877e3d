"""What is generated is as the program would write it now; what README says exists."""

import itertools
import re
import shlex
from pathlib import Path

import pytest

from kubectl_portcheck import arguments, inputs
from kubectl_portcheck.commands.request import parse
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.kubernetes_versions import NEWEST, OLDEST
from kubectl_portcheck.rules.table import CATALOGUE
from tests import docs, limits

from .manifests.judged import findings_text

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_help_is_current() -> None:
    assert (docs.DOCS / "help.txt").read_text() == docs.help_text(), "run make docs"


def test_the_rule_reference_is_current() -> None:
    assert (docs.DOCS / "rules.md").read_text() == docs.rules_text(), "run make docs"


def test_the_recipes_rights_are_current() -> None:
    assert (docs.DOCS / "automation" / "rbac.yaml").read_text() == docs.rbac_text(), "run make docs"


def test_the_json_reference_is_current() -> None:
    assert (docs.DOCS / "json.md").read_text() == docs.json_text(), "run make docs"


def test_the_table_of_limits_is_current_and_whole() -> None:
    text = (docs.DOCS / "limits.md").read_text()
    assert text == limits.page(text), "run make docs"
    units = ("KIBIBYTE", "MEBIBYTE")
    constants = {name for name in vars(inputs.limits) if name.isupper() and name not in units}
    assert {row.constant for row in limits.ROWS} == constants


def test_the_findings_on_manifests_that_work_are_current() -> None:
    assert (docs.DOCS / "findings.md").read_text() == findings_text(), "run make docs"


def test_the_screenshots_are_current(tmp_path: Path) -> None:
    docs.screenshots(tmp_path)
    made = sorted(tmp_path.glob("*.svg"))
    assert [f.name for f in made] == sorted(f.name for f in docs.DOCS.glob("checkout-*.svg"))
    for file in made:
        # The markup is the drawing library's, and changes with its version.
        assert words(docs.DOCS / file.name) == words(file), "run make docs"


def words(picture: Path) -> list[str]:
    return re.findall(r"<text [^>]*>([^<]+)</text>", picture.read_text())


def test_each_screenshot_has_its_width_and_its_background() -> None:
    ground = {
        (width, theme): re.findall(
            r'<rect fill="(#\w+)".*? width="([\d.]+)"',
            (docs.DOCS / f"checkout-{width}-{theme}.svg").read_text(),
        )[0]
        for width in ("80", "140")
        for theme in ("light", "dark")
    }
    assert {color for (_, theme), (color, _) in ground.items() if theme == "light"} == {"#ffffff"}
    assert {color for (_, theme), (color, _) in ground.items() if theme == "dark"} == {"#0c0c0c"}
    narrow, wide = float(ground["80", "light"][1]), float(ground["140", "light"][1])
    assert 1.6 < wide / narrow < 1.8


def test_the_readme_names_flags_that_exist() -> None:
    known = set(arguments.parser()._option_string_actions)
    assert set(re.findall(r"--[a-z][a-z-]+", README)) <= known


def test_the_readme_names_every_exit_code() -> None:
    table = README[README.index("| verdict |") :]
    named = {int(n) for n in re.findall(r"\| (\d+)(?: \(|\s*\|)", table)}
    assert named == {int(c) for c in ExitCode}


def test_the_readme_names_files_that_exist() -> None:
    links = re.findall(r'(?:\]\(|src="|srcset=")([^)#:"]+)[)"]', README)
    assert links
    assert all((ROOT / link).exists() for link in links)


def test_the_changelog_names_every_rule() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert [r.code for r in CATALOGUE if r.code not in changelog] == []


@pytest.mark.parametrize("command", re.findall(r"^    make ([a-z-]+)", README, re.M))
def test_the_readmes_commands_are_targets(command: str) -> None:
    assert f"\n{command}:" in (ROOT / "Makefile").read_text()


PAGES = sorted(
    path
    for place in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "packaging", "docs", "tests/bed")
    for path in ([ROOT / place] if (ROOT / place).is_file() else (ROOT / place).rglob("*"))
    if path.suffix in (".md", ".txt", ".sh", ".yaml") and "requirements" not in path.parts
)
END = {"|", ">", "&&", "||", ";", "..."}


def commands(text: str) -> list[str]:
    """The command lines of the program in a text: a line of code, or words in backticks."""
    lines = re.findall(r"^(?:#? {4,}|    \$ |\$ |  )(kubectl portcheck(?: .*)?)$", text, re.M)
    # "`kubectl portcheck -f` takes..." names a way of running, and is no whole command.
    inline = re.findall(r"`(kubectl[ -]portcheck(?: [^`]*)?)(?<! -f)`", text)
    return [
        re.sub(r"\s+", " ", line).replace("kubectl-", "kubectl ")
        for line in lines + inline
        if "$@" not in line
    ]


EXAMPLES = sorted(
    {(p.relative_to(ROOT).as_posix(), c) for p in PAGES for c in commands(p.read_text())}
)


@pytest.mark.parametrize(("file", "line"), EXAMPLES)
def test_the_commands_of_the_documentation_are_ones(file: str, line: str) -> None:
    words = shlex.split(line, comments=True)[2:]
    argv = list(itertools.takewhile(lambda word: word not in END, words))
    # Words in capitals replace names.
    assert parse([re.sub(r"^((?:[a-z]+/)?)[A-Z]+\b", r"\1name", word) for word in argv])


def test_the_documentation_has_commands() -> None:
    files = {file for file, _ in EXAMPLES}
    wanted = {"README.md", "docs/help.txt", "docs/automation/README.md", "docs/rules.md"}
    assert wanted <= files


PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not {p for p in page.relative_to(ROOT).parts if p.startswith(".")}
    and not {"build", "corpus"} & {*page.relative_to(ROOT).parts}
)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.strip().lower()).replace(" ", "-") for t in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_names_the_releases_that_are_tested() -> None:
    named = re.search(r"tested on Kubernetes ([\d., and]+)\*\*", README)
    assert named is not None
    found = [tuple(map(int, v.split("."))) for v in re.findall(r"\d\.\d+", named[1])]
    assert (min(found), max(found)) == (OLDEST, NEWEST)
    runs = re.search(r"for release in ([\d. ]+);", (ROOT / "Makefile").read_text())
    assert runs is not None
    assert {f"{a}.{b}" for a, b in found} == set(runs[1].split())
