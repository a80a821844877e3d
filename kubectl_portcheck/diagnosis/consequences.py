"""Which findings are causes, and which merely follow from others."""

from collections.abc import Collection, Sequence
from typing import get_args

import msgspec

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.report import (
    Finding,
    Impact,
    Severity,
)
from kubectl_portcheck.rules.declared import Rule


def fold(
    found: Sequence[Finding], rules: Sequence[Rule], ignored: Collection[str]
) -> tuple[Finding, ...]:
    """Marks what merely follows from another finding, and sorts it behind its cause.

    What follows from an ignored finding is shown by itself, but is not called a cause.
    """
    if not found:
        return ()
    follows = {rule.code: rule.follows_from for rule in rules}
    findings = [f for f in found if f.code not in ignored]
    hidden = [f for f in found if f.code in ignored]
    causes = {id(f): _cause_of(f, findings, follows[f.code]) for f in findings}

    def root(finding: Finding) -> Finding:
        above = causes[id(finding)]
        return root(above) if above is not None else finding

    roots = sorted(
        (f for f in findings if causes[id(f)] is None),
        key=_weight,
    )
    ordered: list[Finding] = []
    for cause in roots:
        # Information may explain, but it is the cause of nothing.
        above = _cause_of(cause, hidden, follows[cause.code])
        ordered.append(_of_ignored(cause, above) if above else _root(cause))
        ordered += [
            msgspec.structs.replace(f, cause=False, caused_by=cause.code)
            for f in findings
            if f is not cause and root(f) is cause
        ]
    return tuple(ordered)


def _weight(finding: Finding) -> tuple[int, int, int, str]:
    """The worst first."""
    severities, impacts = get_args(Severity), list(Impact)
    return (
        severities.index(finding.severity),
        impacts.index(finding.impact),
        finding.port or 0,
        finding.code,
    )


def _root(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, cause=finding.severity != "info")


def _of_ignored(finding: Finding, cause: Finding) -> Finding:
    """The finding, which follows from one that is ignored."""
    note = Observation(text=f"follows from {cause.code} {cause.name}, which is ignored")
    return msgspec.structs.replace(
        finding, cause=False, caused_by=cause.code, evidence=(*finding.evidence, note)
    )


def _cause_of(
    finding: Finding, findings: Sequence[Finding], codes: Sequence[str]
) -> Finding | None:
    """The finding from which this one follows: on the same port, and about all of its pods."""
    possible = [
        f
        for code in codes
        for f in findings
        if f.code == code and (f.port is None or finding.port in (None, f.port))
    ]
    explained = {pod for f in possible for pod in f.pods}
    if any(f.impact == Impact.ALL for f in possible) or set(finding.pods) <= explained:
        return possible[0] if possible else None
    return None
