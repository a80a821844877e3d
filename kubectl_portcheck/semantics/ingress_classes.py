"""Which controller takes an Ingress, as far as its class tells.

Sources: the Ingress API (networking.k8s.io/v1); ``GetIngressClass`` in the store of ingress-nginx,
and its page on how it builds its model: of several rules for one host and path the oldest wins.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from kubectl_portcheck.model.ingress import (
    AWS,
    GCE,
    KONG,
    NGINX,
    NGINX_OF_F5,
    TRAEFIK,
    IngressClass,
)
from kubectl_portcheck.model.references import Ingress
from kubectl_portcheck.semantics.annotations import DEFAULT_CLASS
from kubectl_portcheck.semantics.ingresses import Place, is_canary, places
from kubectl_portcheck.semantics.references import class_of
from kubectl_portcheck.semantics.selectors import closeness, nearest

GIVE_ADDRESSES = frozenset({NGINX, AWS})
"""Controllers that write an address into each Ingress that they take, by default."""
WITHOUT_OBJECT = frozenset(
    {
        *("alb", "azure-application-gateway", "azure/application-gateway", "cilium", "contour"),
        *("gce", "gce-internal", "kong", "openshift-default", "tailscale"),
    }
)
"""Classes that their controllers compare by name: no IngressClass has to exist. (GKE, Kong,
Contour, Cilium, AWS Load Balancer Controller, Azure Application Gateway)"""

_BY_CLASS: Final = {
    "alb": AWS,
    "traefik": TRAEFIK,
    "kong": KONG,
    "gce": GCE,
    "gce-internal": GCE,
}
"""The controllers that have a class of their own name."""

Standing = Literal["fine", "missing", "none", "old-style", "unknown"]


class Class(NamedTuple):
    """Whether the class of an Ingress exists in the cluster."""

    standing: Standing
    """``fine``: the class exists, or the Ingress has an address that a controller gave it;
    ``missing``: its class does not exist; ``none``: it names none, and no controller that is known
    takes such; ``old-style``: the annotation nearly names a class; ``unknown``: not known."""
    name: str = ""
    near: str = ""
    """The class that may have been meant."""


def is_taken(ingress: Ingress) -> bool:
    """Whether a controller has given the Ingress an address."""
    return any(a.ip or a.hostname for a in ingress.status.load_balancer.ingress)


def default_class(classes: Iterable[IngressClass]) -> str:
    """The class of Ingresses that name none; '' where there is no such default."""
    default = [c for c in classes if c.metadata.annotations.get(DEFAULT_CLASS) == "true"]
    return default[0].metadata.name if len(default) == 1 else ""


def class_standing(ingress: Ingress, classes: Sequence[IngressClass]) -> Class:
    """Whether the Ingress has one of these classes: all of the cluster."""
    name = class_of(ingress)
    names = sorted(c.metadata.name for c in classes)
    if name in names or (not name and is_taken(ingress)):
        return Class("fine", name)
    if not name:
        return _without_class(classes)
    near = nearest(name, names, cutoff=0.7) or ""
    if name in WITHOUT_OBJECT:
        return Class("fine" if is_taken(ingress) else "unknown", name)
    # The address of a class that was misspelt later stays.
    if ingress.spec.ingress_class_name and (near or not is_taken(ingress)):
        return Class("missing", name, near or _only(names))
    if is_taken(ingress):
        return Class("fine", name)
    # The annotation's value is a setting of the controller, and no object has to have the name.
    return Class("old-style" if near else "unknown", name, near)


def _without_class(classes: Sequence[IngressClass]) -> Class:
    default = default_class(classes)
    controllers = {c.spec.controller for c in classes}
    if default or (controllers and controllers <= {NGINX, NGINX_OF_F5}):
        names = [c.metadata.name for c in classes]
        return Class("none", near=default or _only(names))
    return Class("unknown")


def _only(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ""


def resembles(name: str, other: str) -> bool:
    """Whether one class may be the other, misspelt."""
    return closeness(name, other) >= 0.8


def controller_of(ingress: Ingress, classes: Iterable[IngressClass]) -> str:
    """The controller that takes the Ingress, such as ``k8s.io/ingress-nginx``; '' if unknown."""
    name = class_of(ingress) or default_class(classes)
    return next((c.spec.controller for c in classes if c.metadata.name == name), "")


def is_for_nginx(ingress: Ingress, classes: Iterable[IngressClass]) -> bool:
    """Whether ingress-nginx takes the Ingress, as far as its class tells."""
    known = controller_of(ingress, classes)
    return known == NGINX if known else "nginx" in class_of(ingress).lower()


def likely_controller(ingress: Ingress, classes: Iterable[IngressClass]) -> str:
    """The controller that takes the Ingress, by its IngressClass or the usual name of its class."""
    known = controller_of(ingress, classes)
    if known:
        return known
    if is_for_nginx(ingress, classes):
        return NGINX
    return _BY_CLASS.get(class_of(ingress), "")


def older_claim(ingress: Ingress, place: Place, others: Iterable[Ingress]) -> Ingress | None:
    """The older Ingress of the same class that leads the same requests elsewhere; None without."""
    if is_canary(ingress):
        return None
    for other in others:
        older = _age(other) < _age(ingress)
        if not older or is_canary(other) or class_of(other) != class_of(ingress):
            continue
        for claim in places(other):
            same = (claim.host, claim.path.path, claim.type) == (
                *(place.host, place.path.path, place.type),
            )
            if same and claim.path.backend != place.path.backend:
                return other
    return None


def _age(ingress: Ingress) -> tuple[str, str]:
    return ingress.metadata.creation_timestamp, ingress.metadata.name
