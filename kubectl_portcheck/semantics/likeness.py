"""Which Services are alike: what is concluded about one of them holds for the others.

Most Services of a cluster have nothing unusual: every pod is plainly Running and Ready, the
endpoints are these pods, and no other object is about the Service; if the pods were looked into,
all of them answered alike. Then no rule can tell two of them apart but by what is compared here.
Names, addresses, nodes, images, the values of labels, and times that are long past make no
difference. ``tests/unit/diagnosis/test_likeness.py`` holds the rules to that.

Services about which anything is unusual are like no other.
"""

from collections.abc import Hashable, Mapping, Sequence
from operator import attrgetter

import msgspec

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.objects import Container, EndpointSlice, ObjectMeta, Pod, Service
from kubectl_portcheck.semantics import mesh, pods
from kubectl_portcheck.semantics.annotations import AMBIENT
from kubectl_portcheck.semantics.answered import answered
from kubectl_portcheck.semantics.endpoints import CONTROLLER, MANAGED_BY
from kubectl_portcheck.semantics.ownership import OWNER_ANNOTATIONS

SETTLED = 60.0
"""Seconds after which a pod, its readiness and its containers count as long past."""
AROUND = (
    *("ingresses", "ingress_classes", "routes", "reference_grants", "network_policies"),
    *("guards", "mesh_policies", "referrers", "monitors"),
)
"""The parts of the evidence that must hold no object, or could not be read."""
ABOVE = ("replica_sets", "workloads")
"""What made the pods: it must not have been read."""
LOOKED_AT = (
    *("service", "pods", "endpoint_slices", "sockets", "attempts", "service_forwards"),
    *ABOVE,
)
"""The parts that are compared."""
UNASKED = tuple(
    name for name in ServiceEvidence.__struct_fields__ if name not in (*AROUND, *LOOKED_AT)
)
"""All others: nothing may have been asked for, or found, beyond the lists of a sweep and what the
pods answered."""

_around = attrgetter(*AROUND)
_unasked = attrgetter(*UNASKED)
_untouched = _unasked(ServiceEvidence(service=Service(metadata=ObjectMeta())))


class Likeness(msgspec.Struct, frozen=True, cache_hash=True):
    """What a Service has in common with those that are like it."""

    parts: tuple[Hashable, ...]


class _Known(msgspec.Struct, frozen=True):
    """What the evidence about a Service says, whenever that is asked."""

    likeness: Likeness | None
    newest: str = ""
    """The latest of the times that must be past."""


_LIKE_NO_OTHER = _Known(None)


class Likenesses:
    """Tells the likeness of many Services; what their evidence shares is looked at once."""

    def __init__(self, now: str = "") -> None:
        self._now = now
        self._outlines: dict[tuple[int, ...], tuple[object, Hashable]] = {}
        """By the identities of the parts around a Service; they are held, so that these stay."""
        self._met: dict[Likeness, Likeness] = {}

    def of(self, evidence: ServiceEvidence) -> Likeness | None:
        """What it has in common with Services that are like it; None where it is like no other."""
        kept = evidence.__dict__
        known: _Known | None = kept.get("likeness")
        if known is None:
            known = kept["likeness"] = self._known(evidence)
        if known.likeness is None or not pods.age(known.newest, self._now) > SETTLED:
            return None
        return known.likeness

    def _known(self, evidence: ServiceEvidence) -> _Known:
        times: set[str | None] = set()
        parts = self._parts(evidence, times)
        if parts is None:
            return _LIKE_NO_OTHER
        likeness = Likeness(parts)
        return _Known(self._met.setdefault(likeness, likeness), pods.latest(times))

    def _parts(
        self, evidence: ServiceEvidence, times: set[str | None]
    ) -> tuple[Hashable, ...] | None:
        """What is compared; ``times`` receives those that must be past."""
        everyone, slices = evidence.pods, evidence.endpoint_slices
        if isinstance(everyone, Missing) or isinstance(slices, Missing):
            return None
        if not everyone.value or everyone.lacking or slices.lacking:
            return None
        if _unasked(evidence) != _untouched:
            return None
        around = self._outline(_around(evidence))
        own = _of_service(evidence.service)
        addresses = {p.metadata.name: p.status.pod_ip for p in everyone.value}
        above = evidence.replica_sets, evidence.workloads
        if around is None or own is None or any(isinstance(a, Observed) for a in above):
            return None
        seen = _unseen(evidence, addresses) or answered(evidence, everyone.value)
        if seen is None:
            return None
        led = _endpoints(slices.value, addresses, evidence.service.metadata.namespace)
        if led is None:
            return None
        behind = _of_pods(everyone.value, times)
        return None if behind is None else (around, own, above, seen, led, behind)

    def _outline(self, parts: tuple[object, ...]) -> Hashable:
        """Why parts could not be read; None where one of them holds an object."""
        key = tuple(map(id, parts))
        if key not in self._outlines:
            self._outlines[key] = parts, _outline(parts)
        return self._outlines[key][1]


def _of_pods(everyone: Sequence[Pod], times: set[str | None]) -> Hashable:
    """What the pods have in common; None where they differ, or one is not plainly healthy."""
    first = everyone[0]
    metadata, spec, status = first.metadata, first.spec, first.status
    containers, inits = spec.containers, spec.init_containers
    if AMBIENT in metadata.annotations or _added(containers) or _added(inits):
        return None  # A proxy answers, by the labels and annotations of the pod.
    conditions: object = None
    statuses: object = None
    known: tuple[object, ...] = ()
    for pod in everyone:
        own, asked, said = pod.metadata, pod.spec, pod.status
        if (
            own.owner_references is not metadata.owner_references
            and own.owner_references != metadata.owner_references
        ) or own.annotations != metadata.annotations:
            return None
        if (asked.containers is not containers and asked.containers != containers) or (
            asked.init_containers is not inits and asked.init_containers != inits
        ):
            return None
        if asked.host_network or asked.subdomain or asked.runtime_class_name:
            return None
        if asked.readiness_gates or len(said.pod_ips) > 1 or said.ephemeral_container_statuses:
            return None
        # Most pods of a page share these parts with the one before.
        same = said.conditions is conditions and said.container_statuses is statuses
        rest = own.deletion_timestamp, own.creation_timestamp, said.phase
        if not (same and rest == known) or said.init_container_statuses:
            if not _is_sound(pod, times):
                return None
            conditions, statuses, known = said.conditions, said.container_statuses, rest
    return (
        len(everyone),
        tuple((o.kind, o.controller) for o in metadata.owner_references),
        frozenset(metadata.annotations.items()),
        frozenset(metadata.labels),
        _template(containers),
        _template(inits),
        ":" in status.pod_ip,
    )


def _added(containers: Sequence[Container]) -> bool:
    """Whether a mesh added one of them."""
    return bool(containers) and any(c.name in mesh.CONTAINERS for c in containers)


def _is_sound(pod: Pod, times: set[str | None]) -> bool:
    """Whether the pod is plainly healthy; ``times`` receives since when."""
    status = pod.status
    if not pods.is_healthy(pod) or not pod.spec.containers:
        return False
    names = {s.name for s in status.container_statuses}
    if names != {c.name for c in pod.spec.containers}:
        return False
    if not all(s.ready and s.started is not False for s in status.container_statuses):
        return False
    if any(c.restart_policy for c in pod.spec.init_containers):
        return False  # A native sidecar, which serves beside the containers.
    times.add(pod.metadata.creation_timestamp)
    times.update(c.last_transition_time for c in status.conditions)
    times.update(s.state.running.started_at for s in status.container_statuses if s.state.running)
    return True


def _outline(parts: Sequence[object]) -> Hashable:
    for part in parts:
        if isinstance(part, Observed) and (part.value or part.lacking):
            return None
    return tuple(part if isinstance(part, Missing) else () for part in parts)


def _of_service(service: Service) -> Hashable:
    spec, metadata = service.spec, service.metadata
    if spec.type not in ("ClusterIP", "NodePort") or not spec.selector or not spec.ports:
        return None
    if spec.external_ips or spec.external_name or service.last_applied is not None:
        return None
    if metadata.deletion_timestamp or metadata.owner_references or metadata.managers:
        return None
    if "Local" in (spec.internal_traffic_policy, spec.external_traffic_policy):
        return None
    annotations = metadata.annotations
    return (
        *(spec.type, service.headless, spec.ip_families, spec.ports),
        *(spec.publish_not_ready_addresses, spec.session_affinity),
        *(spec.internal_traffic_policy, spec.external_traffic_policy),
        frozenset(metadata.labels),
        frozenset(spec.selector),
        frozenset(i for i in annotations.items() if i[0] not in OWNER_ANNOTATIONS)
        if annotations
        else None,
    )


def _unseen(evidence: ServiceEvidence, pods: Mapping[str, str]) -> Missing | None:
    """Why no pod was looked into; None where one was."""
    reasons = list(evidence.sockets.values())
    first = reasons[0] if reasons else None
    if not isinstance(first, Missing) or first.reason != Reason.NOT_CONTACTED:
        return None
    if reasons.count(first) < len(reasons):
        return None
    if evidence.attempts or evidence.service_forwards:
        return None
    return first if evidence.sockets.keys() == pods.keys() else None


def _endpoints(slices: Sequence[EndpointSlice], left: dict[str, str], namespace: str) -> Hashable:
    """The ports of the slices; None where their endpoints are not these pods, each once, Ready.

    ``left`` are the pods' addresses by name; what is found is taken out of it.
    """
    ports: object = None
    for piece in slices:
        manager = piece.metadata.labels.get(MANAGED_BY)
        if manager not in (None, CONTROLLER):
            return None
        shape = (manager, piece.address_type, piece.ports)
        if ports is not None and shape != ports:
            return None
        ports = shape
        sound: object = None
        for endpoint in piece.endpoints or ():
            ref, conditions = endpoint.target_ref, endpoint.conditions
            if conditions is not sound:
                if not endpoint.ready or not endpoint.serving or endpoint.terminating:
                    return None
                sound = conditions
            if ref is None or ref.kind != "Pod" or ref.namespace not in (namespace, ""):
                return None
            address = left.pop(ref.name, None)
            if not address or endpoint.addresses != (address,):
                return None
    return None if left else ports


def _template(containers: Sequence[Container]) -> Hashable:
    """What rules compare of containers."""
    return tuple(
        (c.ports, c.readiness_probe, c.liveness_probe, c.startup_probe, c.restart_policy)
        for c in containers
    )
