"""What is the same for every kind of object that leads to a Service."""

from collections.abc import Callable, Iterable
from typing import Any

from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.kinds import Kind
from kubectl_portcheck.model.objects import Condition
from kubectl_portcheck.model.references import (
    Authority,
    Entrance,
    Reference,
    Referrer,
    RegistryEntry,
)
from kubectl_portcheck.semantics.forms import Form


def form(
    kind: Kind,
    shape: type[Record],
    references: Callable[[Any], Iterable[Reference]],
    *,
    conditions: Callable[[Any], tuple[Condition, ...]] = lambda _: (),
    authorities: Callable[[Any], tuple[Authority, ...]] = lambda _: (),
    subsets: Callable[[Any], tuple[str, ...]] = lambda _: (),
    subset_labels: Callable[[Any], dict[str, dict[str, str]]] = lambda _: {},
    labels: Callable[[Any], dict[str, str]] = lambda _: {},
    gateways: Callable[[Any], tuple[str, ...]] = lambda _: (),
    hosts: Callable[[Any], tuple[str, ...]] = lambda _: (),
    entrances: Callable[[Any], tuple[Entrance, ...]] = lambda _: (),
    entry: Callable[[Any], RegistryEntry | None] = lambda _: None,
    tls_modes: Callable[[Any], dict[str, str]] = lambda _: {},
) -> Form:
    """How objects of a kind are read that lead to Services.

    The fields of ``shape`` are read besides ``metadata``, which every shape has. ``references`` are
    the Services to which such an object leads; its metadata say in which namespace it is.
    """

    def read(item: Any) -> Referrer:
        return Referrer(
            metadata=item.metadata,
            kind=kind.key,
            references=tuple(references(item)),
            conditions=conditions(item),
            authorities=authorities(item),
            subsets=subsets(item),
            subset_labels=subset_labels(item),
            labels=labels(item),
            gateways=gateways(item),
            hosts=hosts(item),
            entrances=entrances(item),
            entry=entry(item),
            tls_modes=tls_modes(item),
        )

    return Form(shape, read)
