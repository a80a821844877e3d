"""What a JSON patch (RFC 6902) does to an object: how it is undone, and what it changed."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from kubectl_portcheck.model.fixes import JsonPatch, Operation

ABSENT: Any = object()
"""Means that a value is not there."""
KEPT_BY_SERVER = ("managedFields", "resourceVersion", "generation", "status")
"""Fields that change with every write and say nothing about it."""
PRIVATE = frozenset(("annotations", "args", "command", "data", "env", "stringData", "value"))
"""Fields whose values may be secrets, and are not shown."""
VERSION = "/metadata/resourceVersion"
"""The pointer of what changes with every write of an object."""
MOST = 40
"""How many changed fields are listed."""


class Difference(msgspec.Struct, frozen=True):
    """A field that differs between two states of an object."""

    path: str
    """``spec.ports[0].targetPort``."""
    old: Any
    """ABSENT where it is new."""
    new: Any
    """ABSENT where it is removed."""
    private: bool = False
    """Whether the values are not to be shown."""


def value_at(document: Any, path: str) -> Any:
    """Return the value at a JSON pointer, ABSENT where there is none."""
    for step in path.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list):
            if not key.isdecimal() or int(key) >= len(document):
                return ABSENT
            document = document[int(key)]
        elif isinstance(document, dict) and key in document:
            document = document[key]
        else:
            return ABSENT
    return document


def undone(patch: JsonPatch, before: Any) -> JsonPatch | None:
    """Return the patch that brings back what was there before; None where there is none.

    ``before`` is the object as the first patch found it.
    """
    back: list[Operation] = []
    for change in patch.changes:
        if change.path.endswith("/-"):
            items = value_at(before, change.path[:-2])
            if not isinstance(items, list):
                return None
            at = f"{change.path[:-2]}/{len(items)}"
            back[:0] = [_test(at, change.value), Operation(op="remove", path=at)]
            continue
        old = value_at(before, change.path)
        if change.op == "remove":
            back[:0] = [Operation(op="add", path=change.path, value=old)]
        elif old is ABSENT:
            remove = Operation(op="remove", path=change.path)
            back[:0] = [_test(change.path, change.value), remove]
        else:
            replace = Operation(op="replace", path=change.path, value=old)
            back[:0] = [_test(change.path, change.value), replace]
    if not back:
        return None
    changed = {change.path for change in patch.changes}
    kept = (o for o in patch.operations if o.op == "test" and o.path not in changed)
    return JsonPatch(operations=(*kept, *back))


def _test(path: str, value: Any) -> Operation:
    return Operation(op="test", path=path, value=value)


def at_version(patch: JsonPatch, document: Any) -> JsonPatch:
    """Return the patch, which then fits only this state of the object."""
    version = value_at(document, VERSION)
    if version is ABSENT:
        return patch
    test = _test(VERSION, version)
    return JsonPatch(operations=(test, *patch.operations))


def differences(old: Any, new: Any) -> Sequence[Difference]:
    """Return the fields that differ between two states of an object, in the order of paths."""
    return list(_differences(old, new, "", private=False))


def _differences(old: Any, new: Any, path: str, *, private: bool) -> Iterator[Difference]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if key in KEPT_BY_SERVER:
                continue
            inner = f"{path}.{key}" if path else key
            hidden = private or key in PRIVATE
            yield from _differences(
                old.get(key, ABSENT), new.get(key, ABSENT), inner, private=hidden
            )
    elif isinstance(old, list) and isinstance(new, list):
        for i in range(max(len(old), len(new))):
            was, is_ = (items[i] if i < len(items) else ABSENT for items in (old, new))
            yield from _differences(was, is_, f"{path}[{i}]", private=private)
    else:
        yield Difference(path, old, new, private)
