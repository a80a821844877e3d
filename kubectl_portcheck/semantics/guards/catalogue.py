"""The kinds of policies beside NetworkPolicy: where they are served, and how they are read.

Each kind is one :class:`GuardKind`. Who reads them live and who reads files goes by this table;
``semantics.admission`` compares them.
"""

import msgspec

from kubectl_portcheck.model import kinds
from kubectl_portcheck.semantics.forms import Form, form_in


class GuardKind(msgspec.Struct, frozen=True):
    """A kind of policy."""

    kind: kinds.Kind
    file: str
    """The module of this package that has its form."""
    anywhere: bool = True
    """Whether objects of other namespaces matter."""

    def form(self) -> Form:
        """How its objects are read."""
        return form_in(f"guards.{self.file}", self.kind)


KINDS = (
    GuardKind(kinds.CILIUM_POLICY, "cilium"),
    GuardKind(kinds.CILIUM_CLUSTER_POLICY, "cilium"),
    GuardKind(kinds.CALICO_POLICY, "calico"),
    GuardKind(kinds.CALICO_GLOBAL_POLICY, "calico"),
    GuardKind(kinds.CALICO_CRD_POLICY, "calico"),
    GuardKind(kinds.CALICO_CRD_GLOBAL_POLICY, "calico"),
    GuardKind(kinds.ADMIN_POLICY, "admin"),
    GuardKind(kinds.BASELINE_POLICY, "admin"),
    GuardKind(kinds.CLUSTER_POLICY, "admin"),
)
BESIDE = tuple(GuardKind(kind, "calico_joined") for kind in kinds.BESIDE_GUARDS)
"""What policies mean by names and labels."""
OF_MESHES = (
    GuardKind(kinds.PEER_AUTHENTICATION, "istio"),
    GuardKind(kinds.ISTIO_AUTHORIZATION, "istio"),
    GuardKind(kinds.ISTIO_SIDECAR, "istio"),
    *(
        GuardKind(kind, "linkerd", kind in kinds.LINKERD_AUTHENTICATIONS)
        for kind in kinds.LINKERD_POLICIES
    ),
)
BY_NAME = {k.kind.key: k for k in (*KINDS, *BESIDE, *OF_MESHES)}
