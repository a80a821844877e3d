"""What the exit code of a container means.

Sources: POSIX shell, *Exit Status for Commands* (126, 127, 128 + signal); containerd and runc (128
with the reason StartError: the process was never started); the kubelet's reason OOMKilled.
"""

from typing import Final

from kubectl_portcheck.model.objects import StateTerminated

SIGNALS: Final = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS",
                  8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 13: "SIGPIPE", 15: "SIGTERM",
                  31: "SIGSYS"}  # fmt: skip
_CODES: Final = {
    0: "the program ended without an error",
    126: "the command cannot be executed: no permission, or no program",
    127: "the command was not found",
}
OUT_OF_MEMORY: Final = "OOMKilled"
NOT_STARTED: Final = ("StartError", "ContainerCannotRun")


def meaning(ended: StateTerminated) -> str:
    """What the end of a container means, in a few words; '' where the code is the program's own."""
    if ended.reason == OUT_OF_MEMORY:
        return "killed because it used more memory than its limit"
    if ended.reason in NOT_STARTED:
        return "the container runtime could not start the command"
    if ended.exit_code in _CODES:
        return _CODES[ended.exit_code]
    signal = ended.signal or (ended.exit_code - 128 if 128 < ended.exit_code <= 192 else 0)
    return f"ended by {SIGNALS.get(signal, f'signal {signal}')}" if signal else ""
