"""Ingresses: which requests they lead where, and which controller takes them."""

from typing import Any

import msgspec
import pytest

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
from kubectl_portcheck.semantics.ingress_classes import (
    Class,
    class_standing,
    controller_of,
    default_class,
    is_for_nginx,
    likely_controller,
    older_claim,
    resembles,
)
from kubectl_portcheck.semantics.ingresses import (
    Hosts,
    groups_of,
    groups_wanted,
    is_pattern,
    leads_to,
    places,
)

REWRITE = "nginx.ingress.kubernetes.io/rewrite-target"
OLD = "kubernetes.io/ingress.class"
TAKEN = {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}


def _ingress(
    name: str = "shop",
    class_: str = "",
    service: str = "checkout",
    path: str = "/",
    created: str = "2026-01-01T00:00:00Z",
    **more: Any,
) -> Ingress:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    meta = {"name": name, "creationTimestamp": created, "annotations": more.get("annotations", {})}
    rule = {"host": "shop.example", "http": {"paths": [{"path": path, "backend": backend}]}}
    return msgspec.convert(
        {
            "metadata": meta,
            "spec": {"ingressClassName": class_, "rules": [rule]},
            "status": more.get("status", {}),
        },
        Ingress,
    )


def _class(name: str, controller: str = "k8s.io/ingress-nginx", default: bool = False) -> Any:
    key = "ingressclass.kubernetes.io/is-default-class"
    return msgspec.convert(
        {
            "metadata": {"name": name, "annotations": {key: "true"} if default else {}},
            "spec": {"controller": controller},
        },
        IngressClass,
    )


@pytest.mark.parametrize(
    ("ingress", "classes", "standing", "near"),
    [
        (_ingress(class_="nginx"), ["nginx"], "fine", ""),
        (_ingress(class_="ngnix"), ["nginx"], "missing", "nginx"),
        (_ingress(class_="ngnix", status=TAKEN), ["nginx"], "missing", "nginx"),
        (_ingress(class_="internal"), ["nginx", "edge"], "missing", ""),
        (_ingress(class_="internal"), ["nginx"], "missing", "nginx"),
        (_ingress(class_="internal"), [], "missing", ""),
        (_ingress(class_="internal", status=TAKEN), ["nginx"], "fine", ""),
        (_ingress(class_="kong"), ["nginx"], "unknown", ""),
        (_ingress(class_="kong", status=TAKEN), ["nginx"], "fine", ""),
        (_ingress(annotations={OLD: "nginx"}), ["nginx"], "fine", ""),
        (_ingress(annotations={OLD: "ngnix"}), ["nginx"], "old-style", "nginx"),
        (_ingress(annotations={OLD: "ngnix"}, status=TAKEN), ["nginx"], "fine", ""),
        (_ingress(annotations={OLD: "internal"}), ["nginx"], "unknown", ""),
        (_ingress(annotations={OLD: "gce"}), [], "unknown", ""),
        (_ingress(), ["nginx"], "none", "nginx"),
        (_ingress(status=TAKEN), ["nginx"], "fine", ""),
        (_ingress(), [], "unknown", ""),
    ],
)
def test_the_class(ingress: Ingress, classes: list[str], standing: str, near: str) -> None:
    found = class_standing(ingress, [_class(c) for c in classes])
    assert (found.standing, found.near) == (standing, near)


def test_an_ingress_without_a_class() -> None:
    """Traefik takes such; ingress-nginx does not; a default is given to new ones only."""
    traefik = _class("traefik", "traefik.io/ingress-controller")
    assert class_standing(_ingress(), [traefik]).standing == "unknown"
    assert class_standing(_ingress(), [traefik, _class("nginx")]).standing == "unknown"
    default = class_standing(_ingress(), [traefik, _class("nginx", default=True)])
    assert (default.standing, default.near) == ("none", "nginx")


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/checkout", 0),
        ("/checkout(/|$)(.*)", 2),
        (r"/checkout\((.*)\)", 1),
        ("/(?:a|b)/(.*)", 1),
        ("/(?<year>[0-9]+)/(?P<rest>.*)", 2),
        ("/(?<=a)(?<!b)(?=c)(?!d)", 0),
        ("/[(](.*)", 1),
        ("/(", 1),
        ("\\", 0),
    ],
)
def test_groups_of_a_path(path: str, count: int) -> None:
    assert groups_of(path) == count


def test_groups_of_a_rewrite() -> None:
    assert groups_wanted(_ingress(annotations={REWRITE: "/api/$2/${1}"})) == (1, 2)
    assert groups_wanted(_ingress(annotations={REWRITE: "/price/$0"})) == ()
    assert groups_wanted(_ingress()) == ()


def test_what_is_written_as_a_pattern() -> None:
    assert [p for p in ("/a.b/c~d", "/v1.2/%20", "/a-b_c") if is_pattern(p)] == []
    assert all(map(is_pattern, ("/a/.*", "/a(/|$)", "^/a", "/[a-z]")))


def test_what_leads_to_a_service() -> None:
    assert leads_to(_ingress(), "checkout")
    assert not leads_to(_ingress(), "cart")
    backend = {"service": {"name": "cart", "port": {"number": 80}}}
    spec = {"metadata": {"name": "a"}, "spec": {"defaultBackend": backend}}
    assert leads_to(msgspec.convert(spec, Ingress), "cart")


def test_who_takes_it() -> None:
    classes = [_class("public"), _class("nginx", "traefik.io/ingress-controller")]
    assert is_for_nginx(_ingress(class_="public"), classes)
    assert not is_for_nginx(_ingress(class_="nginx"), classes)
    assert is_for_nginx(_ingress(class_="nginx-internal"), [])
    assert not is_for_nginx(_ingress(), [])
    assert is_for_nginx(_ingress(), [_class("edge", default=True)])


def test_an_older_claim() -> None:
    mine = _ingress(created="2026-02-01T00:00:00Z")
    place = next(iter(places(mine)))
    old = _ingress("old", service="monolith")
    canary = {"nginx.ingress.kubernetes.io/canary": "true"}
    assert older_claim(mine, place, [mine, old]) is old
    others = [
        _ingress("new", service="monolith", created="2026-03-01T00:00:00Z"),
        _ingress("same-service"),
        _ingress("other-class", class_="edge", service="monolith"),
        _ingress("other-path", service="monolith", path="/api"),
        _ingress("canary", service="monolith", annotations=canary),
    ]
    assert older_claim(mine, place, others) is None
    shared = _ingress(created="2026-02-01T00:00:00Z", annotations=canary)
    assert older_claim(shared, place, [old]) is None


def test_the_ingresses_beside_others() -> None:
    mine = _ingress(path="/checkout")
    rival = _ingress("rival", service="cart", path="/checkout")
    regex = _ingress("regex", service="cart", path="/x", annotations={REWRITE: "/"})
    foreign = _ingress("foreign", service="cart", path="/y")
    found = Hosts([mine, rival, regex, foreign]).beside([mine])
    assert [i.metadata.name for i in found] == ["regex", "rival", "shop"]


@pytest.mark.parametrize(
    ("name", "other", "same"), [("nginx", "ngins", True), ("nginx", "nxinz", False)]
)
def test_a_class_that_may_be_another_one_misspelt(name: str, other: str, same: bool) -> None:
    assert resembles(name, other) is same


def test_no_class_where_only_controllers_are_there_that_want_one() -> None:
    both = [_class("nginx"), _class("f5", NGINX_OF_F5)]
    assert class_standing(_ingress(), both) == Class("none")
    assert class_standing(_ingress(), [both[1]]) == Class("none", near="f5")
    two_defaults = [_class("nginx", default=True), _class("edge", default=True)]
    assert default_class(two_defaults) == ""
    assert class_standing(_ingress(), two_defaults) == Class("none")


def test_the_controller_of_an_ingress() -> None:
    classes = [_class("edge", AWS), _class("nginx", default=True), _class("traefik", "x")]
    assert controller_of(_ingress(class_="edge"), classes) == AWS
    assert controller_of(_ingress(), classes) == NGINX
    assert controller_of(_ingress(class_="gone"), classes) == ""
    assert likely_controller(_ingress(class_="edge"), classes) == AWS
    assert likely_controller(_ingress(class_="traefik"), classes) == "x"
    assert likely_controller(_ingress(class_="traefik"), []) == TRAEFIK
    assert likely_controller(_ingress(class_="alb"), []) == AWS
    assert likely_controller(_ingress(class_="my-nginx"), []) == NGINX
    assert likely_controller(_ingress(class_="kong"), []) == KONG
    assert likely_controller(_ingress(class_="gce-internal"), []) == GCE
    assert likely_controller(_ingress(class_="haproxy"), []) == ""
    assert not is_for_nginx(_ingress(class_="nginx"), [_class("nginx", NGINX_OF_F5)])


def test_two_claims_of_one_ingress_are_of_one_age() -> None:
    one = _ingress()
    (path,) = one.spec.rules[0].http.paths
    other = msgspec.structs.replace(
        path, backend=_ingress(service="cart").spec.rules[0].http.paths[0].backend
    )
    rule = msgspec.structs.replace(
        one.spec.rules[0], http=msgspec.structs.replace(one.spec.rules[0].http, paths=(path, other))
    )
    both = msgspec.structs.replace(one, spec=msgspec.structs.replace(one.spec, rules=(rule,)))
    (place,) = places(both, "checkout")
    assert older_claim(both, place, [both]) is None
    # Of two that were made together the name decides.
    earlier = _ingress(name="a", service="cart")
    assert older_claim(both, place, [earlier]) == earlier
    assert older_claim(both, place, [_ingress(name="z", service="cart")]) is None


CANARY = {"nginx.ingress.kubernetes.io/canary": "true"}
OLDER: dict[str, Any] = {"name": "a", "created": "2025-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("other", "claims"),
    [
        (_ingress(service="cart", **OLDER), True),
        (_ingress(**OLDER), False),
        (_ingress(service="cart", path="/x", **OLDER), False),
        (_ingress(service="cart", class_="other", **OLDER), False),
        (_ingress(service="cart", annotations=CANARY, **OLDER), False),
        (_ingress(service="cart", name="z", created="2027-01-01T00:00:00Z"), False),
    ],
)
def test_what_claims_the_same_requests(other: Ingress, claims: bool) -> None:
    own = _ingress()
    (place,) = places(own)
    assert older_claim(own, place, [other]) == (other if claims else None)
    trial = _ingress(annotations=CANARY)
    assert older_claim(trial, place, [other]) is None
