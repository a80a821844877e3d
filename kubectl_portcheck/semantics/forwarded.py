"""What a port-forward shows of a pod's listeners, where its sockets cannot be read.

A port-forward dials the pod's loopback (containerd: localhost over IPv4, then IPv6). Accepted means
that a program listens there, on which address is not known: it may be only the loopback. Refused
means that none listens on the loopback, and says nothing about the pod's own address.
"""

from collections.abc import Iterable

from kubectl_portcheck.model.probes import Attempt, ListeningSocket, PodSockets


def forwarded(attempts: Iterable[Attempt]) -> PodSockets | None:
    """The listeners of one pod that its port-forwards prove; None where they prove nothing.

    The address of each is unknown and therefore empty. ``closed`` are the ports that refused on
    the loopback.
    """
    outcomes = {a.port: a.outcome for a in attempts if a.path == "pod-port-forward"}
    # A reset came after the connection was made: a program listens.
    open_ = sorted(p for p, o in outcomes.items() if o in ("accepted", "reset"))
    closed = sorted(p for p, o in outcomes.items() if o == "refused")
    if not open_ and not closed:
        return None
    listeners = tuple(
        ListeningSocket(
            protocol="TCP",
            family="dual",
            family_certain=False,
            address="",
            port=port,
            source="knock",
        )
        for port in open_
    )
    return PodSockets(listeners=listeners, source="knock", complete=False, closed=tuple(closed))
