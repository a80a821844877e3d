"""How a rule ends."""

import msgspec

from kubectl_portcheck.model.report import Finding, NotEvaluated


class Passed(msgspec.Struct, frozen=True):
    """The rule had all that it needed and found nothing."""


class NotApplicable(msgspec.Struct, frozen=True):
    """The problem cannot occur here."""

    why: str


class Several(msgspec.Struct, frozen=True):
    """The problem occurs in several objects, each of which has to be fixed by itself."""

    findings: tuple[Finding, ...]


Outcome = Finding | Several | NotEvaluated | Passed | NotApplicable
