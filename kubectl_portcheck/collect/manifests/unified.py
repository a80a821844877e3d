"""Unified diffs that ``git apply`` accepts, with the line ends of the file.

The lines around a change may hold what is private: values of variables, arguments,
annotations. A hunk ends before such a line.
"""

import os
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from kubectl_portcheck.inputs import full_path
from kubectl_portcheck.regex import regex
from kubectl_portcheck.withheld import without_secrets

Opcode = tuple[str, int, int, int, int]

_AROUND = 3
_PRIVATE = regex(
    r"""(?:^|[\s{,\-"'])(env|value|args|command|data|stringData|binaryData|annotations|httpHeaders)"""
    r"""["']?\s*:""",
)
"""Keys below which there can be anything."""


def is_private(text: str) -> bool:
    """Whether one of the lines may hold a value that is not to be shown."""
    return bool(private_lines(_lines(text)))


def private_lines(lines: Sequence[str]) -> set[int]:
    """The lines that may hold such values, by their places."""
    found: set[int] = set()
    inside: int | None = None
    for number, line in enumerate(lines):
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        if inside is not None and text.strip():
            below = indent > inside or (indent == inside and text.startswith(("-", "]", "}")))
            inside = inside if below else None
        key = _PRIVATE.search(line)
        if inside is None and key:
            inside = key.start(1) - (line[key.start(1) - 1 : key.start(1)] in ('"', "'"))
        if inside is not None or key or without_secrets(line) != line:
            found.add(number)
    return found


def unified(path: str | os.PathLike[str], before: str, after: str) -> str:
    """The diff of one file, named as it is seen from the current folder."""
    name = _name(path)
    old, new = _lines(before), _lines(after)
    found = "".join(_hunks(old, new))
    return f"--- {_header(f'a/{name}')}\n+++ {_header(f'b/{name}')}\n{found}" if found else ""


def _name(path: str | os.PathLike[str]) -> str:
    """Relative to the current folder; a file elsewhere, to its own repository."""
    full = full_path(path)
    try:
        here = os.getcwd()
    except OSError:  # It is gone.
        here = os.path.dirname(full)
    if os.path.commonpath((full, here)) != here:
        here = above = os.path.dirname(full)
        while not os.path.exists(os.path.join(above, ".git")):
            above, below = os.path.dirname(above), above
            if above == below:
                break
        else:
            here = above
    return os.path.relpath(full, here).replace(os.sep, "/")


def _header(name: str) -> str:
    if re.search(r'[\x00-\x1f\x7f"\\]', name):
        escaped = re.sub(r'["\\]', lambda m: f"\\{m[0]}", name)
        return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\{ord(m[0]):03o}", escaped) + '"'
    return f"{name}\t" if " " in name else name


def _lines(text: str) -> list[str]:
    """Lines as git counts them: \\n ends one, and nothing else does."""
    lines = text.split("\n")
    ended = [f"{line}\n" for line in lines[:-1]]
    return [*ended, lines[-1]] if lines[-1] else ended


def _hunks(old: list[str], new: list[str]) -> Iterator[str]:
    # Few lines differ: what is alike at both ends need not be compared, which takes long.
    least = min(len(old), len(new))
    head = next((i for i in range(least) if old[i] != new[i]), least)
    if head == len(old) == len(new):
        return
    tail = next((i for i in range(least - head) if old[-1 - i] != new[-1 - i]), least - head)
    ends = (len(old) - tail, len(new) - tail)
    known = [("equal", 0, head, 0, head)]
    known += [
        (tag, a + head, b + head, c + head, d + head)
        for tag, a, b, c, d in _compared(old[head : ends[0]], new[head : ends[1]])
    ]
    matcher = _Known([*known, ("equal", ends[0], len(old), ends[1], len(new))])
    private = private_lines(old)
    groups = matcher.get_grouped_opcodes(_AROUND)
    for group in (part for whole in groups for part in _without(private, whole)):
        first, last = group[0], group[-1]
        yield f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@\n"
        for tag, a, b, c, d in group:
            if tag == "equal":
                yield from (_line(" ", text) for text in old[a:b])
                continue
            yield from (_line("-", text) for text in old[a:b])
            yield from (_line("+", text) for text in new[c:d])


def _without(private: set[int], group: Sequence[Opcode]) -> Iterator[list[Opcode]]:
    """The group in as many parts as it takes to leave the private lines out of what is alike."""
    part: list[Opcode] = []
    for opcode in group:
        tag, a, b, c, _ = opcode
        hidden = [n for n in range(a, b) if n in private] if tag == "equal" else []
        if not hidden:
            part.append(opcode)
            continue
        first, last = hidden[0], hidden[-1]
        if part:
            yield [*part, ("equal", a, first, c, c + first - a)]
        part = [("equal", last + 1, b, c + last + 1 - a, c + b - a)]
    if any(opcode[0] != "equal" for opcode in part):
        yield part


def _compared(old: list[str], new: list[str]) -> Any:
    """How the lines differ. Values that were replaced leave every line in its place; looking for
    moved ones among thousands that are alike takes minutes.
    """
    if len(old) != len(new):
        return SequenceMatcher(None, old, new).get_opcodes()
    found, start = [], 0
    for end in range(1, len(old) + 1):
        same = old[start] == new[start]
        if end == len(old) or (old[end] == new[end]) != same:
            found.append(("equal" if same else "replace", start, end, start, end))
            start = end
    return found


class _Known(SequenceMatcher[str]):
    """Groups differences that are known already."""

    def __init__(self, opcodes: Any) -> None:
        super().__init__(None, "", "")
        self._opcodes = opcodes

    def get_opcodes(self) -> Any:
        """The differences."""
        return self._opcodes


def _span(start: int, end: int) -> str:
    length = end - start
    return f"{start + 1 if length else start},{length}"


def _line(sign: str, text: str) -> str:
    return (
        f"{sign}{text}" if text.endswith("\n") else f"{sign}{text}\n\\ No newline at end of file\n"
    )
