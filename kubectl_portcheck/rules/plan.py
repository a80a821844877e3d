"""Which rules are worth running for a case, asked once for each shape of evidence.

What a rule declares of itself - when it applies, what it needs, its clues - depends only on the
shape of the evidence. Thousands of Services have a few shapes, and in most of them most rules have
nothing to find.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.rules import clues
from kubectl_portcheck.rules.base import Need, Outcome, Rule, Worth
from kubectl_portcheck.rules.run import OF_PORT, OF_SERVICE, UNFOUND, checked, foregone
from kubectl_portcheck.semantics.case import Case, ServiceCase

_parts: Callable[[object], tuple[object, ...]] = attrgetter(*Need)


class Concluded(NamedTuple):
    """What one rule concluded about one case."""

    rule: Rule
    port: int | None
    """The Service port, where it ran for one."""
    outcome: Outcome


class _Step(NamedTuple):
    place: int
    """The rule's place in the catalogue."""
    rule: Rule
    outcome: Outcome | None
    """What is concluded without its check; None where that has to run."""


class Plans:
    """The plans of one run. What they say of a shape of evidence is kept for the next Service."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(enumerate(rules))
        self._known: dict[Hashable, tuple[_Step, ...]] = {}

    def conclude(
        self, whole: ServiceCase, cases: Sequence[Case], in_time: Callable[[], object]
    ) -> Iterator[Concluded]:
        """What the rules conclude about a Service and its ports, in the order of the catalogue.

        Rules that found nothing, or have nothing to say of it, are left out. ``in_time`` is called
        before each check, and raises where the time is up.
        """
        steps: list[tuple[_Step, ServiceCase]] = []
        for case in (whole, *cases):
            steps += [(step, case) for step in self._plan(case)]
        steps.sort(key=lambda each: each[0].place)
        for step, case in steps:
            port = case.port.port if isinstance(case, Case) else None
            if step.outcome is not None:
                yield Concluded(step.rule, port, step.outcome)
                continue
            in_time()
            for outcome in checked(step.rule, case):
                if not isinstance(outcome, UNFOUND):
                    yield Concluded(step.rule, port, outcome)

    def _plan(self, case: ServiceCase) -> tuple[_Step, ...]:
        known = shape(case)
        if known not in self._known:
            self._known[known] = tuple(self._made(case))
        return self._known[known]

    def _made(self, case: ServiceCase) -> Iterator[_Step]:
        of_port = isinstance(case, Case)
        for place, rule in self._rules:
            # That only a cluster can tell is said once for the Service, and not for each port.
            once = rule.check_service is not None
            once = once or (case.in_files and rule.in_files == Worth.NOTHING)
            if once == of_port:
                continue
            outcome = foregone(rule, case)
            if not isinstance(outcome, UNFOUND):
                yield _Step(place, rule, outcome)


def shape(case: ServiceCase) -> Hashable:
    """All of a case on which it depends what rules conclude without their checks."""
    flags = [case.in_files, *(holds(case) for holds in OF_SERVICE.values())]
    if isinstance(case, Case):
        flags += [holds(case) for holds in OF_PORT.values()]
        flags.append(clues.unproved(case))
    flags += (clues.unhealthy(case), clues.measured(case))
    return (*flags, *map(_outline, _parts(case.evidence)))


def _outline(part: object) -> Hashable:
    """What is missing of a part of the evidence, or else whether it holds anything."""
    if isinstance(part, Missing):
        return part
    if isinstance(part, Observed):
        return (bool(part.value), part.lacking) if part.lacking else bool(part.value)
    return bool(part)
