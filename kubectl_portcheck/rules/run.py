"""Runs one rule: asks what it declares of itself, so that its check asks only for the problem."""

from collections.abc import Callable

import msgspec

from kubectl_portcheck.errors import defect_words
from kubectl_portcheck.model.report import Finding, Impact, NotEvaluated, Severity, begun
from kubectl_portcheck.rules import clues
from kubectl_portcheck.rules.base import (
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
    Worth,
)
from kubectl_portcheck.rules.doubts import doubted
from kubectl_portcheck.semantics.case import Case, ServiceCase

UNFOUND = Passed | NotApplicable
"""The outcomes that say that something is not there."""
OF_SERVICE: dict[When, Callable[[ServiceCase], bool]] = {
    When.SELECTOR: lambda case: case.selects,
    When.PODS: lambda case: case.walked,
    When.MANUAL_ENDPOINTS: lambda case: not (case.selects or case.external_name),
    When.HEADLESS: lambda case: case.service.headless,
    When.NOT_HEADLESS: lambda case: not case.service.headless,
    When.EXTERNAL_NAME: lambda case: case.external_name,
    When.NOT_EXTERNAL_NAME: lambda case: not case.external_name,
    When.LOAD_BALANCER: lambda case: case.service.spec.type == "LoadBalancer",
    When.NOT_LOAD_BALANCER: lambda case: case.service.spec.type != "LoadBalancer",
    When.READY_ONLY: lambda case: not case.service.spec.publish_not_ready_addresses,
}
"""The conditions on a Service."""
OF_PORT: dict[When, Callable[[Case], bool]] = {
    When.TCP: lambda case: case.port.protocol == "TCP",
    When.NOT_SCTP: lambda case: case.port.protocol != "SCTP",
    When.NAMED_TARGET_PORT: lambda case: isinstance(case.target, str),
    When.NUMBERED_TARGET_PORT: lambda case: isinstance(case.target, int),
}
"""The conditions on one of its ports, for rules that run for each."""


def run(rule: Rule, case: ServiceCase) -> tuple[Outcome, ...]:
    """What the rule concludes about the case; several outcomes where several objects are wrong."""
    outcome = foregone(rule, case)
    return (outcome,) if outcome is not None else attempted(rule, case)


def foregone(rule: Rule, case: ServiceCase) -> Outcome | None:
    """What the rule concludes by what it declares of itself; None where its check has to run.

    It depends on nothing but the case's :func:`~kubectl_portcheck.rules.plan.shape_of`, and on the
    :func:`~kubectl_portcheck.rules.plan.port_shape` of a port.
    """
    if case.in_files and rule.in_files == Worth.NOTHING:
        return rule.lacks("only a live cluster can tell")
    for when in rule.applies:
        if not _holds(when, case):
            return NotApplicable(f"only where {when}")
    for need in rule.needs:
        missing = case.missing(need)
        # Pods are not asked for where none is selected: the rules say themselves what that means.
        if missing is not None and (case.selects or need != Need.PODS):
            return rule.lacks(missing)
    if rule.clues and not any(clues.shows(clue, case) for clue in rule.clues):
        return _unless_lacking(rule, case, Passed())
    return None


def attempted(rule: Rule, case: ServiceCase) -> tuple[Outcome, ...]:
    """What :func:`checked` gives; where the check fails by a defect of its own, that it does."""
    try:
        return checked(rule, case)
    except Exception as defect:  # What the other rules find is reported all the same.
        return (
            NotEvaluated(
                code=rule.code, missing=f"{defect_words(defect)}; please report it", defect=True
            ),
        )


def checked(rule: Rule, case: ServiceCase) -> tuple[Outcome, ...]:
    """What the rule's check concludes, of which :func:`foregone` knows nothing."""
    outcome = _unless_lacking(rule, case, _checked(rule, case))
    if not isinstance(outcome, Finding | Several):
        return (outcome,)
    found = outcome.findings if isinstance(outcome, Several) else (outcome,)
    if not case.in_files:
        return found
    return tuple(doubted(_weighed(f, rule.in_files, case), rule, case) for f in found)


def _unless_lacking(rule: Rule, case: ServiceCase, outcome: Outcome) -> Outcome:
    """The outcome; what was read may show the problem, but that it does not shows nothing of what
    was not read."""
    if not isinstance(outcome, UNFOUND):
        return outcome
    for need in rule.needs:
        if lacking := case.lacking(need):
            return rule.lacks(lacking[0])
    return outcome


def _checked(rule: Rule, case: ServiceCase) -> Outcome:
    if isinstance(case, Case) and rule.check is not None:
        return rule.check(case)
    assert rule.check_service is not None
    return rule.check_service(case)


def _holds(when: When, case: ServiceCase) -> bool:
    if when in OF_SERVICE:
        return OF_SERVICE[when](case)
    assert isinstance(case, Case)
    return OF_PORT[when](case)


def _weighed(found: Finding, worth: Worth, case: ServiceCase) -> Finding:
    """The finding, as much as it is worth where no pod was seen alive."""
    if worth == Worth.PROOF:
        return found
    if worth == Worth.ABSENCE:
        found = _prefixed(found, "In these files")
        if case.evidence.files == "all":
            return found
    else:
        found = _prefixed(found, "By what the files declare")
    severity: Severity = "info" if found.severity == "info" else "warning"
    fixes = tuple(msgspec.structs.replace(f, safety="review") for f in found.fixes)
    return msgspec.structs.replace(
        found, severity=severity, impact=Impact.NONE, unsure="", fixes=fixes
    )


def _prefixed(finding: Finding, words: str) -> Finding:
    """Says in the finding's sentence what it rests on."""
    return msgspec.structs.replace(finding, summary=f"{words}: {begun(finding.summary)}")
