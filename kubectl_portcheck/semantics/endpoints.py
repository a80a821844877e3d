"""Which pods a Service's clients are sent to, by its EndpointSlices.

Slices belong to a Service by label; their ports match its ports by name. kube-proxy uses the
ready endpoints, or else those that are terminating and still serve. (Kubernetes, EndpointSlice
and ``pkg/proxy/topology.go``)

What clients meet is the same in kube-proxy's modes iptables and nftables, measured with 1.36: a
refusal where there is no endpoint, by ClusterIP and node port; a time-out where a traffic policy is
Local and the node has no endpoint, and where an endpoint's node is down. (``docs/testing.md``,
``tests/e2e/nodes/test_modes.py``)
"""

from collections.abc import Iterable

import msgspec

from kubectl_portcheck.model.evidence import AddressHolder
from kubectl_portcheck.model.objects import (
    Endpoint,
    EndpointConditions,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    Node,
    ObjectMeta,
    ObjectReference,
    Pod,
    Service,
    ServicePort,
)
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics import pods, ports
from kubectl_portcheck.semantics.listening import addresses_of, family_of
from kubectl_portcheck.semantics.selectors import matches


class SliceEndpoint(msgspec.Struct, frozen=True):
    """One endpoint, with what its slice says about one Service port."""

    endpoint: Endpoint
    address_type: str
    port: int | None
    """The port that the endpoint carries; None where it carries no port of that name."""

    @property
    def pod(self) -> str | None:
        """The name of the pod behind it; None for an address that was written by hand."""
        ref = self.endpoint.target_ref
        return ref.name if ref and ref.kind == "Pod" else None


def for_port(slices: Iterable[EndpointSlice], port: ServicePort) -> tuple[SliceEndpoint, ...]:
    """Every endpoint of the slices, with the number under which it carries this port.

    The slices of an address type without the port repeat endpoints that carry it elsewhere only
    where their pods resolve the name differently, so nothing is dropped here.
    """
    found = []
    for piece in slices:
        number = next(
            (
                p.port
                for p in piece.ports or ()
                if (p.name or "") == port.name and p.protocol == port.protocol
            ),
            None,
        )
        found += [SliceEndpoint(e, piece.address_type, number) for e in piece.endpoints or ()]
    return tuple(found)


def used(endpoints: Iterable[SliceEndpoint]) -> tuple[SliceEndpoint, ...]:
    """The endpoints that get traffic now: the ready ones, else the draining ones that serve."""
    carrying = [e for e in endpoints if e.port is not None]
    ready = tuple(e for e in carrying if e.endpoint.ready)
    if ready:
        return ready
    return tuple(e for e in carrying if e.endpoint.serving and e.endpoint.terminating)


def pods_behind(slices: Iterable[EndpointSlice], everyone: Iterable[Pod]) -> tuple[Pod, ...]:
    """The pods of the namespace that these endpoints are, by reference or by address."""
    endpoints = [e for piece in slices for e in piece.endpoints or ()]
    named = {e.target_ref.name for e in endpoints if e.target_ref and e.target_ref.kind == "Pod"}
    addresses = {a for e in endpoints for a in e.addresses}
    return tuple(
        pod for pod in everyone if pod.metadata.name in named or addresses & set(own_addresses(pod))
    )


_OWN_NAME = regex(r"([a-z0-9-]{1,63})\.([a-z0-9-]{1,63})\.svc(\.[a-z0-9.-]*)?")


def alias_of(service: Service) -> tuple[str, str] | None:
    """The namespace and name of the Service that an ExternalName means; None for another host.

    ``NAME.NAMESPACE.svc`` is a name of the cluster's own DNS, whatever its domain is called.
    """
    if service.spec.type != "ExternalName":
        return None
    found = _OWN_NAME.fullmatch(service.spec.external_name.lower())
    return (found[2], found[1]) if found else None


MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
"""Who writes the slices of Services with a selector."""
MIRRORING = "endpointslicemirroring-controller.k8s.io"
"""Who copies an old Endpoints object into slices, and takes back every change to them."""


def strangers(slices: Iterable[EndpointSlice], pods: Iterable[Pod]) -> tuple[str, ...]:
    """The addresses of endpoints that none of these pods has."""
    pieces = attributed(slices, pods)
    return tuple(
        dict.fromkeys(
            a
            for piece in pieces
            if piece.address_type in ("IPv4", "IPv6")
            for e in piece.endpoints or ()
            if e.target_ref is None
            for a in e.addresses
        )
    )


def holder_of(address: str, pods: Iterable[Pod], nodes: Iterable[Node]) -> AddressHolder:
    """Who has the address: a pod that has it for itself, a node, or none in the cluster."""
    from ipaddress import ip_address, ip_network

    known = list(nodes)
    for pod in pods:
        if address in own_addresses(pod):
            return AddressHolder(
                address=address,
                held_by="Pod",
                namespace=pod.metadata.namespace,
                name=pod.metadata.name,
            )
    for node in known:
        if any(a.address == address for a in node.status.addresses):
            return AddressHolder(address=address, held_by="Node", name=node.metadata.name)
    try:
        one = ip_address(address)
        ranges = [ip_network(r, strict=False) for n in known for r in n.spec.pod_cidrs]
    except ValueError:
        return AddressHolder(address=address)
    return AddressHolder(address=address, for_pods=any(one in r for r in ranges))


def is_foreign(piece: EndpointSlice, slices: Iterable[EndpointSlice]) -> bool:
    """Whether another one than Kubernetes wrote this slice of a Service with a selector.

    A slice without the label counts as Kubernetes' own where no slice has it.
    """
    manager = piece.metadata.labels.get(MANAGED_BY)
    if manager is not None:
        return manager != CONTROLLER
    return any(s.metadata.labels.get(MANAGED_BY) == CONTROLLER for s in slices)


def writers(piece: EndpointSlice) -> str:
    """Which program writes the slice, by its label or its field managers; '' for a person."""
    manager = piece.metadata.labels.get(MANAGED_BY)
    if manager and manager != MIRRORING:
        return manager
    names = dict.fromkeys(m.name for m in piece.metadata.managers)
    return ", ".join(n for n in names if not n.startswith(("kube-controller-manager", "kubectl")))


def own_addresses(pod: Pod) -> tuple[str, ...]:
    """The addresses that only the pod has: none in the node's network, none when it ended."""
    if pod.spec.host_network or pod.status.phase in ("Succeeded", "Failed"):
        return ()
    return tuple(p.ip for p in pod.status.pod_ips) or tuple(a for a in (pod.status.pod_ip,) if a)


def attributed(slices: Iterable[EndpointSlice], pods: Iterable[Pod]) -> tuple[EndpointSlice, ...]:
    """The slices with each endpoint referring to the pod that has its address, and to no other.

    Who writes endpoints by hand need not refer to pods, and a reference may be older than the
    pod's present address.
    """
    by_address = {a: p for p in pods for a in own_addresses(p)}
    shared = {p.metadata.name: p for p in pods if p.spec.host_network}

    def refer(endpoint: Endpoint) -> Endpoint:
        pod = next((by_address[a] for a in endpoint.addresses if a in by_address), None)
        ref = endpoint.target_ref
        if pod is None and ref is not None and ref.kind == "Pod" and ref.name in shared:
            node = shared[ref.name].status.pod_ip
            pod = shared[ref.name] if node in endpoint.addresses else None
        named = pod and ObjectReference(kind="Pod", name=pod.metadata.name)
        return msgspec.structs.replace(endpoint, target_ref=named)

    return tuple(
        msgspec.structs.replace(piece, endpoints=tuple(map(refer, piece.endpoints or ())))
        for piece in slices
    )


def followed(service: Service, slices: Iterable[EndpointSlice], pod: Pod) -> Service:
    """The Service as its clients meet it in one pod, where its endpoints are written by hand.

    The endpoint's port counts then, and no targetPort. A headless Service translates nothing.
    """
    if service.headless:
        return service
    pieces = list(slices)
    ports = [
        msgspec.structs.replace(port, target_port=number)
        for port in service.spec.ports
        if (number := carried(pieces, port, pod)) is not None
    ]
    return msgspec.structs.replace(
        service, spec=msgspec.structs.replace(service.spec, ports=tuple(ports))
    )


def carried(slices: Iterable[EndpointSlice], port: ServicePort, pod: Pod) -> int | None:
    """The number under which the pod's endpoint carries the port; None where it does not."""
    return next(
        (e.port for e in for_port(slices, port) if e.pod == pod.metadata.name and e.port), None
    )


SERVICE_NAME = "kubernetes.io/service-name"


def made_for(service: Service, found: Iterable[Pod]) -> tuple[EndpointSlice, ...]:
    """The slices that the EndpointSlice controller makes of a Service's pods.

    One for each address family and each set of resolved ports. A pod that has ended, or has no
    address, is in none. (pkg/controller/endpointslice, ``podToEndpoint`` and ``reconciler.go``)
    """
    groups: dict[tuple[str, tuple[EndpointPort, ...]], list[Endpoint]] = {}
    for pod in found:
        resolved = tuple(
            EndpointPort(name=p.name, port=number, protocol=p.protocol)
            for p in service.spec.ports
            if (number := ports.resolve_target_port(p, pod)) is not None
        )
        for family in service.spec.ip_families or ("IPv4",):
            addresses = addresses_of(pod, (family,))
            if addresses and not pods.is_finished(pod):
                made = _endpoint(service, pod, addresses[0])
                groups.setdefault((family, resolved), []).append(made)
    return tuple(
        EndpointSlice(
            metadata=ObjectMeta(
                name=f"{service.metadata.name}-{i}",
                labels={SERVICE_NAME: service.metadata.name, MANAGED_BY: CONTROLLER},
            ),
            address_type=family,
            endpoints=tuple(made),
            ports=resolved or None,
        )
        for i, ((family, resolved), made) in enumerate(groups.items())
    )


def _endpoint(service: Service, pod: Pod, address: str) -> Endpoint:
    ready, leaving = pods.is_ready(pod), pods.is_terminating(pod)
    published = service.spec.publish_not_ready_addresses
    return Endpoint(
        addresses=(address,),
        conditions=EndpointConditions(
            ready=published or (ready and not leaving), serving=ready, terminating=leaving
        ),
        target_ref=ObjectReference(
            kind="Pod", name=pod.metadata.name, namespace=pod.metadata.namespace
        ),
        node_name=pod.spec.node_name or None,
    )


def as_slices(old: Endpoints) -> tuple[EndpointSlice, ...]:
    """The older Endpoints object as slices, one for each subset and address family."""
    slices = []
    for subset in old.subsets:
        endpoints = [
            (
                family_of(a.ip),
                Endpoint(
                    addresses=(a.ip,),
                    conditions=EndpointConditions(ready=ready),
                    target_ref=a.target_ref,
                    node_name=a.node_name,
                ),
            )
            for ready, addresses in (
                (True, subset.addresses),
                (False, subset.not_ready_addresses),
            )
            for a in addresses
        ]
        slices += [
            EndpointSlice(
                metadata=old.metadata,
                address_type=family,
                endpoints=tuple(e for f, e in endpoints if f == family),
                ports=subset.ports or None,
            )
            for family in sorted({f for f, _ in endpoints})
        ]
    return tuple(slices)


def leading_to(services: Iterable[Service], pods: Iterable[Pod]) -> tuple[Service, ...]:
    """Those Services of the pods' namespace that select one of them."""
    by_labels = {frozenset(p.metadata.labels.items()): p.metadata.labels for p in pods}
    return tuple(
        s for s in services if any(matches(s.spec.selector, one) for one in by_labels.values())
    )
