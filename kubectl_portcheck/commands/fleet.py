"""Several clusters side by side: --contexts and --all-contexts.

Each is swept as if it were the only one, in a thread of its own. Whatever becomes of one, the
others are reported; and whatever a thread waits for, the run ends in time.
"""

import time
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING

import msgspec

from kubectl_portcheck import timeouts
from kubectl_portcheck.commands.live import kubectl_of, log_of, wanted_by
from kubectl_portcheck.commands.modes import FleetRequest, SweepRequest
from kubectl_portcheck.commands.output import print_report, terminal, warn_of_version
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import NoClusterError, PortcheckError, UsageError, defect_words
from kubectl_portcheck.exit_codes import ExitCode, exit_code_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_portcheck.collect.cluster.progress import Progress
    from kubectl_portcheck.diagnosis.merging import Part
    from kubectl_portcheck.model.report import Report

AT_ONCE = 4
"""How many clusters are swept at the same time."""
LATE = "the time was up (--timeout)"


def run(request: FleetRequest, env: Environment) -> ExitCode:
    """Sweep the clusters and report on all of them.

    Raises UsageError for a context that does not exist, and NoClusterError where none of the
    clusters could be looked at.
    """
    from kubectl_portcheck.collect.uncollected import keep_freed_memory, uncollected
    from kubectl_portcheck.diagnosis.merging import merged

    names = contexts(request, env)
    keep_freed_memory()
    with uncollected():
        parts, whole = _swept(request.sweep, names, env)
    if whole and not any(part.report for part in parts):
        first = parts[0]
        more = f" (and {len(parts) - 1} more)" if len(parts) > 1 else ""
        raise NoClusterError(
            f"could not look at any cluster: {first.cluster}: {first.why}{more}",
            "Use --context NAME to see what is wrong with one of them.",
        )
    if not any(part.report for part in parts):
        raise KeyboardInterrupt
    report, output = merged(parts, interrupted=not whole), request.sweep.output
    for part in parts:
        if part.report:
            warn_of_version(part.report.context, output, env, part.cluster)
    print_report(report, output, env)
    return exit_code_for(report, fail_on=output.fail_on, exit_zero=output.exit_zero)


def contexts(request: FleetRequest, env: Environment) -> tuple[str, ...]:
    """Give the contexts that are meant. Raises UsageError for one that does not exist."""
    from difflib import get_close_matches

    from kubectl_portcheck.client.errors import ClusterError
    from kubectl_portcheck.client.kubeconfig import load_kubeconfig
    from kubectl_portcheck.inputs.limits import CONTEXTS

    try:
        known = load_kubeconfig(request.sweep.access.flags.kubeconfig, env.environ).contexts
    except ClusterError as error:
        raise NoClusterError(error.line, error.hint) from None
    for name in request.contexts:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else ""
            raise UsageError(f'context "{name}" does not exist', hint)
    names = request.contexts or tuple(sorted(known))
    if not names:
        raise UsageError("the kubeconfig has no context")
    if len(names) > CONTEXTS:
        raise UsageError(f"cannot sweep more than {CONTEXTS} clusters in one run")
    return names


def _swept(
    request: SweepRequest, names: tuple[str, ...], env: Environment
) -> "tuple[list[Part], bool]":
    """Give what was found, by cluster in the order of the names; the second value is False where
    Ctrl-C ended it early."""
    from kubectl_portcheck.render.console import look_for
    from kubectl_portcheck.render.progress import Progress

    silent = request.output.quiet or request.access.verbosity > 0
    look = look_for(terminal(env, env.stderr), plain=request.output.style.plain or silent)
    with Progress(env.stderr, look) as progress:
        return _Sweeps(request, names, env).run(progress)


class _Sweeps:
    def __init__(self, request: SweepRequest, names: tuple[str, ...], env: Environment) -> None:
        self.request = request
        self.names = names
        self.env = env
        self.until = time.monotonic() + (request.access.timeout or timeouts.SWEEP)
        self.waiting: Queue[str] = Queue()
        self.ended: Queue[Part] = Queue()

    def run(self, progress: "Progress") -> "tuple[list[Part], bool]":
        """Sweep them all, within the time of the run and a little more."""
        from kubectl_portcheck.diagnosis.merging import Part

        progress.sweep(f"Services of {len(self.names)} clusters")
        for name in self.names:
            self.waiting.put(name)
        for _ in range(min(AT_ONCE, len(self.names))):
            # The process does not wait for them: one may hang in a call that nothing ends.
            Thread(target=self._work, daemon=True).start()
        found: dict[str, Part] = {}
        why, whole = LATE, True
        try:
            while len(found) < len(self.names) and time.monotonic() < self.until + 5:
                left = [name for name in self.names if name not in found]
                detail = f"waiting for {', '.join(left[:3])}" if found else ""
                progress.counted("clusters", len(found), len(self.names), detail)
                try:
                    part = self.ended.get(timeout=0.2)
                except Empty:
                    continue
                found[part.cluster] = part
        except KeyboardInterrupt:
            why, whole = "interrupted", False
        return [found.get(name, Part(name, why=why)) for name in self.names], whole

    def _work(self) -> None:
        while True:
            try:
                name = self.waiting.get_nowait()
            except Empty:
                return
            self.ended.put(self._part(name))

    def _part(self, name: str) -> "Part":
        """Give what is found in one cluster; a failure concerns only this cluster."""
        from kubectl_portcheck.diagnosis.merging import Part

        try:
            return Part(name, self._report(name))
        except PortcheckError as error:
            return Part(name, why=error.message)
        except Exception as defect:  # The other clusters are reported all the same.
            return Part(name, why=defect_words(defect))

    def _report(self, name: str) -> "Report":
        from functools import partial

        from kubectl_portcheck.client import load_connection
        from kubectl_portcheck.collect.cluster.collect import collect
        from kubectl_portcheck.collect.cluster.progress import Silent
        from kubectl_portcheck.diagnosis import diagnose

        left = self.until - time.monotonic()
        if left <= 0:
            raise UsageError(LATE)
        access = self.request.access
        flags = access.flags._replace(context=name)
        request = msgspec.structs.replace(
            self.request, access=msgspec.structs.replace(access, flags=flags)
        )
        evidence = collect(
            partial(load_connection, flags, self.env.environ),
            wanted_by(request, self.env),
            Silent(),
            timeout=left,
            log=self._log(name),
        )
        ignore, kubectl = request.output.ignore, kubectl_of(request)
        return diagnose(evidence, kubectl=kubectl, ignore=ignore, until=self.until + 2)

    def _log(self, name: str) -> "Callable[[int, str], None]":
        log = log_of(self.request.access, self.env)
        return lambda level, line: log(level, f"{name}: {line}")
