"""YAML text as a tree in which every node knows its place.

Built from the parser's events, not by its loader, for what files of strangers need: places of keys
and aliases, a depth that is bounded (the loader in C overruns its stack), names that may be
anchored twice, and aliases that stay aliases until someone pays for what they expand to. Texts in
plain block style are read without the library, until a place is asked for.
"""

from typing import Any

from kubectl_portcheck.inputs.limits import KIBIBYTE
from kubectl_portcheck.inputs.yaml_block import block_value
from kubectl_portcheck.inputs.yaml_block import forget as forget_lines
from kubectl_portcheck.inputs.yaml_nodes import (
    Alias,
    Broken,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Twice,
    Unplaced,
    after_comments,
    has_odd_breaks,
)
from kubectl_portcheck.inputs.yaml_values import Odd, Values, scalar

__all__ = (
    "Alias",
    "Broken",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "Twice",
    "Values",
    "after_comments",
    "check",
    "forget",
    "has_odd_breaks",
    "parse",
    "plain_value_of",
    "scalar",
    "value_of",
)


def parse(
    text: str, twice: list[Twice] | None = None, *, first: bool = False, most: int | None = None
) -> Node | None:
    """The tree of the one document in the text; None where there is none.

    Keys that occur twice are added to ``twice``. With ``first`` the text may go on after the
    document's end, and is not read further. Raises Broken, also for more than ``most`` nodes.
    """
    if most is None:
        try:
            value = block_value(text)
            if isinstance(value, dict):
                return Unplaced(value, text, _placed)
        except Odd:
            pass
    return _by_library(text, twice, first=first, most=most)


def value_of(
    text: str,
    *,
    nulls: bool = False,
    first: bool = False,
    most: int | None = None,
    secret: bool = False,
) -> Any:
    """The value of the one document in the text, as kubectl reads it, with ``nulls`` or without.

    None where there is no document. With ``first`` the text may go on after its end, and is not
    read further. Nothing of a ``secret`` text is remembered; what is of others, until
    :func:`forget`. Raises Broken, also for more than ``most`` nodes.
    """
    if most is None or len(text) <= most:  # No text has more of them than characters.
        try:
            return block_value(text, nulls=nulls, secret=secret)
        except Odd:
            pass
    root = parse(text, first=first, most=most)
    return None if root is None else Values(text, nulls=nulls).of(root)


def plain_value_of(text: str) -> Any:
    """The same of a document in plain block style; None of others, which may be broken."""
    try:
        return block_value(text)
    except Odd:
        return None


def _by_library(
    text: str, twice: list[Twice] | None = None, *, first: bool = False, most: int | None = None
) -> Node | None:
    """The same by the library, which takes its time to load."""
    from kubectl_portcheck.inputs import yaml_library

    return yaml_library.parse(text, twice, first=first, most=most)


def _placed(text: str) -> Mapping:
    """The root of a document that is a mapping."""
    root = _by_library(text)
    assert isinstance(root, Mapping)
    return root


def check(text: str) -> None:
    """Finds out whether the text is YAML, without keeping any of it. Raises Broken."""
    if text in _sound:
        return
    from kubectl_portcheck.inputs import yaml_library

    if not yaml_library.is_yaml(text):
        parse(text)  # Says what is wrong, with its place; or is content with what was not.
    elif len(text) <= _SHORT and len(_sound) < _MOST:
        _sound.add(text)


_sound: set[str] = set()
"""Texts with which nothing is wrong: trees hold copies of many."""
_SHORT = 16 * KIBIBYTE
"""Characters of one that is remembered."""
_MOST = 1024
"""How many are."""


def forget() -> None:
    """Forget what is remembered of texts that were read: some may hold secrets."""
    forget_lines()
    _sound.clear()
