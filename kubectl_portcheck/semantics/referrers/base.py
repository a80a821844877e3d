"""What is the same for every kind of object that leads to a Service."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.kinds import Kind
from kubectl_portcheck.model.objects import Condition
from kubectl_portcheck.model.references import Reference, Referrer

Reader = Literal["api-server", "istio", "proxy", "gateway", "rollout"]
"""Who reads it: the API server, Istio's proxies, another proxy or load balancer, a Gateway, or the
controller of a Rollout, which sends no requests and changes where the Service leads."""


class ReferrerKind(NamedTuple):
    """A kind of object that leads to a Service: where its references are."""

    kind: Kind
    shape: type[Record]
    """The fields that are read, besides ``metadata``, which every shape has."""
    references: Callable[[Any], Iterable[Reference]]
    """The Services to which such an object leads; its metadata say in which namespace it is."""
    reader: Reader
    anywhere: bool = False
    """Whether such an object may lead to a Service of another namespace."""
    long: bool = False
    """Whether the list is too long to be read for a Service that the API server hardly calls."""
    conditions: Callable[[Any], tuple[Condition, ...]] = lambda _: ()
    subsets: Callable[[Any], tuple[str, ...]] = lambda _: ()
    labels: Callable[[Any], dict[str, str]] = lambda _: {}
    gateways: Callable[[Any], tuple[str, ...]] = lambda _: ()
    hosts: Callable[[Any], tuple[str, ...]] = lambda _: ()
    tls_modes: Callable[[Any], dict[str, str]] = lambda _: {}

    def read(self, item: Any) -> Referrer:
        """The object, as far as it leads to Services."""
        return Referrer(
            metadata=item.metadata,
            kind=self.kind.name,
            references=tuple(self.references(item)),
            conditions=self.conditions(item),
            subsets=self.subsets(item),
            labels=self.labels(item),
            gateways=self.gateways(item),
            hosts=self.hosts(item),
            tls_modes=self.tls_modes(item),
        )
