"""Objects that lead to a Service, guard its pods or watch them, under Kubernetes' own names.

Like :mod:`kubectl_portcheck.model.objects`: the fields that a diagnosis reads, and no others.
"""

from typing import Annotated, Literal

from msgspec import field
from msgspec.structs import force_setattr

from kubectl_portcheck.model.base import GroupName, KindName, Known, Record, WholeNumber
from kubectl_portcheck.model.ingress import IngressStatus
from kubectl_portcheck.model.kinds import GATEWAY
from kubectl_portcheck.model.objects import Condition, LabelSelector, ObjectMeta
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.withheld import without_query

PathType = Annotated[str, Known({"Exact", "Prefix", "ImplementationSpecific"})]


Scheme = Annotated[
    str, Known({"http", "https", "h2c", "h2", "tls", "edge", "reencrypt", "passthrough"})
]


class ServiceBackendPort(Record, frozen=True):
    """The Service port that an Ingress names: by name or by number, never by targetPort."""

    name: str = ""
    number: WholeNumber = 0


class IngressServiceBackend(Record, frozen=True):
    """The Service to which an Ingress sends requests."""

    name: str = ""
    port: ServiceBackendPort = ServiceBackendPort()


class IngressBackend(Record, frozen=True):
    """A backend of an Ingress; None where it is another resource than a Service."""

    service: IngressServiceBackend | None = None


class HTTPIngressPath(Record, frozen=True):
    """One path of a host."""

    backend: IngressBackend = IngressBackend()
    path: str = ""
    path_type: PathType = ""


class HTTPIngressRuleValue(Record, frozen=True):
    """The paths of a host."""

    paths: tuple[HTTPIngressPath, ...] = ()


class IngressRule(Record, frozen=True):
    """A host and its paths."""

    host: str = ""
    http: HTTPIngressRuleValue = HTTPIngressRuleValue()


class IngressSpec(Record, frozen=True):
    """What was asked of an Ingress."""

    ingress_class_name: str = ""
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] = ()


class Ingress(Record, frozen=True):
    """An Ingress."""

    metadata: ObjectMeta
    spec: IngressSpec = IngressSpec()
    status: IngressStatus = IngressStatus()


class BackendRef(Record, frozen=True):
    """A backend of a route. Group '' and kind Service are the defaults of the Gateway API."""

    name: str = ""
    namespace: str = ""
    """Empty for the route's own."""
    port: WholeNumber | None = None
    """The Service port; required where the backend is a Service."""
    kind: KindName = "Service"
    group: GroupName = ""


class RequestMirror(Record, frozen=True):
    """Where a filter sends a copy of each request."""

    backend_ref: BackendRef = BackendRef()


class RouteFilter(Record, frozen=True):
    """A filter of a rule or of a backend, as far as it references a backend."""

    request_mirror: RequestMirror | None = None


class RouteBackendRef(BackendRef, frozen=True):
    """A backend of a rule, with filters of its own."""

    filters: tuple[RouteFilter, ...] = ()


class RouteRule(Record, frozen=True):
    """A rule of a route."""

    backend_refs: tuple[RouteBackendRef, ...] = ()
    filters: tuple[RouteFilter, ...] = ()


class ParentRef(Record, frozen=True):
    """The Gateway to which a route belongs; a Service, where a mesh reads the route."""

    name: str = ""
    namespace: str = ""
    kind: KindName = "Gateway"
    group: GroupName = GATEWAY


class RouteParentStatus(Record, frozen=True):
    """What a Gateway's controller says of a route: Accepted, ResolvedRefs."""

    parent_ref: ParentRef = ParentRef()
    conditions: tuple[Condition, ...] = ()


class RouteSpec(Record, frozen=True):
    """What was asked of a route."""

    parent_refs: tuple[ParentRef, ...] = ()
    hostnames: tuple[str, ...] = ()
    rules: tuple[RouteRule, ...] = ()


class RouteStatus(Record, frozen=True):
    """What became of a route."""

    parents: tuple[RouteParentStatus, ...] = ()


class Route(Record, frozen=True):
    """An HTTPRoute, GRPCRoute, TCPRoute or TLSRoute of the Gateway API."""

    metadata: ObjectMeta
    kind: KindName = ""
    """Filled in by the reader: lists do not repeat it on their items."""
    spec: RouteSpec = RouteSpec()
    status: RouteStatus = RouteStatus()


class ReferenceGrantFrom(Record, frozen=True):
    """Who may refer to objects here."""

    group: GroupName = ""
    kind: KindName = ""
    namespace: str = ""


class ReferenceGrantTo(Record, frozen=True):
    """To what; every object of the kind where no name is given."""

    group: GroupName = ""
    kind: KindName = ""
    name: str = ""


class ReferenceGrantSpec(Record, frozen=True):
    """What a ReferenceGrant allows."""

    from_: tuple[ReferenceGrantFrom, ...] = field(name="from", default=())
    to: tuple[ReferenceGrantTo, ...] = ()


class ReferenceGrant(Record, frozen=True):
    """A permission to refer to objects of this namespace from another one."""

    metadata: ObjectMeta
    spec: ReferenceGrantSpec = ReferenceGrantSpec()


class IPBlock(Record, frozen=True):
    """A range of addresses, less some parts of it."""

    cidr: str = ""
    except_: tuple[str, ...] = field(name="except", default=())


class NetworkPolicyPeer(Record, frozen=True):
    """A source or a destination: pods by selectors, or addresses."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyPort(Record, frozen=True):
    """A port of the *pod*, by number or container port name; every one where none is given."""

    protocol: Protocol = "TCP"
    port: WholeNumber | str | None = None
    end_port: WholeNumber | None = None


class NetworkPolicyIngressRule(Record, frozen=True):
    """What is let in. No sources means every source, no ports every port."""

    from_: tuple[NetworkPolicyPeer, ...] = field(name="from", default=())
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicyEgressRule(Record, frozen=True):
    """What is let out. No destinations means every destination, no ports every port."""

    to: tuple[NetworkPolicyPeer, ...] = ()
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicySpec(Record, frozen=True):
    """What a NetworkPolicy says about traffic into and out of its pods."""

    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[Literal["Ingress", "Egress"], ...] = ()
    ingress: tuple[NetworkPolicyIngressRule, ...] = ()
    egress: tuple[NetworkPolicyEgressRule, ...] = ()


class NetworkPolicy(Record, frozen=True):
    """A NetworkPolicy."""

    metadata: ObjectMeta
    spec: NetworkPolicySpec = NetworkPolicySpec()


class NamespaceSelector(Record, frozen=True):
    """The namespaces in which a monitor looks; its own where nothing is said."""

    any: bool = False
    match_names: tuple[str, ...] = ()


class MonitorEndpoint(Record, frozen=True):
    """A port that Prometheus scrapes.

    ``port`` is the name of a *Service* port in a ServiceMonitor and the name of a *container* port
    in a PodMonitor; ``target_port`` and ``port_number`` are ports of the pod.
    """

    port: str = ""
    target_port: WholeNumber | str | None = None
    port_number: WholeNumber | None = None
    path: str = ""

    def __post_init__(self) -> None:
        if "?" in self.path or "#" in self.path:
            force_setattr(self, "path", without_query(self.path))


class MonitorSpec(Record, frozen=True):
    """What was asked of a monitor."""

    selector: LabelSelector = LabelSelector()
    namespace_selector: NamespaceSelector = NamespaceSelector()
    endpoints: tuple[MonitorEndpoint, ...] = ()
    """Of a ServiceMonitor."""
    pod_metrics_endpoints: tuple[MonitorEndpoint, ...] = ()
    """Of a PodMonitor."""


class Monitor(Record, frozen=True):
    """A ServiceMonitor or PodMonitor of the Prometheus operator."""

    metadata: ObjectMeta
    kind: KindName = ""
    """Filled in by the reader."""
    spec: MonitorSpec = MonitorSpec()


class Reference(Record, frozen=True):
    """One place of an object that leads to a Service."""

    where: str
    """The place in words: ``webhook a.example.com``."""
    service: str
    namespace: str = ""
    port: WholeNumber | str | None = None
    """As it is written; None where it is left out."""
    default: WholeNumber | None = None
    """The port that is taken where none is written; None where any will do."""
    pointer: str = ""
    """The JSON pointer of the port."""
    by: Literal["port", "name", "number", "endpoint-port"] = "port"
    """What is named: a Service port by number or name, only by its name, only by its number, or the
    name of a Service port or the number of the pods' port."""
    protocol: Protocol | Literal[""] = "TCP"
    """Empty where it is not known."""
    subset: str = ""
    """The subset of an Istio DestinationRule that is asked for."""
    idle: bool = False
    """Whether no client waits for an answer from there: a weight of 0, or copies of requests."""
    scheme: Scheme = ""
    """What the reader is to speak there, in its own word: ``https``, ``reencrypt``."""
    scheme_field: str = ""
    """The field beside the port that says it; empty where it is none."""
    fails: bool = False
    """Whether requests to the API server fail where the Service does not answer."""
    unverified: bool = False
    """Whether TLS is spoken and no certificate authority is given by which to verify the answer."""

    @property
    def scheme_pointer(self) -> str:
        """The JSON pointer of the field that says what to speak."""
        return f"{self.pointer.rpartition('/')[0]}/{self.scheme_field}"

    @property
    def meant(self) -> int | str | None:
        """The port that is asked for, by default or in writing; None where any will do."""
        return self.default if self.port is None else self.port


class Entrance(Record, frozen=True):
    """A port that an Istio Gateway opens, and the hosts that it takes there."""

    port: WholeNumber = 0
    """0 where it is not known."""
    hosts: tuple[str, ...] = ()


class EntryPort(Record, frozen=True):
    """A port of a ServiceEntry."""

    number: WholeNumber = 0
    name: str = ""


class RegistryEntry(Record, frozen=True):
    """What an Istio ServiceEntry says of its hosts."""

    ports: tuple[EntryPort, ...] = ()
    adds: bool = False
    """Whether it has endpoints, or selects workloads."""
    export_to: tuple[str, ...] = ()
    """The namespaces that see it, ``.`` for its own; all of them where none is named."""


class Authority(Record, frozen=True):
    """A ConfigMap with the certificate authorities by which a Gateway verifies the pods."""

    name: str
    pointer: str
    state: Annotated[str, Known(("there", "absent", "without the key"))] = ""
    """What was found; empty where that is not known."""
    keys: tuple[str, ...] = ()
    """Its keys, where the one that counts is not among them."""
    why: str = ""
    """Why it is not known."""


class Referrer(Record, frozen=True):
    """An object of any of the kinds in ``semantics.referrers`` that leads to Services."""

    metadata: ObjectMeta
    kind: KindName = ""
    references: tuple[Reference, ...] = ()
    conditions: tuple[Condition, ...] = ()
    """What its controller says of it, where that is read."""
    subsets: tuple[str, ...] = ()
    """The subsets that a DestinationRule defines."""
    subset_labels: dict[str, dict[str, str]] = {}
    """By subset: the labels of its pods, where it has any."""
    authorities: tuple[Authority, ...] = ()
    """Those of a BackendTLSPolicy."""
    labels: dict[str, str] = {}
    """The labels of the pods that a Rollout makes, or that an Istio Gateway selects."""
    gateways: tuple[str, ...] = ()
    """The gateways of Istio by which a VirtualService is reached, as they are written there."""
    hosts: tuple[str, ...] = ()
    """The hosts of a VirtualService, or of the servers of an Istio Gateway."""
    entrances: tuple[Entrance, ...] = ()
    """The servers of an Istio Gateway."""
    entry: RegistryEntry | None = None
    """What a ServiceEntry says; None for all others."""
    tls_modes: dict[
        str, Annotated[str, Known(("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"))]
    ] = {}
    """What clients by a DestinationRule speak, in Istio's words: by Service port, and '' for all
    others."""
