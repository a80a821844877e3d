"""Who calls a Service, by the settings of the workloads of its namespace."""

from collections.abc import Mapping

from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.called import Calling, ConfigMapCalls
from kubectl_portcheck.collect.cluster.cluster import Read, Reads
from kubectl_portcheck.collect.cluster.listable import Listable
from kubectl_portcheck.collect.cluster.work import Questions
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, combined
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.semantics import calls
from kubectl_portcheck.semantics.calls import Caller

CALLING = tuple(
    Listable(kind, decode.ListOf[Calling], named=True)
    for kind in (
        *(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.CRON_JOB, kinds.JOB),
    )
)
"""The workloads whose settings are read: one list each."""
CONFIGURING = Listable(kinds.CONFIG_MAP, decode.ListOf[ConfigMapCalls])
MOST = 200
"""Calls of one Service that are kept."""


def calls_to(
    reads: Reads, questions: Questions, namespace: str, name: str, *, configured: bool = False
) -> Read[tuple[Call, ...]]:
    """The calls of the namespace's workloads that mean the Service of that name, or may mean it.

    With ``configured`` the ConfigMaps that they use are read too.
    """
    maps = questions.ask(config_maps, reads) if configured else None
    listed = [questions.ask(reads.objects, kind, {}) for kind in CALLING]
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
        for call in calls.resolved(caller(workload, by_name), known.value)
    )
    leading = calls.leading_to((name, namespace), made)
    return Observed(value=leading[:MOST], lacking=(*found.lacking, *unread))


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
