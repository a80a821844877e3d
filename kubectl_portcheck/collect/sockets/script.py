"""One round trip to a container's shell, and the reading of its answer.

The script asks the kernel, not a tool: nothing but the shell itself is needed for the listeners. It
writes nothing and reads no environment and no command line, since arguments may hold secrets.

=============  =====================================================================
line           meaning
=============  =====================================================================
portcheck 1    the answer starts here, in this format
cpu ...        the first line of ``/proc/cpuinfo``, which gives away the byte order
table tcp      the rows of a table of ``/proc/net`` follow
ss             the output of ``ss -tulne`` follows, where there is one
procs          one line for each process and each socket it holds follows
p PID + ...    four uids and the name of a process; ``-`` where its sockets are hidden
l...           ``ls -ln``: ``/proc/PID/fd/N -> socket:[INODE]``
end            the answer is whole
=============  =====================================================================

A name is the only text that a process chooses. It comes last in its line and without newlines, and
stops at a backslash, which some shells' ``echo`` would turn into one.
"""

import re
from collections.abc import Iterator

import msgspec

from kubectl_portcheck.collect.sockets.failures import Unreadable
from kubectl_portcheck.collect.sockets.proc import ByteOrder, proc_rows, sctp_rows
from kubectl_portcheck.collect.sockets.rows import Row, conclude, lines, name, queues
from kubectl_portcheck.collect.sockets.ss import ss_rows
from kubectl_portcheck.model.base import Reason
from kubectl_portcheck.model.probes import PodSockets
from kubectl_portcheck.regex import regex

# Only sockets are handed to ls, so no file name that a user chose appears in its output. The
# namespace link of a process can be followed under the same condition as its descriptors, and
# unlike a file never hangs. Zombies hold nothing. The shell itself is not part of the pod.
SCRIPT = r"""exec 2>/dev/null
echo portcheck 1
read -r c </proc/cpuinfo
echo "cpu $c"
for t in tcp tcp6 udp udp6;do f=/proc/net/$t
[ -r $f ]||continue
echo table $t
grep ' 0[7A] ' $f
[ $? -gt 1 ]&&while read -r l;do case $l in *' 0A '*|*' 07 '*)echo "$l";esac;done<$f
done
f=/proc/net/sctp/eps
[ -r $f ]&&echo table sctp&&while read -r l;do echo "$l";done<$f
echo ss
ss -tulne
echo procs
a=
s(){ [ "$a" ]&&ls -ln $a;a=;}
for p in /proc/[0-9]*;do
[ $p = /proc/$$ ]&&continue
r=-;[ -e $p/ns/net ]&&r=+
while read -r k v;do case $k in
Name:)n=${v%%\\*};;
State:)case $v in Z*)break;esac;;
Uid:)echo "p ${p#/proc/} $r $v $n";break;esac;done<$p/status
for f in $p/fd/*;do [ -S $f ]&&a="$a $f"&&[ ${#a} -gt 9999 ]&&s;done
done;s
echo end
"""

TABLES = ("tcp", "tcp6", "udp", "udp6", "sctp")
PROCESS = regex(r"p (\d{1,10}) ([+-]) ?\s*\d+\s+(\d{1,10})\s+\d+\s+\d+ ?(.*)", re.ASCII)
HELD = regex(r"l.*? /proc/(\d{1,10})/fd/\d{1,10} -> '?socket:\[(\d{1,20})\]'?$", re.ASCII)
EPHEMERAL_PORTS = range(32768, 61000)


class Process(msgspec.Struct, frozen=True):
    """One process of the container's PID namespace."""

    pid: int
    readable: bool
    """Whether the sockets that it holds could be seen."""
    uid: int
    """The effective uid."""
    program: str | None


class Answer(msgspec.Struct, frozen=True):
    """The sections of an answer, as text."""

    tables: dict[str, str]
    ss: str
    processes: list[Process]
    holders: dict[int, list[int]]
    """The pids that hold a socket, by its inode."""
    big_endian: bool
    whole: bool


def parse_script_output(
    output: bytes,
    container: str | None = None,
    byteorder: ByteOrder | None = None,
    *,
    host_pid: bool = False,
) -> PodSockets:
    """Read the answer of :data:`SCRIPT`, or of an interpreter asked for the same lines.

    A listener carries ``container`` where a process that this container sees holds it, and a
    program where that is known; other containers of the pod share its sockets, but not its
    processes. ``byteorder`` is that of the node, where the caller knows it; else it is inferred.
    ``host_pid`` says that the pod has hostPID: then a process in view may belong to another pod.

    Raises :class:`Unreadable` where the output holds no answer, or not one table.
    """
    answer = _read(output.decode("utf-8", "replace"))
    order = byteorder or ("big" if answer.big_endian else "little")
    tables = [text for table, text in answer.tables.items() if table != "sctp"]
    rows = proc_rows(tables, order)
    rows.extend(sctp_rows(answer.tables.get("sctp", "")))
    rows = list(_settle(rows, ss_rows(answer.ss)))
    rows = list(_name_programs(rows, answer, None if host_pid else container, not host_pid))
    return PodSockets(
        listeners=conclude(rows, "proc"),
        source="proc",
        container=container,
        complete=answer.whole,
        notes=tuple(_notes(rows, answer)),
        queues=queues(rows),
    )


def _read(text: str) -> Answer:
    all_lines = lines(text)
    # What is not closed by a newline was cut, and a piece of a number is another number.
    whole = "end" in all_lines[-2:-1]
    cut = all_lines.pop()
    try:
        start = all_lines.index("portcheck 1")
    except ValueError:
        first = next((line for line in (*all_lines, cut) if line.strip()), "")
        detail = f"no answer, but: {name(first)}" if first else "no answer"
        raise Unreadable(Reason.FAILED, detail) from None

    sections: dict[str, list[str]] = {}
    section: list[str] = []
    big_endian = False
    at = start + 1
    while at < len(all_lines):
        line = all_lines[at]
        at += 1
        if line == "procs":
            break
        if line == "ss" or (line.startswith("table ") and line[6:] in TABLES):
            section = sections.setdefault(line.removeprefix("table "), [])
        elif line.startswith("cpu "):
            big_endian = "S390" in line
        else:
            section.append(line)
    processes, holders = _read_processes(all_lines[at:])
    tables = {table: "\n".join(sections[table]) for table in TABLES if table in sections}
    if not tables:
        raise Unreadable(Reason.FAILED, "/proc/net cannot be read in this container")
    ss = "\n".join(sections.get("ss", ()))
    return Answer(tables, ss, processes, holders, big_endian, whole)


def _read_processes(section: list[str]) -> tuple[list[Process], dict[int, list[int]]]:
    processes = []
    holders: dict[int, list[int]] = {}
    for line in section:
        if process := PROCESS.fullmatch(line):
            pid, uid = int(process[1]), int(process[3])
            processes.append(Process(pid, process[2] == "+", uid, name(process[4])))
        elif held := HELD.match(line):
            holders.setdefault(int(held[2]), []).append(int(held[1]))
    return processes, holders


def _settle(rows: list[Row], shown: list[Row]) -> Iterator[Row]:
    """Add what only ss shows: IPV6_V6ONLY, the device and the accept queue's limit."""
    by_inode = {row.inode: row for row in shown if row.inode}
    for row in rows:
        seen = by_inode.get(row.inode)
        if seen is None:
            yield row
        else:
            yield msgspec.structs.replace(
                row, v6only=seen.v6only, device=seen.device, limit=seen.limit
            )


def _name_programs(
    rows: list[Row], answer: Answer, container: str | None, infer: bool
) -> Iterator[Row]:
    """Add the holders of the sockets: seen, or concluded from the uid where they are hidden."""
    programs = {process.pid: process.program for process in answer.processes}
    # With a shared PID namespace a process may be of any container. Its first process is 'pause'.
    own = None if programs.get(1) == "pause" else container
    hidden: dict[int, set[str]] = {}
    for process in answer.processes:
        if infer and not process.readable:
            hidden.setdefault(process.uid, set()).add(process.program or "")

    for row in rows:
        suspects = hidden.get(row.uid, set()) if row.uid is not None else set()
        if row.inode in answer.holders:
            program = programs.get(min(answer.holders[row.inode]))
            yield msgspec.structs.replace(row, container=own, program=program)
        elif row.inode and len(suspects) == 1 and (program := next(iter(suspects))):
            yield msgspec.structs.replace(row, container=own, program=program, inferred=True)
        else:
            yield row


def _notes(rows: list[Row], answer: Answer) -> Iterator[str]:
    if not answer.whole:
        yield "the answer was cut short"
    if any(row.protocol == "UDP" and row.port in EPHEMERAL_PORTS for row in rows):
        yield (
            f"a UDP socket on a port from {EPHEMERAL_PORTS.start} to {EPHEMERAL_PORTS.stop - 1} "
            "may be a client's"
        )
