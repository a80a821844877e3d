"""The objects in manifest files: which of them matter, where each is, what it says."""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO, NamedTuple, TypeVar

import msgspec

from kubectl_portcheck.collect.manifests.documents import (
    Document,
    Skipped,
    documents,
)
from kubectl_portcheck.collect.manifests.files import File, Problem, open_all
from kubectl_portcheck.collect.uncollected import uncollected
from kubectl_portcheck.inputs import yaml_tree
from kubectl_portcheck.model import kinds
from kubectl_portcheck.regex import regex

T = TypeVar("T")

_READ = (
    *(kinds.NAMESPACE, kinds.SERVICE, kinds.POD, kinds.ENDPOINTS, kinds.ENDPOINT_SLICE),
    *(*kinds.WORKLOADS, kinds.REPLICATION_CONTROLLER, kinds.JOB, kinds.CRON_JOB),
    *(kinds.DEPLOYMENT_CONFIG, kinds.ROLLOUT, kinds.INGRESS),
    *(kinds.INGRESS_CLASS, kinds.NETWORK_POLICY),
    *(*kinds.ROUTES, kinds.REFERENCE_GRANT, *kinds.MONITORS, *kinds.REFERRERS),
    *(*kinds.GUARDS, *kinds.BESIDE_GUARDS, *kinds.MESH_POLICIES),
)
_KEYS = {(k.name, group): k.key for k in _READ for group in (k.group, *k.earlier_groups)}
"""The kinds that are read, by API group: another group's Service (Knative's) is another thing."""
_NAMES = frozenset(k.name for k in _READ)
LISTS = ("List", *(f"{name}List" for name in _NAMES))
_KINDS = frozenset((*_NAMES, *LISTS))


class Object(NamedTuple):
    """An object, and the place where it is defined."""

    kind: str
    """By :attr:`Kind.key`."""
    name: str
    namespace: str
    """As it is written; '' where the file leaves it to kubectl apply."""
    data: dict[str, Any]
    node: yaml_tree.Mapping
    document: Document
    roots: frozenset[str] = frozenset()
    """The outermost kustomizations that take it in, by their folders."""
    changed_by: str = ""
    """The file of a patch that changes it in a way that is not followed."""
    lacks: str = ""
    """A required field that it does not have: it may be a part of an object."""

    @property
    def file(self) -> File:
        """The file that holds it."""
        return self.document.file

    def line(self, index: int) -> int:
        """The file's line of a place in the object's document."""
        return self.file.line(self.document.base + index)


class Manifests(NamedTuple):
    """What was read from files."""

    objects: tuple[Object, ...]
    config: tuple[str, ...]
    """The text of the ConfigMaps: an application's ports are often there."""
    problems: tuple[Problem, ...]
    """What could not be read. It is not part of the evidence."""
    notes: tuple[Problem, ...]
    files: tuple[File, ...]
    skipped: int
    """Objects of other kinds."""

    def of_kind(self, kind: str) -> list[Object]:
        """The objects of a kind, in the order of the files."""
        return [o for o in self.objects if o.kind == kind]


def read(arguments: Sequence[str], stdin: BinaryIO) -> Manifests:
    """Reads what the arguments of ``-f`` name. Raises UsageError where one names nothing."""
    with uncollected():
        return collected(open_all(arguments, stdin))


def collected(files: Iterable[File | Problem]) -> Manifests:
    """The objects of files that were opened already."""
    try:
        return _collected(files)
    finally:
        yaml_tree.forget()


def _collected(files: Iterable[File | Problem]) -> Manifests:
    objects: list[Object] = []
    config: list[str] = []
    problems: list[Problem] = []
    notes: list[Problem] = []
    opened: list[File] = []
    skipped = 0
    for file in files:
        if isinstance(file, Problem):
            problems.append(file)
            continue
        opened.append(file)
        for document in documents(file, _KINDS):
            if isinstance(document, Problem):
                (notes if document.notice else problems).append(document)
            elif isinstance(document, Skipped):
                skipped += 1
                if document.kind == "ConfigMap":
                    config.append(document.text)
            else:
                try:
                    found, others = _objects(document)
                except yaml_tree.Broken as error:
                    problems.append(_problem(document, error))
                    continue
                objects += found
                skipped += others
    good, bad = _checked(objects)
    return Manifests(
        good, tuple(config), tuple(problems + bad), tuple(notes), tuple(opened), skipped
    )


def _problem(document: Document, error: yaml_tree.Broken) -> Problem:
    line = document.file.line(document.base + error.index)
    return Problem(document.file.name, line, f"cannot be read: {error.reason}")


def _objects(document: Document) -> tuple[list[Object], int]:
    """The objects of a document that are read, and how many others it holds."""
    single = _single(document)
    if single is not None:
        return single
    found: list[Object] = []
    others = 0
    values = yaml_tree.Values(document.text)
    pending = deque([_resolved(document.root)])
    while pending:
        node = pending.popleft()
        values.spend(node)  # By an alias, a list may contain itself.
        if not isinstance(node, yaml_tree.Mapping):
            others += 1
            continue
        kind = _text(node, "kind")
        if kind in LISTS:
            items = node.get("items")
            listed = _resolved(items[1]) if items else None
            if isinstance(listed, yaml_tree.Sequence):
                own = kind.removesuffix("List")
                version = _text(node, "apiVersion") if own else ""
                pending += [_with_kind(_resolved(i), own, version) for i in listed.items]
            continue
        version = _text(node, "apiVersion")
        group = version.rpartition("/")[0]
        known = _KEYS.get((kind, group)) if version or node.get("apiVersion") else kind
        if known is None or kind not in _NAMES:
            others += 1
            continue
        found.append(_object(known, node, document, values.of(node)))
    return found, others


def _single(document: Document) -> tuple[list[Object], int] | None:
    """The same of a document that is plainly one object, as most are; None of others."""
    root = document.root
    data = root.value if isinstance(root, yaml_tree.Mapping) else None
    if data is None:
        return None
    kind, version = data.get("kind"), data.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(version, str) or kind in LISTS:
        return None
    known = _KEYS.get((kind, version.rpartition("/")[0])) if version else None
    if known is None:
        return ([], 1) if version else None
    assert isinstance(root, yaml_tree.Mapping)
    root.value = None  # It is handed out once.
    return [_object(known, root, document, data)], 0


def _resolved(node: yaml_tree.Node) -> yaml_tree.Node:
    while isinstance(node, yaml_tree.Alias):
        node = node.target
    return node


def _with_kind(node: yaml_tree.Node, kind: str, version: str) -> yaml_tree.Node:
    """The items of a ServiceList repeat neither their kind nor their version."""
    if not (kind and isinstance(node, yaml_tree.Mapping)):
        return node
    for key, text in (("kind", kind), ("apiVersion", version)):
        if text and node.get(key) is None:
            node.add(
                yaml_tree.Scalar(node.start, node.start, key, True, None),
                yaml_tree.Scalar(node.start, node.start, text, True, None),
            )
    return node


def _text(node: yaml_tree.Mapping, key: str) -> str:
    known = node.value.get(key) if node.value is not None else None
    if isinstance(known, str):
        return known
    pair = node.get(key)
    value = _resolved(pair[1]) if pair else None
    return value.text if isinstance(value, yaml_tree.Scalar) else ""


def _object(kind: str, node: yaml_tree.Mapping, document: Document, data: dict[str, Any]) -> Object:
    metadata = data.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name, namespace = (
        v if isinstance(v := metadata.get(k), str) else "" for k in ("name", "namespace")
    )
    return Object(kind, name, namespace, data, node, document)


def _checked(objects: Iterable[Object]) -> tuple[tuple[Object, ...], list[Problem]]:
    """The objects that have a name, and what is wrong with the others."""
    good: list[Object] = []
    problems: list[Problem] = []
    for item in objects:
        metadata = item.data.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        if item.name and "{{" not in item.name:
            good.append(item)
        elif item.name:
            problems.append(
                Problem(
                    item.file.name,
                    item.line(item.node.start),
                    f"{item.kind} {item.name} is a template that was not rendered; "
                    "run helm template CHART | kubectl portcheck -f -",
                )
            )
        elif "generateName" in metadata:
            good.append(item._replace(name=str(metadata["generateName"])))
        else:
            place = locate(item.node, ("metadata", "name"))
            why = (
                f"the name of this {item.kind} is no text: put it in quotes"
                if "name" in metadata
                else f"this {item.kind} has no name"
            )
            problems.append(Problem(item.file.name, item.line(place), why))
    return tuple(good), problems


class Unfit(Exception):
    """An object has not the form that the API server takes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def typed(item: Object, data: Any, type_: type[T], at: Sequence[str] = ()) -> T:
    """A part of the object, found at ``at``, in the model's type. Raises Unfit."""
    try:
        return msgspec.convert(data, type_)
    except msgspec.ValidationError as error:
        raise Unfit(_unfit(item, at, str(error))) from None


def _unfit(item: Object, at: Sequence[str], message: str) -> Problem:
    reason, _, path = message.partition(" - at `$")
    steps = [*at, *re.findall(r"\w+|\.\.\.", path.rstrip("`"))]
    types = re.fullmatch(r"Expected `([^`]*)`, got `(\w+)`", reason)
    if steps[-1:] == ["..."]:
        # The value of a map, and it is not said whose.
        steps[-1:] = _odd_one(item.data, steps[:-1])
    place = locate(item.node, steps)
    shown = "".join(f"[{s}]" if s.isdecimal() else f".{s}" for s in steps).lstrip(".") or "it"
    value = _value(item.data, steps)
    if isinstance(value, str) and PLACEHOLDER.search(value):
        return Problem(
            item.file.name,
            item.line(place),
            f"{item.kind} {item.name}: {shown} is a placeholder that was not filled in ({value})",
        )
    if types:
        wanted = " or ".join(_WORDS.get(t, t) for t in types[1].split(" | "))
        said = f"is {_WORDS.get(types[2], types[2])}, and {wanted} is wanted"
        if types[1] == "str":
            said += ": put it in quotes"
    else:
        said = f"does not fit: {reason[:1].lower()}{reason[1:]}".replace("`", "")
    return Problem(
        item.file.name,
        item.line(place),
        f"{item.kind} {item.name}: {shown} {said}; the API server would refuse it",
    )


_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number with a fraction",
    "bool": "true or false (as yes, no, on and off are too)",
    "object": "a mapping",
    "array": "a list",
}


PLACEHOLDER = regex(r"\$[{(]\w+|\{\{|%\w+%|<\w+>")


def _value(data: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        if isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            data = data.get(step) if isinstance(data, dict) else None
    return data


def _odd_one(data: Any, steps: Sequence[str]) -> list[str]:
    """The key in a map of texts whose value is none."""
    data = _value(data, steps)
    values = data.items() if isinstance(data, dict) else ()
    return next(([k] for k, v in values if not isinstance(v, str)), [])


def locate(node: yaml_tree.Node, steps: Sequence[str]) -> int:
    """Where the field is defined; as near to it as the object goes, where it has no such field.

    A field is where its key is, so that an alias is found where it is used.
    """
    place = node.start
    for step in steps:
        node = _resolved(node)
        if isinstance(node, yaml_tree.Mapping):
            pair = node.get(step)
            if pair is None:
                return place
            place, node = pair[0].start, pair[1]
        elif isinstance(node, yaml_tree.Sequence):
            if not step.isdecimal() or int(step) >= len(node.items):
                return place
            node = node.items[int(step)]
            place = node.start
        else:
            return place
    return place
