"""Several Services at once: a tally, and one line for each, worst first."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from kubectl_portcheck.model.report import WORST_FIRST, ClusterReport, Report, ServiceReport
from kubectl_portcheck.render.layout import BLANK, Lines, Span, line, paragraph
from kubectl_portcheck.render.look import VERDICT_STATUS, Look
from kubectl_portcheck.render.service import badge
from kubectl_portcheck.render.text import cells, clean, cut, cut_end

FEW_HEALTHY: Final = 5
FEW_ALIKE: Final = 3
"""More Services than these are one line, where all of them are inconclusive for one reason."""
MOST_NAMES: Final = 12


def tally(report: Report) -> str:
    """``7 of 60 Services broken, 2 degraded, 51 healthy``."""
    return tally_of(report.services)


def tally_of(services: Sequence[ServiceReport]) -> str:
    """Return the same for some of the Services."""
    total = len(services)
    if not total:
        return "no Service was found"
    counts = Counter(s.verdict for s in services)
    first, *rest = (v for v in WORST_FIRST if counts[v])
    noun = "Service" if all(s.kind == "Service" for s in services) else "target"
    noun = noun if total == 1 else f"{noun}s"
    head = f"{counts[first]} of {total} {noun} {first}"
    return ", ".join([head, *(f"{counts[v]} {v}" for v in rest)])


def cluster_tally(cluster: ClusterReport) -> str:
    """Return the same for one of several clusters, and whether all of it was looked at."""
    if cluster.services:
        return f"{tally_of(cluster.services)}{'; not all of it' if cluster.missing else ''}"
    return "not looked at" if cluster.missing else "no Service was found"


def overview(report: Report, look: Look) -> Lines:
    """The verdict over all, then a line for each Service."""
    note = "; interrupted: partial report" if report.interrupted else ""
    shown = [*closing(report, look, note), *_clusters(report, look)]
    rows = [s for v in WORST_FIRST for s in report.services if s.verdict == v]
    # A warning is news; it would be lost among the names of the healthy.
    healthy = [s for s in rows if s.verdict == "healthy" and not _warned(s)]
    folded = len(healthy) > FEW_HEALTHY and not look.wide
    alike = [] if look.wide else alike_untold(report)
    hidden = {id(s) for s in (*(healthy if folded else ()), *(s for g in alike for s in g))}
    listed = [s for s in rows if id(s) not in hidden]
    if listed or hidden or report.missing:
        shown.append(BLANK)
    for why in report.missing:
        text = f"not looked at: {look.glyphs(clean(why))}"
        shown += paragraph(text, look, first=line("" if look.plain else "  "))
    spread = len({(s.cluster, s.namespace) for s in report.services}) > 1
    names = {id(s): look.glyphs(_name(s, spread)) for s in rows}
    most = max(20, look.columns // 3) if not look.wide else look.columns
    width = min(max((cells(names[id(s)]) for s in listed), default=0), most)
    for service in listed:
        shown += _row(service, names[id(service)], width, look)
    for group in alike:
        why = look.glyphs(clean(_reason(group[0])))
        shown += _folded([names[id(s)] for s in group], look, "inconclusive", f"{why}: ")
    if folded:
        shown += _folded([names[id(s)] for s in healthy], look, "healthy")
    return shown


def alike_untold(report: Report) -> list[list[ServiceReport]]:
    """The Services that are inconclusive for one and the same reason, where these are many."""
    groups: dict[str, list[ServiceReport]] = {}
    for service in report.services:
        if service.verdict == "inconclusive" and not _warned(service):
            groups.setdefault(_reason(service), []).append(service)
    return [g for g in groups.values() if len(g) > FEW_ALIKE]


def _reason(service: ServiceReport) -> str:
    """The headline without how many pods it is about."""
    return str(msgspec.structs.replace(service.headline, share=None))


def _warned(service: ServiceReport) -> bool:
    return any(f.severity == "warning" for f in service.findings)


def closing(report: Report, look: Look, note: str = "") -> Lines:
    """The tally on one line: the first of a sweep, and said again at its end."""
    text = f"{tally(report)}{note}"
    mark = badge(report.verdict, look)
    gap = ": " if look.plain else "  "
    return paragraph(text, look, first=line(mark, gap), style="bold")


def _name(service: ServiceReport, spread: bool) -> str:
    name = clean(service.label)
    name = f"{clean(service.namespace)}/{name}" if spread else name
    return f"{clean(service.cluster)}/{name}" if service.cluster else name


def _clusters(report: Report, look: Look) -> Lines:
    """A line for each cluster, where there are several."""
    if len(report.clusters) < 2:
        return []
    names = [look.glyphs(clean(c.name) or "(no name)") for c in report.clusters]
    width = min(max(map(cells, names)), max(20, look.columns // 3))
    shown: Lines = [BLANK]
    for name, cluster in zip(names, report.clusters, strict=True):
        mark = badge(cluster.verdict, look)
        words = cluster_tally(cluster)
        if look.plain:
            shown += paragraph(f"cluster {name}: {mark.text}: {words}", look)
            continue
        gap = " " * (_widest(look) - cells(mark.text) + 2)
        name = cut(name, width, look.ellipsis)
        pad = " " * (width - cells(name) + 2)
        shown.append(line("  ", mark, gap, Span(name, "bold"), pad, words))
    return shown


def _widest(look: Look) -> int:
    return len("INCONCLUSIVE") + 2 + (0 if look.unicode else 1)


def _row(service: ServiceReport, name: str, width: int, look: Look) -> Lines:
    mark = badge(service.verdict, look)
    headline = look.glyphs(clean(str(service.headline)))
    if look.plain:
        return paragraph(f"{mark.text}: {name}: {headline}", look)
    widest = _widest(look)
    gap = " " * (widest - cells(mark.text) + 2)
    shown = cut(name, width, look.ellipsis)
    pad = " " * (width - cells(shown) + 2)
    room = look.columns - widest - width - 6
    text = headline if look.wide else cut_end(headline, room, look.ellipsis)
    return [line("  ", mark, gap, Span(shown, "bold"), pad, text)]


def _folded(names: list[str], look: Look, verdict: str, why: str = "") -> Lines:
    status = VERDICT_STATUS[verdict]
    sign = "" if look.plain else f"{look.sign(status)} "
    head = Span(f"{sign}{len(names)} {verdict.upper()}", f"{status}-badge")
    shown = sorted(names)
    if look.width is not None and len(shown) > MOST_NAMES:
        shown = [*shown[:MOST_NAMES], f"and {len(names) - MOST_NAMES} more (-o wide)"]
    text = why + ", ".join(shown)
    gap = ": " if look.plain else "  "
    pad = "" if look.plain else "  "
    return paragraph(text, look, first=line(pad, head, gap))
