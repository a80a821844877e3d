"""Answers of pods in which a mesh's proxy accepts connections in the application's place."""

from msgspec import structs

from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import ListeningSocket
from kubectl_portcheck.semantics import listening, mesh, sidecar
from kubectl_portcheck.semantics.measured import Answer, Measured


def as_passed_on(measured: Measured, port: int, found: Answer) -> Answer:
    """The same, where a Sidecar of Istio has the proxy connect to another place."""
    if not sidecar.heeds_sidecars(measured.pod, port) or isinstance(measured.sockets, Missing):
        return found
    own = mesh.without(measured.pod, measured.sockets.value.listeners)
    if measured.passed_on is None:
        local = any(listening.is_loopback(s) for s in own if s.protocol == "TCP")
        if found.kind == "loopback-only" or (found.kind == "not-listening" and local):
            why = "whether a Sidecar of Istio passes connections on to loopback is not known"
            return Answer("unknown", why, found.listeners)
        return found
    place = measured.passed_on.get(port)
    if place is None:
        return found
    host, _, number = place.rpartition(":")
    there = tuple(s for s in own if s.protocol == "TCP" and str(s.port) == number)
    if host == "127.0.0.1" and any(
        s.address == host or (s.address in listening.WILDCARDS and s.family != "IPv6")
        for s in there
    ):
        return Answer("serves", listeners=there)
    return Answer("unknown", f"a Sidecar of Istio passes connections on to {place}", there)


def within_the_pod(measured: Measured, port: int) -> Measured:
    """The same without what a proxy accepted, or refused, in the application's place."""
    sockets = isinstance(measured.sockets, Observed)
    proxys = ("accepted",) if sockets else ("accepted", "refused")
    kept = [
        a
        for a in measured.attempts
        if a.port != port or a.path == "pod-port-forward" or a.outcome not in proxys
    ]
    return structs.replace(measured, attempts=kept)


def passed_on(pod: Pod, here: tuple[ListeningSocket, ...], way: sidecar.Delivery) -> Answer:
    """What clients meet whose connections a mesh's proxy does not pass on to the pod's address.

    The proxies that pass them on to loopback use 127.0.0.1.
    """
    local = tuple(structs.replace(s, address="127.0.0.1") if s.device == "lo" else s for s in here)
    if any(
        s.address == "127.0.0.1" or (s.address in listening.WILDCARDS and s.family != "IPv6")
        for s in local
    ):
        everywhere = any(s.address in listening.WILDCARDS and s.device is None for s in here)
        if way == "loopback" or everywhere:
            return Answer("serves", listeners=here)
    if way == "loopback":
        return Answer("other-address", listeners=here)
    return Answer("unknown", "where the mesh's proxy connects to is not known", here)
