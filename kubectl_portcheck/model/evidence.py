"""Everything that was gathered about the Services in question: the rules read nothing else."""

from typing import Annotated, Literal

from msgspec import field

from kubectl_portcheck.model.base import (
    KindName,
    Known,
    Missing,
    Observed,
    Reason,
    Record,
    Right,
    WholeNumber,
    keep_readable,
)
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.ingress import IngressClass
from kubectl_portcheck.model.objects import (
    ControllerRevision,
    Endpoints,
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
from kubectl_portcheck.model.seat import Chosen, Dns
from kubectl_portcheck.model.storage import (
    ConfigMap,
    PersistentVolumeClaim,
    Secret,
    StorageClass,
)

Source = Literal["cluster", "manifests", "snapshot"]

NOT_ASKED = Missing(reason=Reason.NOT_ASKED)


class ServiceForward(Record, frozen=True):
    """What ``kubectl port-forward`` to one Service port does: its choice, then the attempt.

    It never touches the Service's address or kube-proxy; the report must not claim more.
    """

    port: WholeNumber
    pod: str | None = None
    pod_port: WholeNumber | None = None
    attempt: Attempt | None = None
    reason: str = ""
    """Why nothing was tried, where ``attempt`` is None."""

    def __post_init__(self) -> None:
        keep_readable(self, "reason")


class Asked(Record, frozen=True):
    """A pod or a workload that was asked about, and the Services that lead to it."""

    kind: KindName
    port: WholeNumber | str | None = None
    """The pods' port that was asked about; None for all that they declare."""
    services: Observed[tuple[Service, ...]] | Missing = NOT_ASKED
    """The Services that select its pods; where there is none, those that nearly do."""
    what: Literal["ports", "calls"] = "ports"
    """Whether it is about the pods' own ports, or about what they call."""


class Client(Record, frozen=True):
    """What policies see of the pod that connections are made from."""

    pod: Pod
    policies: Observed[tuple[NetworkPolicy, ...]] | Missing = NOT_ASKED
    """The NetworkPolicies of its namespace that select it."""
    namespaces: dict[str, dict[str, str]] = {}
    """The labels of its namespace and of the Service's; read only where a policy selects
    namespaces by their labels, or where a waypoint of Istio may stand before the Service, and
    absent where that is not allowed."""


class InCluster(Record, frozen=True):
    """What ``--from`` met: the name and the connections, seen from inside a pod.

    The connections to the pods' own addresses are among the attempts of the Service's evidence.
    """

    namespace: str
    pod: str
    container: str = ""
    client: Client | None = None
    """The pod itself; None where it may not be read."""
    chosen: Chosen = "named"
    """Why this pod was taken."""
    by: str = ""
    """What it was chosen by: ``deploy/web``, ``app=web``."""
    setting: str = ""
    """The variable or argument that names the Service, where it was taken for that (auto)."""
    ready: WholeNumber = 0
    """How many of the pods that it was chosen from are Ready."""
    of: WholeNumber = 0
    """How many pods it was chosen from."""
    tool: Annotated[str, Known({"bash", "nc", "curl", "wget", "python3", "perl"})] = ""
    """The program that made the connections, such as ``bash`` or ``nc``."""
    attempts: tuple[Attempt, ...] = ()
    """Those to the Service's own address, by Service port."""
    undialled: Missing | None = None
    """Why no connection was tried, where none was."""
    dns: Observed[Dns] | Missing = NOT_ASKED
    """What became of the Service's name in that pod."""
    dns_server: "Observed[ServiceEvidence] | Missing" = NOT_ASKED
    """The Service behind the nameserver; asked for only where none answered."""
    others: "tuple[InCluster, ...]" = ()
    """What other pods met, with all of their connections: those of other nodes, or a few where
    this one failed. None of them has others."""
    each_node: bool = False
    """Whether there is one for each node that has a pod to take."""


class Doubt(Record, frozen=True):
    """Why files may not show an object as it is in the cluster, or beside which others."""

    why: Literal["injection", "kustomize", "partial", "environments"]
    """A webhook adds containers; a kustomization changes it, or takes it apart from the Service; a
    required field is missing; or the files hold several environments, and it may belong to another
    one than the Service."""
    kind: KindName
    name: str
    """A pod of a workload under the name that the evidence's pods have."""
    by: str = ""
    """The label or annotation, the file, or the field; '' where there is none to be named."""


class InitCall(Record, frozen=True):
    """A host that the command of an init container names. Nothing else of the command is kept."""

    pod: str
    container: str
    host: str
    port: WholeNumber | None = None
    service: str = ""
    """The Service of the pod's namespace that the host would be; '' for a host elsewhere."""
    exists: bool | None = None
    """Whether there is such a Service; None where that is not known."""
    ready: WholeNumber | None = None
    """How many ready endpoints it has; None where that is not known."""
    near: str = ""
    """The Service of a similar name, where it does not exist."""


class ContainerLog(Record, frozen=True):
    """The last lines of a container's log. Those that look like secrets are not among them."""

    pod: str
    container: str
    previous: bool = False
    """Whether they are of the instance before the one that runs or waits now."""
    lines: tuple[str, ...] = ()
    withheld: WholeNumber = 0
    """How many lines were left out because they look like secrets."""


class AddressHolder(Record, frozen=True):
    """Who has an address to which an endpoint leads, as far as the cluster knows."""

    address: str
    held_by: Literal["", "Pod", "Node"] = ""
    """Empty where no pod and no node has it."""
    namespace: str = ""
    name: str = ""
    for_pods: bool = False
    """Whether it is of a range from which the nodes' pods get their addresses."""


class Lookup(Record, frozen=True):
    """How a Service or pod was found from what a client reports."""

    text: str
    """``10.96.3.4:80``, ``checkout.shop``: the address as it was read."""
    how: Literal["name", "cluster-ip", "external-ip", "load-balancer", "node-port", "pod-ip"]
    node: str = ""
    """The node whose address it is, where a node port was asked for."""


class Absence(Record, frozen=True):
    """What is known of a Service that does not exist."""

    near: str = ""
    """The Service of the namespace that has nearly its name."""
    elsewhere: tuple[str, ...] = ()
    """The namespaces that have a Service of its name."""
    alike: tuple[str, ...] = ()
    """Services of other namespaces that have nearly its name, as NAME.NAMESPACE; looked for only
    where there is neither of the above."""
    no_namespace: bool = False
    """Whether the namespace does not exist either."""


class Misnamed(Record, frozen=True):
    """A place that names a Service that does not exist, and nearly has the name of one."""

    kind: KindName
    namespace: str
    """'' where the kind has none."""
    name: str
    """That of the object."""
    where: str
    """The place in it."""
    service: str
    """The name that it has."""


class ServiceEvidence(Record, frozen=True, gc=True, dict=True):
    """What was gathered about one Service.

    What is worked out of it once may be kept beside its fields (``semantics.likeness``).
    """

    service: Service
    """Only its name, where ``unread`` says that the rest could not be had."""
    unread: Missing | None = None
    """Why the Service itself could not be read, though a cluster answered."""
    absence: Absence | None = None
    """Set where there is no such Service, and something may need it."""
    lookup: Lookup | None = None
    """Set where it was asked for by an address."""
    asked: Asked | None = None
    """Set where this is about the own ports of a pod or a workload. Then ``service`` is none: it
    has the workload's name, and its ports are those that the pods declare."""
    files: Literal["", "some", "all"] = ""
    """Where the evidence is manifest files: whether they are a part of what exists, or all of it.
    The pods are then those that the workloads would make, and none of them was seen alive."""
    doubts: tuple[Doubt, ...] = ()
    """What manifest files may not show of the Service, of its pods, and of objects around them."""
    asked_port: WholeNumber | str | None = None
    """The port of ``NAME:PORT``; None for every port of the Service."""
    pods: Observed[tuple[Pod, ...]] | Missing = NOT_ASKED
    """The pods that the selector matches, sorted by name."""
    endpoint_slices: Observed[tuple[EndpointSlice, ...]] | Missing = NOT_ASKED
    replica_sets: Observed[tuple[Workload, ...]] | Missing = NOT_ASKED
    """The ReplicaSets whose labels the Service's selector matches: owners and their history."""
    deployments: Observed[tuple[Workload, ...]] | Missing = NOT_ASKED
    """The namespace's Deployments; asked for only where the selector matches no pod."""
    stateful_sets: Observed[tuple[Workload, ...]] | Missing = NOT_ASKED
    """The namespace's StatefulSets; asked for only where the selector matches no pod."""
    namespace_pods: Observed[tuple[Pod, ...]] | Missing = NOT_ASKED
    """The namespace's pods; asked for only where the selector matches none."""
    workloads: Observed[tuple[Workload, ...]] | Missing = NOT_ASKED
    """The workloads that made the pods: Deployments, StatefulSets and DaemonSets."""
    revisions: Observed[tuple[ControllerRevision, ...]] | Missing = NOT_ASKED
    """The history of StatefulSets and DaemonSets among them."""
    ingresses: Observed[tuple[Ingress, ...]] | Missing = NOT_ASKED
    """The namespace's Ingresses that name the Service, and those that claim the paths of these."""
    ingress_classes: Observed[tuple[IngressClass, ...]] | Missing = NOT_ASKED
    """The cluster's; asked for only where an Ingress names the Service."""
    routes: Observed[tuple[Route, ...]] | Missing = NOT_ASKED
    """The routes of the Gateway API that name the Service: those of its namespace, and one of
    another namespace where that was the target."""
    reference_grants: Observed[tuple[ReferenceGrant, ...]] | Missing = NOT_ASKED
    """The namespace's ReferenceGrants; asked for only where a route comes from another one."""
    network_policies: Observed[tuple[NetworkPolicy, ...]] | Missing = NOT_ASKED
    """The NetworkPolicies that select one of the pods."""
    guards: Observed[tuple[Guard, ...]] | Missing = NOT_ASKED
    """Policies of other kinds that select one of the pods, or the pod of ``--from``."""
    mesh_policies: Observed[tuple[Guard, ...]] | Missing = NOT_ASKED
    """What the policies of a mesh ask of connections to one of the pods."""
    namespace_labels: Observed[dict[str, str]] | Missing = NOT_ASKED
    """Those of the Service's namespace; asked for only where a policy of another kind selects
    namespaces by them."""
    overwritten: Observed[tuple[Endpoints, ...]] | Missing = NOT_ASKED
    """Hand-written Endpoints of a Service with a selector, whose controller overwrites them; read
    from manifest files only."""
    referrers: Observed[tuple[Referrer, ...]] | Missing = field(name="callers", default=NOT_ASKED)
    """What else leads to the Service, of any namespace: webhook configurations, APIServices, and
    the other kinds of ``semantics.referrers``. Recordings call it as they did from the start."""
    gateway_pods: Observed[tuple[Pod, ...]] | Missing = NOT_ASKED
    """Of any namespace: pods that the Gateways of Istio select by which clients come, one of each
    owner; asked for only where a VirtualService names such a Gateway."""
    gateway_services: Observed[tuple[Service, ...]] | Missing = NOT_ASKED
    """The Services that select these; asked for together with them."""
    misnamed: Observed[tuple[Misnamed, ...]] | Missing = NOT_ASKED
    """What leads to a Service of the namespace that does not exist, and seems to mean this one;
    asked for only where something names one with nearly this name."""
    monitors: Observed[tuple[Monitor, ...]] | Missing = NOT_ASKED
    """The namespace's ServiceMonitors that select the Service, and PodMonitors that select its
    pods."""
    events: Observed[tuple[Event, ...]] | Missing = NOT_ASKED
    """Warnings about the pods that are not ready, and events of a load balancer that is pending;
    asked for only where there are such."""
    nodes: Observed[tuple[Node, ...]] | Missing = NOT_ASKED
    """Asked for only where a traffic policy is Local, or a pod that is not ready runs on one."""
    claims: Observed[tuple[PersistentVolumeClaim, ...]] | Missing = NOT_ASKED
    """The namespace's; asked for only where a pod that mounts one does not run."""
    storage_classes: Observed[tuple[StorageClass, ...]] | Missing = NOT_ASKED
    """Asked for together with the claims."""
    config_maps: Observed[tuple[ConfigMap, ...]] | Missing = NOT_ASKED
    """The namespace's, by name; asked for only where a pod waits for one."""
    secrets: Observed[tuple[Secret, ...]] | Missing = NOT_ASKED
    """The namespace's, by name; asked for only where a pod waits for one."""
    calls: Observed[tuple[Call, ...]] | Missing = NOT_ASKED
    """The calls of the namespace's workloads that mean the Service, or may mean it; of a workload
    that was asked about, all that it calls."""
    init_calls: tuple[InitCall, ...] = ()
    """What the init containers of pods that are not Ready call; asked for only where one has not
    ended."""
    services: Observed[tuple[Service, ...]] | Missing = NOT_ASKED
    """The namespace's Services, which a change must not harm; asked for only where one may help."""
    denied: Observed[tuple[Right, ...]] | Missing = NOT_ASKED
    """The changes in the namespace that the user may not make; asked for together with them."""
    logs: Observed[tuple[ContainerLog, ...]] | Missing = NOT_ASKED
    """Of containers that fail; asked for only by ``--logs``, and never saved."""
    left: tuple[str, ...] = ()
    """The pods that were deleted while they were looked into, and are left out of all this."""
    sockets: dict[str, Observed[PodSockets] | Missing] = {}
    """By pod name: what listens in the pod."""
    attempts: tuple[Attempt, ...] = ()
    service_forwards: tuple[ServiceForward, ...] = ()
    holders: Observed[tuple[AddressHolder, ...]] | Missing = NOT_ASKED
    """Who has the endpoints' addresses that no pod of the namespace has; asked for only where the
    Service has no selector."""
    alias: Observed[Service] | Missing = NOT_ASKED
    """The Service of this cluster that ``externalName`` means; asked for only where it does."""
    in_cluster: Observed[InCluster] | Missing = NOT_ASKED
    """Asked for only by ``--from``."""


class Context(Record, frozen=True):
    """Where the evidence comes from."""

    source: Source
    cluster: str = ""
    """The kubeconfig's name of the cluster. Never its address or credentials."""
    namespace: str = ""
    collected_at: str = ""
    """When the evidence was gathered, in RFC 3339 form, UTC."""
    seconds: float = 0.0
    """How long that took; 0 where it is not known."""
    shard: str = ""
    """The part of the namespaces that was looked at, such as ``3/10``; '' for all."""
    kubernetes: str = ""
    """The version of the API server, such as ``v1.36.3``; '' where it is not known."""


class Evidence(Record, frozen=True):
    """What was gathered in one run."""

    context: Context
    services: tuple[ServiceEvidence, ...] = ()
    missing: tuple[str, ...] = ()
    """What could not be looked at at all, such as a namespace whose Services are forbidden."""
    rights: tuple[Right, ...] = ()
    """The permissions that were missing for that."""
    interrupted: bool = False
