"""Lines of styled pieces: what every terminal renderer makes, whether or not colours are used.

A style is named by its meaning (``fail``, ``heading``); :mod:`.console` knows the colours.
"""

from collections.abc import Iterable
from typing import NamedTuple

from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.text import cells, clean, cut


class Span(NamedTuple):
    """A piece of a line."""

    text: str
    style: str = ""


Line = tuple[Span, ...]
"""One line, without its break."""
Lines = list[Line]
BLANK: Line = ()


def line(*pieces: str | Span) -> Line:
    """A line of pieces; a mere string has no style."""
    return tuple(p if isinstance(p, Span) else Span(p) for p in pieces if p)


def size(spans: Line) -> int:
    """How many columns a line takes."""
    return sum(cells(s.text) for s in spans)


def plain(lines: Iterable[Line]) -> str:
    """The lines as text, each ended by a break, without trailing blanks."""
    return "".join("".join(s.text for s in spans).rstrip() + "\n" for spans in lines)


def paragraph(
    text: str,
    look: Look,
    *,
    first: Line = (),
    style: str = "",
) -> Lines:
    """Untrusted text, wrapped to the width.

    ``first`` is what comes before the text on its first line; the others are indented as far.
    Words that are too long for a
    line are cut in the middle, or left whole in the wide form.
    """
    indent = size(first)
    room = max(look.columns - indent, 20)
    words = look.glyphs(look.spoken(clean(text))).split()
    if not look.wide:
        words = [cut(w, room, look.ellipsis) for w in words]
    rows = _fill(words, room)
    pad = Span(" " * indent)
    shown = [(*first, Span(rows[0], style))]
    return shown + [(pad, Span(row, style)) for row in rows[1:]]


def _fill(words: Iterable[str], room: int) -> list[str]:
    rows: list[list[str]] = [[]]
    used = 0
    for word in words:
        width = cells(word)
        if rows[-1] and used + 1 + width > room:
            rows.append([])
        used = used + 1 + width if rows[-1] else width
        rows[-1].append(word)
    return [" ".join(row) for row in rows]
