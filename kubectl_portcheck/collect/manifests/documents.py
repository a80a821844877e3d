"""A file's text into its documents, each read by itself: one that is broken spoils no other."""

import re
from collections.abc import Iterator

import msgspec

from kubectl_portcheck.collect.manifests.files import BOM, KUSTOMIZATIONS, File, Problem
from kubectl_portcheck.collect.manifests.scan import kind_of, lacks, seeming_kind
from kubectl_portcheck.inputs import yaml_tree
from kubectl_portcheck.inputs.yaml_tree import after_comments
from kubectl_portcheck.model.kinds import CUSTOM_RESOURCE_DEFINITION
from kubectl_portcheck.regex import regex

# YAML forbids both markers at the start of a line inside a scalar, so a plain search is right.
_MARKER = regex(r"(---|\.\.\.)(?=[ \t\r\n]|\Z)")
_SOURCE = regex(r"^# Source: (\S+)\s*$", re.MULTILINE)
_SURROGATE = regex(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class Document(msgspec.Struct, frozen=True):
    """One document of a file."""

    file: File
    base: int
    """Where the text of the document begins in the file's."""
    text: str
    root: yaml_tree.Node
    template: str = ""
    """The chart's template that helm rendered it from, where it says so."""


class Skipped(msgspec.Struct, frozen=True):
    """A document of a kind that was not asked for, left as text."""

    kind: str
    """'' where it has none."""
    text: str


def documents(file: File, kinds: frozenset[str]) -> Iterator[Document | Skipped | Problem]:
    """The documents of a file. Those of another kind are checked only for their form."""
    for base, text in _split(file.text):
        if _is_blank(text):
            continue
        twice: list[yaml_tree.Twice] = []
        try:
            kind = _unasked(text, kinds)
            if kind is not None:
                if not _is_kustomization(file, text):
                    yaml_tree.check(text)
                yield Skipped(kind, text)
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
            yield Document(file, base, text, root, _source(text) if "# Source:" in text else "")


def _source(text: str) -> str:
    found = _SOURCE.search(text[: text.find("kind:")])
    return found[1] if found else ""


def _is_kustomization(file: File, text: str) -> bool:
    """Whether this is a kustomization in plain block style. Its value is asked for later on, and
    is all the proof of its form that there need be."""
    if text is not file.text or not file.name.endswith(KUSTOMIZATIONS):
        return False
    file.value = yaml_tree.plain_value_of(text)
    return file.value is not None


def _unasked(text: str, kinds: frozenset[str]) -> str | None:
    """The kind of a document that need not be read; None of one that may be of these kinds."""
    seen = seeming_kind(text)
    if seen in kinds and seen != CUSTOM_RESOURCE_DEFINITION.name:
        return None
    kind = kind_of(text)
    return kind if kind not in kinds or _is_schema_only(kind, text) else None


def _is_schema_only(kind: str, text: str) -> bool:
    """Whether this is a definition of a kind, thousands of lines long, that leads to no Service."""
    return kind == CUSTOM_RESOURCE_DEFINITION.name and lacks(text, "conversion")


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
    if "\n---" not in text and "\n..." not in text and not text.startswith("...", start):
        if _MARKER.match(text, start):
            yield start, ""
        yield start, text[start:]
        return
    places = sorted((*_line_starts(text, "---", start), *_line_starts(text, "...", start)))
    for place in places:
        marker = _MARKER.match(text, place)
        if marker is None:
            continue
        piece = text[start : marker.start()]
        if marker[1] == "---" and "%" in piece and _only_directives(piece):
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
    if not piece.startswith("%", after_comments(piece)):
        return False
    lines = [s for line in piece.split("\n") if (s := line.strip()) and not s.startswith("#")]
    return all(line.startswith("%") for line in lines)


def _is_blank(text: str) -> bool:
    return not text[:1].isalpha() and after_comments(text) == len(text)
