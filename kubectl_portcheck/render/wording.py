"""What a report says of a Service, as plain text: the same on a terminal and on a page."""

from collections.abc import Iterable
from typing import Final

from kubectl_portcheck.model.evidence import ContainerLog
from kubectl_portcheck.model.fixes import Fix, Prediction
from kubectl_portcheck.model.kinds import short_name
from kubectl_portcheck.model.probes import Attempt, ListeningSocket
from kubectl_portcheck.model.report import (
    Called,
    Change,
    Finding,
    IngressWay,
    PodReport,
    ServiceReport,
    Step,
)
from kubectl_portcheck.model.share import Share

STEP_NAMES: Final = {
    "pod-status": "Pod status",
    "listening-ports": "Listening ports",
    "endpoints": "Endpoints",
    "target-port": "Target port",
    "pod-port-forward": "Pod port-forward",
    "service-port-forward": "Service port-forward",
}

MOST_PLACES: Final = 4
"""The hosts and paths that are named of one Ingress."""


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


def step_text(step: Step) -> str:
    """What came out of a step, and why it was not done where it was not."""
    if not step.reason:
        return step.summary
    if ":" in step.summary or step.status != "skipped":
        return f"{step.summary} ({step.reason})"
    return f"{step.summary}: {step.reason}"


def said(found: Finding, service: ServiceReport) -> bool:
    """Whether the headline already says it."""
    head = service.headline
    return (head.finding, head.text) == (found.code, found.summary)


def about(found: Finding, service: ServiceReport) -> str:
    """``port 80: ``, where the Service has several."""
    if found.port is None or len(service.ports) < 2:
        return ""
    return f"port {found.port}: "


def safety(fix: Fix) -> str:
    """``safe to paste``, or not."""
    return "safe to paste" if fix.safety == "safe" else "review before you paste"


def reservations(fix: Fix) -> list[str]:
    """What speaks against a fix, and what it would bring."""
    said = list(fix.cautions)
    if fix.predicted and not fix.cautions:
        said.append(outcome(fix.predicted))
    if fix.unpredicted:
        said.append(f"{'open' if fix.predicted else 'effect not predicted'}: {fix.unpredicted}")
    return said


def care(fix: Fix) -> str:
    """Both on one line."""
    return "; ".join((safety(fix), *reservations(fix)))


def outcome(predicted: Prediction) -> str:
    """``predicted: healthy, all 3 pods serve``."""
    with_ = f" with the fix of {' and '.join(predicted.together)}" if predicted.together else ""
    said: list[str] = [] if predicted.verdict == "inconclusive" else [predicted.verdict]
    if predicted.of:
        share = Share(part=predicted.served, whole=predicted.of)
        said.append(f"{share} {'serves' if predicted.served == 1 else 'serve'}")
    return f"predicted{with_}: {', '.join(said)}"


def change_text(change: Change) -> str:
    """``Deployment checkout: revision 7, 12 minutes ago: containerPort 8080 → 9000``."""
    by = f" (by {change.by})" if change.by else ""
    return f"{change.subject.kind} {change.subject.name}: {change.summary}{by}"


def references_text(service: ServiceReport) -> str:
    """What else still names the port that the application has left; '' where nothing does."""
    if not service.old_port or len(service.old_port.places) < 2:
        return ""
    return f"to {service.old_port.port}: {'; '.join(service.old_port.places)}"


def way_text(way: IngressWay, service: ServiceReport) -> str:
    """``ing/shop: shop.example/checkout → checkout:80``."""
    places = ", ".join(way.places[:MOST_PLACES])
    more = len(way.places) - MOST_PLACES
    also = f" and {more} more" if more > 0 else ""
    return f"ing/{way.ingress}: {places}{also} → {service.name}:{way.port}"


def log_text(log: ContainerLog) -> str:
    """Whose log it is, and what it does not show."""
    what = f"container {log.container} in {log.pod}"
    when = ", before its last restart" if log.previous else ""
    left = f"{log.withheld} {'line' if log.withheld == 1 else 'lines'}"
    gone = f"; {left} left out, which may hold a secret" if log.withheld else ""
    return f"{what}{when}{gone}:" if log.lines else f"{what}{when}: nothing was written{gone}"


def gaps(service: ServiceReport, *, wide: bool) -> dict[str, str]:
    """Each thing that could not be had, and the same with the rules that it kept from deciding."""
    lacking: dict[str, list[str]] = {m: [] for m in service.missing}
    shares: dict[str, Share] = {}
    for rule in service.lacking:
        codes = lacking.setdefault(rule.missing, [])
        if rule.code not in codes:
            codes.append(rule.code)
        if rule.share is not None:
            shares[rule.missing] = rule.share
    return {
        m: (f"{shares[m]}: " if m in shares else "")
        + (f"{m} ({_codes(c, wide=wide)} not evaluated)" if c else m)
        for m, c in lacking.items()
    }


def _codes(codes: list[str], *, wide: bool) -> str:
    return ", ".join(codes) if wide or len(codes) < 4 else f"{len(codes)} rules"


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


def ignored_text(service: ServiceReport) -> str:
    """``2 findings are ignored: PC412 probe-looks-elsewhere (annotation), ...``."""
    by = {"annotation": "annotation", "flag": "--ignore"}
    named = dict.fromkeys(
        f"{s.finding.code} {s.finding.name} ({by[s.by]})" for s in service.suppressed
    )
    count = len(service.suppressed)
    return f"{count} finding{'s are' if count > 1 else ' is'} ignored: {', '.join(named)}"


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
        found = dict.fromkeys(map(_socket, sorted(report.listeners, key=lambda s: s.port)))
        inferred = any(s.source == "knock" for s in report.listeners)
        words = "inferred from port-forwards: listens on" if inferred else "listens on"
        facts.append(f"{words} {', '.join(found) or 'nothing'}")
    mine = sorted({(a.path, a.port, a.outcome) for a in attempts if a.pod == pod.metadata.name})
    facts += [f"{path} {port} {outcome}" for path, port, outcome in mine]
    return f"{pod.metadata.name}: {'; '.join(facts)}"


def _socket(listener: ListeningSocket) -> str:
    return f"{listener.port}/{listener.protocol} {listener.program or ''}".strip()
