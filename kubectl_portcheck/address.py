"""The address in what a client reports: a host and a port in an error, a URL, a name, an IP.

A line is read for the address that the client could not reach, and for nothing else: not for the
DNS server that it asked, nor for its own address. User names and passwords of a URL are skipped.
"""

import re
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address
from typing import Final, NamedTuple

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.withheld import without_secrets

LONGEST: Final = 4096
"""Characters of a line that are read."""

_LABEL = r"[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL}){{0,10}}\.?"
_HOST = rf"(?:\[[0-9a-f:.]{{2,45}}\]|{_NAME})"
_PORT = r"(?P<port>\d{1,5})"
_URL = (
    rf"(?P<scheme>https?|wss?|grpcs?|tcp|postgres(?:ql)?|mysql|mongodb|rediss?|amqps?|nats|kafka)"
    rf"://(?:[^\s/@'\"]{{0,256}}@)?(?P<host>{_HOST})(?::(?P<port>\d{{1,5}}))?"
)


class Address(NamedTuple):
    """What a client tried to reach."""

    host: str
    """A DNS name in lower case without the dot at its end, or an IP without brackets."""
    port: int | None = None
    line: bool = False
    """Whether it was read from a longer text, such as an error."""

    @property
    def title(self) -> str:
        """The same, as a target is called."""
        return self.text

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP address."""
        return is_ip(self.host)

    @property
    def text(self) -> str:
        """``checkout.shop:80``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def service(self) -> tuple[str, str] | None:
        """Name and namespace of the Service that a DNS name means; '' where there is none.

        None for an IP and for a name that is no Service's: more than two labels without ``svc``.
        ``HOST.NAME.NAMESPACE.svc`` is a pod of the headless Service.
        """
        if self.is_ip:
            return None
        labels = self.host.split(".")
        if len(labels) <= 2:
            return labels[0], labels[1] if len(labels) == 2 else ""
        place = labels.index("svc") if "svc" in labels[2:4] else 0
        return (labels[place - 2], labels[place - 1]) if place >= 2 else None


SCHEME_PORTS = {
    "http": 80,
    "ws": 80,
    "grpc": 80,
    "https": 443,
    "wss": 443,
    "grpcs": 443,
    "postgres": 5432,
    "postgresql": 5432,
    "mysql": 3306,
    "mongodb": 27017,
    "redis": 6379,
    "rediss": 6379,
    "amqp": 5672,
    "amqps": 5671,
    "nats": 4222,
    "kafka": 9092,
}
"""The port of a URL that names none."""

# In the order in which they are tried: what names the far end beyond doubt comes first.
_PATTERNS: Final = (
    # nginx: the client and the server's own name are in the same line.
    rf"upstream: \"{_URL}",
    rf"host not found in upstream \"(?P<host>{_HOST})(?::(?P<port>\d{{1,5}}))?\"",
    # Envoy
    rf"remote address:\s?(?P<host>{_HOST}):{_PORT}",
    # Go: the DNS server follows "on", the client's own address comes before "->".
    rf"\blookup (?P<host>{_HOST})(?: on \S+)?:",
    rf"\bdial (?:tcp|udp)[46]? (?:\S{{1,64}}->)?(?P<host>{_HOST}):{_PORT}",
    rf"\b(?:read|write) (?:tcp|udp)[46]? \S{{1,64}}->(?P<host>{_HOST}):"
    rf"{_PORT}",
    # Python: requests and urllib3, libpq, MySQL, redis-py
    rf"host='(?P<host>{_HOST})', port={_PORT}",
    rf"Failed to resolve '(?P<host>{_HOST})'",
    rf"connection to server at \"(?P<host>{_HOST})\"(?: \([^)]{{0,64}}\))?, port "
    rf"{_PORT}",
    rf"could not translate host name \"(?P<host>{_HOST})\"",
    rf"MySQL server on '(?P<host>{_HOST})(?::(?P<port>\d{{1,5}}))?'",
    rf"connecting to (?P<host>{_HOST}):{_PORT}",
    # Java: NAME/IP:PORT
    rf"(?:refused:|timed out:|connect to|connect:) (?P<host>{_NAME})/"
    rf"[0-9a-f.:]{{2,45}}:{_PORT}",
    rf"UnknownHostException: (?P<host>{_HOST})",
    # Node.js
    rf"\b(?:ECONNREFUSED|ETIMEDOUT|ECONNRESET|EHOSTUNREACH) (?P<host>{_HOST}):"
    rf"{_PORT}",
    rf"\b(?:ENOTFOUND|EAI_AGAIN) (?P<host>{_HOST})",
    # curl, wget
    rf"(?:connect|connection) to (?P<host>{_HOST}) (?:\([^)]{{0,64}}\) )?port "
    rf"{_PORT}",
    rf"(?:resolve host(?: address)?:?|resolve) [‘'\"]?(?P<host>{_HOST})[’'\"]?(?:[^\w.]|$)",
    # Anything else that is an address by its form
    _URL,
    rf"(?<![-\w.:/@])(?P<host>\[[0-9a-f:.]{{2,45}}\]|\d{{1,3}}(?:\.\d{{1,3}}){{3}}|{_NAME}):"
    rf"(?P<port>\d{{2,5}})(?![-\w.:])",
)


@cache
def _patterns() -> tuple["re.Pattern[str]", ...]:
    """Compiled when a line is first read: most runs are given none."""
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in _PATTERNS)


def is_address(word: str) -> bool:
    """Whether a word of the command line is an address or a line, and no ``KIND/NAME[:PORT]``."""
    if any(c.isspace() for c in word) or "://" in word or word.startswith("["):
        return True
    host, _, _ = word.partition(":")
    return "/" not in word and ("." in host or is_ip(word))


def read_address(text: str) -> Address:
    """Read a URL, a DNS name, an IP, ``HOST:PORT`` or a line that has one of them.

    Raises UsageError where no address can be found, with the part that was read.
    """
    word = text.strip()
    whole = _whole(word)
    if whole is not None:
        return whole
    # Before anything is read: an @ or a slash in a password would make a host of its rest.
    line = without_secrets(" ".join(text[:LONGEST].split()))
    for pattern in _patterns():
        found = pattern.search(line)
        if found is not None and (address := _address(found)) is not None:
            return address._replace(line=line != found[0])
    shown = line if len(line) <= 60 else f"{line[:60]}..."
    raise UsageError(
        f"no address found in {shown!r}",
        "Give a Service's name, NAME.NAMESPACE, an IP, HOST:PORT, a URL, or the whole error line.",
    )


def _whole(word: str) -> Address | None:
    """The address that the word is, without anything around it."""
    if is_ip(word.strip("[]")):
        return Address(word.strip("[]").lower())
    found = re.fullmatch(rf"(?P<host>{_HOST})(?::(?P<port>\d{{1,5}}))?", word, re.IGNORECASE)
    return _address(found) if found is not None else None


def _address(found: "re.Match[str]") -> Address | None:
    groups = found.groupdict()
    host = groups["host"].strip("[]").rstrip(".").lower()
    port = _number(groups.get("port")) if groups.get("port") else None
    if groups.get("port") and port is None:
        return None
    if port is None and groups.get("scheme"):
        port = SCHEME_PORTS.get(groups["scheme"].lower())
    numeric = host.replace(".", "").isdigit() and not is_ip(host)
    return None if not host or numeric else Address(host, port)


def _number(text: str | None) -> int | None:
    number = int(text) if text and text.isascii() and text.isdecimal() else 0
    return number if 0 < number < 65536 else None


def is_ip(text: str) -> bool:
    """Whether it is an IP address."""
    return _tried(ip_address, text)


def _tried(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
