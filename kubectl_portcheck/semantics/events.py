"""What components said of an object, in their own words."""

from kubectl_portcheck.model.objects import Event
from kubectl_portcheck.semantics.case import ServiceCase


def about(case: ServiceCase, kind: str, name: str) -> list[Event]:
    """The events of an object, the latest first."""
    found = [
        e for e in case.events if (e.involved_object.kind, e.involved_object.name) == (kind, name)
    ]
    return sorted(found, key=_when, reverse=True)


def said(case: ServiceCase, pod: str, *reasons: str, most: int = 1) -> list[str]:
    """The latest events of a pod with one of these reasons, each text once."""
    words = [
        f"{pod}: event {e.reason}: {' '.join(e.message.split())}"
        for e in about(case, "Pod", pod)
        if e.reason in reasons and e.message
    ]
    return list(dict.fromkeys(words))[:most]


def _when(event: Event) -> tuple[str, str, str]:
    # An event of the newer kind has no lastTimestamp.
    return (event.last_timestamp or event.event_time or "", event.reason, event.message)
