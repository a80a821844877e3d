"""--fix: diagnose, show what would change, ask, apply, wait until clients are served, undo.

This is the only mode that changes an object of the cluster. It makes one patch, which tests every
value that it replaces and the version of the object that was shown.
"""

import contextlib
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from kubectl_portcheck.commands.live import log_of
from kubectl_portcheck.commands.modes import FixRequest
from kubectl_portcheck.commands.output import print_report, save, terminal, warn_of_version
from kubectl_portcheck.commands.rounds import Rounds
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.exit_codes import ExitCode, exit_code_for
from kubectl_portcheck.render.line import render_line
from kubectl_portcheck.render.status import Status, hindrance

if TYPE_CHECKING:
    from kubectl_portcheck.collect.cluster.changes import Changes
    from kubectl_portcheck.model.fixes import Fix, JsonPatch, Subject
    from kubectl_portcheck.model.report import Report

HEAL = 120.0
"""How many seconds clients get to be served, where --timeout does not say."""
WORSE = 15.0
"""After so many seconds of a worse verdict it is not a rollout on its way."""
TABLES = ("table", "wide")
LONGEST_ANSWER = 64
REFUSED_TESTS = (409, 422)
"""The statuses of a patch whose tests fail; the API server does not say which one did."""


class _Refused(Exception):
    """No fix is made; the message says why."""


class _Made(NamedTuple):
    """A change that was made."""

    fix: "Fix"
    undo: "Fix | None"


def run(request: FixRequest, env: Environment) -> ExitCode:
    """Fix what is broken, if that is confirmed. Raises PortcheckError."""
    from functools import partial

    from kubectl_portcheck.client import load_connection
    from kubectl_portcheck.collect.cluster.changes import Changes
    from kubectl_portcheck.collect.cluster.collect import connected
    from kubectl_portcheck.render.console import look_for

    if not (request.yes or request.dry_run or _can_ask(env)):
        raise UsageError(
            "--fix has to ask, and standard input is no terminal",
            "Add --yes to change it without a question, or --dry-run=server to see the change.",
        )
    access, output = request.walk.access, request.walk.output
    look = look_for(terminal(env, env.stderr), plain=output.style.plain)
    status = Status(env.stderr, look, silent=output.quiet or access.verbosity > 0)
    connect = partial(load_connection, access.flags, env.environ)
    with connected(connect, log_of(access, env)) as api, contextlib.closing(status):
        rounds = Rounds(request.walk, env, api)
        return _Dialogue(request, env, rounds, Changes(api), status).held()


def _can_ask(env: Environment) -> bool:
    return env.stdin is not None and env.stdin.isatty()


class _Dialogue:
    """One run of --fix. What it says goes to standard error; reports go to standard output."""

    def __init__(
        self,
        request: FixRequest,
        env: Environment,
        rounds: Rounds,
        changes: "Changes",
        status: Status,
    ) -> None:
        self._request, self._env, self._rounds = request, env, rounds
        self._changes, self._status = changes, status
        self._output = request.walk.output

    def held(self) -> ExitCode:
        """Go all steps; return the exit code of the last verdict."""
        report = self._rounds.look()
        assert report is not None  # The first round brings a report or raises.
        warn_of_version(report.context, self._output, self._env)
        if self._output.form in TABLES:
            print_report(report, self._output, self._env)
            self._env.stdout.flush()
        try:
            made = self._made(report)
        except _Refused as why:
            self._say([f"nothing was changed: {why}"])
            return self._ended(report, shown=self._output.form in TABLES)
        if made is None:
            return self._ended(report, shown=self._output.form in TABLES)
        return self._healed(report, made)

    def _made(self, report: "Report") -> _Made | None:
        """Show the change, ask, and make it; None where it is only to be shown."""
        from kubectl_portcheck.client import ClusterError
        from kubectl_portcheck.inputs import understood
        from kubectl_portcheck.model.fixes import JsonPatch
        from kubectl_portcheck.render import offer
        from kubectl_portcheck.semantics import patches

        fix = self._chosen(report)
        assert isinstance(fix.change, JsonPatch)
        assert fix.subject is not None
        try:
            before = self._changes.read(fix.subject)
            change = patches.at_version(fix.change, before)
            after = self._changes.patch(fix.subject, change, dry_run=True)
            found = understood(lambda: patches.differences(before, after))
            self._say(offer.change(fix, found))
            if self._request.dry_run:
                self._say(["nothing was changed: this was a dry run"])
                return None
            if not self._request.yes and not self._agreed("Apply this change?"):
                raise _Refused("you did not confirm it")
        except ClusterError as error:
            raise _Refused(error.line) from None
        except ValueError as error:
            raise _Refused(f"the API server's answer is odd: {error}") from None
        back = patches.undone(fix.change, before)
        made = _Made(fix, msgspec.structs.replace(fix, change=back) if back else None)
        self._apply(fix.subject, change, made)
        return made

    def _apply(self, subject: "Subject", change: "JsonPatch", made: _Made) -> None:
        """Send the change, and say how it is undone. Raises _Refused where it was not made."""
        from kubectl_portcheck.client import ApiStatusError, ClusterError

        try:
            self._changes.patch(subject, change, dry_run=False)
        except ApiStatusError as error:
            changed = error.status in REFUSED_TESTS and self._has_changed(subject, change)
            said = f"{subject.kind} {subject.name} changed since it was shown: run it again"
            raise _Refused(said if changed else error.line) from None
        except (ClusterError, ValueError) as error:
            self._say([f"the answer was lost ({error}); the change may have been made"])
        except KeyboardInterrupt:
            self._say(["interrupted; the change may have been made", *_to_undo(made)])
            raise
        else:
            self._say(["changed."])
        self._say(_to_undo(made))

    def _has_changed(self, subject: "Subject", change: "JsonPatch") -> bool:
        """Whether the object is of another version than the one that the change was made for."""
        from kubectl_portcheck.client import ClusterError
        from kubectl_portcheck.semantics.patches import VERSION, value_at

        expected = [o.value for o in change.operations if o.op == "test" and o.path == VERSION]
        try:
            return value_at(self._changes.read(subject), VERSION) not in expected
        except (ClusterError, ValueError):
            return False

    def _chosen(self, report: "Report") -> "Fix":
        """Return the fix that is to be made. Raises _Refused."""
        from kubectl_portcheck.model.fixes import JsonPatch
        from kubectl_portcheck.render import offer

        fixes = [
            f
            for service in report.services
            for finding in service.findings
            if finding.cause
            for f in finding.fixes
            if f.command
        ]
        if not fixes:
            raise _Refused("no command fixes this; the report says what does")
        number = self._request.number
        if number > len(fixes):
            self._say(offer.choices(fixes))
            raise _Refused(f"there is no fix {number}")
        fix = fixes[number - 1] if number else fixes[0]
        if not number and (fix.safety != "safe" or fix.predicted is None):
            self._say(offer.choices(fixes))
            raise _Refused("the first fix is not proved to be safe; choose one by its number")
        if not isinstance(fix.change, JsonPatch):
            why = f", since {fix.unpredicted}" if fix.unpredicted else ""
            raise _Refused(f"this change is left to you{why}:\n  {offer.undo(fix)}")
        if fix.lacks is not None:
            raise _Refused(f"you may not {fix.lacks.words} in namespace {fix.lacks.namespace}")
        return fix

    def _healed(self, before: "Report", made: _Made) -> ExitCode:
        """Wait until clients are served, and say how it went."""
        began = time.monotonic()
        end = began + (self._request.walk.access.timeout or HEAL)
        report, worse_since = before, 0.0
        try:
            while True:
                self._rounds.memory.forget()
                found = self._rounds.look()
                now = time.monotonic()
                report = found or report
                if found is not None and self._is_good(found, made.fix):
                    break
                worse_since = (worse_since or now) if _is_worse(report, before) else 0.0
                if now > end or (worse_since and now - worse_since > WORSE):
                    break
                self._status.show(self._hindrance(found), self._rounds.seconds)
                if not self._rounds.pause():
                    break
        except KeyboardInterrupt:
            self._status.close()
            self._say(["interrupted; the change was made and remains"])
            self._ended(report, shown=False)
            return ExitCode.INTERRUPTED
        self._status.close()
        if _is_worse(report, before):
            self._take_back(made)
        elif not self._is_good(report, made.fix):
            self._say(["clients are not all served yet; the change remains"])
        return self._ended(report, shown=False)

    def _take_back(self, made: _Made) -> None:
        """Offer the undo of a change that made it worse."""
        from kubectl_portcheck.client import ClusterError
        from kubectl_portcheck.model.fixes import JsonPatch
        from kubectl_portcheck.render import offer

        undo = made.undo
        if undo is None or undo.subject is None or not isinstance(undo.change, JsonPatch):
            self._say(["it is worse than before"])
            return
        self._say(["it is worse than before; undo it:", f"  {offer.undo(undo)}"])
        if not _can_ask(self._env) or not self._agreed("Undo the change now?"):
            return
        try:
            self._changes.patch(undo.subject, undo.change, dry_run=False)
        except (ClusterError, ValueError) as error:
            self._say([f"it was not undone: {getattr(error, 'line', error)}"])
        else:
            self._say(["undone."])

    def _hindrance(self, found: "Report | None") -> str:
        return hindrance(found) if found is not None else self._rounds.hindrance

    def _is_good(self, report: "Report", fix: "Fix") -> bool:
        """Whether the verdict is the predicted one, or healthy."""
        predicted = fix.predicted.verdict if fix.predicted else "healthy"
        return report.verdict in ("healthy", predicted) and report.verdict != "broken"

    def _ended(self, report: "Report", *, shown: bool) -> ExitCode:
        output = self._output
        if not shown and output.form in TABLES:
            self._env.stdout.write(render_line(report))
        elif not shown or output.form not in TABLES:
            print_report(report, output, self._env)
        if output.save and self._rounds.evidence is not None:
            save(output.save, self._rounds.evidence)
        return exit_code_for(report, fail_on=output.fail_on, exit_zero=output.exit_zero)

    def _agreed(self, question: str) -> bool:
        self._env.stderr.write(f"{question} [y/N] ")
        self._env.stderr.flush()
        assert self._env.stdin is not None
        answer = self._env.stdin.readline(LONGEST_ANSWER).decode("utf-8", "replace")
        return answer.strip().lower() in ("y", "yes")

    def _say(self, lines: Iterable[str]) -> None:
        from kubectl_portcheck.render.text import clean_block

        for text in lines:
            self._env.stderr.write(f"{clean_block(text)}\n")
        self._env.stderr.flush()


def _to_undo(made: _Made) -> list[str]:
    from kubectl_portcheck.render import offer

    return ["To undo it:", f"  {offer.undo(made.undo)}"] if made.undo else []


def _is_worse(report: "Report", before: "Report") -> bool:
    from kubectl_portcheck.model.report import WORST_FIRST

    return WORST_FIRST.index(report.verdict) < WORST_FIRST.index(before.verdict)
