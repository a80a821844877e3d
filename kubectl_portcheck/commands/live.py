"""Evidence from a running cluster, gathered once; and what a request asks of a cluster."""

import time
from typing import TYPE_CHECKING

from kubectl_portcheck.commands.modes import Access, SweepRequest, WalkRequest
from kubectl_portcheck.commands.output import conclude, terminal
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_portcheck.collect.cluster.collect import Wanted
    from kubectl_portcheck.model.evidence import Evidence
    from kubectl_portcheck.model.report import Report


def run(request: WalkRequest | SweepRequest, env: Environment) -> ExitCode:
    """Gather the evidence and report on it. Raises PortcheckError where there is none."""
    if request.access.since_last:
        from kubectl_portcheck.commands.history import OFF, is_on

        if not is_on(env.environ):
            raise UsageError(*OFF)
    if isinstance(request, WalkRequest):
        return _concluded(request, env)
    from kubectl_portcheck.collect.uncollected import keep_freed_memory, uncollected

    keep_freed_memory()
    with uncollected():  # A sweep holds much, and ends with the process.
        return _concluded(request, env)


def _concluded(request: WalkRequest | SweepRequest, env: Environment) -> ExitCode:
    from kubectl_portcheck.collect.cluster.collect import judged_until

    began = time.monotonic()
    wanted = wanted_by(request, env)
    evidence = _gather(request, wanted, env)
    until = judged_until(began, request.access.timeout or wanted.seconds)
    made: list[Report] = []

    def before(report: "Report") -> None:
        made.append(report)
        if request.access.since_last:
            _print_changes(request, report, env)

    code = conclude(
        evidence,
        request.output,
        env,
        kubectl=kubectl_of(request),
        before=before,
        until=until,
        kept=_is_kept(env),
    )
    _keep(request, made, env)
    return code


def _is_kept(env: Environment) -> bool:
    from kubectl_portcheck.commands import history

    return history.is_on(env.environ)


def _keep(request: WalkRequest | SweepRequest, made: "list[Report]", env: Environment) -> None:
    """Keep the run, where the user turned that on."""
    from kubectl_portcheck.commands import history

    for report in made:
        history.keep(request, report, env)


def _print_changes(request: WalkRequest | SweepRequest, report: "Report", env: Environment) -> None:
    """Print what changed since the last run that asked the same."""
    from kubectl_portcheck.commands.history import last
    from kubectl_portcheck.diagnosis.since import changes
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.since import since_lines

    before = last(request, report, env)
    if before is None:
        env.stderr.write("no earlier run that asked the same is kept\n")
        return
    time, earlier = before
    style = request.output.style
    look = look_for(terminal(env), color=style.color, plain=style.plain)
    lines = since_lines(time, changes(earlier, report), look)
    print_lines(lines, env.stdout, look, env.environ)


def _gather(request: WalkRequest | SweepRequest, wanted: "Wanted", env: Environment) -> "Evidence":
    """Gather the evidence, with live progress on stderr."""
    from functools import partial
    from threading import Thread

    from kubectl_portcheck.client import load_connection
    from kubectl_portcheck.collect.cluster.collect import collect
    from kubectl_portcheck.render.console import look_for
    from kubectl_portcheck.render.progress import Progress

    # What comes after the walk is imported while the walk waits for the cluster.
    Thread(target=_load_the_rest, daemon=True).start()
    access = request.access
    # Progress erases itself, and would erase the lines that are written beside it.
    silent = request.output.quiet or access.verbosity > 0 or wanted.options.debug is not None
    look = look_for(terminal(env, env.stderr), plain=request.output.style.plain or silent)
    with Progress(env.stderr, look) as progress:
        return collect(
            partial(load_connection, access.flags, env.environ),
            wanted,
            progress,
            timeout=access.timeout,
            log=log_of(access, env),
        )


def _load_the_rest() -> None:
    from importlib import import_module

    for name in ("diagnosis", "render.table"):
        import_module(f"kubectl_portcheck.{name}")


def wanted_by(request: WalkRequest | SweepRequest, env: Environment) -> "Wanted":
    """Give the Services that are meant, and what the walk leaves out or does besides."""
    from kubectl_portcheck.collect.cluster.collect import EVERY_SERVICE, Wanted
    from kubectl_portcheck.collect.cluster.logs import Budget
    from kubectl_portcheck.collect.cluster.options import Options

    access = request.access
    options = Options(
        exec=access.exec,
        port_forward=access.port_forward,
        callers=access.callers,
        configured=access.configured,
        logs=Budget() if access.logs else None,
    )
    if isinstance(request, SweepRequest):
        return Wanted((), options._replace(deep=request.deep), request.selection)
    options = options._replace(source=request.source)
    if request.debug_image:
        from kubectl_portcheck.collect.cluster.debug_container import Debug

        options = options._replace(debug=Debug(request.debug_image, _announcer(env)))
    return Wanted(request.targets, options, EVERY_SERVICE, calls=request.calls)


def log_of(access: Access, env: Environment) -> "Callable[[int, str], None]":
    """Write to stderr what ``-v`` asks for."""
    from kubectl_portcheck.render.text import clean

    def log(level: int, line: str) -> None:
        if level <= access.verbosity:
            env.stderr.write(f"{clean(line)}\n")

    return log


def kubectl_of(request: WalkRequest | SweepRequest) -> tuple[str, ...]:
    """Give the words with which a pasted kubectl command reaches the same cluster.

    With --redact none of them names it: contexts, files and users have names too.
    """
    if request.output.redact:
        return ("kubectl",)
    return ("kubectl", *request.access.flags.without_credentials().to_argv())


def _announcer(env: Environment) -> "Callable[[str], object]":
    from kubectl_portcheck.render.text import clean

    return lambda line: env.stderr.write(f"{clean(line)}\n")
