"""The report on one Service, for a person."""

from typing import Final

from kubectl_portcheck.model.report import FAULTY, Finding, PortReport, ServiceReport, Step
from kubectl_portcheck.render import blocks, wording
from kubectl_portcheck.render.chain import draw, node_port_text, port_text, target_text
from kubectl_portcheck.render.layout import BLANK, Line, Lines, Span, line, paragraph
from kubectl_portcheck.render.look import VERDICT_STATUS, Look
from kubectl_portcheck.render.text import cells, clean, cut

_LABELS: Final = {"error": "Also", "warning": "Warning", "info": "Note"}


def badge(verdict: str, look: Look) -> Span:
    """``✗ BROKEN``: the sign, the word, and a colour that repeats them."""
    sign = look.sign(VERDICT_STATUS[verdict])
    word = verdict.upper()
    return Span(word if look.plain else f"{sign} {word}", f"{VERDICT_STATUS[verdict]}-badge")


def heading(service: ServiceReport, look: Look, note: str = "") -> Line:
    """The first line: the verdict and of what."""
    mark = badge(service.verdict, look)
    name, namespace = look.glyphs(clean(service.name)), look.glyphs(clean(service.namespace))
    note = look.glyphs(clean(note))
    if look.plain:
        where = f"{clean(service.kind)} {name} in namespace {namespace}"
        return line(mark, f": {where}{f', {note}' if note else ''}")
    room = look.columns - cells(mark.text) - 2
    short = clean(service.short_kind)
    whole = f"{short}/{name}  {namespace}"
    if cells(whole) > room and not look.wide:
        namespace = cut(namespace, max(room // 3, room - cells(name) - 6), look.ellipsis)
        name = cut(name, room - cells(namespace) - cells(short) - 3, look.ellipsis)
        whole = f"{short}/{name}  {namespace}"
    fits = look.wide or cells(whole) + cells(note) + 2 <= room
    return line(
        mark,
        "  ",
        Span(f"{short}/{name}", "bold"),
        f"  {namespace}",
        Span(f"  {note}" if note and fits else "", "dim"),
    )


def service_lines(
    service: ServiceReport, look: Look, *, note: str = "", commands: bool = False
) -> Lines:
    """All that is said about one Service."""
    shown: Lines = [heading(service, look, note)]
    first = line("" if look.plain else "  ")
    if service.lookup:
        shown += paragraph(wording.lookup_text(service), look, first=first, style="dim")
    shown += paragraph(str(service.headline), look, first=first, style="bold")
    many = len(service.ports) > 1
    for port in sorted(service.ports, key=lambda p: p.verdict == "healthy"):
        if port.verdict == "healthy" and not commands and not look.wide:
            shown += _healthy_port(port, look)
        else:
            shown += _port(service, port, look, many=many, commands=commands)
    if service.seat:
        from kubectl_portcheck.render.seat import seat_lines

        shown += seat_lines(service.seat, look, commands=commands)
    if look.wide:
        shown += _spaced(blocks.pods(service, look))
    shown += _findings(service, look)
    shown += blocks.logs(service, look)
    shown += _spaced(blocks.history(service, look) if look.wide else [])
    shown += _spaced(blocks.ways(service, look))
    shown += _spaced(blocks.calls(service, look))
    shown += _spaced(blocks.gaps(service, look))
    shown += _spaced(blocks.next_step(service, look))
    shown += _spaced(blocks.aside(service, look))
    return _single_blanks(shown)


def _port(
    service: ServiceReport, port: PortReport, look: Look, *, many: bool, commands: bool
) -> Lines:
    shown: Lines = [BLANK]
    if many:
        short = clean(port.name) if look.wide else cut(clean(port.name), 30, look.ellipsis)
        name = f" ({short})" if port.name else ""
        text = f"Port {port_text(port)}{look.glyphs(name)}"
        pad = "" if look.plain else "  "
        shown.append(line(pad, Span(text, "bold"), "  ", badge(port.verdict, look)))
    return [
        *shown,
        *draw(service, port, look),
        BLANK,
        *blocks.steps(port, look, commands=commands),
        BLANK,
    ]


def _healthy_port(port: PortReport, look: Look) -> Lines:
    """A port that works: one line, with what was not checked."""
    passed = [s for s in port.steps if s.status == "pass"]
    text = f"{len(passed)} of {len(port.steps)} steps pass"
    reasons: dict[str, list[Step]] = {}
    for step in port.steps:
        if step.status != "pass":
            reasons.setdefault(step.reason or str(step.step), []).append(step)
    for reason, steps in reasons.items():
        if len(steps) > 2:
            text += f"; {', '.join(str(s.step) for s in steps)}: {clean(reason)}"
            continue
        for step in steps:
            text += f"; {step.step} {wording.STEP_NAMES[step.name]}: {wording.step_text(step)}"
    way = f"port {port_text(port)}{node_port_text(port)} → {target_text(port)}"
    if look.plain:
        return paragraph(f"{way.replace(' →', ' to')}: healthy, {text}", look)
    sign = look.sign("pass")
    first = line("  ", Span(sign, "pass"), " ")
    return paragraph(f"{way}: {text}", look, first=first)


def _findings(service: ServiceReport, look: Look) -> Lines:
    shown: Lines = []
    roots = service.heads
    faulty = service.verdict in FAULTY
    for i, root in enumerate(roots):
        lead = i == 0 and faulty
        folded = (
            []
            if not lead and root.severity == "info" and not look.wide
            else consequences(root, service)
        )
        label = label_of(root, lead=lead)
        if root.severity == "error" or look.wide:
            shown += [BLANK, *blocks.finding(label, root, folded, service, look)]
            shown += [BLANK] if look.wide else []
            shown += blocks.fixes(root, look)
        else:
            # What breaks nothing gets a line, not a page.
            if not shown:
                shown.append(BLANK)
            shown += blocks.labelled(label, f"{root.code} {root.summary}", look)
            shown += _brief_fix(root, look)
    return shown


def label_of(root: Finding, *, lead: bool) -> str:
    """What a finding is to the report; ``lead`` says that it is the first of a faulty Service."""
    return "Cause" if lead and root.cause and root.severity == "error" else _LABELS[root.severity]


def _brief_fix(root: Finding, look: Look) -> Lines:
    if not root.fixes:
        return []
    return blocks.labelled("", f"Fix: {root.fixes[0].title} (-o wide)", look, "dim")


def consequences(root: Finding, service: ServiceReport) -> list[Finding]:
    """What follows from this finding: the findings between it and the next root."""
    start = next(i for i, f in enumerate(service.findings) if f is root) + 1
    found: list[Finding] = []
    for other in service.findings[start:]:
        if any(other is head for head in service.heads):
            break
        found.append(other)
    return found


def _spaced(shown: Lines) -> Lines:
    return [BLANK, *shown] if shown else []


def _single_blanks(shown: Lines) -> Lines:
    """Never two blank lines in a row, and none at the end."""
    kept: Lines = []
    for row in shown:
        if row or (kept and kept[-1]):
            kept.append(row)
    while kept and not kept[-1]:
        kept.pop()
    return kept
