"""Whether policies of other kinds than NetworkPolicy let a connection pass, beside those."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.semantics.guards import compare, tiers
from kubectl_portcheck.semantics.peers import (
    Asked,
    Direction,
    Fact,
    Peer,
    all_of,
    any_of,
    negated,
)
from kubectl_portcheck.semantics.sides import FREE, Policy, Side, each_once, kind_of, unknown


def with_guards(
    direction: Direction,
    ends: tuple[Peer, Peer],
    guards: Sequence[Guard],
    answers: Sequence[tuple[NetworkPolicy, Fact]],
    asked: Asked,
) -> Side:
    """The same with policies of other kinds, by how these stand to NetworkPolicies."""
    adding = [g for g in guards if g.tier == "union"]
    tiered = [g for g in guards if g.tier != "union"]
    sides = []
    if adding or not tiered:
        sides.append(added_up(direction, ends, adding, answers, asked))
    if tiered:
        sides.append(_in_tiers(direction, ends, tiered, answers, asked))
    if len({side.allowed for side in sides}) == 1:
        return sides[-1]
    names = " and ".join(dict.fromkeys(compare.title(g) for g in (adding[0], tiered[0])))
    return Side(None, why=f"which of {names} the network plugin enforces is not known")


def added_up(
    direction: Direction,
    ends: tuple[Peer, Peer],
    guards: Sequence[Guard],
    answers: Sequence[tuple[NetworkPolicy, Fact]],
    asked: Asked,
) -> Side:
    """What allows adds up, and what denies comes first. (Cilium, Policy Enforcement Modes)"""
    own, other = ends
    unsure = ""
    isolation: list[tuple[Policy, Fact]] = [(p, True) for p, _ in answers]
    allowing: list[tuple[Policy, Fact]] = list(answers)
    for guard in guards:
        for part in guard.parts:
            about = compare.about(part, guard, own)
            if about is False:
                continue
            isolation.append((guard, about if direction in part.isolates else False))
            for rule in part.rules:
                if rule.direction != direction:
                    continue
                found = all_of((about, compare.matched(rule, guard, ends, asked)))
                if rule.action == "Allow":
                    allowing.append((guard, found))
                elif found:
                    return Side(False, (guard,), denied=True)
                elif found is None:
                    unsure = unsure or compare.not_compared(guard, rule, other)
    isolated = any_of(found for _, found in isolation)
    if isolated is False:
        return Side(None, why=unsure) if unsure else FREE
    allowed = any_of((negated(isolated), any_of(found for _, found in allowing)))
    names = each_once(p for p, found in isolation if found is not False)
    by = each_once(p for p, found in allowing if found)
    if allowed and unsure:
        return Side(None, names, by, unsure)
    why = ""
    if allowed is None:
        vague = next((p for p, found in allowing if found is None and isinstance(p, Guard)), None)
        why = compare.not_compared(vague, None, other) if vague else unknown(other, direction)
    return Side(allowed, names, by, why)


class _Stands(NamedTuple):
    """Where a tier stands among the others."""

    between: int
    """Odd for the tiers that every cluster has, even for those before, between and after them."""
    order: float = 0
    name: str = ""
    closes: bool = False
    """Whether it denies what none of its rules matches to a pod that it is about."""


_ALWAYS = {
    "admin": _Stands(1),
    "main": _Stands(3, closes=True),
    "baseline": _Stands(5),
}
_BEFORE = {"admin": 0, "main": 2, "baseline": 4, "": 6}


def _stands(guard: Guard) -> _Stands:
    place = guard.place
    if guard.tier != "calico" or place is None:
        return _ALWAYS[guard.tier]
    order = float("inf") if place.order is None else place.order
    return _Stands(_BEFORE[place.before], order, place.name, not place.passes)


_KNP_ORDER = 1000.0
"""Where NetworkPolicies stand among Calico's own. (Calico, reference of NetworkPolicy, Order)"""


def _in_tiers(
    direction: Direction,
    ends: tuple[Peer, Peer],
    guards: Sequence[Guard],
    answers: Sequence[tuple[NetworkPolicy, Fact]],
    asked: Asked,
) -> Side:
    """The first rule that matches decides, tier after tier."""
    by_tier: dict[_Stands, list[tiers.Entry[Policy]]] = {at: [] for at in _ALWAYS.values()}
    for guard in guards:
        for entry in _entries(guard, direction, ends, asked):
            if guard.tier == "unknown":
                return Side(None, why=entry.why())
            by_tier.setdefault(_stands(guard), []).append(entry)

    why = partial(unknown, ends[1], direction)
    by_tier[_ALWAYS["main"]] += [
        tiers.Entry(p, True, _KNP_ORDER, (tiers.Step("Allow", allowed, why),), why)
        for p, allowed in answers
    ]
    found = tiers.decide((by_tier[at], at.closes) for at in sorted(by_tier))
    several = [e.policy for entries in by_tier.values() for e in entries]
    if not several:
        return FREE
    return Side(
        found.allowed,
        each_once(found.denying if found.allowed is False else several),
        each_once(found.allowing),
        (found.why or _tied(found)) if found.allowed is None else "",
    )


def _tied(found: tiers.Decided[Policy]) -> str:
    names = dict.fromkeys(
        f"{kind_of(p)} {p.metadata.name}" for p in (*found.allowing, *found.denying)
    )
    return f"{' and '.join(names)} have the same order and say different things"


def _entries(
    guard: Guard, direction: Direction, ends: tuple[Peer, Peer], asked: Asked
) -> Iterator[tiers.Entry[Policy]]:
    """What a policy says of the connection in this direction, where it says something."""
    own, other = ends
    order = float("inf") if guard.order is None else guard.order
    for part in guard.parts:
        about = compare.about(part, guard, own)
        rules = [r for r in part.rules if r.direction == direction]
        if about is False or not (rules or direction in part.isolates):
            continue
        steps = (
            tiers.Step(
                rule.action,
                compare.matched(rule, guard, ends, asked),
                partial(compare.not_compared, guard, rule, other),
            )
            for rule in rules
        )
        why = partial(compare.not_known_about, part, guard, own)
        yield tiers.Entry(guard, about, order, tuple(steps), why)
