"""Policies that are asked in turn: the first rule that matches decides.

By the Network Policy API (policy.networking.k8s.io; API reference and "Priorities and tiers" of
network-policy-api.sigs.k8s.io) and by Calico (docs.tigera.io, "Network policy" and "Tier" of the
reference): tiers are asked one after another. In a tier the policies are asked by their order, and
of a policy the rules as they stand; the first that matches allows, denies, or passes to the next
tier. Where no rule of the admin or baseline tier matches, the next tier is asked. The tier of
NetworkPolicies, in which Calico's own policies stand as well, denies what no rule has allowed to a
pod that one of its policies selects. What no tier has decided is allowed. Of policies with the same
order it is not defined which one comes first.

A rule of which it is not known whether it matches may decide or not: all that may come of it is
kept, and only what is the same in every case is an answer.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Generic, Literal, TypeVar

import msgspec

from kubectl_portcheck.model.guards import Action
from kubectl_portcheck.semantics.peers import Fact, any_of

P = TypeVar("P")
Outcome = Literal["Allow", "Deny", "Pass", ""]
"""'' where no rule of a policy matches."""


class Step(msgspec.Struct, frozen=True):
    """A rule, compared with the connection."""

    action: Action
    matches: Fact
    why: Callable[[], str]
    """Says why it is not known."""


class Entry(msgspec.Struct, Generic[P], frozen=True):
    """A policy, compared with the connection."""

    policy: P
    about: Fact
    """Whether it is about the pod in this direction."""
    order: float
    steps: tuple[Step, ...]
    why: Callable[[], str]
    """Says why it is not known whether it is about the pod."""

    @property
    def outcomes(self) -> frozenset[Outcome]:
        """All that may come of it."""
        found: set[Outcome] = {""} if self.about is not True else set()
        if self.about is False:
            return frozenset(found)
        for step in self.steps:
            if step.matches is not False:
                found.add(step.action)
            if step.matches:
                return frozenset(found)
        return frozenset(found | {""})


class Decided(msgspec.Struct, Generic[P], frozen=True):
    """What came of a tier, or of all of them."""

    outcomes: frozenset[Outcome]
    denying: tuple[P, ...] = ()
    allowing: tuple[P, ...] = ()
    why: str = ""

    @property
    def allowed(self) -> Fact:
        """Whether the connection is allowed."""
        return "Deny" not in self.outcomes if len(self.outcomes) == 1 else None


def decide(tiers: Iterable[tuple[Sequence[Entry[P]], bool]]) -> Decided[P]:
    """Ask tier after tier; the flag says whether a tier denies what none of its rules allows."""
    found: set[Outcome] = set()
    denying: list[P] = []
    allowing: list[P] = []
    why = ""
    for entries, closing in tiers:
        one = _tier(entries, closing=closing)
        denying += one.denying
        allowing += one.allowing
        why = why or one.why
        found |= one.outcomes - {"Pass"}
        if "Pass" not in one.outcomes:
            break
    else:
        found.add("Allow")
    return Decided(frozenset(found), tuple(denying), tuple(allowing), why)


def _tier(entries: Sequence[Entry[P]], *, closing: bool) -> Decided[P]:
    found: set[Outcome] = set()
    asked: list[Entry[P]] = []
    for _, group in groupby(sorted(entries, key=_order), key=_order):
        alike = list(group)
        asked += alike
        found |= {o for e in alike for o in e.outcomes if o}
        if not all("" in e.outcomes for e in alike):
            break
    else:
        isolated = any_of(e.about for e in entries) if closing else False
        if isolated is not False:
            found.add("Deny")
            closed = [e.policy for e in entries if e.about is not False]
            denying = [e.policy for e in asked if "Deny" in e.outcomes] or closed
            rest: set[Outcome] = set() if isolated else {"Pass"}
            return _decided(found | rest, denying, asked)
        found.add("Pass")
    return _decided(found, [e.policy for e in asked if "Deny" in e.outcomes], asked)


def _order(entry: Entry[P]) -> float:
    return entry.order


def _decided(found: set[Outcome], denying: Sequence[P], asked: Sequence[Entry[P]]) -> Decided[P]:
    allowing = tuple(e.policy for e in asked if "Allow" in e.outcomes)
    why = next((w for e in asked if (w := _unknown(e))), "") if len(found) > 1 else ""
    return Decided(frozenset(found), tuple(denying), allowing, why)


def _unknown(entry: Entry[P]) -> str:
    if entry.about is None:
        return entry.why()
    if entry.about is False:
        return ""
    for step in entry.steps:
        if step.matches is None:
            return step.why()
        if step.matches:
            return ""
    return ""
