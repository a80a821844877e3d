"""How wide a cleaned text is on a terminal, and how it is cut to fit."""

import unicodedata
from functools import lru_cache


def cells(text: str) -> int:
    """How many columns a cleaned text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


@lru_cache(maxsize=4096)
def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """The text in at most ``width`` columns: the middle goes, as both ends of a name tell."""
    if cells(text) <= width:
        return text
    room = width - cells(ellipsis)
    if room < 2:
        return _head(text, width)
    tail = _head(text[::-1], room // 2)[::-1]
    return _head(text, room - cells(tail)) + ellipsis + tail


def cut_end(text: str, width: int, ellipsis: str = "…") -> str:
    """The text in at most ``width`` columns: a sentence keeps its beginning."""
    if cells(text) <= width:
        return text
    return _head(text, max(width - cells(ellipsis), 0)).rstrip() + ellipsis


def _head(text: str, width: int) -> str:
    """The longest beginning that fits."""
    used = 0
    for i, char in enumerate(text):
        used += _width(char)
        if used > width:
            return text[:i]
    return text
