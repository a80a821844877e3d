"""A Service that does not exist: who needs it, where it may be instead, and what would fit it."""

import msgspec

from kubectl_portcheck.collect.cluster import absent_from
from kubectl_portcheck.collect.cluster.addresses import Spaces
from kubectl_portcheck.collect.cluster.callers import calls_to
from kubectl_portcheck.collect.cluster.cluster import Read
from kubectl_portcheck.collect.cluster.listable import INGRESSES, REFERRERS, ROUTES, Listable
from kubectl_portcheck.collect.cluster.options import Options
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.collect.cluster.targets import Stop
from kubectl_portcheck.collect.cluster.work import Work
from kubectl_portcheck.errors import UnknownTargetError
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, combined
from kubectl_portcheck.model.evidence import Absence, InCluster, ServiceEvidence
from kubectl_portcheck.model.objects import ObjectMeta, Service, Workload
from kubectl_portcheck.semantics import expose
from kubectl_portcheck.semantics.calls import CLOSE, Known
from kubectl_portcheck.semantics.concerning import concerning
from kubectl_portcheck.semantics.needs import needs_of
from kubectl_portcheck.semantics.selectors import nearest
from kubectl_portcheck.target import Target

FITTING = tuple(
    Listable(kind, Workload, named=True)
    for kind in (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET)
)
"""The workloads that may be meant to be behind the Service."""
THREADS = 16
MOST_ALIKE = 3
"""Services of other namespaces that may be meant by a similar name."""


def absent(
    stop: Stop, error: UnknownTargetError, options: Options, live: Spaces
) -> ServiceEvidence:
    """The evidence about a Service that does not exist and that something needs.

    With ``--from`` it has what became of the name in the client's pod. Raises the error where
    nothing is known to need it: then the name is mistyped, most likely. Its hint names the workload
    that the Service may be meant for.
    """
    work = Work(THREADS)
    try:
        met = absent_from.begun(stop.target, options, live, work) if options.seats else None
        evidence = _gathered(stop, error, work, live)
        if met is not None:
            evidence = _with_client(evidence, stop.target, met.result(), live)
    finally:
        work.close()
    if needs_of(evidence) or stop.named_by or _looked_up(evidence):
        return evidence
    said = error.hint
    if options.seats and (why := _not_looked_up(evidence)):
        said = " ".join(filter(None, (said, why)))
        error = UnknownTargetError(error.line, said)
    fitting = evidence.deployments.value if isinstance(evidence.deployments, Observed) else ()
    likely = expose.meant_by(expose.Wanted(stop.target.name), fitting)
    if likely:
        kind, name = likely[0].kind, likely[0].metadata.name
        target = f"{kinds.short_name(kind)}/{name}"
        hint = f"To check the pods of {kind} {name}: kubectl portcheck {target}"
        raise UnknownTargetError(error.line, " ".join(filter(None, (error.hint, hint))))
    raise error


def _looked_up(evidence: ServiceEvidence) -> bool:
    """Whether the name was looked up in a client's pod."""
    source = evidence.in_cluster
    return isinstance(source, Observed) and isinstance(source.value.dns, Observed)


def _not_looked_up(evidence: ServiceEvidence) -> str:
    """Why DNS was not asked in the client's pod, and what would ask it."""
    source = evidence.in_cluster
    missing = source if isinstance(source, Missing) else source.value.dns
    if not isinstance(missing, Missing) or not missing.detail:
        return ""
    more = "; add --debug-image IMAGE" if missing.reason == Reason.NO_SHELL else ""
    return f"DNS was not asked: {missing.detail}{more}."


def _with_client(
    evidence: ServiceEvidence, target: Target, met: Read[InCluster], live: Spaces
) -> ServiceEvidence:
    """The evidence with what the client met, and with where its settings name the Service."""
    if isinstance(met, Missing):
        return msgspec.structs.replace(evidence, in_cluster=met)
    own = absent_from.own_calls(target, met.value, live)
    calls = evidence.calls
    if own:
        known = calls.value if isinstance(calls, Observed) else ()
        places = {(c.kind, c.namespace, c.name, c.named) for c in known}
        more = [c for c in own if (c.kind, c.namespace, c.name, c.named) not in places]
        lacking = calls.lacking if isinstance(calls, Observed) else (calls,)
        calls = Observed(value=(*known, *more), lacking=lacking)
    return msgspec.structs.replace(evidence, in_cluster=met, calls=calls)


def _gathered(stop: Stop, error: UnknownTargetError, work: Work, live: Spaces) -> ServiceEvidence:
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
        absence=_absence(known.result(), live(namespace).reads, name, namespace),
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


def _absence(known: "Read[Known]", reads: LiveReads, name: str, namespace: str) -> Absence:
    services = known.value.services if isinstance(known, Observed) else ()
    here = [s.metadata.name for s in services if s.metadata.namespace == namespace]
    near = nearest(name, here) or ""
    elsewhere = tuple(sorted({_space(s) for s in services if s.metadata.name == name}))
    alike = nearest(name, (s.metadata.name for s in services), CLOSE)
    spaces = sorted({_space(s) for s in services if s.metadata.name == alike})
    return Absence(
        near=near,
        elsewhere=elsewhere,
        alike=() if near or elsewhere else tuple(f"{alike}.{s}" for s in spaces[:MOST_ALIKE]),
        no_namespace=not here and _is_missing(reads.namespace_labels(namespace)),
    )


def _space(service: Service) -> str:
    return service.metadata.namespace


def _is_missing(read: Read[dict[str, str]]) -> bool:
    return isinstance(read, Missing) and read.reason == Reason.NOT_FOUND


def _likely(evidence: ServiceEvidence) -> Read[tuple[Workload, ...]]:
    """The workloads that the Service may be meant for: the others are not kept."""
    if isinstance(evidence.deployments, Missing):
        return evidence.deployments
    wanted = expose.Wanted(evidence.service.metadata.name)
    found = expose.meant_by(wanted, evidence.deployments.value)
    return msgspec.structs.replace(evidence.deployments, value=found)
