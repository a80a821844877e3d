"""Which Service was meant by a name that does not exist."""

from kubectl_portcheck.model.evidence import Absence
from kubectl_portcheck.semantics.missing_name import MOST, meant


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
