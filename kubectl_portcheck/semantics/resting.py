"""Services that have no pods for a time, by design."""

from kubectl_portcheck.semantics import knative, twins
from kubectl_portcheck.semantics.case import ServiceCase


def rests(case: ServiceCase) -> str:
    """Why the Service has no pods by design, in words; '' where it has some, or ought to."""
    return twins.rests(case) or knative.at_zero(case)
