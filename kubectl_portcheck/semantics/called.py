"""Which hosts a command or a setting names: host and port, and nothing else of the text.

Only what a program would surely take for an address counts: a URL, ``host:port``, or the argument
of a command that asks for a name or connects. Source of the commands: the wait loops that init
containers commonly run (``until nslookup db; do sleep 1; done``, ``nc -z db 5432``).
"""

import re
from typing import NamedTuple

LONGEST = 16_384
"""Characters of a text that are read."""
MOST = 16
"""Hosts that are taken from one text."""

_HOST = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?){0,8}\.?"
_URL = re.compile(
    rf"\b[a-z][-+.a-z0-9]{{1,15}}://(?:[^\s/@'\"]{{0,256}}@)?({_HOST})(?::(\d{{1,5}}))?",
    re.IGNORECASE,
)
_PAIR = re.compile(rf"(?<![-\w./:@])({_HOST}):(\d{{2,5}})(?![-\w.:])", re.IGNORECASE)
_WORD = re.compile(r"[^\s;|&()<>`\"']+")
_LOOKS_UP = frozenset({"nslookup", "getent", "dig", "host", "ping"})
_CONNECTS = frozenset({"nc", "ncat", "netcat", "telnet"})
_NAME = re.compile(rf"{_HOST}\Z", re.IGNORECASE)
_WITH_VALUE = frozenset({"-w", "-G", "-i", "-q", "-c", "-W", "-h"})
"""Options of these commands that are followed by a value."""


class Host(NamedTuple):
    """A host that a text names."""

    name: str
    port: int | None = None


def hosts(text: str) -> tuple[Host, ...]:
    """The hosts that the text names, each once, in its order."""
    text = text[:LONGEST]
    found = [Host(m[1].lower(), _port(m[2])) for m in _URL.finditer(text)]
    rest = _URL.sub(" ", text)
    found += [Host(m[1].lower(), _port(m[2])) for m in _PAIR.finditer(rest) if _is_name(m[1])]
    found += _of_commands(rest)
    return tuple(dict.fromkeys(found))[:MOST]


def _of_commands(text: str) -> list[Host]:
    """The arguments of commands that look a name up or connect."""
    found: list[Host] = []
    words = _WORD.findall(text)
    for place, word in enumerate(words):
        command = word.rpartition("/")[2]
        if command in _LOOKS_UP or command in _CONNECTS:
            arguments = _arguments(words[place + 1 : place + 9])
            if command == "getent" and arguments[:1] in (["hosts"], ["ahosts"]):
                arguments = arguments[1:]
            if not arguments or not _is_name(arguments[0]):
                continue
            number = arguments[1] if command in _CONNECTS and len(arguments) > 1 else ""
            found.append(Host(arguments[0].lower(), _port(number)))
    return found


def _arguments(words: list[str]) -> list[str]:
    """The words of a command that are no options."""
    found = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in _WITH_VALUE
        else:
            found.append(word)
    return found


def _is_name(text: str) -> bool:
    """Whether it can name a host: not a number, and not a variable."""
    return bool(_NAME.match(text)) and not text.replace(".", "").isdigit()


def _port(text: str | None) -> int | None:
    number = int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 5 else 0
    return number if 0 < number < 65536 else None
