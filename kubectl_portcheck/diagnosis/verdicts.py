"""What the findings mean for the clients of a Service, and of each of its ports."""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.model.report import (
    WORST_FIRST,
    Finding,
    Impact,
    NotEvaluated,
    Verdict,
)
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.resting import rests


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that decides over several."""
    return min(verdicts, key=WORST_FIRST.index, default="inconclusive")


def verdict_of(
    case: Case, findings: Sequence[Finding], undecided: Sequence[NotEvaluated]
) -> Verdict:
    """What clients of one port meet."""
    errors = [
        f
        for f in findings
        if f.severity == "error"
        and (f.port is None or (f.port == case.port.port and f.protocol == case.port.protocol))
    ]
    failing = {pod for f in errors if f.impact == Impact.PODS for pod in f.pods}
    serving = {s.name for s in case.backends}
    if any(f.impact == Impact.ALL for f in errors) or (
        serving and serving <= failing and not case.outside
    ):
        return "broken"
    if any(f.impact in (Impact.PODS, Impact.PATH) for f in errors):
        return "degraded"
    if undecided or not (serving or case.in_files or rests(case)):
        return "inconclusive"
    return "healthy"


def verdict_without_ports(findings: Sequence[Finding], *, in_files: bool) -> Verdict:
    """The verdict where no port could be walked: the Service has none, or not the asked one."""
    if any(f.severity == "error" and f.impact == Impact.ALL for f in findings):
        return "broken"
    return "healthy" if in_files else "inconclusive"
