"""Rules as the command line names them: by code or by name."""

from collections.abc import Sequence

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.parser import PROGRAM
from kubectl_portcheck.rules.names import R, named, nearest_rule


def rule_named(word: str, rules: Sequence[R]) -> R:
    """The rule of this code or name. Raises UsageError, with the nearest, where there is none."""
    rule = named(word, rules)
    if rule is not None:
        return rule
    near = nearest_rule(word, rules)
    hint = f"Did you mean {near}? " if near else ""
    raise UsageError(f"no rule {word!r}", f"{hint}See {PROGRAM} --list-rules.")
