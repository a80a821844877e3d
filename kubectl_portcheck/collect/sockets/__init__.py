"""Which sockets listen in a pod, from the raw output of an exec.

Pure functions from text to :class:`~kubectl_portcheck.model.probes.ListeningSocket`. The first
question is :data:`SCRIPT`; :data:`INTERPRETERS` and :data:`TOOLS` are for containers without a
shell, and :func:`classify_exec_failure` says why there was no answer.
"""

from kubectl_portcheck.collect.sockets.backlog import BACKLOG_SCRIPT, second_look
from kubectl_portcheck.collect.sockets.failures import (
    ExecFailure,
    FailureKind,
    Unreadable,
    classify_exec_failure,
)
from kubectl_portcheck.collect.sockets.fallbacks import INTERPRETERS, TOOLS, Fallback
from kubectl_portcheck.collect.sockets.netstat import parse_netstat
from kubectl_portcheck.collect.sockets.pods import merge, restrict_to_pod
from kubectl_portcheck.collect.sockets.proc import ByteOrder, parse_proc
from kubectl_portcheck.collect.sockets.script import SCRIPT, parse_script_output
from kubectl_portcheck.collect.sockets.ss import parse_ss
from kubectl_portcheck.collect.sockets.windows import parse_windows_netstat

__all__ = [
    "BACKLOG_SCRIPT",
    "INTERPRETERS",
    "SCRIPT",
    "TOOLS",
    "ByteOrder",
    "ExecFailure",
    "FailureKind",
    "Fallback",
    "Unreadable",
    "classify_exec_failure",
    "merge",
    "parse_netstat",
    "parse_proc",
    "parse_script_output",
    "parse_ss",
    "parse_windows_netstat",
    "restrict_to_pod",
    "second_look",
]
