"""What a diagnosis says of the examples of rules: ``python -m tests.examples`` writes it in.

It does the same for the situations in ``tests/unit/rules/situations``, a file per rule. They are
what a reader of the documentation need not see: the other sides of a rule's conditions. It writes
more of them: the field that a finding names, the cautions of a fix, what to write in the source.
What stands before the first of them is the beginning of each that has no Service of its own.

Read the difference before you commit it: it is what the rules promise.
"""

import ast
import importlib
import json
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from kubectl_portcheck import rules
from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.fixes import Command, Fix, JsonPatch
from kubectl_portcheck.model.report import Finding, ServiceReport
from kubectl_portcheck.render import facts
from kubectl_portcheck.rules.base import Example, Rule
from kubectl_portcheck.rules.table import CATALOGUE

WIDTH = 96
SITUATIONS = Path(__file__).with_name("unit") / "rules" / "situations"
TITLE, SAYS = "=== ", "--- says"


@cache
def _diagnosed(manifest: str) -> ServiceReport:
    return diagnose(evidence_of(manifest)).services[0]


def diagnosed(rule: Rule, example: Example, *, more: bool = False) -> str:
    """The verdict, what other rules found, and all that this one found: one fact per line."""
    report = _diagnosed(example.manifest)
    others = dict.fromkeys(f.code for f in report.findings if f.code != rule.code)
    lines = ["; also ".join(filter(None, (report.verdict, ", ".join(others))))]
    for lacks in report.not_evaluated:
        if lacks.code == rule.code:
            lines.append(f"not evaluated: {lacks.missing}")
    for finding in report.findings:
        if finding.code == rule.code:
            lines += _finding(finding, more)
    wrapped = [_wrapped(line) for line in lines]
    return wrapped[0] if len(wrapped) == 1 else "\n" + "\n".join(wrapped) + "\n"


def _finding(finding: Finding, more: bool) -> Iterator[str]:
    subject = f"{finding.subject.kind} {finding.subject.name}"
    port = f", port {finding.port}/{finding.protocol}" if finding.port else ""
    after = f", follows from {finding.caused_by}" if finding.caused_by else ""
    hits = f" for {finding.impact}" if finding.impact != "none" else ""
    yield f"{finding.code} {finding.severity}{hits} in {subject}{port}{after}"
    yield f"  {finding.summary}"
    if more and finding.pointer:
        yield f"  at: {finding.pointer}"
    if finding.pods:
        yield f"  pods: {', '.join(finding.pods)}"
    if finding.unsure:
        yield f"  unsure: {finding.unsure}"
    yield from (f"  - {line}" for line in facts.lines(finding.evidence))
    for fix in finding.fixes:
        yield f"  {fix.safety}: {fix.title}"
        yield from (f"    {change}" for change in _changes(fix))
        if more:
            yield from (f"    but: {caution}" for caution in fix.cautions)
            yield from (f"    source: {line}" for line in (fix.patch or "").splitlines())


def _changes(fix: Fix) -> Iterator[str]:
    """Of a patch what it changes, not what it makes sure of before; of a command its words."""
    if isinstance(fix.change, JsonPatch):
        assert fix.subject is not None
        for change in fix.change.changes:
            value = "" if change.op == "remove" else f" {_value(change.value)}"
            yield f"{change.op} {change.path}{value} in {fix.subject.kind} {fix.subject.name}"
    elif isinstance(fix.change, Command):
        yield f"kubectl {' '.join(fix.change.words)}"
    elif fix.change.look:
        yield f"look: kubectl {' '.join(fix.change.look)}"


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _wrapped(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.fill(
        line.strip(),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def situations(rule: Rule) -> list[Example]:
    """The situations of the rule that are no examples."""
    path = SITUATIONS / f"{rule.code.lower()}.txt"
    head, *each = path.read_text().split(f"\n{TITLE}") if path.exists() else [""]
    common = head.partition("\n")[2].strip()
    found = []
    for text in each:
        title, _, rest = text.partition("\n")
        own, _, expects = rest.partition(f"\n{SAYS}\n")
        manifest = own if own.startswith("kind: Service\n") else f"{common}\n---\n{own}"
        found.append(Example(title, f"\n{manifest}\n", expects=expects.strip()))
    return found


def update_situations(rule: Rule) -> bool:
    """Write what a diagnosis says of each situation into its file; say whether it changed."""
    path = SITUATIONS / f"{rule.code.lower()}.txt"
    if not path.exists():
        return False
    before = path.read_text()
    head, *texts = before.split(f"\n{TITLE}")
    after = f"{head.rstrip()}\n"
    for text, each in zip(texts, situations(rule), strict=True):
        own = text.partition(f"\n{SAYS}\n")[0].rstrip()
        after += f"\n{TITLE}{own}\n{SAYS}\n{diagnosed(rule, each, more=True).strip()}\n"
    path.write_text(after)
    return after != before


def update(rule: Rule) -> bool:
    """Write what a diagnosis says of each example into its rule's file; say whether it changed."""
    module = importlib.import_module(
        f"{rules.__name__}.{rule.code.lower()}_{rule.name.replace('-', '_')}"
    )
    path = Path(str(module.__file__))
    source = path.read_text()
    lines = source.splitlines(keepends=True)
    calls = sorted(_examples(source), key=lambda call: call.lineno)
    for call, example in reversed(list(zip(calls, rule.in_full.examples, strict=True))):
        [keyword] = [k for k in call.keywords if k.arg == "expects"]
        node = keyword.value
        assert node.end_lineno is not None
        head = lines[node.lineno - 1][: node.col_offset]
        tail = lines[node.end_lineno - 1][node.end_col_offset :]
        lines[node.lineno - 1 : node.end_lineno] = [
            head + _literal(diagnosed(rule, example)) + tail
        ]
    path.write_text("".join(lines))
    return "".join(lines) != source


def _examples(source: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Example":
            yield node


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\")
    return f'"""{escaped}"""' if "\n" in text else f'"{escaped}"'


if __name__ == "__main__":
    for each in CATALOGUE:
        if update(each) | update_situations(each):
            print(f"{each.code}: its examples are written again")
