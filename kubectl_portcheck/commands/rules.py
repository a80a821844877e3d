"""Rules as the command line names them: by code or by name."""

from typing import TYPE_CHECKING

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.parser import PROGRAM

if TYPE_CHECKING:
    from kubectl_portcheck.rules.declared import Rule


def rule_named(word: str) -> "Rule":
    """The rule of this code or name. Raises UsageError, with the nearest, where there is none."""
    from kubectl_portcheck.rules import CATALOGUE
    from kubectl_portcheck.rules.suppressions import named, nearest_rule

    rule = named(word, CATALOGUE)
    if rule is not None:
        return rule
    near = nearest_rule(word, CATALOGUE)
    hint = f"Did you mean {near}? " if near else ""
    raise UsageError(f"no rule {word!r}", f"{hint}See {PROGRAM} --list-rules.")
