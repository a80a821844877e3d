"""Where a report goes: to stdout, and into the files that were asked for."""

from math import inf
from typing import TYPE_CHECKING, TextIO

from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import NotWrittenError
from kubectl_portcheck.exit_codes import ExitCode, exit_code_for
from kubectl_portcheck.writing import write_file

VERSIONED = ("html", "json", "yaml", "openmetrics")
"""The formats that name the version of this program."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from kubectl_portcheck.commands.modes import Output
    from kubectl_portcheck.diagnosis.diagnose import Details
    from kubectl_portcheck.model.evidence import Context, Evidence
    from kubectl_portcheck.model.report import Report
    from kubectl_portcheck.render.console import Terminal
    from kubectl_portcheck.render.layout import Lines
    from kubectl_portcheck.render.look import Look


def conclude(
    evidence: "Evidence",
    output: "Output",
    env: Environment,
    *,
    kubectl: tuple[str, ...] = ("kubectl",),
    before: "Callable[[Report], None] | None" = None,
    until: float = inf,
    kept: bool = False,
) -> ExitCode:
    """Keeps the evidence where that was asked, diagnoses it and prints the report.

    ``kubectl`` is how the commands in fixes start, ``before`` prints what precedes the report;
    ``until`` is when, on the monotonic clock, the diagnosis ends at the latest; ``kept`` says that
    the report is used besides.
    """
    warn_of_version(evidence.context, output, env)
    if output.redact:
        from kubectl_portcheck.collect.snapshots.redact import redact

        evidence = redact(evidence)
    from kubectl_portcheck.diagnosis import diagnose

    try:
        save(output.save, evidence)
    finally:  # There is a report, whether the evidence could be kept or not.
        report = diagnose(
            evidence,
            kubectl=kubectl,
            ignore=output.ignore,
            partial=True,
            until=until,
            details=None if kept or len(evidence.services) < 2 else _details(output, env),
        )
        print_report(report, output, env, before)
    return exit_code_for(report, fail_on=output.fail_on, exit_zero=output.exit_zero)


def warn_of_version(
    context: "Context", output: "Output", env: Environment, cluster: str = ""
) -> None:
    """Say on stderr where the cluster's version is none of those that are tested.

    ``cluster`` is its name, where there are several.
    """
    from kubectl_portcheck.kubernetes_versions import warning
    from kubectl_portcheck.render.text import clean

    line = warning(context.kubernetes, cluster)
    if line and not output.quiet:
        env.stderr.write(f"{clean(line)}\n")


def _details(output: "Output", env: Environment) -> "Details | None":
    """Which Services of several are shown with their fixes; None where it may be any of them."""
    if output.files or output.svg:
        return None
    if output.quiet or output.form == "name":
        return lambda report: ()
    if output.form not in ("table", "wide"):
        return None
    from kubectl_portcheck.render.table import detailed

    look = _look(output, env)
    return lambda report: detailed(report, look, summary=output.summary)


def _look(output: "Output", env: Environment) -> "Look":
    """How a table on stdout looks."""
    from kubectl_portcheck.render.console import look_for

    return look_for(
        terminal(env),
        color=output.style.color,
        plain=output.style.plain,
        wide=output.form == "wide",
    )


def print_report(
    report: "Report",
    output: "Output",
    env: Environment,
    before: "Callable[[Report], None] | None" = None,
    *,
    rows: int | None = None,
) -> bool:
    """The report on stdout, and in whatever files were asked for; those first.

    A table is cut after so many rows of a terminal; whether it was whole is returned. Raises
    NotWrittenError, after the report is on stdout, where one of the files could not be written.
    """
    try:
        _export(report, output, env)
    finally:
        whole = _print(report, output, env, before, rows)
    return whole


def _print(
    report: "Report",
    output: "Output",
    env: Environment,
    before: "Callable[[Report], None] | None",
    rows: int | None,
) -> bool:
    """Print the report; say whether that was all of it."""
    if before is not None:
        before(report)
    if output.quiet:
        from kubectl_portcheck.render.console import look_for
        from kubectl_portcheck.render.line import render_line

        env.stdout.write(render_line(report, unicode=look_for(terminal(env)).unicode))
    elif output.form in ("table", "wide"):
        from kubectl_portcheck.render.console import print_lines
        from kubectl_portcheck.render.table import table_lines

        look = _look(output, env)
        lines = table_lines(
            report, look, show_commands=output.show_commands, summary=output.summary
        )
        shown = lines if rows is None else _first_rows(lines, rows, look)
        print_lines(shown, env.stdout, look, env.environ)
        return shown is lines
    else:
        env.stdout.write(_text(report, output.form))
    return True


def _first_rows(lines: "Lines", rows: int, look: "Look") -> "Lines":
    """As many lines as fit into so many rows of the terminal, and how many more there are."""
    from kubectl_portcheck.render.layout import line, size

    taken = 0
    for number, spans in enumerate(lines):
        taken += max(1, -(-size(spans) // look.columns))
        # The row that says so takes the place of one.
        if taken > rows:
            cut = max(number - 1, 1)
            return [*lines[:cut], line(f"  {look.ellipsis} {len(lines) - cut} more lines")]
    return lines


def _text(report: "Report", form: str) -> str:
    """The report in a form that does not depend on a terminal."""
    from importlib import import_module

    from kubectl_portcheck import __version__

    if form in ("table", "wide"):
        from kubectl_portcheck.render.look import Look
        from kubectl_portcheck.render.table import render_table

        return render_table(report, Look(width=None, wide=form == "wide"))
    if form == "sarif":
        from kubectl_portcheck.render.sarif import render_sarif
        from kubectl_portcheck.rules.texts import texts

        return render_sarif(report, __version__, texts())
    render = getattr(import_module(f"kubectl_portcheck.render.{form}"), f"render_{form}")
    text: str = render(report, __version__) if form in VERSIONED else render(report)
    return text


def _export(report: "Report", output: "Output", env: Environment) -> None:
    wanted = [(path, _text(report, form)) for form, path in output.files]
    if output.svg:
        from kubectl_portcheck.render.export import WIDTH, render_svg

        # As wide as what was seen in the terminal, but no wider than a page can show.
        width = min(terminal(env).width or WIDTH, 140)
        wanted.append((output.svg, render_svg(report, width=width, dark=output.dark)))
    failure: NotWrittenError | None = None
    for path, text in wanted:
        try:
            write_file(path, text.encode("utf-8", "backslashreplace"))
        except NotWrittenError as error:
            failure = failure or error
    if failure:
        raise failure


def save(path: str | None, evidence: "Evidence") -> None:
    """Keep the evidence as a snapshot, where that is asked for. Raises NotWrittenError."""
    if not path:
        return
    from pathlib import Path

    from kubectl_portcheck import __version__
    from kubectl_portcheck.collect.snapshots import snapshot

    tool = snapshot.Tool(name="kubectl-portcheck", version=__version__)
    snapshot.save(Path(path), evidence, tool)


def terminal(env: Environment, stream: TextIO | None = None) -> "Terminal":
    """The facts about stdout, or about another stream."""
    import os

    from kubectl_portcheck.render.console import Terminal

    stream = stream or env.stdout
    is_terminal = stream.isatty()
    columns = env.environ.get("COLUMNS", "")
    width = int(columns) or None if columns.isdecimal() and len(columns) < 5 else None
    if is_terminal and width is None:
        width = os.get_terminal_size(stream.fileno()).columns
    return Terminal(is_terminal, width, env.environ, stream.encoding)
