"""Policies of other kinds than NetworkPolicy: where they are served, and how they are read.

Each kind is one :class:`GuardKind`. Who reads them live and who reads files goes by this table;
``semantics.admission`` compares them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.semantics.guards import admin, calico, cilium, istio, linkerd


class GuardKind(NamedTuple):
    """A kind of policy."""

    kind: kinds.Kind
    shape: type[Record]
    """The fields that are read."""
    read: Callable[[Any], Guard]
    """Its common form."""
    anywhere: bool = True
    """Whether objects of other namespaces matter."""


KINDS = (
    GuardKind(kinds.CILIUM_POLICY, cilium.CiliumPolicy, cilium.read_namespaced),
    GuardKind(kinds.CILIUM_CLUSTER_POLICY, cilium.CiliumPolicy, cilium.read_clusterwide),
    GuardKind(kinds.CALICO_POLICY, calico.CalicoPolicy, calico.read_policy),
    GuardKind(kinds.CALICO_GLOBAL_POLICY, calico.CalicoPolicy, calico.read_global_policy),
    GuardKind(kinds.CALICO_CRD_POLICY, calico.CalicoPolicy, calico.read_crd_policy),
    GuardKind(kinds.CALICO_CRD_GLOBAL_POLICY, calico.CalicoPolicy, calico.read_crd_global_policy),
    GuardKind(kinds.ADMIN_POLICY, admin.AdminPolicy, admin.read_admin),
    GuardKind(kinds.BASELINE_POLICY, admin.AdminPolicy, admin.read_baseline),
    GuardKind(kinds.CLUSTER_POLICY, admin.AdminPolicy, admin.read_cluster),
)
OF_MESHES = (
    GuardKind(kinds.PEER_AUTHENTICATION, istio.PeerAuthentication, istio.read_peer),
    GuardKind(kinds.ISTIO_AUTHORIZATION, istio.AuthorizationPolicy, istio.read_authorization),
    GuardKind(kinds.ISTIO_SIDECAR, istio.Sidecar, istio.read_sidecar),
    *(GuardKind(*shape, shape[0] in linkerd.AUTHENTICATIONS) for shape in linkerd.SHAPES),
)
BY_NAME = {k.kind.key: k for k in (*KINDS, *OF_MESHES)}
