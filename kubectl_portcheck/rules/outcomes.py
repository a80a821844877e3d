"""How a rule ends."""

from typing import NamedTuple

from kubectl_portcheck.model.report import Finding, NotEvaluated


class Passed(NamedTuple):
    """The rule had all that it needed and found nothing."""


class NotApplicable(NamedTuple):
    """The problem cannot occur here."""

    why: str


class Several(NamedTuple):
    """The problem occurs in several objects, each of which has to be fixed by itself."""

    findings: tuple[Finding, ...]


Outcome = Finding | Several | NotEvaluated | Passed | NotApplicable
