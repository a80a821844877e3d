"""Untrusted text, made harmless before it is drawn.

Names, labels, messages and command output come from the cluster. They may hold escape sequences,
bidirectional controls, invisible characters or a megabyte of anything. :func:`clean` makes one
line of it that shows what is there; :func:`clean_block` keeps the line breaks.
"""

from typing import Final

from kubectl_portcheck.render.shell import shell_quote
from kubectl_portcheck.render.unsafe import escape, is_safe, is_unsafe
from kubectl_portcheck.render.width import cells, cut, cut_end

__all__ = [
    "LIMIT",
    "ascii_only",
    "cells",
    "clean",
    "clean_block",
    "cut",
    "cut_end",
    "shell_quote",
    "visible",
]

LIMIT: Final = 4096
"""The most characters of one value that any format shows."""

_ASCII: Final = str.maketrans(
    {
        "→": "->",
        "←": "<-",
        "…": "...",
        "–": "-",
        "—": "-",
        "·": "-",
        "×": "x",
        "✓": "ok",
        "✗": "X",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "\N{NO-BREAK SPACE}": " ",
    }
)


def clean(text: str, limit: int = LIMIT) -> str:
    """One harmless line: breaks become spaces, unsafe characters are written as ``\\x1b``."""
    if len(text) > limit:
        text = _shorten(text, limit)
    if is_safe(text):
        return text
    return "".join(escape(c) if is_unsafe(c) else " " if c.isspace() else c for c in text).strip()


def clean_block(text: str, limit: int = LIMIT) -> str:
    """The same for a text of several lines, such as YAML: indentation and breaks are kept."""
    if len(text) > limit:
        text = _shorten(text, limit)
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(_indented(line) for line in lines).rstrip()


def visible(text: str) -> str:
    """A text whole, tabs and line breaks included, with its unsafe characters written out."""
    return "".join(escape(c) if is_unsafe(c) and c not in "\t\n" else c for c in text)


def _indented(line: str) -> str:
    rest = line.lstrip(" ")
    return " " * (len(line) - len(rest)) + clean(rest)


def _shorten(text: str, limit: int) -> str:
    """Cuts out the middle and says how much of it."""
    note = f" …{len(text) - limit} characters left out… "
    room = max(limit - len(note), 2)
    return text[: room - room // 2] + note + text[-(room // 2) :]


def ascii_only(text: str) -> str:
    """The text for a terminal that knows only ASCII."""
    if text.isascii():
        return text
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
