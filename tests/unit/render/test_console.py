"""What a terminal is taken to be able to show."""

import io
import re
import subprocess
import sys

import pytest

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.console import ColorChoice, Terminal, look_for, print_lines
from kubectl_portcheck.render.layout import plain
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.table import table_lines
from tests.unit.render.builders import debrief, hostile


def terminal(is_terminal: bool = True, encoding: str | None = "utf-8", **environ: str) -> Terminal:
    return Terminal(is_terminal, 80, {"TERM": "xterm", **environ}, encoding)


@pytest.mark.parametrize(
    ("given", "choice", "colored"),
    [
        (terminal(), "auto", True),
        (terminal(False), "auto", False),
        (terminal(NO_COLOR=""), "auto", False),
        (terminal(NO_COLOR="1"), "auto", False),
        (terminal(TERM="dumb"), "auto", False),
        (terminal(False), "always", True),
        (terminal(NO_COLOR="1"), "always", True),
        (terminal(), "never", False),
    ],
)
def test_color(given: Terminal, choice: ColorChoice, colored: bool) -> None:
    assert look_for(given, color=choice).color is colored


@pytest.mark.parametrize(
    ("encoding", "unicode"),
    [
        ("utf-8", True),
        ("UTF-8", True),
        ("utf8", True),
        ("ascii", False),
        ("ANSI_X3.4-1968", False),
        ("iso8859-1", False),
        (None, False),
    ],
)
def test_unicode(encoding: str | None, unicode: bool) -> None:
    assert look_for(terminal(encoding=encoding)).unicode is unicode


@pytest.mark.parametrize(
    ("environ", "unicode"),
    [
        ({}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "POSIX"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),  # Python has put it there.
        ({"LANG": "C", "LC_CTYPE": "en_GB.UTF-8"}, True),
        ({"LANG": "C", "LC_ALL": "C.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "", "LC_ALL": ""}, True),
    ],
)
def test_a_locale_without_utf_8(environ: dict[str, str], unicode: bool) -> None:
    assert look_for(Terminal(True, 80, environ)).unicode is unicode


def test_a_pipe_breaks_no_line() -> None:
    assert look_for(terminal(False)).width is None
    assert look_for(terminal()).width == 80
    assert look_for(Terminal(True, None, {})).width == 80


def test_a_dumb_terminal_cannot_erase() -> None:
    assert look_for(terminal()).cursor
    assert not look_for(terminal(TERM="dumb")).cursor
    assert not look_for(terminal(False)).cursor


@pytest.mark.parametrize("report", [debrief(), hostile()])
def test_colors_change_nothing_but_colors(report: Report) -> None:
    look = Look(width=80, color=True)
    lines = table_lines(report, look)
    out = io.StringIO()
    print_lines(lines, out, look)
    text = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert "\x1b" in out.getvalue()
    assert [r.rstrip() for r in text.splitlines()] == plain(lines).splitlines()


def test_without_colors_rich_is_not_even_imported() -> None:
    code = (
        "import sys, io\n"
        "from tests.unit.render.builders import debrief\n"
        "from kubectl_portcheck.render.console import print_lines\n"
        "from kubectl_portcheck.render.look import Look\n"
        "from kubectl_portcheck.render.table import table_lines\n"
        "from kubectl_portcheck.render.progress import Progress\n"
        "print_lines(table_lines(debrief(), Look()), io.StringIO(), Look())\n"
        "with Progress(io.StringIO(), Look(cursor=True)) as p: p.started('endpoints')\n"
        "sys.exit('rich' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
