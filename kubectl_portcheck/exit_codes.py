"""The exit codes on which runbooks rely."""

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_portcheck.model.report import Report


class ExitCode(IntEnum):
    """What the process ends with."""

    HEALTHY = 0
    """All clients are served; or whatever was found was not to fail the run."""
    PROBLEM = 1
    """Broken or degraded, or what else ``--fail-on`` names."""
    USAGE = 2
    """A usage error, or no target is known: there is no report."""
    INCONCLUSIVE = 3
    """The verdict is not known; the report names what was missing."""
    NO_CLUSTER = 4
    """No cluster was reached, or it refused the credentials: there is no report."""
    NOT_WRITTEN = 5
    """The report, or a file that was asked for, could not be written."""
    INTERRUPTED = 130
    """Interrupted; the report holds what had been gathered."""


FAIL_ON: dict[str, tuple[str, ...]] = {
    "warning": ("degraded", "broken"),
    "degraded": ("degraded", "broken"),
    "broken": ("broken",),
}
"""The verdicts that end with 1, by the value of ``--fail-on``."""


def exit_code_for(
    report: "Report", *, fail_on: str = "degraded", exit_zero: bool = False
) -> ExitCode:
    """The exit code of a report."""
    if report.interrupted:
        return ExitCode.INTERRUPTED
    if exit_zero:
        return ExitCode.HEALTHY
    if report.verdict in FAIL_ON[fail_on]:
        return ExitCode.PROBLEM
    if report.verdict == "inconclusive":
        return ExitCode.INCONCLUSIVE
    if fail_on == "warning" and "warning" in _severities(report):
        return ExitCode.PROBLEM
    return ExitCode.HEALTHY


def _severities(report: "Report") -> Iterable[str]:
    return (f.severity for s in report.services for f in s.findings)
