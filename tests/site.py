"""Writes the sources of the documentation's site: ``python -m tests.site FOLDER``.

The pages are the files of the repository at their own places, so that a link leads where it leads
there: the README, and whatever is linked from it. Besides them a page for each rule, the demos as
pages of ``-o html``, and mkdocs.yml.
"""

import io
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from kubectl_portcheck.cli import main
from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.demo import SCENARIOS
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.table import render_table
from kubectl_portcheck.rules.base import Example, Rule
from kubectl_portcheck.rules.table import CATALOGUE

ROOT = Path(__file__).parents[1]
LINK = re.compile(r'(?:\]\(|src="|srcset="|href=")([^)#:"\s]+)')
FIRST = ("README.md", "docs/which-tool.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
TITLES = {
    "README.md": "kubectl portcheck",
    "docs/demos.md": "Incidents to look at",
    "docs/which-tool.md": "Which tool when",
    "docs/rules.md": "Rules",
    "docs/sweeps.md": "Sweeps and clusters",
    "docs/automation/README.md": "Automation",
    "docs/metrics/README.md": "Metrics",
    "docs/agents/README.md": "Agents",
}
"""The first pages of the menu, in their order."""


def write(folder: Path) -> None:
    """Write the sources into a folder, and mkdocs.yml beside them."""
    pages = folder / "pages"
    shutil.rmtree(folder, ignore_errors=True)
    for path in linked():
        place = pages / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".md"):
            place.write_text(_without_folders(path))
        else:
            shutil.copy(ROOT / path, place)
    (pages / "docs" / "rules").mkdir()
    for rule in CATALOGUE:
        (pages / "docs" / "rules" / f"{rule.code}.md").write_text(rule_page(rule))
    (pages / "docs" / "rules.md").write_text(rules_page())
    (pages / "docs" / "demos").mkdir()
    for scenario in SCENARIOS:
        text = demo(scenario.name)
        (pages / "docs" / "demos" / f"{scenario.name}.html").write_text(text)
    (pages / "docs" / "demos.md").write_text(demos_page())
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(settings(pages), sort_keys=False))


def linked() -> list[str]:
    """Give the files of the site: the first ones, and all that they lead to."""
    found: dict[str, None] = {}
    left = list(FIRST)
    while left:
        path = left.pop(0)
        if path in found or not (ROOT / path).is_file():
            continue
        found[path] = None
        if path.endswith(".md"):
            left += _links(path)
    return list(found)


def _links(path: str) -> Iterator[str]:
    for link in LINK.findall((ROOT / path).read_text()):
        place = (ROOT / path).parent / link
        if place.resolve().is_relative_to(ROOT):
            yield place.resolve().relative_to(ROOT).as_posix()


def _without_folders(path: str) -> str:
    """Give a page with its links to folders as mere text: a site has no lists of files."""

    def text(found: re.Match[str]) -> str:
        return found[1] if ((ROOT / path).parent / found[2]).is_dir() else found[0]

    return re.sub(r"\[([^\]]*)\]\(([^)#:\s]+)\)", text, (ROOT / path).read_text())


def rules_page() -> str:
    """Give the table of all rules."""
    rows = [
        f'| <a id="{r.code.lower()}"></a>[{r.code}](rules/{r.code}.md) '
        f"| {r.name} | {r.severity} | {r.summary} |"
        for r in CATALOGUE
    ]
    head = "| code | name | severity | what it is |\n|---|---|---|---|\n"
    return "# The problems that it finds\n\n" + head + "\n".join(rows) + "\n"


def rule_page(rule: Rule) -> str:
    """Give the page of one rule: its explanation, and the report on each of its examples."""
    explained = rule.in_full.explanation
    parts = [
        f"# {rule.code} {rule.name}\n\n{rule.summary}. Severity: {rule.severity}.",
        f"## What it means\n\n{explained.meaning}",
        f"## Why traffic fails\n\n{explained.why}",
        f"## How to confirm\n\n{explained.confirm}",
        f"## How to fix\n\n{explained.fix}",
    ]
    for fires, title in ((True, "Where it is found"), (False, "Where it is not found")):
        several = [e for e in rule.in_full.examples if e.fires == fires]
        parts += [f"## {title}", *map(_example, several)] if several else []
    return "\n\n".join(parts) + "\n"


def _example(example: Example) -> str:
    report = render_table(diagnose(evidence_of(example.manifest)), Look(width=100))
    return (
        f"### {example.title}\n\n```text\n{report.rstrip()}\n```\n\n"
        f'??? "The objects and measurements"\n\n'
        + "\n".join(f"    {line}" for line in _fenced(example.manifest))
    )


def _fenced(manifest: str) -> list[str]:
    return ["```yaml", *manifest.strip().splitlines(), "```"]


def demo(name: str) -> str:
    """Give the page of ``--demo NAME -o html``."""
    out = io.StringIO()
    main(["--demo", name, "-o", "html"], Environment(out, io.StringIO(), {}))
    return out.getvalue()


def demos_page() -> str:
    """Give the list of the demos."""
    rows = [f"- [{s.name}](demos/{s.name}.html): {s.happened} {s.hard}\n" for s in SCENARIOS]
    head = (
        "# Incidents to look at\n\nEach was recorded on a real cluster; the page is what "
        "`-o html` writes of it. `kubectl portcheck --demo list` names them all.\n\n"
    )
    return head + "".join(rows)


def settings(pages: Path) -> dict[str, Any]:
    """Give mkdocs.yml: nothing is fetched from elsewhere, and every doubtful link is an error."""
    others = sorted(
        path
        for found in pages.rglob("*.md")
        if (path := found.relative_to(pages).as_posix()) not in TITLES
        and not path.startswith("docs/rules/")
    )
    rules = [{f"{r.code} {r.name}": f"docs/rules/{r.code}.md"} for r in CATALOGUE]
    menu: list[Any] = [{title: path} for path, title in TITLES.items()]
    return {
        "site_name": "kubectl portcheck",
        "docs_dir": "pages",
        "site_dir": "html",
        "use_directory_urls": False,
        "theme": {
            "name": "material",
            "font": False,
            "features": ["navigation.indexes", "navigation.prune", "content.code.copy"],
            "palette": [
                {"media": "(prefers-color-scheme: light)", "scheme": "default"},
                {"media": "(prefers-color-scheme: dark)", "scheme": "slate"},
            ],
        },
        "plugins": ["search"],
        "markdown_extensions": ["admonition", "pymdownx.details", "pymdownx.superfences", "toc"],
        "validation": {
            "omitted_files": "warn",
            "absolute_links": "warn",
            "unrecognized_links": "warn",
            "anchors": "warn",
        },
        "nav": [*menu, {"All rules": rules}, {"More": others}],
    }


if __name__ == "__main__":
    write(Path(sys.argv[1]))
