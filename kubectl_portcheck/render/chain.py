"""The picture of a request's way: where it breaks, and what is on the other side of the break."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from kubectl_portcheck.model.report import Impact, PodReport, PortReport, ServiceReport
from kubectl_portcheck.render.layout import Line, Lines, Span, line, paragraph, size
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.text import cells, clean, cut

MOST_ROWS: Final = 4
_WILDCARDS: Final = frozenset({"0.0.0.0", "::", "*", ""})


class Row(msgspec.Struct, frozen=True):
    """What is on the other side of the break: a port and who is there, or words only."""

    text: str
    who: str = ""

    @property
    def drawn(self) -> str:
        """``9000 ◀── python3 listens``."""
        return f"{self.text} ◀── {self.who}" if self.who else self.text

    @property
    def spoken(self) -> str:
        """``9000, python3 listens``."""
        return f"{self.text}, {self.who}" if self.who else self.text


class Station(msgspec.Struct, frozen=True):
    """A place that a request passes: the Service, or the target port."""

    name: str
    port: str
    mark: str = ""
    """What is drawn before the port."""

    @property
    def drawn(self) -> str:
        """``Service :80``."""
        return f"{self.name} {self.mark}{self.port}"

    @property
    def spoken(self) -> str:
        """``Service port 80``."""
        return f"{self.name} port {self.port}" if self.mark else self.drawn


class Branch(msgspec.Struct, frozen=True):
    """What becomes of a part of the requests."""

    status: str
    rows: tuple[Row, ...]


class Way(msgspec.Struct, frozen=True):
    """The stations that a request passes, and what comes behind the last of them."""

    stations: tuple[Station, ...]
    branches: tuple[Branch, ...]


def target_text(port: PortReport) -> str:
    """The target port, with the number where it is a name: ``http (9000)``."""
    target, resolved = port.chain.target_port, port.chain.resolved
    if isinstance(target, int):
        return str(target)
    return f"{target} ({', '.join(map(str, resolved))})" if resolved else target


def port_text(port: PortReport) -> str:
    """The Service port: ``80``, ``53/UDP``."""
    return str(port.port) if port.protocol == "TCP" else f"{port.port}/{port.protocol}"


def node_port_text(port: PortReport) -> str:
    """The port of the nodes that leads there too: `` (nodePort 30080)``; '' without one."""
    return f" (nodePort {port.node_port})" if port.node_port else ""


def way_of(service: ServiceReport, port: PortReport) -> Way:
    """The way of a request to this port, as far as it gets."""
    head = Station("Service", f"{port_text(port)}{node_port_text(port)}", ":")
    steps = {s.name: s for s in port.steps}
    for name in ("pod-status", "endpoints"):
        step = steps.get(name)
        no_pod = name == "endpoints" or not service.pods
        if step and step.status == "fail" and no_pod and not _carried(service):
            said = step.summary if name == "pod-status" else f"endpoints: {step.summary}"
            return Way((head,), (Branch("fail", (_because(service, port) or Row(said),)),))
    stations = (head, Station("targetPort", target_text(port)))
    if not isinstance(port.chain.target_port, int) and not port.chain.resolved and service.pods:
        declared = ", ".join(map(str, port.chain.declared))
        also = f"; the containers declare {declared}" if declared else ""
        return Way(stations, (Branch("fail", (Row(f"no pod has a port of this name{also}"),)),))
    return Way(stations, tuple(_branches(service, port)))


def _because(service: ServiceReport, port: PortReport) -> Row | None:
    """``no pod is Ready ◀── configuration-missing``, where a rule says why."""
    why = next(
        (
            f
            for f in service.findings
            if f.cause and f.impact == Impact.ALL and f.port in (None, port.port)
        ),
        None,
    )
    if why is None or not _says_why(why.code):
        return None
    return Row("no pod is Ready" if service.pods else "no pod", why.name)


def _says_why(code: str) -> bool:
    from kubectl_portcheck.rules.table import CATALOGUE

    return any(rule.why_unready for rule in CATALOGUE if rule.code == code)


def _carried(service: ServiceReport) -> bool:
    """Whether any pod is there and ready: then the request gets beyond the Service."""
    return any(p.ready for p in service.pods)


def _branches(service: ServiceReport, port: PortReport) -> Iterable[Branch]:
    if port.verdict == "inconclusive":
        return [Branch("skipped", _listening(service.pods, port) or (Row("not known"),))]
    failing = failing_pods(service, port)
    bad = [p for p in service.pods if p.pod.metadata.name in failing]
    good = [p for p in service.pods if p not in bad and p.ready]
    idle = [p for p in service.pods if p not in bad and not p.ready]
    if port.verdict == "broken" or not good or not bad:
        status = {"broken": "fail", "degraded": "warn"}.get(port.verdict, "pass")
        return [Branch(status, _listening(bad or service.pods, port))]
    unread = [p for p in good if _is_unread(p, service, port)]
    good = [p for p in good if p not in unread]
    made = [
        ("pass", good, _served(good, port)),
        ("skipped", unread, "not known"),
        ("fail", bad, _elsewhere(bad, port)),
        ("skipped", idle, "not Ready: no traffic"),
    ]
    total = len(service.pods)
    return [
        Branch(status, (Row(f"{len(pods)} of {total} pods: {words}"),))
        for status, pods, words in made
        if pods
    ]


def _is_unread(pod: PodReport, service: ServiceReport, port: PortReport) -> bool:
    """Whether nothing shows that this pod serves, where the sockets of others were read.

    A port-forward reaches what listens on the pod's loopback only, too.
    """
    if _was_read(pod) or not any(map(_was_read, service.pods)):
        return False
    name = pod.pod.metadata.name
    return not any(
        a.pod == name and a.outcome == "accepted" and a.path in ("pod-proxy", "in-cluster")
        for a in port.attempts
    )


def _was_read(pod: PodReport) -> bool:
    return pod.listeners is not None and any(
        s.source not in ("knock", "declared") for s in pod.listeners
    )


def failing_pods(service: ServiceReport, port: PortReport) -> set[str]:
    """The pods that errors of this port name."""
    return {
        pod
        for f in service.findings
        if f.severity == "error"
        and f.impact in (Impact.ALL, Impact.PODS)
        and (f.port is None or (f.port == port.port and f.protocol == port.protocol))
        for pod in f.pods
    }


def _served(pods: Sequence[PodReport], port: PortReport) -> str:
    found = (_ports(pods, port) or set()) & set(port.chain.resolved)
    return f"listen on {', '.join(map(str, sorted(found)))}" if found else "no error found"


def _elsewhere(pods: Sequence[PodReport], port: PortReport) -> str:
    found = _ports(pods, port)
    if found is None:
        return "fail"
    return f"listen on {', '.join(map(str, sorted(found)))}" if found else "nothing listens"


def _ports(pods: Sequence[PodReport], port: PortReport) -> set[int] | None:
    """Where these pods listen, of what the chain knows; None where it is not known."""
    if port.chain.listening is None:
        return None
    known = [p.listeners for p in pods if p.listeners is not None]
    if not known:
        return set(port.chain.listening) if not pods else None
    mine = {s.port for sockets in known for s in sockets if s.protocol == port.protocol}
    return mine & set(port.chain.listening)


def _listening(pods: Sequence[PodReport], port: PortReport) -> tuple[Row, ...]:
    """One row for each port on the other side, what may serve before what is only probed."""
    chain = port.chain
    found = _ports(pods, port)
    if found is None:
        declared = ", ".join(map(str, chain.declared))
        return (Row(f"declared, not verified: {declared}"),) if declared else ()
    if not found:
        udp = "" if port.protocol == "TCP" else f" for {port.protocol}"
        return (Row(f"nothing listens{udp} in {'the pod' if len(pods) == 1 else 'the pods'}"),)
    order = sorted(
        found,
        key=lambda p: (p not in chain.resolved, p in chain.readiness, p not in chain.declared, p),
    )
    shown = order if len(order) <= MOST_ROWS else order[: MOST_ROWS - 1]
    rows = [Row(str(p), _who(p, pods, port)) for p in shown]
    if len(order) > len(shown):
        rows.append(Row(f"and {len(order) - len(shown)} more"))
    return tuple(rows)


def _who(number: int, pods: Sequence[PodReport], port: PortReport) -> str:
    program = port.chain.programs.get(number)
    if number in port.chain.readiness and number not in port.chain.resolved:
        return "readiness probe"
    who = clean(program, 40) if program else "a process"
    here = [
        s
        for p in pods
        for s in p.listeners or ()
        if s.port == number and s.protocol == port.protocol
    ]
    if here and all(s.source == "knock" for s in here):
        return "accepts a port-forward"
    addresses = {s.address for s in here}
    if addresses and not addresses & _WILDCARDS and number in port.chain.resolved:
        few = sorted(addresses)[:2]
        where = " and ".join(few) if len(addresses) <= 2 else "single addresses"
        return f"{who} on {where}"
    return f"{who} listens"


def draw(service: ServiceReport, port: PortReport, look: Look) -> Lines:
    """The picture, in as few lines as the width allows; in words where it is to be plain."""
    way = way_of(service, port)
    if look.plain:
        return _words(way, look)
    joint = Span(_glyph(" ──▶ ", look), "dim")
    stations = [look.glyphs(clean(s.drawn)) for s in way.stations]
    left = line("  client")
    for station in stations:
        left += (joint, Span(station if look.wide else cut(station, 42, look.ellipsis), "bold"))
    if len(way.branches) == 1:
        return _one(left, way.branches[0], look)
    return _many(left, way.branches, look)


def _one(left: Line, branch: Branch, look: Look) -> Lines:
    head = (*left, _mark(branch.status, look))
    rows = [_row(r, look) for r in branch.rows]
    if not rows:
        return [head]
    start = size(head) + 3
    if start + max(map(size, rows)) <= min(look.columns, 140):
        first, *others = rows
        return [(*head, Span("   "), *first), *((Span(" " * start), *r) for r in others)]
    if len(rows) == 1:
        below = line(" " * 9, Span(_glyph("└─ ", look), "dim"))
        return [head, *paragraph(branch.rows[0].drawn, look, first=below)]
    # To the right, below the break: what is there is on the other side of it.
    pad = max(min(start, look.columns - max(map(size, rows))), 9)
    return [head, *((Span(" " * pad), *r) for r in rows)]


def _many(left: Line, branches: Sequence[Branch], look: Look) -> Lines:
    """A fork: a part of the requests gets through."""
    texts = [look.glyphs(clean(r.drawn)) for b in branches for r in b.rows]
    beside = size(left) + 7 + max(map(cells, texts)) <= look.columns
    last = len(texts) - 1
    shown: Lines = [] if beside else [left]
    for i, (branch, text) in enumerate(zip(branches, texts, strict=True)):
        mark = Span(f"{look.sign(branch.status)} ", branch.status)
        fork = "└" if i == last else "┬" if i == 0 and beside else "├"
        if beside:
            lead = (*left, Span(" ")) if i == 0 else line(" " * (size(left) + 1))
            stem = "─" if i == 0 else " "
            shown.append((*lead, Span(_glyph(stem + fork + "─", look), "dim"), mark, Span(text)))
        else:
            first = line(" " * 9, Span(_glyph(fork + "─", look), "dim"), mark)
            shown += paragraph(text, look, first=first)
    return shown


def _mark(status: str, look: Look) -> Span:
    ends = {"pass": " ──▶", "warn": " ──!", "fail": " ──✗", "skipped": " ──?"}
    return Span(_glyph(ends[status], look), status)


def _row(row: Row, look: Look) -> Line:
    """``9000 ◀── python3 listens``, its arrow dim."""
    text = look.glyphs(clean(row.text))
    if not row.who:
        return line(text)
    arrow = Span(_glyph("◀──", look), "dim")
    return line(Span(f"{text} ", "bold"), arrow, f" {look.glyphs(clean(row.who))}")


_ASCII: Final = str.maketrans(
    {"─": "-", "▶": ">", "◀": "<", "✗": "X", "┬": "+", "├": "+", "└": "+"}
)


def _glyph(text: str, look: Look) -> str:
    return text if look.unicode else look.glyphs(text.translate(_ASCII))


def _words(way: Way, look: Look) -> Lines:
    """The same for the ear."""
    return [row for s in sentences(way) for row in paragraph(s, look)]


def spoken(way: Way) -> str:
    """The picture in words, on one line."""
    return clean(" ".join(sentences(way)))


def sentences(way: Way) -> list[str]:
    """What the picture shows, in sentences: for a screen reader."""
    chain = ", then ".join(("client", *(s.spoken for s in way.stations)))
    ends = {
        "pass": "It gets through",
        "warn": "It does not always get through",
        "fail": "It breaks there",
        "skipped": "Whether it gets through is not known",
    }
    said = [f"The way of a request: {chain}."]
    if len(way.branches) == 1:
        branch = way.branches[0]
        rows = "; ".join(r.spoken for r in branch.rows)
        beyond = f". On the other side: {rows}" if rows else ""
        return [*said, f"{ends[branch.status]}{beyond}."]
    words = {"pass": "It gets through", "fail": "It breaks", "skipped": "Left out"}
    return said + [
        f"{words.get(b.status, b.status)}: {', '.join(r.spoken for r in b.rows)}."
        for b in way.branches
    ]
