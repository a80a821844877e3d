"""Walking again and again over one connection: --wait and --watch."""

import contextlib
import time
from typing import TYPE_CHECKING

import msgspec

from kubectl_portcheck.commands.live import log_of
from kubectl_portcheck.commands.modes import Output, SweepRequest, WalkRequest
from kubectl_portcheck.commands.output import (
    conclude,
    print_report,
    save,
    terminal,
    warn_of_version,
)
from kubectl_portcheck.commands.rounds import Rounds
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode, exit_code_for
from kubectl_portcheck.render.status import Status, hindrance

if TYPE_CHECKING:
    from kubectl_portcheck.model.evidence import Evidence
    from kubectl_portcheck.model.report import Report

FRESH = 30.0
"""After so many seconds a watch looks into pods again about which nothing new is known."""


def run(request: WalkRequest | SweepRequest, env: Environment) -> ExitCode:
    """Waits until all is healthy, or reports every change. Raises PortcheckError."""
    from functools import partial

    from kubectl_portcheck.client import load_connection
    from kubectl_portcheck.collect.cluster.collect import connected
    from kubectl_portcheck.render.console import look_for

    access, output = request.access, request.output
    look = look_for(terminal(env, env.stderr), plain=output.style.plain)
    status = Status(env.stderr, look, silent=output.quiet or access.verbosity > 0)
    connect = partial(load_connection, access.flags, env.environ)
    with connected(connect, log_of(access, env)) as api:
        rounds = Rounds(request, env, api)
        with contextlib.closing(status):
            return _wait(rounds, status) if access.again == "wait" else _watch(rounds, status)


def _wait(rounds: Rounds, status: Status) -> ExitCode:
    """Ends when all is healthy, or with the verdict at the end of the time."""
    output, env = rounds.output, rounds.env
    interrupted = unproved = False
    try:
        while True:
            report = rounds.look()
            if report is not None:
                healthy = exit_code_for(report, fail_on=output.fail_on) == 0
                if healthy and rounds.confirmed:
                    unproved = False
                    break
                unproved = healthy
            if report is not None and unproved:
                # What was not looked at again is no proof that it is healthy now.
                rounds.memory.forget()
                continue
            if report is not None:
                status.show(hindrance(report), rounds.seconds)
            elif rounds.hindrance:
                status.show(rounds.hindrance, rounds.seconds)
            if not rounds.pause():
                break
    except KeyboardInterrupt:
        if rounds.evidence is None:
            raise
        interrupted = True
    status.close()
    if rounds.failure is not None:
        raise rounds.failure
    assert rounds.evidence is not None
    evidence = rounds.without_recalled() if unproved else rounds.evidence
    # The names are gone by now.
    code = conclude(
        evidence, msgspec.structs.replace(output, redact=False), env, kubectl=rounds.kubectl
    )
    return ExitCode.INTERRUPTED if interrupted else code


def _watch(rounds: Rounds, status: Status) -> ExitCode:
    """Reports each change, until Ctrl-C or the end of the time."""
    output = rounds.output
    page = _Page(output, rounds.env)
    report: Report | None = None
    code: ExitCode | None = None
    fresh = time.monotonic()
    try:
        while True:
            found = rounds.look()
            if found is not None and rounds.evidence is not None:
                status.close()
                if report is None:
                    warn_of_version(found.context, output, rounds.env)
                report = found
                page.show(report, _without_time(rounds, rounds.evidence))
                status.redraw(f"seen at {report.context.collected_at[11:19]}Z; Ctrl-C ends")
            elif rounds.hindrance:
                status.show(rounds.hindrance)
            if time.monotonic() - fresh > FRESH:
                rounds.memory.forget()
                fresh = time.monotonic()
            if rounds.env.stdout.closed or not rounds.pause():
                break
    except KeyboardInterrupt:
        if rounds.evidence is None:
            raise
        code = ExitCode.INTERRUPTED
    status.close()
    if report is None:
        assert rounds.evidence is not None
        report = rounds.report(rounds.evidence)
    page.end(report)
    if rounds.evidence is not None:
        save(output.save, rounds.evidence)
    if code is not None:
        return code
    return exit_code_for(report, fail_on=output.fail_on, exit_zero=output.exit_zero)


def _without_time(rounds: Rounds, evidence: "Evidence") -> "Report":
    """The report as of no particular time: that minutes pass is no change."""
    context = msgspec.structs.replace(evidence.context, collected_at="", seconds=0.0)
    return rounds.report(msgspec.structs.replace(evidence, context=context))


class _Page:
    """Shows reports one after the other: on a terminal in the same place."""

    def __init__(self, output: Output, env: Environment) -> None:
        from kubectl_portcheck.render.console import look_for

        self.output, self.env = output, env
        look = look_for(terminal(env), plain=output.style.plain)
        self._redraws = look.cursor and not look.plain and output.form in ("table", "wide")
        self._redraws = self._redraws and not output.quiet
        self._shown: tuple[Report, int | None] | None = None
        self._whole = False

    def show(self, report: "Report", compared: "Report") -> None:
        """Prints the report, if ``compared`` or the terminal's width is not as it was."""
        width = terminal(self.env).width if self._redraws else None
        if self._shown == (compared, width):
            return
        if self._redraws:
            self.env.stdout.write("\x1b[H\x1b[2J")
        elif self._shown is not None:
            self.env.stdout.write(self._between())
        self._shown = (compared, width)
        self._whole = self._print(report, cut=self._redraws)

    def end(self, report: "Report") -> None:
        """Leaves the whole of the last report behind."""
        if self._whole:
            return
        if self._redraws:
            self.env.stdout.write("\x1b[H\x1b[2J")
        self._print(report, cut=False)

    def _print(self, report: "Report", *, cut: bool) -> bool:
        """Prints as much as is asked for; says whether that was all of it."""
        import os

        # The last row is the status line's.
        rows = os.get_terminal_size(self.env.stdout.fileno()).lines - 2 if cut else None
        whole = print_report(report, self.output, self.env, rows=rows)
        self.env.stdout.flush()
        return whole

    def _between(self) -> str:
        if self.output.quiet or self.output.form in ("json", "sarif", "name"):
            return ""
        return "---\n" if self.output.form == "yaml" else "\n"
