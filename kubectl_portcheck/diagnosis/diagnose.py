"""Evidence in, report out: runs the rules, tells causes from consequences, decides the verdict."""

import math
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec

from kubectl_portcheck.diagnosis import own_calls, own_ports
from kubectl_portcheck.diagnosis.entries import ways_of
from kubectl_portcheck.diagnosis.next_step import next_step
from kubectl_portcheck.diagnosis.recent_changes import changes, old_port, with_owners
from kubectl_portcheck.diagnosis.seat_steps import seat_of
from kubectl_portcheck.diagnosis.steps import chain_of, steps_of
from kubectl_portcheck.diagnosis.what_if import Trial, beside, explained, tried, untried
from kubectl_portcheck.model.base import Missing, Observed, Reason, Right
from kubectl_portcheck.model.evidence import Asked, ContainerLog, Evidence, ServiceEvidence
from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.objects import Pod, PodStatus
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.report import (
    FAULTY,
    WORST_FIRST,
    Finding,
    Headline,
    Impact,
    NotEvaluated,
    PodReport,
    PortReport,
    Report,
    ServiceReport,
    Severity,
    Suppressed,
    Verdict,
)
from kubectl_portcheck.model.share import share_of
from kubectl_portcheck.rules import CATALOGUE
from kubectl_portcheck.rules.base import Need, Rule, Worth
from kubectl_portcheck.rules.doubts import said
from kubectl_portcheck.rules.run import run
from kubectl_portcheck.rules.suppressions import suppressions
from kubectl_portcheck.rules.wording import headline_of, listing, names, verb
from kubectl_portcheck.semantics.answers import PROBED, shown
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.permissions import lacking
from kubectl_portcheck.semantics.pods import has_running_main, is_ready
from kubectl_portcheck.semantics.twins import rests

T = TypeVar("T")

LISTS = (
    *(Need.PODS, Need.SLICES, Need.REPLICA_SETS, Need.DEPLOYMENTS, Need.STATEFUL_SETS),
    Need.NAMESPACE_PODS,
    *(Need.WORKLOADS, Need.REVISIONS, Need.INGRESSES, Need.INGRESS_CLASSES),
    *(Need.ROUTES, Need.GRANTS, Need.POLICIES, Need.REFERRERS, Need.MONITORS),
    *(Need.EVENTS, Need.NODES),
)
"""The parts of the evidence that are lists of objects."""


def diagnose(
    evidence: Evidence,
    *,
    rules: Sequence[Rule] = CATALOGUE,
    kubectl: tuple[str, ...] = ("kubectl",),
    ignore: Sequence[str] = (),
    partial: bool = False,
    until: float = math.inf,
) -> Report:
    """The report on all that was gathered.

    Thousands of Services take seconds: with ``partial`` Ctrl-C ends it with those that were judged.
    ``until`` is a point on the monotonic clock, after which no other Service is judged.

    ``kubectl`` is how the commands in fixes start: the program and its connection flags.
    ``ignore`` are codes of rules whose findings decide nothing, besides those that an annotation
    of the Service names.
    """
    services: list[ServiceReport] = []
    interrupted = evidence.interrupted
    try:
        for e in evidence.services:
            try:
                judged = Judging(rules, evidence.context.collected_at, kubectl, ignore, until, {})
                services.append(_service(e, judged, evidence.services))
            except _Late:
                services.append(_unread(e, LATE))
    except KeyboardInterrupt:
        if not (partial and services):
            raise
        interrupted = True
    verdicts = [s.verdict for s in services]
    if evidence.missing or (evidence.interrupted and not services):
        verdicts.append("inconclusive")
    return Report(
        context=evidence.context,
        # Where there is no Service, nobody gets errors.
        verdict=worst(verdicts) if verdicts else "healthy",
        services=tuple(services),
        missing=evidence.missing,
        rights=evidence.rights,
        interrupted=interrupted,
    )


class _Late(Exception):
    """The time is up."""


def _in_time(until: float) -> bool:
    if time.monotonic() > until:
        raise _Late
    return True


LATE = Missing(reason=Reason.TIMED_OUT, detail="the time was up before it was judged (--timeout)")


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that decides over several."""
    return min(verdicts, key=WORST_FIRST.index, default="inconclusive")


class Judging(NamedTuple):
    """What is the same for all Services of a run."""

    rules: Sequence[Rule]
    now: str
    kubectl: tuple[str, ...]
    ignore: Sequence[str]
    until: float
    servers: dict[int, ServiceReport]
    """The reports on DNS Services, by the evidence: trials of fixes ask for them again."""


def _service(
    evidence: ServiceEvidence, judging: Judging, everyone: Sequence[ServiceEvidence]
) -> ServiceReport:
    """The report on one Service, each of whose fixes was tried."""
    report = _judged(evidence, judging)
    if evidence.unread is not None or evidence.asked is not None:
        return _with_rights(explained(report), evidence)
    space = evidence.service.metadata.namespace
    others = [e for e in everyone if e is not evidence and e.service.metadata.namespace == space]
    others += beside(evidence, {e.service.metadata.name for e in others})
    trial = Trial(in_order(evidence), judging.now, others, partial(_judged, judging=judging))
    try:
        return _with_rights(tried(report, trial), evidence)
    except _Late:
        return untried(report, "the time was up before it could be tried (--timeout)")


def _dns_server(evidence: ServiceEvidence, judging: Judging) -> ServiceReport | None:
    """The report on the Service behind the nameserver of --from, which has none of its own."""
    told = evidence.in_cluster
    if isinstance(told, Missing) or isinstance(told.value.dns_server, Missing):
        return None
    server = told.value.dns_server.value
    if id(server) not in judging.servers:
        judging.servers[id(server)] = _service(server, judging, ())
    return judging.servers[id(server)]


def _with_rights(report: ServiceReport, evidence: ServiceEvidence) -> ServiceReport:
    """The report, whose fixes say where the user may not make them."""
    if isinstance(evidence.denied, Missing) or not evidence.denied.value:
        return report
    denied = evidence.denied.value
    return msgspec.structs.replace(
        report,
        findings=tuple(
            msgspec.structs.replace(
                x,
                fixes=tuple(msgspec.structs.replace(f, lacks=lacking(f, denied)) for f in x.fixes),
            )
            for x in report.findings
        ),
    )


def _judged(evidence: ServiceEvidence, judging: Judging) -> ServiceReport:
    rules, now, kubectl, ignore, until, _ = judging
    if evidence.unread is not None:
        return _not_read(evidence, evidence.unread, judging)
    evidence = in_order(evidence)
    whole = ServiceCase(evidence, now, kubectl)
    whole.dns_server = _dns_server(evidence, judging)
    if whole.of_workload:
        return own_calls.reported(whole, rules, ignore)
    if evidence.asked is not None:
        return _own_ports(whole, evidence.asked, rules, ignore, until)
    cases = [Case(evidence, port, now, kubectl) for port in whole.asked_ports]
    outcomes = [
        (rule, case.port.port if isinstance(case, Case) else None, outcome)
        for rule in rules
        for case in ([whole] if rule.check_service or _is_live_only(rule, whole) else cases)
        if _in_time(until)
        for outcome in run(rule, case)
    ]
    ignored = suppressions(evidence.service, ignore, rules)
    found = [with_owners(whole, o) for _, _, o in outcomes if isinstance(o, Finding)]
    findings = _fold(found, rules, ignored.codes)
    suppressed = tuple(
        Suppressed(finding=f, by=ignored.codes[f.code]) for f in found if f.code in ignored.codes
    )
    lacking = [
        (r, msgspec.structs.replace(o, port=port))
        for r, port, o in outcomes
        if isinstance(o, NotEvaluated) and r.code not in ignored.codes
    ]
    unsure = () if whole.in_files else _unsure(findings)
    not_evaluated = (*(o for _, o in lacking), *unsure)
    # In files a verdict says whether they hold a mistake; what they cannot tell does not count.
    undecided = () if whole.in_files else (*(o for rule, o in lacking if rule.deciding), *unsure)
    ports = tuple(_port(case, findings, undecided) for case in cases)
    verdict = (
        worst(p.verdict for p in ports)
        if ports
        else _verdict_without_ports(findings, in_files=whole.in_files)
    )
    faulty = verdict in FAULTY and not whole.in_files
    return ServiceReport(
        lookup=evidence.lookup,
        calls=own_calls.called(whole, findings),
        namespace=whole.namespace,
        name=whole.name,
        verdict=verdict,
        changes=changes(whole) if faulty else (),
        old_port=old_port(cases) if faulty else None,
        next=next_step(cases) if verdict == "inconclusive" else None,
        seat=seat_of(whole, cases),
        headline=_headline(whole, cases, findings, undecided, verdict, suppressed),
        pods=tuple(_pod(whole, p) for p in whole.pods),
        ports=ports,
        findings=findings,
        not_evaluated=not_evaluated,
        logs=_logs(evidence),
        missing=_missing(evidence),
        rights=_rights(evidence),
        suppressed=suppressed,
        notes=ignored.notes,
        ingresses=ways_of(whole),
    )


def _own_ports(
    whole: ServiceCase,
    asked: Asked,
    rules: Sequence[Rule],
    ignore: Sequence[str],
    until: float,
) -> ServiceReport:
    """The report on the pods of a workload, as far as no Service is concerned."""
    about = [rule for rule in rules if rule.about_pods]
    outcomes = [o for rule in about if _in_time(until) for o in run(rule, whole)]
    ignored = suppressions(whole.service, ignore, rules)
    found = [o for o in outcomes if isinstance(o, Finding)]
    findings = _fold(found, rules, ignored.codes)
    judged = own_ports.judge(whole, asked, findings)
    return ServiceReport(
        lookup=whole.evidence.lookup,
        kind=asked.kind,
        namespace=whole.namespace,
        name=whole.name,
        verdict=judged.verdict,
        headline=judged.headline,
        pods=tuple(_pod(whole, p) for p in whole.pods),
        findings=findings,
        not_evaluated=tuple(o for o in outcomes if isinstance(o, NotEvaluated)),
        logs=_logs(whole.evidence),
        missing=_missing(whole.evidence),
        rights=_rights(whole.evidence),
        suppressed=tuple(
            Suppressed(finding=f, by=ignored.codes[f.code])
            for f in found
            if f.code in ignored.codes
        ),
    )


def _unsure(findings: Sequence[Finding]) -> tuple[NotEvaluated, ...]:
    """The findings of which it could not be told whether they mean anything for clients.

    What follows from another finding is explained by that one.
    """
    codes = {f.code for f in findings}
    return tuple(
        NotEvaluated(code=f.code, missing=f.unsure, port=f.port)
        for f in findings
        if f.unsure and f.caused_by not in codes
    )


def _pod(whole: ServiceCase, pod: Pod) -> PodReport:
    listeners = whole.listeners(pod)
    if whole.in_files:
        # It stands for pods to come: nobody has seen one run.
        unseen = msgspec.structs.replace(pod, status=PodStatus())
        return PodReport(pod=unseen, ready=False, listeners=listeners)
    if listeners is None:
        found = whole.forwarded(pod)
        # An empty list would say that nothing listens, which no port-forward can tell.
        listeners = (found.listeners or None) if found else None
    return PodReport(pod=pod, ready=is_ready(pod), listeners=listeners)


def _not_read(evidence: ServiceEvidence, why: Missing, judging: Judging) -> ServiceReport:
    """The report on a Service that could not be read; where it does not exist, who needs it."""
    report = _unread(evidence, why)
    if evidence.absence is None:
        return report
    whole = ServiceCase(evidence, judging.now, judging.kubectl)
    about = [rule for rule in judging.rules if rule.about_absent]
    ignored = suppressions(evidence.service, judging.ignore, judging.rules)
    outcomes = [o for rule in about for o in run(rule, whole) if isinstance(o, Finding)]
    found = tuple(f for f in outcomes if f.code not in ignored.codes)
    report = msgspec.structs.replace(
        report,
        # What needs it is ignored, so no client of it is known.
        verdict="inconclusive" if outcomes and not found else report.verdict,
        suppressed=tuple(
            Suppressed(finding=f, by=ignored.codes[f.code])
            for f in outcomes
            if f.code in ignored.codes
        ),
    )
    if not found:
        return report
    return msgspec.structs.replace(
        report,
        headline=headline_of(found[0], whole),
        findings=found,
        calls=own_calls.called(whole, found),
        missing=(),
    )


def _unread(evidence: ServiceEvidence, why: Missing) -> ServiceReport:
    """The report on a Service of which nothing but its name is known."""
    detail = why.detail or why.reason
    return ServiceReport(
        lookup=evidence.lookup,
        kind=evidence.asked.kind if evidence.asked else "Service",
        namespace=evidence.service.metadata.namespace,
        name=evidence.service.metadata.name,
        # Clients who are sent to a Service that does not exist get errors, all of them.
        verdict="broken" if why.reason == Reason.NOT_FOUND else "inconclusive",
        headline=Headline(text=detail, untold=why.reason != Reason.NOT_FOUND),
        missing=(detail,),
        rights=(why.right,) if why.right else (),
    )


def in_order(evidence: ServiceEvidence) -> ServiceEvidence:
    """The same evidence, sorted: reports must not depend on the order of the API's answers."""

    def by_name(part: Observed[tuple[T, ...]] | Missing) -> Observed[tuple[T, ...]] | Missing:
        if isinstance(part, Missing):
            return part
        return msgspec.structs.replace(part, value=tuple(sorted(part.value, key=_place)))

    return msgspec.structs.replace(
        evidence,
        **{name: by_name(getattr(evidence, name)) for name in LISTS},
        sockets=dict(sorted(evidence.sockets.items())),
        attempts=tuple(sorted(evidence.attempts, key=lambda a: (a.pod, a.path, a.port))),
    )


def _place(item: Any) -> tuple[str, str, str]:
    """What tells two objects of one list apart."""
    return (getattr(item, "kind", ""), item.metadata.namespace, item.metadata.name)


def _is_live_only(rule: Rule, whole: ServiceCase) -> bool:
    """Whether to say once for the Service, not for each port, that the rule cannot run."""
    return whole.in_files and rule.in_files == Worth.NOTHING


def _port(case: Case, findings: Sequence[Finding], undecided: Sequence[NotEvaluated]) -> PortReport:
    number = case.port.port
    targets = {s.name for s in case.states}
    return PortReport(
        port=number,
        name=case.port.name,
        protocol=case.port.protocol,
        target_port=case.target,
        node_port=case.port.node_port,
        verdict=_verdict(case, findings, [u for u in undecided if u.port == number]),
        chain=chain_of(case),
        steps=steps_of(case),
        attempts=tuple(a for a in case.evidence.attempts if a.pod in targets)
        + tuple(
            f.attempt
            for f in case.evidence.service_forwards
            if f.attempt is not None and f.port == number
        )
        + _to_the_service(case),
    )


def _to_the_service(case: Case) -> tuple[Attempt, ...]:
    """The connections of --from to this port of the Service's own address."""
    told = case.in_cluster
    if isinstance(told, Missing):
        return ()
    return tuple(a for a in told.value.attempts if a.port == case.port.port)


def _verdict(case: Case, findings: Sequence[Finding], undecided: Sequence[NotEvaluated]) -> Verdict:
    errors = [
        f
        for f in findings
        if f.severity == "error"
        and (f.port is None or (f.port == case.port.port and f.protocol == case.port.protocol))
    ]
    failing = {pod for f in errors if f.impact == Impact.PODS for pod in f.pods}
    serving = {s.name for s in case.backends}
    if any(f.impact == Impact.ALL for f in errors) or (
        serving and serving <= failing and not case.outside
    ):
        return "broken"
    if any(f.impact in (Impact.PODS, Impact.PATH) for f in errors):
        return "degraded"
    if undecided or not (serving or case.in_files or rests(case)):
        return "inconclusive"
    return "healthy"


def _verdict_without_ports(findings: Sequence[Finding], *, in_files: bool) -> Verdict:
    """The verdict where no port could be walked: the Service has none, or not the asked one."""
    if any(f.severity == "error" and f.impact == Impact.ALL for f in findings):
        return "broken"
    return "healthy" if in_files else "inconclusive"


def _fold(
    found: Sequence[Finding], rules: Sequence[Rule], ignored: Collection[str]
) -> tuple[Finding, ...]:
    """Marks what merely follows from another finding, and sorts it behind its cause.

    What follows from an ignored finding stands for itself, but is called no cause.
    """
    follows = {rule.code: rule.follows_from for rule in rules}
    findings = [f for f in found if f.code not in ignored]
    hidden = [f for f in found if f.code in ignored]
    causes = {id(f): _cause_of(f, findings, follows[f.code]) for f in findings}

    def root(finding: Finding) -> Finding:
        above = causes[id(finding)]
        return root(above) if above is not None else finding

    roots = sorted(
        (f for f in findings if causes[id(f)] is None),
        key=_weight,
    )
    ordered: list[Finding] = []
    for cause in roots:
        # Information may explain, but it is the cause of nothing.
        above = _cause_of(cause, hidden, follows[cause.code])
        ordered.append(_of_ignored(cause, above) if above else _root(cause))
        ordered += [
            msgspec.structs.replace(f, cause=False, caused_by=cause.code)
            for f in findings
            if f is not cause and root(f) is cause
        ]
    return tuple(ordered)


def _weight(finding: Finding) -> tuple[int, int, int, str]:
    """The worst first."""
    severities, impacts = get_args(Severity), list(Impact)
    return (
        severities.index(finding.severity),
        impacts.index(finding.impact),
        finding.port or 0,
        finding.code,
    )


def _root(finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, cause=finding.severity != "info")


def _of_ignored(finding: Finding, cause: Finding) -> Finding:
    """The finding, which follows from one that is ignored."""
    told = Observation(text=f"follows from {cause.code} {cause.name}, which is ignored")
    return msgspec.structs.replace(
        finding, cause=False, caused_by=cause.code, evidence=(*finding.evidence, told)
    )


def _cause_of(
    finding: Finding, findings: Sequence[Finding], codes: Sequence[str]
) -> Finding | None:
    """The finding from which this one follows: on the same port, and about all of its pods."""
    possible = [
        f
        for code in codes
        for f in findings
        if f.code == code and (f.port is None or finding.port in (None, f.port))
    ]
    explained = {pod for f in possible for pod in f.pods}
    if any(f.impact == Impact.ALL for f in possible) or set(finding.pods) <= explained:
        return possible[0] if possible else None
    return None


def _headline(
    whole: ServiceCase,
    cases: Sequence[Case],
    findings: Sequence[Finding],
    undecided: Sequence[NotEvaluated],
    verdict: Verdict,
    suppressed: Sequence[Suppressed],
) -> Headline:
    lead = next((f for f in findings if f.cause), None) or next(iter(findings), None)
    if verdict in FAULTY and lead:
        return headline_of(lead, whole)
    if verdict == "inconclusive":
        if not undecided:
            return Headline(text="no pod gets traffic from this Service", untold=True)
        return Headline(text=undecided[0].missing, share=undecided[0].share, untold=True)
    if any(s.finding.severity == "error" for s in suppressed):
        codes = listing(dict.fromkeys(f"{s.finding.code} {s.finding.name}" for s in suppressed))
        return Headline(text=f"no problem but what is ignored: {codes}")
    if whole.in_files:
        return _headline_of_files(whole, cases, findings)
    if lead and rests(whole):
        return Headline(text=lead.summary, finding=lead.code)
    pods = {s.name for c in cases for s in c.backends}
    share = share_of(pods, pods)
    return Headline(
        text=f"{share} {_what_they_do(cases, pods)}",
        ports=tuple(c.port.port for c in cases),
        share=share,
    )


def _what_they_do(cases: Sequence[Case], pods: Collection[str]) -> str:
    """``answer``; never more than what was seen of every pod and port."""
    seen = {shown(c.measured(s.pod), s.target) for c in cases for s in c.backends if s.target}
    probed = f" {PROBED}" if any(s.answer.why == PROBED for c in cases for s in c.backends) else ""
    if "listens" in seen:
        return verb(pods, "listens", "listen")
    if "accepts" in seen:
        of = f" of{probed}" if probed else ""
        return f"{verb(pods, 'accepts', 'accept')} connections{of}"
    return f"{verb(pods, 'answers', 'answer')}{probed}"


def _headline_of_files(
    whole: ServiceCase, cases: Sequence[Case], findings: Sequence[Finding]
) -> Headline:
    """What is right in the files, and never more: nobody was asked for an answer."""
    warning = next((f for f in findings if f.severity == "warning"), None)
    if warning is not None:
        return Headline(text=warning.summary, finding=warning.code)
    led = [c for c in cases if c.backends and len(c.in_state("serves")) == len(c.backends)]
    if cases and len(led) == len(cases):
        return Headline(
            text=f"leads to a declared port of {listing(names(cases[0].backends))}",
            ports=tuple(c.port.port for c in cases),
        )
    doubt = next((d for d in whole.evidence.doubts if d.kind == "Pod"), None)
    if doubt is not None:
        return Headline(text=f"no mistake found; {doubt.name}: {said(doubt)}")
    return Headline(text="no mistake found in the files")


def _missing(evidence: ServiceEvidence) -> tuple[str, ...]:
    """What could not be had, each once, as it is said to the user.

    That nothing can be asked of a container that does not run is a finding, and no lack.
    """
    silent = (Reason.NOT_ASKED, Reason.NOT_RECORDED, Reason.NOT_SERVED, Reason.NOT_RUNNING)
    told = [m.detail or m.reason for m in _absent(evidence) if m.reason not in silent]
    told += [a.detail for a in evidence.attempts if a.outcome == "skipped" and a.detail]
    # What kubectl does for no Service of the kind is no lack.
    known = evidence.pods.value if isinstance(evidence.pods, Observed) else ()
    runs = not known or any(has_running_main(p) for p in known)
    forwards = evidence.service_forwards if evidence.service.spec.selector and runs else ()
    told += [f.reason for f in forwards if f.attempt is None and f.reason]
    return tuple(dict.fromkeys(told))


def _logs(evidence: ServiceEvidence) -> tuple[ContainerLog, ...]:
    """The last lines of the containers that fail."""
    return () if isinstance(evidence.logs, Missing) else evidence.logs.value


def _absent(evidence: ServiceEvidence) -> Iterator[Missing]:
    """All that could not be read."""
    lists = (getattr(evidence, name) for name in LISTS)
    asked_for = (evidence.calls, evidence.in_cluster, evidence.logs)
    for part in (*lists, *evidence.sockets.values(), *asked_for):
        yield from (part,) if isinstance(part, Missing) else part.lacking


def _rights(evidence: ServiceEvidence) -> tuple[Right, ...]:
    """The permissions that were missing, each once."""
    found = [m.right for m in _absent(evidence)]
    forwards = (f.attempt for f in evidence.service_forwards if f.attempt is not None)
    found += [a.right for a in (*evidence.attempts, *forwards)]
    return tuple(dict.fromkeys(r for r in found if r is not None))
