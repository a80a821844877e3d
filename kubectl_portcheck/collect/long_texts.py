"""Messages cut to a length that can be read, searched and shown.

An API server keeps an event's message to a kilobyte, but nothing keeps another sender to that.
"""

from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from kubectl_portcheck.model.base import Record, WithMessage, shorter

T = TypeVar("T")

FIELDS = frozenset({"message", "detail", "reason"})
"""Fields of the model that hold sentences of others."""


def shortened(value: T) -> T:
    """The same value; a copy with shorter messages where one is too long."""
    found: T = _shortened(value)
    return found


def _shortened(value: Any) -> Any:
    if isinstance(value, Record):
        return _record(value)
    if isinstance(value, tuple):
        several = [_shortened(item) for item in value]
        same = all(new is old for new, old in zip(several, value, strict=True))
        return value if same else tuple(several)
    if isinstance(value, dict):
        found = {key: _shortened(item) for key, item in value.items()}
        return value if all(found[key] is value[key] for key in value) else found
    return value


def _record(value: Record) -> Record:
    changed: dict[str, Any] = {}
    for name, is_text in _plan(type(value)):
        old = getattr(value, name)
        if is_text:
            if isinstance(old, str) and (cut := shorter(old)) is not old:
                changed[name] = cut
        elif old and (new := _shortened(old)) is not old:
            changed[name] = new
    if not changed:
        return value
    import msgspec

    return msgspec.structs.replace(value, **changed)


@cache
def _plan(type_: type[Record]) -> tuple[tuple[str, bool], ...]:
    """The fields to look at, and whether each is a message itself; others hold none."""
    _begun.add(type_)
    hints = get_type_hints(type_)
    found = []
    for name in type_.__struct_fields__:
        if name in FIELDS:
            found.append((name, True))
        elif _may_hold(hints[name]):
            found.append((name, False))
    _begun.discard(type_)
    return tuple(found)


def _may_hold(hint: Any) -> bool:
    """Whether values of this type may have messages in them."""
    if isinstance(hint, TypeVar):
        return True
    if arguments := get_args(hint):
        return any(_may_hold(argument) for argument in (get_origin(hint), *arguments))
    if not (isinstance(hint, type) and issubclass(hint, Record)):
        return False
    if issubclass(hint, WithMessage):
        return False  # It sees to that itself.
    # A type that is part of itself is looked at: its plan is being made.
    return hint in _begun or bool(_plan(hint))


_begun: set[type[Record]] = set()
"""The types whose plans are being made."""
