"""Names of Services that do not exist, in what leads to Services, by the Service that was meant."""

from collections.abc import Collection, Iterable, Iterator

from kubectl_portcheck.model.evidence import Misnamed
from kubectl_portcheck.semantics.calls import CLOSE
from kubectl_portcheck.semantics.needs import Leading, Needed, named_by
from kubectl_portcheck.semantics.selectors import closeness

MOST = 20_000
"""How many words of names in one namespace are compared, which takes a fraction of a second."""
NOISE = ("svc", "service")
"""Words that one name of a Service has and another one lacks."""
NO_SERVICE = "use-annotation"
"""The port by which a backend of an AWS load balancer says that it is no Service, but the name of
an annotation. (AWS Load Balancer Controller, ``actions.NAME``)"""


def is_near(leading: Leading, name: str) -> bool:
    """Whether something names another Service of the namespace that has nearly this name."""
    return name in misnamed(leading, (name,))


def misnamed(leading: Leading, services: Collection[str]) -> dict[str, tuple[Misnamed, ...]]:
    """By each of these Services of the namespace, which are all: what seems to mean it, and names
    one that does not exist."""
    found = _named(leading, services)
    if not found:
        return {}
    names = _Names(services)
    by_meant: dict[str, list[Misnamed]] = {}
    for name, several in found.items():
        if meant := names.meant_by(name):
            by_meant.setdefault(meant, []).extend(
                Misnamed(
                    kind=n.by.kind,
                    namespace=n.by.namespace,
                    name=n.by.name,
                    where=n.where,
                    service=name,
                )
                for n in dict.fromkeys(several)
            )
    return {meant: tuple(several) for meant, several in by_meant.items()}


def _named(leading: Leading, services: Collection[str]) -> dict[str, list[Needed]]:
    """The names in the namespace that are none of these Services, with what names each."""
    known = {*services, *_entered(leading)}
    found: dict[str, list[Needed]] = {}
    for (space, name), needed in named_by(leading):
        if space == leading.namespace and name not in known and needed.port != NO_SERVICE:
            found.setdefault(name, []).append(needed)
    return found


def _entered(leading: Leading) -> Iterable[str]:
    """The names that a ServiceEntry of Istio has: in the mesh they lead somewhere."""
    return (r.service for one in leading.referrers if one.entry for r in one.references)


class _Names:
    """The names of the Services of a namespace, by their words.

    A name is mistyped where one of its words nearly is that of a Service, and all others are. With
    another word, as those of versions, of variants and those that are generated, it is the name of
    a sibling; so a word with a digit in it is never taken for a mistyped one.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._whole: dict[str, str] = {}
        """By the letters of all words."""
        self._but_one: dict[tuple[int, tuple[str, ...]], list[tuple[str, str]]] = {}
        """By the place of a word and all others: the word, and the name."""
        self._compared = 0
        for name in sorted(services):
            words = _words(name)
            self._whole.setdefault("".join(words), name)
            for rest, word in _each_left_out(words):
                self._but_one.setdefault(rest, []).append((word, name))

    def meant_by(self, mistyped: str) -> str | None:
        """The Service that is meant by a name that no Service has."""
        words = _words(mistyped)
        if (same := self._whole.get("".join(words))) is not None:
            return same
        best, nearest = 0.0, ""
        for rest, word in _each_left_out(words):
            for other, name in self._but_one.get(rest, ()):
                self._compared += 1
                if self._compared > MOST:
                    return None
                near = closeness(word, other)
                if near >= CLOSE and near > best:
                    best, nearest = near, name
        return nearest or None


def _words(name: str) -> tuple[str, ...]:
    return tuple(word for word in name.split("-") if word not in NOISE)


def _each_left_out(
    words: tuple[str, ...],
) -> Iterator[tuple[tuple[int, tuple[str, ...]], str]]:
    """Each word without a digit, behind its place and all others."""
    for place, word in enumerate(words):
        if word.isalpha():
            yield (place, (*words[:place], *words[place + 1 :])), word
