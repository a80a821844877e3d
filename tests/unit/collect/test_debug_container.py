"""Which pods get a debug container, and what is said before."""

from typing import Any

import msgspec

from kubectl_portcheck.collect.cluster.debug_container import NAME, Debug, one_of_each, warning
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import PodSockets

NO_SHELL = Missing(reason=Reason.NO_SHELL, detail="no shell in container app")


def pod(name: str, above: str = "checkout-7c", **spec: Any) -> Pod:
    owner = {"kind": "ReplicaSet", "name": above, "controller": True}
    found = {
        "metadata": {"name": name, "ownerReferences": [owner] if above else []},
        "spec": {"containers": [{"name": "app", "image": "shop:1"}], **spec},
    }
    return msgspec.convert(found, Pod)


def chosen(*pods: Pod, answered: tuple[str, ...] = ()) -> list[tuple[str, int]]:
    sockets = {
        p.metadata.name: Observed(value=PodSockets(listeners=(), source="proc"))
        if p.metadata.name in answered
        else NO_SHELL
        for p in pods
    }
    return [(p.metadata.name, alike) for p, alike in one_of_each(pods, sockets)]


def test_one_of_all_that_a_controller_made_is_enough() -> None:
    assert chosen(pod("c"), pod("b"), pod("a")) == [("a", 3)]


def test_each_controller_has_its_own() -> None:
    new = "checkout-8d"
    assert chosen(pod("a"), pod("b"), pod("c", new), pod("d", new)) == [("a", 2), ("c", 2)]


def test_pods_without_a_controller_are_alike_by_their_images() -> None:
    assert chosen(pod("a", ""), pod("b", "")) == [("a", 2)]


def test_none_where_one_of_them_has_answered() -> None:
    assert chosen(pod("a"), pod("b"), answered=("b",)) == []


def test_the_one_that_has_a_container_already_is_asked_again() -> None:
    had = msgspec.convert(
        {
            **msgspec.to_builtins(pod("b")),
            "status": {"ephemeralContainerStatuses": [{"name": NAME, "ready": False}]},
        },
        Pod,
    )
    assert chosen(pod("a"), had) == [("b", 2)]


def test_none_in_the_nodes_own_network() -> None:
    assert chosen(pod("a", hostNetwork=True)) == []


def test_the_others_are_counted_before_anything_is_changed() -> None:
    debug = Debug("busybox", print)
    assert warning(debug, "shop", "a") == (
        "adding an ephemeral container of busybox to pod/a in namespace shop: it cannot be removed "
        "again and stays until the pod is deleted"
    )
    assert warning(debug._replace(alike=2), "shop", "a").endswith(
        "; 1 other pod like it stays unchanged"
    )
    assert warning(debug._replace(alike=3), "shop", "a").endswith(
        "; 2 other pods like it stay unchanged"
    )
