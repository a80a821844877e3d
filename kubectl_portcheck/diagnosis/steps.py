"""The six steps of the walk as a report shows them: one line each, only from the evidence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.report import Chain, Status, Step, StepName
from kubectl_portcheck.rules.doubts import said as said_of
from kubectl_portcheck.rules.wording import listing, plural, share
from kubectl_portcheck.semantics import candidates, mesh, pods, ports, probes
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.selectors import as_query

MOST_NAMED = 5
"""How many pods are named in a command."""
NAMES: tuple[StepName, ...] = (
    "pod-status",
    "listening-ports",
    "endpoints",
    "target-port",
    "pod-port-forward",
    "service-port-forward",
)


def steps_of(case: Case) -> tuple[Step, ...]:
    """The six steps for one Service port, always all of them and in this order."""
    if case.in_files:
        return _steps_in_files(case)
    return (
        _pod_status(case),
        _listening_ports(case),
        _endpoints(case),
        _target_port(case),
        _pod_port_forward(case),
        _service_port_forward(case),
    )


LIVE = "only a live cluster can tell"


def _steps_in_files(case: Case) -> tuple[Step, ...]:
    """What the files say of the steps 2 and 4; the others ask a cluster."""
    declared = sorted(
        {p.container_port for s in case.states for _, p in ports.declared_ports(s.pod)}
    )
    whose = listing(s.name for s in case.states)
    shown = f"declared by {whose}: {listing(declared)}" if declared else "none is declared"
    return (
        _step(1, "skipped", whose or "no pod template in these files", reason=LIVE),
        _step(2, "skipped", shown if case.states else "not known", reason=LIVE),
        *(_LIVE_ONLY[0], _target_port_in_files(case), *_LIVE_ONLY[1:]),
    )


def _target_port_in_files(case: Case) -> Step:
    """The target port, unless it may be that of a container which the files do not show."""
    found = msgspec.structs.replace(_target_port(case), commands=())
    doubt = next((d for d in case.evidence.doubts if d.kind == "Pod"), None)
    if found.status in ("pass", "skipped") or doubt is None:
        return found
    return _step(4, "skipped", f"{case.target}", reason=f"{doubt.name}: {said_of(doubt)}")


def chain_of(case: Case) -> Chain:
    """The way of a request to this port, over all pods."""
    known = [(s, found) for s in case.states if (found := case.listeners(s.pod)) is not None]
    if not known and case.port.protocol == "TCP":
        inferred = [(s, case.forwarded(s.pod)) for s in case.states]
        known = [(s, found.listeners) for s, found in inferred if found and found.listeners]
    programs: dict[int, set[str]] = {}
    listening: set[int] = set()
    for state, found in known:
        for socket in mesh.without(state.pod, found):
            if socket.protocol == case.port.protocol:
                listening.add(socket.port)
                if socket.program:
                    programs.setdefault(socket.port, set()).add(socket.program)
    declared = {p.container_port for s in case.states for _, p in ports.declared_ports(s.pod)}
    resolved = {s.target for s in case.states if s.target is not None}
    readiness = {
        p for s in case.states for p, k in probes.asked_ports(s.pod).items() if k == "readiness"
    }
    met = sorted(declared & resolved)
    return Chain(
        service_port=case.port.port,
        target_port=case.target,
        resolved=tuple(sorted(resolved)),
        container_port=met[0] if met else None,
        # What is declared in a file listens nowhere yet.
        listening=tuple(sorted(listening)) if known and not case.in_files else None,
        declared=tuple(sorted(declared)),
        programs={p: next(iter(n)) for p, n in sorted(programs.items()) if len(n) == 1},
        readiness=tuple(sorted(readiness)),
    )


def _step(
    number: int,
    status: Status,
    summary: str,
    *,
    command: Iterable[str] = (),
    reason: str | None = None,
) -> Step:
    return Step(
        step=number,
        name=NAMES[number - 1],
        status=status,
        summary=summary,
        reason=reason,
        commands=(tuple(command),) if command else (),
    )


_LIVE_ONLY = (
    _step(3, "skipped", "not done", reason=LIVE),
    _step(5, "skipped", "not tried", reason=LIVE),
    _step(6, "skipped", "not tried", reason=LIVE),
)
"""The steps of which files say nothing."""


def _command(case: Case, *words: str) -> list[str]:
    return [*case.kubectl, *words, "-n", case.namespace]


def _pod_status(case: Case) -> Step:
    selector = as_query(case.service.spec.selector)
    command = _command(case, "get", "pods", "-l", selector, "-o", "wide") if selector else ()
    if not case.walked:
        return _step(1, "skipped", "not done", reason=_no_pods(case))
    if not case.selects:
        named = sorted(p.metadata.name for p in case.pods)
        command = _command(case, "get", "pods", *named[:MOST_NAMED], "-o", "wide")
    if missing := case.missing("pods"):
        return _step(1, "skipped", "not done", reason=missing.detail, command=command)
    if not case.pods:
        gone = len(case.finished_pods)
        also = f"; {gone} ran to {plural('its' if gone == 1 else 'their', 1)} end" if gone else ""
        return _step(1, "fail", f"the selector {selector} matches no pod{also}", command=command)
    ready = [p for p in case.pods if pods.is_ready(p)]
    if len(ready) == len(case.pods):
        summary = f"{_of(len(ready), len(ready), 'the pod is')} Running and Ready"
        restarts = sum(pods.restarts(p) for p in ready)
        if restarts:
            summary += f"; {restarts} {plural('restart', restarts)}"
        return _step(1, "pass", summary, command=command)
    states = Counter(pods.describe(p) for p in case.pods if not pods.is_ready(p))
    others = listing(f"{count} {state}" for state, count in sorted(states.items()))
    status: Status = "warn" if ready else "fail"
    return _step(1, status, f"{share(ready, case.pods)} Ready; {others}", command=command)


def _no_pods(case: Case) -> str:
    """Why no pod is looked at."""
    if case.external_name:
        return "the Service is a DNS alias"
    missing = case.missing("pods")
    if missing is not None and missing.reason not in (Reason.NOT_ASKED, Reason.NOT_RECORDED):
        return missing.detail or missing.reason
    if not case.selects and case.endpoints:
        return f"its endpoints are not pods of namespace {case.namespace}"
    return "the Service selects no pods"


def _listening_ports(case: Case) -> Step:
    if not case.walked or not case.states:
        return _step(2, "skipped", "not done", reason="there is no pod to look into")
    first = case.states[0].pod
    container = next(iter(pods.running_containers(first)), None)
    command = _command(case, "exec", first.metadata.name)
    command += [*(("-c", container) if container else ()), "--", "netstat", "-tulnp"]
    read = [s for s in case.states if case.listeners(s.pod) is not None]
    if not read:
        why = next(iter(_why_unread(case, case.states)), "not asked")
        declared = sorted(
            {p.container_port for s in case.states for _, p in ports.declared_ports(s.pod)}
        )
        summary = f"declared, not verified: {listing(declared)}" if declared else "not known"
        return _step(2, "skipped", _inferred(case) or summary, reason=why, command=command)
    groups: dict[tuple[int, ...], int] = {}
    for state in read:
        groups_key = tuple(
            sorted(
                {
                    s.port
                    for s in mesh.without(state.pod, case.listeners(state.pod) or ())
                    if s.protocol == case.port.protocol
                }
            )
        )
        groups[groups_key] = groups.get(groups_key, 0) + 1
    nothing = "nothing" if case.port.protocol == "TCP" else f"nothing for {case.port.protocol}"
    summary = "; ".join(
        f"{listing(numbers) or nothing} in {_of(count, len(read))}"
        for numbers, count in sorted(groups.items(), key=lambda g: (-g[1], g[0]))
    )
    well = [s for s in read if s.answer.kind in ("serves", "unknown")]
    targets = listing(sorted({s.target for s in read if s.target is not None}))
    if not well and targets:
        said = [listing(numbers) for numbers in groups] == [targets]
        summary += f"{', ' if said else f'; {targets} '}{_instead(case, read)}"
    if len(read) < len(case.states):
        unread = [s for s in case.states if case.listeners(s.pod) is None]
        why = next(iter(_why_unread(case, unread)), "")
        summary += f"; {len(case.states) - len(read)} not read ({why})"
    status: Status = "pass" if len(well) == len(case.states) else "warn"
    return _step(2, status, f"{summary}", command=command)


def _inferred(case: Case) -> str:
    """What the port-forwards tell instead: ``inferred from port-forwards: 9000 in 3 of 3``."""
    found = [k for s in case.states if (k := case.forwarded(s.pod))]
    if case.port.protocol != "TCP" or not any(k.listeners for k in found):
        return ""
    pods = len(case.states)
    heard = Counter(s.port for k in found for s in k.listeners)
    closed = {p for k in found for p in k.closed} - set(heard)
    words = [f"{port} in {_of(count, pods)}" for port, count in sorted(heard.items())]
    words += [f"{listing(sorted(closed))} in none"] if closed else []
    return f"inferred from port-forwards: {'; '.join(words)}"


def _instead(case: Case, states: Sequence[PodState]) -> str:
    kinds = {s.answer.kind for s in states}
    return {
        frozenset({"loopback-only"}): "on the loopback address only",
        frozenset({"other-family"}): f"only for {listing(_at_target(case, states, 'family'))}",
        frozenset({"other-address"}): "on another address only",
        frozenset({"other-protocol"}): f"only for {listing(_at_target(case, states, 'protocol'))}",
        frozenset({"not-accepting"}): _waiting(case, states),
    }.get(frozenset(kinds), "in none")


def _at_target(
    case: Case, states: Sequence[PodState], what: Literal["family", "protocol"]
) -> list[str]:
    """The address families, or the protocols, of the sockets on the target port."""
    found = {
        getattr(socket, what)
        for s in states
        for socket in case.listeners(s.pod) or ()
        if socket.port == s.target
    }
    return sorted(found)


def _of(count: int, total: int, only: str = "the pod") -> str:
    """``2 of 3``; of a single pod ``the pod``."""
    return only if count == total == 1 else f"{count} of {total}"


def _waiting(case: Case, states: Iterable[PodState]) -> str:
    """``with 6 connections that are not accepted``."""
    queues = [case.measured(s.pod).queue(s.target) for s in states if s.target is not None]
    count = sum(q.waiting for q in queues if q)
    return f"with {count} {plural('connection', count)} waiting to be accepted"


def _why_unread(case: Case, states: Iterable[PodState]) -> list[str]:
    found = [case.measured(s.pod).sockets for s in states]
    return list(dict.fromkeys(f.detail or f.reason for f in found if isinstance(f, Missing)))


def _endpoints(case: Case) -> Step:
    command = _command(
        case, "get", "endpointslices", "-l", f"kubernetes.io/service-name={case.name}"
    )
    if missing := case.missing("endpoint_slices"):
        return _step(3, "skipped", "not done", reason=missing.detail, command=command)
    unique = {(e.pod or e.endpoint.addresses, e.port): e for e in case.endpoints}.values()
    ready = [e for e in unique if e.endpoint.ready]
    carrying = [e for e in ready if e.port is not None]
    draining = [e for e in unique if e.endpoint.terminating and e.endpoint.serving]
    unready = [e for e in unique if not e.endpoint.ready and not e.endpoint.terminating]
    numbers = listing(sorted({e.port for e in carrying if e.port is not None}))
    also = [f"{len(unready)} not ready"] if unready else []
    also += [f"{len(draining)} terminating"] if draining else []
    rest = f"; {listing(also)}" if also else ""
    if case.external_name:
        return _step(3, "skipped", "none", reason="the Service is a DNS alias", command=command)
    if not unique:
        return _step(3, "fail", "none", command=command)
    if not ready:
        status: Status = "warn" if draining else "fail"
        return _step(3, status, f"none ready{rest}", command=command)
    if not carrying and case.service.headless:
        summary = f"{len(ready)} ready, without port {case.port.name or case.port.port}{rest}"
        return _step(3, "warn", summary, command=command)
    if not carrying:
        label = case.port.name or case.port.port
        return _step(
            3, "fail", f"{len(ready)} ready, none with port {label}{rest}", command=command
        )
    if len(carrying) < len(ready):
        summary = f"{len(ready)} ready, {len(carrying)} of them with port {numbers}{rest}"
        return _step(3, "warn", summary, command=command)
    every = "all " if len(ready) > 1 else ""
    summary = f"{len(ready)} ready, {every}with port {numbers}{rest}"
    return _step(3, "warn" if unready else "pass", summary, command=command)


def _target_port(case: Case) -> Step:
    command = _command(case, "get", "service", case.name, "-o", "yaml")
    if case.service.headless:
        summary = f"none: headless, clients dial {case.port.port} in the pods"
        return _step(4, _target_status(case), summary, command=command)
    if not case.states:
        return _step(
            4, "skipped", f"{case.target}", reason="no pod to resolve it in", command=command
        )
    declared = sorted(
        {p.container_port for s in case.states for _, p in ports.declared_ports(s.pod)}
    )
    containers = (
        f"the containers declare {listing(declared)}"
        if declared
        else "no containerPort is declared"
    )
    if isinstance(case.target, int):
        said = f"{case.target}"
        if case.target not in declared:
            said += f"; {containers}"
    else:
        numbers = {s.target for s in case.states}
        resolved = listing(sorted(n for n in numbers if n is not None))
        said = (
            f"{case.target} → {resolved}" if resolved else f"{case.target}, which no pod declares"
        )
        if resolved and None in numbers:
            without = [s for s in case.states if s.target is None]
            said += f"; not declared in {share(without, case.states)}"
    if not case.selects:
        carried = listing(sorted({s.target for s in case.states if s.target is not None}))
        if carried and carried != str(case.target):
            said = f"{case.target} is not used: the EndpointSlices lead to {carried}"
        return _step(4, _target_status(case), said, command=command)
    by_kubectl = {
        ports.kubectl_target_port(case.service, case.port.port, s.pod) for s in case.states
    }
    if by_kubectl != {s.target for s in case.states}:
        theirs = listing(sorted(n for n in by_kubectl if n is not None)) or "nothing"
        said += f"; kubectl port-forward takes {theirs}"
    return _step(4, _target_status(case), said, command=command)


def _target_status(case: Case) -> Status:
    """Whether the target port meets a listener: fail where it does in no pod."""
    kinds = [s.answer.kind for s in case.backends or case.states]
    wrong = [k for k in kinds if k in ("not-listening", "unresolved", "other-protocol")]
    if not wrong:
        return "pass"
    return "fail" if len(wrong) == len(kinds) else "warn"


def _pod_port_forward(case: Case) -> Step:
    tried = [
        a
        for s in case.states
        for a in case.measured(s.pod).attempts
        if a.path == "pod-port-forward"
    ]
    first = case.states[0] if case.states else None
    target = first.target if first else None
    command = (
        _command(case, "port-forward", f"pod/{first.name}", f":{target}")
        if first and target
        else ()
    )
    made = [a for a in tried if a.outcome != "skipped"]
    wanted = {s.target for s in case.states}
    others = set().union(*(candidates.reachable(case, s) for s in case.states)) if made else set()
    shown = [a for a in made if a.port in wanted]
    faulty = [s for s in case.states if s.answer.kind not in ("serves", "unknown")]
    shown += [a for a in made if faulty and a.port in others - wanted and not _is_probe(case, a)]
    if case.port.protocol == "UDP":
        return _step(5, "skipped", "not done", reason="a port-forward carries only TCP")
    if not shown:
        why = next((a.detail for a in tried if a.outcome == "skipped" and a.detail), None)
        return _step(
            5, "skipped", "not tried", reason=why or _why_not_forwarded(case), command=command
        )
    summary = _outcomes(shown, len(case.states))
    proxied = [s.proxy for s in case.states if s.proxy and s.proxy.outcome != "unknown"]
    if proxied:
        summary += f"; on the pod's address {_outcomes(proxied, len(case.states))}"
    bad = [a for a in shown if a.port in wanted and a.outcome != "accepted"]
    misleading = bool(bad) and all(
        s.answer.kind == "serves" for s in case.states if s.forward in bad
    )
    on_target = [a for a in shown if a.port in wanted]
    refused = any(a.outcome != "accepted" for a in proxied)
    status: Status = (
        "warn"
        if misleading
        else "fail"
        if bad and len(bad) == len(on_target)
        else "warn"
        if bad or refused or len(on_target) < len(case.states)
        else "pass"
    )
    return _step(5, status, summary, command=command)


def _is_probe(case: Case, attempt: Attempt) -> bool:
    """Whether the port is only known for being probed: it was tried, and proves nothing."""
    return any(
        attempt.port in probes.asked_ports(s.pod)
        and attempt.port not in {p.container_port for _, p in ports.declared_ports(s.pod)}
        for s in case.states
    )


def _outcomes(attempts: Sequence[Attempt], total: int) -> str:
    """``8080 refused by 3 of 3; 9000 accepted by 3 of 3``."""
    counts = Counter((a.port, a.outcome) for a in attempts)
    words = {"timeout": "no answer from", "unknown": "unclear in"}
    return "; ".join(
        f"{port} {words.get(outcome, f'{outcome} by')} {_of(count, total)}"
        for (port, outcome), count in counts.items()
    )


def _why_not_forwarded(case: Case) -> str:
    if not case.walked or not case.states:
        return "there is no pod to forward to"
    if all(s.target is None for s in case.states):
        return f"no pod declares the port name {case.target}"
    if any(pods.has_running_main(s.pod) for s in case.states):
        return "not asked"
    return "no pod runs"


def _service_port_forward(case: Case) -> Step:
    command = _command(case, "port-forward", f"service/{case.name}", f":{case.port.port}")
    forward = case.service_forward
    if forward is None:
        said = "not tried"
        return _step(6, "skipped", said, reason=_why_not_forwarded(case), command=command)
    if forward.attempt is None:
        said = "not tried"
        return _step(6, "skipped", said, reason=forward.reason, command=command)
    outcome = forward.attempt.outcome
    words = {"timeout": "no answer"}.get(outcome, outcome)
    summary = f"{case.port.port} → {forward.pod_port} {words} ({forward.pod})"
    status: Status = "pass" if outcome == "accepted" else "fail"
    if outcome in ("skipped", "unknown"):
        said = "not tried" if outcome == "skipped" else "not known"
        return _step(6, "skipped", said, reason=forward.attempt.detail, command=command)
    if status == "fail" and any(
        s.name == forward.pod and s.answer.kind == "serves" for s in case.states
    ):
        status = "warn"
    return _step(6, status, summary, command=command)
