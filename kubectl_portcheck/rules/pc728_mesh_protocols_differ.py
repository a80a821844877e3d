"""PC728: Services declare different protocols for one port of pods in Istio's mesh."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import sidecar
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.ports import resolve_target_port
from kubectl_portcheck.semantics.protocol_selection import by_istio
from kubectl_portcheck.semantics.selectors import matches

_KINDS = {"http": "HTTP", "grpc": "HTTP", "tls": "TCP", "tcp": "TCP"}
"""What a sidecar listens for, by what is declared: gRPC is HTTP to it, and TLS is passed on.
(Istio, ``ModelProtocolToListenerProtocol``)"""


class _Declared(NamedTuple):
    """A Service port that leads to the port of the pods, and declares a protocol for it."""

    service: Service
    place: int
    """Among the ports of the Service."""
    port: ServicePort
    kind: str
    by: str


class _Differing(NamedTuple):
    """A port of a pod, and the Service ports that declare different protocols for it."""

    pod: Pod
    target: int
    declared: list[_Declared]
    """That of the Service first."""


def _check(case: Case) -> Outcome:
    judged = [
        (pod, target)
        for pod in case.pods
        if (target := resolve_target_port(case.port, pod)) and sidecar.judges(pod, target)
    ]
    if not judged:
        return NotApplicable("no pod of the port is part of Istio's mesh")
    found = [d for pod, target in judged if (d := _differing(case, pod, target))]
    if found:
        alike = [d.pod for d in found if d[1:] == found[0][1:]]
        return _finding(case, found[0], [p.metadata.name for p in alike])
    unread = case.missing("services")
    return RULE.lacks(unread) if unread is not None else Passed()


def _differing(case: Case, pod: Pod, target: int) -> _Differing | None:
    declared = list(_of_pod(case, pod, target))
    own = next((d for d in declared if d.port is case.port), None)
    rivals = [d for d in declared if own and d.kind != own.kind]
    return _Differing(pod, target, [own, *rivals]) if own and rivals else None


def _of_pod(case: Case, pod: Pod, target: int) -> Iterator[_Declared]:
    beside = [s for s in case.services if s.metadata.name != case.name]
    for service in (case.service, *beside):
        if not matches(service.spec.selector, pod.metadata.labels):
            continue
        for place, port in enumerate(service.spec.ports):
            declared = by_istio(port)
            if declared is None or declared.family not in _KINDS or port.protocol != "TCP":
                continue
            if resolve_target_port(port, pod) == target:
                yield _Declared(service, place, port, _KINDS[declared.family], declared.by)


def _finding(case: Case, found: _Differing, pods: Sequence[str]) -> Outcome:
    _, target, several = found
    names = list(dict.fromkeys(d.service.metadata.name for d in several))
    who = (
        f"Service {names[0]} declares" if len(names) == 1 else f"Services {listing(names)} declare"
    )
    taken = _taken(several)
    holds = ""
    if taken is not None:
        name = taken.service.metadata.name
        holds = f": Istio takes it for {taken.kind}, by port {taken.port.port} of Service {name}"
    return RULE.finding(
        case,
        f"{who} both HTTP and TCP for port {target} of the pods{holds}",
        evidence=[_fact(case, d) for d in several],
        fixes=[
            fixes.by_hand(
                f"Declare one protocol for port {target} of the pods, by appProtocol or the name "
                "of each Service port that leads there"
            )
        ],
        pods=pods,
        severity="warning",
        impact=Impact.NONE,
    )


def _taken(several: Sequence[_Declared]) -> _Declared | None:
    """The one that Istio follows: of the oldest Service, its first port. None where no age is
    known. (Istio, ``Proxy.SetServiceTargets``, ``getFilterChainsByServicePort``)"""
    if not all(d.service.metadata.creation_timestamp for d in several):
        return None
    return min(several, key=_age)


def _age(declared: _Declared) -> tuple[str, str, int]:
    """By the time, then the host, then the place in the Service."""
    metadata = declared.service.metadata
    return metadata.creation_timestamp or "", f"{metadata.name}.", declared.place


def _fact(case: Case, declared: _Declared) -> Fact:
    subject = Subject(kind="Service", namespace=case.namespace, name=declared.service.metadata.name)
    return State(
        subject=subject,
        state=f"port {declared.port.port} declares {declared.kind}, by {declared.by}",
    )


_SHOP = """
kind: Service
metadata: {name: checkout, creationTimestamp: "2026-05-02T00:00:00Z"}
spec: {selector: {app: checkout}, ports: [{name: OWN, port: 80, targetPort: 8080}]}
---
kind: Service
metadata: {name: checkout-headless, creationTimestamp: "2026-05-01T00:00:00Z"}
spec: {selector: {app: checkout}, clusterIP: None, ports: [{name: OTHER, port: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}, {name: PROXY}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"]}}
"""


def _shop(own: str, other: str, proxy: str = "istio-proxy") -> str:
    return _SHOP.replace("OWN", own).replace("OTHER", other).replace("PROXY", proxy)


RULE = Rule(
    code="PC728",
    name="mesh-protocols-differ",
    severity="warning",
    summary="Services declare different protocols for one port of pods in Istio's mesh",
    applies=(When.SELECTOR, When.TCP),
    needs=(Need.PODS,),
    uses=(Need.SERVICES,),
    clues=(Need.SERVICES,),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="Two Service ports lead to the same port of pods with a sidecar of Istio. By "
        "appProtocol or the name, one declares HTTP or gRPC, the other TCP, TLS or another "
        "protocol that is passed on as it is. A port that declares nothing is looked into and "
        "conflicts with none.",
        why="The sidecar has one listener for each port of its pod. It follows the oldest of the "
        "Services, and of one Service the first such port. Clients of the other meet a sidecar "
        "that reads HTTP where none is spoken, or one that counts, routes and authorizes no "
        "requests.",
        confirm="istioctl proxy-config listeners POD --port 15006, and the metric "
        "pilot_conflict_inbound_listener of istiod.",
        fix="Declare the same protocol in each Service.",
    ),
    examples=(
        Example(
            "HTTP in one Service, TCP in an older one",
            _shop("http", "tcp"),
            expects="""
healthy
PC728 warning in Service checkout, port 80/TCP
  Services checkout and checkout-headless declare both HTTP and TCP for port 8080 of the pods:
      Istio takes it for TCP, by port 8080 of Service checkout-headless
  pods: checkout-1
  - Service checkout: port 80 declares HTTP, by the name http
  - Service checkout-headless: port 8080 declares TCP, by the name tcp
  review: Declare one protocol for port 8080 of the pods, by appProtocol or the name of each
      Service port that leads there
""",
        ),
        Example("the same in both", _shop("http", "http-web"), expects="healthy"),
        Example("one of them declares nothing", _shop("http", "web"), expects="healthy"),
        Example("gRPC is HTTP too", _shop("http", "grpc"), expects="healthy"),
        Example("no sidecar", _shop("http", "tcp", "exporter"), expects="healthy"),
    ),
    check=_check,
)
