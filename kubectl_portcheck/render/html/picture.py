"""The picture of a request's way as SVG, from the same facts as the terminal's.

The stations are beside each other, and in a narrow page below each other: the style sheet moves
them by their classes, so one picture serves both. It knows no colour and no size of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from kubectl_portcheck.render.chain import Branch, Row, Way, spoken
from kubectl_portcheck.render.look import SIGNS
from kubectl_portcheck.render.text import cells, clean, cut, cut_end

ROW: Final = 22
"""The height of a line of text beside the way."""
FIRST: Final = 24
"""The height at which the way runs, from the top."""
MOST_LINES: Final = 12
"""More lines of text than these are cut off; the style sheet has a height for each number."""
COLUMNS: Final = 32
"""The columns of a line of text, so that it fits on a phone."""
ROOM: Final = 18
"""The characters of a station's value; more are drawn smaller, and cut beyond the second."""
ROOM_SMALL: Final = 24
_HEAD: Final = "m-5-4 5 4-5 4"


def chain_svg(way: Way) -> Markup:
    """The picture of the way."""
    rows = list(_rows(way.branches))[:MOST_LINES]
    boxes = [("", "client"), *((clean(s.name), clean(s.mark + s.port)) for s in way.stations)]
    count = len(way.stations)
    parts = [
        f'<svg class="way s{count} l{len(rows)}" role="img" aria-label="{escape(spoken(way))}">',
        *(_box(i, label, value) for i, (label, value) in enumerate(boxes)),
        *(_joint(i) for i in range(count)),
        _last_joint(count, way.branches[0].status),
        f'<g class="g{count}">',
        *_beyond(rows),
        "</g></svg>",
    ]
    return Markup("".join(parts))


def _box(place: int, label: str, value: str) -> str:
    """A station: its kind, and below it the port in large."""
    width = 76 if not place else 168
    shown = cut(value, ROOM_SMALL)
    small = " sm" if len(shown) > ROOM else ""
    whole = f"<title>{escape(f'{label} {value}')}</title>" if shown != value else ""
    middle = width // 2
    if not label:
        text = f'<text class="k" x="{middle}" y="28">{escape(shown)}</text>'
    else:
        text = (
            f'<text class="k" x="{middle}" y="19">{escape(label)}</text>'
            f'<text class="p{small}" x="{middle}" y="37">{escape(shown)}</text>'
        )
    return f'<g class="n{place}">{whole}<rect width="{width}" height="48" rx="8"/>{text}</g>'


def _joint(place: int) -> str:
    """The arrow from a station to the next one, beside it and below it."""
    right = 76 if not place else 76 + 204 * place
    return (
        f'<path class="j h" d="M{right + 3} {FIRST}h29{_HEAD}"/>'
        f'<path class="j v" d="M24 {51 + 72 * place}v17m-4-5 4 5 4-5"/>'
    )


def _last_joint(count: int, status: str) -> str:
    """The line from the last station to what becomes of the request."""
    right = 76 + 204 * count
    return (
        f'<path class="j h {status}" d="M{right + 3} {FIRST}h29"/>'
        f'<path class="j v {status}" d="M24 {51 + 72 * count}v32"/>'
    )


class _Text(NamedTuple):
    """A line of text beside the way."""

    status: str
    """That of the branch which begins here, or ''."""
    port: str
    """What stands out at its beginning, or ''."""
    words: str


def _rows(branches: Sequence[Branch]) -> Iterator[_Text]:
    for branch in branches:
        status = branch.status
        for row in branch.rows or (Row(""),):
            port = clean(row.text) if row.who else ""
            taken = cells(f"{port} ← ") if port else 0
            words = cut_end(clean(row.who or row.text), 3 * COLUMNS - taken, "…")
            for line in _wrapped(words, taken):
                yield _Text(status, port, line)
                status = port = ""


def _wrapped(text: str, taken: int) -> list[str]:
    """Break a text into lines, between words where that is possible.

    ``taken`` are the columns of the first line that are not free.
    """
    lines = [""]
    for word in text.split(" "):
        free = COLUMNS - (0 if len(lines) > 1 else taken)
        if lines[-1] and cells(lines[-1]) + 1 + cells(word) <= free:
            lines[-1] += f" {word}"
            continue
        start = 0
        for end in range(1, len(word) + 1):
            if cells(word[start:end]) > COLUMNS:
                lines.append(word[start : end - 1])
                start = end - 1
        lines.append(word[start:])
    return [line for line in lines if line] or [""]


def _beyond(rows: Sequence[_Text]) -> Iterator[str]:
    """What is behind the last station: a mark for each branch, and what is there."""
    heights = [FIRST + ROW * i for i in range(len(rows))]
    marks = [(y, status) for y, row in zip(heights, rows, strict=True) if (status := row.status)]
    if len(marks) > 1:
        yield f'<path class="j" d="M10 {marks[0][0]}V{marks[-1][0]}"/>'
    for y, status in marks:
        yield f'<g class="m {status}"><circle cx="10" cy="{y}" r="8"/>'
        yield f'<text x="10" y="{y + 4}">{SIGNS[status] if status != "skipped" else "?"}</text></g>'
    for y, (_, port, words) in zip(heights, rows, strict=True):
        bold = f'<tspan class="p">{escape(port)}</tspan> ← ' if port else ""
        shown = f"{bold}{escape(words)}"
        yield f'<text class="r" x="28" y="{y + 4}">{shown}</text>' if shown else ""
