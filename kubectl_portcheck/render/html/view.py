"""What the page shows, in the order in which it shows it: plain values, no markup but pictures."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import (
    FAULTY,
    WORST_FIRST,
    Finding,
    PortReport,
    Report,
    ServiceReport,
    Step,
)
from kubectl_portcheck.render import facts, seat, wording
from kubectl_portcheck.render.chain import node_port_text, port_text, target_text, way_of
from kubectl_portcheck.render.html.picture import chain_svg
from kubectl_portcheck.render.look import SIGNS
from kubectl_portcheck.render.rights import missing_rights, role_commands
from kubectl_portcheck.render.service import consequences, label_of
from kubectl_portcheck.render.shell import LONGEST_COMMAND, shell_form
from kubectl_portcheck.render.sweep import cluster_tally, tally
from kubectl_portcheck.render.table import source_note, worst_first
from kubectl_portcheck.render.text import clean

FEW_FAULTY: Final = 3
"""So many Services with errors are open at once; of more, each is opened by hand."""
MOST_FACTS: Final = 60
"""Lines of one folded list; of more, their number is shown."""


class Whole(str):
    """A text that must stay exactly as it is, such as a command to copy: it is only escaped."""

    __slots__ = ()


class Line(NamedTuple):
    """A step, or another line with a sign."""

    status: str
    sign: str
    name: str
    text: str
    commands: tuple[Whole, ...] = ()


class Folded(NamedTuple):
    """A list under a heading that is closed at first."""

    title: str
    rows: Sequence[str]
    code: bool = False
    """Whether the rows are output of a program."""
    open: bool = False


class Remedy(NamedTuple):
    """A way to fix a finding."""

    label: str
    title: str
    safety: str
    """``safe``, ``review``, or '' where no command makes the change."""
    care: str
    """Whether it may be pasted as it is; '' without a command."""
    more: str
    """What speaks against it, and what it would bring."""
    command: Whole | None
    patch: str
    notes: tuple[str, ...]


class Problem(NamedTuple):
    """A finding that is not a consequence."""

    label: str
    code: str
    name: str
    severity: str
    text: str
    """'' where the headline says it."""
    origin: str
    remedies: Sequence[Remedy]
    folded: Sequence[Folded]


class Port(NamedTuple):
    """One Service port."""

    title: str
    """'' where the Service has only this one."""
    verdict: str
    picture: Markup
    steps: Sequence[Line]
    open: bool
    """Whether the steps are shown at once."""


class Service(NamedTuple):
    """All that is said about one Service."""

    number: int
    verdict: str
    title: str
    namespace: str
    headline: str
    codes: Sequence[str]
    open: bool
    lookup: str
    ports: Sequence[Port]
    seat: str
    seat_steps: Sequence[Line]
    problems: Sequence[Problem]
    folded: Sequence[Folded]
    next: str
    next_command: Whole | None
    notes: Sequence[str]


class Page(NamedTuple):
    """The whole report."""

    title: str
    verdict: str
    tally: str
    source: str
    namespace: str
    time: str
    note: str
    clusters: Sequence[tuple[str, str, str]]
    """Verdict, name and tally of each, where there are several."""
    counts: Sequence[tuple[str, int]]
    """Each verdict that occurs, the worst first."""
    bars: Sequence[tuple[str, float, float]]
    """Verdict, start and width of its part of the bar, in percent."""
    services: Sequence[Service]
    missing: Sequence[str]
    rights: Sequence[Whole]


def page_of(report: Report) -> Page:
    """Prepare a report."""
    services = worst_first(report)
    faulty = sum(s.verdict in FAULTY for s in services)
    shown = [
        _service(number, s, is_open=len(services) == 1 or (faulty <= FEW_FAULTY and _is_faulty(s)))
        for number, s in enumerate(services, 1)
    ]
    words = f"{len(report.clusters)} clusters" if report.clusters else "a cluster"
    context, first = report.context, services[0] if len(services) == 1 else None
    about = f"{first.title} in {first.namespace}" if first else tally(report)
    return Page(
        title=f"{report.verdict.upper()}: {about}",
        verdict=report.verdict,
        tally=tally(report),
        source={"cluster": f"cluster {context.cluster}" if context.cluster else words}.get(
            context.source, context.source
        ),
        namespace=context.namespace,
        time=context.collected_at,
        note=source_note(report) if report.interrupted else "",
        clusters=[(c.verdict, c.name or "no name", cluster_tally(c)) for c in report.clusters]
        if len(report.clusters) > 1
        else (),
        counts=_counts(report),
        bars=_bars(_counts(report)),
        services=shown,
        missing=report.missing,
        rights=[
            Whole(form)
            for command in role_commands(missing_rights(report))
            if (form := shell_form(command))
        ],
    )


def _is_faulty(service: ServiceReport) -> bool:
    return service.verdict in FAULTY


def _counts(report: Report) -> list[tuple[str, int]]:
    counts = Counter(s.verdict for s in report.services)
    return [(verdict, counts[verdict]) for verdict in WORST_FIRST if counts[verdict]]


def _bars(counts: Sequence[tuple[str, int]]) -> list[tuple[str, float, float]]:
    total, start = sum(count for _, count in counts), 0.0
    bars = []
    for verdict, count in counts:
        width = round(100 * count / total, 3)
        bars.append((verdict, start, width))
        start += width
    return bars


def _service(number: int, service: ServiceReport, *, is_open: bool) -> Service:
    many = len(service.ports) > 1
    step, where = service.next, service.namespace
    return Service(
        number=number,
        verdict=service.verdict,
        title=service.title,
        namespace=f"{service.cluster}/{where}" if service.cluster else where,
        headline=str(service.headline),
        codes=list(dict.fromkeys(f.code for f in service.heads if f.severity != "info")),
        open=is_open,
        lookup=wording.lookup_text(service),
        ports=[
            _port(service, port, many=many)
            for port in sorted(service.ports, key=lambda p: p.verdict == "healthy")
        ],
        seat=seat.title(service.seat) if service.seat else "",
        seat_steps=_seat_steps(service),
        problems=[_problem(service, root, i) for i, root in enumerate(service.heads)],
        folded=list(_folded(service)),
        next=step.text if step else "",
        next_command=_command(step.command) if step else None,
        notes=[*([wording.ignored_text(service)] if service.suppressed else []), *service.notes],
    )


def _port(service: ServiceReport, port: PortReport, *, many: bool) -> Port:
    name = f" ({clean(port.name)})" if port.name else ""
    way = f"{port_text(port)}{name}{node_port_text(port)} → {target_text(port)}"
    return Port(
        title=f"Port {way}" if many else "",
        verdict=port.verdict,
        picture=chain_svg(way_of(service, port)),
        steps=[_step(step, with_command=port.verdict != "healthy") for step in port.steps],
        open=port.verdict != "healthy" or not many,
    )


def _step(step: Step, *, with_command: bool) -> Line:
    return Line(
        step.status,
        SIGNS[step.status],
        wording.STEP_NAMES[step.name],
        wording.step_text(step),
        tuple(_commands(step.commands)) if with_command else (),
    )


def _commands(commands: Iterable[tuple[str, ...]]) -> Iterator[Whole]:
    for command in commands:
        shown = _command(command)
        if shown is not None:
            yield shown


def _command(argv: Sequence[str] | None) -> Whole | None:
    """Return the command as it is pasted; None where none can be typed or shown."""
    form = shell_form(argv) if argv else None
    return Whole(form) if form is not None and len(form) <= LONGEST_COMMAND else None


def _seat_steps(service: ServiceReport) -> list[Line]:
    if service.seat is None:
        return []
    shown = [
        Line(
            step.status,
            SIGNS[step.status],
            seat.STEP_NAMES[step.name],
            f"{step.summary}: {step.reason}" if step.reason else step.summary,
            tuple(_commands(step.commands)),
        )
        for step in service.seat.steps
    ]
    for other in service.seat.others if service.seat.each_node else ():
        text = f"{seat.met(other)} (pod/{other.pod})"
        shown.append(Line(other.status, SIGNS[other.status], other.node, text))
    return shown


def _problem(service: ServiceReport, root: Finding, place: int) -> Problem:
    after = [f"{f.code} {f.summary}" for f in consequences(root, service)]
    folded = [
        *_list("Evidence", facts.evidence(root, service)),
        *_list("Consequences", after),
    ]
    return Problem(
        label=label_of(root, lead=place == 0 and _is_faulty(service)),
        code=root.code,
        name=root.name,
        severity=root.severity,
        text="" if wording.said(root, service) else f"{wording.about(root, service)}{root.summary}",
        origin=f"{root.origin.file}:{root.origin.line}" if root.origin else "",
        remedies=[_remedy("Alternative" if i else "Fix", f) for i, f in enumerate(root.fixes)],
        folded=folded,
    )


def _remedy(label: str, fix: Fix) -> Remedy:
    command = _command(fix.command or fix.look)
    notes = []
    if fix.lacks:
        notes.append(
            f"You may not make this change: {fix.lacks.words} is not allowed in namespace "
            f"{fix.lacks.namespace}. Ask someone who may."
        )
    if command is None and (fix.command or fix.look):
        notes.append("The command is too long, or cannot be typed in a shell; -o json has it.")
    return Remedy(
        label=label,
        title=fix.title,
        safety=fix.safety if fix.command else "",
        care=wording.safety(fix) if fix.command else "",
        more="; ".join(wording.reservations(fix)) if fix.command else "",
        command=command,
        patch=fix.patch if fix.patch and not (fix.command and fix.owner) else "",
        notes=tuple(notes),
    )


def _folded(service: ServiceReport) -> Iterator[Folded]:
    """What is there to look up: closed, each with the number of its lines."""
    unsure = service.verdict == "inconclusive"
    gaps = list(wording.gaps(service, wide=True).values())
    title = "Could not tell" if unsure else "Notes"
    yield from _list(title, gaps, is_open=unsure)
    for log in service.logs:
        yield Folded(f"Log: {wording.log_text(log)}", log.lines, code=True)
    changes = [wording.change_text(c) for c in service.changes]
    yield from _list("Recent changes", changes)
    references = wording.references_text(service)
    yield from _list("Other references", [references] if references else [])
    yield from _list("Ingresses", [wording.way_text(w, service) for w in service.ingresses])
    yield from _list(wording.calls_label(service), wording.call_texts(service))
    if service.verdict != "healthy":
        yield from _list("Pods", wording.pod_texts(service))


def _list(title: str, rows: Sequence[str], *, is_open: bool = False) -> Iterator[Folded]:
    if not rows:
        return
    shown = list(rows[:MOST_FACTS])
    if len(rows) > MOST_FACTS:
        shown.append(f"and {len(rows) - MOST_FACTS} more (-o wide)")
    yield Folded(f"{title} ({len(rows)})", shown, open=is_open)
