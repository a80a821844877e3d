"""Which rules are worth running for a case, asked once for each shape of evidence.

What a rule declares of itself - when it applies, what it needs, its clues - depends only on the
shape of the evidence. Thousands of Services have a few shapes, and in most of them most rules have
nothing to find.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from operator import attrgetter

import msgspec

from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.report import Finding, NotEvaluated
from kubectl_portcheck.rules import clues
from kubectl_portcheck.rules.base import Need, Rule, Worth
from kubectl_portcheck.rules.run import OF_PORT, OF_SERVICE, attempted, foregone
from kubectl_portcheck.semantics.case import Case, ServiceCase

_parts: Callable[[object], tuple[object, ...]] = attrgetter(*Need)


Lack = tuple[Rule, NotEvaluated]
"""A rule, and what it lacks."""


class Concluded(msgspec.Struct, frozen=True):
    """What the rules concluded about a Service and its ports."""

    findings: list[Finding]
    lacking: list[Lack]


class _Step(msgspec.Struct, frozen=True):
    place: int
    """The rule's place in the catalogue."""
    rule: Rule
    lacks: NotEvaluated | None
    """What is concluded without its check; None where that has to run."""


_Part = tuple[list[Lack], _Step | None, int]
"""What is concluded of the Service without any check, then a step and the number of its case: 0 for
the Service itself."""


class Plans:
    """The plans of one run. What they say of a shape of evidence is kept for the next Service."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(enumerate(rules))
        self._shapes: dict[Hashable, int] = {}
        self._known: dict[Hashable, tuple[_Step, ...]] = {}
        self._parted: dict[tuple[int, ...], list[_Part]] = {}
        """By the identities of the plans, which are held."""
        self._asked: dict[tuple[bool, bool], tuple[tuple[int, Rule], ...]] = {}
        """The rules that may say anything: of a port or not, and in files or not."""
        self._live: tuple[_Step, ...] | None = None

    def conclude(
        self, whole: ServiceCase, cases: Sequence[Case], in_time: Callable[[], object]
    ) -> Concluded:
        """What the rules conclude about a Service and its ports, in the order of the catalogue.

        Rules that found nothing, or have nothing to say of it, are left out. ``in_time`` is called
        before each check, and raises where the time is up.
        """
        shape = self._shapes.setdefault(shape_of(whole), len(self._shapes))
        every = (whole, *cases)
        plans = [self._plan(case, shape) for case in every]
        findings: list[Finding] = []
        lacking: list[Lack] = []
        for lacks, step, number in self._parts(plans):
            lacking += lacks
            if step is None:
                continue
            case = every[number]
            port = case.port.port if isinstance(case, Case) else None
            if step.lacks is None:
                in_time()
            for outcome in attempted(step.rule, case) if step.lacks is None else (step.lacks,):
                if isinstance(outcome, Finding):
                    findings.append(outcome)
                elif isinstance(outcome, NotEvaluated):
                    if port is not None:
                        outcome = msgspec.structs.replace(outcome, port=port)
                    lacking.append((step.rule, outcome))
        return Concluded(findings, lacking)

    def _parts(self, plans: Sequence[tuple[_Step, ...]]) -> list[_Part]:
        known = tuple(map(id, plans))
        if known not in self._parted:
            steps = [(step, n) for n, plan in enumerate(plans) for step in plan]
            parts: list[_Part] = []
            lacks: list[Lack] = []
            for step, number in sorted(steps, key=lambda each: each[0].place):
                if step.lacks is not None and not number:
                    lacks.append((step.rule, step.lacks))
                else:
                    parts.append((lacks, step, number))
                    lacks = []
            self._parted[known] = [*parts, (lacks, None, 0)]
        return self._parted[known]

    def _plan(self, case: ServiceCase, shape: int) -> tuple[_Step, ...]:
        known = (shape, port_shape(case) if isinstance(case, Case) else None)
        if known not in self._known:
            self._known[known] = tuple(self._made(case))
        return self._known[known]

    def _made(self, case: ServiceCase) -> Iterator[_Step]:
        of_port, in_files = isinstance(case, Case), case.in_files
        if in_files and not of_port:
            # That only a cluster can tell is said once for the Service, and not for each port.
            yield from self._only_live(case)
        for place, rule in self._asking(of_port, in_files):
            outcome = foregone(rule, case)
            if outcome is None:
                yield _Step(place, rule, None)
            elif isinstance(outcome, NotEvaluated):
                yield _Step(place, rule, outcome)

    def _asking(self, of_port: bool, in_files: bool) -> tuple[tuple[int, Rule], ...]:
        if (of_port, in_files) not in self._asked:
            self._asked[of_port, in_files] = tuple(
                (place, rule)
                for place, rule in self._rules
                if (rule.check_service is None) == of_port
                and not (in_files and rule.in_files == Worth.NOTHING)
            )
        return self._asked[of_port, in_files]

    def _only_live(self, case: ServiceCase) -> tuple[_Step, ...]:
        """What is concluded of any Service in files by the rules that say nothing of them."""
        if self._live is None:
            self._live = tuple(
                _Step(place, rule, outcome)
                for place, rule in self._rules
                if rule.in_files == Worth.NOTHING
                and isinstance(outcome := foregone(rule, case), NotEvaluated)
            )
        return self._live


def shape_of(whole: ServiceCase) -> Hashable:
    """All of a Service on which it depends what rules conclude without their checks."""
    flags = [holds(whole) for holds in OF_SERVICE.values()]
    flags += [shows(whole) for clue, shows in clues.SHOWS.items() if clue not in clues.OF_PORT]
    return whole.in_files, tuple(flags), outline(whole)


def port_shape(case: Case) -> Hashable:
    """The same of one of its ports, beside that."""
    flags = [holds(case) for holds in OF_PORT.values()]
    return tuple(flags + [clues.SHOWS[clue](case) for clue in clues.OF_PORT])


def outline(whole: ServiceCase) -> Hashable:
    """What is missing of the evidence, and what of it holds anything."""
    return tuple([p if type(p) is Missing else _outline(p) for p in _parts(whole.evidence)])


def _outline(part: object) -> Hashable:
    """Whether a part of the evidence that was read holds anything, and what of it is missing."""
    if type(part) is Observed:
        return (bool(part.value), part.lacking) if part.lacking else bool(part.value)
    return bool(part)
