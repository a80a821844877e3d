"""The kinds around a Service that are listed: where they are served, and as what they are read."""

from collections.abc import Callable, Mapping
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
from kubectl_portcheck.semantics import guards, referrers

T = TypeVar("T", bound=Record)


class Listable(msgspec.Struct, Generic[T], frozen=True):
    """A kind that can be listed."""

    of: kinds.Kind
    items: type[decode.ListOf[T]]
    named: bool = False
    """Whether the model keeps the kind's name in each object."""
    made: Callable[[Any], Any] | None = None
    """What the evidence has of an object, where that is not the object itself."""
    anywhere: bool = False
    """Whether objects of other namespaces matter."""
    long: bool = False
    """Whether it is listed only for Services that the API server may call."""
    names_only: bool = False
    """Whether the server is asked only for names and labels: the contents never leave it."""

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
        if self.of.unless in served:
            return []
        return [self.of.collection(namespace, v) for v in self.of.versions if v in known]


INGRESSES = Listable(kinds.INGRESS, decode.ListOf[Ingress])
INGRESS_CLASSES = Listable(kinds.INGRESS_CLASS, decode.ListOf[IngressClass])
NETWORK_POLICIES = Listable(kinds.NETWORK_POLICY, decode.ListOf[NetworkPolicy])
ROUTES = tuple(
    Listable(kind, decode.ListOf[Route], named=True, anywhere=True) for kind in kinds.ROUTES
)
REFERENCE_GRANTS = Listable(kinds.REFERENCE_GRANT, decode.ListOf[ReferenceGrant])
MONITORS = tuple(
    Listable(kind, decode.ListOf[Monitor], named=True, anywhere=True) for kind in kinds.MONITORS
)
REFERRERS: tuple[Listable[Any], ...] = tuple(
    Listable(k.kind, decode.list_of(k.shape), made=k.read, anywhere=k.anywhere, long=k.long)
    for k in referrers.KINDS
)
GUARDS: tuple[Listable[Any], ...] = tuple(
    Listable(k.kind, decode.list_of(k.shape), made=k.read, anywhere=True) for k in guards.KINDS
)
MESH_POLICIES: tuple[Listable[Any], ...] = tuple(
    Listable(k.kind, decode.list_of(k.shape), made=k.read, anywhere=k.anywhere)
    for k in guards.OF_MESHES
)
REVISIONS = Listable(kinds.CONTROLLER_REVISION, decode.ListOf[ControllerRevision])
EVENTS = Listable(kinds.EVENT, decode.ListOf[Event])
STATEFUL_SETS = Listable(kinds.STATEFUL_SET, decode.ListOf[Workload], named=True)
PODS = Listable(kinds.POD, decode.ListOf[Pod])
NODES = Listable(kinds.NODE, decode.ListOf[Node])
SERVICE_CIDRS = Listable(kinds.SERVICE_CIDR, decode.ListOf[ServiceCIDR])
SERVICES = Listable(kinds.SERVICE, decode.ListOf[Service])
CLAIMS = Listable(kinds.CLAIM, decode.ListOf[PersistentVolumeClaim])
STORAGE_CLASSES = Listable(kinds.STORAGE_CLASS, decode.ListOf[StorageClass])
CONFIG_MAPS = Listable(kinds.CONFIG_MAP, decode.ListOf[ConfigMap], names_only=True)
SECRETS = Listable(kinds.SECRET, decode.ListOf[Secret], names_only=True)
