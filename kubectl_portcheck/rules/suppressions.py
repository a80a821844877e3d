"""Findings that a user chose to ignore: by an annotation on the Service, or by ``--ignore``.

Every rule still runs. What is ignored is taken out of the findings afterwards, counted and named,
so that a consequence still knows its cause and is not taken for one itself.
"""

from collections.abc import Iterable, Sequence

import msgspec

from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.model.report import SuppressedBy
from kubectl_portcheck.rules.declared import Rule
from kubectl_portcheck.rules.names import named, nearest_rule, words
from kubectl_portcheck.semantics.annotations import IGNORE


class Suppressions(msgspec.Struct, frozen=True):
    """What to ignore about one Service."""

    codes: dict[str, SuppressedBy]
    """Who asked for it, by the rule's code; the command line is named first."""
    notes: tuple[str, ...] = ()
    """What of the annotation is no rule."""


def suppressions(service: Service, flagged: Iterable[str], rules: Sequence[Rule]) -> Suppressions:
    """What to ignore about the Service; ``flagged`` are the codes of the command line."""
    codes: dict[str, SuppressedBy] = {}
    notes = []
    for word in words(service.metadata.annotations.get(IGNORE, "")):
        rule = named(word, rules)
        if rule is not None:
            codes[rule.code] = "annotation"
            continue
        near = nearest_rule(word, rules)
        hint = f"; did it mean {near}?" if near else ""
        notes.append(f"the annotation {IGNORE} names {word}, which is no rule{hint}")
    codes |= dict.fromkeys(flagged, "flag")
    return Suppressions(codes, tuple(dict.fromkeys(notes)))
