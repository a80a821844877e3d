"""Which objects of the files belong to one cluster: a tree may hold several environments."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.objects import Object
from kubectl_portcheck.collect.manifests.pods import TEMPLATES

Apart = Literal["", "kustomize", "environments"]
"""Why it is not certain that two objects are applied to one cluster; '' where it is."""
_Key = tuple[str, str, str]
"""Kind, namespace and name."""
_FAR = 3
"""From a folder beside the own one on, objects that fit are no proof that they belong together."""
_MOST_NAMED = 3
"""Objects that occur twice, which are named; the others are counted."""


class Environments:
    """The objects of the files, and which of them are certainly applied together."""

    def __init__(self, objects: Sequence[Object], space: Callable[[Object], str]) -> None:
        self._space = space
        self._same: dict[_Key, list[Object]] = defaultdict(list)
        self._in_file: Counter[tuple[_Key, int]] = Counter()
        self._in_folder: Counter[tuple[_Key, str]] = Counter()
        """How often an object is defined in a file, and in a folder."""
        for item in objects:
            key = self._key(item)
            self._same[key].append(item)
            file = item.document.file
            self._in_file[key, id(file)] += 1
            self._in_folder[key, file.folder] += 1
        self._single: dict[_Key, bool] = {}

    def apart(self, one: Object, other: Object) -> Apart:
        """Why it is not certain that both are applied to one cluster."""
        if one.roots or other.roots:
            together = one.roots & other.roots or one.file is other.file
            return "" if together else "kustomize"
        keys = self._key(one), self._key(other)
        if self._is_single(keys[0]) and self._is_single(keys[1]) and distance(one, other) <= _FAR:
            return ""
        file, folder = one.document.file, one.document.file.folder
        if file is other.file and all(self._in_file[k, id(file)] == 1 for k in keys):
            return ""
        if folder == other.file.folder and all(self._in_folder[k, folder] == 1 for k in keys):
            return ""
        return "environments"

    def notes(self) -> list[Problem]:
        """A line where objects are in several files, and are taken for several environments."""
        several = [
            found
            for (kind, space, name), found in self._same.items()
            if (kind == "Service" or kind in TEMPLATES) and not self._is_single((kind, space, name))
        ]
        if not several:
            return []
        several.sort(key=lambda found: (found[0].file.name, found[0].node.start))
        shown = [_named(found) for found in several[:_MOST_NAMED]]
        more = f" and {len(several) - len(shown)} more" if len(several) > len(shown) else ""
        first = min((o for found in several for o in found), key=lambda o: o.file.name)
        return [
            Problem(
                first.file.name,
                None,
                f"is in several files: {'; '.join(shown)}{more}; they are taken for several "
                "environments, and each Service is judged with the objects nearest to it",
            )
        ]

    def _key(self, item: Object) -> _Key:
        return item.kind, self._space(item), item.name

    def _is_single(self, key: _Key) -> bool:
        """Whether all definitions of the object say the same."""
        known = self._single.get(key)
        if known is None:
            same = self._same.get(key, [])
            known = self._single[key] = all(o.data == same[0].data for o in same[1:])
        return known


def _named(found: Sequence[Object]) -> str:
    files = dict.fromkeys(o.file.name for o in found)
    return f"{found[0].kind} {found[0].name} ({', '.join(files)})"


def distance(one: Object, other: Object) -> int:
    """0 in the same file, 1 in the same folder, 3 in the one beside it, and so on."""
    file, another = one.document.file, other.document.file
    return 0 if file is another else _between(file.folder, another.folder)


def is_close(one: str, other: str) -> bool:
    """Whether objects in these folders may be applied together where no kustomization says so."""
    return _between(one, other) <= _FAR


@cache
def _between(one: str, other: str) -> int:
    a, b = one.split(os.sep), other.split(os.sep)
    shared = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        shared += 1
    return 1 + len(a) + len(b) - 2 * shared
