"""The parts of a YAML document, each with its place in the text."""

from collections.abc import Callable
from typing import Any, NamedTuple

from kubectl_portcheck.regex import regex

_COMMENTS = regex(r"\s*(?:#[^\n]*\s*)*")


def after_comments(text: str) -> int:
    """Where the document begins, behind its ``---``, blank lines and comments."""
    found = _COMMENTS.match(text, 3 if text.startswith("---") else 0)
    assert found is not None
    return found.end()


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


class Collection(Node):
    """A list or a mapping.

    What the library has composed becomes nodes of ours only where someone asks for a place: most
    objects are read, and found to be healthy.
    """

    __slots__ = ("composed", "flow")

    def __init__(self, start: int, flow: bool) -> None:
        super().__init__(start, start)
        self.flow = flow
        """Whether it is written in brackets."""
        self.composed: Any = None
        """The library's node, until it is replaced by what is in it."""


class Sequence(Collection):
    """A list."""

    __slots__ = ("_items",)

    def __init__(self, start: int, flow: bool) -> None:
        super().__init__(start, flow)
        self._items: list[Node] = []

    @property
    def items(self) -> list[Node]:
        """What is in it."""
        if self.composed is not None:
            self._items = [node_of(item) for item in self.composed.value]
            self.composed = None
        return self._items


class Mapping(Collection):
    """Keys and values, in the order of the text."""

    __slots__ = ("_pairs", "value")

    def __init__(self, start: int, flow: bool) -> None:
        super().__init__(start, flow)
        self._pairs: list[tuple[Scalar, Node]] = []
        self.value: dict[str, Any] | None = None
        """What it holds, without nulls, where that is known already and was not handed out yet."""

    @property
    def pairs(self) -> list[tuple[Scalar, Node]]:
        """Its keys, each with its value."""
        if self.composed is not None:
            self._pairs = [(_scalar_of(key), node_of(item)) for key, item in self.composed.value]
            self.composed = None
        return self._pairs

    def get(self, key: str) -> tuple[Scalar, Node] | None:
        """The key's own place and its value. As for kubectl, the last of two equal keys counts."""
        return next((pair for pair in reversed(self.pairs) if pair[0].text == key), None)

    def add(self, key: Scalar, node: Node) -> None:
        """Add what the text leaves to be understood."""
        self.pairs.append((key, node))
        self.value = None


class Unplaced(Mapping):
    """The root of a document of which only the value is known, until someone asks for a place."""

    __slots__ = ("_compose", "_text")

    def __init__(self, value: dict[str, Any], text: str, compose: Callable[[str], Mapping]) -> None:
        self.value = value
        self._text = text
        self._compose = compose

    def __getattr__(self, name: str) -> Any:
        """Only asked for what is not there yet."""
        if name == "start":
            self.start = after_comments(self._text)
            return self.start
        found = self._compose(self._text)
        self.start, self.end, self.flow = found.start, found.end, found.flow
        self._pairs, self.composed = found._pairs, found.composed
        return getattr(self, name)


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


def node_of(composed: Any) -> Node:
    """A node of the library's, without aliases, as ours."""
    if composed.id == "scalar":
        return _scalar_of(composed)
    start, flow = composed.start_mark.index, bool(composed.flow_style)
    node = Sequence(start, flow) if composed.id == "sequence" else Mapping(start, flow)
    node.end = composed.end_mark.index
    node.composed = composed
    return node


def _scalar_of(composed: Any) -> Scalar:
    start, end = composed.start_mark.index, composed.end_mark.index
    return Scalar(start, end, composed.value, not composed.style, composed.tag)


def has_odd_breaks(text: str) -> bool:
    """Return whether a line may begin, or a character be left out, where only YAML says so."""
    if "\r" in text and text.count("\r") != text.count("\r\n"):
        return True
    return not text.isascii() and any(character in text for character in _ODD_BREAKS)


_ODD_BREAKS = ("\x85", "\u2028", "\u2029", "\ufeff")
