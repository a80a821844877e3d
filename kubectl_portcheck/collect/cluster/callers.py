"""Who calls a Service, by the settings of the workloads of its namespace."""

from collections.abc import Mapping, Sequence

import msgspec

from kubectl_portcheck.collect.called import Calling, ConfigMapCalls
from kubectl_portcheck.collect.cluster.cluster import Read, Reads
from kubectl_portcheck.collect.cluster.listable import Listable
from kubectl_portcheck.collect.cluster.work import Questions
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, combined
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.semantics import calls
from kubectl_portcheck.semantics.calls import Caller

CALLING = tuple(
    Listable(kind, Calling, named=True)
    for kind in (
        *(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.CRON_JOB, kinds.JOB),
    )
)
"""The workloads whose settings are read: one list each."""
CALLING_ANYWHERE = tuple(msgspec.structs.replace(kind, anywhere=True) for kind in CALLING)
"""The same of all namespaces, where they may be listed."""
CONFIGURING = Listable(kinds.CONFIG_MAP, ConfigMapCalls)
OTHERS = "of other namespaces"
"""What a read says that could reach only its own namespace."""
MOST = 200
"""Calls of one Service that are kept."""


def calls_to(
    reads: Reads,
    questions: Questions,
    namespace: str,
    name: str,
    *,
    configured: bool = False,
    everywhere: bool = False,
) -> Read[tuple[Call, ...]]:
    """The calls that mean the Service of that name, or may mean it.

    They are those of the namespace's workloads; with ``everywhere`` those of all namespaces, as far
    as they may be read. With ``configured`` the ConfigMaps that they use are read too, those of the
    Service's own namespace.
    """
    maps = questions.ask(config_maps, reads) if configured else None
    asked = CALLING_ANYWHERE if everywhere else CALLING
    listed = [questions.ask(reads.objects, kind, {}) for kind in asked]
    known = questions.ask(reads.known_services).result()
    found = combined([one.result() for one in listed])
    if isinstance(found, Missing):
        return found
    if isinstance(known, Missing):
        return known
    read = maps.result() if maps else Observed(value=())
    by_name = {} if isinstance(read, Missing) else {m.metadata.name: m for m in read.value}
    unread = (read,) if isinstance(read, Missing) else ()
    made = (
        call
        for workload in found.value
        if not workload.passed
        for call in calls.resolved(
            caller(workload, by_name if workload.metadata.namespace == namespace else {}),
            known.value,
        )
    )
    leading = calls.leading_to((name, namespace), made)
    lacking = _once(found.lacking) if everywhere else found.lacking
    return Observed(value=leading[:MOST], lacking=(*lacking, *unread))


def _once(lacking: Sequence[Missing]) -> tuple[Missing, ...]:
    """What is not known of other namespaces, in one sentence for all kinds of workloads."""
    first = next((m for m in lacking if OTHERS in m.detail), None)
    if first is None:
        return tuple(lacking)
    why = "may not be listed" if first.reason == Reason.FORBIDDEN else "could not all be read"
    detail = f"workloads of other namespaces {why}: which of them call the Service is not known"
    rest = (m for m in lacking if OTHERS not in m.detail)
    return (msgspec.structs.replace(first, detail=detail, right=None), *rest)


def config_maps(reads: Reads) -> Read[tuple[ConfigMapCalls, ...]]:
    """The namespace's ConfigMaps, as far as they name hosts."""
    return reads.objects(CONFIGURING, {})


def caller(workload: Calling, configured: Mapping[str, ConfigMapCalls]) -> Caller:
    """The workload as one that calls."""
    meta = workload.metadata
    return Caller(
        *(workload.kind, meta.namespace, meta.name),
        named=workload.named(configured),
        labels=workload.labels,
        declared=workload.declared,
    )
