"""``-o table`` and ``-o wide``: the report as a person reads it at a terminal."""

from typing import Final

from kubectl_portcheck.model.report import WORST_FIRST, Report, ServiceReport
from kubectl_portcheck.render.layout import BLANK, Lines, paragraph, plain
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.service import service_lines

MOST_DETAILED: Final = 20
"""Services of a sweep that are shown in detail."""


def table_lines(
    report: Report, look: Look, *, show_commands: bool = False, summary: bool = False
) -> Lines:
    """The report as styled lines."""
    services = report.services
    single = len(services) == 1 and not summary and not report.missing
    shown = [] if single else _overview(report, look)
    if summary or not services:
        return shown
    note = source_note(report)
    worth = _worth_details(report, look)
    shown_whole = detailed(report, look)
    for service in shown_whole:
        if shown:
            shown.append(BLANK)
        said = f"cluster {service.cluster}" if service.cluster else note
        shown += service_lines(service, look, note=said, commands=show_commands)
    if len(worth) > len(shown_whole):
        more = f"and {len(worth) - len(shown_whole)} more, each in the list above (-o wide: all)"
        shown += [BLANK, *paragraph(more, look)]
    if report.rights or any(s.rights for s in services):
        from kubectl_portcheck.render.rights import rights_lines

        shown += rights_lines(report, look)
    if len(services) > 1 and len(shown_whole) > 1:
        from kubectl_portcheck.render.sweep import closing

        shown += [BLANK, *closing(report, look)]
    return shown


def _overview(report: Report, look: Look) -> Lines:
    from kubectl_portcheck.render.sweep import overview

    return overview(report, look)


def detailed(report: Report, look: Look, *, summary: bool = False) -> list[ServiceReport]:
    """The Services that are shown with all that was found about them."""
    if summary:
        return []
    worth = _worth_details(report, look)
    return worth if look.wide else worth[:MOST_DETAILED]


def render_table(
    report: Report, look: Look, *, show_commands: bool = False, summary: bool = False
) -> str:
    """The report as text without colours."""
    return plain(table_lines(report, look, show_commands=show_commands, summary=summary))


def source_note(report: Report) -> str:
    """Where the evidence comes from, and whether it is all there."""
    context = report.context
    words = {
        "cluster": f"cluster {context.cluster}" if context.cluster else "",
        "manifests": "from manifests",
        "snapshot": f"snapshot of {context.collected_at}" if context.collected_at else "snapshot",
    }
    notes = [words[context.source], "interrupted: partial report" if report.interrupted else ""]
    return ", ".join(n for n in notes if n)


def worst_first(report: Report) -> list[ServiceReport]:
    """The Services in the order in which a person should look at them."""
    return sorted(
        report.services,
        key=lambda s: (WORST_FIRST.index(s.verdict), s.cluster, s.namespace, s.name),
    )


def _worth_details(report: Report, look: Look) -> list[ServiceReport]:
    if len(report.services) == 1:
        return list(report.services)
    from kubectl_portcheck.render.sweep import alike_untold

    folded = set() if look.wide else {id(s) for group in alike_untold(report) for s in group}
    return [s for s in worst_first(report) if s.verdict != "healthy" and id(s) not in folded]
