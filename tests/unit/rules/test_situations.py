"""The situations of rules beside their examples: the other sides of their conditions."""

import pytest

from kubectl_portcheck.rules.base import Example, Rule
from kubectl_portcheck.rules.table import CATALOGUE
from tests.examples import SITUATIONS, diagnosed, situations

EACH = [(rule, each) for rule in CATALOGUE for each in situations(rule)]


@pytest.mark.parametrize(("rule", "each"), EACH, ids=[f"{r.code}-{e.title}" for r, e in EACH])
def test_a_situation_is_reported_as_written(rule: Rule, each: Example) -> None:
    """Where the change is meant, ``python -m tests.examples`` writes it into the situations."""
    assert diagnosed(rule, each, more=True).strip() == each.expects


def test_each_file_of_situations_is_of_a_rule() -> None:
    files = {path.stem.upper() for path in SITUATIONS.iterdir()}
    assert files <= {rule.code for rule in CATALOGUE}
    assert all(situations(rule) for rule in CATALOGUE if rule.code in files)
