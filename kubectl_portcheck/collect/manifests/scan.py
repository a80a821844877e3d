"""A document's kind without parsing it, where a look at its text is certain.

It answers only where no reading of the text could give another kind:

- The first line that is no comment begins at the left margin with a letter, a digit or ``_``. Then
  the root is a block mapping at the margin, or a single value. Each key of such a mapping begins a
  line at the margin, and lines there that are part of a value in quotes or brackets hide none.
- Of the lines at the margin, one at most begins with ``kind``, and it is ``kind: Word``. The others
  begin as no form of that key does: not with a quote, ``?``, a tag, an anchor, an alias or ``<<``.
  Where the next line goes on with the word, it is several words, and no kind of Kubernetes'.
- Or the word does not occur at all, whatever the style.

Line ends that only YAML knows, and names in escapes, are certain nowhere. Whether the text is valid
YAML is for the caller to find out.
"""

import re

from kubectl_portcheck.inputs.yaml_tree import after_comments, has_odd_breaks
from kubectl_portcheck.regex import regex

_BEGINS = regex(r"(?:\A|(?<=\n))\w")
_AT_MARGIN = regex(r"\nkind|\n[^\w\s#\-.}\]]")
_KIND = regex(r"""kind:[ \t]+(["']?)(\w+)\1[ \t]*(?:#.*)?\r?$""", re.MULTILINE | re.ASCII)
_LETTER = regex(r"\\[xuU]")
_CONTINUED = regex(r"\\\s")


def kind_of(text: str) -> str | None:
    """The kind of the document's root; '' where it has none, and None where that is not certain."""
    if lacks(text, "kind"):
        return ""
    start = after_comments(text)
    if not _BEGINS.match(text, start) or has_odd_breaks(text):
        return None
    found = [start] if text.startswith("kind", start) else []
    for hit in _AT_MARGIN.finditer(text, start):
        if len(hit[0]) == 2:
            return None
        found.append(hit.start() + 1)
    if not found:
        return ""
    kind = _KIND.match(text, found[0])
    return kind[2] if kind and len(found) == 1 else None


def seeming_kind(text: str) -> str:
    """The kind that a first look finds; '' where it finds none.

    Where :func:`kind_of` knows one, it is no other that this finds.
    """
    kind = _KIND.match(text, 0 if text.startswith("kind:") else text.find("\nkind:") + 1)
    return kind[2] if kind else ""


def lacks(text: str, word: str) -> bool:
    """Whether it is certain that no key of the document is this word.

    Quotes may spell a letter as an escape, or break the word over two lines. A key is on one line
    unless it has a ``?`` before it.
    """
    if word in text:
        return False
    return not _LETTER.search(text) and not ("?" in text and _CONTINUED.search(text))
