"""Endpoints that no selector made: which of them are pods, and who has the others' addresses."""

import msgspec
import pytest

from kubectl_portcheck.model.evidence import AddressHolder
from kubectl_portcheck.model.objects import EndpointSlice, Node, Pod, Service
from kubectl_portcheck.semantics import endpoints


def pod(name: str, address: str, **spec: object) -> Pod:
    data = {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
        "status": {"podIP": address, "podIPs": [{"ip": address}], "phase": "Running"},
    }
    return msgspec.convert(data, Pod)


def piece(*written: tuple[str, str], port: int = 8080) -> EndpointSlice:
    """A slice of addresses, each with the name of a pod that it refers to or ''."""
    made = [
        {"addresses": [a], **({"targetRef": {"kind": "Pod", "name": n}} if n else {})}
        for a, n in written
    ]
    data = {"metadata": {"name": "s"}, "endpoints": made, "ports": [{"name": "", "port": port}]}
    return msgspec.convert(data, EndpointSlice)


def service(**spec: object) -> Service:
    data = {
        "metadata": {"name": "checkout"},
        "spec": {"ports": [{"port": 80, "targetPort": 9}], **spec},
    }
    return msgspec.convert(data, Service)


def named(slices: tuple[EndpointSlice, ...]) -> list[str | None]:
    refs = [e.target_ref for s in slices for e in s.endpoints or ()]
    return [ref.name if ref else None for ref in refs]


ONE, TWO = pod("one", "10.0.0.1"), pod("two", "10.0.0.2")
HOST = pod("host", "192.168.0.9", hostNetwork=True)


def test_a_pod_is_found_by_its_address_or_by_reference() -> None:
    slices = [piece(("10.0.0.1", ""), ("10.0.0.2", "two"), ("192.0.2.7", ""))]
    assert endpoints.pods_behind(slices, [ONE, TWO, HOST]) == (ONE, TWO)
    assert named(endpoints.attributed(slices, [ONE, TWO])) == ["one", "two", None]
    assert endpoints.strangers(slices, [ONE, TWO]) == ("192.0.2.7",)


def test_a_reference_that_is_older_than_the_address_means_no_pod() -> None:
    slices = [piece(("10.0.0.7", "one"))]
    assert endpoints.pods_behind(slices, [ONE]) == (ONE,)
    assert named(endpoints.attributed(slices, [ONE])) == [None]


def test_the_address_says_more_than_the_reference() -> None:
    assert named(endpoints.attributed([piece(("10.0.0.2", "one"))], [ONE, TWO])) == ["two"]


def test_a_nodes_address_is_that_of_many_pods() -> None:
    by_address, by_reference = [piece(("192.168.0.9", ""))], [piece(("192.168.0.9", "host"))]
    assert endpoints.pods_behind(by_address, [HOST]) == ()
    assert named(endpoints.attributed(by_reference, [HOST])) == ["host"]


def test_the_port_of_the_slice_counts_and_not_the_target_port() -> None:
    slices = endpoints.attributed([piece(("10.0.0.1", ""))], [ONE])
    assert [p.target_port for p in endpoints.followed(service(), slices, ONE).spec.ports] == [8080]
    assert endpoints.followed(service(), slices, TWO).spec.ports == ()
    headless = service(clusterIP="None")
    assert endpoints.followed(headless, slices, ONE) == headless


NODE = msgspec.convert(
    {
        "metadata": {"name": "n1"},
        "spec": {"podCIDRs": ["10.0.0.0/24", "fd00::/64"]},
        "status": {"addresses": [{"address": "192.168.0.9"}, {"address": "n1"}]},
    },
    Node,
)


@pytest.mark.parametrize(
    ("address", "holder"),
    [
        (
            "10.0.0.1",
            AddressHolder(address="10.0.0.1", held_by="Pod", namespace="shop", name="one"),
        ),
        ("192.168.0.9", AddressHolder(address="192.168.0.9", held_by="Node", name="n1")),
        ("10.0.0.200", AddressHolder(address="10.0.0.200", for_pods=True)),
        ("fd00::9", AddressHolder(address="fd00::9", for_pods=True)),
        ("192.0.2.7", AddressHolder(address="192.0.2.7")),
        ("no address", AddressHolder(address="no address")),
    ],
)
def test_who_has_an_address(address: str, holder: AddressHolder) -> None:
    assert endpoints.holder_of(address, [ONE, HOST], [NODE]) == holder


@pytest.mark.parametrize(
    ("name", "alias"),
    [
        ("checkout.shop.svc.cluster.local", ("shop", "checkout")),
        ("checkout.shop.svc", ("shop", "checkout")),
        ("Checkout.shop.svc.example.", ("shop", "checkout")),
        ("checkout.shop.svc-eu.example.com", None),
        ("db.example.com", None),
        ("", None),
    ],
)
def test_which_service_an_alias_means(name: str, alias: tuple[str, str] | None) -> None:
    assert endpoints.alias_of(service(type="ExternalName", externalName=name)) == alias


@pytest.mark.parametrize(
    ("labels", "managers", "who"),
    [
        ({endpoints.MANAGED_BY: "knative"}, [], "knative"),
        ({endpoints.MANAGED_BY: endpoints.MIRRORING}, ["kube-controller-manager"], ""),
        ({}, ["operator", "operator"], "operator"),
        ({}, ["kubectl-client-side-apply"], ""),
    ],
)
def test_who_writes_a_slice(labels: dict[str, str], managers: list[str], who: str) -> None:
    metadata = {"name": "s", "labels": labels, "managers": [{"name": n} for n in managers]}
    assert endpoints.writers(msgspec.convert({"metadata": metadata}, EndpointSlice)) == who
