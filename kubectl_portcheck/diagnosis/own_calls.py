"""What is said of a workload that was asked what it calls; and of a Service, who calls it."""

from collections.abc import Sequence
from typing import get_args

from kubectl_portcheck.diagnosis.parts import unanswered
from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.report import (
    Called,
    Finding,
    Headline,
    ServiceReport,
    Severity,
    Suppressed,
    Verdict,
)
from kubectl_portcheck.rules.base import Need, Rule
from kubectl_portcheck.rules.calls import whose
from kubectl_portcheck.rules.run import run
from kubectl_portcheck.rules.suppressions import suppressions
from kubectl_portcheck.rules.wording import headline_of, listing
from kubectl_portcheck.semantics.calls import CODES, fault, text
from kubectl_portcheck.semantics.case import ServiceCase

READ = "its variables, arguments and commands"
"""Where calls are looked for."""


def reported(case: ServiceCase, rules: Sequence[Rule], ignore: Sequence[str]) -> ServiceReport:
    """The report on what a workload calls: only by its settings, not by what answers there."""
    asked = case.evidence.asked
    assert asked is not None
    about = [rule for rule in rules if Need.CALLS in rule.uses]
    outcomes = [o for rule in about for o in run(rule, case)]
    ignored = suppressions(case.service, ignore, rules)
    found = [o for o in outcomes if isinstance(o, Finding)]
    kept = [f for f in found if f.code not in ignored.codes]
    findings = tuple(sorted(kept, key=lambda f: (get_args(Severity).index(f.severity), f.code)))
    verdict, headline = _judged(case, findings)
    missing = case.missing("calls")
    return ServiceReport(
        kind=asked.kind,
        namespace=case.namespace,
        name=case.name,
        verdict=verdict,
        headline=headline,
        findings=findings,
        calls=called(case, findings),
        not_evaluated=unanswered(outcomes, ignored),
        suppressed=tuple(
            Suppressed(finding=f, by=ignored.codes[f.code])
            for f in found
            if f.code in ignored.codes
        ),
        missing=(missing.detail or missing.reason,) if missing else (),
        rights=(missing.right,) if missing and missing.right else (),
    )


def called(case: ServiceCase, findings: Sequence[Finding]) -> tuple[Called, ...]:
    """Each call, with the finding about it."""
    known = {(f.code, f.subject) for f in findings}

    def code(call: Call) -> str:
        found = CODES.get(fault(call), "")
        return found if (found, whose(call)) in known else ""

    return tuple(Called(call=c, finding=code(c)) for c in case.calls)


def _judged(case: ServiceCase, findings: Sequence[Finding]) -> tuple[Verdict, Headline]:
    missing = case.missing("calls")
    if isinstance(missing, Missing):
        return "inconclusive", Headline(text=missing.detail or missing.reason, untold=True)
    errors = [f for f in findings if f.severity == "error"]
    if errors:
        return "degraded", headline_of(errors[0], case)
    hosts = list(dict.fromkeys(text(c) for c in case.calls))
    if not hosts:
        return "inconclusive", Headline(text=f"no Service is named in {READ}", untold=True)
    unknown = [text(c) for c in case.calls if fault(c) == "untold"]
    if unknown:
        why = f"whether {listing(dict.fromkeys(unknown))} exists is not known"
        return "inconclusive", Headline(text=why, untold=True)
    return "healthy", Headline(text=f"calls {listing(hosts)}")
