"""Which hosts a command or a setting names: host and port, and nothing else of the text.

Only what a program would surely take for an address counts: a URL, ``host:port``, or the argument
of a command that asks for a name or connects. A text may hold a password in any form, and a part
of one may look like a host: wherever it is not certain which part is which, nothing is taken.

Source of the commands: the wait loops that init containers commonly run
(``until nslookup db; do sleep 1; done``, ``nc -z db 5432``).
"""

import re
from collections.abc import Iterator

import msgspec

from kubectl_portcheck.address import SCHEME_PORTS, is_ip
from kubectl_portcheck.regex import regex
from kubectl_portcheck.withheld import without_secrets

LONGEST = 16_384
"""Characters of a text that are read."""
MOST = 16
"""Hosts that are taken from one text."""
LOWEST = 80
"""The lowest port of ``host:port`` without a scheme: what is lower is mostly a version."""

_HOST = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?){0,8}\.?"
_PIECE = regex(r"[^\s\"'`<>]+")
_SCHEME = regex(r"(?:^|[,;|=(])(?:jdbc:)?([a-z][-+.a-z0-9]{1,15})\Z", re.IGNORECASE)
_AUTHORITY = regex(r"[^/?#;|&)\\]*")
_ONE = regex(rf"(?:({_HOST})|\[([0-9a-f:.]{{2,45}})\])(?::(\d{{1,5}}))?\Z", re.IGNORECASE)
_PAIR = regex(rf"(?<![-\w./:@$])({_HOST}):(\d{{2,5}})(?![-\w.:@])", re.IGNORECASE)
_DRIVER = regex(rf"@(?:tcp\(|//)({_HOST}):(\d{{2,5}})\b", re.IGNORECASE)
_KEYED = regex(rf"(?:^|[\s;])(?:host|server)=({_HOST})(?=[\s;]|$)", re.IGNORECASE)
_KEYED_PORT = regex(r"(?:^|[\s;])port=(\d{1,5})(?=[\s;]|$)", re.IGNORECASE)
_HIDDEN = regex(
    r"(?:passw|pwd|secret|token|credential|api[-_]?key|auth)[-\w]{0,40}[\"']?\s{0,3}[:=]\s{0,3}"
    r"(?:\"[^\"]*\"?|'[^']*'?|\S+)",
    re.IGNORECASE,
)
"""A secret in a form that programs keep settings in, such as JSON."""
_WORD = regex(r"[^\s;|&()<>`\"']+")
_LOOKS_UP = frozenset({"nslookup", "getent", "dig", "host", "ping"})
_TABLES = frozenset({"hosts", "ahosts", "ahostsv4", "ahostsv6"})
"""The databases in which getent looks a host up."""
_CONNECTS = frozenset({"nc", "ncat", "netcat", "telnet"})
_HINTS = (":", "@", "=", *sorted(_LOOKS_UP | _CONNECTS))
"""One of these is in every text that names a host."""
_NAME = regex(rf"{_HOST}\Z", re.IGNORECASE)
_WITH_VALUE = frozenset({"-w", "-G", "-i", "-q", "-c", "-W", "-h"})
"""Options of these commands that are followed by a value."""


class Host(msgspec.Struct, frozen=True):
    """A host that a text names."""

    name: str
    """A DNS name in lower case, or an IP."""
    port: int | None = None
    """That of the text; where a URL has none, the port of its scheme."""
    sure: bool = True
    """Whether it can be nothing but an address: a URL's host, or the argument of a command."""


def hosts(text: str) -> tuple[Host, ...]:
    """The hosts that the text names, each once, in its order."""
    text = text[:LONGEST]
    if not any(hint in text for hint in _HINTS):
        return ()
    found: list[Host] = []
    rest: list[str] = []
    at = 0
    for piece in _PIECE.finditer(text) if "://" in text or "@" in text else ():
        if "://" in piece[0]:
            found += _of_urls(piece[0])
        elif "@" in piece[0]:
            found += [Host(m[1].lower(), int(m[2])) for m in _DRIVER.finditer(piece[0])][-1:]
        else:
            continue
        rest.append(text[at : piece.start()])
        at = piece.end()
    # Whatever has a scheme or an @ in it was read above, and is read for nothing else.
    left = _HIDDEN.sub(" ", without_secrets(" ".join([*rest, text[at:]])))
    if ":" in left:
        found += _pairs(left)
    if "=" in left:
        found += _keyed(left)
    found += _of_commands(left)
    best: dict[tuple[str, int | None], Host] = {}
    for host in found:
        best.setdefault((host.name, host.port), host)
    return tuple(best.values())[:MOST]


def plain(text: str) -> Host | None:
    """The host that is the whole text, as ``NAME``, ``NAME:PORT`` or an IP; else None."""
    found = _ONE.match(text.strip()) if len(text) < 300 else None
    return None if found is None else _host(found, None)


def _of_urls(piece: str) -> list[Host]:
    """The hosts of the URLs in a word; none where it is not clear which part is which."""
    first, *others = piece.split("://")
    found: list[Host] = []
    scheme = _SCHEME.search(first)
    for number, other in enumerate(others, 1):
        following = None
        if number < len(others):
            following = _SCHEME.search(other)
            if following is None:
                return []
            other = other[: following.start()]
        if scheme is None:
            return []
        hosts_of = _of_authority(scheme[1].lower(), other)
        if hosts_of is None:
            return []
        found += hosts_of
        scheme = following
    return found


def _of_authority(scheme: str, rest: str) -> list[Host] | None:
    """The hosts after ``scheme://``: one, or several with commas between them."""
    whole = _AUTHORITY.match(rest)
    assert whole is not None
    if "@" in rest[whole.end() :]:
        return None  # A password may have a slash in it: then the true host comes later.
    found: list[Host] = []
    for part in whole[0].rpartition("@")[2].split(","):
        one = _ONE.match(part)
        host = _host(one, SCHEME_PORTS.get(scheme)) if one else None
        if host is None:
            return None if "@" in whole[0] else found
        found.append(host)
    return found


def _host(found: "re.Match[str]", default: int | None) -> Host | None:
    name = (found[1] or found[2]).lower().rstrip(".")
    if found[3] and _port(found[3]) is None:
        return None
    if not ((found[1] and _is_name(name)) or is_ip(name)):
        return None
    return Host(name, _port(found[3]) or default)


def _pairs(text: str) -> Iterator[Host]:
    for found in _PAIR.finditer(text):
        name, port = found[1].lower().rstrip("."), _port(found[2])
        if port is not None and port >= LOWEST and (_is_name(name) or is_ip(name)):
            yield Host(name, port, sure=False)


def _keyed(text: str) -> list[Host]:
    """``host=db port=5432``, as libpq takes it, and ``Server=db;Port=3306``."""
    found, port = _KEYED.search(text), _KEYED_PORT.search(text)
    if found is None or not _is_name(found[1]):
        return []
    return [Host(found[1].lower(), _port(port[1]) if port else None, sure=False)]


def _of_commands(text: str) -> list[Host]:
    """The arguments of commands that look a name up or connect."""
    found: list[Host] = []
    words = _WORD.findall(text)
    for place, word in enumerate(words):
        command = word.rpartition("/")[2]
        if command in _LOOKS_UP or command in _CONNECTS:
            arguments = _arguments(words[place + 1 : place + 9])
            if command == "getent":
                arguments = arguments[1:] if arguments[:1] and arguments[0] in _TABLES else []
            if not arguments or not _is_name(arguments[0]):
                continue
            number = arguments[1] if command in _CONNECTS and len(arguments) > 1 else ""
            found.append(Host(arguments[0].lower().rstrip("."), _port(number)))
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
