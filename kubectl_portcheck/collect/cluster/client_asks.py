"""What is asked in the pod of ``--from``: in its containers one after the other, and last of all in
a debug container, where that was asked for.

All containers of a pod share its network and its ``/etc/resolv.conf``: one that has a tool answers
for the others.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from kubectl_portcheck.collect.cluster.cluster import Probes, Read
from kubectl_portcheck.collect.cluster.debug_container import Debug
from kubectl_portcheck.collect.cluster.from_pod import DialResults, Names, Seat
from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import NOT_ASKED
from kubectl_portcheck.model.kinds import SERVICE
from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.model.seat import Dns
from kubectl_portcheck.target import Target

T = TypeVar("T")


def names_of(target: Target, namespace: str) -> Names:
    """Give the names by which pods of a namespace look up the Service.

    Where the target was given as a DNS name it is that one; else the shortest that is right there.
    """
    service = f"{target.name}.{target.namespace}.svc"
    if target.lookup is not None and target.lookup.how == "name":
        return Names(target.lookup.text.partition(":")[0], service)
    short = target.name if namespace == target.namespace else f"{target.name}.{target.namespace}"
    return Names(short, service)


def resolved(
    probes: Probes, seats: Sequence[Seat], target: Target, debug: Debug | None = None
) -> tuple[Seat, Read[Dns]]:
    """Look up the name in the first pod that has something to look it up with."""
    if target.kind is not SERVICE:
        return seats[0], NOT_ASKED

    def look_up(seat: Seat) -> Read[Dns]:
        return probes.resolve_from(seat, names_of(target, seat.namespace))

    first: tuple[Seat, Read[Dns]] | None = None
    for seat in seats:
        found = _in_its_containers(seat, look_up)
        if not _has_no_tool(found[1]):
            return found
        first = first or found
    assert first is not None
    if debug is None:
        return seats[-1], found[1]
    return _in_a_debug_container(probes, first[0], debug, look_up)


def dial_chosen(
    probes: Probes,
    chosen: "Future[tuple[Seat, Read[Dns]]]",
    debug: Debug | None,
    service: Service,
    asked: Sequence[ServicePort],
    running: Sequence[tuple[Pod, set[int]]],
) -> Read[DialResults]:
    """Connect from the pod in which the name could be looked up."""
    seat = chosen.result()[0]
    found = _in_its_containers(seat, lambda s: dial(probes, s, service, asked, running))[1]
    if debug is None or not _has_no_tool(found):
        return found
    return _in_a_debug_container(
        probes, seat, debug, lambda s: dial(probes, s, service, asked, running)
    )[1]


def dial(
    probes: Probes,
    seat: Seat,
    service: Service,
    asked: Sequence[ServicePort],
    running: Sequence[tuple[Pod, set[int]]],
) -> Read[DialResults]:
    """Connect from inside a pod."""
    from kubectl_portcheck.collect.cluster.dial_from import dials_for

    dials = dials_for(service, asked, running)
    if not dials:
        return Missing(reason=Reason.NOT_FOUND, detail="there is no address to connect to")
    return probes.dial_from(seat, dials)


def _in_its_containers(seat: Seat, ask: Callable[[Seat], Read[T]]) -> tuple[Seat, Read[T]]:
    """Ask in the container that was chosen, then in the others, until one has a tool for it."""
    found = ask(seat)
    for other in seat.others if _has_no_tool(found) else ():
        beside = seat._replace(container=other)
        answer = ask(beside)
        if not _has_no_tool(answer):
            return beside, answer
    return seat, found


def _in_a_debug_container(
    probes: Probes, seat: Seat, debug: Debug, ask: Callable[[Seat], Read[T]]
) -> tuple[Seat, Read[T]]:
    made = probes.debug_seat(seat, debug)
    return (seat, made) if isinstance(made, Missing) else (made, ask(made))


def _has_no_tool(found: Read[T]) -> bool:
    return isinstance(found, Missing) and found.reason == Reason.NO_SHELL
