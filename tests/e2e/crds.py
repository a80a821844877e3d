"""Small stand-ins for the CRDs of the Gateway API and the Prometheus operator.

They keep whatever they are given and check nothing: enough for objects to be read. Where a cluster
has the real ones, those are used and not changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from .workloads import Document

if TYPE_CHECKING:
    from .conftest import Cluster

GATEWAY = "gateway.networking.k8s.io"
MONITORING = "monitoring.coreos.com"
ISTIO = "networking.istio.io"
TRAEFIK = "traefik.io"
ISTIO_SECURITY = "security.istio.io"
LINKERD = "policy.linkerd.io"
CILIUM = "cilium.io"
CALICO = "crd.projectcalico.org"
ADMIN = "policy.networking.k8s.io"
PLURALS = {"HTTPProxy": "httpproxies", "ServiceEntry": "serviceentries"}
KINDS = {
    "IngressRoute": (TRAEFIK, "v1alpha1"),
    "IngressRouteTCP": (TRAEFIK, "v1alpha1"),
    "IngressRouteUDP": (TRAEFIK, "v1alpha1"),
    "TraefikService": (TRAEFIK, "v1alpha1"),
    "Route": ("route.openshift.io", "v1"),
    "HTTPProxy": ("projectcontour.io", "v1"),
    "TargetGroupBinding": ("elbv2.k8s.aws", "v1beta1"),
    "CiliumNetworkPolicy": (CILIUM, "v2"),
    "Portcheck": ("portcheck.test", "v1"),
    f"NetworkPolicy.{CALICO}": (CALICO, "v1"),
    "GlobalNetworkPolicy": (CALICO, "v1"),
    "Tier": (CALICO, "v1"),
    "GlobalNetworkSet": (CALICO, "v1"),
    "NetworkSet": (CALICO, "v1"),
    "AdminNetworkPolicy": (ADMIN, "v1alpha1"),
    "BaselineAdminNetworkPolicy": (ADMIN, "v1alpha1"),
    "ClusterNetworkPolicy": (ADMIN, "v1alpha2"),
    "PeerAuthentication": (ISTIO_SECURITY, "v1"),
    "AuthorizationPolicy": (ISTIO_SECURITY, "v1"),
    "Server": (LINKERD, "v1beta3"),
    f"AuthorizationPolicy.{LINKERD}": (LINKERD, "v1alpha1"),
    "ServerAuthorization": (LINKERD, "v1beta1"),
    "MeshTLSAuthentication": (LINKERD, "v1alpha1"),
    "NetworkAuthentication": (LINKERD, "v1alpha1"),
    f"HTTPRoute.{LINKERD}": (LINKERD, "v1beta3"),
    "VirtualService": (ISTIO, "v1"),
    "Gateway": (ISTIO, "v1"),
    f"Gateway.{GATEWAY}": (GATEWAY, "v1"),
    "Sidecar": (ISTIO, "v1"),
    "DestinationRule": (ISTIO, "v1"),
    "ServiceEntry": (ISTIO, "v1"),
    "ServerlessService": ("networking.internal.knative.dev", "v1alpha1"),
    "Rollout": ("argoproj.io", "v1alpha1"),
    "BackendTLSPolicy": (GATEWAY, "v1"),
    "HTTPRoute": (GATEWAY, "v1"),
    "GRPCRoute": (GATEWAY, "v1"),
    "TLSRoute": (GATEWAY, "v1alpha2"),
    "TCPRoute": (GATEWAY, "v1alpha2"),
    "UDPRoute": (GATEWAY, "v1alpha2"),
    "ReferenceGrant": (GATEWAY, "v1beta1"),
    "ServiceMonitor": (MONITORING, "v1"),
    "PodMonitor": (MONITORING, "v1"),
}
CLUSTER_WIDE = (
    *("GlobalNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy"),
    *("ClusterNetworkPolicy", "Tier", "GlobalNetworkSet"),
)


def key(kind: str) -> str:
    """The kind as reports name it."""
    return f"{kind}.{CALICO}" if kind == "GlobalNetworkPolicy" else kind


@contextmanager
def served(cluster: Cluster, *kinds: str) -> Iterator[None]:
    """Serve the kinds meanwhile; what was not there before is removed again."""
    kinds = tuple(dict.fromkeys(kinds))
    missing = [k for k in kinds if not _is_there(cluster, k)]
    try:
        if missing:
            cluster.apply([definition(k) for k in missing])
        for kind in missing:
            wanted = ("wait", "--for=condition=Established", f"crd/{_name(kind)}")
            cluster.kubectl(*wanted, "--timeout=30s", check=True)
        for kind in kinds:
            # The list is served a moment after the definition is called established.
            cluster.until(partial(_can_be_listed, cluster, kind), f"{kind}s to be served")
        yield
    finally:
        if missing:
            names = [_name(k) for k in missing]
            cluster.kubectl("delete", "crd", *names, "--ignore-not-found", "--wait=false")


def _is_there(cluster: Cluster, kind: str) -> bool:
    """Whether the definition is there to stay; the end of one that is being deleted is awaited."""
    when = "jsonpath={.metadata.deletionTimestamp}"
    found = cluster.kubectl("get", "crd", _name(kind), "-o", when)
    if found.returncode == 0 and found.stdout.strip():
        name = f"crd/{_name(kind)}"
        cluster.kubectl("wait", "--for=delete", name, "--timeout=120s", check=True)
        return False
    return found.returncode == 0


def _can_be_listed(cluster: Cluster, kind: str) -> bool:
    return cluster.kubectl("get", _name(kind), "-A").returncode == 0


def _name(kind: str) -> str:
    return f"{_plural(kind)}.{KINDS[kind][0]}"


def _plural(kind: str) -> str:
    plain = kind.partition(".")[0].lower()
    return PLURALS.get(kind, f"{plain[:-1]}ies" if plain.endswith("cy") else f"{plain}s")


def definition(kind: str) -> Document:
    """A stand-in for the definition of a kind."""
    group, version = KINDS[kind]
    plain = kind.partition(".")[0]
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    # The group k8s.io is protected: an approval or the lack of one has to be declared.
    approval = {"api-approved.kubernetes.io": "unapproved, a stand-in for tests"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": _name(kind), "annotations": approval},
        "spec": {
            "group": group,
            "scope": "Cluster" if kind in CLUSTER_WIDE else "Namespaced",
            "names": {"kind": plain, "plural": _plural(kind), "singular": plain.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }
