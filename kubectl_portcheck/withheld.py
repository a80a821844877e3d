"""What is taken out of a text before it is kept: passwords, tokens and queries of URLs.

Messages of a cluster quote what failed: a probe's URL, a connection string, a header. Who reads a
report needs to know that it was there, and not its value. Every text is read once from left to
right, so none takes more than linear time.
"""

import re

from kubectl_portcheck.regex import regex

GONE = "..."
"""Replaces what was taken out."""
QUERY = "?..."
"""Replaces the query of a URL or a path."""


_WORD = regex(r"[^\s\"'<>`]+")
_PIECE = regex(r"[^\s\"'<>`()\[\]{}|]+")
_SCHEME = regex(r"\b((?:bearer|basic) +)[\w.~+/=-]{6,}", re.IGNORECASE)
_TOKEN = regex(r"\beyJ[\w-]{6,}\.[\w.-]+")
_ASSIGNED = regex(
    r"\b([\w-]{0,40}?(?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key"
    r"|access[-_]?key|private[-_]?key|credentials?)[\w-]{0,40}[\"']?(?:=|:(?! )))"
    r"(\"[^\"]*\"|'[^']*'|[^\s,;&\"'\\)}\]]+)",
    re.IGNORECASE,
)
_SAID = regex(
    r"\b((?:passw(?:or)?d|passphrase|pwd)(?: is|[\"']?[:=]) )([^\s,;\"')]{4,})",
    re.IGNORECASE,
)
_HINTS = (
    *("://", "@", "bearer ", "basic ", "eyj"),
    *("passw", "passphrase", "pwd", "secret", "token", "key", "credential"),
)
"""One of these is in every text from which something is taken, in letters of any case."""


def without_secrets(text: str) -> str:
    """The text without names and passwords in URLs, queries of URLs, and values of secrets."""
    lower = text.lower()
    # Beyond ASCII there are letters that are others' only without regard to their case.
    if text.isascii() and not any(hint in lower for hint in _HINTS):
        return text
    if "://" in text:
        text = _PIECE.sub(lambda found: _url(found[0]), text)
    if "@" in text:
        text = _WORD.sub(lambda found: _data_source(found[0]), text)
    text = _SCHEME.sub(rf"\1{GONE}", text)
    text = _TOKEN.sub(GONE, text)
    text = _ASSIGNED.sub(rf"\1{GONE}", text)
    return _SAID.sub(rf"\1{GONE}", text)


def without_query(path: str) -> str:
    """A path of a request, with a mark in place of its query."""
    before, mark, _ = path.partition("?")
    return before.partition("#")[0] + (QUERY if mark else "")


def without_userinfo(server: str) -> str:
    """A server's URL, whatever is wrong with it, without a name, a password or a query."""
    scheme, mark, rest = server.partition("://")
    if not mark:
        scheme, rest = "", server
    rest = re.split(r"[?#]", rest.rpartition("@")[2], maxsplit=1)[0]
    return f"{scheme}{mark}{rest}"


def _url(word: str) -> str:
    """A word without the secrets of the URLs in it."""
    if "://" not in word:
        return word
    first, *rest = word.split("://")
    return "://".join([first, *map(_after_scheme, rest)])


def _after_scheme(rest: str) -> str:
    cut = next((i for i, c in enumerate(rest) if c in "?#"), len(rest))
    kept, query = rest[:cut], rest[cut:]
    authority = kept.partition("/")[0]
    name, colon, port = authority.rpartition(":")
    if "@" in authority:
        kept = kept[authority.rindex("@") + 1 :]
    elif colon and name and "@" in kept and not port.isdecimal():
        # A password with a slash in it.
        kept = kept[kept.rindex("@") + 1 :]
    # What ends a sentence is no part of the URL.
    ending = query[len(query.rstrip(":;,")) :]
    return kept + (f"{QUERY}{ending}" if query else "")


def _data_source(word: str) -> str:
    """``user:password@tcp(db:3306)``, as Go's MySQL driver takes it, without the first part."""
    for network in ("@tcp(", "@unix("):
        before, found, after = word.partition(network)
        if found and ":" in before:
            return f"{GONE}{network}{after}"
    return word


_QUERY = regex(r"(://[^\s?#]{0,2000})\?\S*")
# A name of a secret with a value behind it; only the name is in many errors.
_NAMED = regex(
    r"(?:passw(?:or)?d|passphrase|\bpass|_pass|pwd|secret|token|authorization|cookie"
    r"|credentials?|(?:api|access|account|auth|client|encryption|license|master|private"
    r"|secret|shared|signing|ssh)[-_. ]?key)[\w.-]{0,40}[\"'\]]{0,2} {0,4}(?:=|:|=>) {0,4}"
    r"[^\s:=]",
    re.IGNORECASE,
)
_KNOWN = regex(
    r"-----(?:BEGIN|END)|\b(?:AKIA|ASIA)[A-Z0-9]{12}|\bgh[oprsu]_\w{16}|\bgithub_pat_"
    r"|\bglpat-|\bxox[abeoprs]-|\b[sr]k_(?:live|test)_|\bAIza[\w-]{20}|\bya29\.|\bhvs\."
    r"|\bAccountKey\b|\bnpm_\w{20}|\$2[aby]\$|\$argon2|\$6\$"
    r"|\b(?:token|password|secret) [\"'`]?(?=[\w-]{0,60}\d)[\w-]{12}",
    re.IGNORECASE,
)
_RANDOM = regex(r"[\w+=-]{32,}")
_ENCODED = regex(r"[A-Za-z0-9+/]{4,}={0,2}")


def without_secret_lines(lines: list[str]) -> tuple[list[str], int]:
    """The lines without those that look as if they held a secret, and how many those are.

    Which of them do is a guess: too many are left out rather than too few. Of URLs in the others
    the queries are cut.
    """
    dropped = _encoded(lines)
    kept = []
    for number, line in enumerate(lines):
        plain = _QUERY.sub(rf"\1{QUERY}", line)
        if number not in dropped and not _looks_secret(plain):
            kept.append(plain)
    return kept, len(lines) - len(kept)


def _looks_secret(line: str) -> bool:
    if _NAMED.search(line) or _KNOWN.search(line):
        return True
    if any(_is_random(found[0]) for found in _RANDOM.finditer(line)):
        return True
    return without_secrets(line) != line


def _is_random(word: str) -> bool:
    """Whether a long word has letters of both cases and digits, as keys have and names do not."""
    return (
        any(c.isdigit() for c in word)
        and any(c.isupper() for c in word)
        and any(c.islower() for c in word)
    )


def _encoded(lines: list[str]) -> set[int]:
    """The lines of a block in PEM form, wherever the log begins or ends within it."""
    found: set[int] = set()
    inside = False
    for number, line in enumerate(lines):
        inside = inside or "-----BEGIN" in line
        if inside:
            found.add(number)
        if "-----END" in line:
            inside = False
            before = number - 1
            while before >= 0 and _ENCODED.fullmatch(lines[before].strip()):
                found.add(before)
                before -= 1
    return found
