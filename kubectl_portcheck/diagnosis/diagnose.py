"""Evidence in, report out: each Service judged, its fixes tried, and the verdict over all."""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from kubectl_portcheck.diagnosis.judge import (
    LATE,
    Defective,
    Judging,
    Late,
    in_time,
    judged,
    pod_report,
    port_report,
    unread,
)
from kubectl_portcheck.diagnosis.parts import in_order
from kubectl_portcheck.diagnosis.verdicts import worst
from kubectl_portcheck.errors import defect_words
from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import Evidence, ServiceEvidence
from kubectl_portcheck.model.report import Report, ServiceReport
from kubectl_portcheck.rules.declared import Rule
from kubectl_portcheck.rules.plan import Plans
from kubectl_portcheck.rules.table import CATALOGUE
from kubectl_portcheck.semantics.case import Case, ServiceCase

if TYPE_CHECKING:
    from kubectl_portcheck.diagnosis.what_if import Trial
    from kubectl_portcheck.semantics.likeness import Likenesses

Neighbours = Mapping[str, Sequence[ServiceEvidence]]
"""The Services of each namespace."""
Details = Callable[[Report], Iterable[ServiceReport]]
"""Those Services of a report that are shown with their fixes."""
UNFIXED = "the time was up before its fixes could be tried (--timeout)"


def diagnose(
    evidence: Evidence,
    *,
    rules: Sequence[Rule] = CATALOGUE,
    kubectl: tuple[str, ...] = ("kubectl",),
    ignore: Sequence[str] = (),
    partial: bool = False,
    until: float = math.inf,
    details: Details | None = None,
) -> Report:
    """The report on all that was gathered.

    Thousands of Services take seconds: with ``partial`` Ctrl-C ends it with those that were judged.
    ``until`` is a point on the monotonic clock, after which no other Service is judged.

    ``kubectl`` is how the commands in fixes start: the program and its connection flags.
    ``ignore`` are codes of rules whose findings decide nothing, besides those that an annotation
    of the Service names.
    ``details`` says which Services are shown with more than their verdicts, headlines and findings:
    no fix of the others is tried or kept, and the pods and ports of those may be left out that are
    healthy. Without it nothing is left out.
    """
    run = _Run(evidence, rules, kubectl, ignore, until, brief=details is not None)
    services: list[ServiceReport] = []
    interrupted = evidence.interrupted
    try:
        services += map(run.report, evidence.services)
    except KeyboardInterrupt:
        if not (partial and services):
            raise
        interrupted = True
    verdicts = [s.verdict for s in services]
    if evidence.missing or (evidence.interrupted and not services):
        verdicts.append("inconclusive")
    report = Report(
        context=evidence.context,
        # Where there is no Service, no client gets errors.
        verdict=worst(verdicts) if verdicts else "healthy",
        services=tuple(services),
        missing=evidence.missing,
        rights=evidence.rights,
        interrupted=interrupted,
    )
    return report if details is None else run.detailed(report, details, partial=partial)


class _Run:
    """One diagnosis of several Services: what is worked out once for all of them."""

    def __init__(
        self,
        evidence: Evidence,
        rules: Sequence[Rule],
        kubectl: tuple[str, ...],
        ignore: Sequence[str],
        until: float,
        *,
        brief: bool,
    ) -> None:
        self.evidence = evidence
        self.brief = brief
        """Whether fixes, ports and pods are left out where that is possible."""
        now = evidence.context.collected_at
        self.judging = Judging(rules, now, kubectl, ignore, until, Plans(rules), self._server)
        self.neighbours: dict[str, list[ServiceEvidence]] = defaultdict(list)
        for e in evidence.services:
            self.neighbours[e.service.metadata.namespace].append(e)
        self.likenesses = _likenesses(now) if len(evidence.services) > 1 else None
        self.alike: dict[Hashable, ServiceReport] = {}
        """By likeness: the report on the first Service of it, where nothing was found there."""
        self.servers: dict[int, ServiceReport] = {}

    def report(self, evidence: ServiceEvidence) -> ServiceReport:
        """The report on one Service; where the time is up, that it was not judged.

        A defect that shows in one of several leaves the reports on the others.
        """
        self.servers.clear()
        try:
            return self._service(evidence)
        except Late:
            return unread(evidence, LATE)
        except Exception as defect:  # The other Services are reported on all the same.
            if len(self.evidence.services) == 1:
                raise
            return unread(evidence, Missing(reason=Reason.FAILED, detail=defect_words(defect)))

    def detailed(self, report: Report, details: Details, *, partial: bool) -> Report:
        """The report, in which these Services have all that there is to say of them.

        Where the time is up, or with ``partial`` Ctrl-C comes, what was found stands without fixes.
        """
        wanted = {id(s) for s in details(report)}
        self.brief = False
        services = list(report.services)
        interrupted = report.interrupted
        try:
            for i, evidence in enumerate(self.evidence.services[: len(services)]):
                if id(services[i]) in wanted:
                    services[i] = self._detail(evidence, services[i])
        except KeyboardInterrupt:
            if not partial:
                raise
            interrupted = True
        return msgspec.structs.replace(report, services=tuple(services), interrupted=interrupted)

    def _detail(self, evidence: ServiceEvidence, found: ServiceReport) -> ServiceReport:
        """The whole report on a Service; where the time is up, what was found of it."""
        self.servers.clear()
        try:
            return self._service(evidence)
        except Late:
            return _noted(found, UNFIXED)
        except Exception as defect:  # The other Services are reported on all the same.
            if len(self.evidence.services) == 1:
                raise
            return _noted(found, f"its fixes could not be tried: {defect_words(defect)}")

    def _service(self, evidence: ServiceEvidence) -> ServiceReport:
        """What was concluded about one Service holds for another one that is like it."""
        likeness = self.likenesses.of(evidence) if self.likenesses else None
        if likeness is None:
            return self._by_itself(evidence)
        in_time(self.judging.until)
        known = self.alike.get(likeness)
        if known is not None:
            return self._as_known(known, evidence)
        report = self._by_itself(evidence)
        if _found_nothing(report):
            self.alike[likeness] = report
        return report

    def _as_known(self, known: ServiceReport, evidence: ServiceEvidence) -> ServiceReport:
        """The report on a Service that is like another one; what has names is made again."""
        metadata = evidence.service.metadata
        namespace = metadata.namespace or "default"
        if self.brief:
            return msgspec.structs.replace(
                known, namespace=namespace, name=metadata.name, pods=(), ports=()
            )
        whole = ServiceCase(in_order(evidence), self.judging.now, self.judging.kubectl)
        return msgspec.structs.replace(
            known,
            namespace=namespace,
            name=metadata.name,
            pods=tuple(pod_report(whole, p) for p in whole.pods),
            ports=tuple(port_report(Case.of(whole, port), (), ()) for port in whole.asked_ports),
        )

    def _by_itself(self, evidence: ServiceEvidence) -> ServiceReport:
        """The report on one Service, each of whose fixes was tried."""
        report = judged(evidence, self.judging)
        if self.brief:
            return _without_fixes(report)
        if not any(f.fixes for f in report.findings):
            return report
        from kubectl_portcheck.diagnosis.what_if import explained, tried, untried

        if evidence.unread is not None or evidence.asked is not None:
            return _with_rights(explained(report), evidence)
        try:
            return _with_rights(tried(report, partial(self._trial, evidence)), evidence)
        except Late:
            return untried(report, "the time was up before it could be tried (--timeout)")
        except Defective as why:
            return untried(report, str(why))
        except Exception as defect:  # What was found is reported all the same.
            return untried(report, defect_words(defect))

    def _trial(self, evidence: ServiceEvidence) -> "Trial":
        """What is needed to try the fixes of a Service."""
        from kubectl_portcheck.diagnosis.what_if import Trial, beside

        beside_it = self.neighbours.get(evidence.service.metadata.namespace, ())
        others = [e for e in beside_it if e is not evidence]
        others += beside(evidence, {e.service.metadata.name for e in others})
        judge = partial(judged, judging=self.judging, for_trial=True)
        return Trial(in_order(evidence), self.judging.now, others, judge)

    def _server(self, evidence: ServiceEvidence) -> ServiceReport:
        """The report on the Service behind the nameserver of --from, which has none of its own."""
        if id(evidence) not in self.servers:
            self.servers[id(evidence)] = self._by_itself(evidence)
        return self.servers[id(evidence)]


def _likenesses(now: str) -> "Likenesses":
    from kubectl_portcheck.semantics.likeness import Likenesses

    return Likenesses(now)


def _noted(report: ServiceReport, why: str) -> ServiceReport:
    """The report without fixes, which says why where something was found."""
    if not report.findings:
        return report
    return msgspec.structs.replace(report, notes=(*report.notes, why))


def _found_nothing(report: ServiceReport) -> bool:
    """Whether the report names nothing of the Service but what all that are like it have."""
    found = (report.findings, report.suppressed, report.notes, report.changes, report.calls)
    besides = (report.ingresses, report.logs, report.seat, report.next, report.old_port)
    whole = all(n.share is None for n in report.not_evaluated)
    return report.verdict == "healthy" and whole and not any((*found, *besides))


def _without_fixes(report: ServiceReport) -> ServiceReport:
    """The report without fixes, since none has been tried."""
    if not report.findings:
        return report
    findings = tuple(msgspec.structs.replace(f, fixes=()) for f in report.findings)
    return msgspec.structs.replace(report, findings=findings)


def _with_rights(report: ServiceReport, evidence: ServiceEvidence) -> ServiceReport:
    """The report, whose fixes say where the user may not make them."""
    if isinstance(evidence.denied, Missing) or not evidence.denied.value:
        return report
    from kubectl_portcheck.semantics.permissions import lacking

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
