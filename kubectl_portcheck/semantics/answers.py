"""Does a pod answer on a port? All measurements of one pod and one port, weighed into one answer.

What each way of asking proves: the sockets say who is accepted on which address; a port-forward
reaches only the pod's loopback; the API server's pod proxy reaches the pod's address, as clients
of the Service do, and so does a connection from another pod (--from). Behind a mesh's proxy these
two show only the proxy. Where they disagree, or where only a part was measured, the answer is
unknown.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import structs

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import (
    Attempt,
    ListeningSocket,
    PodSockets,
    Protocol,
)
from kubectl_portcheck.semantics import behind_proxy, listening, probes, sidecar
from kubectl_portcheck.semantics.measured import Answer, Measured
from kubectl_portcheck.semantics.pods import has_running_main, is_ready, is_terminating
from kubectl_portcheck.semantics.ports import declared_ports

PROBED = "the kubelet's readiness probe"
"""Why a pod that was not looked into is known to serve."""
FRESH_SECONDS = 60
"""How old the kubelet's word may be, at most, to be taken for an answer."""

WHO = {"pod-proxy": "the API server's pod proxy", "in-cluster": "a connection from another pod"}


def answer(
    measured: Measured, port: int | None, protocol: Protocol, families: Sequence[str]
) -> Answer:
    """What clients meet who are sent to this port of this pod, over any of the families."""
    if port is None:
        return Answer("unresolved")
    if not has_running_main(measured.pod):
        return Answer("not-running")
    if protocol != "TCP":
        return _by_sockets(measured, port, protocol, families)
    if isinstance(measured.sockets, Missing) and not measured.attempts:
        return _without_sockets(measured, port, measured.sockets, families, None, refused=False)
    if not sidecar.takes(measured.pod, port):
        return _weighed(measured, port, families)
    within = behind_proxy.within_the_pod(measured, port)
    return behind_proxy.as_passed_on(within, port, _weighed(within, port, families))


def _weighed(measured: Measured, port: int, families: Sequence[str]) -> Answer:
    """The answer of a pod on a TCP port, where something was measured."""
    if not measured.attempts and isinstance(measured.sockets, Observed):
        return _accepting(_by_sockets(measured, port, "TCP", families), measured, port)
    measured = _by_family(measured, port)
    proxied = _proxied(measured, port, families)
    within = measured.attempt(port, "in-cluster")
    by_sockets = _accepting(_by_sockets(measured, port, "TCP", families), measured, port)
    if by_sockets.kind == "not-accepting":
        return by_sockets
    for reached in (proxied, within):
        if reached and reached.outcome == "accepted":
            return _reached(by_sockets, reached)
    forwarded = measured.attempt(port, "pod-port-forward")
    if isinstance(measured.sockets, Missing):
        if proxied and proxied.outcome == "reset":
            return Answer("resets")
        refused = any(map(measured.refused, (proxied, within)))
        return _without_sockets(
            measured, port, measured.sockets, families, forwarded, refused=refused
        )
    if measured.refused(proxied) and _at_first_address(measured.pod, by_sockets):
        return structs.replace(by_sockets, kind="refuses")
    if proxied and proxied.outcome == "reset" and by_sockets.kind == "serves":
        return structs.replace(by_sockets, kind="resets")
    address_refuses = any(map(measured.refused, (proxied, within)))
    if forwarded is None or (by_sockets.kind == "not-listening" and address_refuses):
        # A port-forward that seems to get in is only silence, and it is not the clients' way.
        return by_sockets
    return _agreed(measured.pod, port, by_sockets, forwarded)


def _accepting(by_sockets: Answer, measured: Measured, port: int) -> Answer:
    """The sockets' answer, where connections are accepted that wait for it."""
    if by_sockets.kind == "serves" and hangs(measured, port):
        return structs.replace(by_sockets, kind="not-accepting")
    return by_sockets


def _at_first_address(pod: Pod, by_sockets: Answer) -> bool:
    """Whether the sockets serve at the address that the API server's pod proxy dials."""
    first = next(iter(listening.addresses_of(pod, ())), "")
    return by_sockets.kind == "serves" and (
        not first or any(listening.accepts(s, first) for s in by_sockets.listeners)
    )


def _by_family(measured: Measured, port: int) -> Measured:
    """The same, where IPv4 was refused by a socket on ``::`` of which only that much was known.

    The kernel's tables do not show IPV6_V6ONLY. A socket without it accepts IPv4 connections too.
    """
    if isinstance(measured.sockets, Missing) or not _refuses_ipv4(measured, port):
        return measured
    found = measured.sockets.value
    narrowed = tuple(
        structs.replace(s, family="IPv6", family_certain=True)
        if s.port == port and s.protocol == "TCP" and s.family == "dual" and not s.family_certain
        else s
        for s in found.listeners
    )
    if narrowed == found.listeners:
        return measured
    value = structs.replace(found, listeners=narrowed)
    return structs.replace(measured, sockets=structs.replace(measured.sockets, value=value))


def _refuses_ipv4(measured: Measured, port: int) -> bool:
    """Whether a connection by IPv4 was refused, and none by IPv6 that is known of."""
    first = next(iter(listening.addresses_of(measured.pod, ())), "")
    if listening.family_of(first) == "IPv4":
        if _probed(measured.pod, port):
            return False
        proxied = measured.attempt(port, "pod-proxy")
        if proxied is not None:
            return measured.refused(proxied)
    if measured.pod.spec.runtime_class_name:
        return False  # A sandbox may have a network stack that no port-forward reaches.
    forwarded = measured.attempt(port, "pod-port-forward")
    # containerd and CRI-O dial 127.0.0.1, then ::1 where the node's hosts file has that name.
    return bool(forwarded and forwarded.outcome == "refused" and "[::1]" not in forwarded.detail)


def _proxied(measured: Measured, port: int, families: Sequence[str]) -> Attempt | None:
    """What the API server met, where it dials an address that clients of these families dial.

    It dials the first of the pod's addresses, whatever the Service's families are
    (pkg/registry/core/pod/strategy.go, getPodIP).
    """
    first = next(iter(listening.addresses_of(measured.pod, ())), "")
    if first and families and listening.family_of(first) not in families:
        return None
    return measured.attempt(port, "pod-proxy")


def _reached(by_sockets: Answer, attempt: Attempt) -> Answer:
    """A connection got through to the pod's address; the sockets may not say otherwise."""
    if by_sockets.kind in ("serves", "unknown"):
        return Answer("serves", listeners=by_sockets.listeners)
    return Answer(
        "unknown",
        f"the sockets say {by_sockets.kind}, yet {WHO[attempt.path]} got through",
        by_sockets.listeners,
    )


def _agreed(pod: Pod, port: int, by_sockets: Answer, forwarded: Attempt) -> Answer:
    """The sockets' answer, unless the port-forward contradicts it."""
    outcome = forwarded.outcome
    if by_sockets.kind == "not-listening" and outcome == "accepted":
        return Answer("unknown", "the socket tables show no listener, yet a port-forward got in")
    if by_sockets.kind == "serves":
        on_loopback = any(
            s.address in ("0.0.0.0", "::") and s.family != "IPv6" for s in by_sockets.listeners
        )
        if outcome == "refused" and on_loopback:
            if _probed(pod, port):
                return by_sockets
            if pod.spec.runtime_class_name:
                why = f"runtimeClassName {pod.spec.runtime_class_name}: a port-forward contradicts"
                return Answer("unknown", f"{why} the socket tables", by_sockets.listeners)
            return structs.replace(by_sockets, kind="refuses")
        if outcome == "reset":
            return structs.replace(by_sockets, kind="resets")
        if outcome == "timeout":
            return structs.replace(by_sockets, kind="times-out")
    return by_sockets


def _on(
    sockets: Observed[PodSockets] | Missing, port: int, protocol: Protocol
) -> tuple[ListeningSocket, ...]:
    if isinstance(sockets, Missing):
        return ()
    return tuple(s for s in sockets.value.listeners if s.port == port and s.protocol == protocol)


def _by_sockets(
    measured: Measured, port: int, protocol: Protocol, families: Sequence[str]
) -> Answer:
    if isinstance(measured.sockets, Missing):
        return Answer("unknown", measured.sockets.detail or measured.sockets.reason)
    if protocol == "SCTP":
        return Answer("unknown", "SCTP sockets are not read")
    here = _on(measured.sockets, port, protocol)
    if not here:
        other: Protocol = "UDP" if protocol == "TCP" else "TCP"
        elsewhere = _on(measured.sockets, port, other)
        closed = measured.sockets.value.complete or port in measured.sockets.value.closed
        # What is declared for one protocol says nothing about the other by itself.
        if elsewhere and (closed or measured.sockets.value.source != "declared"):
            return Answer("other-protocol", listeners=elsewhere)
        if not closed:
            return Answer("unknown", "the list of sockets is not complete")
        return Answer("not-listening")
    addresses = listening.addresses_of(measured.pod, families)
    if not addresses:
        return Answer("unknown", "the pod has no address of the Service's family", here)
    way = sidecar.delivery(measured.pod, port) if protocol == "TCP" else "direct"
    if way in ("loopback", "unknown"):
        return behind_proxy.passed_on(measured.pod, here, way)
    if listening.accepting(measured.pod, here, protocol, families):
        return Answer("serves", listeners=here)
    if all(listening.is_loopback(s) for s in here):
        return Answer("loopback-only", listeners=here)
    if all(s.address in listening.WILDCARDS for s in here):
        return Answer("other-family", listeners=here)
    return Answer("other-address", listeners=here)


def _without_sockets(
    measured: Measured,
    port: int,
    missing: Missing,
    families: Sequence[str],
    forwarded: Attempt | None,
    *,
    refused: bool,
) -> Answer:
    """Without the sockets a port-forward proves only the loopback; only more evidence settles it.

    A refusal there also comes from a listener that is bound to the pod's address. It is taken for
    a closed port where the pod's own address refuses too, or where nothing in the pod's
    specification speaks of that port while another declared port of the same pod accepts.
    """
    why = missing.detail or missing.reason
    if missing.reason == Reason.NOT_CONTACTED and kubelet_reaches(measured.pod, port, families):
        return Answer("serves", PROBED)
    if refused:
        loopback = forwarded is not None and forwarded.outcome == "accepted"
        return Answer("loopback-only" if loopback else "not-listening")
    if forwarded is None:
        return Answer("unknown", why)
    if forwarded.outcome == "accepted":
        if _probed(measured.pod, port) or sidecar.delivery(measured.pod, port) == "loopback":
            return Answer("serves")
        return Answer(
            "unknown",
            f"{port} accepts connections on the pod's loopback address; whether it does on the "
            f"pod's own address is not known ({why})",
        )
    if forwarded.outcome == "refused":
        declared = {p.container_port for _, p in declared_ports(measured.pod)}
        others = [measured.attempt(p, "pod-port-forward") for p in declared - {port}]
        if port not in declared | set(probes.asked_ports(measured.pod)) and any(
            a and a.outcome == "accepted" for a in others
        ):
            return Answer("not-listening")
        return Answer(
            "unknown",
            f"{port} refuses connections on the pod's loopback address; whether it does on the "
            f"pod's own address is not known ({why})",
        )
    if forwarded.outcome == "reset":
        return Answer("resets")
    return Answer("unknown", forwarded.detail or forwarded.outcome)


Shown = Literal["answers", "accepts", "listens"]
"""What was seen of a port that serves: an answer, a connection, or no more than the socket."""


def shown(measured: Measured, port: int) -> Shown:
    """The most that was seen of this port of the pod."""
    proxied = sidecar.takes(measured.pod, port)
    if proxied:
        measured = behind_proxy.within_the_pod(measured, port)
    attempts = [a for a in measured.attempts if a.port == port and a.outcome == "accepted"]
    if any(a.request for a in attempts):
        return "answers"
    asking = [c for c in probes.checks(measured.pod) if c.kind == "readiness" and c.number == port]
    if asking and is_ready(measured.pod) and _ready(measured.pod):
        # The kernel by itself satisfies a tcpSocket probe, and so does a mesh's proxy.
        if any(c.way != "tcpSocket" for c in asking):
            return "answers"
        if not proxied:
            return "accepts"
    return "accepts" if attempts else "listens"


def silent(measured: Measured, port: int) -> Attempt | None:
    """The request to this port that got no answer, though the API server reaches the pod.

    It proves that by another port of the same pod, which refused or answered. A readiness probe
    that is answered there contradicts it.
    """
    asked = measured.attempt(port, "pod-proxy")
    if asked is None or not asked.request or asked.outcome != "timeout":
        return None
    reached = any(
        a.path == "pod-proxy" and a.outcome in ("accepted", "refused", "reset")
        for a in measured.attempts
    )
    return asked if reached and shown(measured, port) != "answers" else None


def hangs(measured: Measured, port: int) -> bool:
    """Whether the process behind the port accepts no connection any more.

    The same connections waited for a second, none of them was accepted, and the request, where one
    was sent, got no answer. Several sockets on one port are several workers, of which others may
    serve.
    """
    queue = measured.queue(port)
    if queue is None or queue.sockets > 1:
        return False
    asked = measured.attempt(port, "pod-proxy")
    if asked and asked.request and asked.outcome == "accepted":
        return False
    if queue.stuck is None:
        # Only one look: what a request met has to say the same.
        return silent(measured, port) is not None
    return queue.stuck > 0 and not queue.accepted


def kubelet_reaches(pod: Pod, port: int, families: Sequence[str]) -> bool:
    """Whether the kubelet itself connects to this port of the pod again and again, and gets in.

    So it is where a readiness probe asks this very port, without a host of its own, and the pod is
    Ready. The probe dials the pod's primary address from the node, as a client of the Service
    does; what it says is older than a minute nowhere that is taken for an answer here. Nothing is
    proved for another address family. (Kubernetes API, Probe; kubelet ``prober.go``)
    """
    address = pod.status.pod_ip
    if not address or any(f != listening.family_of(address) for f in families):
        return False
    if not is_ready(pod) or is_terminating(pod) or not _ready(pod):
        return False
    return any(
        c.kind == "readiness" and c.number == port and c.patience <= FRESH_SECONDS
        for c in _telling(pod, port)
    )


def _probed(pod: Pod, port: int) -> bool:
    """Whether the kubelet's readiness probe gets in on this port."""
    return _ready(pod) and any(
        c.kind == "readiness" and c.number == port for c in _telling(pod, port)
    )


def _telling(pod: Pod, port: int) -> Sequence[probes.Check]:
    """The probes that tell something of the port: a mesh's proxy satisfies any tcpSocket probe."""
    made = probes.checks(pod)
    if any(c.way == "tcpSocket" and c.number == port for c in made) and sidecar.takes(pod, port):
        return [c for c in made if c.way != "tcpSocket"]
    return made


def _ready(pod: Pod) -> bool:
    return all(s.ready for s in pod.status.container_statuses)
