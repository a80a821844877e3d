"""What components said of an object, in their own words."""

from kubectl_portcheck.model.facts import Said
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Event
from kubectl_portcheck.semantics import creation
from kubectl_portcheck.semantics.case import ServiceCase


def about(case: ServiceCase, kind: str, name: str) -> list[Event]:
    """The events of an object, the latest first."""
    found = [
        e for e in case.events if (e.involved_object.kind, e.involved_object.name) == (kind, name)
    ]
    return sorted(found, key=_when, reverse=True)


def said(case: ServiceCase, pod: str, *reasons: str, most: int = 1) -> list[Said]:
    """The latest events of a pod with one of these reasons, each text once."""
    subject = Subject(kind="Pod", namespace=case.namespace, name=pod)
    found = [
        Said(source=f"event {e.reason}", words=words_of(e), subject=subject)
        for e in about(case, "Pod", pod)
        if e.reason in reasons and e.message
    ]
    return list(dict.fromkeys(found))[:most]


def words_of(event: Event) -> str:
    """The event's message on one line."""
    return " ".join(event.message.split())


def _when(event: Event) -> tuple[str, str, str]:
    return (creation.when(event), event.reason, event.message)
