"""Evidence from recordings that other tools made: ``kubectl get -o yaml``, and the folder of
``kubectl cluster-info dump``. What they did not record is missing, and never taken for absent.
"""

import io
import os
from collections import defaultdict
from pathlib import Path
from typing import TypeVar

import msgspec

from kubectl_portcheck.collect.decode import trimmed
from kubectl_portcheck.collect.manifests.files import File, Problem, open_all
from kubectl_portcheck.collect.manifests.neighbours import FIELDS, Around
from kubectl_portcheck.collect.manifests.objects import (
    LISTS,
    Manifests,
    Object,
    Unfit,
    collected,
    typed,
)
from kubectl_portcheck.collect.manifests.slices import slices_of
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.inputs import Unreadable, is_packed, read_file, reason, size, unpacked
from kubectl_portcheck.inputs.limits import MANIFEST_BYTES
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import Context, Evidence, ServiceEvidence
from kubectl_portcheck.model.kinds import BY_NAME
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service, Workload
from kubectl_portcheck.semantics import selectors
from kubectl_portcheck.semantics.endpoints import pods_behind
from kubectl_portcheck.semantics.pods import is_finished

T = TypeVar("T")
K = TypeVar("K", Pod, Service, Workload)
Part = Observed[tuple[T, ...]] | Missing

_ANYWHERE = ""
"""Means all namespaces, where a recording does not say which it covers."""


def load(path: Path) -> Evidence:
    """The evidence in a recording. Raises UsageError where there is none."""
    if os.path.isdir(path):
        manifests = collected(open_all([str(path)], io.BytesIO()))
    else:
        try:
            raw = read_file(path, MANIFEST_BYTES)
        except (OSError, Unreadable) as error:
            raise UsageError(f"cannot read {path}: {reason(error)}") from None
        return decode(raw, str(path))
    return _evidence(manifests, _listed_kinds(path), str(path))


def decode(raw: bytes, name: str) -> Evidence:
    """The same from bytes, packed or not; ``name`` says in errors where they come from."""
    if is_packed(raw):
        try:
            raw = unpacked(raw, MANIFEST_BYTES)
        except Unreadable as error:
            raise UsageError(f"{name} is damaged: {error}") from None
    if len(raw) > MANIFEST_BYTES:
        raise UsageError(f"{name} is larger than {size(MANIFEST_BYTES)}")
    try:
        file = File(name, None, raw.decode())
    except UnicodeDecodeError:
        raise UsageError(f"{name} is no recording: it is not UTF-8") from None
    manifests = collected([file])
    kinds = {o.kind for o in manifests.objects}
    return _evidence(manifests, {_ANYWHERE: kinds}, name)


def _listed_kinds(folder: Path) -> dict[str, set[str]]:
    """By namespace, the kinds of which the dump has a list, though it may be empty.

    The dump has a folder for each namespace, and in it a file for each kind: ``pods.json``.
    """
    known = {f"{kind}s".lower(): kind for kind in (k.removesuffix("List") for k in LISTS) if kind}
    known |= {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"}
    known |= {"endpoints": "Endpoints", "replication-controllers": "ReplicationController"}
    found: dict[str, set[str]] = defaultdict(set)
    for place, _, names in os.walk(folder):
        for name in names:
            kind = known.get(os.path.splitext(name)[0])
            if kind:
                found[os.path.basename(place)].add(kind)
    return found


def _evidence(manifests: Manifests, kinds: dict[str, set[str]], name: str) -> Evidence:
    if manifests.problems:
        raise UsageError(f"cannot replay {_in_words(manifests.problems[0], name)}")
    services = manifests.of_kind("Service")
    if not services:
        raise UsageError(
            f"{name} holds no Service",
            "It may be a snapshot of --save, or what kubectl get svc,pods,endpointslices -o yaml "
            "prints, or a folder of kubectl cluster-info dump.",
        )
    if not any("status" in o.data and "uid" in o.data["metadata"] for o in manifests.objects):
        raise UsageError(f"{name} was not recorded from a cluster", f"For manifests: -f {name}")
    recording = _Recording(manifests, kinds)
    if recording.around.problems:
        raise UsageError(f"cannot replay {_in_words(recording.around.problems[0], name)}")
    spaces = {o.namespace for o in services}
    try:
        found = tuple(recording.service(o) for o in services)
    except Unfit as error:
        raise UsageError(f"cannot replay {_in_words(error.problem, name)}") from None
    space = next(iter(spaces)) if len(spaces) == 1 else ""
    return Evidence(context=Context(source="snapshot", namespace=space), services=found)


def _in_words(problem: Problem, name: str) -> str:
    return (
        str(problem) if problem.file != name else str(msgspec.structs.replace(problem, file=name))
    )


class _Recording:
    def __init__(self, manifests: Manifests, kinds: dict[str, set[str]]) -> None:
        self.manifests = manifests
        self.kinds = kinds
        self.read: dict[tuple[str, str], tuple[object, ...]] = {}
        self.around = Around(manifests, lambda item: item.namespace)

    def service(self, item: Object) -> ServiceEvidence:
        """The evidence about one Service. Raises Unfit."""
        service = _trimmed(typed(item, item.data, Service))
        space, selector = item.namespace, service.spec.selector
        slices = self._slices(item)
        if service.spec.type == "ExternalName":
            return ServiceEvidence(service=service, endpoint_slices=slices)
        everyone = self._part(space, "Pod", Pod)
        pods = _selected(everyone, selector) if selector else _behind(everyone, slices)
        none = bool(selector) and isinstance(pods, Observed) and not pods.value
        silent = Missing(
            reason=Reason.NOT_RECORDED, detail="what listens in the pods was not recorded"
        )
        found = ServiceEvidence(
            service=service,
            pods=pods,
            endpoint_slices=slices,
            replica_sets=_selected(self._part(space, "ReplicaSet", Workload), selector),
            deployments=self._part(space, "Deployment", Workload)
            if none
            else _missing("Deployment"),
            namespace_pods=everyone if none else _missing("Pod"),
            sockets={
                p.metadata.name: silent
                for p in (pods.value if isinstance(pods, Observed) else ())
                if not is_finished(p)
            },
        )
        found = self.around.complete(found)
        parts = {
            field: self._recorded(getattr(found, field), space, kinds)
            for field, kinds in FIELDS.items()
        }
        return msgspec.structs.replace(found, **parts)

    def _recorded(
        self, part: Part[T], space: str, kinds: tuple[str, ...]
    ) -> Observed[tuple[T, ...]] | Missing:
        """The part, as far as objects of these kinds were recorded."""
        absent = tuple(_missing(kind) for kind in kinds if not self._has(space, kind))
        if len(absent) == len(kinds) or isinstance(part, Missing):
            return absent[0] if absent else part
        return msgspec.structs.replace(part, lacking=absent)

    def _has(self, space: str, kind: str) -> bool:
        return kind in self.kinds.get(space, set()) | self.kinds.get(_ANYWHERE, set())

    def _part(self, space: str, kind: str, type_: type[K]) -> Part[K]:
        if not self._has(space, kind):
            return _missing(kind)
        if (space, kind) not in self.read:
            objects = (o for o in self.manifests.of_kind(kind) if o.namespace == space)
            self.read[space, kind] = tuple(
                _trimmed(
                    typed(o, o.data if type_ is not Workload else {**o.data, "kind": kind}, type_)
                )
                for o in objects
            )
        return Observed(value=tuple(o for o in self.read[space, kind] if isinstance(o, type_)))

    def _slices(self, item: Object) -> Part[EndpointSlice]:
        kind = next((k for k in ("EndpointSlice", "Endpoints") if self._has(item.namespace, k)), "")
        if not kind:
            return _missing("EndpointSlice")
        found: list[EndpointSlice] = []
        for piece in self.manifests.of_kind(kind):
            if piece.namespace == item.namespace:
                service, slices = slices_of(piece)
                found += slices if service == item.name else ()
        return Observed(value=tuple(found))


def _missing(kind: str) -> Missing:
    plural = BY_NAME[kind].plural_name
    return Missing(reason=Reason.NOT_RECORDED, detail=f"{plural} were not recorded")


def _selected(part: Part[K], selector: dict[str, str]) -> Part[K]:
    if isinstance(part, Missing):
        return part
    found = (o for o in part.value if selectors.matches(selector, o.metadata.labels))
    return Observed(value=tuple(sorted(found, key=lambda o: o.metadata.name)))


def _behind(part: Part[Pod], slices: Part[EndpointSlice]) -> Part[Pod]:
    """The pods behind endpoints that are written by hand."""
    if isinstance(part, Missing) or isinstance(slices, Missing):
        return part
    return Observed(value=pods_behind(slices.value, part.value))


def _trimmed(item: K) -> K:
    return msgspec.structs.replace(item, metadata=trimmed(item.metadata))
