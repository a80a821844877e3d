"""Label selectors, and labels that nearly match one."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.objects import LabelSelector, LabelSelectorRequirement


def matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a Service's selector matches; an empty one matches nothing."""
    return bool(selector) and selector.items() <= labels.items()


def as_query(labels: Mapping[str, str]) -> str:
    """Labels in the form of kubectl's ``-l`` and of a request's ``labelSelector``."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def matches_workload(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Whether a workload's selector matches: every label and every expression."""
    if selector is None or not (selector.match_labels or selector.match_expressions):
        return False
    return bool(holds(selector, labels))


def holds(selector: LabelSelector, labels: Mapping[str, str], *, whole: bool = True) -> bool | None:
    """Whether a selector of a policy matches these labels; an empty one matches everything.

    Where the labels are not ``whole``, a term about a label that is not among them is not known;
    then the answer is None unless another term fails.
    """
    wanted = (
        LabelSelectorRequirement(key=key, operator="In", values=(value,))
        for key, value in selector.match_labels.items()
    )
    unknown = False
    for term in (*wanted, *selector.match_expressions):
        if not whole and term.key not in labels:
            unknown = True
        elif not _term_holds(term, labels.get(term.key)):
            return False
    return None if unknown else True


def _term_holds(term: LabelSelectorRequirement, value: str | None) -> bool:
    return {
        "In": value is not None and value in (term.values or ()),
        "NotIn": value is None or value not in (term.values or ()),
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }.get(term.operator, False)


def parse_selector(text: str) -> LabelSelector:
    """A selector as kubectl's ``-l`` takes it: ``a=b,c!=d,e in (f,g),h notin (i),j,!k``.

    Raises UsageError. (apimachinery ``labels.Parse``)
    """
    import re

    word = r"[A-Za-z0-9](?:[-\w./]*[A-Za-z0-9])?"
    term = re.compile(
        rf"\s*(?:(?P<key>{word})\s*(?:(?P<sign>==?|!=)\s*(?P<value>(?:{word})?)"
        rf"|\s(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?|!\s*(?P<absent>{word}))\s*(?:,|$)",
        re.ASCII,
    )
    found, at = [], 0
    while at < len(text):
        part = term.match(text, at)
        if part is None:
            raise UsageError(f"unable to parse the selector {text!r}", "Write -l app=checkout.")
        at = part.end()
        key, values = part["key"] or part["absent"], part["values"]
        listed = [part["value"] or ""] if part["sign"] else []
        if part["set"]:
            listed = [v.strip() for v in values.split(",")]
        operator = "DoesNotExist" if part["absent"] else "Exists"
        if listed:
            operator = "NotIn" if part["sign"] == "!=" or part["set"] == "notin" else "In"
        found.append(LabelSelectorRequirement(key=key, operator=operator, values=tuple(listed)))
    return LabelSelector(match_expressions=tuple(found))


class NearMiss(msgspec.Struct, frozen=True):
    """A set of labels that fails a selector in only one term."""

    key: str
    """The selector's key."""
    wanted: str
    found: str | None
    """The value under the key; None where the labels have no such key."""
    found_key: str | None
    """A key that resembles the wanted one and has the wanted value, where there is one."""
    closeness: float
    """0 to 1: how much the two values, or keys, resemble each other."""


def near_miss(selector: Mapping[str, str], labels: Mapping[str, str]) -> NearMiss | None:
    """The one term in which the labels fail, where it is one and it resembles a slip."""
    failing = [key for key, value in selector.items() if labels.get(key) != value]
    if len(failing) != 1:
        return None
    key = failing[0]
    wanted = selector[key]
    if key in labels:
        return NearMiss(key, wanted, labels[key], None, closeness(wanted, labels[key]))
    keys = [other for other, value in labels.items() if value == wanted and other not in selector]
    best = max(keys, key=lambda other: (closeness(key, other), other), default=None)
    if best is not None:
        return NearMiss(key, wanted, None, best, closeness(key, best))
    return NearMiss(key, wanted, None, None, 0.0)


@lru_cache(maxsize=4096)
def closeness(a: str, b: str) -> float:
    """How much two names resemble each other, from 0 to 1."""
    from difflib import SequenceMatcher

    return SequenceMatcher(None, a.lower(), b.lower(), autojunk=False).ratio()


def nearest(name: str, others: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that resembles the given one most, where one does."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, sorted(set(others)), n=1, cutoff=cutoff)), None)
