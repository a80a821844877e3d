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
from kubectl_portcheck.collect.sockets.pods import merge, restrict_to_pod
from kubectl_portcheck.collect.sockets.proc import ByteOrder
from kubectl_portcheck.collect.sockets.script import SCRIPT, parse_script_output

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
    "parse_script_output",
    "restrict_to_pod",
    "second_look",
]
