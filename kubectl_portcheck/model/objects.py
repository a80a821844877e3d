"""The fields of Kubernetes objects that a diagnosis reads, under Kubernetes' own names.

The structs decode the API's JSON as it is; every field that is not named here is skipped. That is
also a promise: values of environment variables, arguments of containers and contents of Secrets
have no field, so they are never held in memory, printed or saved.
"""

from typing import Annotated, Literal

from msgspec import field
from msgspec.structs import force_setattr

from kubectl_portcheck.model.base import KindName, Known, Record, WholeNumber, WithMessage
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.volumes import Volume
from kubectl_portcheck.withheld import without_query

AddressType = Annotated[str, Known({"IPv4", "IPv6", "FQDN"})]
ClusterIP = Annotated[str, Known({"None"})]
ConditionStatus = Annotated[str, Known({"True", "False", "Unknown"})]
DNSPolicy = Annotated[str, Known({"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"})]
Effect = Annotated[str, Known({"NoSchedule", "NoExecute", "PreferNoSchedule"})]
Operator = Annotated[str, Known({"In", "NotIn", "Exists", "DoesNotExist"})]
Phase = Annotated[str, Known({"Pending", "Running", "Succeeded", "Failed", "Unknown"})]
RestartPolicy = Annotated[str, Known({"Always", "OnFailure", "Never"})]
Scheme = Annotated[str, Known({"HTTP", "HTTPS"})]
ServiceType = Annotated[str, Known({"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"})]
SessionAffinity = Annotated[str, Known({"None", "ClientIP"})]
TrafficPolicy = Annotated[str, Known({"Cluster", "Local"})]
Distribution = Annotated[str, Known({"PreferClose", "PreferSameZone", "PreferSameNode"})]
UrlPath = Annotated[str, Known({"/"})]


class OwnerReference(Record, frozen=True):
    """The object that created and manages another one."""

    kind: KindName = ""
    name: str = ""
    uid: str = ""
    controller: bool = False
    api_version: str = ""


class FieldManager(Record, frozen=True):
    """Who set fields of an object, and when: one entry of ``managedFields``, cut down."""

    name: str
    """``kubectl-client-side-apply``, ``helm``, ``argocd-controller``..."""
    operation: str = ""
    time: str = ""
    """When it last changed any of its fields, in RFC 3339 form."""
    sets: tuple[str, ...] = ()
    """The fields of ``spec`` that it holds, such as ``ports``, ``selector``, ``template``."""


class ObjectMeta(Record, frozen=True):
    """Name, labels and history of an object."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    """Cut down to the few that a rule reads, as soon as they are decoded."""
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    owner_references: tuple[OwnerReference, ...] = ()
    managers: tuple[FieldManager, ...] = ()
    """Filled in by the reader, only for Services and workloads."""


class ContainerPort(Record, frozen=True):
    """A port that a container declares. Declaring opens nothing; only a name has an effect."""

    container_port: WholeNumber
    name: str = ""
    protocol: Protocol = "TCP"
    host_port: WholeNumber = 0


class HTTPGetAction(Record, frozen=True):
    """A probe by HTTP request."""

    port: WholeNumber | str
    path: UrlPath = "/"
    host: str = ""
    scheme: Scheme = "HTTP"

    def __post_init__(self) -> None:
        if "?" in self.path or "#" in self.path:
            force_setattr(self, "path", without_query(self.path))


class TCPSocketAction(Record, frozen=True):
    """A probe by TCP connection."""

    port: WholeNumber | str
    host: str = ""


class GRPCAction(Record, frozen=True):
    """A probe by the gRPC health service."""

    port: WholeNumber


class ExecAction(Record, frozen=True):
    """A probe by a command; the command itself is not read."""


class Probe(Record, frozen=True):
    """A check that the kubelet runs against a container."""

    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    exec: ExecAction | None = None
    initial_delay_seconds: WholeNumber = 0
    period_seconds: WholeNumber = 10
    failure_threshold: WholeNumber = 3

    @property
    def port(self) -> int | str | None:
        """The port that is checked, by number or name; None for a command."""
        action = self.http_get or self.tcp_socket or self.grpc
        return action.port if action else None

    @property
    def host(self) -> str:
        """The host that is checked instead of the pod, where one is set."""
        action = self.http_get or self.tcp_socket
        return action.host if action else ""


class Container(Record, frozen=True):
    """A container of a pod's specification."""

    name: str
    image: str = ""
    ports: tuple[ContainerPort, ...] = ()
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    restart_policy: RestartPolicy = ""
    """``Always`` on an init container makes it a native sidecar."""


class ReadinessGate(Record, frozen=True):
    """A condition that must be True, besides the containers', for the pod to be Ready."""

    condition_type: str


class HostAlias(Record, frozen=True):
    """A line of the pod's ``/etc/hosts``."""

    ip: str = ""
    hostnames: tuple[str, ...] = ()


class PodDNSConfigOption(Record, frozen=True):
    """An option of the resolver, such as ndots."""

    name: str = ""
    value: str = ""


class PodDNSConfig(Record, frozen=True):
    """What is added to the settings of the resolver; all of them with the policy None."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[PodDNSConfigOption, ...] = ()


class PodSpec(Record, frozen=True):
    """What was asked of a pod."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    node_name: str = ""
    host_network: bool = False
    host_pid: bool = field(name="hostPID", default=False)
    dns_policy: DNSPolicy = ""
    dns_config: PodDNSConfig | None = None
    host_aliases: tuple[HostAlias, ...] = ()
    readiness_gates: tuple[ReadinessGate, ...] = ()
    restart_policy: RestartPolicy = ""
    service_account_name: str = ""
    volumes: tuple[Volume, ...] = ()
    subdomain: str = ""
    """The headless Service under which DNS knows the pod; a StatefulSet's serviceName."""
    runtime_class_name: str = ""
    """A runtime of its own, such as gVisor or Kata, which may keep the network to itself."""


class Condition(WithMessage, frozen=True, kw_only=True):
    """A condition of a pod or workload."""

    type: str
    status: ConditionStatus = ""
    last_transition_time: str | None = None


class StateWaiting(WithMessage, frozen=True):
    """A container that has not started."""


class StateRunning(Record, frozen=True):
    """A container that runs."""

    started_at: str | None = None


class StateTerminated(WithMessage, frozen=True):
    """A container that has ended."""

    exit_code: WholeNumber = 0
    signal: WholeNumber = 0
    started_at: str | None = None
    finished_at: str | None = None


class ContainerState(Record, frozen=True):
    """What a container does, or did before."""

    waiting: StateWaiting | None = None
    running: StateRunning | None = None
    terminated: StateTerminated | None = None


class ContainerStatus(Record, frozen=True):
    """The kubelet's report on one container."""

    name: str
    ready: bool = False
    started: bool | None = None
    restart_count: WholeNumber = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodIP(Record, frozen=True):
    """One address of a pod."""

    ip: str


class PodStatus(WithMessage, frozen=True):
    """The kubelet's report on a pod."""

    phase: Phase = ""
    pod_ip: str = field(name="podIP", default="")
    pod_ips: tuple[PodIP, ...] = field(name="podIPs", default=())
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Record, frozen=True):
    """A pod."""

    metadata: ObjectMeta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class ServicePort(Record, frozen=True):
    """A port of a Service."""

    port: WholeNumber
    name: str = ""
    protocol: Protocol = "TCP"
    target_port: WholeNumber | str | None = None
    node_port: WholeNumber = 0
    app_protocol: str | None = None


class ServiceSpec(Record, frozen=True):
    """What was asked of a Service."""

    type: ServiceType = "ClusterIP"
    cluster_ip: ClusterIP = field(name="clusterIP", default="")
    cluster_ips: tuple[ClusterIP, ...] = field(name="clusterIPs", default=())
    ip_families: tuple[Literal["IPv4", "IPv6"], ...] = ()
    selector: dict[str, str] = {}
    ports: tuple[ServicePort, ...] = ()
    external_name: str = ""
    publish_not_ready_addresses: bool = False
    session_affinity: SessionAffinity = ""
    external_ips: tuple[str, ...] = field(name="externalIPs", default=())
    internal_traffic_policy: TrafficPolicy = ""
    external_traffic_policy: TrafficPolicy = ""
    load_balancer_class: str = ""
    traffic_distribution: Distribution = ""
    health_check_node_port: WholeNumber = 0
    """Where a load balancer asks each node for endpoints, if externalTrafficPolicy is Local."""


class LoadBalancerPort(Record, frozen=True):
    """What became of a port at a load balancer."""

    port: WholeNumber = 0
    protocol: Protocol = "TCP"
    error: str = ""
    """A reason in CamelCase, by which its controller says that it does not serve the port."""


class LoadBalancerIngress(Record, frozen=True):
    """An address at which a load balancer answers."""

    ip: str = ""
    hostname: str = ""
    ports: tuple[LoadBalancerPort, ...] = ()


class LoadBalancerStatus(Record, frozen=True):
    """The addresses of a load balancer; none while it is being made."""

    ingress: tuple[LoadBalancerIngress, ...] = ()


class ServiceStatus(Record, frozen=True):
    """What became of a Service of type LoadBalancer."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Service(Record, frozen=True):
    """A Service."""

    metadata: ObjectMeta
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()
    last_applied: tuple[ServicePort, ...] | None = None
    """The ports that ``kubectl apply`` was last given, from its annotation; filled in by the
    reader. None where it was not applied that way."""

    @property
    def headless(self) -> bool:
        """True where DNS hands out the pods' addresses and nothing translates ports."""
        return self.spec.cluster_ip == "None"


class ServiceCIDRSpec(Record, frozen=True):
    """Ranges of addresses."""

    cidrs: tuple[str, ...] = ()


class ServiceCIDR(Record, frozen=True):
    """The ranges from which Services get their addresses, since Kubernetes 1.33."""

    metadata: ObjectMeta
    spec: ServiceCIDRSpec = ServiceCIDRSpec()


class EndpointConditions(Record, frozen=True):
    """Whether an endpoint may be used. A missing ``ready`` means true, by the API's rule."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ObjectReference(Record, frozen=True):
    """The object behind an endpoint."""

    kind: KindName = ""
    name: str = ""
    namespace: str = ""


class HintedFor(Record, frozen=True):
    """A zone or a node whose clients are to use an endpoint."""

    name: str = ""


class EndpointHints(Record, frozen=True):
    """Whose clients are to use an endpoint, where kube-proxy follows the hints."""

    for_zones: tuple[HintedFor, ...] = ()
    for_nodes: tuple[HintedFor, ...] = ()


class Endpoint(Record, frozen=True):
    """One backend of a Service."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    target_ref: ObjectReference | None = None
    node_name: str | None = None
    hints: EndpointHints | None = None

    @property
    def ready(self) -> bool:
        """Whether new traffic is sent here."""
        return self.conditions.ready is not False

    @property
    def serving(self) -> bool:
        """Whether it answers, though it may be about to end; what ready says where not given."""
        serving = self.conditions.serving
        return self.ready if serving is None else serving

    @property
    def terminating(self) -> bool:
        """Whether its pod is being deleted."""
        return self.conditions.terminating is True


class EndpointPort(Record, frozen=True):
    """A port that the endpoints of a slice carry, matched to the Service's by name."""

    name: str | None = None
    port: WholeNumber | None = None
    protocol: Protocol = "TCP"


class EndpointSlice(Record, frozen=True):
    """A group of endpoints with one address family and one set of resolved ports."""

    metadata: ObjectMeta
    address_type: AddressType = "IPv4"
    endpoints: tuple[Endpoint, ...] | None = None
    ports: tuple[EndpointPort, ...] | None = None
    """null where a named targetPort resolved in none of these pods."""


class EndpointAddress(Record, frozen=True):
    """An address of the older Endpoints object."""

    ip: str
    target_ref: ObjectReference | None = None
    node_name: str | None = None


class EndpointSubset(Record, frozen=True):
    """The addresses that share one set of ports."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Record, frozen=True):
    """What EndpointSlices replaced: one object a Service, cut off at 1,000 addresses."""

    metadata: ObjectMeta
    subsets: tuple[EndpointSubset, ...] = ()


class LabelSelectorRequirement(Record, frozen=True):
    """One expression of a label selector."""

    key: str
    operator: Operator
    values: tuple[str, ...] | None = None


class LabelSelector(Record, frozen=True):
    """A workload's selector: all of its terms must hold."""

    match_labels: dict[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class PodTemplate(Record, frozen=True):
    """The pods that a workload makes."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()


class WorkloadSpec(Record, frozen=True):
    """What was asked of a workload."""

    replicas: WholeNumber | None = None
    selector: LabelSelector | None = None
    template: PodTemplate = PodTemplate()
    min_ready_seconds: WholeNumber = 0
    service_name: str = ""
    """Of a StatefulSet: the Service under which DNS knows its pods."""
    paused: bool = False
    """Of a Deployment: whether changes of its pod template wait."""


class WorkloadStatus(Record, frozen=True):
    """What became of a workload."""

    replicas: WholeNumber = 0
    ready_replicas: WholeNumber = 0
    updated_replicas: WholeNumber = 0
    """Those of the latest revision."""
    desired_number_scheduled: WholeNumber = 0
    """Of a DaemonSet: on how many nodes it wants a pod."""
    current_number_scheduled: WholeNumber = 0
    """Of a DaemonSet: on how many of those it has one."""
    active: WholeNumber = 0
    """Of a Job: the pods that have not ended."""
    conditions: tuple[Condition, ...] = ()


class Workload(Record, frozen=True):
    """A Deployment, ReplicaSet, StatefulSet, DaemonSet or Job."""

    metadata: ObjectMeta
    kind: KindName = ""
    """Filled in by the reader: lists do not repeat it on their items."""
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()
    env: tuple[str, ...] = ()
    """Names, never values, of the containers' environment variables that may hold a port; filled
    in by the reader of a single workload."""


class RevisionSpec(Record, frozen=True):
    """The part of a workload's specification that a revision keeps."""

    template: PodTemplate = PodTemplate()


class RevisionData(Record, frozen=True):
    """What a revision keeps."""

    spec: RevisionSpec = RevisionSpec()


class ControllerRevision(Record, frozen=True):
    """An earlier or the present pod template of a StatefulSet or DaemonSet."""

    metadata: ObjectMeta
    revision: WholeNumber = 0
    data: RevisionData = RevisionData()


class Event(WithMessage, frozen=True, kw_only=True):
    """What a component said about an object."""

    metadata: ObjectMeta
    involved_object: ObjectReference = ObjectReference()
    type: str = ""
    count: WholeNumber = 0
    last_timestamp: str | None = None
    event_time: str | None = None


class Taint(Record, frozen=True):
    """What keeps pods off a node."""

    key: str = ""
    effect: Effect = ""


class NodeAddress(Record, frozen=True):
    """An address or a name of a node."""

    address: str = ""


class NodeSpec(Record, frozen=True):
    """What was asked of a node."""

    pod_cidrs: tuple[str, ...] = field(name="podCIDRs", default=())
    """The ranges from which its pods get their addresses, where the control plane gives them."""
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeStatus(Record, frozen=True):
    """The kubelet's report on its node."""

    addresses: tuple[NodeAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Node(Record, frozen=True):
    """A node."""

    metadata: ObjectMeta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
