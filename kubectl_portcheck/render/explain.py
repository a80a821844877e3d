"""``--explain CODE`` and ``--list-rules``: what the catalogue knows, without any cluster."""

from collections.abc import Sequence
from typing import Final

from kubectl_portcheck.parser import PROGRAM
from kubectl_portcheck.render.layout import BLANK, Lines, Span, line, paragraph, size
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.text import cells, clean_block
from kubectl_portcheck.rules.declared import Example, Rule

READABLE: Final = 88
_ROOM: Final = 40
"""The columns that a summary needs beside the name; in fewer it would be three words a line."""
_SEVERITIES: Final = {"error": "fail", "warning": "warn", "info": "skipped"}


def explain_lines(rule: Rule, look: Look) -> Lines:
    """One rule: what it means, why traffic fails, how to confirm and to fix it, two examples."""
    narrow = look._replace(width=min(look.columns, READABLE))
    shown = [
        line(Span(f"{rule.code} {rule.name}", "bold"), f"  {rule.severity}"),
        *paragraph(rule.summary + ".", narrow),
    ]
    sections = (
        ("What it means", rule.explanation.meaning),
        ("Why traffic fails", rule.explanation.why),
        ("How to confirm", rule.explanation.confirm),
        ("How to fix", rule.explanation.fix),
    )
    for title, text in sections:
        shown += [BLANK, line(Span(title, "bold"))]
        for part in text.split("\n\n"):
            shown += paragraph(part, narrow, first=line(_pad(look, 2)))
    if rule.follows_from:
        text = f"It may be a consequence of {' or '.join(rule.follows_from)}."
        shown += [BLANK, *paragraph(text, narrow)]
    for example in _typical(rule):
        shown += [BLANK, *_example(example, narrow)]
    more = len(rule.examples) - len(_typical(rule))
    if more:
        are = "1 more example is" if more == 1 else f"{more} more examples are"
        shown += [BLANK, *paragraph(f"{are} in docs/rules.md of the project.", narrow)]
    return shown


def _typical(rule: Rule) -> list[Example]:
    """The first example in which the problem is found, and the first in which it is not."""
    return [e for e in (_first(rule, fires=True), _first(rule, fires=False)) if e]


def _first(rule: Rule, *, fires: bool) -> Example | None:
    return next((e for e in rule.examples if e.fires == fires), None)


def _pad(look: Look, width: int) -> str:
    return "" if look.plain else " " * width


def _example(example: Example, look: Look) -> Lines:
    kind = "Found in" if example.fires else "Not found in"
    shown = paragraph(f"{kind}: {example.title}", look, style="bold")
    rows = clean_block(example.manifest.strip("\n")).split("\n")
    return [*shown, *(line(_pad(look, 4), look.glyphs(row)) for row in rows)]


def rules_lines(rules: Sequence[Rule], look: Look) -> Lines:
    """The catalogue: code, severity, name, and the summary beside it or underneath."""
    width = max((cells(r.name) for r in rules), default=0)
    shown: Lines = []
    for rule in rules:
        if look.plain:
            shown += paragraph(f"{rule.code} {rule.name}, {rule.severity}: {rule.summary}", look)
            continue
        severity = rule.severity.ljust(len("warning"))
        head = (*_rule(rule, severity, rule.name.ljust(width)), Span("  "))
        if look.columns - size(head) >= _ROOM:
            shown += paragraph(rule.summary, look, first=head)
        else:
            shown.append(_rule(rule, severity, rule.name))
            shown += paragraph(rule.summary, look, first=line(" " * 16))
    return shown


def found_lines(rules: Sequence[Rule], look: Look) -> Lines:
    """The rules that a word led to, and how one of them is explained."""
    text = f"{PROGRAM} --explain {rules[0].code} explains the first of these {len(rules)}."
    return [*rules_lines(rules, look), BLANK, *paragraph(text, look)]


def _rule(rule: Rule, severity: str, name: str) -> tuple[Span, ...]:
    return line(
        Span(rule.code, "bold"), "  ", Span(severity, _SEVERITIES[rule.severity]), f"  {name}"
    )
