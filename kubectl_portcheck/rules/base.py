"""All that the file of a rule needs to say what the rule is: one problem, described and checked."""

from collections.abc import Iterable

from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules.declared import (
    Clue,
    Example,
    Explanation,
    Need,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.outcomes import NotApplicable, Outcome, Passed, Several
from kubectl_portcheck.semantics.case import Case, PodState

__all__ = (
    "Clue",
    "Example",
    "Explanation",
    "Need",
    "NotApplicable",
    "Outcome",
    "Passed",
    "Rule",
    "Several",
    "When",
    "Worth",
    "impact_of",
)


def impact_of(states: Iterable[PodState], case: Case) -> Impact:
    """What a fault of these pods means for the clients of the port."""
    faulty = {s.name for s in states if s.used}
    if case.outside:
        return Impact.PODS if faulty else Impact.NONE
    if not case.backends or faulty == {s.name for s in case.backends}:
        return Impact.ALL
    return Impact.PODS if faulty else Impact.NONE
