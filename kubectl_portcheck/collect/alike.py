"""Parts that are alike in neighbouring objects of a list, held once.

The pods of one template stand side by side in a list, and differ in little but names and addresses.
Of a hundred thousand pods that is three quarters of the memory. What is held once is also compared
at once.
"""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import force_setattr

from kubectl_portcheck.model.objects import (
    EndpointConditions,
    EndpointSlice,
    ObjectReference,
    Pod,
)


class Alike:
    """Lets each pod or endpoint of a list hold what the one before has."""

    def __init__(self) -> None:
        self._before: Pod | None = None

    def hold_once(self, items: Iterable[Any]) -> None:
        """Take the next objects of the list, fresh from the decoder."""
        for item in items:
            if isinstance(item, Pod):
                if self._before is not None:
                    _share_pod(item, self._before)
                self._before = item
            elif isinstance(item, EndpointSlice):
                _share_endpoints(item)
            else:
                return


def _share_pod(pod: Pod, before: Pod) -> None:
    """Written out field by field: a sweep does this for every pod of a cluster."""
    own, other = pod.metadata, before.metadata
    if own.namespace == other.namespace:
        force_setattr(own, "namespace", other.namespace)
    if own.creation_timestamp == other.creation_timestamp:
        force_setattr(own, "creation_timestamp", other.creation_timestamp)
    if own.labels == other.labels:
        force_setattr(own, "labels", other.labels)
    if own.owner_references == other.owner_references:
        force_setattr(own, "owner_references", other.owner_references)
    spec, its = pod.spec, before.spec
    if spec.containers == its.containers:
        force_setattr(spec, "containers", its.containers)
    if spec.init_containers and spec.init_containers == its.init_containers:
        force_setattr(spec, "init_containers", its.init_containers)
    if spec.volumes == its.volumes:
        force_setattr(spec, "volumes", its.volumes)
    if spec.node_name == its.node_name:
        force_setattr(spec, "node_name", its.node_name)
    if spec.service_account_name and spec.service_account_name == its.service_account_name:
        force_setattr(spec, "service_account_name", its.service_account_name)
    status, said = pod.status, before.status
    if status.conditions == said.conditions:
        force_setattr(status, "conditions", said.conditions)
    if status.container_statuses == said.container_statuses:
        force_setattr(status, "container_statuses", said.container_statuses)
    if status.init_container_statuses and (
        status.init_container_statuses == said.init_container_statuses
    ):
        force_setattr(status, "init_container_statuses", said.init_container_statuses)
    if status.phase == said.phase:
        force_setattr(status, "phase", said.phase)


def _share_endpoints(piece: EndpointSlice) -> None:
    conditions, reference = EndpointConditions(), ObjectReference()
    for endpoint in piece.endpoints or ():
        if endpoint.conditions == conditions:
            force_setattr(endpoint, "conditions", conditions)
        conditions = endpoint.conditions
        own = endpoint.target_ref
        if own is not None:
            if own.kind == reference.kind:
                force_setattr(own, "kind", reference.kind)
            if own.namespace == reference.namespace:
                force_setattr(own, "namespace", reference.namespace)
            reference = own
