"""``--since-last`` and ``--history``: what changed since an earlier run, which are kept."""

from collections.abc import Sequence

from kubectl_portcheck.diagnosis.since import Change
from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.layout import BLANK, Lines, Span, line, paragraph
from kubectl_portcheck.render.look import VERDICT_STATUS, Look
from kubectl_portcheck.render.service import badge
from kubectl_portcheck.render.sweep import tally
from kubectl_portcheck.render.text import clean


def since_lines(time: str, found: Sequence[Change], look: Look) -> Lines:
    """What changed since the run of this time; the report follows."""
    first = line("" if look.plain else "  ")
    if not found:
        return [*paragraph(f"Nothing changed since {shown_time(time)}.", look), BLANK]
    shown = [line(Span(f"Changed since {shown_time(time)}", "bold"))]
    for change in found:
        status = VERDICT_STATUS[change.after or "inconclusive"]
        sign = "" if look.plain else f"{look.sign(status)} "
        shown += paragraph(_text(change, look), look, first=(*first, Span(sign, status)))
    return [*shown, BLANK]


def _text(change: Change, look: Look) -> str:
    service = change.service
    name = f"{clean(service.title)} in {clean(service.namespace)}"
    if change.after is None:
        return f"{name}: no longer there ({change.before} before)"
    if change.before is None:
        return f"{name}: new, {change.after}"
    turn = (
        f"{change.before} → {change.after}"
        if change.before != change.after
        else f"still {change.after}"
    )
    said = [look.glyphs(look.spoken(turn))]
    said += [f"new: {', '.join(change.new)}"] if change.new else []
    said += [f"no longer: {', '.join(change.gone)}"] if change.gone else []
    return f"{name}: {'; '.join(said)}"


def runs_lines(runs: Sequence[tuple[str, Report]], folder: str, look: Look) -> Lines:
    """Each kept run on a line, the newest first, and where they are kept."""
    shown: Lines = []
    for time, report in runs:
        one = report.services[0] if len(report.services) == 1 else None
        about = f"{one.title} in {one.namespace}: {one.headline}" if one else tally(report)
        cluster = f" ({report.context.cluster})" if report.context.cluster else ""
        mark = badge(report.verdict, look)
        first = line(f"{shown_time(time)}  ", mark, ": " if look.plain else "  ")
        shown += paragraph(clean(f"{about}{cluster}"), look, first=first)
    count = f"{len(runs)} {'run is' if len(runs) == 1 else 'runs are'} kept in {clean(folder)}"
    return [*shown, *([BLANK] if shown else []), *paragraph(count, look)]


def shown_time(time: str) -> str:
    """``2026-11-28 23:12:08 UTC``."""
    return clean(time).replace("T", " ").replace("Z", " UTC")
