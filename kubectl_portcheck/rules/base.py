"""What a rule is: one problem, its explanation, its examples and its check."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.report import (
    Finding,
    Fix,
    Impact,
    NotEvaluated,
    Severity,
    Subject,
)
from kubectl_portcheck.semantics.case import Case, PodState, ServiceCase


class Need:
    """The kinds of evidence that a rule reads, by the names of the fields of the evidence."""

    PODS: Final = "pods"
    SLICES: Final = "endpoint_slices"
    REPLICA_SETS: Final = "replica_sets"
    DEPLOYMENTS: Final = "deployments"
    NAMESPACE_PODS: Final = "namespace_pods"
    WORKLOADS: Final = "workloads"
    REVISIONS: Final = "revisions"
    INGRESSES: Final = "ingresses"
    ROUTES: Final = "routes"
    GRANTS: Final = "reference_grants"
    POLICIES: Final = "network_policies"
    MONITORS: Final = "monitors"
    EVENTS: Final = "events"
    NODES: Final = "nodes"
    SOCKETS: Final = "sockets"
    ATTEMPTS: Final = "attempts"
    FORWARDS: Final = "service_forwards"
    IN_CLUSTER: Final = "in_cluster"


class Passed(NamedTuple):
    """The rule had all that it needed and found nothing."""


class NotApplicable(NamedTuple):
    """The problem cannot occur here."""

    why: str


class Several(NamedTuple):
    """The problem occurs in several objects, each of which has to be mended by itself."""

    findings: tuple[Finding, ...]


Outcome = Finding | Several | NotEvaluated | Passed | NotApplicable
Check = Callable[[Case], Outcome] | None
ServiceCheck = Callable[[ServiceCase], Outcome] | None


class Explanation(NamedTuple):
    """What ``--explain`` and the rule reference say, in plain text."""

    meaning: str
    why: str
    """Why traffic fails."""
    confirm: str
    fix: str


class Example(NamedTuple):
    """A small situation, as documentation and as a test."""

    title: str
    manifest: str
    """YAML documents, as ``kubectl get -o yaml`` prints them, cut to what matters; and one
    document ``probes:`` with what was measured."""
    fires: bool


class Rule(NamedTuple):
    """One problem of the catalogue."""

    code: str
    name: str
    """The problem in kebab-case; a runbook may match on it."""
    severity: Severity
    summary: str
    """One line for the list of rules."""
    needs: tuple[str, ...]
    """Evidence without which the rule cannot conclude anything."""
    uses: tuple[str, ...]
    """Evidence that it reads where there is any: what is missing never counts as well."""
    explanation: Explanation
    examples: tuple[Example, ...]
    check: Check = None
    """Runs once for each port of a Service."""
    check_service: ServiceCheck = None
    """Runs once for a Service. A rule has one of the two."""
    deciding: bool = False
    """Whether a Service can be called healthy only where this rule had its evidence."""
    follows_from: tuple[str, ...] = ()
    """Codes of the problems of which this one may be a mere consequence."""

    def finding(
        self,
        case: ServiceCase,
        summary: str,
        *,
        evidence: Iterable[str] = (),
        fixes: Iterable[Fix] = (),
        impact: str = Impact.NONE,
        pods: Iterable[str] = (),
        severity: Severity | None = None,
        subject: Subject | None = None,
        port: ServicePort | None = None,
        pointer: str = "",
        unsure: str = "",
    ) -> Finding:
        """A finding of this rule about the case; ``port`` is the case's own where it has one."""
        port = case.port if isinstance(case, Case) else port
        return Finding(
            code=self.code,
            name=self.name,
            severity=severity or self.severity,
            subject=subject or case.subject,
            summary=summary,
            evidence=tuple(evidence),
            fixes=tuple(fixes),
            port=port.port if port else None,
            protocol=port.protocol if port else "TCP",
            impact=impact,
            pods=tuple(pods),
            pointer=pointer,
            unsure=unsure,
        )

    def lacks(self, missing: str | Missing) -> NotEvaluated:
        """The outcome of a rule that misses a part of its evidence."""
        if isinstance(missing, str):
            return NotEvaluated(code=self.code, missing=missing)
        return NotEvaluated(
            code=self.code,
            missing=missing.detail or missing.reason,
            unserved=missing.reason == Reason.NOT_SERVED,
        )


def impact_of(states: Iterable[PodState], case: Case) -> str:
    """What a fault of these pods means for the clients of the port."""
    faulty = {s.name for s in states if s.used}
    if not case.backends or faulty == {s.name for s in case.backends}:
        return Impact.ALL
    return Impact.PODS if faulty else Impact.NONE
