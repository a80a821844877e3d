"""Finds out what listens in a pod, with what its containers have to be asked with.

All containers of a pod share its sockets, so one of them that can answer answers for all. Only
the names of processes come from each container's own view; the others are asked for those.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import msgspec

from kubectl_portcheck.collect import sockets
from kubectl_portcheck.collect.sockets import ExecFailure, Unreadable
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import PodSockets
from kubectl_portcheck.semantics.pods import running_containers
from kubectl_portcheck.semantics.ports import serving_containers

SHELL = ("/bin/sh", "-c", sockets.SCRIPT)
BACKLOG = ("/bin/sh", "-c", sockets.BACKLOG_SCRIPT)
SHELL_ELSEWHERE = ("sh", "-c", sockets.SCRIPT)
"""A shell that is elsewhere on the PATH, as in some debugging images."""
FINAL = (Reason.FORBIDDEN, Reason.TIMED_OUT, Reason.NOT_FOUND)
"""Failures that another container or program would meet as well."""
AT_ONCE = 4
"""How many commands run in one pod at the same time, where it has no shell."""


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
        """The exit code; None where none is known."""

    @property
    def complete(self) -> bool:
        """Whether the output was read to its end."""


Run = Callable[[str, Sequence[str]], "ExecResult | Missing"]
"""Runs a command in a container of the pod."""


Parse = Callable[[bytes, str | None, sockets.ByteOrder | None], PodSockets]


class Way(msgspec.Struct, frozen=True):
    """A command that may tell what listens, and how to read what it prints."""

    container: str
    argv: Sequence[str]
    parse: Parse


class Failure(msgspec.Struct, frozen=True):
    """A command that did not tell."""

    container: str
    missing: Missing
    another_may_work: bool
    """Whether another program in the same container may do better."""


def find_listeners(pod: Pod, run: Run) -> Observed[PodSockets] | Missing:
    """What listens in the pod, or why that could not be found out.

    A pod without a shell costs two round trips: one for each container's shell, then all other
    ways side by side.
    """
    parse: Parse = partial(sockets.parse_script_output, host_pid=pod.spec.host_pid)
    answers: list[PodSockets] = []
    failures: list[Failure] = []
    for name in running_containers(pod):
        found = _ask(Way(name, SHELL, parse), run)
        if isinstance(found, Failure):
            failures.append(found)
            if found.missing.reason in FINAL:
                break
            continue
        if pod.spec.host_network:
            found = sockets.restrict_to_pod(found, host_pid=pod.spec.host_pid)
        answers.append(found)
        if not pod.spec.host_network and all(s.container for s in found.listeners):
            break
    if answers:
        return Observed(value=sockets.merge(answers))
    if not failures:
        return Missing(reason=Reason.NOT_RUNNING, detail="no container runs")
    if failures[-1].missing.reason in FINAL:
        return failures[-1].missing
    able = [f.container for f in failures if f.another_may_work]
    return _without_shell(pod, able, parse, run) or failures[0].missing


def second_look(found: PodSockets, run: Run) -> PodSockets:
    """The same with its accept queues looked at again, a second later; as it is where that fails.

    Only the shell that was asked first can be asked again.
    """
    result = run(found.container, BACKLOG) if found.container else None
    if result is None or isinstance(result, Missing):
        return found
    return msgspec.structs.replace(found, queues=sockets.second_look(result.stdout, found.queues))


def _without_shell(
    pod: Pod, names: Sequence[str], parse: Parse, run: Run
) -> Observed[PodSockets] | None:
    """The first answer, by order of preference, of whatever the containers have but a shell."""
    images = {c.name: c.image.lower() for c in serving_containers(pod)}
    ways = [w for name in names for w in _other_ways(name, images.get(name, ""), parse)]
    if not ways:
        return None
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = list(pool.map(partial(_ask, run=run), ways))
    answer = next((f for f in found if isinstance(f, PodSockets)), None)
    if answer is None:
        return None
    if pod.spec.host_network:
        answer = sockets.restrict_to_pod(answer, host_pid=pod.spec.host_pid)
    return Observed(value=answer)


def _other_ways(name: str, image: str, parse: Parse) -> list[Way]:
    interpreters = [f for f in sockets.INTERPRETERS if f.program.rstrip("3") in image]
    return [
        Way(name, SHELL_ELSEWHERE, parse),
        *(Way(name, f.argv, f.parse) for f in (*interpreters, *sockets.TOOLS)),
    ]


def _ask(way: Way, run: Run) -> PodSockets | Failure:
    result = run(way.container, way.argv)
    if isinstance(result, Missing):
        return Failure(way.container, result, another_may_work=False)
    try:
        return way.parse(result.stdout, way.container, None)
    except Unreadable as unreadable:
        failure = sockets.classify_exec_failure(
            result.stdout.decode("utf-8", "replace"),
            result.stderr.decode("utf-8", "replace"),
            result.error,
            result.exit_code,
        )
        missing = _missing(way.container, failure, unreadable)
    # What did not come to an end would not with another program either.
    able = result.complete and missing.reason not in (*FINAL, Reason.NOT_RUNNING)
    return Failure(way.container, missing, another_may_work=able)


def _missing(name: str, failure: ExecFailure | None, unreadable: Unreadable) -> Missing:
    if failure is None:
        return Missing(reason=unreadable.reason, detail=unreadable.detail)
    if failure.reason == Reason.NO_SHELL:
        return Missing(reason=Reason.NO_SHELL, detail=f"no shell in container {name}")
    return Missing(reason=failure.reason, detail=failure.detail)
