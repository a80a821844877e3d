"""Which port of the pods was probably meant, where the Service points at a closed one."""

from collections.abc import Sequence

import msgspec

from kubectl_portcheck.model.objects import PodSpec
from kubectl_portcheck.semantics import listening, mesh, ports, probes, purpose
from kubectl_portcheck.semantics.case import Case, PodState

MANAGEMENT_NAMES = {
    *("admin", "debug", "health", "healthz", "live", "liveness", "management", "metrics"),
    *("mgmt", "monitoring", "ops", "probe", "probes", "prom", "prometheus", "ready"),
    *("readiness", "status"),
}
APPLICATION_NAMES = {"api", "app", "grpc", "http", "http2", "https", "main", "server", "web"}


class Candidate(msgspec.Struct, frozen=True):
    """A port on which all of the pods accept clients."""

    port: int
    reasons: tuple[str, ...]
    """What speaks for it, as facts."""
    against: tuple[str, ...]
    """What speaks against it."""
    name: str
    """The container port's name, where every pod declares it under one; ''."""


class Choice(msgspec.Struct, frozen=True):
    """The candidates, and the only one of them that the evidence supports."""

    candidates: tuple[Candidate, ...]
    """The likeliest first."""
    best: Candidate | None
    """None where nothing listens, or where two are equally likely."""


def choose(case: Case, states: Sequence[PodState]) -> Choice:
    """The ports on which every one of these pods accepts clients, weighed.

    A declared containerPort is the application's own word; a port that another port of the same
    Service uses, or that only a probe asks, is probably there for something else. One candidate
    is supported when only it is left in the best group.
    """
    shared = set.intersection(*(reachable(case, s) for s in states)) if states else set()
    shared -= {s.target for s in states if s.target is not None}
    candidates = [_weigh(case, states, port) for port in sorted(shared)]
    candidates.sort(key=lambda c: (len(c.against), -len(c.reasons), c.port))
    if not candidates:
        return Choice((), None)
    first, *others = candidates
    rivals = [
        c
        for c in others
        if len(c.against) <= len(first.against) and len(c.reasons) >= len(first.reasons)
    ]
    only = not rivals and (not first.against or not others)
    return Choice(tuple(candidates), first if only else None)


def speaks_for_target(case: Case, states: Sequence[PodState]) -> tuple[str, ...]:
    """What else than the Service still names its target port, as facts: all of these pods agree."""
    said = []
    if all(
        any(p.container_port == s.target for _, p in ports.declared_ports(s.pod)) for s in states
    ):
        said.append(f"containerPort {case.target} is declared")
    kinds = set.intersection(
        *({k for n, k in probes.asked_ports(s.pod).items() if n == s.target} for s in states)
    )
    said += [f"{kind} is checked there" for kind in sorted(kinds)]
    return tuple(said)


def reachable(case: Case, state: PodState) -> set[int]:
    """The pod's ports that accept clients of the Service, as far as anything was measured."""
    listeners = case.listeners(state.pod)
    if listeners is None:
        measured = case.measured(state.pod)
        return {
            a.port
            for a in measured.attempts
            if a.path == "pod-port-forward" and a.outcome == "accepted"
        }
    own = mesh.without(state.pod, listeners)
    found = listening.accepting(state.pod, own, case.port.protocol, case.families)
    return {s.port for s in found}


def _weigh(case: Case, states: Sequence[PodState], port: int) -> Candidate:
    reasons, against = [], []
    found = [
        next((p for _, p in ports.declared_ports(s.pod) if p.container_port == port), None)
        for s in states
    ]
    names = {p.name if p else "" for p in found}
    name = next(iter(names)) if len(names) == 1 else ""
    if all(found):
        reasons.append(f"containerPort {port} is declared" + (f" as {name}" if name else ""))
    if name and name in (case.port.name, case.target):
        reasons.append(f"it has the name {name}")
    elif name.split("-")[0] in APPLICATION_NAMES:
        reasons.append(f"its name {name} is an application's")
    if _took_the_place(case, states, port):
        reasons.append(f"an earlier revision declared {case.target} in its place")
    kinds = sorted({kind for s in states if (kind := probes.asked_ports(s.pod).get(port))})
    if kinds and not all(found) and any(_declares_another(s, port) for s in states):
        against.append(f"{' and '.join(kinds)} is checked there, and it is not declared")
    if set(name.split("-")) & MANAGEMENT_NAMES:
        against.append(f"its name {name} is a management port's")
    if port in purpose.DEBUG and not name:
        against.append(f"{port} is the port of a debugger or profiler ({purpose.DEBUG[port]})")
    if why := purpose.contradicts(case.port, name, port):
        against.append(why)
    against += _beside(states, port)
    others = [
        p.port
        for p in case.service.spec.ports
        if p is not case.port and any(ports.resolve_target_port(p, s.pod) == port for s in states)
    ]
    against += [f"port {other} of the Service already leads there" for other in others]
    return Candidate(port, tuple(reasons), tuple(against), name)


def _beside(states: Sequence[PodState], port: int) -> list[str]:
    """Why the port is not the application's, but that of what runs beside it."""
    owners = {
        c.name
        for s in states
        for c in (*ports.sidecars(s.pod), *s.pod.spec.containers)
        for p in c.ports
        if p.container_port == port
        and (c in tuple(ports.sidecars(s.pod)) or c.name in mesh.CONTAINERS)
    }
    if owners:
        return [f"container {name}, a sidecar, declares it" for name in sorted(owners)]
    declared = any(p.container_port == port for s in states for _, p in ports.declared_ports(s.pod))
    found = [] if declared else [m.name for m in mesh.MESHES if port in m.ports]
    return [f"{port} is a port of the service mesh {name}" for name in found[:1]]


def _declares_another(state: PodState, port: int) -> bool:
    return any(p.container_port != port for _, p in ports.declared_ports(state.pod))


def _took_the_place(case: Case, states: Sequence[PodState], port: int) -> bool:
    """Whether an earlier revision declared the old target port where this one is declared now."""

    def declares(spec: PodSpec, number: int | str) -> bool:
        return any(p.container_port == number for c in spec.containers for p in c.ports)

    now = [s.pod.spec for s in states]
    if not all(declares(spec, port) and not declares(spec, case.target) for spec in now):
        return False
    return any(
        declares(r.spec.template.spec, case.target) and not declares(r.spec.template.spec, port)
        for r in case.replica_sets
    )
