"""The objects in files that lead to a Service, guard its pods or watch them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from kubectl_portcheck.collect.decode import cut_down
from kubectl_portcheck.collect.manifests.environments import Apart, distance, is_close
from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.objects import Manifests, Object, Unfit, typed
from kubectl_portcheck.model.base import Missing, Observed, Record
from kubectl_portcheck.model.evidence import Doubt, ServiceEvidence
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.ingress import IngressClass
from kubectl_portcheck.model.kinds import (
    BESIDE_GUARDS,
    BY_NAME,
    GUARDS,
    INGRESS,
    INGRESS_CLASS,
    LINKERD,
    LINKERD_AUTHENTICATIONS,
    MESH_POLICIES,
    MONITORS,
    NETWORK_POLICY,
    REFERENCE_GRANT,
    ROUTES,
)
from kubectl_portcheck.model.references import (
    Ingress,
    Monitor,
    NetworkPolicy,
    ReferenceGrant,
    Referrer,
    Route,
)
from kubectl_portcheck.semantics import istio_gateways, references, referrers
from kubectl_portcheck.semantics.concerning import concerning
from kubectl_portcheck.semantics.forms import Form
from kubectl_portcheck.semantics.guards import catalogue
from kubectl_portcheck.semantics.guards.joining import with_servers
from kubectl_portcheck.semantics.mesh import ISTIO_ROOT
from kubectl_portcheck.semantics.needs import Leading

R = TypeVar("R", bound=Record)

FIELDS: dict[str, tuple[str, ...]] = {
    "ingresses": (INGRESS.key,),
    "ingress_classes": (INGRESS_CLASS.key,),
    "routes": tuple(kind.key for kind in ROUTES),
    "reference_grants": (REFERENCE_GRANT.key,),
    "network_policies": (NETWORK_POLICY.key,),
    "referrers": tuple(referrers.BY_NAME),
    "guards": tuple(kind.key for kind in (*GUARDS, *BESIDE_GUARDS)),
    "mesh_policies": tuple(kind.key for kind in MESH_POLICIES),
    "monitors": tuple(kind.key for kind in MONITORS),
}
"""By field of the evidence: the kinds that it is read from."""
_SHAPES: dict[str, type[Record]] = {
    INGRESS.key: Ingress,
    INGRESS_CLASS.key: IngressClass,
    **dict.fromkeys((kind.key for kind in ROUTES), Route),
    REFERENCE_GRANT.key: ReferenceGrant,
    NETWORK_POLICY.key: NetworkPolicy,
    **dict.fromkeys((kind.key for kind in MONITORS), Monitor),
}
"""As what objects are read; the other kinds have forms, which are loaded where files have one."""
_BESIDE = frozenset(kind.key for kind in BESIDE_GUARDS)
_SELECTING = ("network_policies", "guards", "mesh_policies", "monitors")
"""Fields of objects that select by labels, which are alike in several environments."""


_OF_CLUSTERS = ("guards", "ingress_classes")
"""Fields of objects that belong to no namespace and name no Service."""

_NONE: Observed[tuple[Any, ...]] = Observed(value=())


class _Found(NamedTuple):
    item: Object
    value: Any
    place: int
    """In the order in which they were found."""


class Near(NamedTuple):
    """How near other objects are to the Service in question."""

    service: Object
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
        self._names: dict[tuple[str, str], dict[str, list[_Found]]] = {}
        """The same by field and namespace, once that was asked for."""
        self._by_space: dict[tuple[str, str], list[_Found]] = defaultdict(list)
        """By field and namespace: what may concern any Service there."""
        self._by_root: dict[tuple[str, str, str], list[_Found]] = defaultdict(list)
        """The same by the kustomizations that take it in, '' where none does."""
        self._by_folder: dict[tuple[str, str, str], list[_Found]] = {}
        """Of what no kustomization takes in: by field, namespace and the folder of a Service, what
        is not too far from it."""
        self._named: set[str] = set()
        """The fields of which something names a Service."""
        self._anywhere: set[str] = set()
        """Those of which something may concern any Service."""
        self._known: dict[tuple[object, ...], Observed[tuple[Any, ...]]] = {}
        """Policies with what they mean, by field and places."""
        self._count = 0
        self._gateways: list[Any] = []
        """Istio's, which count beside the VirtualServices that name them."""
        by_kind: dict[str, list[Object]] = defaultdict(list)
        for item in manifests.objects:
            by_kind[item.kind].append(item)
        for field, kinds in FIELDS.items():
            for kind in kinds:
                for item in by_kind[kind]:
                    self._add(field, item, shape_of(kind))

    def complete(self, evidence: ServiceEvidence, near: Near | None = None) -> ServiceEvidence:
        """The evidence with the objects around its Service.

        Folders hold several environments: of the objects that name the Service, or select its
        pods, only the nearest are meant. Nor is another Service of the same name meant that is
        nearer to them. Without ``near`` all of the objects are of one cluster.
        """
        namespace = evidence.service.metadata.namespace
        chosen: dict[str, list[_Found]] = {}
        beside: list[_Found] = []
        for field in FIELDS:
            around = self._around(field, namespace, near) if field in self._anywhere else []
            named = self._naming(field, evidence, near) if field in self._named else []
            if field == "guards":
                beside = [f for f in around if f.item.kind in _BESIDE]
            chosen[field] = _nearest(named or _policies(around), near) if named or around else []
        parts = {
            field: Observed(value=tuple([x.value for x in found])) if found else _NONE
            for field, found in chosen.items()
        }
        if chosen["referrers"]:
            parts["referrers"] = Observed(value=(*parts["referrers"].value, *self._gateways))
        parts["guards"] = self._joined("guards", [*chosen["guards"], *beside])
        parts["mesh_policies"] = self._joined("mesh_policies", chosen["mesh_policies"])
        whole = concerning(msgspec.structs.replace(evidence, **parts))
        if near is None:
            return whole
        doubts = self._doubts(whole, chosen, near)
        return msgspec.structs.replace(whole, doubts=(*whole.doubts, *doubts))

    def leading(self, namespace: str, but: Collection[str]) -> Leading:
        """What names other Services of a namespace than these."""
        if not self._names:
            for (field, space, name), several in self._by_use.items():
                self._names.setdefault((field, space), {})[name] = several

        def those(field: str) -> list[Any]:
            named = self._names.get((field, namespace), {})
            found = (f for name, several in named.items() if name not in but for f in several)
            return list({f.place: f.value for f in found}.values())

        return Leading(namespace, those("ingresses"), those("routes"), those("referrers"))

    def _joined(self, field: str, found: Sequence[_Found]) -> Observed[tuple[Any, ...]]:
        """The policies with what they mean by other objects; most Services have the same ones."""
        key = (field, *[f.place for f in found])
        if key not in self._known:
            values = [f.value for f in found]
            self._known[key] = (
                Observed(value=_joined_guards(values))
                if field == "guards"
                else joined_policies(values)
            )
        return self._known[key]

    def _doubts(
        self, whole: ServiceEvidence, chosen: dict[str, list[_Found]], near: Near
    ) -> Iterator[Doubt]:
        """The objects around the Service that may belong to another cluster than it."""
        for field, found in chosen.items():
            if not found:
                continue
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
        spaces = dict.fromkeys((namespace, ""))
        if near is None or field not in _SELECTING:
            return [f for space in spaces for f in self._by_space.get((field, space), ())]
        # What other kustomizations take in is apart from it; a tree may hold hundreds of these.
        if not near.service.roots:
            folder = near.service.file.folder
            close = [f for space in spaces for f in self._close(field, space, folder)]
            return [f for f in close if not near.apart(f.item)]
        found = [
            {
                f.place: f
                for root in near.service.roots
                for f in self._by_root.get((field, space, root), ())
            }
            for space in spaces
        ]
        return [by_place[place] for by_place in found for place in sorted(by_place)]

    def _close(self, field: str, space: str, folder: str) -> list[_Found]:
        """What no kustomization takes in, and is near enough to a folder to belong to it."""
        key = (field, space, folder)
        if key not in self._by_folder:
            self._by_folder[key] = [
                f
                for f in self._by_root.get((field, space, ""), ())
                if is_close(folder, f.item.document.file.folder)
            ]
        return self._by_folder[key]

    def _naming(self, field: str, evidence: ServiceEvidence, near: Near | None) -> list[_Found]:
        metadata = evidence.service.metadata
        found = self._by_use.get((field, metadata.namespace, metadata.name), [])
        if near is None:
            return found
        return [f for f in found if distance(f.item, near.service) <= near.least(f.item)]

    def _add(self, field: str, item: Object, type_: type[Record]) -> None:
        data = item.data
        if field in ("routes", "monitors"):
            data = {**data, "kind": item.kind}
        try:
            value: Any = cut_down(typed(item, data, type_))
        except Unfit as error:
            self.problems.append(error.problem)
            return
        whole = field in _OF_CLUSTERS and not BY_NAME[item.kind].namespaced
        space = "" if whole else self.space(item)
        metadata = msgspec.structs.replace(value.metadata, name=item.name, namespace=space)
        value = as_evidence(item.kind, msgspec.structs.replace(value, metadata=metadata))
        self._count += 1
        found = _Found(item, value, self._count)
        if isinstance(value, Ingress):
            named = {(space, u.service) for u in references.uses_of_ingress(value)}
        elif isinstance(value, Route):
            named = {(u.namespace, u.service) for u in references.uses_of_route(value)}
        elif isinstance(value, Referrer) and istio_gateways.is_gateway(value):
            self._gateways.append(value)
            return
        elif isinstance(value, Referrer):
            named = {(r.namespace, r.service) for r in value.references}
        else:
            self._anywhere.add(field)
            where = "" if _is_anywhere(field, item, value) else space
            self._by_space[field, where].append(found)
            for root in item.roots or ("",):
                self._by_root[field, where, root].append(found)
            return
        self._named.add(field)
        for where, service in sorted(named):
            self._by_use[field, where, service].append(found)


def _is_anywhere(field: str, item: Object, value: Any) -> bool:
    """Whether an object that names no Service may concern Services of several namespaces."""
    space: str = value.metadata.namespace
    if isinstance(value, Monitor):
        where = value.spec.namespace_selector
        return bool(where.any or {*where.match_names} - {space})
    if field != "mesh_policies":
        return False
    if BY_NAME[item.kind].group == LINKERD:
        return BY_NAME[item.kind] in LINKERD_AUTHENTICATIONS
    return space == ISTIO_ROOT


def _joined_guards(found: Sequence[Guard]) -> tuple[Guard, ...]:
    """The policies of network plugins, with what those of Calico mean by other objects."""
    if not found:
        return ()
    from kubectl_portcheck.semantics.guards.calico_joined import joined_in_files

    return joined_in_files(found)


def joined_policies(found: Iterable[Guard]) -> Observed[tuple[Any, ...]]:
    """The policies of meshes, with Linkerd's objects joined to one for each Server."""
    by_kind: dict[str, list[Guard]] = defaultdict(list)
    for one in found:
        by_kind[one.kind].append(one)
    read = {kind: Observed(value=tuple(several)) for kind, several in by_kind.items()}
    whole = with_servers(read) if read else Observed(value=())
    return whole if isinstance(whole, Observed) else Observed(value=())


def shape_of(kind: str) -> type[Record]:
    """The fields of objects of a kind that are read."""
    return _SHAPES[kind] if kind in _SHAPES else _form_of(kind).shape


def as_evidence(kind: str, value: Any) -> Any:
    """The object as the evidence has it."""
    has_form = kind in catalogue.BY_NAME or kind in referrers.BY_NAME
    return _form_of(kind).read(value) if has_form else value


def _form_of(kind: str) -> Form:
    of = catalogue.BY_NAME[kind] if kind in catalogue.BY_NAME else referrers.BY_NAME[kind]
    return of.form()


def _policies(found: Iterable[_Found]) -> list[_Found]:
    """Those that are not only what policies of Calico mean, which may be farther away."""
    return [f for f in found if f.item.kind not in _BESIDE]


def _nearest(found: Sequence[_Found], near: Near | None) -> list[_Found]:
    if near is None or not found:
        return list(found)
    distances = [distance(f.item, near.service) for f in found]
    least = min(distances)
    return [f for f, far in zip(found, distances, strict=True) if far == least]
