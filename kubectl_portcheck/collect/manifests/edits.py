"""A fix for a cluster as an edit of the file: the fewest characters, everything else untouched.

A library that writes YAML again, however careful, decides on quotes, indents and line ends of the
whole file. Here the places are known, so a value is replaced in its place. What the edit made
of the file is then read again, and it must be what the fix says and nothing else.
"""

import copy
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from kubectl_portcheck.collect.manifests.files import File
from kubectl_portcheck.collect.manifests.objects import Object, collected
from kubectl_portcheck.inputs import Unreadable, json_value, yaml_tree
from kubectl_portcheck.inputs.limits import MANIFEST_BYTES
from kubectl_portcheck.model.fixes import Operation
from kubectl_portcheck.regex import regex

_PLAIN = regex(r"[A-Za-z]([A-Za-z0-9._/-]*[A-Za-z0-9])?", re.ASCII)


class CannotEdit(Exception):
    """The file cannot be edited safely; the message says why."""


class Edit(NamedTuple):
    """A replacement in the text of a file."""

    start: int
    end: int
    text: str


def edits_for(item: Object, operations: Sequence[Operation]) -> list[Edit]:
    """The edits that carry out JSON-patch operations on an object. Raises CannotEdit."""
    text, base = item.file.text, item.document.base
    pending = list(operations)
    found: list[Edit] = []
    while pending:
        operation = pending.pop(0)
        *above, key = steps(operation.path)
        parent = _walk(item.node, above)
        if operation.op == "remove":
            if not (pending and pending[0].op == "add"):
                raise CannotEdit("a field would have to be removed")
            added = pending.pop(0)
            *beside, name = steps(added.path)
            if beside != above:
                raise CannotEdit("a field would have to be moved")
            found += _renamed(parent, key, name, added.value, text, base)
        else:
            found.append(_set(parent, key, operation.value, text, base))
    return found


def steps(path: str) -> tuple[str, ...]:
    """The steps of a JSON pointer (RFC 6901)."""
    return tuple(p.replace("~1", "/").replace("~0", "~") for p in path.split("/")[1:])


def _walk(node: yaml_tree.Node, steps: Iterable[str]) -> yaml_tree.Mapping:
    """The mapping at that path, if the path is this object's own."""
    for step in steps:
        if isinstance(node, yaml_tree.Mapping):
            pair = node.get(step)
            if pair is None:
                raise CannotEdit(f"it has no {step} of its own")
            node = pair[1]
        elif (
            isinstance(node, yaml_tree.Sequence)
            and step.isdecimal()
            and int(step) < len(node.items)
        ):
            node = node.items[int(step)]
        if isinstance(node, yaml_tree.Alias):
            raise CannotEdit(f"its {step} is an alias, which others share")
    if not isinstance(node, yaml_tree.Mapping):
        raise CannotEdit("it has another form than expected")
    return node


def _set(parent: yaml_tree.Mapping, key: str, value: object, text: str, base: int) -> Edit:
    pair = parent.get(key)
    if pair is None:
        return _added(parent, key, value, text, base)
    old = pair[1]
    if isinstance(old, yaml_tree.Alias):
        return Edit(
            base + old.start, base + old.end, _written(value, "", _quoted(pair[0], text, base))
        )
    if not isinstance(old, yaml_tree.Scalar):
        raise CannotEdit(f"its {key} is no single value")
    before = text[base + old.start : base + old.end]
    if before.startswith("&"):
        raise CannotEdit(f"its {key} is anchored, and others share it")
    if "\n" in before or before[:1] in ("|", ">"):
        raise CannotEdit(f"its {key} is on several lines")
    new = _written(value, before[:1], _quoted(pair[0], text, base))
    joined = not before and text[base + old.start - 1 : base + old.start] == ":"
    return Edit(base + old.start, base + old.end, f" {new}" if joined else new)


def _added(parent: yaml_tree.Mapping, key: str, value: object, text: str, base: int) -> Edit:
    """A field that was left out, after one that is the only one on its line."""
    if any(k.text == "<<" for k, _ in parent.pairs):
        raise CannotEdit(f"its {key} may be merged from elsewhere")
    simple = [(k, v) for k, v in parent.pairs if isinstance(v, (yaml_tree.Scalar, yaml_tree.Alias))]
    beside = next((p for p in simple if p[0].text == "port"), simple[-1] if simple else None)
    if beside is None:
        raise CannotEdit(f"there is no place for {key}")
    name, last = beside
    json_like = _quoted(name, text, base)
    written = f"{json.dumps(key) if json_like else key}: {_written(value, '', json_like)}"
    if parent.flow:
        return Edit(base + last.end, base + last.end, f", {written}")
    line = text.find("\n", base + last.end)
    column = base + name.start - (text.rfind("\n", 0, base + name.start) + 1)
    ending = "\r\n" if "\r\n" in text else "\n"
    if line < 0:
        return Edit(len(text), len(text), f"{ending}{' ' * column}{written}")
    return Edit(line + 1, line + 1, f"{' ' * column}{written}{ending}")


def _renamed(
    parent: yaml_tree.Mapping, key: str, name: str, value: object, text: str, base: int
) -> list[Edit]:
    pair = parent.get(key)
    if pair is None or parent.get(name) is not None:
        raise CannotEdit(f"its {key} cannot be renamed")
    old = pair[0]
    before = text[base + old.start : base + old.end]
    written = _written(name, before[:1], _quoted(old, text, base))
    return [Edit(base + old.start, base + old.end, written), _set(parent, key, value, text, base)]


def _quoted(key: yaml_tree.Scalar, text: str, base: int) -> bool:
    """Whether keys are in double quotes here, as in JSON."""
    return text[base + key.start : base + key.start + 1] == '"'


def _written(value: object, quote: str, json_like: bool) -> str:
    """A value as YAML, in the quotes of the one that it replaces."""
    if not isinstance(value, str):
        return json.dumps(value)
    if quote == '"' or json_like:
        return json.dumps(value, ensure_ascii=False)
    if quote == "'":
        return "'" + value.replace("'", "''") + "'"
    safe = _PLAIN.fullmatch(value)
    if safe and isinstance(yaml_tree.scalar(value, True, None), str):
        return value
    return json.dumps(value, ensure_ascii=False)


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits, none of which may overlap. Raises CannotEdit."""
    pieces, at = [], 0
    for edit in sorted(edits):
        if edit.start < at:
            raise CannotEdit("two fixes change the same place")
        pieces += [text[at : edit.start], edit.text]
        at = edit.end
    return "".join((*pieces, text[at:]))


def verify(file: File, text: str, changes: Sequence[tuple[Object, Sequence[Operation]]]) -> None:
    """Reads the edited text and compares: the fixes and nothing else. Raises CannotEdit."""
    before = collected([file])
    after = collected([File(file.name, file.path, text)])
    wanted = [copy.deepcopy(o.data) for o in before.objects]
    for item, operations in changes:
        places = [
            n
            for n, o in enumerate(before.objects)
            if o.node.start == item.node.start and o.document.base == item.document.base
        ]
        if len(places) != 1:
            raise CannotEdit("the edited object is not found again")
        for operation in operations:
            _carry_out(wanted[places[0]], operation)
    same = [o.data for o in after.objects] == wanted
    others = (after.skipped, after.config, len(after.problems))
    if not same or others != (before.skipped, before.config, len(before.problems)):
        raise CannotEdit("the edited file would not say what it should")
    try:
        json_value(file.text.encode(), MANIFEST_BYTES)
    except Unreadable:
        return
    try:
        json_value(text.encode(), MANIFEST_BYTES)
    except Unreadable:
        raise CannotEdit("the edited file would be no JSON") from None


def _carry_out(data: Any, operation: Operation) -> None:
    *above, key = steps(operation.path)
    for step in above:
        data = data[int(step)] if isinstance(data, list) else data[step]
    if operation.op == "remove":
        del data[key]
    else:
        data[key] = operation.value
