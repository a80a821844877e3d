"""What the rules read: one Service, or one of its ports, with its evidence joined once.

A rule declares the evidence that it needs by its name in :class:`ServiceEvidence`; the runner
of the rules asks :meth:`ServiceCase.missing` first, so a rule that runs has all that it needs.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.evidence import (
    NOT_ASKED,
    AddressHolder,
    Client,
    InCluster,
    Misnamed,
    ServiceEvidence,
    ServiceForward,
)
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.ingress import IngressClass
from kubectl_portcheck.model.objects import (
    ControllerRevision,
    Endpoints,
    EndpointSlice,
    Event,
    Node,
    ObjectMeta,
    Pod,
    Service,
    ServicePort,
    Workload,
)
from kubectl_portcheck.model.probes import Attempt, ListeningSocket, PodSockets, Protocol
from kubectl_portcheck.model.references import (
    Ingress,
    Monitor,
    NetworkPolicy,
    ReferenceGrant,
    Referrer,
    Route,
)
from kubectl_portcheck.model.report import ServiceReport
from kubectl_portcheck.model.storage import (
    ConfigMap,
    PersistentVolumeClaim,
    Secret,
    StorageClass,
)
from kubectl_portcheck.semantics import endpoints, ownership, pods, ports, sidecar
from kubectl_portcheck.semantics.admission import ANY_POD, ANYONE, Admitted, admits
from kubectl_portcheck.semantics.answers import answer
from kubectl_portcheck.semantics.endpoints import SliceEndpoint
from kubectl_portcheck.semantics.forwarded import forwarded
from kubectl_portcheck.semantics.ingresses import leads_to
from kubectl_portcheck.semantics.listening import family_of
from kubectl_portcheck.semantics.measured import Answer, Measured
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.sides import Policies, Side

if TYPE_CHECKING:
    from kubectl_portcheck.semantics.istio_gateways import Gateways
    from kubectl_portcheck.semantics.referrers import Reader

T = TypeVar("T")

FROM_OUTSIDE = ("pod-proxy", "in-cluster")
"""The ways of asking that a policy can stop; a port-forward begins inside of the pod."""


class ServiceCase:
    """One Service and what was gathered about it."""

    def __init__(
        self, evidence: ServiceEvidence, now: str = "", kubectl: tuple[str, ...] = ("kubectl",)
    ) -> None:
        self.evidence = evidence
        self.now = now
        """When the evidence was gathered, in RFC 3339 form."""
        self.kubectl = kubectl
        """How a command for this cluster starts: kubectl and the connection flags in use."""
        self.service: Service = evidence.service
        self.in_files = bool(evidence.files)
        """Whether the evidence is manifest files, and no pod was seen alive."""
        self.dns_server: ServiceReport | None = None
        """The report on the Service behind the client's nameserver, where it was walked."""

    def missing(self, need: str) -> Missing | None:
        """Why the evidence of that name is not there; None where it is."""
        found = getattr(self.evidence, need)
        return found if isinstance(found, Missing) else None

    def lacking(self, need: str) -> tuple[Missing, ...]:
        """Why parts of the evidence of that name are not there."""
        found = getattr(self.evidence, need)
        return found.lacking if isinstance(found, Observed) else ()

    @property
    def namespace(self) -> str:
        """The Service's namespace."""
        return self.service.metadata.namespace or "default"

    def namespace_of(self, made: ObjectMeta) -> str:
        """The namespace of an object, of a kind that has one: in files it may name none."""
        return made.namespace or self.namespace

    @property
    def name(self) -> str:
        """The Service's name."""
        return self.service.metadata.name

    def is_meant(self, name: str, namespace: str) -> bool:
        """Whether a reference to that name and namespace means the Service; files may name none."""
        return (name, namespace or "default") == (self.name, self.namespace)

    @property
    def subject(self) -> Subject:
        """The Service, as the subject of a finding."""
        return Subject(kind="Service", namespace=self.namespace, name=self.name)

    @property
    def selects(self) -> bool:
        """Whether Kubernetes keeps the endpoints from a selector."""
        return bool(self.service.spec.selector) and not self.external_name

    @property
    def external_name(self) -> bool:
        """Whether the Service is a mere alias in DNS, without an address or endpoints."""
        return self.service.spec.type == "ExternalName"

    @cached_property
    def asked_ports(self) -> tuple[ServicePort, ...]:
        """The ports of the Service that are asked about."""
        return ports.selected_port(self.service, self.evidence.asked_port)

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        """The pods that the selector matches and that have not run to their end.

        In files a task's pod counts only where there is no other: it leaves as it ends.
        """
        found = tuple(p for p in _value(self.evidence.pods, ()) if not pods.is_finished(p))
        lasting = tuple(p for p in found if not pods.is_passing(p))
        return (lasting or found) if self.in_files else found

    @cached_property
    def caught(self) -> tuple[Pod, ...]:
        """The pods of tasks that the selector matches beside others, and that run or may run."""
        found = [p for p in _value(self.evidence.pods, ()) if not pods.is_finished(p)]
        passing = tuple(p for p in found if pods.is_passing(p))
        return passing if len(passing) < len(found) else ()

    @cached_property
    def finished_pods(self) -> tuple[Pod, ...]:
        """Matching pods that ran to their end; they get no traffic."""
        return tuple(p for p in _value(self.evidence.pods, ()) if pods.is_finished(p))

    @property
    def walked(self) -> bool:
        """Whether pods are behind the Service: selected, or written into its endpoints."""
        return self.selects or bool(self.pods and not self.external_name)

    @cached_property
    def slices(self) -> tuple[EndpointSlice, ...]:
        """The Service's EndpointSlices, with the pods behind their addresses."""
        found = _value(self.evidence.endpoint_slices, ())
        return found if self.selects else endpoints.attributed(found, self.pods)

    @property
    def written_slices(self) -> tuple[EndpointSlice, ...]:
        """The Service's EndpointSlices as they are."""
        return _value(self.evidence.endpoint_slices, ())

    def followed(self, pod: Pod) -> Service:
        """The Service as its clients meet it in this pod: what its endpoints say of the ports."""
        return self.service if self.selects else endpoints.followed(self.service, self.slices, pod)

    @property
    def replica_sets(self) -> tuple[Workload, ...]:
        """The ReplicaSets of the matching pods, where they may be read."""
        return _value(self.evidence.replica_sets, ())

    @property
    def namespace_pods(self) -> tuple[Pod, ...]:
        """All pods of the namespace; read only where the selector matches none."""
        return _value(self.evidence.namespace_pods, ())

    @property
    def deployments(self) -> tuple[Workload, ...]:
        """All Deployments of the namespace; read only where the selector matches no pod."""
        return _value(self.evidence.deployments, ())

    @property
    def stateful_sets(self) -> tuple[Workload, ...]:
        """All StatefulSets of the namespace; read only where the selector matches no pod."""
        return _value(self.evidence.stateful_sets, ())

    @property
    def services(self) -> tuple[Service, ...]:
        """The namespace's Services; read only where a fix may be wanted."""
        return _value(self.evidence.services, ())

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """The workloads that made the pods, where they may be read."""
        return _value(self.evidence.workloads, ())

    @property
    def revisions(self) -> tuple[ControllerRevision, ...]:
        """The history of the StatefulSets and DaemonSets among them."""
        return _value(self.evidence.revisions, ())

    @cached_property
    def ingresses(self) -> tuple[Ingress, ...]:
        """The Ingresses that name the Service."""
        return tuple(i for i in self.claiming_ingresses if leads_to(i, self.name))

    @property
    def claiming_ingresses(self) -> tuple[Ingress, ...]:
        """The same, and those that claim the paths of these."""
        return _value(self.evidence.ingresses, ())

    @property
    def ingress_classes(self) -> tuple[IngressClass, ...]:
        """The cluster's IngressClasses; read only where an Ingress names the Service."""
        return _value(self.evidence.ingress_classes, ())

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes that name the Service."""
        return _value(self.evidence.routes, ())

    @property
    def reference_grants(self) -> tuple[ReferenceGrant, ...]:
        """The permissions to refer to the Service from other namespaces."""
        return _value(self.evidence.reference_grants, ())

    @property
    def network_policies(self) -> tuple[NetworkPolicy, ...]:
        """The NetworkPolicies that select one of the pods."""
        return _value(self.evidence.network_policies, ())

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The policies of other kinds that may select one of the pods, or that of --from."""
        return _value(self.evidence.guards, ())

    @property
    def mesh_policies(self) -> tuple[Guard, ...]:
        """What a mesh asks of connections to one of the pods, or to that of --from."""
        return _value(self.evidence.mesh_policies, ())

    @property
    def overwritten(self) -> tuple[Endpoints, ...]:
        """Hand-written Endpoints beside the Service's selector."""
        return _value(self.evidence.overwritten, ())

    @property
    def referrers(self) -> tuple[Referrer, ...]:
        """The webhook configurations, APIServices and VirtualServices that lead to the Service."""
        return _value(self.evidence.referrers, ())

    @cached_property
    def _by_reader(self) -> Mapping[str, Sequence[Referrer]]:
        from kubectl_portcheck.semantics.referrers import by_reader

        return by_reader(self.referrers)

    def read_by(self, reader: "Reader") -> Sequence[Referrer]:
        """Those of them by which this reader sends requests."""
        return self._by_reader.get(reader, ())

    @cached_property
    def gateways(self) -> "Gateways":
        """The Gateways among them, for the VirtualServices that name any."""
        from kubectl_portcheck.semantics.istio_gateways import Gateways

        return Gateways(self.referrers, self.namespace_of)

    @property
    def calls(self) -> tuple[Call, ...]:
        """What workloads call, as far as it concerns what was asked about."""
        return _value(self.evidence.calls, ())

    @property
    def of_workload(self) -> bool:
        """Whether this is about what a workload calls, and no Service was asked about."""
        asked = self.evidence.asked
        return asked is not None and asked.what == "calls"

    @property
    def gateway_pods(self) -> tuple[Pod, ...]:
        """Pods that the Gateways of Istio select by which clients come, of any namespace."""
        return _value(self.evidence.gateway_pods, ())

    @property
    def gateway_services(self) -> tuple[Service, ...]:
        """The Services that select these pods."""
        return _value(self.evidence.gateway_services, ())

    @property
    def misnamed(self) -> tuple[Misnamed, ...]:
        """What names a Service that does not exist, and seems to mean this one."""
        return _value(self.evidence.misnamed, ())

    @property
    def monitors(self) -> tuple[Monitor, ...]:
        """The ServiceMonitors and PodMonitors that watch the Service or its pods."""
        return _value(self.evidence.monitors, ())

    def holder(self, address: str) -> AddressHolder | None:
        """Who has an address that no pod of the namespace has; None where that is not known."""
        found = self.evidence.holders
        known = found.value if isinstance(found, Observed) else ()
        return next((h for h in known if h.address == address), None)

    @property
    def alias(self) -> Service | None:
        """The Service of this cluster of which this one is a DNS alias, where it is known."""
        found = self.evidence.alias
        return found.value if isinstance(found, Observed) else None

    @property
    def events(self) -> tuple[Event, ...]:
        """What was said of the pods that are not ready, and of a pending load balancer."""
        return _value(self.evidence.events, ())

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The cluster's nodes; read only where a traffic policy is Local."""
        return _value(self.evidence.nodes, ())

    @property
    def claims(self) -> tuple[PersistentVolumeClaim, ...]:
        """The namespace's PersistentVolumeClaims; read only where a pod may wait for one."""
        return _value(self.evidence.claims, ())

    @property
    def storage_classes(self) -> tuple[StorageClass, ...]:
        """The cluster's StorageClasses; read together with the claims."""
        return _value(self.evidence.storage_classes, ())

    @property
    def config_maps(self) -> tuple[ConfigMap, ...]:
        """The namespace's ConfigMaps, by name; read only where a pod may wait for one."""
        return _value(self.evidence.config_maps, ())

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The namespace's Secrets, by name; read only where a pod may wait for one."""
        return _value(self.evidence.secrets, ())

    @property
    def families(self) -> tuple[str, ...]:
        """The Service's address families, primary first."""
        return self.service.spec.ip_families

    def listeners(self, pod: Pod) -> tuple[ListeningSocket, ...] | None:
        """What listens in the pod; None where that is not known."""
        found = self.evidence.sockets.get(pod.metadata.name)
        return found.value.listeners if isinstance(found, Observed) else None

    def forwarded(self, pod: Pod) -> PodSockets | None:
        """What the port-forwards prove, where the pod's sockets could not be read; else None."""
        measured = self.measured(pod)
        if isinstance(measured.sockets, Observed) or not measured.attempts:
            return None
        return forwarded(measured.attempts)

    def measured(self, pod: Pod) -> Measured:
        """All that was measured in the pod."""
        name = pod.metadata.name
        sockets = self.evidence.sockets.get(name, NOT_ASKED)
        made = self._attempts.get(name, ())
        passed_on = self._passed_on(pod) if sidecar.is_of_istio(pod) else {}
        if not made:
            return Measured(pod, sockets, (), passed_on=passed_on)
        return Measured(
            pod,
            sockets,
            made,
            frozenset((a.path, a.port) for a in made if self.may_be_stopped(pod, a)),
            passed_on,
        )

    def _passed_on(self, pod: Pod) -> dict[int, str] | None:
        """Where Sidecars of Istio have the pod's proxy connect; None where that is not known."""
        missing = self.missing("mesh_policies")
        if missing is not None and missing.reason != Reason.NOT_SERVED:
            return None
        if self.lacking("mesh_policies"):
            return None
        return sidecar.passed_on(pod, self.mesh_policies)

    @property
    def client(self) -> Client | None:
        """The pod of --from, where it may be read."""
        found = self.evidence.in_cluster
        return found.value.client if isinstance(found, Observed) else None

    @cached_property
    def policies(self) -> Policies:
        """The policies of both ends, as far as they were read."""
        network = list(self.network_policies)
        unread = {}
        missing = self.missing("network_policies")
        if missing and missing.reason not in (Reason.NOT_ASKED, Reason.NOT_RECORDED):
            unread[self.namespace] = missing.detail or str(missing.reason)
        if self.client is not None:
            own = self.client.policies
            if isinstance(own, Observed):
                network += [p for p in own.value if p not in network]
            elif own.reason != Reason.NOT_ASKED:
                unread[_home(self.client.pod)] = own.detail or str(own.reason)
        closed = self.missing("guards")
        if closed and closed.reason in (Reason.FORBIDDEN, Reason.FAILED, Reason.TIMED_OUT):
            homes = (self.namespace, *((_home(self.client.pod),) if self.client else ()))
            unread |= dict.fromkeys(homes, closed.detail or str(closed.reason))
        elif self.client is not None and _home(self.client.pod) != self.namespace:
            lacking = self.lacking("guards")
            unread |= {_home(self.client.pod): m.detail or str(m.reason) for m in lacking[:1]}
        return Policies(tuple(network), unread, self.guards)

    def admitted(
        self,
        pod: Pod,
        port: int,
        protocol: Protocol = "TCP",
        family: str = "",
        *,
        from_client: bool = True,
    ) -> Admitted:
        """Whether policies let the pod of --from connect to this port of the pod.

        Without ``from_client``, and where that pod could not be read, a client of which nothing is
        known, such as the API server.
        """
        client = self.client if from_client else None
        peer = Peer(client.pod, self.labels_of(_home(client.pod))) if client else Peer()
        server = Peer(pod, self.labels_of(self.namespace))
        return admits(peer, server, port, protocol, self.policies, family)

    def admits_anyone(
        self,
        pod: Pod,
        port: int,
        protocol: Protocol = "TCP",
        *,
        pods_only: bool = False,
        by: Policies | None = None,
    ) -> Side:
        """Whether policies of the pod let any client at all, or any pod, connect to this port.

        ``allowed`` is False only where that is certain. ``by``: other policies than all of them.
        """
        server = Peer(pod, self.labels_of(self.namespace))
        client = ANY_POD if pods_only else ANYONE
        return admits(client, server, port, protocol, by or self.policies).ingress

    def labels_of(self, namespace: str) -> Mapping[str, str] | None:
        """The labels of a namespace; None where they were not read."""
        own = self.evidence.namespace_labels
        if namespace == self.namespace and isinstance(own, Observed):
            return own.value
        return self.client.namespaces.get(namespace) if self.client else None

    def may_be_stopped(self, pod: Pod, attempt: Attempt) -> bool:
        """Whether a policy, and not the pod, may be why the connection failed.

        A policy is applied to what comes from outside of the pod, and not to a port-forward. Some
        network plugins drop what policies deny, others refuse it, in the pod's place.
        """
        if attempt.path not in FROM_OUTSIDE or attempt.outcome in ("accepted", "reset", "skipped"):
            return False
        known = self.policies
        if not (known.network or known.unread or known.guards):
            return False
        family = family_of(attempt.address) if attempt.address else ""
        found = self.admitted(
            pod, attempt.port, family=family, from_client=attempt.path == "in-cluster"
        )
        return found.allowed is not True

    @cached_property
    def _attempts(self) -> dict[str, list[Attempt]]:
        """The attempts by pod: there may be a thousand of these."""
        found: dict[str, list[Attempt]] = {}
        for attempt in self.evidence.attempts:
            found.setdefault(attempt.pod, []).append(attempt)
        return found

    def workload(self, pod: Pod) -> Subject | None:
        """The workload that made the pod, the Deployment rather than its ReplicaSet.

        None where it has none, or where that is not known.
        """
        owner = ownership.controller_of(pod.metadata)
        if owner is not None and owner.kind == "ReplicaSet":
            own = next((r for r in self.replica_sets if r.metadata.name == owner.name), None)
            if own is not None:
                top = ownership.controller_of(own.metadata) or owner
                return Subject(kind=top.kind, namespace=self.namespace, name=top.name)
        return ownership.maker_of(pod.metadata, self.namespace)


class PodState(msgspec.Struct, frozen=True):
    """One pod as seen from one Service port."""

    pod: Pod
    target: int | None
    """The port that a client of the Service reaches in this pod."""
    answer: Answer
    forward: Attempt | None
    proxy: Attempt | None
    used: bool
    """Whether clients are sent to it now."""
    within: Attempt | None = None
    """The connection from inside another pod."""

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.pod.metadata.name


class Case(ServiceCase):
    """One port of a Service and what was gathered about it."""

    def __init__(
        self,
        evidence: ServiceEvidence,
        port: ServicePort,
        now: str = "",
        kubectl: tuple[str, ...] = ("kubectl",),
    ) -> None:
        super().__init__(evidence, now, kubectl)
        self.port = port

    @classmethod
    def of(cls, whole: ServiceCase, port: ServicePort) -> "Case":
        """One port of a Service; what was joined for the Service is not joined again."""
        case = cls(whole.evidence, port, whole.now, whole.kubectl)
        joined = {name: getattr(whole, name) for name in ("pods", "finished_pods", "slices")}
        case.__dict__.update(joined)
        return case

    @property
    def target(self) -> int | str:
        """The targetPort, a number or a name."""
        return ports.declared_target(self.port)

    @cached_property
    def endpoints(self) -> tuple[SliceEndpoint, ...]:
        """Every endpoint, with the port that it carries for this Service port."""
        return endpoints.for_port(self.slices, self.port)

    @cached_property
    def used_pods(self) -> frozenset[str]:
        """The names of the pods to which clients of this port are sent now."""
        if self.missing("endpoint_slices") is None and self.service.headless:
            # DNS hands out the ready addresses, with or without ports, and never draining ones.
            # (CoreDNS, plugin/kubernetes/object/endpoint.go)
            return frozenset(e.pod for e in self.endpoints if e.pod and e.endpoint.ready)
        if self.missing("endpoint_slices") is None:
            return frozenset(e.pod for e in endpoints.used(self.endpoints) if e.pod)
        unready = self.service.spec.publish_not_ready_addresses
        alive = [
            p for p in self.pods if ports.resolve_target_port(self.port, p) and p.status.pod_ip
        ]
        ready = [p for p in alive if unready or (pods.is_ready(p) and not pods.is_terminating(p))]
        draining = [p for p in alive if pods.is_ready(p)]
        return frozenset(p.metadata.name for p in ready or draining)

    @cached_property
    def outside(self) -> tuple[SliceEndpoint, ...]:
        """The endpoints with traffic of a Service without a selector that are no known pods."""
        if self.selects or self.external_name:
            return ()
        used = endpoints.used(self.endpoints)
        return tuple({e.endpoint.addresses: e for e in used if e.pod is None}.values())

    def target_in(self, pod: Pod) -> int | None:
        """The port that clients of this port are sent to in the pod."""
        if self.selects or self.service.headless:
            return ports.dialled_port(self.service, self.port, pod)
        return endpoints.carried(self.slices, self.port, pod)

    @cached_property
    def states(self) -> tuple[PodState, ...]:
        """Every matching pod, as seen from this port."""
        return tuple(self._state(pod) for pod in self.pods)

    @cached_property
    def backends(self) -> tuple[PodState, ...]:
        """The pods to which clients of this port are sent now."""
        return tuple(s for s in self.states if s.used)

    def in_state(self, *kinds: str) -> tuple[PodState, ...]:
        """The pods with traffic whose answer is one of these."""
        return tuple(s for s in self.backends if s.answer.kind in kinds)

    @cached_property
    def service_forward(self) -> ServiceForward | None:
        """What a port-forward to the Service met, where one was made."""
        forwards = self.evidence.service_forwards
        return next((f for f in forwards if f.port == self.port.port), None)

    @property
    def in_cluster(self) -> Observed[InCluster] | Missing:
        """What --from met at the Service's own address."""
        return self.evidence.in_cluster

    def _state(self, pod: Pod) -> PodState:
        target = self.target_in(pod)
        measured = self.measured(pod)
        if not measured.attempts:
            answered = answer(measured, target, self.port.protocol, self.families)
            return PodState(pod, target, answered, None, None, pod.metadata.name in self.used_pods)
        return PodState(
            pod,
            target,
            answer(measured, target, self.port.protocol, self.families),
            measured.attempt(target, "pod-port-forward") if target else None,
            measured.attempt(target, "pod-proxy") if target else None,
            pod.metadata.name in self.used_pods,
            measured.attempt(target, "in-cluster") if target else None,
        )


def _home(pod: Pod) -> str:
    return pod.metadata.namespace or "default"


def _value(found: Observed[T] | Missing, default: T) -> T:
    return default if isinstance(found, Missing) else found.value
