"""Clues: what a look at the evidence shows, and without which many rules have nothing to find."""

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.rules.base import Clue, Need
from kubectl_portcheck.semantics import mesh, pods
from kubectl_portcheck.semantics.annotations import AMBIENT, ISTIO_STATUS, LINKERD_INJECT
from kubectl_portcheck.semantics.case import Case, ServiceCase

_NOTHING = (Reason.NOT_ASKED, Reason.NOT_RECORDED, Reason.NOT_SERVED)
"""Why a part is missing of which no rule says that it lacks it; what is not served has no objects.
"""
_ASKING = {AMBIENT, ISTIO_STATUS, LINKERD_INJECT}
"""Annotations of pods that have a proxy, or in files ask for one."""


def shows(clue: Need | Clue, case: ServiceCase) -> bool:
    """Whether the evidence of the case has this clue."""
    if isinstance(clue, Need):
        return holds(getattr(case.evidence, clue))
    return SHOWS[clue](case)


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


def meshed(case: ServiceCase) -> bool:
    """Whether a pod has the proxy of a mesh; in files, whether one asks for it."""
    return any(
        mesh.is_meshed(pod) or not _ASKING.isdisjoint(pod.metadata.annotations) for pod in case.pods
    )


def tasks(case: ServiceCase) -> bool:
    """Whether pods of Jobs or hooks are among those of the Service."""
    return bool(case.caught)


def subdomain(case: ServiceCase) -> bool:
    """Whether a pod names a Service under which DNS is to know it."""
    return any(pod.spec.subdomain for pod in case.pods)


def hinted(case: ServiceCase) -> bool:
    """Whether an endpoint has hints for kube-proxy."""
    return any(e.hints is not None for s in case.slices for e in s.endpoints or ())


def local(case: ServiceCase) -> bool:
    """Whether a traffic policy keeps connections on the node where they arrive."""
    spec = case.service.spec
    return "Local" in (spec.internal_traffic_policy, spec.external_traffic_policy)


def asked(case: ServiceCase) -> bool:
    """Whether more was asked about than a Service with all of its ports."""
    return case.evidence.asked is not None or case.evidence.asked_port is not None


def absent(case: ServiceCase) -> bool:
    """Whether the Service does not exist."""
    return case.evidence.absence is not None


SHOWS = {
    Clue.UNHEALTHY: unhealthy,
    Clue.MEASURED: measured,
    Clue.UNPROVED: unproved,
    Clue.MESHED: meshed,
    Clue.TASKS: tasks,
    Clue.SUBDOMAIN: subdomain,
    Clue.HINTED: hinted,
    Clue.LOCAL: local,
    Clue.ASKED: asked,
    Clue.ABSENT: absent,
}
OF_PORT = (Clue.UNPROVED,)
"""Those of which each port of a Service has its own; the others are the Service's."""
