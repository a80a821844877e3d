"""The client's way from its pod (``--from``), for a person and in JSON."""

from collections import Counter
from typing import Final

from kubectl_portcheck.model.report import OtherSeat, SeatReport, SeatStep
from kubectl_portcheck.model.seat import DEBUG_CONTAINER, Dns
from kubectl_portcheck.render.blocks import step_command, step_row
from kubectl_portcheck.render.layout import BLANK, Lines, Span, line, paragraph
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.shell import shell_form
from kubectl_portcheck.render.text import cells, clean

STEP_NAMES: Final = {
    "resolver": "Resolver",
    "name": "DNS name",
    "dns-server": "DNS Service",
    "dns-policies": "DNS policies",
    "service": "Service address",
    "pods": "Pod addresses",
    "others": "Other clients",
}


def seat_lines(seat: SeatReport, look: Look, *, commands: bool = False) -> Lines:
    """The pod and why it was taken, then a line for each step."""
    first = line("" if look.plain else "  ")
    shown = [BLANK, *paragraph(title(seat), look, first=first, style="bold")]
    width = max(map(len, STEP_NAMES.values()))
    for step in seat.steps:
        name, sign = STEP_NAMES[step.name], look.sign(step.status)
        text = f"{step.summary}: {step.reason}" if step.reason else step.summary
        if look.plain:
            shown += paragraph(f"{name}: {sign}. {text}", look)
        else:
            head = line(
                "  ",
                Span(sign, step.status),
                " " * (1 if look.unicode else 3 - len(sign)),
                name.ljust(width + 2),
            )
            style = "dim" if step.status == "skipped" else ""
            shown += step_row(text, look, head, style)
        for command in step.commands if commands else ():
            shown += step_command(command, look)
    return [*shown, *(_by_node(seat, look) if seat.each_node else []), BLANK]


def _by_node(seat: SeatReport, look: Look) -> Lines:
    """A line for each other node: what its pod met."""
    if not seat.others:
        return paragraph(NO_OTHER, look, first=line("" if look.plain else "  "))
    shown: Lines = []
    width = max(cells(clean(o.node)) for o in seat.others)
    for other in seat.others:
        sign, node = look.sign(other.status), look.glyphs(clean(other.node))
        text = f"{met(other)} (pod/{other.pod})"
        if look.plain:
            shown += paragraph(f"Node {node}: {sign}. {text}", look)
            continue
        gap = " " * (1 if look.unicode else 3 - len(sign))
        head = line("  ", Span(sign, other.status), gap, node.ljust(width + 2))
        shown += step_row(text, look, head, "dim" if other.status == "skipped" else "")
    return shown


NO_OTHER = "No pod on another node can take the same way."


def met(other: OtherSeat) -> str:
    """``name right; Service accepted; pods: 2 accepted``."""
    words = {"timeout": "no answer", "unknown": "unclear", "skipped": "not tried"}
    said = [f"name {other.name}"]
    if other.service:
        outcomes = dict.fromkeys(words.get(o, o) for o in other.service)
        said.append(f"Service {', '.join(outcomes)}")
    if other.pods:
        counts = Counter(words.get(o, o) for o in other.pods)
        said.append(f"pods: {', '.join(f'{n} {o}' for o, n in counts.items())}")
    return "; ".join(said)


def title(seat: SeatReport) -> str:
    """``From pod/web-1 in namespace web on node-1: a Ready pod of deploy/web``."""
    where = f" on {seat.node}" if seat.node else ""
    why = _why(seat)
    if seat.container == DEBUG_CONTAINER:
        why = f"{why}; asked in its debug container" if why else "asked in its debug container"
    return f"From pod/{seat.pod} in namespace {seat.namespace}{where}{f': {why}' if why else ''}"


def _why(seat: SeatReport) -> str:
    """Why this pod."""
    if seat.chosen in ("workload", "selector"):
        of = f"{seat.by}" if seat.chosen == "workload" else f"the label {seat.by}"
        if not seat.ready:
            return f"no pod of {of} is Ready, this one runs"
        return (
            f"the first of {seat.ready} Ready pods of {of}"
            if seat.ready > 1
            else (f"the Ready pod of {of}")
        )
    if seat.setting:
        return f"a Ready pod of {seat.by}, which calls the Service ({seat.setting})"
    if seat.chosen == "auto":
        return "a Ready pod of another workload: none is known to call the Service"
    if seat.chosen == "own":
        return "a pod of the Service itself, since there is no other to take"
    return ""


def seat_json(seat: SeatReport) -> dict[str, object]:
    """The same as it is in JSON."""
    return {
        "namespace": clean(seat.namespace),
        "pod": clean(seat.pod),
        "container": clean(seat.container) or None,
        "node": clean(seat.node) or None,
        "chosen": seat.chosen,
        "by": clean(seat.by) or None,
        "setting": clean(seat.setting) or None,
        "ready": seat.ready,
        "of": seat.of,
        **(_dns_json(seat.dns) if seat.dns else {"resolver": None, "lookup": None, "servers": []}),
        "dnsServer": {
            "namespace": clean(seat.dns_server.namespace),
            "name": clean(seat.dns_server.name),
            "verdict": seat.dns_server.verdict,
            "headline": clean(seat.dns_server.headline),
            "code": seat.dns_server.code or None,
        }
        if seat.dns_server
        else None,
        "eachNode": seat.each_node,
        "others": [
            {
                "namespace": clean(o.namespace),
                "pod": clean(o.pod),
                "node": clean(o.node) or None,
                "status": o.status,
                "name": o.name,
                "service": list(o.service),
                "pods": list(o.pods),
            }
            for o in seat.others
        ],
        "steps": [_step_json(s) for s in seat.steps],
    }


def _dns_json(dns: Dns) -> dict[str, object]:
    return {
        "resolver": {
            "nameservers": list(dns.resolver.nameservers),
            "search": [clean(s) for s in dns.resolver.search],
            "ndots": dns.resolver.ndots,
        },
        "lookup": {
            "name": clean(dns.lookup.name),
            "tool": dns.lookup.tool,
            "outcome": dns.lookup.outcome,
            "addresses": list(dns.lookup.addresses),
        },
        "servers": [
            {
                "server": a.server,
                "protocol": a.protocol,
                "outcome": a.outcome,
                "addresses": list(a.addresses),
            }
            for a in dns.answers
        ],
    }


def _step_json(step: SeatStep) -> dict[str, object]:
    return {
        "name": step.name,
        "status": step.status,
        "summary": clean(step.summary),
        "reason": None if step.reason is None else clean(step.reason),
        "commands": [list(c) for c in step.commands if shell_form(c) is not None],
    }
