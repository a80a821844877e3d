"""Writes the parts of the documentation that the program itself can tell: ``make docs``."""

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kubectl_portcheck import arguments
from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.render.rbac import render_role
from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.rules.table import CATALOGUE
from kubectl_portcheck.schema import report_schema
from tests import limits
from tests.unit.manifests.judged import findings_text

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
        "# The problems that it finds\n\n"
        "`make docs` writes this page from the rules; `kubectl portcheck --explain CODE` prints\n"
        "the same.\n\n"
        "| code | name | severity | what it is |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n" + "".join(_rule(r) for r in CATALOGUE)


def _rule(rule: Rule) -> str:
    explained = rule.in_full.explanation
    parts = [
        f"\n## {rule.code}\n\n**{rule.name}** ({rule.severity}). {rule.summary}.\n",
        f"\n- *What it means.* {explained.meaning}\n- *Why traffic fails.* {explained.why}\n"
        f"- *How to confirm.* {explained.confirm}\n- *How to fix.* {explained.fix}\n",
    ]
    for example in rule.in_full.examples:
        fires = "Fires" if example.fires else "Passes"
        parts.append(f"\n{fires}: {example.title}\n\n```yaml\n{example.manifest.strip()}\n```\n")
        parts.append(f"\n```text\n{example.expects.strip()}\n```\n")
    return "".join(parts)


PROMISE = """\
# The report as JSON

`-o json` prints one document, `-o yaml` the same in YAML; `to_json` gives it to Python. The schema
ships with the package, as [report-v1.json](../kubectl_portcheck/schema/report-v1.json), and in
Python as `kubectl_portcheck.schema.report_schema()`. Every report of the tests is validated against
it, with no other field allowed. This page is written from it by `make docs`.

## What you can rely on

Within schema version 1 (field `schemaVersion`):

- No field is renamed or removed, and none changes its type or its meaning. A required field
  stays.
- Fields are added. **Ignore those that you do not know.**
- If a field has one of a few words, new words may be added, except to `verdict`, `status`,
  `severity`, `safety` and `target`. Do not draw conclusions from a word that you do not know.
- The `code` and `name` of a problem never change; new ones are added. Match on them, never on
  `summary`, `evidence`, `title` or any other sentence: these are for people and may be improved.
- `findings` are in order: each cause is followed by its consequences, the worst cause first. So
  `findings[0]` is what to fix.
- The exit code depends only on `verdict`, `interrupted` and the flags, in every format.

A change that breaks one of these gets a new `schemaVersion` and a new major version of the
program. The output is ASCII. Control, bidirectional and invisible characters in texts are written
as `\\x1b` or `\\u202e`; only `command` of a fix is exact.

## Fields
"""


def json_text() -> str:
    """The promise about the JSON report, and its fields from the schema."""
    schema = json.loads(report_schema())
    tables = [_fields("The report", schema)]
    for name, part in schema["$defs"].items():
        if "properties" in part:
            tables.append(_fields(name, part))
    return PROMISE + "".join(tables)


def _fields(title: str, schema: dict[str, Any]) -> str:
    rows = [f"\n### {title}\n\n| field | type | what it is |\n|---|---|---|\n"]
    for name, field in _properties(schema):
        rows.append(f"| `{name}` | {_type(field)} | {field['description']} |\n")
    return "".join(rows)


def _properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema["properties"].items():
        yield name, field
        for inner, below in _properties(field) if "properties" in field else ():
            yield f"{name}.{inner}", below


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        part = json.loads(report_schema())["$defs"][name]
        return f"[{name}](#{name.lower()})" if "properties" in part else _type(part)
    if "oneOf" in field:
        return " or ".join(_type(one) for one in field["oneOf"])
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    if "items" in field:
        kinds = [f"array of {_type(field['items'])}" if k == "array" else k for k in kinds]
    return " or ".join(kinds)


BOUND = """\
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: portcheck}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: portcheck}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: portcheck}
subjects: [{kind: ServiceAccount, name: portcheck}]
"""


def rbac_text() -> str:
    """What the recipes run under: the Role that ``--rbac`` prints, for a ServiceAccount."""
    head = (
        "# The rights of the recipes: the Role that `kubectl portcheck --rbac` prints, bound to a\n"
        "# ServiceAccount. Written by `make docs`. In the namespace whose Services are checked:\n"
        "#\n"
        "#     kubectl apply -n production -f rbac.yaml\n"
    )
    return head + render_role() + BOUND


def screenshots(folder: Path) -> None:
    """The report on the incident that ships with the program, exported by the program."""
    for width in ("80", "140"):
        for theme in ("light", "dark"):
            file = folder / f"checkout-{width}-{theme}.svg"
            argv = ["--demo", "--save-svg", str(file), "--theme", theme]
            main(argv, Environment(io.StringIO(), sys.stderr, {**FIXED, "COLUMNS": width}))


if __name__ == "__main__":
    DOCS.mkdir(exist_ok=True)
    (DOCS / "help.txt").write_text(help_text())
    (DOCS / "rules.md").write_text(rules_text())
    (DOCS / "automation" / "rbac.yaml").write_text(rbac_text())
    (DOCS / "json.md").write_text(json_text())
    (DOCS / "findings.md").write_text(findings_text())
    (DOCS / "limits.md").write_text(limits.page((DOCS / "limits.md").read_text()))
    screenshots(DOCS)
