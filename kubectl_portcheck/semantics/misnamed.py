"""Names of Services that do not exist, in what leads to Services, by the Service that was meant."""

from collections.abc import Collection, Iterable

from kubectl_portcheck.model.evidence import Misnamed
from kubectl_portcheck.semantics.calls import CLOSE
from kubectl_portcheck.semantics.needs import Leading, Needed, named_by
from kubectl_portcheck.semantics.selectors import nearest

MOST = 100
"""How many names of one namespace are compared with those of its Services."""
NOISE = ("svc", "service")
"""Words that one name of a Service has and another one lacks."""
NO_SERVICE = "use-annotation"
"""The port by which a backend of an AWS load balancer says that it is no Service, but the name of
an annotation. (AWS Load Balancer Controller, ``actions.NAME``)"""


def is_near(leading: Leading, name: str) -> bool:
    """Whether something names another Service of the namespace that has nearly this name."""
    found = _named(leading, (name,))
    return any(_meant(other, (name,)) for other in list(found)[:MOST])


def misnamed(leading: Leading, services: Collection[str]) -> dict[str, tuple[Misnamed, ...]]:
    """By each of these Services of the namespace, which are all: what seems to mean it, and names
    one that does not exist."""
    by_meant: dict[str, list[Misnamed]] = {}
    for name, several in list(_named(leading, services).items())[:MOST]:
        if meant := _meant(name, services):
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
    return {meant: tuple(found) for meant, found in by_meant.items()}


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


def _meant(name: str, services: Iterable[str]) -> str | None:
    """The Service that is meant by a mistyped name.

    Names with another word, as those of versions, of variants and those that are generated, are
    names of siblings: each word must be nearly the same.
    """
    meant = nearest(name, services, CLOSE)
    return meant if meant is not None and _is_mistyped(name, meant) else None


def _is_mistyped(name: str, meant: str) -> bool:
    if name.replace("-", "") == meant.replace("-", ""):
        return True
    words, others = ([w for w in n.split("-") if w not in NOISE] for n in (name, meant))
    return len(words) == len(others) and all(
        word == other or nearest(word, (other,), CLOSE)
        for word, other in zip(words, others, strict=True)
    )
