"""What a client's pod shows of the way to the Service: its resolver, and what became of the name.

A record holds what was measured; what it means is for :mod:`kubectl_portcheck.semantics.seat`.
"""

from typing import Literal

from kubectl_portcheck.model.base import Record, WholeNumber, keep_readable

NameTool = Literal["python3", "perl", "node", "getent", "bash", "nslookup", "nc"]
NameOutcome = Literal["answered", "no-such-name", "no-answer", "unknown"]
"""``no-answer``: time-out, refusal or an error of the server; the C library does not say which."""
ServerOutcome = Literal[
    "answered", "no-such-name", "server-failure", "timeout", "refused", "unknown"
]
Chosen = Literal["named", "workload", "selector", "auto", "own"]
"""Why the pod was taken: it was named, it is of the named workload, it has the labels, it is taken
for the clients of the namespace; ``own``: the same, and only the Service's own pods were left."""


DEBUG_CONTAINER = "portcheck"
"""The name of the ephemeral container of --debug-image: by it a later run finds it again."""


class Resolver(Record, frozen=True):
    """What ``/etc/resolv.conf`` says in the container."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: WholeNumber = 1


class NameLookup(Record, frozen=True):
    """What the program inside meets when it looks up the name."""

    name: str
    """As the program would write it, such as ``checkout.shop``."""
    tool: NameTool
    outcome: NameOutcome
    addresses: tuple[str, ...] = ()
    detail: str = ""

    def __post_init__(self) -> None:
        keep_readable(self, "detail")


class ServerAnswer(Record, frozen=True):
    """What one nameserver said when it was asked for the Service's full name."""

    server: str
    protocol: Literal["UDP", "TCP"]
    """By TCP nothing is asked: it is enough that the connection is accepted."""
    tool: NameTool
    outcome: ServerOutcome
    addresses: tuple[str, ...] = ()


class Dns(Record, frozen=True):
    """What was found out about DNS in a pod."""

    resolver: Resolver
    lookup: NameLookup
    answers: tuple[ServerAnswer, ...] = ()
