"""Causes and consequences: no rule may, by any detour, follow from itself."""

import pytest

from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.rules.table import CATALOGUE

FOLLOWS = {rule.code: rule.follows_from for rule in CATALOGUE}


def causes_of(code: str) -> set[str]:
    """Every code from which this one may follow, directly or not."""
    found: set[str] = set()
    left = list(FOLLOWS.get(code, ()))
    while left:
        above = left.pop()
        if above not in found:
            found.add(above)
            left += FOLLOWS.get(above, ())
    return found


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda r: r.code)
def test_nothing_is_its_own_cause(rule: Rule) -> None:
    assert rule.code not in causes_of(rule.code)


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda r: r.code)
def test_every_cause_is_a_rule(rule: Rule) -> None:
    assert set(rule.follows_from) <= set(FOLLOWS)
