"""What is said of a pod or a workload that was asked about, besides the Services that lead to it.

A pod is not a Service: it promises no client an answer on the ports that it declares, so a declared
port on which nothing listens is reported and is not a fault. Whether the pods are healthy, and
whether any Service selects them, decides.
"""

from collections.abc import Iterable, Sequence

import msgspec

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.evidence import Asked
from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.model.report import Finding, Headline, Impact, Verdict
from kubectl_portcheck.rules.wording import headline_of, listing, share, verb
from kubectl_portcheck.semantics import listening, pods, ports, selectors
from kubectl_portcheck.semantics.answers import hangs
from kubectl_portcheck.semantics.case import ServiceCase


class Judged(msgspec.Struct, frozen=True):
    """The verdict, and the sentence that goes with it."""

    verdict: Verdict
    headline: Headline


def judge(case: ServiceCase, asked: Asked, findings: Sequence[Finding]) -> Judged:
    """The verdict on the pods of what was asked about."""
    errors = [f for f in findings if f.severity == "error"]
    failing = {pod for f in errors for pod in f.pods}
    everyone = {p.metadata.name for p in case.pods}
    state = _own_ports(case)
    if errors and (any(f.impact == Impact.ALL for f in errors) or everyone <= failing):
        return Judged("broken", headline_of(errors[0], case))
    if errors:
        return Judged("degraded", headline_of(errors[0], case))
    hung = {p.metadata.name for port in case.service.spec.ports for p in _hung(case, port)}
    if hung:
        return Judged("broken" if hung == everyone else "degraded", Headline(text=state))
    for part in (case.missing("pods"), asked.services):
        if isinstance(part, Missing):
            return _untold(part.detail or part.reason)
    services = () if isinstance(asked.services, Missing) else asked.services.value
    labels = [p.metadata.labels for p in case.pods] or [case.service.spec.selector]
    selecting = [s for s in services if any(_selects(s, found) for found in labels)]
    if not selecting:
        return _untold(f"no Service selects its pods{_near(services, labels)}; {state}")
    if not everyone:
        return _untold("there is no pod")
    whose = listing(f"svc/{s.metadata.name}" for s in selecting)
    if asked.port is not None and not any(_leads(s, case.pods, case) for s in selecting):
        leads = verb(selecting, "selects its pods and leads", "select its pods and lead")
        return _untold(f"{whose} {leads} to no port {asked.port} of theirs; {state}")
    return Judged("healthy", Headline(text=f"{state}; selected by {whose}"))


def _untold(why: str) -> Judged:
    return Judged("inconclusive", Headline(text=why, untold=True))


def _selects(service: Service, labels: dict[str, str]) -> bool:
    return service.spec.type != "ExternalName" and selectors.matches(service.spec.selector, labels)


def _leads(service: Service, found: Iterable[Pod], case: ServiceCase) -> bool:
    """Whether a port of the Service leads to one of those that were asked about."""
    wanted = {p.port for p in case.service.spec.ports}
    return any(
        ports.dialled_port(service, port, pod) in wanted
        for port in service.spec.ports
        for pod in found
    )


def _near(services: Iterable[Service], labels: Sequence[dict[str, str]]) -> str:
    """The Service that nearly selects them, where one does: its selector, and what they have."""
    for service in services:
        for found in labels:
            miss = selectors.near_miss(service.spec.selector, found)
            if miss is not None:
                wanted = f"{miss.key}={miss.wanted}"
                theirs = f"{miss.found_key or miss.key}={miss.found or miss.wanted}"
                name = service.metadata.name
                return f" (svc/{name} selects {wanted}, and they have {theirs})"
    return ""


def _own_ports(case: ServiceCase) -> str:
    """``9000 (http): 3 of 3 pods listen; 9100: 0 of 3 pods listen``."""
    declared = case.service.spec.ports
    if not declared:
        heard = sorted({s.port for p in case.pods for s in case.listeners(p) or ()})
        return "no port is declared" + (f"; they listen on {listing(heard)}" if heard else "")
    return "; ".join(_own_port(case, port) for port in declared)


def _own_port(case: ServiceCase, port: ServicePort) -> str:
    name = f"port {port.port}" + (f" ({port.name})" if port.name else "")
    read = [p for p in case.pods if case.listeners(p) is not None]
    if not read:
        return f"{name}: whether anything listens there is not known"
    open_ = [p for p in read if _accepts(case, p, port)]
    listens = "listens" if len(read) == 1 and open_ else "listen"
    hung = _hung(case, port)
    waiting = (
        f"; {share(hung, read)} {verb(hung, 'accepts', 'accept')} no connection" if hung else ""
    )
    return f"{name}: {share(open_, read)} {listens}{waiting}"


def _hung(case: ServiceCase, port: ServicePort) -> list[Pod]:
    """The pods that listen on the port and leave its connections waiting."""
    return [
        p
        for p in case.pods
        if _accepts(case, p, port) and port.protocol == "TCP" and hangs(case.measured(p), port.port)
    ]


def _accepts(case: ServiceCase, pod: Pod, port: ServicePort) -> bool:
    open_ = listening.accepting(pod, case.listeners(pod) or (), port.protocol)
    return pods.has_running_main(pod) and port.port in {s.port for s in open_}
