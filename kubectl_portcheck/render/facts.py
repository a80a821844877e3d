"""Facts in words: the one place where the lines of the evidence are made."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from kubectl_portcheck.model.facts import (
    Connected,
    Declares,
    Fact,
    Listens,
    Observation,
    Probes,
    Said,
    State,
    Weighs,
    pod_of,
)
from kubectl_portcheck.model.objects import ContainerPort
from kubectl_portcheck.model.probes import ListeningSocket
from kubectl_portcheck.model.report import Finding, ServiceReport
from kubectl_portcheck.model.share import Share

PATHS: Final = {
    "pod-port-forward": "port-forward to the pod",
    "service-port-forward": "port-forward to the Service",
    "pod-proxy": "API server's request to the pod's address",
    "in-cluster": "connection from inside the cluster",
}
OUTCOMES: Final = {"timeout": "no answer", "unknown": "unclear"}
_MOST: Final = 5
_TELLING: Final[tuple[type[Any], ...]] = (
    *(Weighs, Said, Probes, State, Connected, Declares, Observation, Listens),
)


def lines(facts: Iterable[Fact]) -> list[str]:
    """A line for each fact."""
    return [_line(fact) for fact in facts]


def evidence(finding: Finding, service: ServiceReport) -> list[str]:
    """The same, with one line for what is equally true of several pods: ``all 3 pods: ...``."""
    groups: dict[tuple[str, bool], list[Fact]] = {}
    for fact in finding.evidence:
        groups.setdefault((sentence(fact), bool(pod_of(fact))), []).append(fact)
    return [
        f"{Share(part=len(pods), whole=max(len(service.pods), len(pods)))}: "
        f"{sentence(facts[0], several=True)}"
        if of_pods and len(pods := {pod_of(f) for f in facts}) > 1
        else _line(facts[0])
        for (_, of_pods), facts in groups.items()
    ]


def telling(finding: Finding, service: ServiceReport) -> list[str]:
    """The same for a small screen: what speaks for a port first, what a pod listens on last.

    Where pods listen, the headline and the picture of the way say already.
    """
    facts = sorted(finding.evidence, key=lambda f: _TELLING.index(type(f)))
    return evidence(msgspec.structs.replace(finding, evidence=tuple(facts)), service)


def _line(fact: Fact) -> str:
    pod = pod_of(fact)
    if pod:
        return f"{pod}: {sentence(fact)}"
    if isinstance(fact, State | Said | Observation) and fact.subject:
        return f"{fact.subject.kind} {fact.subject.name}: {sentence(fact)}"
    return sentence(fact)


def sentence(fact: Fact, *, several: bool = False) -> str:
    """What the fact says, without the object, or the several pods, that it says it of."""
    if isinstance(fact, Listens):
        return _listens(fact, "listen" if several else "listens")
    if isinstance(fact, Declares):
        return _declares(fact, "declare" if several else "declares")
    if isinstance(fact, Connected):
        return _connected(fact)
    if isinstance(fact, Probes):
        meets = f"; {fact.meets}" if fact.meets else ""
        return f"the {fact.field} of container {fact.container} asks for {fact.asks}{meets}"
    if isinstance(fact, State):
        return fact.state
    if isinstance(fact, Said):
        return f"{fact.source}: {fact.words}"
    if isinstance(fact, Observation):
        return fact.text
    if not fact.against:
        return f"for {fact.port}: {'; '.join(fact.reasons)}"
    return f"against {fact.port}: {'; '.join(fact.against)}"


def _listens(fact: Listens, verb: str) -> str:
    where = [_socket(s) for s in fact.sockets] or [str(p) for p in fact.ports]
    said = f"{verb} on {listed(dict.fromkeys(where)) or 'no port'}"
    if fact.wanted is not None:
        said += f", not on {fact.wanted}"
    owner = f"of {fact.owner}, " if fact.owner else ""
    return f"{owner}{said}{f'; {fact.note}' if fact.note else ''}"


def _socket(listener: ListeningSocket) -> str:
    host = f"[{listener.address}]" if ":" in listener.address else listener.address
    udp = "" if listener.protocol == "TCP" else f"/{listener.protocol}"
    program = f" ({listener.program})" if listener.program else ""
    return f"{host}:{listener.port}{udp}{program}"


def _declares(fact: Declares, verb: str) -> str:
    ports = listed(dict.fromkeys(map(_port, fact.ports)))
    said = f"{verb} {ports or 'no port'}"
    if fact.wanted is not None:
        said += f", not {fact.wanted}"
    return f"{said}{f'; {fact.note}' if fact.note else ''}"


def _port(port: ContainerPort) -> str:
    number = str(port.container_port)
    if port.protocol != "TCP":
        number += f"/{port.protocol}"
    return f"{port.name} ({number})" if port.name else number


def _connected(fact: Connected) -> str:
    outcome = OUTCOMES.get(fact.outcome, fact.outcome)
    detail = f" ({fact.detail})" if fact.detail else ""
    if fact.request:
        answer = f"HTTP {fact.status}" if fact.status is not None else f"{outcome}{detail}"
        said = f"{fact.request} to {fact.port}: {answer}"
    else:
        host = f"[{fact.address}]" if ":" in fact.address else fact.address
        where = f"{host}:{fact.port}" if host else str(fact.port)
        how = fact.source or PATHS[fact.path]
        said = f"{how}, {where}: {outcome}{detail}"
    return f"{said}{f'; {fact.note}' if fact.note else ''}"


def listed(items: Iterable[str]) -> str:
    """``a, b and c``; what exceeds the limit is counted."""
    words = list(items)
    if len(words) > _MOST:
        words = [*words[:_MOST], f"{len(words) - _MOST} more"]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def as_data(facts: Sequence[Fact]) -> list[dict[str, object]]:
    """The facts as they are in JSON."""
    return [msgspec.to_builtins(fact) for fact in facts]
