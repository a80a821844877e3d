"""``ss`` of iproute2, in its two dialects.

In the old one (seen in 3.16 and 4.11), ``*:8080`` is the wildcard of IPv4 and ``:::8080`` that of
IPv6. In the new one (seen from 4.20 to 7.1), ``*:8080`` is the dual-stack wildcard, ``[::]:8080``
the IPv6-only one and ``0.0.0.0:8080`` that of IPv4. No output says which dialect it is in.
"""

import re
from typing import Literal

import msgspec

from kubectl_portcheck.collect.sockets.rows import Row, canonical, endpoint, name
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.regex import regex

Dialect = Literal["old", "new", "unknown"]

# A Netid column is printed only where more than one kind of socket was asked for.
KINDS: dict[tuple[str, str], Protocol] = {
    ("tcp", "LISTEN"): "TCP",
    ("mptcp", "LISTEN"): "TCP",
    ("sctp", "LISTEN"): "SCTP",
    ("udp", "UNCONN"): "UDP",
    ("", "LISTEN"): "TCP",
    ("", "UNCONN"): "UDP",
}
# A process name may hold newlines, so a row ends where the next one starts, not at the line's end.
NEXT_ROW = regex(
    r"\n(?=[ \t]*(?:[a-z][a-z0-9_]{0,9}[ \t]+)?[A-Z][A-Z0-9-]{1,11}[ \t]+\d+[ \t]+\d+[ \t])",
    re.ASCII,
)
# The name is unescaped and may itself hold '",pid=1,fd=3': what follows tells its true end.
USER = regex(
    r'\("(.{0,64}?)",(?:pid=)?(\d{1,10}),(?:fd=)?\d{1,10}\)(?=,\("|\)(?:\s|$))',
    re.ASCII | re.DOTALL,
)
DETAIL = regex(r"(?<!\S)(uid|ino|v6only):(\d{1,20})(?!\S)", re.ASCII)
# The old dialect has columns of a fixed width, which no width of the new one equals.
OLD_COLUMNS = regex(r"(?:(?:tcp|udp) {4})?(?:LISTEN|UNCONN) {5}\d", re.ASCII)
NEW_COLUMNS = regex(r"(?:[a-z]+ {1,9})?(?:LISTEN|UNCONN) {1,4}\d{1,6} {2}", re.ASCII)


class _Line(msgspec.Struct, frozen=True):
    text: str
    protocol: Protocol
    local: str
    peer: str
    rest: str
    received: int
    sent: int


def ss_rows(text: str) -> list[Row]:
    """Return the listening rows in the output of ss with any of -a -l -t -u -n -p -e -o -H.

    Inodes are there where ``-e`` shows them. Whether a wildcard is dual-stack is not known where
    the dialect is not known, or where the old one shows it without ``-e``. The usage text of a
    version that knows no ``-H`` has no rows.
    """
    listed = [line for line in map(_line, NEXT_ROW.split(text.replace("\r\n", "\n"))) if line]
    dialect = _dialect(listed)
    return [row for row in (_row(line, dialect) for line in listed) if row]


def _line(text: str) -> _Line | None:
    text = text.lstrip()
    fields = text.split(None, 6)
    if fields and fields[0].isupper():
        fields = ["", *text.split(None, 5)]
    if len(fields) < 6:
        return None
    netid, state, received, sent, local, peer = fields[:6]
    protocol = KINDS.get((netid, state))
    if protocol is None or not received.isdigit() or not sent.isdigit():
        return None
    rest = fields[6] if len(fields) > 6 else ""
    return _Line(text, protocol, local, peer, rest, int(received[:10]), int(sent[:10]))


def _dialect(listed: list[_Line]) -> Dialect:
    new = any(
        one.startswith(("0.0.0.0", "[")) for line in listed for one in (line.local, line.peer)
    )
    old = any(
        line.peer.startswith(":::") or (line.peer.startswith("*") and line.local[0].isdigit())
        for line in listed
    )
    if new or old:
        # Both: a version between the two, which wrote '*' for the wildcards of both families.
        return "unknown" if new and old else "new" if new else "old"
    # Every socket is '*:PORT': all are IPv4 in the old dialect, all are dual-stack in the new one.
    if any(OLD_COLUMNS.match(line.text) for line in listed):
        return "old"
    return "new" if any(NEW_COLUMNS.match(line.text) for line in listed) else "unknown"


def _row(line: _Line, dialect: Dialect) -> Row | None:
    local = endpoint(line.local)
    if local is None or not line.peer.endswith(":*"):
        return None
    users, end = _users(line.rest)
    details = dict(DETAIL.findall(line.rest, end))
    v6only = details["v6only"] == "1" if "v6only" in details else None

    address = canonical(local.host)
    if local.host == "*":
        address = "0.0.0.0" if dialect == "old" and v6only is None else "::"
        if dialect == "new":
            v6only = False
    elif local.host == "::" and dialect == "new":
        v6only = True
    if address is None:
        return None

    uid = details.get("uid", "0" if "ino" in details else None)  # a uid of 0 is not printed
    return Row(
        line.protocol,
        address,
        local.port,
        v6only=v6only,
        device=local.device,
        program=name(users[min(users)]) if users else None,
        uid=None if uid is None else int(uid),
        inode=int(details.get("ino", 0)),
        # Of a listening TCP socket: the accept queue, and its limit.
        waiting=line.received if line.protocol == "TCP" else 0,
        limit=line.sent if line.protocol == "TCP" else None,
    )


def _users(rest: str) -> tuple[dict[int, str], int]:
    """Return the names of the processes that hold a socket by pid, and where their list ends."""
    users, end = {}, 0
    start = rest.find("users:((")
    for match in USER.finditer(rest, start) if start >= 0 else ():
        users[int(match[2])] = match[1]
        end = match.end()
    return users, end
