"""Which pods a Service sends clients to, by their own state, and what faulty ones mean for it.

The EndpointSlices say it for each port and are asked first elsewhere; this is the rule that their
controller follows: the Ready pods that are not being deleted, or every pod with an address where
``publishNotReadyAddresses`` is set. (Kubernetes, EndpointSlice controller, ``podToEndpoint``)
"""

from collections.abc import Iterable

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.semantics import pods
from kubectl_portcheck.semantics.case import ServiceCase

SETTLED = 10.0
"""Seconds after which the control plane has surely taken note of a change."""


def receives(case: ServiceCase, pod: Pod) -> bool:
    """Whether clients are sent to the pod; one that drains counts, for it may be all there is."""
    published = case.service.spec.publish_not_ready_addresses
    return bool(pod.status.pod_ip) and (published or pods.is_ready(pod))


def impact_on(case: ServiceCase, faulty: Iterable[Pod]) -> Impact:
    """What it means for the Service's clients that these pods do not serve.

    Pods that get no traffic hurt no client as long as others get it.
    """
    names = {p.metadata.name for p in faulty}
    receiving = {p.metadata.name for p in case.pods if receives(case, p)}
    if receiving <= names:
        return Impact.ALL
    return Impact.PODS if receiving & names else Impact.NONE


def is_new(case: ServiceCase, pod: Pod) -> bool:
    """Whether the pod, its readiness or one of its containers is so young that others may lag."""
    since = [pod.metadata.creation_timestamp]
    since += [c.last_transition_time or "" for c in pod.status.conditions if c.type == "Ready"]
    since += [s.state.running.started_at or "" for s in pods.main_statuses(pod) if s.state.running]
    return any(pods.age(time, case.now) < SETTLED for time in since)
