"""Whom a listening socket accepts, by its address and family.

Measured: every bind address dialled by port-forward, over the pod's IPv4 and over its IPv6.
"""

from kubectl_portcheck.model.probes import ListeningSocket

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


def canonical(address: str) -> str:
    """An address in the form that sockets are written in."""
    if ":" not in address:
        return address
    from socket import AF_INET6, inet_ntop, inet_pton

    try:
        return inet_ntop(AF_INET6, inet_pton(AF_INET6, address))
    except OSError:
        return address
