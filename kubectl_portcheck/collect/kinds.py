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

    def path(self, namespace: str, served: Mapping[str, tuple[str, ...]]) -> str | None:
        """The list's path; None where no version of it is served.

        ``served`` has the versions of the :data:`OPTIONAL` groups; every cluster has the others.
        """
        known = served.get(self.group, ()) if self.group in OPTIONAL else self.versions
        version = next((v for v in self.versions if v in known), None)
        if version is None:
            return None
        root = f"/apis/{self.group}/{version}" if self.group else f"/api/{version}"
        where = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}{where}/{self.plural}"


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
