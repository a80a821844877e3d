"""A file's text into its documents, each read by itself: one that is broken spoils no other."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from kubectl_portcheck.collect.manifests.files import BOM, File, Problem
from kubectl_portcheck.inputs import yaml_tree
from kubectl_portcheck.model.kinds import CUSTOM_RESOURCE_DEFINITION
from kubectl_portcheck.regex import regex

# YAML forbids both markers at the start of a line inside a scalar, so a plain search is right.
_MARKER = regex(r"(---|\.\.\.)(?=[ \t\r\n]|\Z)")
_KIND = regex(r"""kind:[ \t]+(["']?)(\w+)\1[ \t]*(?:#.*)?\r?$""", re.MULTILINE)
_SOURCE = regex(r"^# Source: (\S+)\s*$", re.MULTILINE)
_SURROGATE = regex(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class Document(NamedTuple):
    """One document of a file."""

    file: File
    base: int
    """Where the text of the document begins in the file's."""
    text: str
    root: yaml_tree.Node
    template: str = ""
    """The chart's template that helm rendered it from, where it says so."""


class Skipped(NamedTuple):
    """A document of a kind that was not asked for, left as text."""

    kind: str
    text: str


def documents(file: File, kinds: frozenset[str]) -> Iterator[Document | Skipped | Problem]:
    """The documents of a file. Those of another kind are checked only for their form."""
    for base, text in _split(file.text):
        if _is_blank(text):
            continue
        found = [m[2] for at in _line_starts(text, "kind:") if (m := _KIND.match(text, at))]
        twice: list[yaml_tree.Twice] = []
        try:
            # One such line at the left margin is the document's kind; else look closer.
            if len(found) == 1 and (found[0] not in kinds or _is_schema_only(found[0], text)):
                yaml_tree.check(text)
                yield Skipped(found[0], text)
                continue
            root = _parse(text, twice)
        except yaml_tree.Broken as error:
            index, reason = explained(error, text)
            yield Problem(file.name, file.line(base + index), reason)
            continue
        for key, index in twice:
            line = file.line(base + index)
            why = f"the key {key} occurs twice; the last one counts"
            yield Problem(file.name, line, why, notice=True)
        if root is not None:
            source = _SOURCE.search(text[: text.find("kind:")])
            yield Document(file, base, text, root, source[1] if source else "")


def _is_schema_only(kind: str, text: str) -> bool:
    """Whether this is a definition of a kind, thousands of lines long, that leads to no Service."""
    return kind == CUSTOM_RESOURCE_DEFINITION.name and "conversion" not in text


def explained(error: yaml_tree.Broken, text: str) -> tuple[int, str]:
    """Where and why a document cannot be read, in the words that help to fix it."""
    at = text.find("{{")
    if at >= 0 and _looks_like_template(text):
        end = text.find("\n", at)
        shown = text[at : end if end >= 0 else None].strip()[:60]
        return at, (
            f"is a template that was not rendered ({shown}); "
            "run helm template CHART | kubectl portcheck -f -"
        )
    # What is never closed is missed at the end, which may be blank lines below.
    index = min(error.index, max(len(text.rstrip()) - 1, 0))
    around = text[text.rfind("\n", 0, error.index) + 1 : error.index + 1]
    if "\t" in around and not around.strip():
        return index, "is indented by a tab; YAML accepts only spaces"
    return index, f"is not valid YAML: {error.reason}"


def _looks_like_template(text: str) -> bool:
    return re.search(r"\{\{-?\s*[.$/\w\"(]", text) is not None


def _parse(text: str, twice: list[yaml_tree.Twice]) -> yaml_tree.Node | None:
    try:
        return yaml_tree.parse(text, twice)
    except yaml_tree.Broken:
        # JSON writes characters beyond 16 bits as two escapes, which the YAML parser refuses.
        # None of them can be part of a name or a port; the places stay the same.
        if text.lstrip(f"{BOM} \t\r\n-")[:1] not in ("{", "[") or not _SURROGATE.search(text):
            raise
        return yaml_tree.parse(_SURROGATE.sub(r"\\u003f", text), twice)


def _split(text: str) -> Iterator[tuple[int, str]]:
    """Where each document begins, and its text with the ``---`` before it."""
    start = 1 if text.startswith(BOM) else 0
    places = sorted((*_line_starts(text, "---", start), *_line_starts(text, "...", start)))
    for place in places:
        marker = _MARKER.match(text, place)
        if marker is None:
            continue
        piece = text[start : marker.start()]
        if marker[1] == "---" and _only_directives(piece):
            continue
        yield start, piece
        start = marker.start() if marker[1] == "---" else marker.end()
    yield start, text[start:]


def _line_starts(text: str, word: str, start: int = 0) -> Iterator[int]:
    """Where a line begins with the word. Far faster than a pattern that looks at each line."""
    if text.startswith(word, start):
        yield start
    at = text.find(f"\n{word}", start)
    while at >= 0:
        yield at + 1
        at = text.find(f"\n{word}", at + 1)


def _only_directives(piece: str) -> bool:
    lines = [s for line in piece.split("\n") if (s := line.strip()) and not s.startswith("#")]
    return bool(lines) and all(line.startswith("%") for line in lines)


def _is_blank(text: str) -> bool:
    rest = text[3:] if text.startswith("---") else text
    return all(not (s := line.strip()) or s.startswith("#") for line in rest.split("\n"))
