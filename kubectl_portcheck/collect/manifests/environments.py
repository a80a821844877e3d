"""Which objects of the files belong to one cluster: a tree may hold several environments."""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal

from kubectl_portcheck.collect.manifests.files import Problem
from kubectl_portcheck.collect.manifests.objects import Object
from kubectl_portcheck.collect.manifests.pods import TEMPLATES

Apart = Literal["", "kustomize", "environments"]
"""Why it is not certain that two objects are applied to one cluster; '' where it is."""
_FAR = 3
"""From a folder beside the own one on, objects that fit are no proof that they belong together."""
_MOST_NAMED = 3
"""Objects that occur twice, which are named; the others are counted."""


class Environments:
    """The objects of the files, and which of them are certainly applied together."""

    def __init__(self, objects: Sequence[Object], space: Callable[[Object], str]) -> None:
        self._space = space
        self._same: dict[tuple[str, str, str], list[Object]] = defaultdict(list)
        for item in objects:
            self._same[self._key(item)].append(item)

    def apart(self, one: Object, other: Object) -> Apart:
        """Why it is not certain that both are applied to one cluster."""
        if one.roots or other.roots:
            together = one.roots & other.roots or one.file is other.file
            return "" if together else "kustomize"
        single = all(self._is_single(o, self._same[self._key(o)]) for o in (one, other))
        if single and distance(one, other) <= _FAR:
            return ""
        if one.file is other.file and self._only_ones(one, other, lambda o: o.file is one.file):
            return ""
        folder = _folder(one)
        if folder == _folder(other) and self._only_ones(one, other, lambda o: _folder(o) == folder):
            return ""
        return "environments"

    def _only_ones(self, one: Object, other: Object, here: Callable[[Object], bool]) -> bool:
        """Whether each of the two is defined once among those that are here."""
        return all(sum(map(here, self._same[self._key(o)])) == 1 for o in (one, other))

    def notes(self) -> list[Problem]:
        """A line where objects are in several files, and are taken for several environments."""
        several = [
            found
            for (kind, _, _), found in self._same.items()
            if (kind == "Service" or kind in TEMPLATES) and not self._is_single(found[0], found)
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

    def _key(self, item: Object) -> tuple[str, str, str]:
        return item.kind, self._space(item), item.name

    @staticmethod
    def _is_single(item: Object, same: Sequence[Object]) -> bool:
        """Whether all definitions of the object say the same."""
        return all(o is item or o.data == item.data for o in same)


def _named(found: Sequence[Object]) -> str:
    files = dict.fromkeys(o.file.name for o in found)
    return f"{found[0].kind} {found[0].name} ({', '.join(files)})"


def distance(one: Object, other: Object) -> int:
    """0 in the same file, 1 in the same folder, 3 in the one beside it, and so on."""
    if one.file is other.file:
        return 0
    a, b = (_folder(o).split(os.sep) for o in (one, other))
    shared = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    return 1 + len(a) + len(b) - 2 * shared


def _folder(item: Object) -> str:
    return os.path.dirname(item.file.name)
