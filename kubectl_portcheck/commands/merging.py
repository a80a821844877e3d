"""Reports that were written before, as one: --merge."""

from kubectl_portcheck.commands.modes import MergeRequest
from kubectl_portcheck.commands.output import print_report
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.exit_codes import ExitCode, exit_code_for


def run(request: MergeRequest, env: Environment) -> ExitCode:
    """Merge what --merge names; a report that cannot be read is missing in the whole.

    Raises UsageError where none can be read.
    """
    from kubectl_portcheck.collect.reports import files, load
    from kubectl_portcheck.diagnosis.merging import Part, merged

    parts: list[Part] = []
    failed: list[UsageError] = []
    for cluster, path in files(request.words):
        try:
            parts += [Part(cluster or r.context.cluster, r) for r in load(path)]
        except UsageError as error:
            failed.append(error)
    if not parts:
        raise failed[0]
    report = merged(parts, missing=[error.message for error in failed])
    output = request.output
    print_report(report, output, env)
    return exit_code_for(report, fail_on=output.fail_on, exit_zero=output.exit_zero)
