"""``-o markdown``: for an incident channel or a pull request. A table, a code block to paste."""

import re
from typing import Final

from kubectl_portcheck.model.report import ClusterReport, Finding, Report, ServiceReport
from kubectl_portcheck.regex import regex
from kubectl_portcheck.render import facts
from kubectl_portcheck.render.chain import draw
from kubectl_portcheck.render.layout import plain
from kubectl_portcheck.render.look import SIGNS, Look
from kubectl_portcheck.render.shell import LONGEST_COMMAND, shell_form, shell_lines
from kubectl_portcheck.render.sweep import cluster_tally, tally
from kubectl_portcheck.render.table import source_note, worst_first
from kubectl_portcheck.render.text import clean, clean_block
from kubectl_portcheck.render.wording import (
    STEP_NAMES,
    ignored_text,
    log_text,
    step_text,
    way_text,
)

# Only `:name:` and `http://` are drawn as something else: a colon is left as it is before a blank,
# and before two digits, as in a time. Not every chat reads `&#58;`.
_SPECIAL: Final = regex(r"[\\`*_\[\]#~&<>|$@]|:(?=\S)(?!\d\d(?!\d))")
_LOOK: Final = Look(width=100)
_MOST_WELL: Final = 20
"""The names of healthy Services that are listed, of a sweep."""
# GitHub and most chats draw these; the word beside them says the same.
_MARKS: Final = {"healthy": "✅", "degraded": "⚠️", "broken": "❌", "inconclusive": "❔"}


def render_markdown(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    parts = []
    services = worst_first(report)
    if len(services) != 1:
        parts.append(f"## {_MARKS[report.verdict]} {report.verdict.upper()}: {tally(report)}")
        parts += _overview(services)
    if len(report.clusters) > 1:
        parts.append("\n".join(f"- {_cluster(c)}" for c in report.clusters))
    if report.missing:
        parts.append("Not looked at:\n\n" + "\n".join(f"- {_text(m)}" for m in report.missing))
    note = source_note(report)
    for service in services:
        if service.verdict != "healthy" or len(services) == 1:
            parts += _service(service, note)
    return "\n\n".join(parts) + "\n"


def _overview(services: list[ServiceReport]) -> list[str]:
    """A row for each that is not healthy, and the others' names in a line: a channel is narrow."""
    well = [s for s in services if s.verdict == "healthy"]
    rows = "".join(
        f"| {_MARKS[s.verdict]} {s.verdict} | {_text(_place(s))} | {_text(s.label)} "
        f"| {_text(str(s.headline))} |\n"
        for s in services
        if s.verdict != "healthy"
    )
    head = "| verdict | namespace | Service | cause |\n| --- | --- | --- | --- |\n"
    parts = [head + rows.rstrip("\n")] if rows else []
    if well:
        names = ", ".join(_text(s.label) for s in well[:_MOST_WELL])
        more = f" and {len(well) - _MOST_WELL} more" if len(well) > _MOST_WELL else ""
        parts.append(f"{_MARKS['healthy']} healthy: {names}{more}")
    return parts


def _place(service: ServiceReport) -> str:
    """Return the namespace, with the cluster where there are several."""
    return f"{service.cluster}/{service.namespace}" if service.cluster else service.namespace


def _cluster(cluster: ClusterReport) -> str:
    mark = f"{_MARKS[cluster.verdict]} {cluster.verdict}"
    return f"{mark}: {_text(cluster.name) or 'no name'}: {cluster_tally(cluster)}"


def _text(text: str) -> str:
    """Untrusted text in a line or a table cell: nothing in it is markup, a link or a mention."""
    return _SPECIAL.sub(lambda m: _ESCAPES.get(m[0], "\\" + m[0]), clean(text))


# A backslash would not stop a link, a mention, an emoji or a formula from being drawn.
_ESCAPES: Final = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "@": "@<!-- -->",
    ":": "&#58;",
    "$": "&#36;",
    "|": "&#124;",
}


def _block(text: str, language: str = "") -> str:
    """A code block that its content cannot end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = text.rstrip("\n")
    return f"{fence}{language}\n{body}\n{fence}"


def _service(service: ServiceReport, note: str) -> list[str]:
    origin = f" ({_text(note)})" if note else ""
    parts = [
        f"### {_MARKS[service.verdict]} {service.verdict.upper()}: {_text(service.title)} "
        f"in {_text(_place(service))}{origin}",
        f"**{_text(str(service.headline))}**",
    ]
    for port in service.ports:
        if port.verdict == "healthy" and len(service.ports) > 1:
            parts.append(f"Port {port.port}: healthy")
            continue
        if port.verdict != "healthy":
            parts.append(_block(plain(draw(service, port, _LOOK)), "text"))
        rows = "".join(
            f"| {s.step} | {STEP_NAMES[s.name]} | {SIGNS[s.status]} {s.status} "
            f"| {_text(step_text(s))} |\n"
            for s in port.steps
        )
        table = f"| | port {port.port} | | |\n| --- | --- | --- | --- |\n{rows}"
        parts.append(table.rstrip("\n"))
    for finding in service.heads:
        parts += _finding(finding, service)
    follows = [
        f"- {f.code}: {_text(f.summary)}" for f in service.findings if f not in service.heads
    ]
    if follows:
        parts.append("What follows from it:\n\n" + "\n".join(follows))
    if service.ingresses:
        ways = (f"- {_text(way_text(way, service))}" for way in service.ingresses[:_MOST_WELL])
        parts.append("Ingresses that lead here:\n\n" + "\n".join(ways))
    for log in service.logs:
        parts.append(f"Log: {_text(log_text(log))}")
        if log.lines:
            parts.append(_block("\n".join(map(clean_block, log.lines)), "text"))
    lacking = list(dict.fromkeys((*service.missing, *(str(n) for n in service.lacking))))
    if lacking:
        parts.append("Could not be had:\n\n" + "\n".join(f"- {_text(m)}" for m in lacking))
    if service.suppressed:
        parts.append(f"*{_text(ignored_text(service))}*")
    parts += [f"*{_text(note)}*" for note in service.notes]
    return parts


def _finding(finding: Finding, service: ServiceReport) -> list[str]:
    parts = [f"**{finding.code} {_text(finding.name)}** ({finding.severity})"]
    shown = [finding.summary, *facts.evidence(finding, service)]
    parts.append("\n".join(f"- {_text(line)}" for line in shown))
    for fix in finding.fixes:
        care = "" if not fix.command else f" ({fix.safety})"
        parts.append(f"Fix: {_text(fix.title)}{care}")
        command = fix.command or fix.look
        if command:
            shell = shell_form(command)
            if shell is None or len(shell) > LONGEST_COMMAND:
                parts.append("(the command is too long, or cannot be typed in a shell)")
            else:
                parts.append(_block("\n".join(shell_lines(command, 100)), "sh"))
        elif fix.patch:
            parts.append(_block(clean_block(fix.patch), "yaml"))
    return parts
