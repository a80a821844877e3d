"""Clues: what a look at the evidence shows, and without which many rules have nothing to find."""

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.rules.base import Clue, Need
from kubectl_portcheck.semantics import pods
from kubectl_portcheck.semantics.case import Case, ServiceCase

_NOTHING = (Reason.NOT_ASKED, Reason.NOT_RECORDED, Reason.NOT_SERVED)
"""Why a part is missing of which no rule says that it lacks it; what is not served has no objects.
"""


def shows(clue: Need | Clue, case: ServiceCase) -> bool:
    """Whether the evidence of the case has this clue."""
    if isinstance(clue, Need):
        return holds(getattr(case.evidence, clue))
    return _SHOWS[clue](case)


def holds(part: object) -> bool:
    """Whether a part of the evidence holds anything, or may hold what could not be read."""
    if isinstance(part, Observed):
        return bool(part.value or part.lacking)
    if isinstance(part, Missing):
        return part.reason not in _NOTHING
    return bool(part)


def unhealthy(case: ServiceCase) -> bool:
    """Whether a pod that the Service leads to is not plainly Running and Ready, or there is none.

    Whatever is unusual counts: a restart, a condition that is not True, a pod that has ended.
    """
    return not case.pods or bool(case.finished_pods) or not all(map(pods.is_healthy, case.pods))


def measured(case: ServiceCase) -> bool:
    """Whether anything was measured in one of the pods, or tried from outside of them."""
    evidence = case.evidence
    return (
        bool(evidence.attempts or evidence.service_forwards)
        or isinstance(evidence.in_cluster, Observed)
        or any(isinstance(s, Observed) for s in evidence.sockets.values())
    )


def unproved(case: ServiceCase) -> bool:
    """Whether an endpoint with traffic is not known to serve, or none gets any."""
    if not isinstance(case, Case) or not case.backends or case.outside:
        return True
    return any(s.answer.kind != "serves" for s in case.states)


_SHOWS = {Clue.UNHEALTHY: unhealthy, Clue.MEASURED: measured, Clue.UNPROVED: unproved}
