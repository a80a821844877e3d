"""Breaks a Service on a cluster, asks for the cause, pastes the fix and asks again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .portcheck import Diagnosis, diagnose_all, paste
from .table import keep
from .workloads import Document

if TYPE_CHECKING:
    from .conftest import Cluster


class Incident(NamedTuple):
    """One way to break a Service."""

    title: str
    cause: str
    """The code that leads."""
    broken: list[Document]
    before: list[Document] = []
    """What works, and is rolled out first."""
    by_hand: list[Document] = []
    """What a person would apply; empty where the first command of the report is pasted."""
    pasted: int = 0
    """Which of the commands is pasted: the first, unless an alternative is tried."""
    verdict: str = "broken"
    after: str = "healthy"
    target: str = "svc/checkout"
    flags: tuple[str, ...] = ()
    """What is asked for besides."""


def broken_named_fixed(cluster: Cluster, namespace: str, incident: Incident) -> None:
    """Fails where the cause is not named, or where the fix does not fix it."""
    if incident.before:
        cluster.apply([*incident.before, *incident.broken[1:]], namespace)
        cluster.until(
            lambda: _asked(cluster, namespace, incident).verdict == "healthy",
            "the state before to be healthy",
            240,
        )
    cluster.apply(incident.broken, namespace)

    found = _until(cluster, namespace, incident, incident.verdict, incident.cause)

    lead = found.findings[0]
    if incident.by_hand:
        assert all(f["command"] is None or f["safety"] == "review" for f in lead["fixes"])
        cluster.apply(incident.by_hand, namespace)
    else:
        paste(cluster, found.fixes[incident.pasted])
    target = incident.target if incident.cause != "PC408" else "svc/checkout"
    after = _until(cluster, namespace, incident._replace(target=target), incident.after, "")
    assert after.code == 0
    keep(
        incident.title,
        found,
        after,
        by_hand=bool(incident.by_hand),
        pasted=incident.pasted,
    )


def _asked(cluster: Cluster, namespace: str, incident: Incident) -> Diagnosis:
    return diagnose_all(cluster, namespace, incident.target, *incident.flags)


def _until(
    cluster: Cluster, namespace: str, incident: Incident, verdict: str, cause: str
) -> Diagnosis:
    """The diagnosis once it is this one: states come about with a delay."""
    found: list[Diagnosis] = []

    def come_about() -> bool:
        found[:] = [_asked(cluster, namespace, incident)]
        if cause and not incident.by_hand and len(found[0].fixes) <= incident.pasted:
            return False  # Whether it would help is not known before the pods run.
        return (found[0].verdict, "".join(found[0].causes[:1])) == (verdict, cause) or (
            not cause
            and found[0].verdict == verdict
            and (verdict != incident.verdict or incident.cause not in found[0].causes)
        )

    cluster.until(come_about, f"{incident.title}: {verdict} {cause}", 240)
    return found[0]
