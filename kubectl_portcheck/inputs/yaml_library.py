"""YAML as the library reads it: trees in which every node knows its place.

They are composed by the library in C where nothing is odd, and else built from the parser's events:
see ``yaml_tree``. The library takes longer to load than most manifests to read, so it is loaded
where a text is not in plain block style, or a place in it is asked for.
"""

from itertools import accumulate
from typing import Any

import yaml

from kubectl_portcheck.inputs.limits import YAML_DEPTH as DEEPEST
from kubectl_portcheck.inputs.yaml_nodes import (
    Alias,
    Broken,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Twice,
    has_odd_breaks,
    node_of,
)
from kubectl_portcheck.inputs.yaml_values import Odd, plain_value
from kubectl_portcheck.regex import regex

_TOO_DEEP = f"nested too deep: at most {DEEPEST} levels are read"


def parse(
    text: str, twice: list[Twice] | None = None, *, first: bool = False, most: int | None = None
) -> Node | None:
    """The tree of the one document in the text, as :func:`yaml_tree.parse` has it."""
    if most is None:
        try:
            return _composed(text)
        except (Odd, yaml.YAMLError):
            pass  # Read again, more slowly: it says what is wrong, and where.
    return _built(text, twice, first, most)


def is_yaml(text: str) -> bool:
    """Whether the text is certainly YAML that is not nested too deep; nothing of it is kept."""
    if _Parser is None or _may_be_deep(text):
        return False
    try:
        _Parser(text).raw_parse()
    except yaml.YAMLError:
        return False
    return True


def _built(text: str, twice: list[Twice] | None, first: bool, most: int | None) -> Node | None:
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


def _composed(text: str) -> Node | None:
    """The tree of a plain document, composed by the library in C. Raises Odd, YAMLError.

    Nothing is wrong with a plain document, and it has no anchors, so no aliases, nor the tag ``!``,
    of which the library loses the trace.
    """
    marked = "&" in text or "!" in text
    if _Composer is None or (marked and _MARKED.search(text)):
        raise Odd
    composer = _Composer if _is_shallow(text) else _BoundedComposer
    root = composer(text).get_single_node()
    if root is None:
        return None
    value = plain_value(root)
    node = node_of(root)
    if isinstance(node, Mapping):
        node.value = value
    return node


def _may_be_deep(text: str) -> bool:
    """Return whether the nesting might be too deep, as :func:`parse` finds out.

    It may say so of text that is not. Few levels are in brackets, and the others in block style, of
    which there are two at most per column. Brackets that are text may hide others.
    """
    indented = _INDENTED.match(text) or _INDENTED_LINE.search(text)
    return indented is not None or has_odd_breaks(text) or _has_deep_brackets(text)


def _is_shallow(text: str) -> bool:
    """Return whether the nesting is certainly not too deep."""
    return not (_has_many_brackets(text) or _may_be_deep(text))


def _has_many_brackets(text: str) -> bool:
    return text.count("[") + text.count("{") > _IN_BRACKETS


def _has_deep_brackets(text: str) -> bool:
    if not _has_many_brackets(text):
        return False
    brackets = text.encode(errors="replace").translate(None, _NO_BRACKETS)
    return max(accumulate(map(_LEVELS.__getitem__, brackets))) > _IN_BRACKETS


_MARKED = regex(r"&(?<![^\s\[{,:]&)[0-9A-Za-z_-]|!(?<![^\s\[{,:]!)(?:[\s,\]}]|\Z)")
"""What may be an anchor, or the tag ``!``; within a text it is none. The character itself comes
first, because a search for it is fast."""
_LEVELS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_LEVELS))
_IN_BRACKETS = 20
"""Levels in brackets; manifests have fewer than ten."""
_INDENTED = regex(rf"[ ?:-]{{{(DEEPEST - _IN_BRACKETS) // 2}}}")
"""A line that begins so far to the right, or with as many compact list items."""
_INDENTED_LINE = regex(rf"\n{_INDENTED.pattern}")
"""The same below the first line. Without ``^``, which is looked for at each character."""


def _shown(character: object) -> str:
    number = character if isinstance(character, int) else ord(str(character)[:1] or "?")
    return f"#x{number:04x}"


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Parser: Any = getattr(getattr(yaml, "cyaml", None), "CParser", None)
"""The same without what makes values; None where it is not written in C."""


def _composers() -> tuple[Any, Any]:
    """The library's parser in C, which looks at no value to find its type; None without it.

    The second one counts the levels as well, which takes longer.
    """
    if not hasattr(yaml, "CBaseLoader"):
        return None, None

    class Composer(yaml.CBaseLoader):
        def descend_resolver(self, current_node: object, current_index: object) -> None:
            """Look for no path."""

        def ascend_resolver(self) -> None:
            """Leave none."""

        def resolve(self, kind: object, value: object, implicit: object) -> None:
            """No tag but those that are written."""

    class BoundedComposer(Composer):
        depth = 0

        def descend_resolver(self, current_node: object, current_index: object) -> None:
            """Go into a node. The library would go on until its stack overruns."""
            self.depth += 1
            if self.depth > DEEPEST:
                raise Odd

        def ascend_resolver(self) -> None:
            """Come out of a node."""
            self.depth -= 1

    return Composer, BoundedComposer


_Composer, _BoundedComposer = _composers()


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
            node.items.extend(children)
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
