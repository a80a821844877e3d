"""Who calls a Service, by the settings of the workloads of its namespace."""

from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.called import Calling
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
MOST = 200
"""Calls of one Service that are kept."""


def calls_to(
    reads: Reads, questions: Questions, namespace: str, name: str
) -> Read[tuple[Call, ...]]:
    """The calls of the namespace's workloads that mean the Service of that name, or may mean it."""
    listed = [questions.ask(reads.objects, kind, {}) for kind in CALLING]
    known = questions.ask(reads.known_services).result()
    found = combined([one.result() for one in listed])
    if isinstance(found, Missing):
        return found
    if isinstance(known, Missing):
        return known
    made = (
        call
        for workload in found.value
        if not workload.passed
        for call in calls.resolved(caller(workload), known.value)
    )
    leading = calls.leading_to((name, namespace), made)
    return Observed(value=leading[:MOST], lacking=found.lacking)


def caller(workload: Calling) -> Caller:
    """The workload as one that calls."""
    meta = workload.metadata
    return Caller(
        *(workload.kind, meta.namespace, meta.name),
        named=workload.named,
        labels=workload.labels,
        declared=workload.declared,
    )
