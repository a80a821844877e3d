"""The kinds that stand around a Service: where the API serves them, and as what they are read."""

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

from kubectl_portcheck.collect import decode
from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.objects import ControllerRevision, Event, Node
from kubectl_portcheck.model.references import (
    Ingress,
    Monitor,
    NetworkPolicy,
    ReferenceGrant,
    Route,
)
from kubectl_portcheck.semantics.references import GATEWAY, MONITORING

T = TypeVar("T", bound=Record)


class Kind(msgspec.Struct, Generic[T], frozen=True):
    """A kind that can be listed."""

    name: str
    group: str
    versions: tuple[str, ...]
    """Those whose form is read here, the best first."""
    plural: str
    items: type[decode.ListOf[T]]
    namespaced: bool = True
    named: bool = False
    """Whether the model keeps the kind's name in each object."""

    def paths(self, namespace: str, served: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Where the list may be, the best version first; nowhere if no version of it is served.

        ``served`` has the versions of the :data:`OPTIONAL` groups; every cluster has the others.
        Not every kind of a group is served in each of the group's versions: the Gateway API has
        had routes in v1 and ReferenceGrants in v1beta1 alone.
        """
        known = served.get(self.group, ()) if self.group in OPTIONAL else self.versions
        where = f"/namespaces/{namespace}" if self.namespaced else ""
        roots = [
            f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"
            for version in self.versions
            if version in known
        ]
        return [f"{root}{where}/{self.plural}" for root in roots]


OPTIONAL = (GATEWAY, MONITORING)
"""Groups of custom resources, which a cluster may have or not."""

INGRESSES = Kind("Ingress", "networking.k8s.io", ("v1",), "ingresses", decode.ListOf[Ingress])
NETWORK_POLICIES = Kind(
    "NetworkPolicy", "networking.k8s.io", ("v1",), "networkpolicies", decode.ListOf[NetworkPolicy]
)
ROUTES = tuple(
    Kind(name, GATEWAY, versions, f"{name.lower()}s", decode.ListOf[Route], named=True)
    for name, versions in (
        ("HTTPRoute", ("v1", "v1beta1")),
        ("GRPCRoute", ("v1", "v1alpha2")),
        ("TLSRoute", ("v1", "v1alpha3", "v1alpha2")),
        ("TCPRoute", ("v1", "v1alpha2")),
    )
)
REFERENCE_GRANTS = Kind(
    "ReferenceGrant",
    GATEWAY,
    ("v1", "v1beta1"),
    "referencegrants",
    decode.ListOf[ReferenceGrant],
)
MONITORS = tuple(
    Kind(name, MONITORING, ("v1",), f"{name.lower()}s", decode.ListOf[Monitor], named=True)
    for name in ("ServiceMonitor", "PodMonitor")
)
REVISIONS = Kind(
    "ControllerRevision", "apps", ("v1",), "controllerrevisions", decode.ListOf[ControllerRevision]
)
EVENTS = Kind("Event", "", ("v1",), "events", decode.ListOf[Event])
NODES = Kind("Node", "", ("v1",), "nodes", decode.ListOf[Node], namespaced=False)
