"""Which object a subject is."""

import pytest

from kubectl_portcheck.model.fixes import Subject


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (("Ingress", "shop", "web"), True),
        (("Ingress", "", "web"), True),
        (("Ingress", "front", "web"), False),
        (("Ingress", "shop", "api"), False),
        (("Gateway", "shop", "web"), False),
    ],
)
def test_an_object_is_known_by_kind_namespace_and_name(
    item: tuple[str, str, str], expected: bool
) -> None:
    assert Subject(kind="Ingress", namespace="shop", name="web").means(*item) is expected


def test_an_object_of_the_whole_cluster_has_no_namespace() -> None:
    node = Subject(kind="Node", namespace="", name="one")
    assert node.means("Node", "", "one")
    assert not node.means("Node", "shop", "one")
