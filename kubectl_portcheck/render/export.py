"""``--save-svg``: the report of the terminal, as a picture."""

import re
from io import StringIO
from typing import Final

from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI, TerminalTheme

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.regex import regex
from kubectl_portcheck.render.console import make_console, to_rich
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.table import table_lines

WIDTH: Final = 100
TITLE: Final = "kubectl portcheck"
LIGHT: Final = DEFAULT_TERMINAL_THEME
DARK: Final = MONOKAI


def render_svg(report: Report, *, width: int = WIDTH, dark: bool = False) -> str:
    """The report as an SVG picture. The identifiers in it depend only on the content."""
    console = _recorded(report, width)
    svg = console.export_svg(title=TITLE, theme=_theme(dark))
    # Fonts are not fetched from elsewhere: a report is private, and any monospace font will do.
    style, end, drawing = svg.partition("</style>")
    style = re.sub(r"@font-face \{[^}]*\}\s*", "", style)
    return style + end + _TEXT.sub(_without_blanks, drawing)


_TEXT: Final = regex(
    r'(<text [^>]*?x=")([\d.]+)("[^>]*?textLength=")([\d.]+)("[^>]*>)((?:&#160;)+)([^<]+)'
)


def _without_blanks(found: re.Match[str]) -> str:
    """A piece moved to the right by the blanks before it: some viewers would drop them."""
    before, x, between, length, after, blanks, text = found.groups()
    shown = blanks + text
    width = float(length) / len(re.sub(r"&#?\w+;", "x", shown))
    moved = width * (len(blanks) // len("&#160;"))
    left, rest = float(x) + moved, float(length) - moved
    return f"{before}{left:g}{between}{rest:g}{after}{text}"


def _theme(dark: bool) -> TerminalTheme:
    return DARK if dark else LIGHT


def _recorded(report: Report, width: int) -> Console:
    look = Look(width=width, color=True)
    console = make_console(StringIO(), look, {}, record=True)
    console.print(to_rich(table_lines(report, look)), end="", soft_wrap=True)
    return console
