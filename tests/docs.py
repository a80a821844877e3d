"""Writes the parts of the documentation that the program itself can tell: ``make docs``."""

import io
import os
import sys
from pathlib import Path

from kubectl_portcheck import arguments
from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.rules import CATALOGUE
from kubectl_portcheck.rules.base import Rule

DOCS = Path(__file__).resolve().parent.parent / "docs"
FIXED = {"COLUMNS": "100", "NO_COLOR": "1"}


def help_text() -> str:
    """What ``--help`` prints, 100 columns wide."""
    before = dict(os.environ)
    os.environ.update(FIXED)
    try:
        return arguments.parser().format_help()
    finally:
        os.environ.clear()
        os.environ.update(before)


def rules_text() -> str:
    """The reference of all rules, from the rules themselves."""
    rows = [
        f"| [{r.code}](#{r.code.lower()}) | {r.name} | {r.severity} | {r.summary} |"
        for r in CATALOGUE
    ]
    head = (
        "# The problems that it names\n\n"
        "Written by `make docs` from the rules themselves; `kubectl portcheck --explain CODE`\n"
        "says the same.\n\n"
        "| code | name | severity | what it is |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n" + "".join(_rule(r) for r in CATALOGUE)


def _rule(rule: Rule) -> str:
    told = rule.explanation
    parts = [
        f"\n## {rule.code}\n\n**{rule.name}** ({rule.severity}). {rule.summary}.\n",
        f"\n- *What it means.* {told.meaning}\n- *Why traffic fails.* {told.why}\n"
        f"- *How to confirm.* {told.confirm}\n- *How to fix.* {told.fix}\n",
    ]
    for example in rule.examples:
        fires = "Fires" if example.fires else "Passes"
        parts.append(f"\n{fires}: {example.title}\n\n```yaml\n{example.manifest.strip()}\n```\n")
    return "".join(parts)


def screenshot() -> None:
    """The report on the incident that ships with the program, exported by the program."""
    quiet = io.StringIO()
    argv = ["--demo", "--save-svg", str(DOCS / "checkout.svg")]
    main(argv, Environment(quiet, sys.stderr, FIXED))


if __name__ == "__main__":
    DOCS.mkdir(exist_ok=True)
    (DOCS / "help.txt").write_text(help_text())
    (DOCS / "rules.md").write_text(rules_text())
    screenshot()
