"""Why a controller could not create pods, read from what the API server answered it.

The answer is in the condition ``ReplicaFailure`` of a Deployment or ReplicaSet and in the event
``FailedCreate`` of what creates the pods. Sources: Kubernetes ``plugin/pkg/admission`` (quota,
limitranger, serviceaccount, podsecurity) and ``apiserver/pkg/admission/plugin/webhook``; all forms
but those of webhooks were seen on 1.36.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from kubectl_portcheck.model.objects import Event, Pod, Workload
from kubectl_portcheck.regex import regex

LONGEST = 8192
"""Characters of an answer that are read."""

By = Literal[
    "quota", "limit-range", "pod-security", "service-account", "webhook", "webhook-failed", "other"
]

_FORBIDDEN = regex(r'pods? "[^"]{0,300}" is forbidden: ')
_QUOTA = regex(r"(?:exceeded|failed) quota: ([-.a-z0-9]{1,253})[,:] ?")
_ACCOUNT = regex(r'serviceaccount "([-.a-z0-9]{1,253})" not found')
_LEVEL = regex(r'violates PodSecurity "([^"]{1,100})": ')
_DENIED = regex(r'admission webhook "([^"]{1,253})" denied the request(?: without explanation|: )?')
_FAILED = regex(r'failed calling webhook "([^"]{1,253})": ')
_SERVICE = regex(r'https://([-a-z0-9]{1,63})\.([-a-z0-9]{1,63})\.svc(?::(\d{1,5}))?[/"?]')
_LIMIT = regex(
    r"(?:maximum|minimum) \S+ (?:usage|limit) per (?:Container|Pod)\b|max limit to request ratio"
)


class Refusal(msgspec.Struct, frozen=True):
    """What refused the pods."""

    by: By
    name: str = ""
    """The quota, ServiceAccount, webhook or Pod Security level."""
    words: str = ""
    """What it asks for, in its own words."""
    service: tuple[str, str, int] | None = None
    """Namespace, name and port of the Service of a webhook that could not be called."""


def refusal(message: str) -> Refusal | None:
    """What prevents a pod; None where the message reports no refusal."""
    text = " ".join(message[:LONGEST].split())
    if not text:
        return None
    if failed := _FAILED.search(text):
        where = _SERVICE.search(text, failed.end())
        service = (where[2], where[1], int(where[3] or 443)) if where else None
        return Refusal("webhook-failed", failed[1], text[failed.end() :], service)
    if denied := _DENIED.search(text):
        return Refusal("webhook", denied[1], text[denied.end() :])
    if account := _ACCOUNT.search(text):
        return Refusal("service-account", account[1])
    forbidden = _FORBIDDEN.search(text)
    if forbidden is None:
        return None
    why = text[forbidden.end() :]
    if quota := _QUOTA.match(why):
        return Refusal("quota", quota[1], why[quota.end() :])
    if level := _LEVEL.match(why):
        return Refusal("pod-security", level[1], why[level.end() :])
    if _LIMIT.search(why):
        return Refusal("limit-range", "", why)
    return Refusal("other", "", why)


REFUSED = "FailedCreate"
"""The reason of the event, which each controller that makes pods writes on its own object."""


def lacks_pods(workload: Workload) -> bool:
    """Whether the workload wants more pods than it has."""
    status = workload.status
    if workload.kind == "DaemonSet":
        return status.current_number_scheduled < status.desired_number_scheduled
    if workload.kind == "Job":
        ended = any(
            c.type in ("Complete", "Failed") and c.status == "True" for c in status.conditions
        )
        return not (ended or status.active)
    wanted = workload.spec.replicas
    return status.replicas < (1 if wanted is None else wanted)


def answered(workload: Workload, events: Iterable[Event], pods: Iterable[Pod]) -> str:
    """What the API server last answered the workload's controller; '' where nothing is refused now.

    An event outlives its reason: it counts while pods are lacking, and as long as none was made
    after it.
    """
    condition = next(
        (
            c.message
            for c in workload.status.conditions
            if c.type == "ReplicaFailure" and c.status == "True"
        ),
        "",
    )
    if condition or not lacks_pods(workload):
        return condition
    whose = (workload.kind, workload.metadata.name)
    reported = [
        e
        for e in events
        if e.reason == REFUSED and (e.involved_object.kind, e.involved_object.name) == whose
    ]
    last = max(reported, key=when, default=None)
    made = [
        p.metadata.creation_timestamp
        for p in pods
        if any((o.kind, o.name) == whose for o in p.metadata.owner_references)
    ]
    return last.message if last and when(last) >= max(made, default="") else ""


def when(event: Event) -> str:
    """When the event last happened, in RFC 3339 form."""
    # An event of the newer kind has no lastTimestamp.
    return event.last_timestamp or event.event_time or ""
