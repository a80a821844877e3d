"""Kustomizations among the files: which files they take in, and which objects their patches change.

Nothing is rendered. Patches that add to an object are merged, by kustomize's own rules for lists;
of an object that another kind of patch changes it is only known that its file is not what gets
applied. (kubectl.docs.kubernetes.io, kustomization file reference)
"""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import force_setattr

from kubectl_portcheck.collect.manifests.files import KUSTOMIZATIONS, File
from kubectl_portcheck.inputs import Unreadable, read_file, real_path, relative_path, yaml_tree
from kubectl_portcheck.inputs.limits import CONFIGURATION_BYTES
from kubectl_portcheck.regex import regex

_OPAQUE = ("replacements", "transformers", "vars", "helmCharts", "helmChartInflationGenerator")
"""Fields that change objects in ways that are not followed."""


class Patch(msgspec.Struct, frozen=True):
    """One patch of a kustomization."""

    by: str
    """The name of the kustomization file."""
    document: Any
    """An object that is merged, or a list of operations; None where it could not be read."""
    target: Mapping[str, str]
    """What it changes; empty where the document names its object itself."""
    named: tuple[str, str] | None = None
    """The kind and the name of the object that it names."""

    def __post_init__(self) -> None:
        if not self.target and isinstance(self.document, dict):
            metadata = self.document.get("metadata")
            name = metadata.get("name") if isinstance(metadata, dict) else None
            kind = self.document.get("kind")
            if isinstance(kind, str) and isinstance(name, str):
                force_setattr(self, "named", (kind, name))

    def means(self, kind: str, name: str) -> bool:
        """Whether its target is the object."""
        wanted = (self.target.get("kind", ""), self.target.get("name", ""))
        return _fits(wanted[0], kind) and _fits(wanted[1], name)


class Patches:
    """Patches, by the objects that they change. There may be hundreds of both."""

    def __init__(self, patches: Iterable[Patch]) -> None:
        self._targeted: list[tuple[int, Patch]] = []
        self._named: dict[tuple[str, str], list[tuple[int, Patch]]] = defaultdict(list)
        for place, patch in enumerate(patches):
            if patch.target:
                self._targeted.append((place, patch))
            elif patch.named:
                self._named[patch.named].append((place, patch))

    def of(self, kind: str, name: str) -> list[Patch]:
        """Those that change the object, in their order."""
        found = [each for each in self._targeted if each[1].means(kind, name)]
        found += self._named.get((kind, name), ())
        return [patch for _, patch in sorted(found, key=lambda each: each[0])]


class _Kustomization(msgspec.Struct, frozen=True):
    folder: str
    takes: tuple[str, ...]
    """Paths of files and folders."""
    patches: tuple[Patch, ...]
    patch_files: tuple[str, ...]
    opaque: str
    """A field that changes objects in a way that is not followed; ''."""


class Kustomizations:
    """All kustomizations that are known of, and what each file is to them."""

    def __init__(self, files: Iterable[File]) -> None:
        self._texts = {f.real: f for f in files if f.real}
        self._folder_of = _folders(self._texts)
        self._found: dict[str, _Kustomization] = {}
        self._folders: dict[str, Collection[str] | None] = {}
        """What is in each folder, where that is known."""
        for path, folder in self._folder_of.items():
            self._folders[folder] = self._texts[path].beside or self._folders.get(folder)
        for folder, names in self._folders.items():
            for name in KUSTOMIZATIONS:
                if (names is None or name in names) and self._read(folder, name):
                    break
        self._roots = self._find_roots()
        self._patched: dict[str, list[int]] = defaultdict(list)
        """By root: the places of the kustomizations below it that have patches."""
        self._ordered = tuple(self._found)
        for place, (folder, one) in enumerate(self._found.items()):
            for root in self._roots[folder] if one.patches else ():
                self._patched[root].append(place)
        self._opaque = [(folder, k.opaque) for folder, k in self._found.items() if k.opaque]
        self.patch_files = frozenset(p for k in self._found.values() for p in k.patch_files)
        """The files that hold patches, and no objects."""

    def roots(self, path: str) -> frozenset[str]:
        """The folders of the outermost kustomizations that take the file in.

        Of a file that lies beside a kustomization which does not name it, the file itself: it is
        applied with no other. Empty where no kustomization is near.
        """
        found = self._roots.get(path)
        beside = self._folder_of[path] in self._found
        return found or (frozenset({path}) if beside else frozenset())

    def patches(self, roots: frozenset[str]) -> Iterator[Patch]:
        """The patches of all kustomizations below these roots."""
        for place in sorted({n for root in roots for n in self._patched.get(root, ())}):
            yield from self._found[self._ordered[place]].patches

    def opaque(self, roots: frozenset[str]) -> str:
        """The kustomization below these roots that changes objects otherwise; ''."""
        changing = (by for folder, by in self._opaque if not self._roots[folder].isdisjoint(roots))
        return next(changing, "")

    def _read(self, folder: str, name: str) -> bool:
        path = os.path.join(folder, name)
        given = self._texts.get(path)
        try:
            data = given.value if given else None
            if data is None:
                text = given.text if given else read_file(path, CONFIGURATION_BYTES).decode()
                data = yaml_tree.value_of(text, first=True)
        except (OSError, ValueError, Unreadable, yaml_tree.Broken):
            return False
        if isinstance(data, dict):
            shown = given.name if given else relative_path(path)
            self._found[folder] = self._kustomization(folder, shown, data)
        return True

    def _kustomization(self, folder: str, shown: str, data: Mapping[str, Any]) -> _Kustomization:
        taken = [*_texts(data, "resources"), *_texts(data, "bases"), *_texts(data, "components")]
        patches: list[Patch] = []
        files: list[str] = []
        for entry in _entries(data):
            path = entry.get("path")
            inline = entry.get("patch")
            target = entry.get("target")
            fields = target.items() if isinstance(target, dict) else ()
            target = {k: v for k, v in fields if isinstance(v, str)}
            if isinstance(path, str):
                files.append(self._real(folder, path))
                documents = self._documents(files[-1])
            else:
                documents = _parsed(inline if isinstance(inline, str) else "")
            patches += [Patch(shown, document, target) for document in documents or [None]]
        opaque = next((f"{shown} ({field})" for field in _OPAQUE if data.get(field)), "")
        paths = (self._real(folder, t) for t in taken if "://" not in t)
        return _Kustomization(folder, tuple(paths), tuple(patches), tuple(files), opaque)

    def _real(self, folder: str, path: str) -> str:
        """The path below a folder without links, which only the system knows of unknown ones."""
        whole = os.path.join(folder, path)
        plain = os.path.normpath(whole)
        known = plain in self._texts or plain in self._folders
        # What leads upwards from a link leads to somewhere else than the text says.
        return plain if known and ".." not in path.lstrip("./") else real_path(whole)

    def _documents(self, path: str) -> list[Any]:
        given = self._texts.get(path)
        try:
            return _parsed(given.text if given else read_file(path, CONFIGURATION_BYTES).decode())
        except (OSError, ValueError, Unreadable):
            return []

    def _find_roots(self) -> dict[str, frozenset[str]]:
        """By file and folder: the outermost kustomizations that take it in."""
        parents: dict[str, set[str]] = {folder: set() for folder in self._found}
        for folder, found in self._found.items():
            for path in found.takes:
                if path != folder:
                    parents.setdefault(path, set()).add(folder)
        roots: dict[str, frozenset[str]] = {}
        for path in parents:
            above, pending = set(), [path]
            while pending:
                one = pending.pop()
                if one not in above:
                    above.add(one)
                    pending += parents.get(one, ())
            roots[path] = frozenset(p for p in above if p in self._found and not parents.get(p))
        return roots


def _folders(files: Mapping[str, File]) -> dict[str, str]:
    """The folders of files, by their paths without links."""
    known: dict[str, str] = {}
    found: dict[str, str] = {}
    for path, file in files.items():
        if file.beside is None:  # It may be a link to elsewhere.
            found[path] = os.path.dirname(path)
            continue
        if file.folder not in known:
            known[file.folder] = os.path.dirname(path)
        found[path] = known[file.folder]
    return found


_LITERAL = regex(r"[\w-]+")
_SIMPLE = regex(r"\^?[\w|-]*(?:\.\*[\w|-]*){0,3}\$?")
"""Names, one of several names, and names of which a part may be anything."""


def _fits(pattern: str, text: str) -> bool:
    """Whether a patch with this pattern may change what has this kind or name.

    Only simple ones are searched for. Others could take for ever, which they do not in kustomize.
    """
    if pattern in ("", text):
        return True
    if _LITERAL.fullmatch(pattern):
        return False
    return _SIMPLE.fullmatch(pattern) is None or re.fullmatch(pattern, text) is not None


def _texts(data: Mapping[str, Any], field: str) -> list[str]:
    found = data.get(field)
    return [t for t in found if isinstance(t, str)] if isinstance(found, list) else []


def _entries(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The patches, in whichever field they are written."""
    for field in ("patches", "patchesJson6902"):
        found = data.get(field)
        yield from (e for e in found if isinstance(e, dict)) if isinstance(found, list) else ()
    for text in _texts(data, "patchesStrategicMerge"):
        yield {"patch": text} if "\n" in text else {"path": text}


def _parsed(text: str) -> list[Any]:
    """The documents of a patch; null stays, because it removes a field."""
    found = []
    for piece in re.split(r"^---(?=\s|$)", text, flags=re.MULTILINE):
        try:
            found.append(yaml_tree.value_of(piece, nulls=True))
        except yaml_tree.Broken:
            return []
    return [f for f in found if isinstance(f, (dict, list))]


_KEYS = {"containers": "name", "initContainers": "name", "volumes": "name", "env": "name"}
"""By list: the field by which kustomize merges its elements. (Kubernetes API, patchMergeKey)"""
_HARMLESS = regex(
    r"/(metadata|spec/replicas|spec/template/metadata)(/.*)?|"
    r"/spec/template/spec/(init)?[cC]ontainers/\d+/(?!ports|name).+|"
    r"/spec/template/spec/(?!containers|initContainers).+"
)
"""The paths of operations that neither add nor remove a container or a port."""


def merged(data: dict[str, Any], patch: Patch) -> dict[str, Any] | None:
    """The object with the patch; None where that takes more than merging."""
    if isinstance(patch.document, list):
        paths = [o.get("path") for o in patch.document if isinstance(o, dict)]
        harmless = all(isinstance(p, str) and _HARMLESS.fullmatch(p) for p in paths)
        return data if harmless else None
    if not isinstance(patch.document, dict) or _has_directive(patch.document):
        return None
    return _merge(data, patch.document)


def _has_directive(value: Any) -> bool:
    if isinstance(value, dict):
        return any(str(k).startswith("$") or _has_directive(v) for k, v in value.items())
    return isinstance(value, list) and any(map(_has_directive, value))


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(old)
    for key, value in new.items():
        before = found.get(key)
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            found[key] = _merge(before if isinstance(before, dict) else {}, value)
        elif isinstance(value, list):
            merge_key = _key_of(key, value)
            kept = before if isinstance(before, list) and merge_key else []
            found[key] = _merge_lists(kept, value, merge_key)
        else:
            found[key] = value
    return found


def _key_of(field: str, items: Sequence[Any]) -> str:
    if field != "ports":
        return _KEYS.get(field, "")
    first = items[0] if items else None
    return "containerPort" if isinstance(first, dict) and "containerPort" in first else "port"


def _merge_lists(old: Sequence[Any], new: Sequence[Any], key: str) -> list[Any]:
    found = list(old)
    for item in new:
        if not isinstance(item, dict):
            found.append(item)
            continue
        places = (n for n, o in enumerate(found) if key and _same(o, item, key))
        place = next(places, None)
        if place is None:
            found.append(_merge({}, item))
        else:
            found[place] = _merge(found[place], item)
    return [item for item in found if item is not None]


def _same(one: Any, other: Mapping[str, Any], key: str) -> bool:
    return isinstance(one, dict) and one.get(key) == other.get(key)
