"""Which Service port was meant, where an Ingress, a route or a monitor names one that is not there.

They name a port of the *Service*, by its name or number. What is written there by mistake is
mostly the port of the pod, or the number that the Service port had before.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import Reference
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.selectors import nearest


class Meant(NamedTuple):
    """A Service port that may have been meant."""

    port: ServicePort
    why: str
    """The fact that speaks for it."""


class Guess(NamedTuple):
    """The Service ports that may have been meant."""

    candidates: tuple[Meant, ...]
    certain: bool
    """Whether the evidence leaves only one candidate."""

    @property
    def best(self) -> Meant | None:
        """The one that was meant; None where there is a choice."""
        return self.candidates[0] if self.certain else None


def has(case: ServiceCase, named: int | str, protocol: Protocol = "TCP") -> bool:
    """Whether the Service has a port of that name or number, for this protocol."""
    return any(named in (p.port, p.name) for p in of_protocol(case, protocol))


def is_there(case: ServiceCase, reference: Reference) -> bool:
    """Whether the Service has the port that the object asks for, as its reader looks for it."""
    named = reference.meant
    if named is None:
        return True
    known = of_protocol(case, reference.protocol)
    if reference.by == "endpoint-port":
        return _is_of_endpoints(case, known, named)
    if reference.by == "name":
        return any(named == p.name for p in known)
    if reference.by == "number":
        return any(named == p.port for p in known)
    return any(named in (p.port, p.name) for p in known)


def _is_of_endpoints(case: ServiceCase, known: Iterable[ServicePort], named: int | str) -> bool:
    """Whether the endpoints have a port of that name or number; True where that is not known."""
    numbers: set[str] = set()
    for port in known:
        if named == port.name:
            return True
        target = ports.declared_target(port)
        found: set[int | str | None] = {ports.resolve_target_port(port, p) for p in case.pods}
        found.discard(None)
        if isinstance(target, str) and not found:
            return True
        numbers |= {str(n) for n in found or {target}}
    return str(named) in numbers


def tcp_ports(case: ServiceCase) -> list[ServicePort]:
    """The ports to which an HTTP or TCP proxy can be sent."""
    return [p for p in case.service.spec.ports if p.protocol == "TCP"]


def of_protocol(case: ServiceCase, protocol: Protocol | Literal[""]) -> list[ServicePort]:
    """The ports of that protocol; all where it is not known."""
    return [p for p in case.service.spec.ports if protocol in ("", p.protocol)]


def guess(case: ServiceCase, named: int | str, protocol: Protocol | Literal[""] = "TCP") -> Guess:
    """The Service port that was meant by a name or number that the Service does not have."""
    known = of_protocol(case, protocol)
    for found in (
        _numbered(known, named),
        _quoted(known, named),
        _led_to(case, known, named),
        _node_port(known, named),
    ):
        if found:
            return Guess(tuple(found), certain=len(found) == 1)
    if len(known) == 1:
        return Guess((Meant(known[0], "it is the Service's only port"),), certain=True)
    near = nearest(named, (p.name for p in known if p.name)) if isinstance(named, str) else None
    if near is not None:
        alike = [Meant(p, f"its name {near} resembles {named}") for p in known if p.name == near]
        return Guess(tuple(alike), certain=False)
    return Guess(tuple(Meant(p, "it is a port of the Service") for p in known), certain=False)


def _numbered(known: Iterable[ServicePort], named: int | str) -> list[Meant]:
    """The Service port's number, where a port of the endpoints is asked for."""
    return [Meant(p, f"{named} is its own number") for p in known if named == p.port]


def _quoted(known: Iterable[ServicePort], named: int | str) -> list[Meant]:
    """A number in quotes is taken for a name."""
    return [
        Meant(p, f"the name {named} is its number in quotes")
        for p in known
        if isinstance(named, str) and named == str(p.port)
    ]


def _led_to(case: ServiceCase, known: Iterable[ServicePort], named: int | str) -> list[Meant]:
    """The ports that lead to that port of the pods."""
    found = []
    for port in known:
        target = ports.declared_target(port)
        numbers = {ports.resolve_target_port(port, p) for p in case.pods}
        names = {
            d.name
            for pod in case.pods
            for _, d in ports.declared_ports(pod)
            if d.name and d.container_port == ports.resolve_target_port(port, pod)
        }
        if named == target:
            found.append(Meant(port, f"{named} is its targetPort"))
        elif named in numbers or named in names:
            found.append(Meant(port, f"{named} is the pods' port, to which it leads"))
    return found


def _node_port(known: Iterable[ServicePort], named: int | str) -> list[Meant]:
    return [
        Meant(p, f"{named} is its nodePort") for p in known if p.node_port and p.node_port == named
    ]
