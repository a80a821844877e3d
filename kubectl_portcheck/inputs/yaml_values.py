"""The values of a YAML document, as kubectl reads them."""

import re
from typing import Any

from kubectl_portcheck.inputs.limits import ALIAS_VALUES
from kubectl_portcheck.inputs.limits import YAML_DEPTH as DEEPEST
from kubectl_portcheck.inputs.yaml_nodes import (
    Alias,
    Broken,
    Collection,
    Mapping,
    Node,
    Scalar,
    Sequence,
)
from kubectl_portcheck.regex import regex


class Values:
    """The nodes of one document as Python's values, as kubectl reads them.

    Aliases may add :data:`ALIAS_VALUES` to those that the document's own text can hold; that is
    counted over all that is asked of it. Null and absent are the same, unless ``nulls`` are kept.
    """

    def __init__(self, text: str, *, nulls: bool = False) -> None:
        # A text cannot have more values than characters.
        self._left = len(text) + ALIAS_VALUES
        self._nulls = nulls

    def spend(self, node: Node) -> None:
        """Counts one more value. Raises Broken where there were too many."""
        self._left -= 1
        if self._left < 0:
            raise Broken(node.start, "its aliases expand to too much")

    def of(self, node: Node, depth: int = 0) -> Any:
        """The value of a node. Raises Broken."""
        self.spend(node)
        if isinstance(node, Scalar):
            return scalar(node.text, node.plain, node.tag)
        if depth > DEEPEST:
            raise Broken(node.start, "an alias refers to a node that contains it")
        if isinstance(node, Alias):
            return self.of(node.target, depth + 1)
        if isinstance(node, Collection):
            if not self._nulls and isinstance(node, Mapping) and node.value is not None:
                # It is handed out once, so a change to it reaches no other reader.
                known, node.value = node.value, None
                return known
            if node.composed is not None:
                return plain_value(node.composed, nulls=self._nulls)
        if isinstance(node, Sequence):
            found = [self.of(item, depth + 1) for item in node.items]
            return found if self._nulls else [value for value in found if value is not None]
        assert isinstance(node, Mapping)
        values: dict[str, Any] = {}
        for key, value in node.pairs:
            if key.text == "<<" and key.plain:
                for name, merged in self._merged(value, depth + 1):
                    values.setdefault(name, merged)
        for key, value in node.pairs:
            if key.text == "<<" and key.plain:
                continue
            found = self.of(value, depth + 1)
            if found is None and not self._nulls:
                values.pop(key.text, None)
            else:
                values[key.text] = found
        return values

    def _merged(self, node: Node, depth: int) -> list[tuple[str, Any]]:
        found = self.of(node, depth)
        sources = found if isinstance(found, list) else [found]
        return [pair for s in sources if isinstance(s, dict) for pair in s.items()]


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(
        ("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"), True
    ),
    **dict.fromkeys(
        ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"), False
    ),
}
_INTEGER = regex(r"[-+]?(0|[1-9][0-9_]*)", re.ASCII)
_BASED = regex(r"[-+]?0(x[0-9a-fA-F_]+|o?[0-7_]+|b[01_]+)", re.ASCII)
_FLOAT = regex(r"[-+]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][-+]?\d{1,4})?", re.ASCII)
_FIRST = frozenset("0123456789+-.")
"""What a number begins with."""
_LONGEST = 40
"""Digits of a number. No field holds as many, and turning thousands of them takes long."""


def scalar(text: str, plain: bool, tag: str | None) -> Any:
    """The value of a scalar: its text, unless it has no quotes and looks like another type.

    The forms are those of kubectl's YAML library, which knows no sexagesimal numbers and no dates.
    """
    if tag is not None and tag.startswith("tag:yaml.org,2002:"):
        return _typed(text) if tag[18:] in ("int", "bool", "float", "null") else text
    return _typed(text) if plain and tag != "!" else text


class Odd(Exception):
    """A document holds what takes more than its values: a key twice, a merge, a list as a key."""


def plain_value(composed: Any, *, nulls: bool = False) -> Any:
    """The value of a node of the library's, without aliases. Raises Odd."""
    value = composed.value
    if composed.id == "scalar":
        return scalar(value, not composed.style, composed.tag)
    if composed.id == "sequence":
        found = [plain_value(item, nulls=nulls) for item in value]
        return found if nulls else [item for item in found if item is not None]
    values: dict[str, Any] = {}
    for key, item in value:
        if key.id != "scalar" or key.value == "<<":
            raise Odd
        if item.id == "scalar":
            values[key.value] = scalar(item.value, not item.style, item.tag)
        else:
            values[key.value] = plain_value(item, nulls=nulls)
    if len(values) != len(value):
        raise Odd
    if not nulls and None in values.values():
        return {key: found for key, found in values.items() if found is not None}
    return values


def _typed(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST or len(text) > _LONGEST:
        return text
    if _INTEGER.fullmatch(text):
        number = int(text.replace("_", ""))
        return number if -(2**63) <= number < 2**64 else float(number)
    if _BASED.fullmatch(text):
        return _based(text)
    if _FLOAT.fullmatch(text):
        found = float(text.replace("_", ""))
        return int(found) if found.is_integer() and abs(found) < 2**53 else found
    return text


def _based(text: str) -> int | str:
    sign = -1 if text[0] == "-" else 1
    digits = text.replace("_", "").lower().lstrip("+-")[1:]
    base = {"x": 16, "o": 8, "b": 2}.get(digits[:1])
    if base is None:
        return sign * int(digits or "0", 8)
    return sign * int(digits[1:], base) if digits[1:] else text
