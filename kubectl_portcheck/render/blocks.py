"""The blocks that the report of one Service is made of: steps, findings, fixes, gaps."""

from collections.abc import Mapping, Sequence
from typing import Final

from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import FAULTY, Finding, PortReport, ServiceReport
from kubectl_portcheck.render import facts, wording
from kubectl_portcheck.render.layout import BLANK, Line, Lines, Span, line, paragraph, size
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.shell import LONGEST_COMMAND, shell_form, shell_lines
from kubectl_portcheck.render.text import cells, clean, clean_block, cut, cut_end
from kubectl_portcheck.render.wording import STEP_NAMES, step_text

INDENT: Final = 12
"""Where the texts beside the labels begin."""
LONGEST_FACT: Final = 4
"""The lines of one fact beside a cause; what is longer loses its middle there."""
FEW_ROWS: Final = 2
"""The lines of evidence that are shown beside a cause; all are in the wide form."""
FEW_WAYS: Final = 3
"""The Ingresses that are named; all are in the wide form."""
FEW_LINES: Final = 10
"""The lines of a log that are shown; all are in the wide form."""
MOST_CALLS: Final = 6
"""Callers that are named in the narrow form."""


def labelled(label: str, text: str, look: Look, style: str = "") -> Lines:
    """A paragraph with its label in the margin; without one it continues the one above."""
    if look.plain:
        return paragraph(f"{label}: {text}" if label else text, look)
    if len(label) > INDENT - 3:
        # A long label is above its text.
        return [line("  ", Span(label, "label")), *labelled("", text, look, style)]
    first = line(Span(f"  {label}".ljust(INDENT), "label" if label else ""))
    return paragraph(text, look, first=first, style=style)


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
    shown = labelled(label, f"{found.code} {found.name}{_more(found, look)}", look, "heading")
    if not wording.said(found, service):
        shown += labelled("", wording.about(found, service) + found.summary, look)
    if found.origin:
        shown += labelled("", f"{found.origin.file}:{found.origin.line}", look)
    evidence = facts.evidence(found, service) if look.wide else facts.telling(found, service)
    rows: Lines = []
    for i, fact in enumerate(evidence):
        if not look.wide and look.width is not None:
            fact = cut(clean(fact), LONGEST_FACT * (look.columns - INDENT - 4), look.ellipsis)
        new = labelled("" if i else "Evidence", fact, look)
        if i and not look.wide and len(rows) + len(new) > FEW_ROWS:
            break
        rows += new
    shown += rows
    for i, other in enumerate(consequences if look.wide else ()):
        shown += labelled("" if i else "Consequences", f"{other.code} {other.summary}", look)
    return shown


def _more(found: Finding, look: Look) -> str:
    """Where there is more about a finding, as far as there is room to say it."""
    if look.wide:
        return ""
    whole = f" (more: --explain {found.code}, -o wide)"
    room = look.columns - INDENT - cells(f"{found.code} {found.name}")
    return whole if cells(whole) <= room else f" (--explain {found.code})"


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
    shown = labelled(label, f"{fix.title} ({wording.care(fix)}):", look)
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
        shown += labelled("" if i else "Recent changes", wording.change_text(change), look)
    references = wording.references_text(service)
    if references:
        shown += labelled("Other references", references, look)
    return shown


def ways(service: ServiceReport, look: Look) -> Lines:
    """By which hosts and paths Ingresses lead to the Service."""
    texts = [wording.way_text(way, service) for way in service.ingresses]
    if not look.wide and len(texts) > FEW_WAYS:
        texts = [*texts[:FEW_WAYS], f"and {len(texts) - FEW_WAYS} more (-o wide)"]
    shown: Lines = []
    for i, text in enumerate(texts):
        shown += labelled("" if i else "Ingress", text, look, "dim")
    return shown


def logs(service: ServiceReport, look: Look) -> Lines:
    """The last lines of containers that fail: the latest of them, all in the wide form."""
    shown: Lines = []
    for log in service.logs:
        shown += [BLANK, *labelled("Log", wording.log_text(log), look), BLANK]
        for row in log.lines if look.wide else log.lines[-FEW_LINES:]:
            text = look.glyphs(clean_block(row))
            room = look.columns - 4
            shown.append(line("    ", text if look.wide else cut_end(text, room, look.ellipsis)))
    return shown


def gaps(service: ServiceReport, look: Look) -> Lines:
    """What could not be had, and which rules it kept from deciding.

    In the narrow form without what the headline and the steps say already; beside a cause, the
    rules that are open are only named.
    """
    found = wording.gaps(service, wide=look.wide)
    if not look.wide:
        known = {step.reason for port in service.ports for step in port.steps}
        known |= {service.headline.text} if service.headline.untold else set()
        found = {missing: text for missing, text in found.items() if missing not in known}
    unsure = service.verdict == "inconclusive"
    if service.verdict in FAULTY and not look.wide:
        texts = _open_rules(service, found)
    else:
        texts = list(found.values())
    if unsure and texts:
        shown = [line("" if look.plain else "  ", Span("Could not tell", "label"))]
        return shown + [row for text in texts for row in labelled("", text, look)]
    if len(texts) > 2 and not look.wide:
        texts = [*texts[:2], f"and {len(texts) - 2} more (-o wide)"]
    return labelled("Note", "; ".join(texts), look, "dim") if texts else []


def _open_rules(service: ServiceReport, found: Mapping[str, str]) -> list[str]:
    """Which rules could not decide, in a few words, and what else is missing."""
    lacking = {rule.missing for rule in service.lacking}
    codes = sorted({rule.code for rule in service.lacking if rule.missing in found})
    which = f"{codes[0]} was" if len(codes) == 1 else f"{len(codes)} rules were"
    brief = [f"{which} not evaluated (-o wide says why)"] if codes else []
    return [*brief, *(text for missing, text in found.items() if missing not in lacking)]


def next_step(service: ServiceReport, look: Look) -> Lines:
    """The command that would tell what is not known."""
    if service.next is None:
        return []
    shown = labelled("Next", f"{service.next.text}:", look)
    return [*shown, BLANK, *paste(service.next.command, look, "command"), BLANK]


def calls(service: ServiceReport, look: Look) -> Lines:
    """Who calls the Service; of a workload, what it calls. Each once, with what is wrong of it."""
    shown = wording.call_texts(service)
    if len(shown) > MOST_CALLS and not look.wide:
        shown = [*shown[:MOST_CALLS], f"and {len(shown) - MOST_CALLS} more (-o wide)"]
    label = wording.calls_label(service)
    return labelled(label, ", ".join(shown), look) if shown else []


def aside(service: ServiceReport, look: Look) -> Lines:
    """What was ignored because a user chose so, and other notes about the run."""
    shown: Lines = []
    if service.suppressed:
        shown += labelled("Ignored", wording.ignored_text(service), look, "dim")
    for note in service.notes:
        shown += labelled("Note", note, look, "dim")
    return shown


def pods(service: ServiceReport, look: Look) -> Lines:
    """Each pod with what was measured in it: the wide form's table."""
    shown = [line("" if look.plain else "  ", Span("Pods", "label"))]
    for text in wording.pod_texts(service):
        shown += labelled("", text, look)
    return shown if service.pods else []
