"""Walking again and again over one connection: --wait and --watch."""

import argparse
import contextlib
import time
from typing import TYPE_CHECKING

import msgspec

from kubectl_portcheck.commands import live
from kubectl_portcheck.commands.output import conclude, print_report, save, terminal
from kubectl_portcheck.commands.rules import ignored
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import PortcheckError
from kubectl_portcheck.exit_codes import ExitCode, exit_code_for
from kubectl_portcheck.render.status import Status, hindrance

if TYPE_CHECKING:
    from kubectl_portcheck.client import Api
    from kubectl_portcheck.model.evidence import Evidence
    from kubectl_portcheck.model.report import Report

WAIT = 300.0
"""The seconds that --wait takes at most where --timeout says nothing."""
PAUSES = (1.0, 1.0, 1.5, 2.0)
"""The seconds between two rounds; the last of them for all that follow."""
FRESH = 30.0
"""After so many seconds a watch looks into pods again of which nothing new is told."""


def run(args: argparse.Namespace, env: Environment) -> ExitCode:
    """Waits until all is well, or reports every change. Raises PortcheckError."""
    from kubectl_portcheck.collect.cluster.collect import connected
    from kubectl_portcheck.render.console import look_for

    look = look_for(terminal(env, env.stderr), plain=args.plain)
    status = Status(env.stderr, look, silent=args.quiet or args.v > 0)
    flags = live.connection_flags(args)
    with connected(flags, env.environ, live.log_of(args, env)) as api:
        rounds = _Rounds(args, env, api)
        with contextlib.closing(status):
            return _wait(rounds, status) if args.wait else _watch(rounds, status)


class _Rounds:
    """One walk after the other, and what the last one found."""

    def __init__(self, args: argparse.Namespace, env: Environment, api: "Api") -> None:
        from kubectl_portcheck.collect.cluster.remembered import Memory

        self.args, self.env, self.api = args, env, api
        self.kubectl = live.kubectl_with_flags(args)
        self.targets = live.targets_of(args)
        self.selection = live.selection_of(args)
        self.memory = Memory()
        self.options = live.options_of(args, env)._replace(memory=self.memory)
        self.began = time.monotonic()
        limit = args.timeout or (WAIT if args.wait else None)
        self.end = None if limit is None else self.began + limit
        self.evidence: Evidence | None = None
        self.failure: PortcheckError | None = None
        """Why the last round brought nothing."""
        self._took = 0.0
        self._count = 0

    def look(self) -> "Report | None":
        """The report of another round; None where it brought nothing, or its time was cut short.

        Raises PortcheckError where the first one fails, and KeyboardInterrupt.
        """
        from kubectl_portcheck.client import Deadline
        from kubectl_portcheck.collect.cluster.collect import gather

        began = time.monotonic()
        most = live.TIMEOUT if self.targets else live.SWEEP_TIMEOUT
        left = most if self.end is None else min(most, self.end - began)
        deadline = Deadline.after(left)
        self.failure = None
        self.memory.begin()
        try:
            found = gather(
                self.api, self.targets, self.options, _Silence(), deadline, self.selection
            )
        except PortcheckError as error:
            if self.evidence is None:
                raise
            if self.end is None or time.monotonic() < self.end:
                self.failure = error
            return None
        finally:
            self._took = time.monotonic() - began
        if found.interrupted:
            self.evidence = self.evidence or found
            raise KeyboardInterrupt
        if deadline.passed and self.evidence is not None:
            return None
        self.evidence = found
        return self.report(found)

    def report(self, evidence: "Evidence") -> "Report":
        """What the evidence says."""
        from kubectl_portcheck.diagnosis import diagnose

        return diagnose(evidence, kubectl=self.kubectl, ignore=ignored(self.args))

    def pause(self) -> bool:
        """Waits for the next round; False where there is no time for one."""
        # Never busier than idle: what takes long is asked for less often.
        seconds = max(PAUSES[min(self._count, len(PAUSES) - 1)], min(self._took, 10.0))
        self._count += 1
        if self.end is not None and time.monotonic() + seconds + 1.5 * self._took >= self.end:
            return False
        time.sleep(seconds)
        return True

    @property
    def seconds(self) -> int:
        """How long it has taken."""
        return int(time.monotonic() - self.began)


class _Silence:
    """No progress is shown: the status line says how things stand."""

    def target(self, title: str, number: int, total: int) -> None:
        """Says nothing."""

    def started(self, step: str, detail: str = "") -> None:
        """Says nothing."""

    def done(self, step: str) -> None:
        """Says nothing."""

    def sweep(self, title: str) -> None:
        """Says nothing."""

    def counted(self, what: str, number: int, total: int, detail: str = "") -> None:
        """Says nothing."""


def _wait(rounds: _Rounds, status: Status) -> ExitCode:
    """Ends when all is well, or with the verdict at the end of the time."""
    args, env = rounds.args, rounds.env
    interrupted = confirming = False
    try:
        while True:
            report = rounds.look()
            if report is not None and exit_code_for(report, fail_on=args.fail_on) == 0:
                if confirming or not rounds.memory.recalled:
                    break
                # What was not looked at again is no proof that it is well now.
                rounds.memory.forget()
                confirming = True
                continue
            confirming = False
            if report is not None:
                status.show(hindrance(report), rounds.seconds)
            elif rounds.failure is not None:
                status.show(rounds.failure.line, rounds.seconds)
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
    code = conclude(rounds.evidence, args, env, kubectl=rounds.kubectl)
    return ExitCode.INTERRUPTED if interrupted else code


def _watch(rounds: _Rounds, status: Status) -> ExitCode:
    """Reports each change, until Ctrl-C or the end of the time."""
    args = rounds.args
    page = _Page(args, rounds.env)
    report: Report | None = None
    code: ExitCode | None = None
    fresh = time.monotonic()
    try:
        while True:
            found = rounds.look()
            if found is not None and rounds.evidence is not None:
                report = found
                status.close()
                page.show(report, _without_time(rounds, rounds.evidence))
                status.redraw(f"seen at {report.context.collected_at[11:19]}Z; Ctrl-C ends")
            elif rounds.failure is not None:
                status.show(rounds.failure.line)
            if time.monotonic() - fresh > FRESH:
                rounds.memory.forget()
                fresh = time.monotonic()
            if not rounds.pause():
                break
    except KeyboardInterrupt:
        if rounds.evidence is None:
            raise
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:  # Whoever reads the output has seen enough.
        pass
    status.close()
    if report is None:
        assert rounds.evidence is not None
        report = rounds.report(rounds.evidence)
    with contextlib.suppress(BrokenPipeError):
        page.end(report)
    if args.save and rounds.evidence is not None:
        save(args.save, rounds.evidence)
    if code is not None:
        return code
    return exit_code_for(report, fail_on=args.fail_on, exit_zero=args.exit_zero)


def _without_time(rounds: _Rounds, evidence: "Evidence") -> "Report":
    """The report as of no particular time: that minutes pass is no change."""
    context = msgspec.structs.replace(evidence.context, collected_at="")
    return rounds.report(msgspec.structs.replace(evidence, context=context))


class _Page:
    """Shows reports one after the other: on a terminal in the same place."""

    def __init__(self, args: argparse.Namespace, env: Environment) -> None:
        from kubectl_portcheck.render.console import look_for

        self.args, self.env = args, env
        look = look_for(terminal(env), plain=args.plain)
        self._redraws = look.cursor and not look.plain and args.output in ("table", "wide")
        self._redraws = self._redraws and not args.quiet
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
        whole = print_report(report, self.args, self.env, rows=rows)
        self.env.stdout.flush()
        return whole

    def _between(self) -> str:
        if self.args.quiet or self.args.output in ("json", "sarif", "name"):
            return ""
        return "---\n" if self.args.output == "yaml" else "\n"
