"""The ends of a connection, as policies see them, and answers that may be unknown."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import IPBlock, NetworkPolicyPort
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.listening import addresses_of, family_of

Direction = Literal["Ingress", "Egress"]
Fact = bool | None
"""None where it is not known."""

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that every namespace has, with its name. (KEP-2161, stable since 1.22)"""


class Peer(msgspec.Struct, frozen=True):
    """One end of a connection: a pod, or an address that is no pod's."""

    pod: Pod | None = None
    namespace_labels: Mapping[str, str] | None = None
    """The labels of the pod's namespace; None where they were not read."""
    address: str = ""
    """Where it is no pod: its address as the other end sees it; '' where that is not known."""
    node: str = ""
    """Where it is no pod: the node on which it runs, if it does."""
    anyone: bool = False
    """Whether it means every possible client: then what selects one is not known."""
    pods_only: bool = False
    """Whether every client that there may be is a pod with a network of its own."""
    plain: Fact = False
    """Whether it connects without the proxy of its mesh, and so shows no identity."""

    @property
    def namespace(self) -> str:
        """The pod's namespace; '' where it is no pod."""
        return (self.pod.metadata.namespace or "default") if self.pod else ""

    @property
    def on_node(self) -> str:
        """The node whose network it uses; '' for a pod with a network of its own."""
        if self.pod is None:
            return self.node
        return self.pod.spec.node_name if self.pod.spec.host_network else ""

    def addresses(self, family: str) -> tuple[str, ...]:
        """Its addresses of the family."""
        if self.pod is not None:
            return addresses_of(self.pod, (family,) if family else ())
        return (self.address,) if self.address and family in ("", family_of(self.address)) else ()


class Asked(msgspec.Struct, frozen=True):
    """The connection in question."""

    server: Peer
    port: int
    protocol: Protocol
    family: str


def covered(entries: Sequence[NetworkPolicyPort], asked: Asked, *, names: bool = True) -> Fact:
    """Whether one of the entries covers the port; no entries mean every port.

    ``names`` says whether it is known what a port's name means.
    """
    return not entries or any_of(
        None
        if isinstance(entry.port, str) and entry.protocol == asked.protocol and not names
        else covers(entry, asked.server.pod, asked.port, asked.protocol)
        for entry in entries
    )


def covers(entry: NetworkPolicyPort, pod: Pod | None, number: int, protocol: Protocol) -> bool:
    """Whether the entry means this port of the pod. A name must match with its protocol."""
    if entry.protocol != protocol:
        return False
    if entry.port is None:
        return True
    if isinstance(entry.port, str):
        return pod is not None and any(
            (p.name, p.protocol, p.container_port) == (entry.port, protocol, number)
            for _, p in ports.declared_ports(pod)
        )
    return entry.port <= number <= (entry.end_port or entry.port)


def in_block(block: IPBlock, address: str) -> Fact:
    """Whether the address is in the range and in none of its exceptions."""
    inside = _within(block.cidr, address)
    if not inside:
        return inside
    return negated(any_of(_within(part, address) for part in block.except_))


@lru_cache(maxsize=4096)
def _within(cidr: str, address: str) -> Fact:
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(address) in ip_network(cidr, strict=False)
    except ValueError:
        return None


def any_of(answers: Iterable[Fact]) -> Fact:
    """Or, where an unknown may be either."""
    found: Fact = False
    for answer in answers:
        if answer:
            return True
        if answer is None:
            found = None
    return found


def all_of(answers: Iterable[Fact]) -> Fact:
    """And, where an unknown may be either."""
    return negated(any_of(negated(a) for a in answers))


def negated(answer: Fact) -> Fact:
    """Not, where an unknown stays one."""
    return None if answer is None else not answer
