"""YAML text as a tree in which every node knows its place.

Built from the parser's events, not by its loader, for what files of strangers need: places of keys
and aliases, a depth that is bounded (the loader in C overruns its stack), names that may be
anchored twice, and aliases that stay aliases until someone pays for what they expand to.
"""

import re
from typing import Any, NamedTuple

import yaml

from kubectl_portcheck.inputs.limits import ALIAS_VALUES
from kubectl_portcheck.inputs.limits import YAML_DEPTH as DEEPEST
from kubectl_portcheck.regex import regex

_TOO_DEEP = f"nested too deep: at most {DEEPEST} levels are read"


class Broken(Exception):
    """The text cannot be read as a manifest."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        """Where in the text."""
        self.reason = reason


class Node:
    """A part of a document, from ``start`` to ``end`` in its text."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


class Scalar(Node):
    """A single value."""

    __slots__ = ("plain", "tag", "text")

    def __init__(self, start: int, end: int, text: str, plain: bool, tag: str | None) -> None:
        self.start = start  # Not by the parent's: most nodes are scalars, and a call has its price.
        self.end = end
        self.text = text
        self.plain = plain
        """Whether it is written without quotes, so that its look decides on its type."""
        self.tag = tag


class Sequence(Node):
    """A list."""

    __slots__ = ("flow", "items")

    def __init__(self, start: int, flow: bool) -> None:
        super().__init__(start, start)
        self.items: list[Node] = []
        self.flow = flow
        """Whether it is written in brackets."""


class Mapping(Node):
    """Keys and values, in the order of the text."""

    __slots__ = ("flow", "pairs")

    def __init__(self, start: int, flow: bool) -> None:
        super().__init__(start, start)
        self.pairs: list[tuple[Scalar, Node]] = []
        self.flow = flow

    def get(self, key: str) -> tuple[Scalar, Node] | None:
        """The key's own place and its value. As for kubectl, the last of two equal keys counts."""
        return next((pair for pair in reversed(self.pairs) if pair[0].text == key), None)


class Alias(Node):
    """``*name``: an alias of a node that was anchored before."""

    __slots__ = ("target",)

    def __init__(self, start: int, end: int, target: Node) -> None:
        super().__init__(start, end)
        self.target = target


class Twice(NamedTuple):
    """A key that occurs twice in one mapping."""

    key: str
    place: int


def parse(
    text: str, twice: list[Twice] | None = None, *, first: bool = False, most: int | None = None
) -> Node | None:
    """The tree of the one document in the text; None where there is none.

    Keys that occur twice are added to ``twice``. With ``first`` the text may go on after the
    document's end, and is not read further. Raises Broken, also for more than ``most`` nodes.
    """
    try:
        return _Builder(twice if twice is not None else []).build(text, first, most)
    except yaml.reader.ReaderError as error:
        where = error.position if isinstance(error.position, int) else 0
        index = len(text.encode()[:where].decode(errors="ignore"))
        raise Broken(index, f"{error.reason}: {_shown(error.character)}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(filter(None, (error.context, error.problem)))
        if "nesting" in reason:  # The library has a limit too, and it reads ahead.
            reason = _TOO_DEEP
        raise Broken(mark.index if mark else 0, reason) from None


def check(text: str) -> None:
    """Finds out whether the text is YAML, without keeping any of it. Raises Broken."""
    raw_parse = getattr(_Loader(""), "raw_parse", None)
    if raw_parse is None or _may_be_deep(text):
        parse(text)
        return
    try:
        _Loader(text).raw_parse()
    except yaml.YAMLError:
        parse(text)  # Says the same with its place; or is content with what was not.


def _may_be_deep(text: str) -> bool:
    """Return whether the nesting might be too deep; only :func:`parse` stops in time then.

    It may say so of text that is not, never the other way round. Half of the levels can be in
    block style, of which there are two at most per column, and half in brackets.
    """
    return _INDENTED.search(text) is not None or _has_deep_brackets(text)


def _has_deep_brackets(text: str) -> bool:
    if text.count("[") + text.count("{") <= DEEPEST // 2:
        return False
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += 1 if found[0] in "[{" else -1
        if depth > DEEPEST // 2:
            return True
    return False


_BRACKET = regex(r"[\[\]{}]")
_INDENTED = regex(rf"^[ ?:-]{{{DEEPEST // 4}}}", re.MULTILINE)
"""A line that begins so far to the right, or with as many compact list items."""


def _shown(character: object) -> str:
    number = character if isinstance(character, int) else ord(str(character)[:1] or "?")
    return f"#x{number:04x}"


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Builder:
    def __init__(self, twice: list[Twice]) -> None:
        self.twice = twice
        self.anchors: dict[str, Node] = {}
        self.stack: list[tuple[Node, list[Node]]] = []
        """The open collections, each with its children so far."""
        self.root: Node | None = None

    def build(self, text: str, first: bool, most: int | None) -> Node | None:
        loader = _Loader(text)
        # A text cannot have more nodes than twice its characters.
        left = 2 * len(text) + 4 if most is None else most
        get = loader.get_event
        done = yaml.events.DocumentEndEvent if first else yaml.events.StreamEndEvent
        scalar, alias = yaml.events.ScalarEvent, yaml.events.AliasEvent
        mapping, sequence = yaml.events.MappingStartEvent, yaml.events.SequenceStartEvent
        ends = (yaml.events.MappingEndEvent, yaml.events.SequenceEndEvent)
        stack = self.stack
        while True:
            event = get()
            left -= 1
            if left < 0:
                raise Broken(event.start_mark.index, "it holds too many values")
            kind = type(event)
            if kind is scalar:
                start, end = event.start_mark.index, event.end_mark.index
                node = Scalar(start, end, event.value, not event.style, event.tag)
                if stack and event.anchor is None:
                    stack[-1][1].append(node)
                else:
                    self._add(node, event.anchor)
            elif kind is mapping:
                self._open(Mapping(event.start_mark.index, bool(event.flow_style)), event.anchor)
            elif kind is sequence:
                self._open(Sequence(event.start_mark.index, bool(event.flow_style)), event.anchor)
            elif kind in ends:
                self._close(event.end_mark.index)
            elif kind is alias:
                start, end = event.start_mark.index, event.end_mark.index
                if event.anchor not in self.anchors:
                    raise Broken(start, f"alias *{event.anchor} has no anchor &{event.anchor}")
                self._add(Alias(start, end, self.anchors[event.anchor]), None)
            elif kind is done or kind is yaml.events.StreamEndEvent:
                return self.root

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if self.stack:
            self.stack[-1][1].append(node)
        else:
            self.root = node

    def _open(self, node: Node, anchor: str | None) -> None:
        if len(self.stack) >= DEEPEST:
            raise Broken(node.start, _TOO_DEEP)
        self._add(node, anchor)
        self.stack.append((node, []))

    def _close(self, end: int) -> None:
        node, children = self.stack.pop()
        # In block style the parser ends a collection where the next token begins.
        node.end = end
        if isinstance(node, Sequence):
            node.items = children
        elif isinstance(node, Mapping):
            seen: set[str] = set()
            pairs = node.pairs
            for key, value in zip(children[::2], children[1::2], strict=True):
                if isinstance(key, Alias):
                    key = key.target
                if not isinstance(key, Scalar):
                    raise Broken(key.start, "a key is a list or a mapping, not a name")
                text = key.text
                if text in seen and text != "<<":
                    self.twice.append(Twice(text, key.start))
                seen.add(text)
                pairs.append((key, value))


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
            return scalar(node)
        if depth > DEEPEST:
            raise Broken(node.start, "an alias refers to a node that contains it")
        if isinstance(node, Alias):
            return self.of(node.target, depth + 1)
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


_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"}
_FALSE = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"}
_INTEGER = regex(r"[-+]?(0|[1-9][0-9_]*)", re.ASCII)
_BASED = regex(r"[-+]?0(x[0-9a-fA-F_]+|o?[0-7_]+|b[01_]+)", re.ASCII)
_FLOAT = regex(r"[-+]?(\d[\d_]*(\.\d*)?|\.\d+)([eE][-+]?\d{1,4})?", re.ASCII)
_LONGEST = 40
"""Digits of a number. No field holds as many, and turning thousands of them takes long."""


def scalar(node: Scalar) -> Any:
    """The value of a scalar: its text, unless it has no quotes and looks like another type.

    The forms are those of kubectl's YAML library, which knows no sexagesimal numbers and no dates.
    """
    tag = node.tag
    if tag is not None and tag.startswith("tag:yaml.org,2002:"):
        return _plain(node.text) if tag[18:] in ("int", "bool", "float", "null") else node.text
    return _plain(node.text) if node.plain and tag != "!" else node.text


def _plain(text: str) -> Any:
    if text in _NULL:
        return None
    first = text[0]
    if first.isalpha():
        return True if text in _TRUE else False if text in _FALSE else text
    if len(text) > _LONGEST or not (first.isdigit() or first in "+-."):
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
