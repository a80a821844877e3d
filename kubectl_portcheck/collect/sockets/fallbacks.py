"""Ways to ask a container that has no shell, each a plain argv that starts one program."""

from collections.abc import Callable

import msgspec

from kubectl_portcheck.collect.sockets.failures import Unreadable
from kubectl_portcheck.collect.sockets.netstat import parse_netstat
from kubectl_portcheck.collect.sockets.proc import ByteOrder, proc_rows
from kubectl_portcheck.collect.sockets.rows import conclude, lines, queues
from kubectl_portcheck.collect.sockets.script import parse_script_output
from kubectl_portcheck.model.base import Reason
from kubectl_portcheck.model.probes import PodSockets


class Fallback(msgspec.Struct, frozen=True):
    """One program that may be there, and how to read what it says."""

    program: str
    argv: tuple[str, ...]
    parse: Callable[[bytes, str | None, ByteOrder | None], PodSockets]
    """Takes the output, the container and the node's byte order (None: infer it). Raises
    :class:`Unreadable`."""


# The interpreters answer in the format of the script, without processes.
_NODE = """const r=f=>require('fs').readFileSync('/proc/'+f,'latin1').split('\\n'),p=console.log
p('portcheck 1')
p('cpu '+r('cpuinfo')[0])
for(const t of['tcp','tcp6','udp','udp6'])try{const l=r('net/'+t)
p('table '+t)
for(const x of l)if(/ 0[7A] /.test(x))p(x)}catch(e){}
p('end')"""
_PYTHON = """print('portcheck 1')
print('cpu '+open('/proc/cpuinfo').readline().rstrip())
for t in 'tcp','tcp6','udp','udp6':
 try:
  f=open('/proc/net/'+t)
  print('table '+t)
  for l in f:
   if ' 0A ' in l or ' 07 ' in l:print(l.rstrip())
 except OSError:pass
print('end')"""
_PERL = """print "portcheck 1\\n";
if(open F,"</proc/cpuinfo"){print "cpu ".<F>}
for $t("tcp","tcp6","udp","udp6"){open F,"</proc/net/$t" or next;
print "table $t\\n";/ 0[7A] /&&print while<F>}
print "end\\n";"""


def parse_concatenated(
    output: bytes, container: str | None = None, byteorder: ByteOrder | None = None
) -> PodSockets:
    """Read several tables of ``/proc/net`` one after the other, as cat prints them.

    Raises :class:`Unreadable` where there is no table.
    """
    text = output.decode("utf-8", "replace")
    if "local_address" not in text:
        raise Unreadable(Reason.FAILED, "the output is no table of /proc/net")
    rows = proc_rows([text], byteorder or "little")
    return PodSockets(
        listeners=conclude(rows, "proc"),
        source="proc",
        container=container,
        complete=text.endswith("\n"),
        queues=queues(rows),
    )


def parse_netstat_output(
    output: bytes, container: str | None = None, byteorder: ByteOrder | None = None
) -> PodSockets:
    """Read the output of netstat on Linux.

    Raises :class:`Unreadable` where there is no header and no listener, as with a usage text.
    """
    text = output.decode("utf-8", "replace")
    listeners = parse_netstat(text)
    if not listeners and not any(line.startswith("Proto ") for line in lines(text)):
        raise Unreadable(Reason.FAILED, "the output is not that of netstat")
    return PodSockets(
        listeners=listeners,
        source="netstat",
        container=container,
        complete=text.endswith("\n"),
    )


INTERPRETERS: tuple[Fallback, ...] = (
    Fallback("node", ("node", "-e", _NODE), parse_script_output),
    Fallback("python3", ("python3", "-c", _PYTHON), parse_script_output),
    Fallback("perl", ("perl", "-e", _PERL), parse_script_output),
)
"""To be tried where the image or the command hints at one."""

TOOLS: tuple[Fallback, ...] = (
    Fallback(
        "cat",
        ("cat", "/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"),
        parse_concatenated,
    ),
    Fallback("netstat", ("netstat", "-tuln"), parse_netstat_output),
)
"""To be tried in this order. cat fails with exit code 1 where the node has no IPv6, and still
prints the other tables."""
