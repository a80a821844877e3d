"""What the rules on objects that lead to a Service share: the port that they ask for is not there.

The objects are those of ``semantics.referrers``; each rule is about those that one reader follows.
"""

from collections.abc import Sequence

import msgspec

from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.fixes import Operation, Subject
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.references import Reference, Referrer
from kubectl_portcheck.model.report import Finding, Severity
from kubectl_portcheck.rules import fixes, service_ports
from kubectl_portcheck.rules.base import NotApplicable, Outcome, Passed, Rule, Several
from kubectl_portcheck.rules.service_ports import Wrong
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import meant, referrers
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ports import declared_target, resolve_target_port
from kubectl_portcheck.semantics.referrers import Reader
from kubectl_portcheck.semantics.referrers.api_server import what_fails


class Place(msgspec.Struct, frozen=True):
    """A reference to a port that is not there."""

    reference: Reference
    wrong: Wrong


def check(case: ServiceCase, rule: Rule, reader: Reader, severity: Severity = "error") -> Outcome:
    """What the rule says of the objects that this reader follows."""
    found = [
        _finding(case, rule, c, w, severity)
        for c in case.read_by(reader)
        if c.references and (w := _wrong(case, c))
    ]
    if found:
        return Several(tuple(found))
    if (missing := lacking(case, reader)) is not None:
        return rule.lacks(missing)
    known = case.read_by(reader)
    return Passed() if known else NotApplicable("no such object is known to lead to the Service")


def lacking(case: ServiceCase, reader: Reader) -> Missing | None:
    """Why objects that this reader follows may be unknown; None where all are known."""
    missing = case.missing("referrers")
    absent = [missing] if missing is not None else list(case.lacking("referrers"))
    own = {k.kind.plural for k in referrers.KINDS if k.reader == reader}
    return next((m for m in absent if _is_about(m, own)), None)


def _is_about(missing: Missing, plurals: set[str]) -> bool:
    """Whether these resources are what could not be read."""
    if missing.reason in (Reason.NOT_ASKED, Reason.NOT_RECORDED, Reason.NOT_SERVED):
        return False
    return missing.right is None or missing.right.resource in plurals


def references_here(case: ServiceCase, referrer: Referrer) -> list[Reference]:
    """The places in which the object leads to the Service."""
    return [r for r in referrer.references if case.is_meant(r.service, r.namespace)]


def subject_of(case: ServiceCase, referrer: Referrer) -> Subject:
    """The object, as the subject of a finding."""
    of = referrers.BY_NAME[referrer.kind].kind
    namespace = case.namespace_of(referrer.metadata) if of.namespaced else ""
    return Subject(kind=referrer.kind, namespace=namespace, name=referrer.metadata.name)


def _wrong(case: ServiceCase, referrer: Referrer) -> list[Place]:
    return [
        Place(r, service_ports.wrong(case, r.where, r.meant or 0, r.pointer, r.protocol))
        for r in references_here(case, referrer)
        if not meant.is_there(case, r)
    ]


def _finding(
    case: ServiceCase,
    rule: Rule,
    referrer: Referrer,
    places: Sequence[Place],
    severity: Severity,
) -> Finding:
    subject = subject_of(case, referrer)
    found = [p.wrong for p in places]
    numbers = listing(dict.fromkeys(_quoted(w.named) for w in found))
    default = " (the default)" if all(p.reference.port is None for p in places) else ""
    fails = any(p.reference.fails for p in places)
    severity, impact = service_ports.weight(case, found, severity)
    return rule.finding(
        case,
        f"{subject.kind} {subject.name} references port {numbers}{default}, which "
        f"{_does_not_exist(case, places)}; {service_ports.has_ports(case)}"
        + (f"; {what_fails(referrer.kind, referrer.metadata.name)}" if fails else ""),
        evidence=service_ports.evidence_of(subject, found),
        fixes=service_ports.repaired(case, subject, found, _change(case, places)),
        impact=impact,
        severity=severity,
        subject=subject,
        port=service_ports.meant_by_all(found),
        pointer=found[0].pointer,
    )


def _quoted(named: int | str) -> str:
    """A number that is written as a text shows that."""
    return f'"{named}"' if isinstance(named, str) and named.isdecimal() else str(named)


def _does_not_exist(case: ServiceCase, places: Sequence[Place]) -> str:
    if all(p.reference.by == "endpoint-port" for p in places):
        return "is neither the name of a Service port nor a port of the pods"
    return f"Service {case.name} does not have"


def _of_pods(case: ServiceCase, port: ServicePort) -> int | str:
    """The port of the pods to which a Service port leads; its targetPort where they differ."""
    numbers = {n for p in case.pods if (n := resolve_target_port(port, p)) is not None}
    return numbers.pop() if len(numbers) == 1 else declared_target(port)


def _change(case: ServiceCase, places: Sequence[Place]) -> service_ports.Change:
    by_pointer = {p.reference.pointer: p.reference for p in places}

    def change(found: Wrong, port: ServicePort) -> list[Operation]:
        reference = by_pointer[found.pointer]
        of_endpoints = reference.by == "endpoint-port"
        number = _of_pods(case, port) if of_endpoints else port.port
        if reference.by == "name" and not port.name:
            # Without a name the Service has one port, which needs none.
            return [fixes.test(found.pointer, reference.port), fixes.remove(found.pointer)]
        named = isinstance(reference.port, str) or of_endpoints
        new = port.name if named and port.name else number
        if reference.port is None:
            return [fixes.add(found.pointer, new)]
        return fixes.replace(found.pointer, reference.port, new)

    return change
