"""Rules found by a word."""

import pytest

from kubectl_portcheck.rules.search import about
from kubectl_portcheck.rules.texts import Texts, texts


def codes(text: str) -> list[str]:
    return [rule.code for rule in about(text, texts())]


@pytest.mark.parametrize("rule", texts(), ids=lambda r: r.code)
def test_a_code_and_a_name_lead_to_one_rule_in_any_case(rule: Texts) -> None:
    assert codes(rule.code.lower()) == [rule.code]
    assert codes(rule.name.upper()) == [rule.code]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("loopback", "PC202"),
        ("LoopBack", "PC202"),
        ("image pull", "PC103"),
        ("selector", "PC301"),
        ("dns not found", "PC606"),
    ],
)
def test_the_rule_whose_name_or_summary_has_the_words_comes_first(text: str, first: str) -> None:
    assert codes(text)[0] == first


def test_every_word_must_occur_and_as_the_beginning_of_a_word() -> None:
    assert set(codes("dns policy")) < set(codes("dns"))
    assert codes("dns xyzzy") == []
    assert codes("oopback") == []
    assert codes("  ") == []
