"""What the rules on Ingresses and routes share: they name a Service port, and it is not there."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import msgspec

from kubectl_portcheck.model.facts import Fact, State, Weighs
from kubectl_portcheck.model.fixes import Fix, Operation, Subject
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.report import Impact, Severity
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.meant import Guess, Meant, guess


class Wrong(msgspec.Struct, frozen=True):
    """One place that names a port which the Service does not have."""

    where: str
    named: int | str
    """As it is written; '' where it names none."""
    pointer: str
    """The JSON pointer of what has to be changed."""
    guess: Guess


Change = Callable[[Wrong, ServicePort], list[Operation]]
"""What makes a place name a Service port, as JSON-patch operations."""


def wrong(
    case: ServiceCase,
    where: str,
    named: int | str,
    pointer: str,
    protocol: Protocol | Literal[""] = "TCP",
) -> Wrong:
    """The place, with the port that was meant."""
    return Wrong(where, named, pointer, guess(case, named, protocol))


def written(port: ServicePort) -> str:
    """``80 (http)``."""
    return f"{port.port} ({port.name})" if port.name else str(port.port)


def has_ports(case: ServiceCase) -> str:
    """The Service's ports, as the end of a sentence."""
    known = [f"{written(p)}/{p.protocol}" for p in case.service.spec.ports]
    return f"the ports of Service {case.name}: {listing(known) or 'none'}"


def evidence_of(subject: Subject, found: Sequence[Wrong]) -> list[Fact]:
    """The evidence: each place, and what speaks for the port that was meant."""
    places: list[Fact] = [
        State(subject=subject, state=f"{w.where} references port {w.named or '(none)'}")
        for w in found
    ]
    likely = dict.fromkeys((written(m.port), m.why) for w in found for m in _likely(w))
    return [*places, *(Weighs(port=f"port {port}", reasons=(why,)) for port, why in likely)]


def _likely(found: Wrong) -> Iterable[Meant]:
    return found.guess.candidates if found.guess.certain else found.guess.candidates[:3]


def meant_by_all(found: Sequence[Wrong]) -> ServicePort | None:
    """The one Service port that all of these places mean; None where that is not known."""
    best = [w.guess.best for w in found]
    ports = {b.port if b else None for b in best}
    return next(iter(ports)) if len(ports) == 1 else None


def weight(
    case: ServiceCase, found: Sequence[Wrong], severity: Severity = "error"
) -> tuple[Severity, Impact]:
    """Severity and impact: one path fails, unless it leads to another port than the asked one."""
    asked = case.evidence.asked_port
    meant = meant_by_all(found)
    elsewhere = asked is not None and asked not in {w.named for w in found}
    if meant is not None and meant in case.asked_ports:
        elsewhere = False
    if severity != "error" or elsewhere:
        return "warning", Impact.NONE
    return severity, Impact.PATH


def repaired(
    case: ServiceCase,
    subject: Subject,
    found: Sequence[Wrong],
    change: Change,
) -> list[Fix]:
    """The patches of the object: one for all that is certain, else one for each candidate."""
    if all(w.guess.best for w in found):
        meant = [w.guess.candidates[0].port for w in found]
        operations = [o for w, p in zip(found, meant, strict=True) for o in change(w, p)]
        where = listing(dict.fromkeys(written(p) for p in meant))
        title = f"Change the port in {subject.kind} {subject.name} to {where}"
        return [fixes.patch(case, subject, operations, title=title, safety="safe")]
    offered = dict.fromkeys(m.port for w in found for m in w.guess.candidates)
    return [
        fixes.patch(
            case,
            subject,
            [o for w in found for o in change(w, port)],
            title=f"Change the port in {subject.kind} {subject.name} to {written(port)}, if that "
            "was meant",
            safety="review",
        )
        for port in list(offered)[:5]
    ]
