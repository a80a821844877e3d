"""Kubernetes JSON into the model, whoever sent it."""

from threading import Lock
from typing import Any, Generic, TypeVar

import msgspec

from kubectl_portcheck.model.base import Record
from kubectl_portcheck.model.objects import ObjectMeta
from kubectl_portcheck.semantics.annotations import IGNORE
from kubectl_portcheck.semantics.rollouts import REVISION

T = TypeVar("T")

KEPT_ANNOTATIONS = (REVISION, IGNORE)
"""The annotations that are read. All others may hold anything, so they are dropped here."""


class ListMeta(Record, frozen=True):
    """What a list says about itself."""

    continue_: str = msgspec.field(name="continue", default="")


class ListOf(Record, Generic[T], frozen=True):
    """A list as the API sends it."""

    items: tuple[T, ...] = ()
    metadata: ListMeta = ListMeta()


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
    try:
        return _decoder(type_).decode(raw)
    except msgspec.ValidationError:
        # Kubernetes takes null for absent in every field; msgspec wants to be told. Rare enough
        # to be read twice.
        return convert(msgspec.json.decode(raw), type_)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None


def convert(data: Any, type_: type[T]) -> T:
    """The same for data that was parsed already. Raises ValueError as :func:`decode` does."""
    try:
        return msgspec.convert(_without_nulls(data), type_)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def trimmed(metadata: ObjectMeta) -> ObjectMeta:
    """The metadata without the annotations that no rule reads."""
    kept = {k: v for k, v in metadata.annotations.items() if k in KEPT_ANNOTATIONS}
    return msgspec.structs.replace(metadata, annotations=kept)


def _without_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    if isinstance(data, list):
        return [_without_nulls(value) for value in data if value is not None]
    return data
