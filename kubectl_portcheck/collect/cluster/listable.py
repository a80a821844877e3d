"""The kinds around a Service that are listed: where they are served, and as what they are read."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from kubectl_portcheck.collect import decode
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.ingress import IngressClass
from kubectl_portcheck.model.objects import (
    ControllerRevision,
    Event,
    Node,
    Pod,
    Service,
    ServiceCIDR,
    Workload,
)
from kubectl_portcheck.model.references import (
    Ingress,
    Monitor,
    NetworkPolicy,
    ReferenceGrant,
    Route,
)
from kubectl_portcheck.model.storage import (
    ConfigMap,
    PersistentVolumeClaim,
    Secret,
    StorageClass,
)
from kubectl_portcheck.semantics import referrers
from kubectl_portcheck.semantics.forms import Form
from kubectl_portcheck.semantics.guards import catalogue

T = TypeVar("T", bound=Record)


class Listable(msgspec.Struct, Generic[T], frozen=True):
    """A kind that can be listed."""

    of: kinds.Kind
    shape: type[T] | None = None
    """The fields that are read; None where ``form`` knows them."""
    named: bool = False
    """Whether the model keeps the kind's name in each object."""
    form: Callable[[], Form] | None = None
    """Finds how an object is read of which the evidence has something else. It is asked only where
    the kind is listed: few clusters have it."""
    anywhere: bool = False
    """Whether objects of other namespaces matter."""
    long: bool = False
    """Whether it is listed only for Services that the API server may call."""
    names_only: bool = False
    """Whether the server is asked only for names and labels: the contents never leave it."""

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What differs where something else is read."""
        return self.name, self.shape, self.form

    @property
    def items(self) -> type[decode.ListOf[T]]:
        """Its lists."""
        shape: Any = self.form().shape if self.form else self.shape
        found: type[decode.ListOf[T]] = decode.list_of(shape)
        return found

    @property
    def made(self) -> Callable[[Any], Any] | None:
        """What the evidence has of an object, where that is not the object itself."""
        return self.form().read if self.form else None

    @property
    def name(self) -> str:
        """The kind's name, with its group where another group has one of the same name."""
        return self.of.key

    @property
    def optional(self) -> bool:
        """Whether a cluster may have it or not."""
        return self.of.group in kinds.OPTIONAL_GROUPS

    def paths(self, namespace: str, served: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Where the list may be, the best version first; nowhere if no version of it is served.

        ``served`` has the versions of the optional groups; every cluster has the others. Not every
        kind of a group is served in each of the group's versions: the Gateway API has had routes in
        v1 and ReferenceGrants in v1beta1 only.
        """
        known = served.get(self.of.group, ()) if self.optional else self.of.versions
        if not self.of.matters(served):
            return []
        return [self.of.collection(namespace, v) for v in self.of.versions if v in known]


INGRESSES = Listable(kinds.INGRESS, Ingress)
INGRESS_CLASSES = Listable(kinds.INGRESS_CLASS, IngressClass)
NETWORK_POLICIES = Listable(kinds.NETWORK_POLICY, NetworkPolicy)
ROUTES = tuple(Listable(kind, Route, named=True, anywhere=True) for kind in kinds.ROUTES)
REFERENCE_GRANTS = Listable(kinds.REFERENCE_GRANT, ReferenceGrant)
MONITORS = tuple(Listable(kind, Monitor, named=True, anywhere=True) for kind in kinds.MONITORS)
REFERRERS: tuple[Listable[Any], ...] = tuple(
    Listable(k.kind, form=k.form, anywhere=k.anywhere, long=k.long) for k in referrers.KINDS
)
GUARDS: tuple[Listable[Any], ...] = tuple(
    Listable(k.kind, form=k.form, anywhere=True) for k in catalogue.KINDS
)
BESIDE_GUARDS: dict[kinds.Kind, Listable[Any]] = {
    k.kind: Listable(k.kind, form=k.form, anywhere=True, names_only=k.kind is kinds.SERVICE_ACCOUNT)
    for k in catalogue.BESIDE
}
MESH_POLICIES: tuple[Listable[Any], ...] = tuple(
    Listable(k.kind, form=k.form, anywhere=k.anywhere) for k in catalogue.OF_MESHES
)
REVISIONS = Listable(kinds.CONTROLLER_REVISION, ControllerRevision)
EVENTS = Listable(kinds.EVENT, Event)
STATEFUL_SETS = Listable(kinds.STATEFUL_SET, Workload, named=True)
PODS = Listable(kinds.POD, Pod)
GATEWAY_PODS = Listable(kinds.POD, Pod, anywhere=True)
NODES = Listable(kinds.NODE, Node)
SERVICE_CIDRS = Listable(kinds.SERVICE_CIDR, ServiceCIDR)
SERVICES = Listable(kinds.SERVICE, Service)
CLAIMS = Listable(kinds.CLAIM, PersistentVolumeClaim)
STORAGE_CLASSES = Listable(kinds.STORAGE_CLASS, StorageClass)
CONFIG_MAPS = Listable(kinds.CONFIG_MAP, ConfigMap, names_only=True)
SECRETS = Listable(kinds.SECRET, Secret, names_only=True)
AUTHORITIES: Listable[Any] = Listable(
    kinds.CONFIG_MAP, form=lambda: Form(decode.KeysOnly, decode.with_keys)
)
"""ConfigMaps by their names and keys; it is asked only for those of one name."""
