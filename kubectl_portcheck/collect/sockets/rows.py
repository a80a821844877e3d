"""What every tool's parser yields, and how the rows of one answer are judged together."""

from collections.abc import Iterable
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

import msgspec

from kubectl_portcheck.inputs.limits import OUTPUT_LINES
from kubectl_portcheck.model.probes import (
    AcceptQueue,
    Family,
    ListenerSource,
    ListeningSocket,
    Protocol,
)

HIGHEST_PORT = 65535
MAPPED_PREFIX = bytes(10) + b"\xff\xff"


class Row(msgspec.Struct, frozen=True):
    """One listening socket as one tool shows it."""

    protocol: Protocol
    address: str
    """In canonical form; an IPv4-mapped one as the IPv4 address."""
    port: int
    v6only: bool | None = None
    """None where the tool does not tell; without meaning unless the address is ``::``."""
    device: str | None = None
    container: str | None = None
    program: str | None = None
    inferred: bool = False
    uid: int | None = None
    waiting: int = 0
    """TCP: connections that the process has not accepted yet."""
    limit: int | None = None
    """TCP: how many of them the kernel keeps; None where the tool does not tell."""
    inode: int = 0
    """0 where the tool does not tell, or no process holds the socket any more."""


class Endpoint(msgspec.Struct, frozen=True):
    """The two halves of ``address:port`` as a tool prints them."""

    host: str
    port: int
    device: str | None


def conclude(rows: Iterable[Row], source: ListenerSource) -> tuple[ListeningSocket, ...]:
    """Turn the rows of one whole answer into listeners.

    Two things show only in the whole: an IPv6 wildcard next to an IPv4 one on the same port must
    be IPv6-only (the kernel would have refused the second bind), and the sockets of a
    SO_REUSEPORT group, one a worker thread, are one listener to a client.
    """
    rows = tuple(rows)
    ipv4_wildcards = {
        (row.protocol, row.port) for row in rows if row.address == "0.0.0.0" and row.device is None
    }
    listeners: dict[ListeningSocket, None] = {}
    for row in rows:
        family, certain = _family(row, (row.protocol, row.port) in ipv4_wildcards)
        listener = ListeningSocket(
            protocol=row.protocol,
            family=family,
            family_certain=certain,
            address=row.address,
            port=row.port,
            device=row.device,
            container=row.container,
            program=row.program,
            program_inferred=row.inferred,
            uid=row.uid,
            source=source,
        )
        listeners[listener] = None
    return tuple(listeners)


def queues(rows: Iterable[Row]) -> tuple[AcceptQueue, ...]:
    """The TCP ports whose process lets connections wait, by number.

    A port may have several sockets, one for each worker or address; their queues count together.
    """
    found: dict[int, list[Row]] = {}
    for row in rows:
        if row.protocol == "TCP":
            found.setdefault(row.port, []).append(row)
    return tuple(
        AcceptQueue(
            port=port,
            waiting=waiting,
            limit=sum(limits) if len(limits := _limits(sockets)) == len(sockets) else None,
        )
        for port, sockets in sorted(found.items())
        if (waiting := sum(s.waiting for s in sockets))
    )


def _limits(sockets: Iterable[Row]) -> list[int]:
    return [s.limit for s in sockets if s.limit is not None]


def _family(row: Row, beside_ipv4: bool) -> tuple[Family, bool]:
    if ":" not in row.address:
        return "IPv4", True
    if row.address != "::" or row.v6only:
        return "IPv6", True
    if row.v6only is False:
        return "dual", True
    return ("IPv6", True) if beside_ipv4 else ("dual", False)


def canonical(address: str) -> str | None:
    """Return the canonical text of an IP address, or None where it is none.

    An IPv4-mapped IPv6 address comes back as the IPv4 address that it accepts.
    """
    try:
        if ":" in address:
            return address_text(inet_pton(AF_INET6, address))
        return inet_ntop(AF_INET, inet_pton(AF_INET, address))
    except (OSError, ValueError):
        return None


def address_text(packed: bytes) -> str:
    """Return the canonical text of an address of 4 or 16 bytes in network order."""
    if len(packed) == 4:
        return inet_ntop(AF_INET, packed)
    if packed.startswith(MAPPED_PREFIX):
        return inet_ntop(AF_INET, packed[12:])
    return inet_ntop(AF_INET6, packed)


def endpoint(text: str) -> Endpoint | None:
    """Split ``0.0.0.0%eth0:67``, ``[fe80::1%4]:80``, ``:::80`` and their like.

    None where the port is no number: a service name may mean another port than here.
    """
    host, _, port_text = text.rpartition(":")
    port = number(port_text)
    if not host or port is None or not 0 < port <= HIGHEST_PORT:
        return None
    if host.startswith("["):
        host = host.replace("[", "", 1).replace("]", "", 1)
    host, _, device = host.partition("%")
    return Endpoint(host, port, device or None)


def number(text: str) -> int | None:
    """Return a decimal number of ordinary digits and sane length, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def name(text: str) -> str | None:
    """Return a process name that is safe to show, or None where there is none.

    Names are chosen by the process, so they may hold anything: what does not print (escape
    sequences, newlines, characters that turn the writing direction) becomes a question mark.
    """
    if text.isprintable():
        return text or None
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in text)


def lines(text: str) -> list[str]:
    """Split only at newlines: ``str.splitlines`` knows more line ends than a process name.

    What is beyond the limit is one last line.
    """
    return text.replace("\r\n", "\n").split("\n", OUTPUT_LINES)
