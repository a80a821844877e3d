"""What was measured in and around the pods. Never what it means: that is for the rules."""

from typing import Literal

from msgspec.structs import force_setattr

from kubectl_portcheck.model.base import Record, Right, WholeNumber, keep_readable
from kubectl_portcheck.withheld import without_query

Protocol = Literal["TCP", "UDP", "SCTP"]
Family = Literal["IPv4", "IPv6", "dual"]
ListenerSource = Literal["proc", "ss", "netstat", "knock", "declared"]
Path = Literal["pod-port-forward", "service-port-forward", "pod-proxy", "in-cluster"]
Outcome = Literal["accepted", "refused", "timeout", "reset", "skipped", "unknown"]


class ListeningSocket(Record, frozen=True, kw_only=True):
    """One socket that waits for clients in a pod's network namespace.

    ``family`` says which clients it accepts: only IPv4, only IPv6, or ``dual`` for an IPv6 socket
    that takes IPv4 clients too.
    """

    protocol: Protocol
    family: Family
    family_certain: bool = True
    """False where the source cannot tell an IPv6-only wildcard from a dual-stack one."""
    address: str
    """The bound address in canonical form: ``0.0.0.0``, ``::``, ``127.0.0.1``, ``fd00::4``. An
    IPv4-mapped bind is written as the IPv4 address that it accepts, with family IPv4. Empty where
    it is not known: a port-forward tells only the port."""
    port: WholeNumber
    device: str | None = None
    """The interface of a device-bound or scoped socket, where the source shows it."""
    container: str | None = None
    program: str | None = None
    program_inferred: bool = False
    """True where the name was concluded from the uid, not read from the process."""
    uid: WholeNumber | None = None
    source: ListenerSource


class AcceptQueue(Record, frozen=True):
    """Connections to a TCP port of a pod that its process has not accepted yet.

    The kernel finishes the handshake by itself, so their clients believe that they are served.
    """

    port: WholeNumber
    waiting: WholeNumber
    """How many connections wait."""
    limit: WholeNumber | None = None
    """How many may wait, at most; None where that is not known."""
    sockets: WholeNumber = 1
    """How many sockets listen on the port: the queues of all are counted together."""
    stuck: WholeNumber | None = None
    """How many of them were seen to wait for a second; None where there was no second look."""
    accepted: WholeNumber = 0
    """How many left the queue within that second."""


class PodSockets(Record, frozen=True):
    """The listening sockets of one pod, and how they were found out."""

    listeners: tuple[ListeningSocket, ...]
    source: ListenerSource
    container: str | None = None
    """The container in which the question was asked."""
    complete: bool = True
    """False where sockets may exist that are not in ``listeners`` (truncated output, or a source
    that only knows the ports it was asked about)."""
    closed: tuple[WholeNumber, ...] = ()
    """Ports on which nothing listens, where the list is not complete."""
    notes: tuple[str, ...] = ()
    queues: tuple[AcceptQueue, ...] = ()
    """The ports that have connections waiting, in order; none as a rule."""


class Attempt(Record, frozen=True):
    """One attempt to connect to a port, and its outcome."""

    pod: str
    port: WholeNumber
    path: Path
    outcome: Outcome
    detail: str = ""
    address: str = ""
    """The address that was dialled, where the path is ``in-cluster``."""
    request: str = ""
    """What was asked where the port was spoken to, such as ``http /healthz``."""
    status: WholeNumber | None = None
    """The HTTP status of the pod's own answer."""
    speaks: Literal["", "plain", "tls"] = ""
    """What the answer proves of the language that is spoken there."""
    right: Right | None = None
    """The permission whose lack kept it from being made."""

    @property
    def scheme(self) -> str:
        """``http`` or ``https``; '' where nothing was asked."""
        return self.request.partition(" ")[0]

    @property
    def asked_path(self) -> str:
        """What was asked for, such as ``/healthz``."""
        return self.request.partition(" ")[2]

    def __post_init__(self) -> None:
        keep_readable(self, "detail")
        if "?" in self.request:
            force_setattr(self, "request", without_query(self.request))
