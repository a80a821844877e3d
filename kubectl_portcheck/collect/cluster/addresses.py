"""From an address that a client reports to the Service, the pod or the node that has it."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from kubectl_portcheck.address import Address
from kubectl_portcheck.collect.cluster.cluster import Cluster, Probes
from kubectl_portcheck.collect.cluster.listable import NODES, PODS, SERVICES, Listable
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.errors import NoAnswerError, UnknownTargetError
from kubectl_portcheck.model.base import Missing, Record
from kubectl_portcheck.model.evidence import Lookup
from kubectl_portcheck.model.kinds import POD
from kubectl_portcheck.model.objects import Node, Pod, Service
from kubectl_portcheck.semantics.pods import is_finished
from kubectl_portcheck.target import Target

R = TypeVar("R", bound=Record)


class Live(msgspec.Struct, frozen=True):
    """One namespace of the cluster itself."""

    reads: LiveReads
    probes: Probes

    @property
    def cluster(self) -> Cluster:
        """Give it as a walk sees it."""
        return Cluster(self.reads, self.probes)


MOST_NODE_PORTS = 10
"""Node ports that are named where the asked one is none."""
Spaces = Callable[[str], Live]
"""The cluster, seen from a namespace."""


def found(spaces: Spaces, named: Target | Address, namespace: str) -> Target:
    """Give the target with its namespace; an address is looked up in the whole cluster first.

    Raises UnknownTargetError for an address of nothing, and NoAnswerError where it is not known.
    """
    if isinstance(named, Target):
        return named if named.namespace else named._replace(namespace=namespace)
    services, unread = _everywhere(spaces, SERVICES, namespace)
    for target in _services(named, services):
        return target
    if named.is_ip:
        pods, hidden = _everywhere(
            spaces, PODS, namespace, fieldSelector=f"status.podIP={named.host}"
        )
        for target in _pods(named, pods):
            return target
        nodes, nowhere = _everywhere(spaces, NODES, namespace)
        for target in _node_ports(named, nodes, services):
            return target
        for node in _at(named, nodes) if unread is None else ():
            raise _no_node_port(named, node, services)
        unread = unread or hidden or nowhere
    if unread is not None:
        raise _untold(named, unread)
    raise UnknownTargetError(
        f"no Service, pod or node of this cluster has the address {named.host}",
        "A Service that is deleted and created again has another address; clients should use its "
        "DNS name."
        if named.is_ip
        else "Is it the name of a host outside the cluster?",
    )


def _everywhere(
    spaces: Spaces, kind: Listable[R], namespace: str, **query: str
) -> tuple[tuple[R, ...], Missing | None]:
    """The objects of the whole cluster; those of the namespace, and why not all, where only they
    may be read: what is not among them may still exist."""
    read = spaces("").reads.objects(kind, {}, **query)
    if not isinstance(read, Missing):
        return read.value, None
    here = spaces(namespace).reads.objects(kind, {}, **query)
    return (() if isinstance(here, Missing) else here.value), read


def _services(address: Address, services: Iterable[Service]) -> Iterable[Target]:
    """The Services that have the address, by what it is of them."""
    for service in services:
        spec, balanced = service.spec, service.status.load_balancer.ingress
        if address.host in (spec.cluster_ip, *spec.cluster_ips):
            yield _of(service, address, Lookup(text=address.text, how="cluster-ip"))
        elif address.host in {a for i in balanced for a in (i.ip, i.hostname.lower())}:
            yield _of(service, address, Lookup(text=address.text, how="load-balancer"))
        elif address.host in spec.external_ips:
            yield _of(service, address, Lookup(text=address.text, how="external-ip"))


def _of(service: Service, address: Address, lookup: Lookup) -> Target:
    where = service.metadata
    return Target(where.name, address.port, where.namespace, lookup=lookup)


def _pods(address: Address, pods: Iterable[Pod]) -> Iterable[Target]:
    """The pod that has the address now: one on the node's own network shares it with others."""
    lookup = Lookup(text=address.text, how="pod-ip")
    for pod in pods:
        if not (is_finished(pod) or pod.spec.host_network):
            where = pod.metadata
            yield Target(where.name, address.port, where.namespace, POD, lookup)


def _node_ports(
    address: Address, nodes: Iterable[Node], services: Iterable[Service]
) -> Iterable[Target]:
    """The Service that a port of a node leads to."""
    node = next(iter(_at(address, nodes)), None)
    if node is None:
        return
    lookup = Lookup(text=address.text, how="node-port", node=node.metadata.name)
    for service in services:
        for port in service.spec.ports:
            if port.node_port == address.port:
                where = service.metadata
                yield Target(where.name, port.port, where.namespace, lookup=lookup)


def _at(address: Address, nodes: Iterable[Node]) -> list[Node]:
    """The node that has the address."""
    return [n for n in nodes if any(a.address == address.host for a in n.status.addresses)]


def _no_node_port(address: Address, node: Node, services: Iterable[Service]) -> UnknownTargetError:
    """The address is a node's, and no Service has the port on nodes."""
    ports = sorted(
        (p.node_port, f"{p.node_port} ({s.metadata.namespace}/{s.metadata.name})")
        for s in services
        for p in s.spec.ports
        if p.node_port
    )
    shown = [text for _, text in ports[:MOST_NODE_PORTS]]
    more = len(ports) - len(shown)
    listed = ", ".join([*shown, *([f"{more} more"] if more else [])])
    what = f"{address.port} is the node port of no Service" if address.port else "a port is needed"
    return UnknownTargetError(
        f"{address.host} is the address of node {node.metadata.name}; {what}",
        f"The node ports: {listed}." if listed else "No Service has a node port.",
    )


def _untold(address: Address, why: Missing) -> NoAnswerError:
    return NoAnswerError(
        f"cannot tell what has the address {address.host}: {why.detail or why.reason}",
        "Name the Service instead: svc/NAME.",
    )
