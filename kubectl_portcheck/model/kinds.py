"""The kinds of objects that are read: their names, and where the API serves them."""

from collections.abc import Container
from typing import Final, NamedTuple

GATEWAY: Final = "gateway.networking.k8s.io"
MONITORING: Final = "monitoring.coreos.com"
ISTIO: Final = "networking.istio.io"
TRAEFIK: Final = "traefik.io"
OPENSHIFT: Final = "route.openshift.io"
CONTOUR: Final = "projectcontour.io"
CILIUM: Final = "cilium.io"
CALICO: Final = "projectcalico.org"
CALICO_CRD: Final = "crd.projectcalico.org"
ADMIN: Final = "policy.networking.k8s.io"
ISTIO_SECURITY: Final = "security.istio.io"
LINKERD: Final = "policy.linkerd.io"
AWS: Final = "elbv2.k8s.aws"
ARGO: Final = "argoproj.io"
OPTIONAL_GROUPS: Final = (
    *(GATEWAY, MONITORING, ISTIO, TRAEFIK, OPENSHIFT, CONTOUR, AWS, ARGO, CILIUM),
    *(CALICO, CALICO_CRD, ADMIN, ISTIO_SECURITY, LINKERD),
)
"""Groups of custom resources, which a cluster may have or not."""


class Kind(NamedTuple):
    """A kind of object."""

    name: str
    """Kubernetes' name: ``Deployment``."""
    plural: str
    """The resource in a path: ``deployments``."""
    group: str = ""
    """The API group; empty for the core."""
    versions: tuple[str, ...] = ("v1",)
    """Those whose form is read, the best first."""
    short: str = ""
    """The short name in targets and titles: ``deploy``."""
    others: tuple[str, ...] = ()
    """Other short names that kubectl knows."""
    earlier_groups: tuple[str, ...] = ()
    """Groups in which files still have objects of the same form."""
    namespaced: bool = True
    grouped: bool = False
    """Whether a kind of another group has the same name, and is the one that is mostly meant."""
    unless: str = ""
    """A group that serves the same objects: where the cluster has it, this kind is not read."""
    beside: str = ""
    """A group without which the kind does not matter: it is not read in a cluster without it."""

    @property
    def key(self) -> str:
        """The name by which the kind is known here: ``Deployment``,
        ``NetworkPolicy.projectcalico.org``. kubectl takes it in lower case."""
        return f"{self.name}.{self.group}" if self.grouped else self.name

    def matters(self, served: Container[str]) -> bool:
        """Whether the kind is read in a cluster that serves these groups."""
        return self.unless not in served and (not self.beside or self.beside in served)

    @property
    def resource(self) -> str:
        """The resource, with its group where another group has one of the same name."""
        return f"{self.plural}.{self.group}" if self.grouped else self.plural

    def collection(self, namespace: str, version: str = "") -> str:
        """Return the path of the objects of a namespace; '' means all of them."""
        version = version or self.versions[0]
        root = f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"
        inside = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}{inside}/{self.plural}"

    @property
    def plural_name(self) -> str:
        """Several of them in a sentence: ``NetworkPolicies``."""
        pairs = zip(self.name.lower(), self.plural, strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), len(self.name))
        return self.name[:same] + self.plural[same:]


NAMESPACE: Final = Kind("Namespace", "namespaces", namespaced=False)
NODE: Final = Kind("Node", "nodes", namespaced=False)
SERVICE: Final = Kind("Service", "services", short="svc")
SERVICE_CIDR: Final = Kind("ServiceCIDR", "servicecidrs", "networking.k8s.io", namespaced=False)
POD: Final = Kind("Pod", "pods", short="pod", others=("po",))
ENDPOINTS: Final = Kind("Endpoints", "endpoints")
EVENT: Final = Kind("Event", "events")
REPLICATION_CONTROLLER: Final = Kind("ReplicationController", "replicationcontrollers")
ENDPOINT_SLICE: Final = Kind("EndpointSlice", "endpointslices", "discovery.k8s.io")
DEPLOYMENT: Final = Kind(
    "Deployment", "deployments", "apps", short="deploy", earlier_groups=("extensions",)
)
STATEFUL_SET: Final = Kind("StatefulSet", "statefulsets", "apps", short="sts")
DAEMON_SET: Final = Kind(
    "DaemonSet", "daemonsets", "apps", short="ds", earlier_groups=("extensions",)
)
REPLICA_SET: Final = Kind(
    "ReplicaSet", "replicasets", "apps", short="rs", earlier_groups=("extensions",)
)
CONTROLLER_REVISION: Final = Kind("ControllerRevision", "controllerrevisions", "apps")
JOB: Final = Kind("Job", "jobs", "batch", short="job")
CRON_JOB: Final = Kind("CronJob", "cronjobs", "batch", short="cronjob", others=("cj",))
DEPLOYMENT_CONFIG: Final = Kind(
    "DeploymentConfig",
    "deploymentconfigs",
    "apps.openshift.io",
    earlier_groups=("",),
)
ROLLOUT: Final = Kind("Rollout", "rollouts", ARGO, ("v1alpha1",))
INGRESS: Final = Kind("Ingress", "ingresses", "networking.k8s.io", short="ing")
INGRESS_CLASS: Final = Kind("IngressClass", "ingressclasses", "networking.k8s.io", namespaced=False)
NETWORK_POLICY: Final = Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io")
HTTP_ROUTE: Final = Kind("HTTPRoute", "httproutes", GATEWAY, ("v1", "v1beta1"), short="httproute")
GRPC_ROUTE: Final = Kind("GRPCRoute", "grpcroutes", GATEWAY, ("v1", "v1alpha2"))
TLS_ROUTE: Final = Kind("TLSRoute", "tlsroutes", GATEWAY, ("v1", "v1alpha3", "v1alpha2"))
TCP_ROUTE: Final = Kind("TCPRoute", "tcproutes", GATEWAY, ("v1", "v1alpha2"))
UDP_ROUTE: Final = Kind("UDPRoute", "udproutes", GATEWAY, ("v1", "v1alpha2"))
REFERENCE_GRANT: Final = Kind("ReferenceGrant", "referencegrants", GATEWAY, ("v1", "v1beta1"))
BACKEND_TLS_POLICY: Final = Kind(
    "BackendTLSPolicy", "backendtlspolicies", GATEWAY, ("v1", "v1alpha3")
)
SERVICE_MONITOR: Final = Kind("ServiceMonitor", "servicemonitors", MONITORING)
CLAIM: Final = Kind("PersistentVolumeClaim", "persistentvolumeclaims", short="pvc")
STORAGE_CLASS: Final = Kind(
    "StorageClass", "storageclasses", "storage.k8s.io", short="sc", namespaced=False
)
CONFIG_MAP: Final = Kind("ConfigMap", "configmaps", short="cm")
SECRET: Final = Kind("Secret", "secrets")
POD_MONITOR: Final = Kind("PodMonitor", "podmonitors", MONITORING)
VALIDATING_WEBHOOKS: Final = Kind(
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    "admissionregistration.k8s.io",
    namespaced=False,
)
MUTATING_WEBHOOKS: Final = Kind(
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    "admissionregistration.k8s.io",
    namespaced=False,
)
API_SERVICE: Final = Kind("APIService", "apiservices", "apiregistration.k8s.io", namespaced=False)
CUSTOM_RESOURCE_DEFINITION: Final = Kind(
    "CustomResourceDefinition",
    "customresourcedefinitions",
    "apiextensions.k8s.io",
    namespaced=False,
)
_ISTIO_VERSIONS: Final = ("v1", "v1beta1", "v1alpha3")
VIRTUAL_SERVICE: Final = Kind("VirtualService", "virtualservices", ISTIO, _ISTIO_VERSIONS)
DESTINATION_RULE: Final = Kind("DestinationRule", "destinationrules", ISTIO, _ISTIO_VERSIONS)
ISTIO_GATEWAY: Final = Kind("Gateway", "gateways", ISTIO, _ISTIO_VERSIONS)
SERVICE_ENTRY: Final = Kind("ServiceEntry", "serviceentries", ISTIO, _ISTIO_VERSIONS)
KUBERNETES_GATEWAY: Final = Kind(
    "Gateway", "gateways", GATEWAY, ("v1", "v1beta1"), grouped=True, beside=ISTIO
)
"""Istio takes the Gateways of the Gateway API as well."""
INGRESS_ROUTE: Final = Kind(
    "IngressRoute",
    "ingressroutes",
    TRAEFIK,
    ("v1alpha1",),
    earlier_groups=("traefik.containo.us",),
)
INGRESS_ROUTE_TCP: Final = Kind(
    "IngressRouteTCP",
    "ingressroutetcps",
    TRAEFIK,
    ("v1alpha1",),
    earlier_groups=("traefik.containo.us",),
)
INGRESS_ROUTE_UDP: Final = Kind(
    "IngressRouteUDP",
    "ingressrouteudps",
    TRAEFIK,
    ("v1alpha1",),
    earlier_groups=("traefik.containo.us",),
)
TRAEFIK_SERVICE: Final = Kind(
    "TraefikService",
    "traefikservices",
    TRAEFIK,
    ("v1alpha1",),
    earlier_groups=("traefik.containo.us",),
)
OPENSHIFT_ROUTE: Final = Kind("Route", "routes", OPENSHIFT)
HTTP_PROXY: Final = Kind("HTTPProxy", "httpproxies", CONTOUR)
TARGET_GROUP_BINDING: Final = Kind("TargetGroupBinding", "targetgroupbindings", AWS, ("v1beta1",))

CILIUM_POLICY: Final = Kind("CiliumNetworkPolicy", "ciliumnetworkpolicies", CILIUM, ("v2",))
CILIUM_CLUSTER_POLICY: Final = Kind(
    "CiliumClusterwideNetworkPolicy",
    "ciliumclusterwidenetworkpolicies",
    CILIUM,
    ("v2",),
    namespaced=False,
)

CALICO_POLICY: Final = Kind("NetworkPolicy", "networkpolicies", CALICO, ("v3",), grouped=True)
CALICO_GLOBAL_POLICY: Final = Kind(
    "GlobalNetworkPolicy", "globalnetworkpolicies", CALICO, ("v3",), namespaced=False
)
CALICO_CRD_POLICY: Final = Kind(
    "NetworkPolicy", "networkpolicies", CALICO_CRD, grouped=True, unless=CALICO
)
CALICO_CRD_GLOBAL_POLICY: Final = Kind(
    "GlobalNetworkPolicy",
    "globalnetworkpolicies",
    CALICO_CRD,
    namespaced=False,
    grouped=True,
    unless=CALICO,
)
TIER: Final = Kind("Tier", "tiers", CALICO, ("v3",), namespaced=False)
CRD_TIER: Final = Kind("Tier", "tiers", CALICO_CRD, namespaced=False, grouped=True, unless=CALICO)
NETWORK_SET: Final = Kind("NetworkSet", "networksets", CALICO, ("v3",))
CRD_NETWORK_SET: Final = Kind("NetworkSet", "networksets", CALICO_CRD, grouped=True, unless=CALICO)
GLOBAL_NETWORK_SET: Final = Kind(
    "GlobalNetworkSet", "globalnetworksets", CALICO, ("v3",), namespaced=False
)
CRD_GLOBAL_NETWORK_SET: Final = Kind(
    "GlobalNetworkSet",
    "globalnetworksets",
    CALICO_CRD,
    namespaced=False,
    grouped=True,
    unless=CALICO,
)
SERVICE_ACCOUNT: Final = Kind("ServiceAccount", "serviceaccounts", short="sa")
ADMIN_POLICY: Final = Kind(
    "AdminNetworkPolicy", "adminnetworkpolicies", ADMIN, ("v1alpha1",), namespaced=False
)
BASELINE_POLICY: Final = Kind(
    "BaselineAdminNetworkPolicy",
    "baselineadminnetworkpolicies",
    ADMIN,
    ("v1alpha1",),
    namespaced=False,
)
CLUSTER_POLICY: Final = Kind(
    "ClusterNetworkPolicy", "clusternetworkpolicies", ADMIN, ("v1alpha2",), namespaced=False
)

PEER_AUTHENTICATION: Final = Kind(
    "PeerAuthentication", "peerauthentications", ISTIO_SECURITY, ("v1", "v1beta1")
)
ISTIO_AUTHORIZATION: Final = Kind(
    "AuthorizationPolicy", "authorizationpolicies", ISTIO_SECURITY, ("v1", "v1beta1")
)
ISTIO_SIDECAR: Final = Kind("Sidecar", "sidecars", ISTIO, ("v1", "v1beta1", "v1alpha3"))
LINKERD_SERVER: Final = Kind("Server", "servers", LINKERD, ("v1beta3", "v1beta2", "v1beta1"))
LINKERD_AUTHORIZATION: Final = Kind(
    "AuthorizationPolicy", "authorizationpolicies", LINKERD, ("v1alpha1",), grouped=True
)
SERVER_AUTHORIZATION: Final = Kind(
    "ServerAuthorization", "serverauthorizations", LINKERD, ("v1beta1",)
)
MESH_TLS_AUTHENTICATION: Final = Kind(
    "MeshTLSAuthentication", "meshtlsauthentications", LINKERD, ("v1alpha1",)
)
NETWORK_AUTHENTICATION: Final = Kind(
    "NetworkAuthentication", "networkauthentications", LINKERD, ("v1alpha1",)
)
LINKERD_HTTP_ROUTE: Final = Kind(
    "HTTPRoute", "httproutes", LINKERD, ("v1beta3", "v1beta2", "v1beta1"), grouped=True
)

ROUTES: Final = (HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE, UDP_ROUTE)
MONITORS: Final = (SERVICE_MONITOR, POD_MONITOR)
REFERRERS: Final = (
    *(VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS, API_SERVICE, CUSTOM_RESOURCE_DEFINITION),
    *(VIRTUAL_SERVICE, DESTINATION_RULE, ISTIO_GATEWAY, KUBERNETES_GATEWAY),
    SERVICE_ENTRY,
    *(INGRESS_ROUTE, INGRESS_ROUTE_TCP, INGRESS_ROUTE_UDP, TRAEFIK_SERVICE),
    *(OPENSHIFT_ROUTE, HTTP_PROXY, TARGET_GROUP_BINDING),
    *(BACKEND_TLS_POLICY, ROLLOUT),
)
"""Other kinds that lead to a Service; ``semantics.referrers`` says where in them it is named."""
GUARDS: Final = (
    *(CILIUM_POLICY, CILIUM_CLUSTER_POLICY),
    *(CALICO_POLICY, CALICO_GLOBAL_POLICY, CALICO_CRD_POLICY, CALICO_CRD_GLOBAL_POLICY),
    *(ADMIN_POLICY, BASELINE_POLICY, CLUSTER_POLICY),
)
"""Policies of other kinds than NetworkPolicy."""
TIERS: Final = (TIER, CRD_TIER)
NETWORK_SETS: Final = (
    *(NETWORK_SET, CRD_NETWORK_SET),
    *(GLOBAL_NETWORK_SET, CRD_GLOBAL_NETWORK_SET),
)
BESIDE_GUARDS: Final = (*TIERS, *NETWORK_SETS, SERVICE_ACCOUNT)
"""What policies of Calico mean by names and labels; read only where one of them does."""
LINKERD_POLICIES: Final = (
    *(LINKERD_SERVER, LINKERD_AUTHORIZATION, SERVER_AUTHORIZATION),
    *(MESH_TLS_AUTHENTICATION, NETWORK_AUTHENTICATION, LINKERD_HTTP_ROUTE),
)
LINKERD_AUTHENTICATIONS: Final = (MESH_TLS_AUTHENTICATION, NETWORK_AUTHENTICATION)
"""What policies of other namespaces may refer to."""
MESH_POLICIES: Final = (
    *(PEER_AUTHENTICATION, ISTIO_AUTHORIZATION, ISTIO_SIDECAR),
    *LINKERD_POLICIES,
)
"""What a mesh's proxies ask of connections, and where they pass them on to."""
WORKLOADS: Final = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, REPLICA_SET)
"""The workloads that can be targets."""
ALL: Final = (
    *(
        NAMESPACE,
        NODE,
        SERVICE,
        SERVICE_CIDR,
        POD,
        ENDPOINTS,
        EVENT,
        REPLICATION_CONTROLLER,
        ENDPOINT_SLICE,
    ),
    *(*WORKLOADS, CONTROLLER_REVISION, JOB, CRON_JOB, DEPLOYMENT_CONFIG),
    *(CLAIM, STORAGE_CLASS, CONFIG_MAP, SECRET),
    *(INGRESS, INGRESS_CLASS, NETWORK_POLICY, *ROUTES, REFERENCE_GRANT, *MONITORS),
    *REFERRERS,
    *(*GUARDS, *BESIDE_GUARDS, *MESH_POLICIES),
)
BY_NAME: Final = {kind.key: kind for kind in ALL}
"""By :attr:`Kind.key`."""


def is_namespaced(name: str) -> bool:
    """Return whether objects of the kind are in namespaces, as those of unknown kinds are."""
    kind = BY_NAME.get(name)
    return kind is None or kind.namespaced


def short_name(name: str) -> str:
    """Return the kind as in a title: ``svc``; a kind without a short name in lower case."""
    kind = BY_NAME.get(name)
    return kind.short if kind and kind.short else name.lower()


def resource_of(name: str) -> str:
    """Return the kind as an argument of kubectl, with its group where others use the word too."""
    kind = BY_NAME.get(name)
    group = kind.group if kind in REFERRERS and kind.group in OPTIONAL_GROUPS else ""
    return f"{name.lower()}.{group}" if group else name.lower()
