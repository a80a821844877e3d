"""``--explain CODE`` and ``--list-rules``: what the catalogue knows, without any cluster."""

from collections.abc import Sequence
from typing import Final

from kubectl_portcheck.parser import PROGRAM
from kubectl_portcheck.render.layout import BLANK, Lines, Span, line, paragraph, size
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.text import cells, clean_block
from kubectl_portcheck.rules.texts import Texts

READABLE: Final = 88
_ROOM: Final = 40
"""The columns that a summary needs beside the name; in fewer it would be three words a line."""
_SEVERITIES: Final = {"error": "fail", "warning": "warn", "info": "skipped"}


def explain_lines(rule: Texts, look: Look) -> Lines:
    """One rule: what it means, why traffic fails, how to confirm and to fix it, two examples."""
    narrow = look._replace(width=min(look.columns, READABLE))
    shown = [
        line(Span(f"{rule.code} {rule.name}", "bold"), f"  {rule.severity}"),
        *paragraph(rule.summary + ".", narrow),
    ]
    sections = (
        ("What it means", rule.meaning),
        ("Why traffic fails", rule.why),
        ("How to confirm", rule.confirm),
        ("How to fix", rule.fix),
    )
    for title, text in sections:
        shown += [BLANK, line(Span(title, "bold"))]
        for part in text.split("\n\n"):
            shown += paragraph(part, narrow, first=line(_pad(look, 2)))
    if rule.follows_from:
        text = f"It may be a consequence of {' or '.join(rule.follows_from)}."
        shown += [BLANK, *paragraph(text, narrow)]
    typical = {"Found in": rule.found, "Not found in": rule.passed}
    several = [(kind, *example) for kind, example in typical.items() if example is not None]
    for kind, title, manifest in several:
        shown += [BLANK, *_example(f"{kind}: {title}", manifest, narrow)]
    more = rule.examples - len(several)
    if more:
        are = "1 more example is" if more == 1 else f"{more} more examples are"
        shown += [BLANK, *paragraph(f"{are} in docs/rules.md of the project.", narrow)]
    return shown


def _pad(look: Look, width: int) -> str:
    return "" if look.plain else " " * width


def _example(title: str, manifest: str, look: Look) -> Lines:
    shown = paragraph(title, look, style="bold")
    rows = clean_block(manifest.strip("\n")).split("\n")
    return [*shown, *(line(_pad(look, 4), look.glyphs(row)) for row in rows)]


def rules_lines(rules: Sequence[Texts], look: Look) -> Lines:
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


def found_lines(rules: Sequence[Texts], look: Look) -> Lines:
    """The rules that a word led to, and how one of them is explained."""
    text = f"{PROGRAM} --explain {rules[0].code} explains the first of these {len(rules)}."
    return [*rules_lines(rules, look), BLANK, *paragraph(text, look)]


def _rule(rule: Texts, severity: str, name: str) -> tuple[Span, ...]:
    return line(
        Span(rule.code, "bold"), "  ", Span(severity, _SEVERITIES[rule.severity]), f"  {name}"
    )
