"""``netstat`` of net-tools, busybox and toybox, with any of -a -l -t -u -n -p -e -o -W.

The three print the same columns. What they differ in does not matter here: busybox calls IPv6
``tcp`` and net-tools writes an IPv4-mapped address without its prefix, so the family is read only
from the address.
"""

import re

from kubectl_portcheck.collect.sockets.rows import Row, canonical, conclude, endpoint, lines, name
from kubectl_portcheck.collect.sockets.rows import number as decimal
from kubectl_portcheck.model.probes import ListeningSocket, Protocol
from kubectl_portcheck.regex import regex

PROTOCOLS: dict[str, Protocol] = {"tcp": "TCP", "tcp6": "TCP", "udp": "UDP", "udp6": "UDP"}
LOCAL_ADDRESS_COLUMN = 20
LOCAL_ADDRESS_WIDTH = 23

# The word for LISTEN is a matter of the locale, so the others are known instead.
OTHER_STATES = frozenset(
    [
        *("ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"),
        *("CLOSE", "CLOSE_WAIT", "LAST_ACK", "CLOSING", "CLOSED", "BOUND", "UNKNOWN"),
    ]
)
PROGRAM = regex(r"(?:^|[ \t])\d+/(.*)", re.ASCII | re.DOTALL)
TIMER = regex(r"[ \t]\S+ \(\d+\.\d+/\d+/\d+\)[ \t]*$", re.ASCII)
UNIX_ROW = regex(r"unix +\d+ +\[ [^\]]{0,20}\] +(?:STREAM|DGRAM|SEQPACKET) ", re.ASCII)
CUT_ADDRESS = frozenset("0123456789abcdef:.")
"""What an IPv6 address that was cut contains."""


def parse_netstat(text: str) -> tuple[ListeningSocket, ...]:
    """Return the listeners in the output of netstat on Linux, in its order.

    Without ``-W``, net-tools and toybox cut IPv6 addresses that are wider than the column: such an
    ``address`` is the piece that was shown, and may not be a valid address. Rows whose address or
    port is a name (no ``-n``) are left out.
    """
    candidates = []
    for line in lines(text):
        line = line.lstrip(" \t")
        if UNIX_ROW.match(line):
            break
        if line.startswith(("tcp", "udp")):
            candidates.append(line)
    # The second line of a program name may look like a row, but at 19 characters it cannot also
    # look like an aligned one. Output that lost its alignment on the way has no aligned rows.
    aligned = [line for line in candidates if len(line[:LOCAL_ADDRESS_COLUMN].split()) <= 3]
    rows = (_row(line) for line in aligned or candidates)
    return conclude((row for row in rows if row), "netstat")


def _row(line: str) -> Row | None:
    fields = line.split(None, 5)
    if len(fields) < 5:
        return None
    protocol = PROTOCOLS.get(fields[0])
    local = endpoint(fields[3])
    # A connected socket has a peer with a port.
    if protocol is None or local is None or not fields[4].endswith(":*"):
        return None
    if not fields[1].isdigit() or not fields[2].isdigit():
        return None
    address = canonical(local.host) or _cut(fields[3], local.host)
    if address is None:
        return None

    rest = TIMER.sub("", fields[5]) if len(fields) > 5 else ""
    program = PROGRAM.search(rest)
    before = (rest[: program.start()] if program else rest).split()
    if protocol == "TCP" and (not before or before[0] in OTHER_STATES):
        return None
    return Row(
        protocol,
        address,
        local.port,
        device=local.device,
        program=name(program[1].rstrip(" \r")) if program else None,
        uid=_uid(before),
    )


def _cut(text: str, host: str) -> str | None:
    """Return what is left of an IPv6 address that was too wide: it still fills its column."""
    if len(text) != LOCAL_ADDRESS_WIDTH or ":" not in host or not CUT_ADDRESS.issuperset(host):
        return None
    return host.removeprefix("::ffff:")


def _uid(fields: list[str]) -> int | None:
    """Read the uid of ``-e``, which comes before the inode and may be a name."""
    if fields and fields[-1] == "-":
        fields = fields[:-1]
    if len(fields) < 2 or decimal(fields[-1]) is None:
        return None
    return decimal(fields[-2])
