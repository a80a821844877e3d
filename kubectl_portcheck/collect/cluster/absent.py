"""A Service that does not exist: who needs it, where it may be instead, and what would fit it."""

import msgspec

from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.cluster.callers import calls_to
from kubectl_portcheck.collect.cluster.cluster import Read
from kubectl_portcheck.collect.cluster.listable import INGRESSES, REFERRERS, ROUTES, Listable
from kubectl_portcheck.collect.cluster.targets import Stop
from kubectl_portcheck.collect.cluster.work import Work
from kubectl_portcheck.errors import UnknownTargetError
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, combined
from kubectl_portcheck.model.evidence import Absence, ServiceEvidence
from kubectl_portcheck.model.objects import ObjectMeta, Service, Workload
from kubectl_portcheck.semantics import expose
from kubectl_portcheck.semantics.calls import Known
from kubectl_portcheck.semantics.needs import needs_of
from kubectl_portcheck.semantics.references import concerning
from kubectl_portcheck.semantics.selectors import nearest

FITTING = tuple(
    Listable(kind, decode.ListOf[Workload], named=True)
    for kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET)
)
"""The workloads that may be meant to be behind the Service."""
THREADS = 16


def absent(stop: Stop, error: UnknownTargetError) -> ServiceEvidence:
    """The evidence about a Service that does not exist and that something needs.

    Raises the error where nothing is known to need it: then the name is mistyped, most likely. Its
    hint names the workload that the Service may be meant for.
    """
    work = Work(THREADS)
    try:
        evidence = _gathered(stop, error, work)
    finally:
        work.close()
    if needs_of(evidence) or stop.named_by:
        return evidence
    fitting = evidence.deployments.value if isinstance(evidence.deployments, Observed) else ()
    likely = expose.meant_by(expose.Wanted(stop.target.name), fitting)
    if likely:
        kind, name = likely[0].kind, likely[0].metadata.name
        said = f"No Service leads to {kind} {name} under this name: kubectl portcheck"
        hint = f"{said} {kinds.short_name(kind)}/{name} checks its pods."
        raise UnknownTargetError(error.line, " ".join(filter(None, (error.hint, hint))))
    raise error


def _gathered(stop: Stop, error: UnknownTargetError, work: Work) -> ServiceEvidence:
    reads, name, namespace = stop.cluster.reads, stop.target.name, stop.target.namespace
    groups = reads.groups()
    served = {} if isinstance(groups, Missing) else groups.value
    calls = work.follow(calls_to, reads, work, namespace, name)
    known = work.ask(reads.known_services)
    ingresses = work.ask(reads.objects, INGRESSES, {})
    routes = [work.ask(reads.objects, kind, served) for kind in ROUTES]
    referrers = [work.ask(reads.objects, kind, served) for kind in REFERRERS]
    fitting = [work.ask(reads.objects, kind, {}) for kind in FITTING]
    foreign = Observed(value=stop.foreign_routes)
    evidence = ServiceEvidence(
        service=Service(metadata=ObjectMeta(name=name, namespace=namespace)),
        unread=Missing(reason=Reason.NOT_FOUND, detail=_words(stop, error)),
        absence=_absence(known.result(), name, namespace),
        calls=calls.result(),
        ingresses=ingresses.result(),
        routes=combined([*(r.result() for r in routes), foreign]),
        referrers=combined([r.result() for r in referrers]),
        deployments=combined([f.result() for f in fitting]),
    )
    whole = concerning(evidence)
    return msgspec.structs.replace(whole, deployments=_likely(whole))


def _words(stop: Stop, error: UnknownTargetError) -> str:
    if not stop.named_by:
        return error.line
    words = f"{stop.named_by} sends its clients to svc/{stop.target.name}, which does not exist"
    return f"{words} ({error.hint})" if error.hint else words


def _absence(known: "Read[Known]", name: str, namespace: str) -> Absence:
    services = known.value.services if isinstance(known, Observed) else ()
    here = [s.metadata.name for s in services if s.metadata.namespace == namespace]
    elsewhere = {s.metadata.namespace for s in services if s.metadata.name == name}
    return Absence(near=nearest(name, here) or "", elsewhere=tuple(sorted(elsewhere)))


def _likely(evidence: ServiceEvidence) -> Read[tuple[Workload, ...]]:
    """The workloads that the Service may be meant for: the others are not kept."""
    if isinstance(evidence.deployments, Missing):
        return evidence.deployments
    wanted = expose.Wanted(evidence.service.metadata.name)
    found = expose.meant_by(wanted, evidence.deployments.value)
    return msgspec.structs.replace(evidence.deployments, value=found)
