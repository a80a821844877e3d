"""How flags are read: as kubectl reads them, and with its words where one is wrong.

argparse does the work. What it does otherwise than kubectl (spf13/pflag) is mended here: switches
take ``=true`` and ``=false``, targets may stand among the flags, and errors are said as kubectl
says them.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from kubectl_portcheck.errors import UsageError

PROGRAM = "kubectl portcheck"
SEE = f"See '{PROGRAM} --help' for usage."
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
"""The words of Go's strconv.ParseBool."""


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of ending the process."""

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """The flags and targets. Raises UsageError, and SystemExit after ``--help``."""
        return self.parse_intermixed_args(self._plain_switches(argv))

    def given(self, args: argparse.Namespace, section: str) -> list[str]:
        """The flags of one section of the help that the command line sets."""
        group = next(g for g in self._action_groups if g.title == section)
        return [
            a.option_strings[-1]
            for a in group._group_actions
            if getattr(args, a.dest, a.default) != a.default
        ]

    def error(self, message: str) -> NoReturn:
        """Says it in kubectl's words."""
        unknown = message.partition("unrecognized arguments: ")[2]
        if unknown:
            raise self._unknown(unknown.split(" ")[0])
        if message.endswith("expected one argument"):
            flag = message.split(":")[0].removeprefix("argument ").rpartition("/")[2]
            raise UsageError(f"flag needs an argument: {flag}", SEE)
        raise UsageError(message.rpartition(": \0")[2].replace("\0", ""), SEE)

    def _unknown(self, word: str) -> UsageError:
        flag = word.partition("=")[0]
        if not flag.startswith("--"):
            return UsageError(f"unknown shorthand flag: {flag[1:2]!r} in {flag}", SEE)
        near = _nearest(flag, self._option_string_actions, 0.7)
        hint = f"Did you mean {near[0]}? " if near else ""
        return UsageError(f"unknown flag: {flag}", hint + SEE)

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """The value of a flag, or the error that names both."""
        try:
            return super()._get_value(action, arg_string)
        except argparse.ArgumentError as error:
            # The mark tells ``error`` where kubectl's own sentence begins.
            text = f"\0{_invalid(arg_string, action, str(error.message))}"
            raise argparse.ArgumentError(action, text) from None

    def _plain_switches(self, argv: Sequence[str]) -> list[str]:
        """The words, with ``--switch=true`` as ``--switch``, and without what is false."""
        plain: list[str] = []
        for i, word in enumerate(argv):
            if word == "--":
                return [*plain, *argv[i:]]
            name, equals, value = word.partition("=")
            action = self._option_string_actions.get(name)
            if not equals or not isinstance(action, argparse._StoreTrueAction):
                plain.append(word)
            elif value in _TRUE:
                plain.append(name)
            elif value in _FALSE:
                plain = [w for w in plain if w not in action.option_strings]
            else:
                raise UsageError(_invalid(value, action, "must be true or false"), SEE)
        return plain


class Help(argparse.RawDescriptionHelpFormatter):
    """One form of help under every version of Python: ``-n, --namespace NAMESPACE``."""

    def __init__(self, prog: str) -> None:
        # With a width, since argparse would import shutil to find it: for every single flag, also
        # where no help is asked for.
        super().__init__(prog, max_help_position=34, width=_columns() - 2)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return super()._format_action_invocation(action)
        value = action.metavar if isinstance(action.metavar, str) else ""
        if action.nargs is not None:
            value = f"[{value}]" if action.nargs == "?" else ""
        return " ".join(filter(None, (", ".join(action.option_strings), value)))


class OneOf:
    """A flag's type: one of some words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, text: str) -> str:
        """The word. Raises ArgumentTypeError for any other."""
        if text not in self.words:
            near = _nearest(text, self.words, 0.6)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise argparse.ArgumentTypeError(f"must be one of {', '.join(self.words)}{hint}")
        return text


def _nearest(word: str, known: Iterable[str], cutoff: float) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(word, known, n=1, cutoff=cutoff)


def _columns() -> int:
    """The width of the terminal, as shutil.get_terminal_size finds it."""
    try:
        columns = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    if columns > 0:
        return columns
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else -1).columns or 80
    except (ValueError, OSError):  # Closed, or no terminal.
        return 80


def _invalid(value: str, action: argparse.Action, why: str) -> str:
    names = ", ".join(action.option_strings)
    return f'invalid argument "{value}" for "{names}" flag: {why}'
