"""Rules as people name them: by code or by name."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from kubectl_portcheck.rules.declared import Rule
    from kubectl_portcheck.rules.texts import Texts

R = TypeVar("R", "Rule", "Texts")


def named(word: str, rules: Iterable[R]) -> R | None:
    """The rule of this code or name, in any case of its letters."""
    return next((r for r in rules if word.lower() in (r.code.lower(), r.name)), None)


def nearest_rule(word: str, rules: "Iterable[Rule] | Iterable[Texts]") -> str | None:
    """The code or name that the word resembles most, where it resembles one."""
    from kubectl_portcheck.semantics.selectors import nearest

    known = [w for r in rules for w in (r.code, r.name)]
    return nearest(word if word.islower() else word.upper(), known)


def words(text: str) -> list[str]:
    """The parts of a list that is separated by commas."""
    return [word for part in text.split(",") if (word := part.strip())]
