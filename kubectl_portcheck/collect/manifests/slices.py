"""Endpoints as files write them, as EndpointSlices."""

from typing import Any

import msgspec

from kubectl_portcheck.collect.decode import trimmed
from kubectl_portcheck.collect.manifests.objects import Object, typed
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.objects import (
    Endpoint,
    EndpointConditions,
    EndpointPort,
    EndpointSlice,
    ObjectReference,
)

SERVICE_NAME = "kubernetes.io/service-name"


class _Address(Record, frozen=True):
    ip: str
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class _Subset(Record, frozen=True):
    addresses: tuple[_Address, ...] = ()
    not_ready_addresses: tuple[_Address, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


def slices_of(item: Object) -> tuple[str, list[EndpointSlice]]:
    """The Service to which an EndpointSlice or Endpoints object belongs, and its slices.

    Raises Unfit.
    """
    found = typed(item, item.data, EndpointSlice)
    metadata = msgspec.structs.replace(trimmed(found.metadata), name=item.name)
    found = msgspec.structs.replace(found, metadata=metadata)
    if item.kind == "EndpointSlice":
        return found.metadata.labels.get(SERVICE_NAME, ""), [found]
    subsets: Any = item.data.get("subsets", [])
    pieces = []
    for subset in typed(item, subsets, tuple[_Subset, ...], ("subsets",)):
        endpoints = [_endpoint(a, True) for a in subset.addresses]
        endpoints += [_endpoint(a, False) for a in subset.not_ready_addresses]
        pieces.append(
            msgspec.structs.replace(found, endpoints=tuple(endpoints), ports=subset.ports)
        )
    return item.name, pieces


def _endpoint(address: _Address, ready: bool) -> Endpoint:
    return Endpoint(
        addresses=(address.ip,),
        conditions=EndpointConditions(ready=ready),
        target_ref=address.target_ref,
        node_name=address.node_name,
    )
