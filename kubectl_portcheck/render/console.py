"""The terminal: what it can show, and the printing of styled lines on it.

This is the one module that imports rich for reports, and only when colours are really drawn: a
report in a pipe costs no import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Final, Literal, NamedTuple

from kubectl_portcheck.render.layout import Line, plain
from kubectl_portcheck.render.look import Look

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

ColorChoice = Literal["auto", "always", "never"]

# Legible on light and on dark backgrounds; yellow, blue and grey tones are not.
_PASS: Final = "green"
_WARN: Final = "dark_orange3"
_FAIL: Final = "red"
_UNKNOWN: Final = "magenta"
STYLES: Final = {
    "pass": _PASS,
    "warn": f"bold {_WARN}",
    "fail": f"bold {_FAIL}",
    "skipped": _UNKNOWN,
    "pass-badge": f"bold {_PASS}",
    "warn-badge": f"bold {_WARN}",
    "fail-badge": f"bold {_FAIL}",
    "skipped-badge": f"bold {_UNKNOWN}",
    "bold": "bold",
    "dim": "dim",
    "label": "bold",
    "heading": "bold",
    "command": "bold",
}


class Terminal(NamedTuple):
    """The facts about an output stream from which the look follows."""

    is_terminal: bool
    width: int | None
    environ: Mapping[str, str]
    encoding: str | None = "utf-8"


def look_for(
    terminal: Terminal,
    *,
    color: ColorChoice = "auto",
    plain: bool = False,
    wide: bool = False,
) -> Look:
    """How a report is drawn on a stream."""
    return Look(
        width=(terminal.width or 80) if terminal.is_terminal else None,
        unicode=_unicode(terminal),
        plain=plain,
        wide=wide,
        color=_colored(terminal, color),
        cursor=terminal.is_terminal and terminal.environ.get("TERM") != "dumb",
    )


_ASCII_LOCALES: Final = ("C", "POSIX")
_COERCED: Final = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python itself puts into LC_CTYPE where LANG is C: PEP 538."""


def _unicode(terminal: Terminal) -> bool:
    """Whether more than ASCII can be shown. Python writes UTF-8 in the C locale too (PEP 540)."""
    environ = terminal.environ
    kind = environ.get("LC_CTYPE", "")
    chosen = environ.get("LC_ALL") or ("" if kind in _COERCED else kind) or environ.get("LANG", "")
    if chosen in _ASCII_LOCALES:
        return False
    encoding = (terminal.encoding or "ascii").lower().replace("-", "").replace("_", "")
    return encoding in ("utf8", "utf16", "utf16le", "utf32", "cp65001")


def _colored(terminal: Terminal, color: ColorChoice) -> bool:
    """``NO_COLOR`` counts when it is set at all; what is asked for on the command line wins."""
    if color != "auto":
        return color == "always"
    environ = terminal.environ
    return terminal.is_terminal and "NO_COLOR" not in environ and environ.get("TERM") != "dumb"


def print_lines(
    lines: Iterable[Line], file: IO[str], look: Look, environ: Mapping[str, str] | None = None
) -> None:
    """Writes the lines to a stream, with colours where the look has them."""
    if not look.color:
        file.write(plain(lines))
        return
    console = make_console(file, look, environ or {})
    console.print(to_rich(lines), end="", soft_wrap=True)


def make_console(
    file: IO[str] | None, look: Look, environ: Mapping[str, str], *, record: bool = False
) -> Console:
    """A rich console that adds nothing of its own: no markup, no emoji, no highlighting."""
    from rich.console import Console

    return Console(
        file=file,
        force_terminal=look.color,
        no_color=not look.color,
        color_system="256" if look.color else None,
        width=look.width or 80,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        record=record,
        _environ=dict(environ),
    )


def to_rich(lines: Iterable[Line]) -> Text:
    """The lines as one rich text. Their pieces are data, and never read as markup."""
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ignore", end="")
    for spans in lines:
        for span in spans:
            text.append(span.text, STYLES.get(span.style) or None)
        text.append("\n")
    return text
