"""``/proc/net/tcp``, ``tcp6``, ``udp``, ``udp6`` and ``sctp/eps``.

The columns are those of ``Documentation/networking/proc_net_tcp.rst`` in the Linux sources.
Addresses are 32-bit words in the byte order of the node; ports are plain hexadecimal. A table knows
neither device nor scope nor IPV6_V6ONLY, and lists what the whole network namespace has: with
hostNetwork, the node's sockets.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from kubectl_portcheck.collect.sockets.rows import Row, address_text, canonical, lines
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.regex import regex

ByteOrder = Literal["little", "big"]

# 0A is TCP_LISTEN. Of UDP, 07 (TCP_CLOSE) is bound and not connected: a server, or a client that
# has sent without connecting, which looks the same.
LISTENING: dict[str, Protocol] = {"0A": "TCP", "07": "UDP"}
ENTRY = regex(
    r"[ \t]*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) (0{8}|0{32}):0000 (0A|07)"
    r" [0-9A-F]+:([0-9A-F]{8}) [0-9A-F]+:[0-9A-F]+ [0-9A-F]+"
    r"[ \t]+(\d{1,10})[ \t]+\d+[ \t]+(\d{1,20})(?!\S)",
    re.ASCII,
)
ENDPOINT = regex(
    r"\S+ \S+[ \t]+\d+[ \t]+10[ \t]+-?\d+[ \t]+"
    r"(\d{1,5})[ \t]+(\d{1,10})[ \t]+(\d{1,20})[ \t]+(\S.*)",
    re.ASCII,
)
LOOPBACKS: dict[str, ByteOrder] = {
    "0100007F": "little",
    "7F000001": "big",
    "00000000000000000000000001000000": "little",
    "00000000000000000000000000000001": "big",
}
MAPPED_WORDS: dict[str, ByteOrder] = {"FFFF0000": "little", "0000FFFF": "big"}


def proc_rows(tables: Iterable[str], byteorder: ByteOrder = "little") -> list[Row]:
    """Return the listening rows in any number of tables of TCP and UDP, over IPv4 or IPv6.

    ``byteorder`` is that of the node; it gives way to a loopback or IPv4-mapped address in the
    tables, which tells. It is looked for in all of them, since one node has only one.
    """
    entries = [
        entry for table in tables for entry in map(ENTRY.match, lines(table)) if entry is not None
    ]
    return list(_rows(entries, byteorder))


def sctp_rows(text: str) -> Iterator[Row]:
    """Yield the listening endpoints in ``/proc/net/sctp/eps``, one a bound address."""
    for line in lines(text):
        match = ENDPOINT.match(line)
        if match is None or not 0 < int(match[1]) < 65536:
            continue
        for text_of_address in match[4].split():
            address = canonical(text_of_address)
            if address:
                uid, inode = int(match[2]), int(match[3])
                yield Row("SCTP", address, int(match[1]), uid=uid, inode=inode)


def _rows(entries: list[re.Match[str]], byteorder: ByteOrder) -> Iterator[Row]:
    order = _evident_order(entries) or byteorder
    for entry in entries:
        words, port = entry[1], int(entry[2], 16)
        if port:
            yield Row(
                LISTENING[entry[4]],
                address_text(_network_order(words, order)),
                port,
                uid=int(entry[6]),
                inode=int(entry[7]),
                # Of a listening TCP socket, rx_queue is its accept queue (get_tcp4_sock).
                waiting=int(entry[5], 16) if entry[4] == "0A" else 0,
            )


def _evident_order(entries: Iterable[re.Match[str]]) -> ByteOrder | None:
    """Find an address that makes sense in one byte order only."""
    for entry in entries:
        words = entry[1]
        order = LOOPBACKS.get(words)
        if order is None and len(words) == 32 and words.startswith("0" * 16):
            order = MAPPED_WORDS.get(words[16:24])
        if order:
            return order
    return None


def _network_order(words: str, byteorder: ByteOrder) -> bytes:
    packed = bytes.fromhex(words)
    if byteorder == "big":
        return packed
    return b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
