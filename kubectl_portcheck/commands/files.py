"""Manifests instead of a cluster: -f, and edits that fix them."""

from typing import TYPE_CHECKING

from kubectl_portcheck.commands.modes import FilesRequest
from kubectl_portcheck.commands.output import print_report, save
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.exit_codes import ExitCode, exit_code_for

if TYPE_CHECKING:
    from kubectl_portcheck.collect.manifests import Gathered
    from kubectl_portcheck.model.report import Report


def run(request: FilesRequest, env: Environment) -> ExitCode:
    """Diagnoses the files of -f and prints the report, or the edits."""
    from kubectl_portcheck.collect.uncollected import uncollected
    from kubectl_portcheck.diagnosis import diagnose

    # The files' trees stay until the end, and the collector would go through all of them again
    # and again: a third of the time that a thousand manifests take.
    with uncollected():
        gathered = _gather(request, env)
        try:
            save(request.output.save, gathered.evidence)
        finally:
            report = diagnose(gathered.evidence, ignore=request.output.ignore)
            code = _report(report, gathered, request, env)
        return code


def _gather(request: FilesRequest, env: Environment) -> "Gathered":
    from io import BytesIO

    from kubectl_portcheck.collect.manifests import gather, read
    from kubectl_portcheck.semantics.selectors import parse_selector

    chosen = parse_selector(request.selector) if request.selector else None
    if "-" in request.paths and env.stdin is None:
        raise UsageError("cannot read standard input: it is closed")
    manifests = read(request.paths, env.stdin or BytesIO())
    return gather(
        manifests,
        request.targets,
        namespace=request.namespace,
        complete=request.complete,
        selector=chosen,
    )


def _report(
    report: "Report", gathered: "Gathered", request: FilesRequest, env: Environment
) -> ExitCode:
    """Prints the report, or the diff in its place; a file that was not read is no success."""
    from kubectl_portcheck.collect.manifests import localise
    from kubectl_portcheck.render.text import clean, visible

    for problem in (*gathered.problems, *gathered.manifests.notes):
        env.stderr.write(f"{clean(str(problem))}\n")
    manifests, output = gathered.manifests, request.output
    if not manifests.of_kind("Service"):
        others = _counted(len(manifests.objects) + manifests.skipped, "other object")
        env.stderr.write(f"no Service in {_counted(len(manifests.files), 'file')} ({others})\n")
    if request.change:
        from kubectl_portcheck.collect.manifests.fixed_files import fix_files, unified_diff, write

        fixed = fix_files(report, gathered, reviewed=request.change == "diff")
        if request.change == "diff":
            diff = unified_diff(fixed)
            # A program gets the bytes of the files; a terminal gets none that steers it.
            env.stdout.write(visible(diff) if env.stdout.isatty() else diff)
        else:
            for name in write(fixed):
                env.stdout.write(f"{clean(name)} fixed\n")
        for line in fixed.left:
            env.stderr.write(f"{clean(line)}\n")
    elif gathered.services or output.files or output.form not in ("table", "wide"):
        print_report(localise(report, gathered), output, env)
    if gathered.problems:
        return ExitCode.USAGE
    if not gathered.services:
        return ExitCode.HEALTHY
    return exit_code_for(report, fail_on=output.fail_on, exit_zero=output.exit_zero)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
