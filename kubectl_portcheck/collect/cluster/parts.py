"""What a walk has begun to find out, and the evidence that it is so far."""

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec

from kubectl_portcheck.collect.cluster import creations
from kubectl_portcheck.collect.cluster.cluster import Read
from kubectl_portcheck.collect.cluster.from_pod import DialResults, Seat
from kubectl_portcheck.model.base import Missing, Observed, Reason, Right
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.evidence import (
    NOT_ASKED,
    AddressHolder,
    Client,
    ContainerLog,
    InCluster,
    InitCall,
    Misnamed,
    ServiceEvidence,
    ServiceForward,
)
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.ingress import IngressClass
from kubectl_portcheck.model.objects import (
    ControllerRevision,
    EndpointSlice,
    Event,
    Node,
    Pod,
    Service,
    Workload,
)
from kubectl_portcheck.model.probes import Attempt, PodSockets
from kubectl_portcheck.model.references import (
    Ingress,
    Monitor,
    NetworkPolicy,
    ReferenceGrant,
    Referrer,
    Route,
)
from kubectl_portcheck.model.seat import Dns
from kubectl_portcheck.model.storage import (
    ConfigMap,
    PersistentVolumeClaim,
    Secret,
    StorageClass,
)

T = TypeVar("T")
Part = Future[Read[T]] | None
"""None where it was not asked for."""
Look = tuple[Read[PodSockets], tuple[Attempt, ...]]
"""What listens in a pod, and what became of connections to it."""

INTERRUPTED = Missing(reason=Reason.INTERRUPTED, detail="interrupted")


NO_PARTS = ("looks", "left")
"""The fields of the parts that are none."""


class Parts(msgspec.Struct):
    """What is being found out, by the field of the evidence that it fills."""

    endpoint_slices: Part[tuple[EndpointSlice, ...]] = None
    pods: Part[tuple[Pod, ...]] = None
    replica_sets: Part[tuple[Workload, ...]] = None
    deployments: Part[tuple[Workload, ...]] = None
    stateful_sets: Part[tuple[Workload, ...]] = None
    namespace_pods: Part[tuple[Pod, ...]] = None
    workloads: Part[tuple[Workload, ...]] = None
    revisions: Part[tuple[ControllerRevision, ...]] = None
    ingresses: Part[tuple[Ingress, ...]] = None
    ingress_classes: Part[tuple[IngressClass, ...]] = None
    routes: Part[tuple[Route, ...]] = None
    reference_grants: Part[tuple[ReferenceGrant, ...]] = None
    network_policies: Part[tuple[NetworkPolicy, ...]] = None
    referrers: Part[tuple[Referrer, ...]] = None
    gateway_pods: Part[tuple[Pod, ...]] = None
    gateway_services: Part[tuple[Service, ...]] = None
    misnamed: Part[tuple[Misnamed, ...]] = None
    guards: Part[tuple[Guard, ...]] = None
    mesh_policies: Part[tuple[Guard, ...]] = None
    namespace_labels: Part[dict[str, str]] = None
    monitors: Part[tuple[Monitor, ...]] = None
    events: Part[tuple[Event, ...]] = None
    refusals: Part[tuple[Event, ...]] = None
    """What controllers say of pods that they could not create: events too."""
    nodes: Part[tuple[Node, ...]] = None
    alias: Part[Service] = None
    holders: Part[tuple[AddressHolder, ...]] = None
    claims: Part[tuple[PersistentVolumeClaim, ...]] = None
    storage_classes: Part[tuple[StorageClass, ...]] = None
    config_maps: Part[tuple[ConfigMap, ...]] = None
    secrets: Part[tuple[Secret, ...]] = None
    services: Part[tuple[Service, ...]] = None
    denied: Part[tuple[Right, ...]] = None
    calls: Part[tuple[Call, ...]] = None
    init_calls: Future[tuple[InitCall, ...]] | None = None
    logs: Part[tuple[ContainerLog, ...]] = None
    service_forwards: Future[tuple[ServiceForward, ...]] | None = None
    resolved: Future[tuple[Seat, Read[Dns]]] | None = None
    """The pod of ``--from``, and what became of the Service's name there."""
    dialled: Part[DialResults] = None
    """What became of the connections from there."""
    client: Future[Client | None] | None = None
    """What policies see of that pod."""
    looks: dict[str, Future[Look]] = {}
    """By pod name."""
    left: frozenset[str] = frozenset()
    """The pods that were deleted meanwhile."""

    def begun(self) -> list[Future[Any]]:
        """Give all that has been begun."""
        parts = (getattr(self, name) for name in self.__struct_fields__ if name not in NO_PARTS)
        return [*(p for p in parts if p is not None), *self.looks.values()]

    def filled(self, found: ServiceEvidence, unfinished: Missing = INTERRUPTED) -> ServiceEvidence:
        """Give the evidence with all that is known by now; why the rest is not, is said."""

        def known(part: Part[T]) -> Read[T]:
            if part is None:
                return NOT_ASKED
            read = _result(part)
            return unfinished if read is None else read

        ended = {name: _result(look) for name, look in self.looks.items()}
        in_cluster, to_pods = _met(
            self.resolved,
            known(self.dialled),
            _result(self.client) if self.client else None,
            unfinished,
        )
        forwards = self.service_forwards and _result(self.service_forwards)
        return msgspec.structs.replace(
            found,
            endpoint_slices=known(self.endpoint_slices),
            pods=known(self.pods),
            replica_sets=known(self.replica_sets),
            deployments=known(self.deployments),
            stateful_sets=known(self.stateful_sets),
            namespace_pods=known(self.namespace_pods),
            workloads=known(self.workloads),
            revisions=known(self.revisions),
            ingresses=known(self.ingresses),
            ingress_classes=known(self.ingress_classes),
            routes=known(self.routes),
            reference_grants=known(self.reference_grants),
            network_policies=known(self.network_policies),
            referrers=known(self.referrers),
            gateway_pods=known(self.gateway_pods),
            gateway_services=known(self.gateway_services),
            misnamed=known(self.misnamed),
            guards=known(self.guards),
            mesh_policies=known(self.mesh_policies),
            namespace_labels=known(self.namespace_labels),
            monitors=known(self.monitors),
            events=creations.together([known(self.events), known(self.refusals)]),
            nodes=known(self.nodes),
            alias=known(self.alias),
            holders=known(self.holders),
            claims=known(self.claims),
            storage_classes=known(self.storage_classes),
            config_maps=known(self.config_maps),
            secrets=known(self.secrets),
            services=known(self.services),
            denied=known(self.denied),
            calls=known(self.calls),
            init_calls=(self.init_calls and _result(self.init_calls)) or (),
            logs=known(self.logs),
            service_forwards=forwards or (),
            sockets={name: look[0] if look else unfinished for name, look in ended.items()},
            attempts=(*_attempts(ended.values()), *to_pods),
            in_cluster=in_cluster,
        )


def _result(future: "Future[T]") -> T | None:
    """Give what the future holds; None where it is not done."""
    return future.result() if future.done() and not future.cancelled() else None


def _attempts(looks: Iterable[Look | None]) -> Iterable[Attempt]:
    return (attempt for look in looks if look is not None for attempt in look[1])


def _met(
    resolved: "Future[tuple[Seat, Read[Dns]]] | None",
    dialled: Read[DialResults],
    client: Client | None,
    unfinished: Missing,
) -> tuple[Read[InCluster], tuple[Attempt, ...]]:
    """Divide what --from met into the Service's address and the pods' own."""
    if resolved is None:
        return NOT_ASKED, ()
    known = _result(resolved)
    if known is None:
        return unfinished, ()
    seat, dns = known
    if isinstance(dialled, Missing) and isinstance(dns, Missing) and not _no_tool(dialled, dns):
        return (dialled if dialled.reason != Reason.NOT_ASKED else dns), ()
    return Observed(value=in_cluster(seat, dns, dialled, client)), (
        () if isinstance(dialled, Missing) else tuple(a for a in dialled.value.attempts if a.pod)
    )


def _no_tool(*missing: Missing) -> bool:
    """Whether the pod could be asked, and has nothing to ask with."""
    return Reason.NO_SHELL in {m.reason for m in missing}


def in_cluster(
    seat: Seat, dns: Read[Dns], dialled: Read[DialResults], client: Client | None = None
) -> InCluster:
    """Give what a pod met, without its connections to the pods' own addresses."""
    return InCluster(
        namespace=seat.namespace,
        pod=seat.pod,
        container=seat.container,
        client=client or (Client(pod=seat.client) if seat.client else None),
        chosen=seat.chosen,
        by=seat.by,
        setting=seat.setting,
        ready=seat.ready,
        of=seat.of,
        tool=dialled.value.tool if isinstance(dialled, Observed) else "",
        attempts=tuple(a for a in dialled.value.attempts if not a.pod)
        if isinstance(dialled, Observed)
        else (),
        undialled=dialled if isinstance(dialled, Missing) else None,
        dns=dns,
    )
