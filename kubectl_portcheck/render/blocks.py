"""The blocks that the report of one Service is made of: steps, findings, fixes, gaps."""

from collections.abc import Iterable, Sequence
from typing import Final

from kubectl_portcheck.model.evidence import ContainerLog
from kubectl_portcheck.model.fixes import Fix, Prediction
from kubectl_portcheck.model.kinds import short_name
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.report import (
    Called,
    Change,
    Finding,
    IngressWay,
    PodReport,
    PortReport,
    ServiceReport,
    Step,
)
from kubectl_portcheck.model.share import Share
from kubectl_portcheck.render import facts
from kubectl_portcheck.render.layout import BLANK, Line, Lines, Span, line, paragraph, size
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.shell import shell_form, shell_lines
from kubectl_portcheck.render.text import cells, clean, clean_block, cut, cut_end

INDENT: Final = 12
"""Where the texts beside the labels begin."""
FEW_ROWS: Final = 2
"""The lines of evidence that are shown beside a cause; all are in the wide form."""
FEW_WAYS: Final = 3
"""The Ingresses that are named; all are in the wide form."""
MOST_PLACES: Final = 4
"""The hosts and paths that are named of one Ingress."""
FEW_LINES: Final = 10
"""The lines of a log that are shown; all are in the wide form."""
LONGEST_COMMAND: Final = 4000
MOST_CALLS: Final = 6
"""Callers that are named in the narrow form."""

STEP_NAMES: Final = {
    "pod-status": "Pod status",
    "listening-ports": "Listening ports",
    "endpoints": "Endpoints",
    "target-port": "Target port",
    "pod-port-forward": "Pod port-forward",
    "service-port-forward": "Service port-forward",
}


def labelled(label: str, text: str, look: Look, style: str = "") -> Lines:
    """A paragraph with its label in the margin; without one it continues the one above."""
    if look.plain:
        return paragraph(f"{label}: {text}" if label else text, look)
    if len(label) > INDENT - 3:
        # A long label is above its text.
        return [line("  ", Span(label, "label")), *labelled("", text, look, style)]
    first = line(Span(f"  {label}".ljust(INDENT), "label" if label else ""))
    return paragraph(text, look, first=first, style=style)


def step_text(step: Step) -> str:
    """What came out of a step, and why it was not done where it was not."""
    if not step.reason:
        return step.summary
    if ":" in step.summary or step.status != "skipped":
        return f"{step.summary} ({step.reason})"
    return f"{step.summary}: {step.reason}"


def steps(port: PortReport, look: Look, *, commands: bool = False) -> Lines:
    """The six steps, one line each as a rule."""
    shown: Lines = []
    width = max(map(len, STEP_NAMES.values()))
    for step in port.steps:
        name = STEP_NAMES[step.name]
        sign = look.sign(step.status)
        if look.plain:
            shown += paragraph(f"Step {step.step}, {name}: {sign}. {step_text(step)}", look)
        else:
            first = line(
                "  ",
                Span(sign, step.status),
                " " * (1 if look.unicode else 3 - len(sign)),
                Span(f"{step.step} ", "dim"),
                name.ljust(width + 2),
            )
            style = "dim" if step.status == "skipped" else ""
            shown += step_row(step_text(step), look, first, style)
        for command in step.commands if commands else ():
            shown += step_command(command, look)
    return shown


def step_row(text: str, look: Look, first: Line, style: str) -> Lines:
    """A step's line. Before it is broken in two, long names in it are cut in the middle."""
    shown = clean(text)
    room = look.columns - size(first)
    if not look.wide and cells(shown) > room:
        shown = " ".join(cut(w, 30, look.ellipsis) for w in shown.split(" "))
        if not style and look.width is not None:
            # What a step found is one line; why it was skipped is said in full.
            shown = cut_end(look.glyphs(shown), room, look.ellipsis)
    return paragraph(shown, look, first=first, style=style)


def step_command(argv: Sequence[str], look: Look) -> Lines:
    """The command of a step, in one line where it fits."""
    whole = look.glyphs(shell_form(argv) or "")
    if whole and cells(whole) + 6 <= look.columns:
        return [line(" " * 6, Span(whole, "dim"))]
    return paste(argv, look, "dim")


def paste(argv: Sequence[str], look: Look, style: str) -> Lines:
    """A command to paste: at the left margin, since a broken word allows no indentation."""
    one = shell_form(argv, ascii_only=not look.unicode)
    if one is None or len(one) > LONGEST_COMMAND:
        why = "cannot be typed in a shell" if one is None else "is too long to be shown"
        return labelled("", f"(the command {why}; -o json has it)", look)
    if look.width is None or look.plain:
        return [line(Span(row, style)) for row in one.split("\n")]
    rows = shell_lines(argv, look.columns - 1, ascii_only=not look.unicode)
    return [line(Span(row, style)) for row in rows]


def finding(
    label: str, found: Finding, consequences: Sequence[Finding], service: ServiceReport, look: Look
) -> Lines:
    """A finding with its evidence; in the wide form with all of it, and with what follows."""
    more = "" if look.wide else f" (more: --explain {found.code}, -o wide)"
    shown = labelled(label, f"{found.code} {found.name}{more}", look, "heading")
    if not said(found, service):
        shown += labelled("", about(found, service) + found.summary, look)
    if found.origin:
        shown += labelled("", f"{found.origin.file}:{found.origin.line}", look)
    evidence = facts.evidence(found, service) if look.wide else facts.telling(found, service)
    rows: Lines = []
    for i, fact in enumerate(evidence):
        new = labelled("" if i else "Evidence", fact, look)
        if i and not look.wide and len(rows) + len(new) > FEW_ROWS:
            break
        rows += new
    shown += rows
    for i, other in enumerate(consequences if look.wide else ()):
        shown += labelled("" if i else "Consequences", f"{other.code} {other.summary}", look)
    return shown


def said(found: Finding, service: ServiceReport) -> bool:
    """Whether the headline already says it."""
    head = service.headline
    return (head.finding, head.text) == (found.code, found.summary)


def about(found: Finding, service: ServiceReport) -> str:
    """``port 80: ``, where the Service has several."""
    if found.port is None or len(service.ports) < 2:
        return ""
    return f"port {found.port}: "


def fixes(found: Finding, look: Look) -> Lines:
    """The ways to fix it, whole and to be pasted; beside a safe one the others would only make the
    reader choose, and are left to the wide form."""
    shown: Lines = []
    one = bool(found.fixes) and found.fixes[0].safety == "safe" and not look.wide
    for i, fix in enumerate(found.fixes[:1] if one else found.fixes):
        shown += [BLANK] if i and shown[-1] else []
        shown += _fix("Alternative" if i else "Fix", fix, look)
    return shown


def _fix(label: str, fix: Fix, look: Look) -> Lines:
    if not fix.command:
        return _by_hand(label, fix, look)
    shown = labelled(label, f"{fix.title} ({care(fix)}):", look)
    if fix.lacks:
        words = f"You may not make this change: {fix.lacks.words} is not allowed in namespace "
        shown += labelled("", f"{words}{fix.lacks.namespace}. Ask someone who may.", look)
    shown += [BLANK, *paste(fix.command, look, "command"), *([BLANK] if look.wide else [])]
    if fix.owner:
        pass  # A fix of its own says where the change lasts.
    elif fix.patch and look.wide:
        shown += labelled("", "In its source too, or the next deployment reverts it:", look)
        shown += _patch(fix.patch, look)
    return shown


def care(fix: Fix) -> str:
    """``safe to paste``, or not; and what the fix would bring."""
    said = ["safe to paste" if fix.safety == "safe" else "review before you paste"]
    said += fix.cautions
    if fix.predicted and not fix.cautions:
        said.append(outcome(fix.predicted))
    if fix.unpredicted:
        said.append(f"{'open' if fix.predicted else 'effect not predicted'}: {fix.unpredicted}")
    return "; ".join(said)


def outcome(predicted: Prediction) -> str:
    """``predicted: healthy, all 3 pods serve``."""
    with_ = f" with the fix of {' and '.join(predicted.together)}" if predicted.together else ""
    said: list[str] = [] if predicted.verdict == "inconclusive" else [predicted.verdict]
    if predicted.of:
        share = Share(part=predicted.served, whole=predicted.of)
        said.append(f"{share} {'serves' if predicted.served == 1 else 'serve'}")
    return f"predicted{with_}: {', '.join(said)}"


def _by_hand(label: str, fix: Fix, look: Look) -> Lines:
    if fix.look:
        shown = labelled(label, f"{fix.title}:", look)
        return [*shown, BLANK, *paste(fix.look, look, "command"), BLANK]
    shown = labelled(label, fix.title, look)
    return shown + (_patch(fix.patch, look) if fix.patch else [])


def _patch(patch: str, look: Look) -> Lines:
    pad = " " * (INDENT + 2)
    return [line(pad, Span(look.glyphs(row), "command")) for row in clean_block(patch).split("\n")]


def history(service: ServiceReport, look: Look) -> Lines:
    """What changed before the fault, and what else references the old port."""
    shown: Lines = []
    for i, change in enumerate(service.changes):
        shown += labelled("" if i else "Recent changes", change_text(change), look)
    references = references_text(service)
    if references:
        shown += labelled("Other references", references, look)
    return shown


def change_text(change: Change) -> str:
    """``Deployment checkout: revision 7, 12 minutes ago: containerPort 8080 → 9000``."""
    by = f" (by {change.by})" if change.by else ""
    return f"{change.subject.kind} {change.subject.name}: {change.summary}{by}"


def references_text(service: ServiceReport) -> str:
    """What else still names the port that the application has left; '' where nothing does."""
    if not service.old_port or len(service.old_port.places) < 2:
        return ""
    return f"to {service.old_port.port}: {'; '.join(service.old_port.places)}"


def ways(service: ServiceReport, look: Look) -> Lines:
    """By which hosts and paths Ingresses lead to the Service."""
    texts = [way_text(way, service) for way in service.ingresses]
    if not look.wide and len(texts) > FEW_WAYS:
        texts = [*texts[:FEW_WAYS], f"and {len(texts) - FEW_WAYS} more (-o wide)"]
    shown: Lines = []
    for i, text in enumerate(texts):
        shown += labelled("" if i else "Ingress", text, look, "dim")
    return shown


def way_text(way: IngressWay, service: ServiceReport) -> str:
    """``ing/shop: shop.example/checkout → checkout:80``."""
    places = ", ".join(way.places[:MOST_PLACES])
    more = len(way.places) - MOST_PLACES
    also = f" and {more} more" if more > 0 else ""
    return f"ing/{way.ingress}: {places}{also} → {service.name}:{way.port}"


def logs(service: ServiceReport, look: Look) -> Lines:
    """The last lines of containers that fail: the latest of them, all in the wide form."""
    shown: Lines = []
    for log in service.logs:
        shown += [BLANK, *labelled("Log", log_text(log), look), BLANK]
        for row in log.lines if look.wide else log.lines[-FEW_LINES:]:
            text = look.glyphs(clean_block(row))
            room = look.columns - 4
            shown.append(line("    ", text if look.wide else cut_end(text, room, look.ellipsis)))
    return shown


def log_text(log: ContainerLog) -> str:
    """Whose log it is, and what it does not show."""
    what = f"container {log.container} in {log.pod}"
    when = ", before its last restart" if log.previous else ""
    left = f"{log.withheld} {'line' if log.withheld == 1 else 'lines'}"
    gone = f"; {left} left out, which may hold a secret" if log.withheld else ""
    return f"{what}{when}{gone}:" if log.lines else f"{what}{when}: nothing was written{gone}"


def gaps(service: ServiceReport, look: Look) -> Lines:
    """What could not be had, and which rules it kept from deciding."""
    texts = gap_texts(service, look)
    if not texts:
        return []
    if service.verdict == "inconclusive":
        shown = [line("" if look.plain else "  ", Span("Could not tell", "label"))]
        for text in texts:
            shown += labelled("", text, look)
        return shown
    if not look.wide and len(texts) > 2:
        texts = [*texts[:2], f"and {len(texts) - 2} more (-o wide)"]
    return labelled("Note", "; ".join(texts), look, "dim")


def gap_texts(service: ServiceReport, look: Look) -> list[str]:
    """Each thing that could not be had, with the rules that it kept from deciding."""
    lacking: dict[str, list[str]] = {m: [] for m in service.missing}
    shares: dict[str, Share] = {}
    for rule in service.lacking:
        codes = lacking.setdefault(rule.missing, [])
        if rule.code not in codes:
            codes.append(rule.code)
        if rule.share is not None:
            shares[rule.missing] = rule.share
    return [
        (f"{shares[m]}: " if m in shares else "")
        + (f"{m} ({_codes(c, look)} not evaluated)" if c else m)
        for m, c in lacking.items()
    ]


def next_step(service: ServiceReport, look: Look) -> Lines:
    """The command that would tell what is not known."""
    if service.next is None:
        return []
    shown = labelled("Next", f"{service.next.text}:", look)
    return [*shown, BLANK, *paste(service.next.command, look, "command"), BLANK]


def calls(service: ServiceReport, look: Look) -> Lines:
    """Who calls the Service; of a workload, what it calls. Each once, with what is wrong of it."""
    shown = call_texts(service)
    if len(shown) > MOST_CALLS and not look.wide:
        shown = [*shown[:MOST_CALLS], f"and {len(shown) - MOST_CALLS} more (-o wide)"]
    label = calls_label(service)
    return labelled(label, ", ".join(shown), look) if shown else []


def calls_label(service: ServiceReport) -> str:
    """What the list of calls is."""
    return "Called by" if service.kind == "Service" else "Calls"


def call_texts(service: ServiceReport) -> list[str]:
    """Each call, once."""
    of_service = service.kind == "Service"
    home = service.namespace if of_service else None
    return list(dict.fromkeys(_call_text(c, home) for c in service.calls))


def _call_text(called: Called, home: str | None) -> str:
    """``deploy/frontend (CHECKOUT_URL)``; of a workload ``checkout:80 (CHECKOUT_URL)``.

    ``home`` is the Service's namespace: a caller of another one has its own beside it.
    """
    call = called.call
    named = call.named
    host = f"[{named.host}]" if ":" in named.host else named.host
    what = f"{host}:{named.port}" if named.port else host
    who = f"{short_name(call.kind)}/{call.name}"
    where = named.variable or named.setting
    init = "init container, " if named.init else ""
    wrong = f": {called.finding}" if called.finding else ""
    if home is not None and call.namespace not in ("", home):
        who += f" in {call.namespace}"
    return f"{what if home is None else who} ({init}{where}{wrong})"


def aside(service: ServiceReport, look: Look) -> Lines:
    """What was ignored because a user chose so, and other notes about the run."""
    shown: Lines = []
    if service.suppressed:
        shown += labelled("Ignored", ignored_text(service), look, "dim")
    for note in service.notes:
        shown += labelled("Note", note, look, "dim")
    return shown


def ignored_text(service: ServiceReport) -> str:
    """``2 findings are ignored: PC412 probe-looks-elsewhere (annotation), ...``."""
    by = {"annotation": "annotation", "flag": "--ignore"}
    named = dict.fromkeys(
        f"{s.finding.code} {s.finding.name} ({by[s.by]})" for s in service.suppressed
    )
    count = len(service.suppressed)
    return f"{count} finding{'s are' if count > 1 else ' is'} ignored: {', '.join(named)}"


def _codes(codes: list[str], look: Look) -> str:
    return ", ".join(codes) if look.wide or len(codes) < 4 else f"{len(codes)} rules"


def pods(service: ServiceReport, look: Look) -> Lines:
    """Each pod with what was measured in it: the wide form's table."""
    shown = [line("" if look.plain else "  ", Span("Pods", "label"))]
    for text in pod_texts(service):
        shown += labelled("", text, look)
    return shown if service.pods else []


def pod_texts(service: ServiceReport) -> list[str]:
    """Each pod, with what was measured in it."""
    attempts = {a for port in service.ports for a in port.attempts}
    return [_pod_text(report, attempts) for report in service.pods]


def _pod_text(report: PodReport, attempts: Iterable[Attempt]) -> str:
    pod = report.pod
    where = f" on {pod.spec.node_name}" if pod.spec.node_name else ""
    facts = [f"{pod.status.phase or 'phase unknown'}{', Ready' if report.ready else ''}{where}"]
    if report.listeners is None:
        facts.append("sockets not known")
    else:
        found = {
            f"{s.port}/{s.protocol} {s.program or ''}".strip()
            for s in sorted(report.listeners, key=lambda s: s.port)
        }
        inferred = any(s.source == "knock" for s in report.listeners)
        words = "inferred from port-forwards: listens on" if inferred else "listens on"
        facts.append(f"{words} {', '.join(sorted(found, key=_number)) or 'nothing'}")
    mine = sorted({(a.path, a.port, a.outcome) for a in attempts if a.pod == pod.metadata.name})
    facts += [f"{path} {port} {outcome}" for path, port, outcome in mine]
    return f"{pod.metadata.name}: {'; '.join(facts)}"


def _number(text: str) -> int:
    return int(text.partition("/")[0])


def lookup_text(service: ServiceReport) -> str:
    """``10.96.3.4:80 is the ClusterIP of svc/checkout``: how the address led here."""
    found = service.lookup
    if found is None:
        return ""
    how = {
        "name": "is the DNS name of",
        "cluster-ip": "is the ClusterIP of",
        "external-ip": "is an external IP of",
        "load-balancer": "is the load balancer of",
        "node-port": "is a node port of",
        "pod-ip": "is the address of",
    }[found.how]
    return f"{found.text} {how} {service.title}"
