"""A second look at the connections that a process has not accepted, where the first saw some.

A busy server has such connections for a moment. Here the same ones are looked for twice, a second
apart: they are in ``/proc/net/tcp`` without an inode, since no process holds them yet. Their
clients' addresses are compared and dropped.
"""

import re
from collections.abc import Iterable

import msgspec

from kubectl_portcheck.collect.sockets.rows import lines
from kubectl_portcheck.model.probes import AcceptQueue
from kubectl_portcheck.regex import regex

BACKLOG_SCRIPT = r"""exec 2>/dev/null
q(){ for t in tcp tcp6;do
grep -E ' 0A | 0[18] [0-9A-F:]+ [0-9A-F:]+ [0-9A-F]+ +[0-9]+ +[0-9]+ 0 ' /proc/net/$t
done;}
echo first
q
sleep 1&&echo second&&q
echo end
"""
"""For any POSIX shell with grep and sleep; it reads two tables and writes nothing."""

# 0A: listens. 01 and 08 without an inode: connected, or already given up by the client, and
# not accepted by any process.
ROW = regex(
    r" *\d+: ([0-9A-F]{8,32}):([0-9A-F]{4}) ([0-9A-F]{8,32}:[0-9A-F]{4}) (0A|01|08)"
    r" [0-9A-F]+:([0-9A-F]{8}) [0-9A-F:]+ [0-9A-F]+ +\d+ +\d+ (\d+)(?!\S)",
    re.ASCII,
)


class _Look(msgspec.Struct, frozen=True):
    """What one look shows of one port."""

    sockets: int
    backlog: int
    waiting: frozenset[tuple[str, str]]


def second_look(output: bytes, seen: Iterable[AcceptQueue]) -> tuple[AcceptQueue, ...]:
    """The queues of ``seen`` that still hold connections, by the output of the script.

    They come back unchanged where the output has no second look.
    """
    all_lines = lines(output.decode("utf-8", "replace"))
    if "second" not in all_lines or "end" not in all_lines:
        return tuple(seen)
    middle = all_lines.index("second")
    first, second = _look(all_lines[:middle]), _look(all_lines[middle:])
    found = []
    for queue in seen:
        before, now = first.get(queue.port), second.get(queue.port)
        if before is None or now is None or not now.backlog:
            continue
        found.append(
            AcceptQueue(
                port=queue.port,
                waiting=now.backlog,
                limit=queue.limit,
                sockets=now.sockets,
                stuck=len(before.waiting & now.waiting),
                accepted=len(before.waiting - now.waiting),
            )
        )
    return tuple(found)


def _look(table: Iterable[str]) -> dict[int, _Look]:
    """By port."""
    sockets: dict[int, int] = {}
    backlog: dict[int, int] = {}
    waiting: dict[int, set[tuple[str, str]]] = {}
    for row in map(ROW.match, table):
        if row is None:
            continue
        port = int(row[2], 16)
        if row[4] == "0A":
            sockets[port] = sockets.get(port, 0) + 1
            backlog[port] = backlog.get(port, 0) + int(row[5], 16)
        elif row[6] == "0":
            waiting.setdefault(port, set()).add((row[1], row[3]))
    return {
        port: _Look(count, backlog[port], frozenset(waiting.get(port, ())))
        for port, count in sockets.items()
    }
