"""Which pods a Service's clients are sent to, by its EndpointSlices.

Slices belong to a Service by label; their ports match its ports by name. kube-proxy uses the
ready endpoints, or else those that are terminating and still serve. (Kubernetes, EndpointSlice
and ``pkg/proxy/topology.go``)
"""

from collections.abc import Iterable
from typing import NamedTuple

from kubectl_portcheck.model.objects import (
    Endpoint,
    EndpointConditions,
    Endpoints,
    EndpointSlice,
    ServicePort,
)
from kubectl_portcheck.semantics.listening import family_of


class SliceEndpoint(NamedTuple):
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
