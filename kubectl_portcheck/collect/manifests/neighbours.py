"""The objects in files that lead to a Service, guard its pods or watch them."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from kubectl_portcheck.collect.decode import cut_down
from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.objects import Manifests, Object, Unfit, typed
from kubectl_portcheck.model.base import Observed, Record
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.references import (
    Ingress,
    Monitor,
    NetworkPolicy,
    ReferenceGrant,
    Route,
)
from kubectl_portcheck.semantics import references

R = TypeVar("R", bound=Record)

FIELDS: dict[str, tuple[type[Record], tuple[str, ...]]] = {
    "ingresses": (Ingress, ("Ingress",)),
    "routes": (Route, ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")),
    "reference_grants": (ReferenceGrant, ("ReferenceGrant",)),
    "network_policies": (NetworkPolicy, ("NetworkPolicy",)),
    "monitors": (Monitor, ("ServiceMonitor", "PodMonitor")),
}
"""By field of the evidence: the type, and the kinds that it is read from."""


class _Found(NamedTuple):
    item: Object
    value: Any


class Around:
    """Those objects of the files, by what they concern."""

    def __init__(self, manifests: Manifests, space: Callable[[Object], str]) -> None:
        self.space = space
        self.problems: list[Problem] = []
        """What could not be read."""
        self._by_use: dict[tuple[str, str, str], list[_Found]] = defaultdict(list)
        """By field, namespace and name of a Service: what names it."""
        self._by_space: dict[tuple[str, str], list[_Found]] = defaultdict(list)
        """By field and namespace: what may concern any Service there."""
        for field, (type_, kinds) in FIELDS.items():
            for kind in kinds:
                for item in manifests.of_kind(kind):
                    self._add(field, item, type_)

    def complete(
        self,
        evidence: ServiceEvidence,
        distance: Callable[[Object], int],
        least: Callable[[Object], int],
        *,
        everywhere: bool,
    ) -> ServiceEvidence:
        """The evidence with what stands around its Service.

        Folders hold several environments: of the objects that name the Service, or select its
        pods, only the nearest are meant, unless the files are said to be one cluster. Nor is
        another Service of the same name meant that stands nearer to them: ``least`` is how far the
        nearest is from an object.
        """
        namespace = evidence.service.metadata.namespace
        whole = msgspec.structs.replace(
            evidence,
            **{
                field: Observed(
                    value=_nearest(
                        self._naming(field, evidence, distance, least, everywhere=everywhere)
                        or self._by_space.get((field, namespace), []),
                        distance,
                        everywhere=everywhere,
                    )
                )
                for field in FIELDS
            },
        )
        return references.concerning(whole)

    def _naming(
        self,
        field: str,
        evidence: ServiceEvidence,
        distance: Callable[[Object], int],
        least: Callable[[Object], int],
        *,
        everywhere: bool,
    ) -> list[_Found]:
        metadata = evidence.service.metadata
        found = self._by_use.get((field, metadata.namespace, metadata.name), [])
        return [f for f in found if everywhere or distance(f.item) <= least(f.item)]

    def _add(self, field: str, item: Object, type_: type[Record]) -> None:
        data = item.data
        if field in ("routes", "monitors"):
            data = {**data, "kind": item.kind}
        try:
            value: Any = cut_down(typed(item, data, type_))
        except Unfit as error:
            self.problems.append(error.problem)
            return
        space = self.space(item)
        metadata = msgspec.structs.replace(value.metadata, name=item.name, namespace=space)
        value = msgspec.structs.replace(value, metadata=metadata)
        found = _Found(item, value)
        if isinstance(value, Ingress):
            named = {(space, u.service) for u in references.uses_of_ingress(value)}
        elif isinstance(value, Route):
            named = {(u.namespace, u.service) for u in references.uses_of_route(value)}
        else:
            self._by_space[field, space].append(found)
            return
        for where, service in sorted(named):
            self._by_use[field, where, service].append(found)


def _nearest(
    found: Sequence[_Found], distance: Callable[[Object], int], *, everywhere: bool
) -> tuple[Any, ...]:
    distances = [distance(f.item) for f in found]
    least = min(distances, default=0)
    return tuple(
        f.value for f, far in zip(found, distances, strict=True) if everywhere or far == least
    )
