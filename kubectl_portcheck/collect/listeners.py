"""Finds out what listens in a pod, with what its containers have to be asked with.

All containers of a pod share its sockets, so one of them that can answer answers for all. Only
the names of processes come from each container's own view; the others are asked for those.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from kubectl_portcheck.collect import sockets
from kubectl_portcheck.collect.sockets import ExecFailure, Unreadable
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Container, Pod
from kubectl_portcheck.model.probes import PodSockets
from kubectl_portcheck.semantics.pods import running_containers
from kubectl_portcheck.semantics.ports import serving_containers

SHELLS = (("/bin/sh", "-c", sockets.SCRIPT), ("sh", "-c", sockets.SCRIPT))
"""A shell at its usual place, then one that is elsewhere on the PATH."""
FINAL = (Reason.FORBIDDEN, Reason.TIMED_OUT, Reason.NOT_FOUND)
"""Failures that another container or program would meet as well."""


class ExecResult(Protocol):
    """What came back from a command in a container."""

    @property
    def stdout(self) -> bytes:
        """Standard output."""

    @property
    def stderr(self) -> bytes:
        """Standard error."""

    @property
    def error(self) -> str:
        """The error channel's text; '' for success."""

    @property
    def exit_code(self) -> int | None:
        """The exit code; None where none was told."""

    @property
    def complete(self) -> bool:
        """Whether the output was read to its end."""


Run = Callable[[str, Sequence[str]], "ExecResult | Missing"]
"""Runs a command in a container of the pod."""


Parse = Callable[[bytes, str | None, sockets.ByteOrder | None], PodSockets]


def find_listeners(pod: Pod, run: Run) -> Observed[PodSockets] | Missing:
    """What listens in the pod, or why that could not be found out."""
    containers = {c.name: c for c in serving_containers(pod)}
    answers: list[PodSockets] = []
    failures: list[Missing] = []
    for name in running_containers(pod):
        found = _ask(name, containers.get(name), pod.spec.host_pid, run)
        if isinstance(found, Missing):
            failures.append(found)
            if found.reason in FINAL:
                break
            continue
        if pod.spec.host_network:
            found = sockets.restrict_to_pod(found, host_pid=pod.spec.host_pid)
        answers.append(found)
        if not pod.spec.host_network and all(s.container for s in found.listeners):
            break
    if answers:
        return Observed(value=sockets.merge(answers))
    if failures:
        return failures[-1] if failures[-1].reason in FINAL else failures[0]
    return Missing(reason=Reason.NOT_RUNNING, detail="no container runs")


def _ask(name: str, container: Container | None, host_pid: bool, run: Run) -> PodSockets | Missing:
    """The answer of one container, by the first means that it has."""
    parse: Parse = partial(sockets.parse_script_output, host_pid=host_pid)
    first: Missing | None = None
    hint = container.image.lower() if container else ""
    ways: list[tuple[Sequence[str], Parse]] = [
        *((argv, parse) for argv in SHELLS),
        *((f.argv, f.parse) for f in sockets.INTERPRETERS if f.program.rstrip("3") in hint),
        *((f.argv, f.parse) for f in sockets.TOOLS),
    ]
    for argv, read in ways:
        result = run(name, argv)
        if isinstance(result, Missing):
            return result
        try:
            return read(result.stdout, name, None)
        except Unreadable as unreadable:
            failure = sockets.classify_exec_failure(
                result.stdout.decode("utf-8", "replace"),
                result.stderr.decode("utf-8", "replace"),
                result.error,
                result.exit_code,
            )
            missing = _missing(name, failure, unreadable)
            if not result.complete:
                # Whatever is asked next would not come to an end either.
                return missing
        if missing.reason in (*FINAL, Reason.NOT_RUNNING):
            return missing
        first = first or missing
    assert first is not None
    return first


def _missing(name: str, failure: ExecFailure | None, unreadable: Unreadable) -> Missing:
    if failure is None:
        return Missing(reason=unreadable.reason, detail=unreadable.detail)
    if failure.reason == Reason.NO_SHELL:
        return Missing(reason=Reason.NO_SHELL, detail=f"no shell in container {name}")
    return Missing(reason=failure.reason, detail=failure.detail)
