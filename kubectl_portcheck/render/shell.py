"""Argument vectors as commands to paste into a POSIX shell.

What is pasted must run exactly the given words and nothing else, and must be harmless on its way:
a raw escape character in a command would be obeyed by the terminal that shows it. Unsafe
characters are therefore produced by the pasted command itself, through ``printf``, which every
POSIX shell has; ``$'...'`` is not portable.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from kubectl_portcheck.regex import regex
from kubectl_portcheck.render.unsafe import is_unsafe
from kubectl_portcheck.render.width import cells

_BARE: Final = regex(r"[A-Za-z0-9@+:,./_-][A-Za-z0-9@%+=:,./_-]*")
# As the first word, an assignment or a reserved word would not name a program.
_BARE_FIRST: Final = regex(r"[A-Za-z0-9./_-]+")
_RESERVED: Final = frozenset(
    [
        *("case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function"),
        *("if", "in", "select", "then", "time", "until", "while"),
    ]
)


LONGEST: Final = 128 * 1024 - 1
"""The most bytes of one argument that Linux passes on to a program."""
LONGEST_COMMAND: Final = 4000
"""The most characters of a command that is shown to be pasted."""


def shell_quote(argv: Sequence[str], *, ascii_only: bool = False) -> str:
    """The command on one line, for a POSIX shell.

    Raises ValueError where no shell could pass the arguments on: they hold NUL or a surrogate
    that is not a byte, or are too long. (A line break at the very end of an argument is the
    one thing that stays as it is, inside quotes: no substitution can make it.)
    """
    return " ".join(_quote(arg, i == 0, ascii_only) for i, arg in enumerate(argv))


def shell_form(argv: Sequence[str] | None, *, ascii_only: bool = False) -> str | None:
    """The same, and None where there is no command or none that can be typed."""
    try:
        return shell_quote(argv, ascii_only=ascii_only) if argv else None
    except ValueError:
        return None


def shell_lines(argv: Sequence[str], width: int, *, ascii_only: bool = False) -> list[str]:
    """The command on lines of at most ``width`` columns, which paste as one command.

    A line ends in a backslash between two words, or inside a word between two of its quoted
    pieces. The lines must be shown without indentation: inside a word, blanks would end it.
    """
    width = max(width, 24)
    made, column = "", 0
    for i, arg in enumerate(argv):
        word = _quote(arg, i == 0, ascii_only)
        # The last column is kept for the backslash, whether or not one follows.
        if column and column + 1 + cells(word) + 2 > width:
            made, column = made + " \\\n", 0
        if column + 1 + cells(word) + 2 > width:
            word = "\\\n".join(_pieces(_units(arg, ascii_only), width - 3))
        made += f" {word}" if column else word
        column = cells(made.rsplit("\n", 1)[-1])
    return made.split("\n")


def _quote(arg: str, first: bool, ascii_only: bool) -> str:
    bare = _BARE_FIRST if first else _BARE
    if len(arg) <= LONGEST and bare.fullmatch(arg) and not (first and arg in _RESERVED):
        return arg
    return _join(_units(arg, ascii_only))


def _units(arg: str, ascii_only: bool) -> list[str]:
    """What is written for the argument's characters inside single quotes, one by one."""
    if "\0" in arg:
        raise ValueError("an argument cannot hold NUL")
    # A surrogate that is not a byte raises UnicodeEncodeError, which is a ValueError.
    if len(arg.encode("utf-8", "surrogateescape")) > LONGEST:
        raise ValueError("the argument is too long for a command")
    units = []
    start = 0
    while start < len(arg):
        end = start + 1
        if _hidden(arg[start], ascii_only):
            # A run never ends in a line break while a character follows: see _printf.
            while end < len(arg) and (_hidden(arg[end], ascii_only) or arg[end - 1] == "\n"):
                end += 1
            units.append(_printf(arg[start:end]))
        else:
            units.append("""'"'"'""" if arg[start] == "'" else arg[start])
        start = end
    return units


def _hidden(char: str, ascii_only: bool) -> bool:
    return is_unsafe(char) or (ascii_only and not char.isascii())


def _printf(run: str) -> str:
    """The characters by their bytes. A substitution drops line breaks at its end: they stay."""
    kept = run.rstrip("\n")
    octal = "".join(
        "%%" if b == ord("%") else f"\\{b:03o}" for b in kept.encode("utf-8", "surrogateescape")
    )
    made = f"""'"$(printf '{octal}')"'""" if kept else ""
    return made + "\n" * (len(run) - len(kept))


def _join(units: Iterable[str]) -> str:
    """One quoted piece; empty quotes at its ends, which say nothing, are left out."""
    piece = f"'{''.join(units)}'"
    if len(piece) > 2:
        piece = piece.removeprefix("''").removesuffix("''")
    return piece


def _pieces(units: Sequence[str], width: int) -> list[str]:
    """Quoted pieces of at most ``width`` columns, cut where it reads well."""
    pieces = []
    start = 0
    while start < len(units):
        end, size = start, 0
        while end < len(units) and size + cells(units[end]) <= width - 2:
            size += cells(units[end])
            end += 1
        end = max(end, start + 1)
        if end < len(units):
            end = _good_end(units, start, end)
        pieces.append(_join(units[start:end]))
        start = end
    return pieces or ["''"]


def _good_end(units: Sequence[str], start: int, end: int) -> int:
    """Behind a whole JSON object, rather than inside one; else behind a comma or a blank."""
    for i in range(end, start + (end - start) // 4, -1):
        if units[i - 1] == "," and units[i - 2] == "}":
            return i
    for i in range(end, start + (end - start) // 2, -1):
        if units[i - 1] in ", ":
            return i
    return end
