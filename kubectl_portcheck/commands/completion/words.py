"""From a command line that is half written to the question what may come next."""

import argparse
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kubectl_portcheck import arguments
from kubectl_portcheck.parser import OneOf
from kubectl_portcheck.target import kind_named

BY_FLAG = {
    "namespace": "namespaces",
    "from_namespace": "namespaces",
    "context": "contexts",
    "contexts": "contexts",
    "cluster": "clusters",
    "user": "users",
    "explain": "rules",
    "ignore": "rules",
    "demo": "scenarios",
}
"""What the value of a flag is, where the flag itself does not say it."""
LISTS = ("contexts", "ignore")
"""Flags whose value is a list, separated by commas."""


class Question(NamedTuple):
    """What may come next."""

    kind: str
    """What is asked for: ``flags``, ``targets``, ``files``, ``words``, ``rules`` and so on."""
    prefix: str
    """What of it is written already."""
    lead: str = ""
    """The part of the word before that, such as ``--namespace=``."""
    words: tuple[str, ...] = ()
    """The possible values, for ``words``."""
    flags: Mapping[str, str] = {}
    """What the flags before it say, by their destinations: where the cluster is."""
    taken: tuple[str, ...] = ()
    """What is written already and need not be offered again."""
    kind_word: str = ""
    """The kind as a word of its own before the names: ``svc`` in ``svc checkout``."""


def question(words: Sequence[str], current: str) -> Question:
    """The question that a line asks: the words before the cursor, and the one that it is in."""
    line = _Line(words)
    flags = {**line.values}
    if line.pending is not None and not (line.optional and current.startswith("-")):
        return _value(line.pending, current, "", flags)
    if not line.ended and current.startswith("-"):
        name, equals, value = current.partition("=")
        action = line.options.get(name)
        if equals and action is not None and action.nargs != 0:
            return _value(action, value, f"{name}=", flags)
        offered = tuple(
            a.option_strings[-1]
            for a in dict.fromkeys(line.options.values())
            if a.help != argparse.SUPPRESS
            and (a not in line.given or isinstance(a, argparse._AppendAction))
        )
        return Question("flags", current, words=offered, flags=flags)
    first = next(iter(line.targets), "")
    kind_word = first if kind_named(first) else ""
    return Question("targets", current, flags=flags, taken=tuple(line.targets), kind_word=kind_word)


def _value(action: argparse.Action, written: str, lead: str, flags: Mapping[str, str]) -> Question:
    """The question for the value of a flag."""
    if action.dest in LISTS:
        before, comma, written = written.rpartition(",")
        lead += before + comma
    kind = BY_FLAG.get(action.dest)
    if kind:
        return Question(kind, written, lead, flags=flags)
    if isinstance(action.type, OneOf):
        return Question("words", written, lead, action.type.words)
    if action.dest == "output_file" and "=" not in written:
        return Question("words", written, lead, tuple(f"{f}=" for f in arguments.FORMATS))
    if action.dest == "output_file" or action.metavar in ("FILE", "DIR"):
        return Question("files", written, lead)
    return Question("nothing", written, lead)


class _Line:
    """What the words before the cursor say; a line that is wrong is read as far as it can be."""

    def __init__(self, words: Sequence[str]) -> None:
        parser = arguments.parser()
        self.options = parser._option_string_actions
        self.given: set[argparse.Action] = set()
        self.values: dict[str, str] = {}
        self.targets: list[str] = []
        self.pending: argparse.Action | None = None
        """The flag whose value comes next."""
        self.ended = False
        """Whether ``--`` has been written: no flag comes after it."""
        for word in words:
            self._read(word)

    @property
    def optional(self) -> bool:
        """Whether the pending flag does without a value."""
        return self.pending is not None and self.pending.nargs == "?"

    def _read(self, word: str) -> None:
        if self.pending is not None and not (self.optional and word.startswith("-")):
            self._keep(self.pending, word)
        elif self.ended or not word.startswith("-") or word == "-":
            self.targets.append(word)
        elif word == "--":
            self.ended = True
        else:
            self._flag(word)

    def _flag(self, word: str) -> None:
        name, equals, value = word.partition("=")
        if name not in self.options and not word.startswith("--"):
            name, equals, value = word[:2], word[2:3], word[2:]
        action = self.options.get(name)
        self.pending = None
        if action is None:
            return
        self.given.add(action)
        if equals:
            self._keep(action, value)
        elif action.nargs in (None, "?"):
            self.pending = action
        elif action.nargs == 0:
            self.values[action.dest] = "true"

    def _keep(self, action: argparse.Action, value: str) -> None:
        self.given.add(action)
        before = self.values.get(action.dest)
        many = isinstance(action, argparse._AppendAction) and before is not None
        self.values[action.dest] = f"{before}\n{value}" if many else value
        self.pending = None
