"""How flags are read: as kubectl reads them, and with its words where one is wrong.

argparse does the work. Where it differs from kubectl (spf13/pflag), it is corrected here: switches
take ``=true`` and ``=false``, targets may come among the flags, and errors read as kubectl's.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from kubectl_portcheck.errors import UsageError

PROGRAM = "kubectl portcheck"
SEE = f"See '{PROGRAM} --help' for usage."
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
"""The words of Go's strconv.ParseBool."""


class Answered(Exception):
    """The flags ask for a text and nothing else: ``--help``, ``--version``."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class OptionalValue(argparse._StoreAction):
    """A number that is written ``--fix=2``; without it the flag means 0.

    What follows the flag as a word of its own is a target.
    """


class Parser(argparse.ArgumentParser):
    """A parser that writes nothing and never ends the process."""

    def read(self, argv: Sequence[str]) -> "Given":
        """Read the flags and targets. Raises UsageError, and Answered for ``--help``."""
        values = vars(self.parse_intermixed_args(self._plain_switches(argv)))
        names = {a.dest: a.option_strings[-1] for a in self._actions if a.option_strings}
        sections = {
            a.dest: group.title or "" for group in self._action_groups for a in group._group_actions
        }
        return Given(values, names, sections)

    def _print_message(self, message: str, file: object = None) -> NoReturn:
        """Hands over what argparse would print by itself."""
        raise Answered(message)

    def error(self, message: str) -> NoReturn:
        """Says it in kubectl's words."""
        unknown = message.partition("unrecognized arguments: ")[2]
        if unknown:
            raise self._unknown(unknown.split(" ")[0])
        if message.endswith(("expected one argument", "expected at least one argument")):
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

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        """The values of a flag; that of ``--flag=--`` too, which argparse takes for nothing."""
        if action.option_strings and arg_strings == ["--"]:
            value = self._get_value(action, "--")
            return [value] if action.nargs == "+" else value
        return super()._get_values(action, arg_strings)

    def _plain_switches(self, argv: Sequence[str]) -> list[str]:
        """The words, with ``--switch=true`` as ``--switch``, and without what is false."""
        plain: list[str] = []
        for i, word in enumerate(argv):
            if word == "--":
                return [*plain, *argv[i:]]
            name, equals, value = word.partition("=")
            action = self._option_string_actions.get(name)
            if isinstance(action, OptionalValue) and not equals:
                plain.append(f"{name}=0")
                continue
            if not equals or not isinstance(action, argparse._StoreTrueAction):
                plain.append(word)
            elif value in _TRUE:
                plain.append(name)
            elif value in _FALSE:
                plain = [w for w in plain if w not in action.option_strings]
            else:
                raise UsageError(_invalid(value, action, "must be true or false"), SEE)
        return plain


class Given:
    """The flags and targets of one command line, each for the mode that takes it.

    A flag that is given and that no mode takes is left over: it would do nothing. No flag has a
    default here, so that every flag which is written on the command line counts as given.
    """

    def __init__(
        self, values: Mapping[str, Any], names: Mapping[str, str], sections: Mapping[str, str]
    ) -> None:
        self._values = values
        self._names = names
        self._sections = sections
        self._taken: set[str] = set()

    def text(self, flag: str) -> str | None:
        """Take the value of a flag; None where it is not given."""
        found: str | None = self._take(flag)
        return found

    def texts(self, flag: str) -> tuple[str, ...]:
        """Take the values of a flag that may be repeated, or the targets."""
        return tuple(self._take(flag) or ())

    def pairs(self, flag: str) -> tuple[tuple[str, str], ...]:
        """Take the values of a flag that may be repeated, each in two parts."""
        return tuple(self._take(flag) or ())

    def switch(self, flag: str) -> bool:
        """Take a flag without a value."""
        return bool(self._take(flag))

    def number(self, flag: str) -> int | None:
        """Take a whole number."""
        found: int | None = self._take(flag)
        return found

    def seconds(self, flag: str) -> float | None:
        """Take a duration."""
        found: float | None = self._take(flag)
        return found

    def has(self, flag: str) -> bool:
        """Say whether a flag is given, without taking it."""
        value = self._values[flag]
        return value is not None and value is not False and value != []

    def accept(self, *sections: str) -> None:
        """Take all flags of some sections of the help."""
        self._taken |= {flag for flag, section in self._sections.items() if section in sections}

    def left(self) -> list[str]:
        """Give the flags that no mode has taken, in the order of the help."""
        return [flag for flag in self._values if flag not in self._taken and self.has(flag)]

    def name(self, flag: str) -> str:
        """Give a flag as it is written: ``--no-exec`` for ``no_exec``."""
        return self._names.get(flag, flag.upper())

    def section(self, flag: str) -> str:
        """Give the section of the help that lists a flag."""
        return self._sections[flag]

    def _take(self, flag: str) -> Any:
        self._taken.add(flag)
        return self._values[flag]


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
        if isinstance(action, OptionalValue):
            return f"{', '.join(action.option_strings)}[={value}]"
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
    if 0 < columns < 10_000:
        return columns
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else -1).columns or 80
    except (ValueError, OSError):  # Closed, or no terminal.
        return 80


def _invalid(value: str, action: argparse.Action, why: str) -> str:
    names = ", ".join(action.option_strings)
    return f'invalid argument "{value}" for "{names}" flag: {why}'
