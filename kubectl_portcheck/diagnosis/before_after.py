"""What clients of a Service meet before and after a change, and whether any is worse off."""

import msgspec

from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.report import WORST_FIRST, Finding, Impact, ServiceReport, Verdict
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.measured import FAULTY


class Port(msgspec.Struct, frozen=True):
    """What clients of one Service port meet."""

    verdict: Verdict
    serving: frozenset[str]
    failing: frozenset[str]

    @property
    def rank(self) -> int:
        """Return a number that grows as it gets worse."""
        return -WORST_FIRST.index(self.verdict)


class State(msgspec.Struct, frozen=True):
    """What clients of a Service meet, port by port, and the findings."""

    report: ServiceReport
    ports: tuple[Port, ...]

    @property
    def rank(self) -> int:
        """Return the same for the Service."""
        return -WORST_FIRST.index(self.report.verdict)


def ports_of(evidence: ServiceEvidence, report: ServiceReport, now: str) -> tuple[Port, ...]:
    """Return what the clients of each port meet, of those that are asked about."""
    found = []
    for asked, reported in zip(ServiceCase(evidence).asked_ports, report.ports, strict=False):
        backends = Case(evidence, asked, now).backends
        found.append(
            Port(
                reported.verdict,
                frozenset(s.name for s in backends if s.answer.kind == "serves"),
                frozenset(s.name for s in backends if s.answer.kind in FAULTY),
            )
        )
    return tuple(found)


def verdict_at(state: State, place: int | None) -> Verdict:
    """Return the verdict on one port, or on the Service."""
    return state.report.verdict if place is None else state.ports[place].verdict


def place_of(finding: Finding, evidence: ServiceEvidence) -> int | None:
    """The place of the finding's port among those asked about; None for the whole Service."""
    asked = ServiceCase(evidence).asked_ports
    return next(
        (
            i
            for i, p in enumerate(asked)
            if (p.port, p.protocol) == (finding.port, finding.protocol)
        ),
        None,
    )


def errors(state: State) -> list[Finding]:
    """Return the findings that break something."""
    return [f for f in state.report.findings if f.severity == "error"]


def share(port: Port) -> float:
    """Return the part of the pods that serve, from 0 to 1."""
    return len(port.serving) / (len(port.serving | port.failing) or 1)


def helps(finding: Finding, before: State, after: State, place: int | None) -> bool:
    """Whether the clients that the fix is meant for are better off."""
    gone = not any(
        (f.code, f.port, f.subject) == (finding.code, finding.port, finding.subject)
        and set(f.pods) >= set(finding.pods)
        for f in after.report.findings
    )
    if finding.severity != "error" or finding.impact in (Impact.NONE, Impact.PATH):
        return gone
    if place is None:
        return after.rank < before.rank and after.report.verdict != "inconclusive"
    if place >= len(after.ports) or after.ports[place].verdict == "inconclusive":
        return False
    old, new = before.ports[place], after.ports[place]
    return new.rank < old.rank or (gone and len(new.serving) > len(old.serving))


def harms(before: State, after: State) -> bool:
    """Whether a port, or a pod that serves, would be worse off."""
    if len(after.ports) < len(before.ports):
        return True
    for old, new in zip(before.ports, after.ports, strict=False):
        if new.rank > old.rank and (new.verdict != "inconclusive" or old.verdict == "healthy"):
            return True
        # Who is served today stays served, and no pod that refuses comes beside it.
        if old.serving and (old.serving - new.serving or new.failing - old.failing):
            return True
    return False
