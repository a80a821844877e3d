"""Which connections a listening socket accepts, by its address and family.

Measured: every bind address dialled by port-forward, over the pod's IPv4 and over its IPv6.
"""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import ListeningSocket, Protocol

WILDCARDS = ("0.0.0.0", "::")


def is_loopback(listener: ListeningSocket) -> bool:
    """Whether only processes of the same pod reach it."""
    return (
        listener.address == "::1" or listener.address.startswith("127.") or listener.device == "lo"
    )


def family_of(address: str) -> str:
    """``IPv4`` or ``IPv6``, by the look of an address."""
    return "IPv6" if ":" in address else "IPv4"


def accepts(listener: ListeningSocket, pod_ip: str) -> bool:
    """Whether a client that dials the pod's address reaches the socket."""
    if listener.device == "lo":
        return False
    if listener.address in WILDCARDS:
        return listener.family in ("dual", family_of(pod_ip))
    return listener.address == canonical(pod_ip)


def addresses_of(pod: Pod, families: Sequence[str]) -> tuple[str, ...]:
    """Return the pod's addresses of the given families; of any family where none is given."""
    addresses = [p.ip for p in pod.status.pod_ips] or [pod.status.pod_ip]
    return tuple(a for a in addresses if a and (not families or family_of(a) in families))


def accepting(
    pod: Pod,
    sockets: Iterable[ListeningSocket],
    protocol: Protocol | None = None,
    families: Sequence[str] = (),
) -> tuple[ListeningSocket, ...]:
    """Return the sockets that a client reaches at one of the pod's addresses.

    ``protocol`` None means any; no families mean all that the pod has.
    """
    addresses = addresses_of(pod, families)
    return tuple(
        s
        for s in sockets
        if protocol in (None, s.protocol) and any(accepts(s, a) for a in addresses)
    )


def canonical(address: str) -> str:
    """An address in the form that sockets are written in."""
    if ":" not in address:
        return address
    from socket import AF_INET6, inet_ntop, inet_pton

    try:
        return inet_ntop(AF_INET6, inet_pton(AF_INET6, address))
    except OSError:
        return address
