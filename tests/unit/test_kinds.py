"""The table of kinds: no two share a name, and each is found where the API serves it."""

import pytest

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.kinds import BY_NAME, Kind, short_name


def test_the_names_are_unique() -> None:
    assert len(BY_NAME) == len(kinds.ALL)
    assert len({(k.group, k.plural) for k in kinds.ALL}) == len(kinds.ALL)
    shorts = [s for k in kinds.ALL for s in (k.short, *k.others) if s]
    assert len(set(shorts)) == len(shorts)


def test_every_kind_of_the_module_is_in_the_table() -> None:
    assert {k for k in vars(kinds).values() if isinstance(k, Kind)} == set(kinds.ALL)


@pytest.mark.parametrize(
    ("kind", "namespace", "version", "path"),
    [
        (kinds.POD, "shop", "", "/api/v1/namespaces/shop/pods"),
        (kinds.POD, "", "", "/api/v1/pods"),
        (kinds.NODE, "shop", "", "/api/v1/nodes"),
        (kinds.INGRESS, "shop", "", "/apis/networking.k8s.io/v1/namespaces/shop/ingresses"),
        (
            kinds.HTTP_ROUTE,
            "shop",
            "v1beta1",
            "/apis/gateway.networking.k8s.io/v1beta1/namespaces/shop/httproutes",
        ),
    ],
)
def test_the_path_of_a_list(kind: Kind, namespace: str, version: str, path: str) -> None:
    assert kind.collection(namespace, version) == path


def test_several_of_a_kind_in_a_sentence() -> None:
    plurals = [BY_NAME[n].plural_name for n in ("Service", "Ingress", "NetworkPolicy", "Endpoints")]
    assert plurals == ["Services", "Ingresses", "NetworkPolicies", "Endpoints"]
    # What is left out of the prefix is only the plural's ending.
    assert all(k.plural_name.lower() == k.plural for k in kinds.ALL)


def test_the_kind_in_a_title() -> None:
    assert [short_name(n) for n in ("Service", "StatefulSet", "Job")] == ["svc", "sts", "job"]
