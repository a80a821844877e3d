"""What is taken out of a text before it is kept: passwords, tokens and queries of URLs.

Messages of a cluster quote what failed: a probe's URL, a connection string, a header. Who reads a
report needs to know that it was there, and not its value. Every text is read once from left to
right, so none takes more than linear time.
"""

import re
from functools import cache
from typing import NamedTuple

GONE = "..."
"""Replaces what was taken out."""
QUERY = "?..."
"""Replaces the query of a URL or a path."""


class _Patterns(NamedTuple):
    word: re.Pattern[str]
    piece: re.Pattern[str]
    scheme: re.Pattern[str]
    token: re.Pattern[str]
    assigned: re.Pattern[str]
    said: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    """Compiled when a text first needs them: most runs meet none."""
    return _Patterns(
        word=re.compile(r"[^\s\"'<>`]+"),
        piece=re.compile(r"[^\s\"'<>`()\[\]{}|]+"),
        scheme=re.compile(r"\b((?:bearer|basic) +)[\w.~+/=-]{6,}", re.IGNORECASE),
        token=re.compile(r"\beyJ[\w-]{6,}\.[\w.-]+"),
        assigned=re.compile(
            r"\b([\w-]{0,40}?(?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key"
            r"|access[-_]?key|private[-_]?key|credentials?)[\w-]{0,40}[\"']?(?:=|:(?! )))"
            r"(\"[^\"]*\"|'[^']*'|[^\s,;&\"'\\)}\]]+)",
            re.IGNORECASE,
        ),
        said=re.compile(
            r"\b((?:passw(?:or)?d|passphrase|pwd)(?: is|[\"']?[:=]) )([^\s,;\"')]{4,})",
            re.IGNORECASE,
        ),
    )


_HINTS = ("://", "@", "=", ":", "earer ", "asic ", "eyJ", "ass", "ASS", "wd")
"""One of these is in every text from which something is taken."""


def without_secrets(text: str) -> str:
    """The text without names and passwords in URLs, queries of URLs, and values of secrets."""
    if not any(hint in text for hint in _HINTS):
        return text
    patterns = _patterns()
    if "://" in text:
        text = patterns.piece.sub(lambda found: _url(found[0]), text)
    if "@" in text:
        text = patterns.word.sub(lambda found: _data_source(found[0]), text)
    text = patterns.scheme.sub(rf"\1{GONE}", text)
    text = patterns.token.sub(GONE, text)
    text = patterns.assigned.sub(rf"\1{GONE}", text)
    return patterns.said.sub(rf"\1{GONE}", text)


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


class _LinePatterns(NamedTuple):
    query: re.Pattern[str]
    named: re.Pattern[str]
    known: re.Pattern[str]
    random: re.Pattern[str]
    encoded: re.Pattern[str]


@cache
def _line_patterns() -> _LinePatterns:
    return _LinePatterns(
        query=re.compile(r"(://[^\s?#]{0,2000})\?\S*"),
        # A name of a secret with a value behind it; only the name is in many errors.
        named=re.compile(
            r"(?:passw(?:or)?d|passphrase|\bpass|_pass|pwd|secret|token|authorization|cookie"
            r"|credentials?|(?:api|access|account|auth|client|encryption|license|master|private"
            r"|secret|shared|signing|ssh)[-_. ]?key)[\w.-]{0,40}[\"'\]]{0,2} {0,4}(?:=|:|=>) {0,4}"
            r"[^\s:=]",
            re.IGNORECASE,
        ),
        known=re.compile(
            r"-----(?:BEGIN|END)|\b(?:AKIA|ASIA)[A-Z0-9]{12}|\bgh[oprsu]_\w{16}|\bgithub_pat_"
            r"|\bglpat-|\bxox[abeoprs]-|\b[sr]k_(?:live|test)_|\bAIza[\w-]{20}|\bya29\.|\bhvs\."
            r"|\bAccountKey\b|\bnpm_\w{20}|\$2[aby]\$|\$argon2|\$6\$"
            r"|\b(?:token|password|secret) [\"'`]?(?=[\w-]{0,60}\d)[\w-]{12}",
            re.IGNORECASE,
        ),
        random=re.compile(r"[\w+=-]{32,}"),
        encoded=re.compile(r"[A-Za-z0-9+/]{4,}={0,2}"),
    )


def without_secret_lines(lines: list[str]) -> tuple[list[str], int]:
    """The lines without those that look as if they held a secret, and how many those are.

    Which of them do is a guess: too many are left out rather than too few. Of URLs in the others
    the queries are cut.
    """
    patterns = _line_patterns()
    dropped = _encoded(lines, patterns)
    kept = []
    for number, line in enumerate(lines):
        plain = patterns.query.sub(rf"\1{QUERY}", line)
        if number not in dropped and not _looks_secret(plain, patterns):
            kept.append(plain)
    return kept, len(lines) - len(kept)


def _looks_secret(line: str, patterns: _LinePatterns) -> bool:
    if patterns.named.search(line) or patterns.known.search(line):
        return True
    if any(_is_random(found[0]) for found in patterns.random.finditer(line)):
        return True
    return without_secrets(line) != line


def _is_random(word: str) -> bool:
    """Whether a long word has letters of both cases and digits, as keys have and names do not."""
    return (
        any(c.isdigit() for c in word)
        and any(c.isupper() for c in word)
        and any(c.islower() for c in word)
    )


def _encoded(lines: list[str], patterns: _LinePatterns) -> set[int]:
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
            while before >= 0 and patterns.encoded.fullmatch(lines[before].strip()):
                found.add(before)
                before -= 1
    return found
