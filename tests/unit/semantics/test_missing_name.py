"""Which Service was meant by a name that does not exist."""

import pytest

from kubectl_portcheck.model.evidence import Absence
from kubectl_portcheck.semantics.missing_name import MOST, Meant, meant, written


def test_the_namespace_with_nearly_the_name_comes_first() -> None:
    absence = Absence(elsewhere=("apps", "bshop", "shop", "web"))
    found = [m.namespace for m in meant(absence, "checkout", "shopx")]
    assert found == ["shop", "bshop", "apps"]
    assert len(found) == MOST


def test_a_service_of_the_namespace_with_nearly_the_name_comes_before_others() -> None:
    absence = Absence(near="checkout", elsewhere=("shop",))
    assert [m[:2] for m in meant(absence, "chekcout", "web")] == [
        ("checkout", "web"),
        ("chekcout", "shop"),
    ]


def test_of_several_namespaces_only_one_with_nearly_the_name_is_sure() -> None:
    absence = Absence(elsewhere=("dev", "staging"))
    assert [m.close for m in meant(absence, "checkout", "prod")] == [False, False]
    assert [m.close for m in meant(absence, "checkout", "stagin")] == [True, False]
    assert [m.close for m in meant(Absence(elsewhere=("dev",)), "checkout", "prod")] == [True]


def test_a_name_that_hardly_resembles_comes_after_other_namespaces() -> None:
    absence = Absence(near="cart", elsewhere=("shop",))
    assert [(m.name, m.close) for m in meant(absence, "checkout", "web")] == [
        ("checkout", True),
        ("cart", False),
    ]
    assert meant(Absence(near="cart"), "checkout", "web") == (Meant("cart", "web", close=False),)
    # Four of five letters are enough.
    assert meant(Absence(near="abcdx"), "abcde", "web")[0].close
    assert [m.close for m in meant(Absence(elsewhere=("abcdx", "zz")), "a", "abcde")] == [
        True,
        False,
    ]


def test_services_of_other_namespaces_with_nearly_the_name_come_last() -> None:
    absence = Absence(alike=("chekout.shop", "checkuot.a.b"))
    assert meant(absence, "checkout", "web") == (
        Meant("chekout", "shop", close=True),
        Meant("checkuot", "a.b", close=True),
    )


SHOP = Meant("checkout", "shop", close=True)


@pytest.mark.parametrize(
    ("host", "client", "expected"),
    [
        ("chekout", "shop", "checkout"),
        ("chekout", "web", "checkout.shop"),
        ("chekout.web", "web", "checkout.shop"),
        ("chekout.web.svc", "web", "checkout.shop.svc"),
        ("chekout.web.svc.cluster.local.", "web", "checkout.shop.svc.cluster.local"),
        ("pod-0.chekout.web.svc", "web", ""),
        ("a.b.c", "web", ""),
    ],
)
def test_the_name_in_the_form_of_the_client(host: str, client: str, expected: str) -> None:
    assert written(host, client, SHOP) == expected
