"""The values of YAML in the style in which most manifests are written, without places.

Three times as fast as having the library compose a document, and no other reader of YAML: it takes
a part of the language in which a line says by itself what it is, and leaves the rest to the
library, as well as all that might be wrong. A document is taken only where each of its lines is

- blank or a comment;
- ``key: value``, ``key:``, ``- value`` or ``- key: value``, at the margin or indented by spaces.

A key has no quotes. A value ends on its line: in quotes without any escape, without quotes, or as a
list or a mapping of such ones in brackets. Beside these there is only ``|``, with the lines below
it. No line of these goes on with the one before: where one is indented further without a reason, it
is left to the library. ``tests/unit/inputs/test_yaml_block.py`` compares what both say.
"""

import re
from itertools import islice
from operator import length_hint
from typing import Any, NamedTuple

from kubectl_portcheck.inputs.yaml_values import Odd, scalar
from kubectl_portcheck.regex import regex

_LINE = regex(r"(- +|)(?:([A-Za-z0-9_$][-\w./]{0,200}):(?: +|$)|)(.*)", re.ASCII)
"""Dash, key, and what is behind them. An empty branch takes less time than a ``?``."""
_ENDED = r"(?: +(?:#.*)?)?"
_QUOTED = regex(rf"""(?:"([^"\\]*)"|'([^']*)'){_ENDED}""")
_ITEM = r"""(?:"[^"\\]*"|'[^']*'|[A-Za-z0-9_/.][-\w./=]*)"""
_NAMED = rf"[A-Za-z0-9_][-\w./]*: +{_ITEM}"
_LIST = regex(rf"\[ *((?:{_ITEM}(?: *, *{_ITEM})*)?) *\]{_ENDED}", re.ASCII)
_MAP = regex(rf"\{{ *((?:{_NAMED}(?: *, *{_NAMED})*)?) *\}}{_ENDED}", re.ASCII)
_ITEMS = regex(
    r"""(?:([A-Za-z0-9_][-\w./]*): +)?(?:"([^"\\]*)"|'([^']*)'|([A-Za-z0-9_/.][-\w./=]*))""",
    re.ASCII,
)
"""The items of such a list, or of such a mapping with their keys."""
_INDICATORS = frozenset("-?:,[]{}#&*!|>'\"%@` ")
"""What a value without quotes cannot begin with; a dash only before a space."""
_DEEPEST = 40
_MOST = 4096
"""Lines that are remembered."""
_LONGEST = 80
"""Characters of one; longer ones hardly occur again."""


class _Made(NamedTuple):
    """A list or a mapping, of which each place gets its own, or a text of several lines.

    Without anything in it, an empty mapping.
    """

    items: tuple[Any, ...] | None = None
    pairs: tuple[tuple[str, Any], ...] = ()
    below: str | None = None
    """It is the text of the lines below, and this is what follows the last one."""


_LITERAL = {"|": _Made(below="\n"), "|-": _Made(below="")}


def block_value(
    text: str, *, nulls: bool = False, secret: bool = False
) -> dict[str, Any] | list[Any]:
    """The value of the one document in the text, as :class:`Values` has it. Raises Odd.

    Nothing of a ``secret`` text, as of a kubeconfig, is remembered.
    """
    lines = text.split("\n")
    left = iter(lines)
    if text.startswith("---") and next(left)[3:].strip(" "):
        raise Odd
    around: dict[str, Any] = {}
    inside: Any = around
    level = -1
    """Twice the column of the open collection, and one more for a list: that may be as far to the
    left as the mapping that holds it."""
    outer: list[tuple[int, Any]] = []
    """The collections around it."""
    pending: str | None = ""
    """The key on the line before, which has no value yet."""
    empty: list[tuple[dict[str, Any], str]] = []
    known = _Known() if secret else _known
    for line in left:
        found = known[line.lstrip(" ")]
        if found is None:
            continue
        width, dash, key, value, made, opens = found
        here = 2 * len(line) - width
        if here > level:
            if pending is None or len(outer) > _DEEPEST:
                raise Odd
            outer.append((level, inside))
            opened: Any = [] if dash else {}
            inside[pending] = opened
            level, inside = here, opened
        elif here < level:
            while here < level:
                level, inside = outer.pop()
            if here != level:
                raise Odd
        if made is None:
            pass
        elif made.below is None:
            value = dict(made.pairs) if made.items is None else list(made.items)
        else:
            column = here // 2 + (dash if key else 0)
            first = len(lines) - length_hint(left)
            value, after = _below(lines, first, column, made.below)
            next(islice(left, after - first, after - first), None)
        if not key:
            inside.append(value)
            pending = None
            continue
        if dash:
            outer.append((level, inside))
            opened = {}
            inside.append(opened)
            level, inside = here - 1 + 2 * dash, opened
        elif key in inside:
            raise Odd
        pending = opens
        inside[key] = value
        if value is None:
            empty.append((inside, key))
    if not around:
        raise Odd
    for mapping, name in () if nulls else empty:
        if mapping[name] is None:
            del mapping[name]
    root: dict[str, Any] | list[Any] = around[""]
    return root


def _below(lines: list[str], first: int, column: int, end: str) -> tuple[str, int]:
    """The text of the lines from the ``first`` on that are indented further than this column, with
    its ``end`` instead of blank ones, and which line follows. Raises Odd."""
    line = lines[first] if first < len(lines) else ""
    indent = len(line) - len(line.lstrip(" "))
    if indent <= column or indent == len(line):
        raise Odd
    after = first + 1
    while after < len(lines) and not lines[after][:indent].strip(" "):
        after += 1
    found = [line[indent:] for line in lines[first:after]]
    if after == len(lines) and found[-1]:
        raise Odd  # The last line has no end, which makes a difference.
    while not found[-1]:
        found.pop()
    if not "".join(found).isprintable():
        raise Odd
    return "\n".join(found) + end, after


_Line = tuple[int, int, str, Any, "_Made | None", "str | None"]
"""Of a line without its indentation: twice its length, and one less of an item of a list; the
length of the dash that makes it one; its key; its value, or what that is to be made of; and the key
again, where the value may be below."""


def _line(body: str) -> _Line | None:
    """A line without its indentation; None of a blank one or a comment. Raises Odd."""
    if not body.isprintable():
        raise Odd
    if not body or body[0] == "#":
        return None
    found = _LINE.match(body)
    assert found is not None
    dash, key, rest = found.groups("")
    if not (dash or key):
        raise Odd
    value = _read(rest) if rest else None
    if value is None and not key:
        raise Odd
    opens = None if rest and rest[0] != "#" else key
    width = 2 * len(body) - (1 if dash else 0)
    if isinstance(value, _Made):
        return width, len(dash), key, None, value, opens
    return width, len(dash), key, value, None, opens


def _read(text: str) -> Any:
    """What is behind a key or a dash: a scalar, the items of a list, or where to find it."""
    first = text[0]
    if first in "\"'":
        quoted = _QUOTED.fullmatch(text)
        if quoted is None:
            raise Odd
        return quoted[1] or quoted[2] or ""
    if first == "[":
        return _Made(items=tuple([value for _, value in _in_brackets(_LIST, text)]))
    if first == "{":
        pairs = _in_brackets(_MAP, text)
        if len(dict(pairs)) < len(pairs):
            raise Odd
        return _Made(pairs=tuple(pairs))
    if first == "#":
        return None
    if first == "|":
        found = _LITERAL.get(text.rstrip())
        if found is None:
            raise Odd
        return found
    if first in _INDICATORS and (first != "-" or text[1:2] in ("", " ")):
        raise Odd
    text = text.partition(" #")[0].rstrip()
    if ": " in text or text[-1] == ":":
        raise Odd
    return scalar(text, True, None)


class _Known(dict[str, Any]):
    """The same, of many lines: short ones occur again and again."""

    def __missing__(self, body: str) -> Any:
        found = _line(body)
        if len(body) <= _LONGEST:
            if len(self) >= _MOST:
                self.clear()
            self[body] = found
        return found


_known = _Known()


def forget() -> None:
    """Forget the lines that are remembered: some may hold secrets."""
    _known.clear()


def _in_brackets(form: re.Pattern[str], text: str) -> list[tuple[str, Any]]:
    """The items of a list or of a mapping on one line, each with its key."""
    found = form.fullmatch(text)
    if found is None:
        raise Odd
    pairs = [
        (key, scalar(bare, True, None) if bare else double or single)
        for key, double, single, bare in _ITEMS.findall(found[1])
    ]
    if any(value is None for _, value in pairs):
        raise Odd
    return pairs
