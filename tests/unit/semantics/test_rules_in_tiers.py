"""Tiers of rules, compared with every world that there may be.

What is not known is tried both ways, and policies of one order in every order. The model knows
neither unknown answers nor sets of outcomes: it asks rule after rule until one decides.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, permutations, product

import pytest

from kubectl_portcheck.model.guards import Action
from kubectl_portcheck.semantics.guards.tiers import Decided, Entry, Step, decide
from kubectl_portcheck.semantics.peers import Fact

Tiers = list[tuple[list[Entry[str]], bool]]
ACTIONS: tuple[Action, ...] = ("Allow", "Deny", "Pass")
FACTS: tuple[Fact, ...] = (True, False, None)


def step(action: Action, matches: Fact, why: str = "a rule") -> Step:
    return Step(action, matches, lambda: why)


def entry(name: str, *steps: Step, about: Fact = True, order: float = 0) -> Entry[str]:
    return Entry(name, about, order, steps, lambda: f"about {name}")


class World:
    """Answers for everything that is not known."""

    def __init__(self, unknown: Sequence[object], answers: Iterable[bool]) -> None:
        self.answers = {id(u): a for u, a in zip(unknown, answers, strict=True)}

    def holds(self, known: Fact, of: object) -> bool:
        return self.answers[id(of)] if known is None else known


def unknown(tiers: Tiers) -> list[object]:
    entries = [e for several, _ in tiers for e in several]
    steps = [s for e in entries for s in e.steps if s.matches is None]
    return [*(e for e in entries if e.about is None), *steps]


def worlds(tiers: Tiers) -> Iterator[World]:
    open_ = unknown(tiers)
    for answers in product((True, False), repeat=len(open_)):
        yield World(open_, answers)


def in_every_order(entries: Sequence[Entry[str]]) -> Iterator[list[Entry[str]]]:
    ordered = sorted(entries, key=lambda e: e.order)
    alike = [list(group) for _, group in groupby(ordered, key=lambda e: e.order)]
    for choice in product(*(permutations(group) for group in alike)):
        yield [e for group in choice for e in group]


def of_a_tier(entries: Sequence[Entry[str]], world: World, *, closing: bool) -> str:
    for one in entries:
        if not world.holds(one.about, one):
            continue
        for rule in one.steps:
            if world.holds(rule.matches, rule):
                return rule.action
    return "Deny" if closing and any(world.holds(e.about, e) for e in entries) else "Pass"


def in_this_world(tiers: Tiers, world: World) -> set[str]:
    """What may come of it: the orders of the tiers do not depend on each other."""
    found = set()
    for entries, closing in tiers:
        here = {of_a_tier(e, world, closing=closing) for e in in_every_order(entries)}
        found |= here - {"Pass"}
        if "Pass" not in here:
            return found
    return found | {"Allow"}


def anything(random_: random.Random, *, certain: bool) -> Tiers:
    def some() -> Entry[str]:
        rules = [
            step(random_.choice(ACTIONS), random_.choice(FACTS))
            for _ in range(random_.randrange(3))
        ]
        about = True if certain else random_.choice(FACTS)
        return entry("p", *rules, about=about, order=random_.randrange(2))

    several = [[some() for _ in range(random_.randrange(3))] for _ in range(3)]
    return [(several[0], False), (several[1], True), (several[2], False)]


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_may_come_of_tiers_is_left_out(seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(150):
        tiers = anything(random_, certain=False)
        if len(unknown(tiers)) > 6:
            continue
        possible = set().union(*(in_this_world(tiers, w) for w in worlds(tiers)))
        found = decide(tiers)
        assert possible <= found.outcomes, tiers
        if len(found.outcomes) == 1:
            assert found.allowed == (possible == {"Allow"})
        else:
            assert found.allowed is None


@pytest.mark.parametrize("seed", range(3))
def test_and_nothing_else_is_said_where_it_is_known_what_they_are_about(seed: int) -> None:
    random_ = random.Random(seed)
    for _ in range(150):
        tiers = anything(random_, certain=True)
        if len(unknown(tiers)) <= 6:
            possible = set().union(*(in_this_world(tiers, w) for w in worlds(tiers)))
            assert decide(tiers).outcomes == possible, tiers


ALLOW, DENY, MAYBE = step("Allow", True), step("Deny", True), step("Deny", None, "perhaps")
PASSED = step("Allow", False)

# The tiers, and then: allowed, the policies that deny, those that allow, and why it is not known.
NAMED: dict[str, tuple[Tiers, tuple[Fact, tuple[str, ...], tuple[str, ...], str]]] = {
    "the first that matches, and no other": (
        [([entry("a", PASSED), entry("b", DENY, order=1), entry("c", ALLOW, order=2)], True)],
        (False, ("b",), (), ""),
    ),
    "one allows": (
        [([entry("a", DENY, order=2), entry("b", ALLOW, order=1)], True)],
        (True, (), ("b",), ""),
    ),
    "none matches: all that select it deny": (
        [([entry("a", PASSED), entry("b"), entry("c", about=False)], True)],
        (False, ("a", "b"), (), ""),
    ),
    "none matches, one may deny: that one": (
        [([entry("a"), entry("b", MAYBE)], True)],
        (False, ("b",), (), ""),
    ),
    "an unknown rule before one that says the same": (
        [([entry("a", MAYBE), entry("b", DENY, order=1)], True)],
        (False, ("a", "b"), (), ""),
    ),
    "an unknown rule before one that allows": (
        [([entry("a", MAYBE), entry("b", ALLOW, order=1)], True)],
        (None, ("a",), ("b",), "perhaps"),
    ),
    "an unknown rule behind one that decides": (
        [([entry("a", ALLOW, MAYBE), entry("b", DENY)], True)],
        (None, ("b",), ("a",), ""),
    ),
    "an unknown rule behind one that does not match": (
        [([entry("a", PASSED, MAYBE)], False)],
        (None, ("a",), (), "perhaps"),
    ),
    "not known what it is about": (
        [([entry("a", MAYBE, about=None)], False)],
        (None, ("a",), (), "about a"),
    ),
    "known that it is about other pods": (
        [([entry("a", MAYBE, about=False), entry("b", MAYBE, order=1)], False)],
        (None, ("b",), (), "perhaps"),
    ),
    "the first reason of several tiers": (
        [
            ([entry("a", step("Deny", None, "first"))], False),
            ([entry("b", step("Deny", None, "second"), ALLOW)], True),
        ],
        (None, ("a", "b"), ("b",), "first"),
    ),
    "a tier that passes names nothing": (
        [([entry("a", step("Pass", True), DENY)], False), ([entry("b", ALLOW)], True)],
        (True, (), ("b",), ""),
    ),
}


@pytest.mark.parametrize("case", NAMED)
def test_which_policies_are_named(case: str) -> None:
    tiers, expected = NAMED[case]
    found: Decided[str] = decide(tiers)
    assert (found.allowed, found.denying, found.allowing, found.why) == expected
