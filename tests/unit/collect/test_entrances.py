"""What is read of the gateways on the way to a Service is bounded, and what is left out is said."""

from typing import Any

from kubectl_portcheck.collect.cluster.entrances import pods_of, services_of
from kubectl_portcheck.model.base import Observed
from kubectl_portcheck.model.evidence import NOT_ASKED
from kubectl_portcheck.model.objects import ObjectMeta, OwnerReference, Pod, Service, ServiceSpec
from kubectl_portcheck.model.references import Reference, Referrer

PLACE = ("shop", "checkout")


class Reads:
    """Every selector selects a pod, and every namespace has a Service before it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def objects(self, _kind: Any, _served: Any, **query: str) -> Observed[tuple[Pod, ...]]:
        self.asked.append(query["labelSelector"])
        return Observed(value=(pod(query["labelSelector"].partition("=")[2]),))

    def services_of(self, namespace: str) -> Observed[tuple[Service, ...]]:
        self.asked.append(namespace)
        other = Service(metadata=ObjectMeta(name="other", namespace=namespace))
        before = Service(
            metadata=ObjectMeta(name="before", namespace=namespace),
            spec=ServiceSpec(selector={"istio": namespace}),
        )
        return Observed(value=(other, before))


def pod(space: str, name: str = "p", owner: str = "") -> Pod:
    owners = (OwnerReference(kind="ReplicaSet", name=owner, controller=True),) if owner else ()
    labels = {"istio": space}
    metadata = ObjectMeta(name=name, namespace=space, labels=labels, owner_references=owners)
    return Pod(metadata=metadata)


def leading(count: int) -> tuple[Referrer, ...]:
    """A VirtualService with so many Gateways, each with a selector of its own."""
    names = [f"g{i}" for i in range(count)]
    virtual = Referrer(
        metadata=ObjectMeta(name="v", namespace="shop"),
        kind="VirtualService",
        references=(Reference(where="", service="checkout", namespace="shop"),),
        gateways=(*names, names[0]),
        hosts=("*",),
    )
    return (virtual, *map(gateway, names))


def gateway(name: str) -> Referrer:
    metadata = ObjectMeta(name=name, namespace="shop")
    return Referrer(metadata=metadata, kind="Gateway", labels={"istio": name}, hosts=("*",))


def test_the_pods_of_a_few_selectors_are_read() -> None:
    reads: Any = Reads()
    assert pods_of(reads, leading(1)[:1], PLACE) == NOT_ASKED
    assert pods_of(reads, leading(1), ("other", "checkout")) == NOT_ASKED
    found = pods_of(reads, leading(5), PLACE)
    assert reads.asked == ["istio=g0", "istio=g1", "istio=g2", "istio=g3"]
    assert isinstance(found, Observed)
    assert len(found.value) == 4
    assert [m.detail for m in found.lacking] == ["the pods of 1 more Gateways were not read"]


def test_the_services_of_a_few_namespaces_are_read() -> None:
    reads: Any = Reads()
    assert services_of(reads, Observed(value=())) == NOT_ASKED
    assert services_of(reads, NOT_ASKED) == NOT_ASKED
    found = services_of(reads, Observed(value=tuple(pod(f"n{i}") for i in range(6))))
    assert reads.asked == ["n0", "n1", "n2", "n3"]
    assert isinstance(found, Observed)
    assert {s.metadata.name for s in found.value} == {"before"}
    assert len(found.lacking) == 1


def test_one_pod_of_each_owner_is_kept() -> None:
    reads: Any = Reads()
    several = (pod("n", "a", "x"), pod("n", "b", "x"), pod("n", "c", "y"), pod("n", "d"))
    reads.objects = lambda *_, **__: Observed(value=several)
    found = pods_of(reads, leading(1), PLACE)
    assert isinstance(found, Observed)
    assert [p.metadata.name for p in found.value] == ["a", "c", "d"]
