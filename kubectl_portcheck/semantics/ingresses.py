"""Which requests the paths of an Ingress lead to the Service.

Sources: the Ingress API (networking.k8s.io/v1); ``buildLocation`` in the template of ingress-nginx,
and its pages on rewrites: one makes every path of its host a regular expression.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from kubectl_portcheck.model.references import HTTPIngressPath, Ingress, ServiceBackendPort
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics.annotations import NGINX_CANARY, NGINX_REGEX, NGINX_REWRITE

IMPLEMENTATION = "ImplementationSpecific"


class Place(msgspec.Struct, frozen=True):
    """A path of an Ingress that leads to the Service."""

    host: str
    """'' for every host."""
    path: HTTPIngressPath
    port: ServiceBackendPort
    pointer: str
    """The JSON pointer of the path."""

    @property
    def text(self) -> str:
        """``shop.example/checkout``."""
        return f"{self.host or '*'}{self.path.path or '/'}"

    @property
    def type(self) -> str:
        """The pathType; without one the controller decides."""
        return self.path.path_type or IMPLEMENTATION


def leads_to(ingress: Ingress, service: str) -> bool:
    """Whether the Ingress names the Service."""
    default = ingress.spec.default_backend
    by_default = default is not None and default.service and default.service.name == service
    return bool(by_default) or any(True for _ in places(ingress, service))


def places(ingress: Ingress, service: str = "") -> Iterator[Place]:
    """The paths that lead to the Service, or to any where none is given."""
    for i, rule in enumerate(ingress.spec.rules):
        for j, path in enumerate(rule.http.paths):
            backend = path.backend.service
            if backend and service in ("", backend.name):
                yield Place(rule.host, path, backend.port, f"/spec/rules/{i}/http/paths/{j}")


_GROUP = regex(r"\$\{?([1-9])", re.ASCII)


def groups_wanted(ingress: Ingress) -> tuple[int, ...]:
    """The numbers of the groups that the rewrite refers to: ``$2`` gives 2."""
    target = ingress.metadata.annotations.get(NGINX_REWRITE, "")
    return tuple(sorted({int(n) for n in _GROUP.findall(target)}))


def groups_of(path: str) -> int:
    """How many capture groups a regular expression has."""
    count, at, inside = 0, 0, False
    while at < len(path):
        sign = path[at]
        if sign == "\\":
            at += 1
        elif sign == "[":
            inside = True
        elif sign == "]":
            inside = False
        elif sign == "(" and not inside:
            named = path.startswith(("(?<", "(?P<"), at) and path[at + 3 : at + 4] not in "=!"
            count += not path.startswith("(?", at) or named
        at += 1
    return count


def is_pattern(path: str) -> bool:
    """Whether a path is written as a regular expression."""
    return any(sign in path for sign in ("(", "[", "|", ".*", ".+", "\\", "^", "$"))


def makes_patterns(ingress: Ingress) -> bool:
    """Whether it makes ingress-nginx read each path of its hosts as a regular expression."""
    found = ingress.metadata.annotations
    return found.get(NGINX_REGEX) == "true" or bool(found.get(NGINX_REWRITE))


def is_canary(ingress: Ingress) -> bool:
    """Whether it claims the paths of another Ingress on purpose, for a part of the requests."""
    return ingress.metadata.annotations.get(NGINX_CANARY) == "true"


class Hosts:
    """The Ingresses of a namespace, by what of the paths of others they change."""

    def __init__(self, everyone: Iterable[Ingress]) -> None:
        self._by_place: dict[tuple[str, str], list[Ingress]] = defaultdict(list)
        self._patterns: dict[str, list[Ingress]] = defaultdict(list)
        for ingress in everyone:
            found = list(places(ingress))
            for at in {(p.host, p.path.path) for p in found}:
                self._by_place[at].append(ingress)
            for host in {p.host for p in found} if makes_patterns(ingress) else ():
                self._patterns[host].append(ingress)

    def beside(self, leading: Iterable[Ingress]) -> tuple[Ingress, ...]:
        """These Ingresses, and those that claim a path of theirs or change how it is read."""
        found = {i.metadata.name: i for i in leading}
        for ingress in list(found.values()):
            for place in places(ingress):
                for other in (
                    *self._by_place.get((place.host, place.path.path), ()),
                    *self._patterns.get(place.host, ()),
                ):
                    found.setdefault(other.metadata.name, other)
        return tuple(found[name] for name in sorted(found))
