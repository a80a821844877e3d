"""The way of a client from its pod (``--from``), a line for each step, only from the evidence."""

from collections import Counter
from collections.abc import Sequence

from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import InCluster
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.report import (
    DnsServer,
    OtherSeat,
    SeatReport,
    SeatStep,
    Status,
    Verdict,
)
from kubectl_portcheck.rules.seat import kind_of
from kubectl_portcheck.rules.wording import listing, verb
from kubectl_portcheck.semantics import seat
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.seat import Met, Seen

OUTCOMES = {"timeout": "no answer", "unknown": "unclear", "skipped": "not tried"}


def seat_of(whole: ServiceCase, cases: Sequence[Case]) -> SeatReport | None:
    """What the client's pod met on its way; None without --from."""
    client = seat.known_client(whole)
    if client is None:
        return None
    dns = None if isinstance(client.dns, Missing) else client.dns.value
    return SeatReport(
        namespace=client.namespace,
        pod=client.pod,
        container=client.container,
        node=client.client.pod.spec.node_name if client.client else "",
        chosen=client.chosen,
        by=client.by,
        setting=client.setting,
        ready=client.ready,
        of=client.of,
        dns=dns,
        dns_server=_short(whole),
        others=tuple(map(_other, seat.met(whole)[1:])),
        each_node=client.each_node,
        steps=(*_dns(whole, client), *_connections(cases, client), *_others(whole)),
    )


def _short(whole: ServiceCase) -> DnsServer | None:
    report = whole.dns_server
    if report is None:
        return None
    cause = next((f for f in report.findings if f.cause), None)
    return DnsServer(
        namespace=report.namespace,
        name=report.name,
        verdict=report.verdict,
        headline=str(report.headline),
        code=cause.code if cause else "",
    )


def _dns(whole: ServiceCase, client: InCluster) -> list[SeatStep]:
    found = seat.seen(whole)
    argv = ("exec", client.pod, "-n", client.namespace)
    argv = (*whole.kubectl, *argv, *(("-c", client.container) if client.container else ()), "--")
    show = (*argv, "cat", "/etc/resolv.conf")
    if found is None:
        return []
    if isinstance(found, Missing):
        reason = found.detail or found.reason
        return [SeatStep(name="resolver", status="skipped", summary="not read", reason=reason)]
    ask = (*argv, "getent", "hosts", found.dns.lookup.name)
    resolver = SeatStep(
        name="resolver",
        status="warn" if found.kind == "skips" else "pass",
        summary=_resolver(found),
        commands=(show,),
    )
    return [resolver, _name(whole, found, ask), *_server(whole, found)]


def _server(whole: ServiceCase, found: Seen) -> list[SeatStep]:
    """The DNS Service, and the policies before its pods: only where no nameserver answers."""
    report, server = whole.dns_server, found.client.dns_server
    if isinstance(server, Missing):
        if server.reason == Reason.NOT_ASKED:
            return []
        why = server.detail or server.reason
        status: Status = "fail" if server.reason == Reason.NOT_FOUND else "skipped"
        return [SeatStep(name="dns-server", status=status, summary=why)]
    if report is None:
        return []
    marks: dict[Verdict, Status] = {
        "healthy": "pass",
        "inconclusive": "skipped",
        "degraded": "warn",
        "broken": "fail",
    }
    text = f"{report.title} in {report.namespace} is {report.verdict}: {report.headline}"
    return [
        SeatStep(name="dns-server", status=marks[report.verdict], summary=text),
        *_dns_policies(whole, found),
    ]


def _dns_policies(whole: ServiceCase, found: Seen) -> list[SeatStep]:
    ways = seat.to_dns(whole, found.client)
    if not ways:
        return []
    unknown = next((a.why for w in ways for a in (w.udp, w.tcp) if a.allowed is None), None)
    if unknown is not None:
        step = SeatStep(name="dns-policies", status="skipped", summary="not known", reason=unknown)
        return [step]
    denied = [
        name
        for name, way in (("UDP", [w.udp for w in ways]), ("TCP", [w.tcp for w in ways]))
        if not any(a.allowed for a in way)
    ]
    guards = listing(
        dict.fromkeys(
            f"{kind_of(p)} {p.metadata.name}" for w in ways for p in (*w.udp.guards, *w.tcp.guards)
        )
    )
    port = ways[0].port
    if not denied:
        text = f"port {port} of the DNS pods is allowed by UDP and TCP"
        return [SeatStep(name="dns-policies", status="pass", summary=text)]
    by = f" ({guards})" if guards else ""
    text = f"port {port} of the DNS pods is not allowed by {listing(denied)}{by}"
    worse: Status = "fail" if "UDP" in denied else "warn"
    return [SeatStep(name="dns-policies", status=worse, summary=text)]


def _resolver(found: Seen) -> str:
    given = found.dns.resolver
    policy = seat.policy(found.client)
    servers = " and ".join(given.nameservers) or "none"
    said = [f"dnsPolicy {policy}"] if policy else []
    return ", ".join([*said, f"nameserver {servers}", f"ndots {given.ndots}"])


def _name(whole: ServiceCase, found: Seen, ask: tuple[str, ...]) -> SeatStep:
    name, tool = found.dns.lookup.name, found.dns.lookup.tool
    addresses = listing(found.dns.lookup.addresses)
    what = "a pod of the Service" if whole.service.headless else "the ClusterIP"
    right = f", {what}" if seat.rightful(whole) else ""
    texts: dict[str, tuple[Status, str]] = {
        "right": ("pass", f"{name} is {addresses}{right}"),
        "differs": ("fail", f"{name} is {addresses}, which is not the Service"),
        "alias": ("fail", f"hostAliases give {name} the address {listing(found.wrong)}"),
        "unknown-name": ("fail", f"{name} does not exist"),
        "skips": ("fail", f"{name} is not found: the nameserver is not the cluster's"),
        "no-answer": ("fail", f"no nameserver answers for {name}"),
        "unclear": ("skipped", f"no address for {name}; why is not known"),
    }
    status, text = texts[found.kind]
    return SeatStep(name="name", status=status, summary=f"{text} (by {tool})", commands=(ask,))


def _connections(cases: Sequence[Case], client: InCluster) -> list[SeatStep]:
    if (missing := client.undialled) is not None:
        if missing.reason == Reason.NOT_ASKED:
            return []
        why = missing.detail or missing.reason
        return [SeatStep(name="service", status="skipped", summary="not tried", reason=why)]
    numbers = {c.port.port for c in cases}
    direct = [a for a in client.attempts if a.port in numbers]
    within = [s.within for c in cases for s in c.states if s.within]
    unique = list({(a.pod, a.port): a for a in within}.values())
    steps = []
    if direct:
        summary = "; ".join(f"{_at(a)} {_outcome(a)}" for a in direct)
        steps.append(SeatStep(name="service", status=_status(direct), summary=summary))
    if unique:
        summary = _counted(unique)
        steps.append(SeatStep(name="pods", status=_status(unique), summary=summary))
    return steps


NAMES = {
    "right": "right",
    "differs": "leads elsewhere",
    "alias": "leads elsewhere",
    "unknown-name": "does not exist",
    "no-answer": "no answer",
    "skips": "not found",
    "unclear": "unclear",
}


def _other(found: Met) -> OtherSeat:
    status: Status = "pass" if found.served else "skipped" if found.served is None else "fail"
    return OtherSeat(
        namespace=found.client.namespace,
        pod=found.client.pod,
        node=found.node,
        status=status,
        name=NAMES[found.name] if found.name else "not looked up",
        service=found.service,
        pods=found.pods,
    )


def _others(whole: ServiceCase) -> list[SeatStep]:
    """Whether other clients work where this one fails."""
    own, *others = seat.met(whole) or (None,)
    if own is None or own.served is not False or not others:
        return []
    served = [m for m in others if m.served]
    failing = [m for m in others if m.served is False]
    if served and not failing:
        who = listing(f"pod/{m.client.pod} on {m.node}" for m in served)
        text = f"{who} {verb(served, 'is', 'are')} served: only this client fails"
        return [SeatStep(name="others", status="pass", summary=text)]
    if failing and not served:
        who = listing(f"pod/{m.client.pod} on {m.node}" for m in failing)
        text = f"{who} {verb(failing, 'fails', 'fail')} too"
        return [SeatStep(name="others", status="fail", summary=text)]
    if not served:
        return []
    text = (
        f"served: {listing(f'pod/{m.client.pod} on {m.node}' for m in served)}; not: "
        f"{listing(f'pod/{m.client.pod} on {m.node}' for m in failing)}"
    )
    return [SeatStep(name="others", status="warn", summary=text)]


def _at(attempt: Attempt) -> str:
    host = f"[{attempt.address}]" if ":" in attempt.address else attempt.address
    return f"{host}:{attempt.port}"


def _outcome(attempt: Attempt) -> str:
    return OUTCOMES.get(attempt.outcome, attempt.outcome)


def _status(attempts: Sequence[Attempt]) -> Status:
    outcomes = {a.outcome for a in attempts}
    if outcomes == {"accepted"}:
        return "pass"
    if "accepted" in outcomes:
        return "warn"
    return "skipped" if outcomes <= {"skipped", "unknown"} else "fail"


def _counted(attempts: Sequence[Attempt]) -> str:
    """``8080 accepted by 2 of 3 pods, refused by 1``."""
    words = {"timeout": "no answer from", "unknown": "unclear in", "skipped": "not tried in"}
    said = []
    for port in sorted({a.port for a in attempts}):
        counts = Counter(a.outcome for a in attempts if a.port == port)
        whole = sum(counts.values())
        parts = [f"{words.get(o, f'{o} by')} {n} of {whole}" for o, n in counts.items()]
        said.append(f"{port} {', '.join(parts)}")
    return "; ".join(said)
