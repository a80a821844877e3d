"""Kubernetes JSON into the model, from any source."""

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, Generic, TypeGuard, TypeVar, get_args

import msgspec

from kubectl_portcheck.inputs import CUT, TooDeep, shallow, understood
from kubectl_portcheck.inputs.limits import ODD_OBJECTS, SERVICE_PORTS
from kubectl_portcheck.model.base import Missing, Reason, Record
from kubectl_portcheck.model.objects import FieldManager, ObjectMeta, Service, ServicePort, Workload
from kubectl_portcheck.model.storage import ConfigMap
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics.annotations import (
    AMBIENT,
    CONSUL_PORTS,
    DEFAULT_CLASS,
    IGNORE,
    ISTIO_CAPTURE,
    ISTIO_DRY_RUN,
    ISTIO_PORTS,
    ISTIO_SKIPPED_OUT,
    KUMA_PORTS,
    NGINX_CANARY,
    NGINX_REGEX,
    NGINX_REWRITE,
    OF_LINKERD,
    OF_PROTOCOLS,
)
from kubectl_portcheck.semantics.ownership import OWNER_ANNOTATIONS
from kubectl_portcheck.semantics.pods import HOOKS
from kubectl_portcheck.semantics.references import INGRESS_CLASS
from kubectl_portcheck.semantics.rollouts import REVISION
from kubectl_portcheck.semantics.twins import ARGO
from kubectl_portcheck.withheld import without_query

T = TypeVar("T")
R = TypeVar("R", bound=Record)

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""The annotation that names the container which ``kubectl exec`` takes."""
KEPT_ANNOTATIONS = (
    DEFAULT_CONTAINER,
    REVISION,
    IGNORE,
    AMBIENT,
    *(ISTIO_DRY_RUN, *ISTIO_PORTS, ISTIO_SKIPPED_OUT, *ISTIO_CAPTURE),
    *(*OF_LINKERD, KUMA_PORTS, CONSUL_PORTS),
    "prometheus.io/scrape",
    "prometheus.io/port",
    *(INGRESS_CLASS, DEFAULT_CLASS, NGINX_REWRITE, NGINX_REGEX, NGINX_CANARY),
    *OF_PROTOCOLS,
    *OWNER_ANNOTATIONS,
    ARGO,
    *HOOKS,
)
"""The annotations that are read. All others may hold anything, so they are dropped here."""
PART = 128 * 1024
"""The bytes of a list that are decoded at a time, at least."""
BETWEEN = b'},{"metadata":{'
"""What stands between two objects of a list, and in no text: a quote in one is escaped."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class ListMeta(Record, frozen=True):
    """What a list says about itself."""

    continue_: str = msgspec.field(name="continue", default="")
    remaining_item_count: int = 0
    """How many objects follow; 0 also where the server does not say."""


class Odd(msgspec.Struct, frozen=True):
    """An object of a list that could not be read."""

    metadata: ObjectMeta
    """As much of it as could be read."""
    why: str

    def missing(self, plural: str) -> Missing:
        """The same as a part of the evidence that is missing, as kubectl names objects."""
        name = f' "{self.metadata.name}"' if self.metadata.name else ": one of them"
        return Missing(reason=Reason.FAILED, detail=f"{plural}{name} cannot be read: {self.why}")


class ListOf(Record, Generic[T], frozen=True):
    """A list as the API sends it."""

    items: tuple[T, ...] = ()
    metadata: ListMeta = ListMeta()


def list_of(type_: type[R]) -> type[ListOf[R]]:
    """The lists of a type that is known only as the program runs."""
    made: Any = ListOf
    found: type[ListOf[R]] = made[type_]
    return found


class KeysOnly(Record, frozen=True):
    """A ConfigMap whose values are not looked at."""

    metadata: ObjectMeta
    data: dict[str, msgspec.Raw] = {}
    binary_data: dict[str, msgspec.Raw] = {}


def with_keys(found: KeysOnly) -> ConfigMap:
    """The ConfigMap with the names of its keys, and without its values."""
    return ConfigMap(metadata=found.metadata, keys=tuple(sorted({*found.data, *found.binary_data})))


class _Pieces(Record, frozen=True):
    """A list whose objects are not looked at."""

    items: tuple[msgspec.Raw, ...] = ()
    metadata: ListMeta = ListMeta()


class _Headed(ListOf[T], Generic[T], frozen=True, forbid_unknown_fields=True):
    """A list that can only end where its objects do."""

    kind: str = ""
    api_version: str = ""


class _Named(Record, frozen=True):
    metadata: ObjectMeta = ObjectMeta()


class GroupVersion(Record, frozen=True):
    """A version of an API group."""

    version: str = ""


class APIGroup(Record, frozen=True):
    """An API group that is served."""

    name: str = ""
    versions: tuple[GroupVersion, ...] = ()


class APIGroupList(Record, frozen=True):
    """The API groups that are served."""

    groups: tuple[APIGroup, ...] = ()


class VersionInfo(Record, frozen=True):
    """The version of the API server, as ``/version`` gives it."""

    git_version: str = ""


class ManagedFieldsEntry(Record, frozen=True):
    """An entry of ``managedFields`` as the API sends it."""

    manager: str = ""
    operation: str = ""
    time: str = ""
    subresource: str = ""
    fields_v1: dict[str, Any] = msgspec.field(name="fieldsV1", default={})


class ManagedMeta(Record, frozen=True):
    """The part of an object's metadata that says who set what."""

    managed_fields: tuple[ManagedFieldsEntry, ...] = ()


class EnvVar(Record, frozen=True):
    """The name of an environment variable. Its value has no field."""

    name: str = ""


class NamedContainer(Record, frozen=True):
    """A container's environment, by names."""

    env: tuple[EnvVar, ...] = ()


class _NamedPodSpec(Record, frozen=True):
    containers: tuple[NamedContainer, ...] = ()


class _NamedTemplate(Record, frozen=True):
    spec: _NamedPodSpec = _NamedPodSpec()


class _NamedWorkloadSpec(Record, frozen=True):
    template: _NamedTemplate = _NamedTemplate()


class Managed(Record, frozen=True):
    """The parts of an object that only a single one is worth reading for."""

    metadata: ManagedMeta = ManagedMeta()
    spec: _NamedWorkloadSpec = _NamedWorkloadSpec()


_decoders: dict[object, msgspec.json.Decoder[Any]] = {}
_describing = Lock()


def _decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    """The decoder for a type, made once.

    NOTE: msgspec 0.22 works out a struct's fields when it first meets it, and the process crashes
    where two threads do that at the same time. So one at a time; decoding itself needs no lock.
    """
    with _describing:
        if type_ not in _decoders:
            _decoders[type_] = msgspec.json.Decoder(type_)
        return _decoders[type_]


def decode(raw: bytes, type_: type[T]) -> T:
    """Reads an object or a list of them; may be called from several threads.

    Raises ValueError, naming the field, where the JSON does not have Kubernetes' form.
    """
    decoder = _decoder(type_)

    def read() -> T:
        try:
            return decoder.decode(raw)
        except msgspec.ValidationError:
            # Kubernetes takes null for absent in every field; msgspec must be asked to. Rare
            # enough to be read twice.
            return convert(msgspec.json.decode(raw), type_)

    return understood(read)


def page(
    raw: bytes,
    type_: type[ListOf[R]],
    keep: Callable[[tuple[R, ...]], tuple[R, ...]] = lambda items: items,
) -> tuple[ListOf[R], list[Odd]]:
    """A list, without the objects of it that cannot be read, and those.

    ``keep`` is given the objects of each part, and gives what is kept of them. Raises ValueError
    where the objects cannot be separated.
    """
    (one,) = get_args(type_)
    try:
        whole = _in_parts(raw, type_, one, keep)
        return _fitting(whole) if one is Service else (whole, [])
    except TooDeep:
        pieces = decode(shallow(raw), _Pieces)
    except ValueError:
        pieces = decode(raw, _Pieces)
    found: list[R] = []
    odd: list[Odd] = []
    for piece in map(bytes, pieces.items):
        if piece == b"null":
            continue
        try:
            if CUT in piece:
                raise TooDeep
            found.append(decode(piece, one))
        except ValueError as error:
            odd.append(Odd(_metadata(piece), str(error)))
            if len(odd) > ODD_OBJECTS:
                raise ValueError(
                    f"more than {ODD_OBJECTS} objects cannot be read: {error}"
                ) from None
    fitting, too_large = _fitting(ListOf(items=keep(tuple(found)), metadata=pieces.metadata))
    return fitting, odd + too_large


def _in_parts(
    raw: bytes,
    type_: type[ListOf[R]],
    one: type[R],
    keep: Callable[[tuple[R, ...]], tuple[R, ...]],
) -> ListOf[R]:
    """A list, decoded part by part: what is made of a part is still at hand, in the processor's
    cache, when most of it is thrown away again. Raises ValueError."""
    first, *others = _parts(raw)
    if others:
        made: Any = _Headed
        several: Any = tuple
        with suppress(ValueError):  # As a whole it may be read all the same, or else says why not.
            head: ListOf[R] = decode(first, made[one])
            items = [*keep(head.items)]
            for part in others:
                items += keep(decode(part, several[one, ...]))
            return ListOf(items=tuple(items), metadata=head.metadata)
    whole = decode(raw, type_)
    return msgspec.structs.replace(whole, items=keep(whole.items))


def _parts(raw: bytes) -> Iterator[bytes]:
    """The list with its first objects, and lists of the others, a part of the text each.

    The text is divided between two objects of the list: within one, a part would be no JSON.
    """
    text, begun, at = memoryview(raw), b"", 0
    while (end := raw.find(BETWEEN, at + PART)) >= 0:
        yield b"".join((begun, text[at : end + 1], b"]" if begun else b"]}"))
        begun, at = b"[", end + 2
    yield begun + raw[at:].rstrip()[:-1] if begun else raw


def _fitting(found: ListOf[R]) -> tuple[ListOf[R], list[Odd]]:
    """The list without the Services that have too many ports, and those."""
    odd = [Odd(s.metadata, MANY_PORTS) for s in found.items if _has_many_ports(s)]
    if not odd:
        return found, odd
    items = tuple(s for s in found.items if not _has_many_ports(s))
    return ListOf(items=items, metadata=found.metadata), odd


MANY_PORTS = f"more than {SERVICE_PORTS} ports"


def _has_many_ports(item: object) -> TypeGuard[Service]:
    return isinstance(item, Service) and len(item.spec.ports) > SERVICE_PORTS


def _metadata(raw: bytes) -> ObjectMeta:
    """What an object that cannot be read says about itself."""
    try:
        return decode(raw, _Named).metadata
    except ValueError:
        return ObjectMeta()


def convert(data: Any, type_: type[T]) -> T:
    """The same for data that was parsed already. Raises ValueError as :func:`decode` does."""
    return understood(lambda: msgspec.convert(_without_nulls(data), type_))


def service(raw: bytes) -> Service:
    """One Service, with who set it and what was last applied. Raises ValueError."""
    found = decode(raw, Service)
    if _has_many_ports(found):
        raise ValueError(MANY_PORTS)
    managed = decode(raw, Managed)
    metadata = msgspec.structs.replace(
        trimmed(found.metadata), managers=managers(managed.metadata.managed_fields)
    )
    applied = last_applied(found.metadata.annotations)
    return msgspec.structs.replace(found, metadata=metadata, last_applied=applied)


def workload(raw: bytes, kind: str) -> Workload:
    """One workload, with who set it and its variables' names. Raises ValueError."""
    found, managed = decode(raw, Workload), decode(raw, Managed)
    metadata = msgspec.structs.replace(
        trimmed(found.metadata), managers=managers(managed.metadata.managed_fields)
    )
    return msgspec.structs.replace(found, metadata=metadata, kind=kind, env=port_variables(managed))


def cut_down(item: R) -> R:
    """An object of a list without the annotations that no rule reads."""
    metadata = getattr(item, "metadata", None)
    if not isinstance(metadata, ObjectMeta) or not metadata.annotations:
        return item
    cut = copy.copy(item)  # A new one would be read once more, of what reading it left.
    msgspec.structs.force_setattr(cut, "metadata", trimmed(metadata))
    return cut


def trimmed(metadata: ObjectMeta) -> ObjectMeta:
    """The metadata without the annotations that no rule reads."""
    kept = {k: v for k, v in metadata.annotations.items() if k in KEPT_ANNOTATIONS}
    if NGINX_REWRITE in kept:
        kept[NGINX_REWRITE] = without_query(kept[NGINX_REWRITE])
    return msgspec.structs.replace(metadata, annotations=kept)


def managers(entries: Iterable[ManagedFieldsEntry]) -> tuple[FieldManager, ...]:
    """Who set the object's ``spec``, without those who write only its status."""
    found = []
    for entry in entries:
        spec = entry.fields_v1.get("f:spec")
        if not entry.subresource and isinstance(spec, Mapping):
            sets = sorted(k.removeprefix("f:") for k in spec if k.startswith("f:"))
            found.append(
                FieldManager(
                    name=entry.manager,
                    operation=entry.operation,
                    time=entry.time,
                    sets=tuple(sets),
                )
            )
    return tuple(found)


def writers(raw: bytes) -> tuple[FieldManager, ...]:
    """Who wrote an object that has no ``spec``, such as an EndpointSlice. Raises ValueError."""
    entries = decode(raw, Managed).metadata.managed_fields
    return tuple(
        FieldManager(name=e.manager, operation=e.operation, time=e.time)
        for e in entries
        if not e.subresource
    )


class _AppliedSpec(Record, frozen=True):
    ports: tuple[ServicePort, ...] = ()


class _Applied(Record, frozen=True):
    spec: _AppliedSpec = _AppliedSpec()


def last_applied(annotations: Mapping[str, str]) -> tuple[ServicePort, ...] | None:
    """The ports that ``kubectl apply`` was last given for a Service; None where that is unknown."""
    text = annotations.get(LAST_APPLIED)
    if text is None:
        return None
    try:
        return decode(text.encode(), _Applied).spec.ports[: SERVICE_PORTS + 1]
    except ValueError:
        return None


_MAY_HOLD_A_PORT = regex(r"PORT|LISTEN|BIND|ADDR|HOST|URL|ENDPOINT", re.IGNORECASE)


def port_variables(workload: Managed) -> tuple[str, ...]:
    """The names of environment variables that may hold a port or an address."""
    names = (e.name for c in workload.spec.template.spec.containers for e in c.env)
    return tuple(sorted({n for n in names if _MAY_HOLD_A_PORT.search(n)}))


def _without_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    if isinstance(data, list):
        return [_without_nulls(value) for value in data if value is not None]
    return data
