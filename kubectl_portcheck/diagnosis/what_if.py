"""Every fix is tried in memory before it is offered.

The change is applied to the evidence, which is then diagnosed again by the same rules. A fix stays
only where its clients are better off, and no client or pod that is served today is worse off, of
this Service or of another one that is known. What cannot be predicted is offered for review and
says why.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from kubectl_portcheck.diagnosis.before_after import (
    State,
    errors,
    harms,
    helps,
    place_of,
    ports_of,
    share,
    verdict_at,
)
from kubectl_portcheck.diagnosis.changed import Unknown, changed
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.fixes import Command, Fix, JsonPatch, Prediction
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.report import Finding, Impact, ServiceReport
from kubectl_portcheck.rules.table import CATALOGUE
from kubectl_portcheck.semantics import endpoints, ports
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.rollouts import is_paused
from kubectl_portcheck.semantics.selectors import matches

Judge = Callable[[ServiceEvidence], ServiceReport]
"""Diagnoses evidence without trying fixes."""

IF_ENFORCED = frozenset(rule.code for rule in CATALOGUE if rule.if_enforced)
UNDO = ("rollout", "undo")
MOST = 12
"""How many fixes of one Service are tried."""
MOST_OTHERS = 100
"""How many other Services are looked at beside."""


class Trial(msgspec.Struct, frozen=True):
    """A Service, with all that is needed to try a fix of it."""

    evidence: ServiceEvidence
    now: str
    others: Sequence[ServiceEvidence]
    """The other Services of its namespace, as far as they are known."""
    judge: Judge


def beside(evidence: ServiceEvidence, known: Collection[str]) -> list[ServiceEvidence]:
    """The other Services that lead to pods of this one, as far as these pods tell of them.

    ``known`` are the names of those of which more was gathered.
    """
    if isinstance(evidence.services, Missing):
        return []
    read = (evidence.pods, evidence.namespace_pods)
    pods = {p.metadata.name: p for part in read if isinstance(part, Observed) for p in part.value}
    own = evidence.service.metadata.name
    found = []
    for service in evidence.services.value:
        if service.metadata.name in {own, *known} or not service.spec.selector:
            continue
        selected = tuple(
            p for p in pods.values() if matches(service.spec.selector, p.metadata.labels)
        )
        if selected:
            found.append(_led_to(service, selected, evidence))
    return found


def _led_to(
    service: Service, selected: tuple[Pod, ...], evidence: ServiceEvidence
) -> ServiceEvidence:
    names = {p.metadata.name for p in selected}
    return ServiceEvidence(
        service=service,
        pods=Observed(value=selected),
        endpoint_slices=Observed(value=endpoints.made_for(service, selected)),
        network_policies=evidence.network_policies,
        replica_sets=evidence.replica_sets,
        workloads=evidence.workloads,
        sockets={name: found for name, found in evidence.sockets.items() if name in names},
        attempts=tuple(a for a in evidence.attempts if a.pod in names),
    )


def tried(report: ServiceReport, trial_of: Callable[[], Trial]) -> ServiceReport:
    """The report with the fixes that help and harm no client, each with what it would bring.

    What a trial needs is gathered only where a fix can be tried.
    """
    if not any(isinstance(f.change, JsonPatch) for x in report.findings for f in x.fixes):
        return _unpredicted(report) if report.findings else report
    trial = trial_of()
    before = State(report, ports_of(trial.evidence, report, trial.now))
    budget = iter(range(MOST))
    findings = tuple(
        msgspec.structs.replace(
            finding,
            fixes=tuple(
                kept
                for fix in finding.fixes
                if (known := _tried(fix, finding, before, trial, budget))
                and (kept := _unseen(_waiting(known, trial), trial))
            ),
        )
        for finding in report.findings
    )
    return msgspec.structs.replace(report, findings=findings)


def _unpredicted(report: ServiceReport) -> ServiceReport:
    """The same, where no fix is a patch."""
    return msgspec.structs.replace(
        report,
        findings=tuple(
            msgspec.structs.replace(
                x, fixes=tuple(kept for f in x.fixes if (kept := _of_command(f, x)) is not None)
            )
            for x in report.findings
        ),
    )


def untried(report: ServiceReport, why: str) -> ServiceReport:
    """The report with no fix tried: then none is safe."""
    return msgspec.structs.replace(
        report,
        findings=tuple(
            msgspec.structs.replace(
                x, fixes=tuple(_open(f, why) if f.command else f for f in x.fixes)
            )
            for x in report.findings
        ),
    )


def explained(report: ServiceReport) -> ServiceReport:
    """The report of which no fix is tried, where each one that changes something says why."""
    return msgspec.structs.replace(
        report,
        findings=tuple(
            msgspec.structs.replace(
                x,
                fixes=tuple(
                    _open(f, _why_open(f))
                    if f.command and not (f.predicted or f.unpredicted)
                    else f
                    for f in x.fixes
                ),
            )
            for x in report.findings
        ),
    )


def _why_open(fix: Fix) -> str:
    """Why the effect of a change is not known beforehand."""
    if isinstance(fix.change, Command) and fix.change.words[0] in ("create", "expose"):
        return "no client has used the new Service yet"
    if isinstance(fix.change, Command) and fix.change.words[0] == "annotate":
        return "what the controller makes of the annotation is not known beforehand"
    if fix.subject is not None and fix.subject.kind == "Node":
        return "which pods the scheduler places there is not known"
    return "what the new pods do is not known before they run"


def _of_command(fix: Fix, finding: Finding) -> Fix | None:
    """A change whose effect is not known beforehand.

    An undo is one only where clients get errors, or where the rollout itself is what was found.
    """
    if fix.command is None or fix.unpredicted or fix.predicted:
        return fix
    undo = isinstance(fix.change, Command) and fix.change.words[:2] == UNDO
    if undo and finding.severity != "error" and finding.subject != fix.subject:
        return None
    return _open(fix, _why_open(fix))


def _tried(
    fix: Fix, finding: Finding, before: State, trial: Trial, budget: Iterable[int]
) -> Fix | None:
    """The fix with its prediction; None where it would not help, or would harm."""
    if fix.predicted or fix.unpredicted:
        return fix  # Of another Service, whose report has tried it.
    if not isinstance(fix.change, JsonPatch):
        return _of_command(fix, finding)
    if next(iter(budget), None) is None:
        return _open(fix, "too many fixes to try them all")
    try:
        evidence = changed(trial.evidence, fix)
    except Unknown as why:
        return _open(fix, str(why))
    after = _after(evidence, trial)
    place = place_of(finding, trial.evidence)
    if harms(before, after) or harms_others(fix, trial):
        return None
    fix = _beside_others(fix, evidence, trial)
    if helps(finding, before, after, place):
        return _with(fix, finding, after, place)
    if verdict_at(after, place) == "inconclusive":
        missing = after.report.headline.text
        if _served_but_for_policies(before, after, place):
            return msgspec.structs.replace(_with(fix, finding, after, place), unpredicted=missing)
        return _open(fix, missing)
    return _with_others(fix, finding, before, trial, evidence, place)


def _waiting(fix: Fix, trial: Trial) -> Fix:
    """The fix, with a caution where it changes the pod template of a Deployment that is paused."""
    if fix.subject is None or not isinstance(fix.change, JsonPatch):
        return fix
    read = trial.evidence.workloads
    workloads = read.value if isinstance(read, Observed) else ()
    of = fix.subject
    paused = any(
        is_paused(w) and of.means(w.kind, w.metadata.namespace, w.metadata.name) for w in workloads
    )
    if not paused or not any(o.path.startswith("/spec/template") for o in fix.change.operations):
        return fix
    why = f"Deployment {of.name} is paused: its pods change once its rollout is resumed"
    return msgspec.structs.replace(fix, safety="review", cautions=(*fix.cautions, why))


def _unseen(fix: Fix | None, trial: Trial) -> Fix | None:
    """The fix, which is not called safe where the Services that it may harm could not be read."""
    unread = trial.evidence.services
    if fix is None or not isinstance(fix.change, JsonPatch) or fix.unpredicted:
        return fix
    if isinstance(unread, Observed) or unread.reason == Reason.NOT_ASKED:
        return fix
    why = f"the other Services of the namespace could not be read ({unread.detail})"
    return _open(fix, why)


def _with_others(
    fix: Fix,
    finding: Finding,
    before: State,
    trial: Trial,
    evidence: ServiceEvidence,
    place: int | None,
) -> Fix | None:
    """The fix where it helps together with those of other causes: one by itself changes nothing."""
    together = []
    for other in before.report.heads:
        if other is finding or other.severity != "error" or other.code == finding.code:
            continue
        first = next((f for f in other.fixes if isinstance(f.change, JsonPatch)), None)
        if first is None or first.subject == fix.subject:
            continue
        try:
            evidence = changed(evidence, first)
        except Unknown:
            continue
        together.append(other.code)
    if not together:
        return None
    after = _after(evidence, trial)
    if harms(before, after) or not helps(finding, before, after, place):
        return None
    return _with(fix, finding, after, place, tuple(together))


def _open(fix: Fix, why: str) -> Fix:
    return msgspec.structs.replace(fix, safety="review", unpredicted=why)


def _served_but_for_policies(before: State, after: State, place: int | None) -> bool:
    """Whether all pods would serve more than before, and only NetworkPolicies leave it open."""
    open_ = {f.code for f in after.report.findings if f.unsure}
    if place is None or not open_ or not open_ <= IF_ENFORCED:
        return False
    old, new = before.ports[place], after.ports[place]
    return not new.failing and len(new.serving) > len(old.serving)


def _beside_others(fix: Fix, evidence: ServiceEvidence, trial: Trial) -> Fix:
    """The fix, with a caution where another Service already leads to what it leads to."""
    if fix.subject is None or fix.subject.kind != "Service" or not trial.others:
        return fix
    old, new = (
        {
            (s.name, s.target)
            for port in e.service.spec.ports
            for s in Case(e, port, trial.now).states
            if s.target is not None
        }
        for e in (trial.evidence, evidence)
    )
    cautions = list(fix.cautions)
    for other in trial.others[:MOST_OTHERS]:
        if other.unread or other.asked or isinstance(other.pods, Missing):
            continue
        name = other.service.metadata.name
        led = {
            (p.metadata.name, ports.dialled_port(other.service, port, p))
            for port in other.service.spec.ports
            for p in other.pods.value
        }
        shared = sorted({target for _, target in (new - old) & led if target is not None})
        if shared:
            cautions.append(f"Service {name} already leads to {', '.join(map(str, shared))}")
    if len(cautions) == len(fix.cautions):
        return fix
    return msgspec.structs.replace(fix, cautions=tuple(cautions), safety="review")


def _with(
    fix: Fix,
    finding: Finding,
    after: State,
    place: int | None,
    together: tuple[str, ...] = (),
) -> Fix:
    port = after.ports[place] if place is not None else min(after.ports, key=share, default=None)
    # That connections are accepted does not serve clients that use another port.
    verdict = "inconclusive" if fix.cautions else verdict_at(after, place)
    serving = port.serving if port and verdict != "broken" else frozenset()
    predicted = Prediction(
        verdict=verdict,
        served=len(serving),
        of=len(port.serving | port.failing) if port else 0,
        together=together,
    )
    served = bool(port and port.serving and not port.failing)
    good = verdict == "healthy" or (verdict == "inconclusive" and served)
    if finding.impact == Impact.PATH:
        # Another path may fail for a reason of its own.
        good = good or not any(f.impact in (Impact.ALL, Impact.PODS) for f in errors(after))
    safe = fix.safety == "safe" and good and not together and not fix.cautions
    return msgspec.structs.replace(fix, predicted=predicted, safety="safe" if safe else "review")


def _after(evidence: ServiceEvidence, trial: Trial) -> State:
    asked = evidence.asked_port
    if asked is not None and not ServiceCase(evidence).asked_ports:
        evidence = msgspec.structs.replace(evidence, asked_port=None)
    report = trial.judge(evidence)
    return State(report, ports_of(evidence, report, trial.now))


def harms_others(fix: Fix, trial: Trial) -> bool:
    """Whether another Service would be worse off: they may share pods and policies."""
    if fix.subject is None or fix.subject.kind == "Service":
        return False
    for other in trial.others[:MOST_OTHERS]:
        if isinstance(other.pods, Missing) or other.unread or other.asked:
            continue
        try:
            evidence = changed(other, fix)
        except Unknown:
            continue
        if evidence.pods == other.pods and evidence.network_policies == other.network_policies:
            continue
        report = trial.judge(other)
        before = State(report, ports_of(other, report, trial.now))
        if harms(before, _after(evidence, trial)):
            return True
    return False
