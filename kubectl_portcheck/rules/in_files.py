"""What a rule is worth where the evidence is manifest files, and no pod was seen alive.

A rule that is not named here does not run on files: only a live cluster can tell. So a new rule
raises no false alarm in a review before someone has thought about it.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from kubectl_portcheck.model.report import Finding, Impact, Severity
from kubectl_portcheck.rules.base import Outcome, Rule, Several
from kubectl_portcheck.semantics.case import ServiceCase


class Worth:
    """How far the files carry a rule's conclusion."""

    NOTHING: Final = "nothing"
    """Only a live cluster can tell."""
    HINT: Final = "hint"
    """The files suggest it: a warning."""
    ABSENCE: Final = "absence"
    """Something is not in the files: a warning, unless they are everything."""
    PROOF: Final = "proof"
    """As much as in a cluster."""


_WORTH: dict[str, str] = {
    "PC206": Worth.HINT,
    "PC301": Worth.ABSENCE,
    "PC305": Worth.PROOF,
    "PC306": Worth.ABSENCE,
    "PC309": Worth.HINT,
    "PC401": Worth.PROOF,
    "PC402": Worth.PROOF,
    "PC403": Worth.PROOF,
    "PC404": Worth.PROOF,
    "PC406": Worth.HINT,
    "PC407": Worth.HINT,
    "PC408": Worth.PROOF,
    "PC409": Worth.PROOF,
    "PC602": Worth.HINT,
    "PC701": Worth.PROOF,
    "PC702": Worth.PROOF,
    "PC703": Worth.ABSENCE,
    "PC704": Worth.HINT,
    "PC705": Worth.HINT,
}


def worth(rule: Rule) -> str:
    """How far files carry the rule's conclusion."""
    return _WORTH.get(rule.code, Worth.NOTHING)


def weighed(rule: Rule, case: ServiceCase, run: Callable[[], Outcome]) -> Outcome:
    """The rule's outcome, as much as it is worth."""
    value = worth(rule)
    if value == Worth.NOTHING:
        return rule.lacks("only a live cluster can tell")
    outcome = run()
    if isinstance(outcome, Several):
        return Several(tuple(_weighed(f, value, case) for f in outcome.findings))
    return _weighed(outcome, value, case) if isinstance(outcome, Finding) else outcome


def _weighed(outcome: Finding, value: str, case: ServiceCase) -> Finding:
    if value == Worth.PROOF:
        return outcome
    if value == Worth.ABSENCE:
        outcome = _prefixed(outcome, "In these files")
        if case.evidence.files == "all":
            return outcome
    else:
        outcome = _prefixed(outcome, "By what the files declare")
    severity: Severity = "info" if outcome.severity == "info" else "warning"
    return msgspec.structs.replace(outcome, severity=severity, impact=Impact.NONE, unsure="")


def _prefixed(finding: Finding, words: str) -> Finding:
    """Says in the finding's sentence what it rests on."""
    summary = finding.summary
    if summary.startswith(("The ", "No ", "Nothing ")):
        summary = f"{summary[0].lower()}{summary[1:]}"
    return msgspec.structs.replace(finding, summary=f"{words}: {summary}")
