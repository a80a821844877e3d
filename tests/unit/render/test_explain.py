"""``--explain`` and ``--list-rules``."""

import pytest

from kubectl_portcheck.render.explain import explain_lines, rules_lines
from kubectl_portcheck.render.layout import plain
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.text import cells
from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.rules.table import CATALOGUE
from kubectl_portcheck.rules.texts import texts

SECTIONS = ("What it means", "Why traffic fails", "How to confirm", "How to fix")


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda r: r.code)
def test_a_rule_is_explained_in_its_sections(rule: Rule) -> None:
    rows = plain(explain_lines(rule.in_full.texts, Look())).splitlines()
    assert rows[0].startswith(f"{rule.code} {rule.name}")
    assert [r for r in rows if r in SECTIONS] == list(SECTIONS)
    for kind, fires in (("Found in", True), ("Not found in", False)):
        first = next(e for e in rule.in_full.examples if e.fires == fires)
        assert f"{kind}: {first.title}" in " ".join(rows)
    assert sum(row.startswith(("Found in:", "Not found in:")) for row in rows) == 2


def test_the_other_examples_are_counted() -> None:
    for rule in CATALOGUE:
        text = plain(explain_lines(rule.in_full.texts, Look()))
        more = len(rule.in_full.examples) - 2
        assert (f"{more} more example" in text) == (more > 0)


def test_examples_keep_their_indentation() -> None:
    rule = next(r for r in CATALOGUE if r.code == "PC401")
    text = plain(explain_lines(rule.in_full.texts, Look()))
    assert "    probes:\n      checkout-1:\n        sockets:" in text


@pytest.mark.parametrize("width", [60, 80, 100, 140, None])
def test_no_word_of_the_catalogue_is_broken(width: int | None) -> None:
    text = plain(rules_lines(texts(), Look(width=width)))
    wanted = {word for r in CATALOGUE for word in f"{r.name} {r.summary}".split()}
    assert wanted <= set(text.split())
    assert "…" not in text


@pytest.mark.parametrize("width", [80, 140, None])
def test_the_catalogue_is_listed_once_and_in_order(width: int | None) -> None:
    text = plain(rules_lines(texts(), Look(width=width)))
    codes = [word for word in text.split() if word in {r.code for r in CATALOGUE}]
    assert codes == [r.code for r in CATALOGUE]
    if width:
        assert max(map(cells, text.splitlines())) <= width


def test_plain_and_ascii() -> None:
    text = plain(rules_lines(texts(), Look(plain=True)))
    assert "PC401 target-port-not-listening, error: No process listens on the Service's" in text
    for rule in CATALOGUE:
        assert plain(explain_lines(rule.in_full.texts, Look(unicode=False))).isascii()
