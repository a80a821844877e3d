"""What ``--explain`` and ``--list-rules`` say of each rule, in one file for all of them.

It is in their own files as well, each of which takes along what its check needs, and the catalogue
takes along what a diagnosis needs. The texts of all rules are read here in less time than either
takes. ``python -m tests.rule_table`` makes the file.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kubectl_portcheck.model.report import Severity


class Texts(NamedTuple):
    """What ``--explain`` says of a rule."""

    code: str
    name: str
    severity: "Severity"
    summary: str
    follows_from: list[str]
    """Codes of the problems of which this one may be a mere consequence."""
    meaning: str
    why: str
    confirm: str
    fix: str
    found: list[str] | None
    """The title and the documents of the first example in which the problem is found."""
    passed: list[str] | None
    """The same of the first one in which it is not."""
    examples: int
    """How many examples there are."""


@cache
def texts() -> tuple[Texts, ...]:
    """The texts of all rules, in the order of their codes."""
    import json  # An explanation does without msgspec, which takes longer to load.

    # importlib.resources says the same, and imports tempfile and zipfile.
    with open(os.path.join(os.path.dirname(__file__), "texts.json"), "rb") as file:
        return tuple(Texts(**each) for each in json.load(file))
