"""One Service judged: the rules run, causes separated from consequences, the verdict decided.

No fix has been tried on the evidence by then.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from kubectl_portcheck.diagnosis.consequences import fold
from kubectl_portcheck.diagnosis.entries import ways_of
from kubectl_portcheck.diagnosis.headlines import headline
from kubectl_portcheck.diagnosis.parts import in_order, lacks_of, logs_of, unanswered
from kubectl_portcheck.diagnosis.recent_changes import changes, old_port, with_owners
from kubectl_portcheck.diagnosis.steps import chain_of, steps_of
from kubectl_portcheck.diagnosis.verdicts import verdict_of, verdict_without_ports, worst
from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import Asked, ServiceEvidence
from kubectl_portcheck.model.objects import Pod, PodStatus
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.report import (
    FAULTY,
    Called,
    Finding,
    Headline,
    NextStep,
    NotEvaluated,
    PodReport,
    PortReport,
    SeatReport,
    ServiceReport,
    Suppressed,
)
from kubectl_portcheck.rules.base import Rule
from kubectl_portcheck.rules.plan import Plans
from kubectl_portcheck.rules.run import run
from kubectl_portcheck.rules.suppressions import suppressions
from kubectl_portcheck.rules.wording import headline_of, listing, verb
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.pods import is_ready


class Late(Exception):
    """The time is up."""


class Defective(Exception):
    """The check of a rule fails by a defect of its own; the message says which."""


def in_time(until: float) -> bool:
    """Raises :class:`Late` where the time is up; else it is true."""
    if time.monotonic() > until:
        raise Late
    return True


LATE = Missing(reason=Reason.TIMED_OUT, detail="the time was up before it was judged (--timeout)")


class Judging(msgspec.Struct, frozen=True):
    """What is the same for all Services of a run."""

    rules: Sequence[Rule]
    now: str
    kubectl: tuple[str, ...]
    ignore: Sequence[str]
    until: float
    plans: Plans
    server: Callable[[ServiceEvidence], ServiceReport]
    """Gives the report on a DNS Service; trials of fixes ask for it again."""


def _dns_server(evidence: ServiceEvidence, judging: Judging) -> ServiceReport | None:
    """The report on the Service behind the nameserver of --from, which has none of its own."""
    source = evidence.in_cluster
    if isinstance(source, Missing) or isinstance(source.value.dns_server, Missing):
        return None
    return judging.server(source.value.dns_server.value)


def judged(
    evidence: ServiceEvidence, judging: Judging, *, for_trial: bool = False
) -> ServiceReport:
    """The report on one Service. Raises :class:`Late` where the time is up.

    ``for_trial``: of a change that is tried, verdicts and findings are compared. What only a reader
    wants may be left out: the steps, what changed, what to do next. Raises :class:`Defective` where
    a check fails, since a fix must not look good by it.
    """
    report = _judged(evidence, judging, for_trial=for_trial)
    defects = [n for n in report.not_evaluated if n.defect]
    if defects and for_trial:
        raise Defective(f"{defects[0].code}: {defects[0].missing}")
    return _doubted(report, defects) if defects else report


def _doubted(report: ServiceReport, defects: Sequence[NotEvaluated]) -> ServiceReport:
    """The report, which calls nothing healthy that a failed check may have found broken."""
    everywhere = any(d.port is None for d in defects)
    about = {d.port for d in defects}
    ports = tuple(
        msgspec.structs.replace(p, verdict="inconclusive")
        if p.verdict == "healthy" and (everywhere or p.port in about)
        else p
        for p in report.ports
    )
    if report.verdict != "healthy":
        return msgspec.structs.replace(report, ports=ports)
    why = Headline(text=f"{defects[0].code}: {defects[0].missing}", untold=True)
    return msgspec.structs.replace(report, verdict="inconclusive", headline=why, ports=ports)


def _judged(evidence: ServiceEvidence, judging: Judging, *, for_trial: bool) -> ServiceReport:
    rules, ignore, until = judging.rules, judging.ignore, judging.until
    if evidence.unread is not None:
        return _not_read(evidence, evidence.unread, judging)
    evidence = in_order(evidence)
    whole = ServiceCase(evidence, judging.now, judging.kubectl)
    whole.dns_server = _dns_server(evidence, judging)
    if whole.of_workload:
        from kubectl_portcheck.diagnosis import own_calls

        return own_calls.reported(whole, rules, ignore)
    if evidence.asked is not None:
        return _own_ports(whole, evidence.asked, rules, ignore, until)
    cases = [Case.of(whole, port) for port in whole.asked_ports]
    ignored = suppressions(evidence.service, ignore, rules)
    concluded = judging.plans.conclude(whole, cases, partial(in_time, until))
    found = [with_owners(whole, finding) for finding in concluded.findings]
    lacking = concluded.lacking
    if ignored.codes:
        lacking = [each for each in lacking if each[0].code not in ignored.codes]
    findings = fold(found, rules, ignored.codes)
    suppressed = tuple(
        Suppressed(finding=f, by=ignored.codes[f.code]) for f in found if f.code in ignored.codes
    )
    unsure = () if whole.in_files else _unsure(findings)
    not_evaluated = (*[o for _, o in lacking], *unsure)
    # In files a verdict says whether they hold a mistake; what they cannot tell does not count.
    undecided = () if whole.in_files else (*(o for rule, o in lacking if rule.deciding), *unsure)
    ports = tuple(port_report(case, findings, undecided, steps=not for_trial) for case in cases)
    verdict = (
        worst(p.verdict for p in ports)
        if ports
        else verdict_without_ports(findings, in_files=whole.in_files)
    )
    faulty = verdict in FAULTY and not (whole.in_files or for_trial)
    open_ = verdict == "inconclusive" and not for_trial
    missing, rights = lacks_of(evidence)
    return ServiceReport(
        lookup=evidence.lookup,
        calls=_calls(whole, findings),
        namespace=whole.namespace,
        name=whole.name,
        verdict=verdict,
        changes=changes(whole) if faulty else (),
        old_port=old_port(cases) if faulty else None,
        next=_next_step(cases) if open_ else None,
        seat=_seat(whole, cases),
        headline=headline(whole, cases, findings, undecided, verdict, suppressed),
        pods=tuple(pod_report(whole, p) for p in whole.pods),
        ports=ports,
        findings=findings,
        not_evaluated=not_evaluated,
        logs=logs_of(evidence),
        missing=missing,
        rights=rights,
        suppressed=suppressed,
        notes=(*ignored.notes, *_of_the_left(evidence)),
        ingresses=ways_of(whole),
    )


def _calls(whole: ServiceCase, findings: Sequence[Finding]) -> tuple[Called, ...]:
    """Who calls the Service, as far as that was read."""
    if not whole.calls:
        return ()
    from kubectl_portcheck.diagnosis.own_calls import called

    return called(whole, findings)


def _next_step(cases: Sequence[Case]) -> NextStep | None:
    from kubectl_portcheck.diagnosis.next_step import next_step

    return next_step(cases)


def _seat(whole: ServiceCase, cases: Sequence[Case]) -> SeatReport | None:
    """What the client's pod met on its way; None without --from."""
    if isinstance(whole.evidence.in_cluster, Missing):
        return None
    from kubectl_portcheck.diagnosis.seat_steps import seat_of

    return seat_of(whole, cases)


def _of_the_left(evidence: ServiceEvidence) -> Iterator[str]:
    """What is said of pods that were deleted while they were looked into."""
    if evidence.left:
        was, is_ = (verb(evidence.left, *w) for w in (("was", "were"), ("is", "are")))
        yield f"{listing(evidence.left)} {was} deleted during the check and {is_} left out"


def _own_ports(
    whole: ServiceCase,
    asked: Asked,
    rules: Sequence[Rule],
    ignore: Sequence[str],
    until: float,
) -> ServiceReport:
    """The report on the pods of a workload, as far as no Service is concerned."""
    about = [rule for rule in rules if rule.about_pods]
    outcomes = [o for rule in about if in_time(until) for o in run(rule, whole)]
    ignored = suppressions(whole.service, ignore, rules)
    found = [o for o in outcomes if isinstance(o, Finding)]
    findings = fold(found, rules, ignored.codes)
    from kubectl_portcheck.diagnosis import own_ports

    judged = own_ports.judge(whole, asked, findings)
    missing, rights = lacks_of(whole.evidence)
    return ServiceReport(
        lookup=whole.evidence.lookup,
        kind=asked.kind,
        namespace=whole.namespace,
        name=whole.name,
        verdict=judged.verdict,
        headline=judged.headline,
        pods=tuple(pod_report(whole, p) for p in whole.pods),
        findings=findings,
        not_evaluated=unanswered(outcomes, ignored),
        logs=logs_of(whole.evidence),
        missing=missing,
        rights=rights,
        suppressed=tuple(
            Suppressed(finding=f, by=ignored.codes[f.code])
            for f in found
            if f.code in ignored.codes
        ),
    )


def _unsure(findings: Sequence[Finding]) -> tuple[NotEvaluated, ...]:
    """The findings of which it is not known whether they mean anything for clients.

    What follows from another finding is explained by that one.
    """
    codes = {f.code for f in findings}
    open_ = [f for f in findings if f.unsure and f.caused_by not in codes]
    said = (NotEvaluated(code=f.code, missing=f.unsure, port=f.port) for f in open_)
    return tuple(dict.fromkeys(said))


def pod_report(whole: ServiceCase, pod: Pod) -> PodReport:
    """What is known of one pod."""
    listeners = whole.listeners(pod)
    if whole.in_files:
        # It means future pods: none was seen running.
        unseen = msgspec.structs.replace(pod, status=PodStatus())
        return PodReport(pod=unseen, ready=False, listeners=listeners)
    if listeners is None:
        found = whole.forwarded(pod)
        # An empty list would say that nothing listens, which no port-forward can tell.
        listeners = (found.listeners or None) if found else None
    return PodReport(pod=pod, ready=is_ready(pod), listeners=listeners)


def _not_read(evidence: ServiceEvidence, why: Missing, judging: Judging) -> ServiceReport:
    """The report on a Service that could not be read; where it does not exist, who needs it."""
    report = unread(evidence, why)
    if evidence.absence is None:
        return report
    whole = ServiceCase(evidence, judging.now, judging.kubectl)
    whole.dns_server = _dns_server(evidence, judging)
    about = [rule for rule in judging.rules if rule.about_absent]
    ignored = suppressions(evidence.service, judging.ignore, judging.rules)
    concluded = [o for rule in about for o in run(rule, whole)]
    outcomes = [o for o in concluded if isinstance(o, Finding)]
    found = fold(outcomes, judging.rules, ignored.codes)
    errors = [f for f in found if f.severity == "error"]
    report = msgspec.structs.replace(
        report,
        # What needs it is ignored, so no client of it is known; or a client finds an address.
        verdict="inconclusive" if outcomes and not errors else report.verdict,
        seat=_seat(whole, ()),
        not_evaluated=tuple(n for n in unanswered(concluded, ignored) if n.defect),
        suppressed=tuple(
            Suppressed(finding=f, by=ignored.codes[f.code])
            for f in outcomes
            if f.code in ignored.codes
        ),
    )
    if not found:
        return report
    lead = headline_of(found[0], whole)
    denying = {rule.code for rule in judging.rules if rule.denies_name}
    return msgspec.structs.replace(
        report,
        headline=lead if errors else msgspec.structs.replace(lead, untold=True),
        findings=found,
        calls=_calls(whole, found),
        missing=() if any(f.code in denying for f in found) else report.missing,
    )


def unread(evidence: ServiceEvidence, why: Missing) -> ServiceReport:
    """The report on a Service of which nothing but its name is known."""
    detail = why.detail or why.reason
    needed = why.reason == Reason.NOT_FOUND and evidence.absence is not None
    return ServiceReport(
        lookup=evidence.lookup,
        kind=evidence.asked.kind if evidence.asked else "Service",
        namespace=evidence.service.metadata.namespace,
        name=evidence.service.metadata.name,
        # Clients who are sent to a Service that does not exist get errors, all of them. Where no
        # such client is known, its name may be mistyped.
        verdict="broken" if needed else "inconclusive",
        headline=Headline(text=detail, untold=why.reason != Reason.NOT_FOUND),
        missing=() if why.reason == Reason.NOT_FOUND and not needed else (detail,),
        rights=(why.right,) if why.right else (),
    )


def port_report(
    case: Case,
    findings: Sequence[Finding],
    undecided: Sequence[NotEvaluated],
    *,
    steps: bool = True,
) -> PortReport:
    """What is known of one Service port, with or without the steps."""
    number = case.port.port
    targets = {s.name for s in case.states}
    return PortReport(
        port=number,
        name=case.port.name,
        protocol=case.port.protocol,
        target_port=case.target,
        node_port=case.port.node_port,
        verdict=verdict_of(case, findings, [u for u in undecided if u.port in (None, number)]),
        chain=chain_of(case),
        steps=steps_of(case) if steps else (),
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
    source = case.in_cluster
    if isinstance(source, Missing):
        return ()
    return tuple(a for a in source.value.attempts if a.port == case.port.port)
