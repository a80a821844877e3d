"""The objects in files that lead to a Service, guard its pods or watch them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from kubectl_portcheck.collect.decode import cut_down
from kubectl_portcheck.collect.manifests.environments import Apart
from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.objects import Manifests, Object, Unfit, typed
from kubectl_portcheck.model.base import Missing, Observed, Record
from kubectl_portcheck.model.evidence import Doubt, ServiceEvidence
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.kinds import BY_NAME, LINKERD, MONITORS, ROUTES
from kubectl_portcheck.model.references import (
    Ingress,
    Monitor,
    NetworkPolicy,
    ReferenceGrant,
    Referrer,
    Route,
)
from kubectl_portcheck.semantics import guards, references, referrers

R = TypeVar("R", bound=Record)

FIELDS: dict[str, dict[str, type[Record]]] = {
    "ingresses": {"Ingress": Ingress},
    "routes": dict.fromkeys((kind.name for kind in ROUTES), Route),
    "reference_grants": {"ReferenceGrant": ReferenceGrant},
    "network_policies": {"NetworkPolicy": NetworkPolicy},
    "referrers": {kind.kind.name: kind.shape for kind in referrers.KINDS},
    "guards": {kind.kind.key: kind.shape for kind in guards.KINDS},
    "mesh_policies": {kind.kind.key: kind.shape for kind in guards.OF_MESHES},
    "monitors": dict.fromkeys((kind.name for kind in MONITORS), Monitor),
}
"""By field of the evidence: the kinds that it is read from, and as what."""
_SELECTING = ("network_policies", "guards", "mesh_policies", "monitors")
"""Fields of objects that select by labels, which are alike in several environments."""


class _Found(NamedTuple):
    item: Object
    value: Any


class Near(NamedTuple):
    """How near other objects are to the Service in question."""

    distance: Callable[[Object], int]
    """How far an object is from it."""
    least: Callable[[Object], int]
    """How far an object is from the nearest Service of that name."""
    apart: Callable[[Object], Apart]
    """Why it is not certain that an object is applied beside it."""


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
        self._gateways: list[_Found] = []
        """Istio's, which count beside the VirtualServices that name them."""
        for field, kinds in FIELDS.items():
            for kind, type_ in kinds.items():
                for item in manifests.of_kind(kind):
                    self._add(field, item, type_)

    def complete(self, evidence: ServiceEvidence, near: Near | None = None) -> ServiceEvidence:
        """The evidence with the objects around its Service.

        Folders hold several environments: of the objects that name the Service, or select its
        pods, only the nearest are meant. Nor is another Service of the same name meant that is
        nearer to them. Without ``near`` all of the objects are of one cluster.
        """
        namespace = evidence.service.metadata.namespace
        chosen = {
            field: _nearest(
                self._naming(field, evidence, near) or self._around(field, namespace, near), near
            )
            for field in FIELDS
        }
        if chosen["referrers"]:
            chosen["referrers"] = [*chosen["referrers"], *self._gateways]
        parts = {f: Observed(value=tuple(x.value for x in found)) for f, found in chosen.items()}
        parts["mesh_policies"] = joined_policies(x.value for x in chosen["mesh_policies"])
        whole = references.concerning(msgspec.structs.replace(evidence, **parts))
        if near is None:
            return whole
        doubts = self._doubts(whole, chosen, near)
        return msgspec.structs.replace(whole, doubts=(*whole.doubts, *doubts))

    def _doubts(
        self, whole: ServiceEvidence, chosen: dict[str, list[_Found]], near: Near
    ) -> Iterator[Doubt]:
        """The objects around the Service that may belong to another cluster than it."""
        gateways = {id(g) for g in self._gateways}
        for field, several in chosen.items():
            found = [f for f in several if id(f) not in gateways]
            part = getattr(whole, field)
            kept = () if isinstance(part, Missing) else part.value
            of_servers = {v.metadata.name for v in kept if getattr(v, "kind", "") == "Server"}
            for one in found:
                stays = one.value in kept or (
                    one.item.kind == "Server" and one.item.name in of_servers
                )
                why = near.apart(one.item) if stays else ""
                if why:
                    yield Doubt(why=why, kind=one.item.kind, name=one.item.name)

    def _around(self, field: str, namespace: str, near: Near | None) -> list[_Found]:
        """What may concern any Service of the namespace, and is not of another environment."""
        found = [*self._by_space.get((field, namespace), []), *self._by_space.get((field, ""), [])]
        if near is None or field not in _SELECTING:
            return found
        return [f for f in found if not near.apart(f.item)]

    def _naming(self, field: str, evidence: ServiceEvidence, near: Near | None) -> list[_Found]:
        metadata = evidence.service.metadata
        found = self._by_use.get((field, metadata.namespace, metadata.name), [])
        return [f for f in found if near is None or near.distance(f.item) <= near.least(f.item)]

    def _add(self, field: str, item: Object, type_: type[Record]) -> None:
        data = item.data
        if field in ("routes", "monitors"):
            data = {**data, "kind": item.kind}
        try:
            value: Any = cut_down(typed(item, data, type_))
        except Unfit as error:
            self.problems.append(error.problem)
            return
        whole = field == "guards" and not BY_NAME[item.kind].namespaced
        space = "" if whole else self.space(item)
        metadata = msgspec.structs.replace(value.metadata, name=item.name, namespace=space)
        value = as_evidence(item.kind, msgspec.structs.replace(value, metadata=metadata))
        found = _Found(item, value)
        if isinstance(value, Ingress):
            named = {(space, u.service) for u in references.uses_of_ingress(value)}
        elif isinstance(value, Route):
            named = {(u.namespace, u.service) for u in references.uses_of_route(value)}
        elif isinstance(value, Referrer) and referrers.is_gateway(value):
            self._gateways.append(found)
            return
        elif isinstance(value, Referrer):
            named = {(r.namespace, r.service) for r in value.references}
        else:
            self._by_space[field, "" if _is_anywhere(field, item, space) else space].append(found)
            return
        for where, service in sorted(named):
            self._by_use[field, where, service].append(found)


def _is_anywhere(field: str, item: Object, space: str) -> bool:
    """Whether an object that names no Service may concern Services of every namespace."""
    if field != "mesh_policies":
        return False
    if BY_NAME[item.kind].group == LINKERD:
        return BY_NAME[item.kind] in guards.linkerd.AUTHENTICATIONS
    return space == guards.istio.ROOT


def joined_policies(found: Iterable[Guard]) -> Observed[tuple[Any, ...]]:
    """The policies of meshes, with Linkerd's objects joined to one for each Server."""
    by_kind: dict[str, list[Guard]] = defaultdict(list)
    for one in found:
        by_kind[one.kind].append(one)
    read = {kind: Observed(value=tuple(several)) for kind, several in by_kind.items()}
    whole = guards.linkerd.joined(read) if read else Observed(value=())
    return whole if isinstance(whole, Observed) else Observed(value=())


def as_evidence(kind: str, value: Any) -> Any:
    """The object as the evidence has it."""
    if kind in guards.BY_NAME:
        return guards.BY_NAME[kind].read(value)
    return referrers.BY_NAME[kind].read(value) if kind in referrers.BY_NAME else value


def _nearest(found: Sequence[_Found], near: Near | None) -> list[_Found]:
    if near is None:
        return list(found)
    distances = [near.distance(f.item) for f in found]
    least = min(distances, default=0)
    return [f for f, far in zip(found, distances, strict=True) if far == least]
