"""What EndpointSlices say, who wrote them, and what the controller makes of a Service's pods."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.objects import Endpoints, EndpointSlice, Pod, Service, ServicePort
from kubectl_portcheck.semantics import endpoints

READY: dict[str, Any] = {}
UNREADY = {"ready": False, "serving": False}
DRAINING = {"ready": False, "serving": True, "terminating": True}
GONE = {"ready": False, "serving": False, "terminating": True}
UNREADY_AND_SERVING = {"ready": False, "serving": True, "terminating": False}


def piece(*conditions: dict[str, Any], ports: Any = ({"name": "", "port": 8080},)) -> EndpointSlice:
    made = [
        {"addresses": [f"10.0.0.{n}"], "conditions": found, "targetRef": pod_ref(f"p{n}")}
        for n, found in enumerate(conditions, 1)
    ]
    written = {"metadata": {"name": "s"}, "endpoints": made, "ports": ports and list(ports)}
    return msgspec.convert(written, EndpointSlice)


def pod_ref(name: str) -> dict[str, str]:
    return {"kind": "Pod", "name": name}


def port(name: str = "", protocol: str = "TCP") -> ServicePort:
    return msgspec.convert({"name": name, "port": 80, "protocol": protocol}, ServicePort)


@pytest.mark.parametrize(
    ("ports", "asked", "number"),
    [
        ([{"name": "", "port": 8080}], port(), 8080),
        ([{"port": 8080}], port(), 8080),
        ([{"name": "http", "port": 8080}], port("http"), 8080),
        ([{"name": "http", "port": 8080}], port("web"), None),
        ([{"name": "http", "port": 8080}], port(), None),
        (
            [{"name": "dns", "port": 53}, {"name": "dns", "port": 54, "protocol": "UDP"}],
            port("dns", "UDP"),
            54,
        ),
        ([{"name": "http", "port": 8080}], port("http", "UDP"), None),
        ([], port(), None),
        (None, port(), None),
    ],
)
def test_the_number_under_which_an_endpoint_has_a_port(
    ports: Any, asked: ServicePort, number: int | None
) -> None:
    (found,) = endpoints.for_port([piece(READY, ports=ports)], asked)
    assert (found.port, found.pod) == (number, "p1")


def test_a_slice_without_endpoints_has_none() -> None:
    empty = msgspec.convert({"metadata": {"name": "s"}, "endpoints": None}, EndpointSlice)
    assert endpoints.for_port([empty], port()) == ()
    assert endpoints.pods_behind([empty], []) == ()
    assert endpoints.strangers([empty], []) == ()


def test_an_endpoint_that_refers_to_no_pod() -> None:
    written = {
        "metadata": {"name": "s"},
        "endpoints": [
            {"addresses": ["10.0.0.1"], "targetRef": {"kind": "Node", "name": "p1"}},
            {"addresses": ["10.0.0.2"]},
        ],
    }
    found = endpoints.for_port([msgspec.convert(written, EndpointSlice)], port())
    assert [e.pod for e in found] == [None, None]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([READY, UNREADY, DRAINING], ["p1"]),
        ([UNREADY, DRAINING, GONE], ["p2"]),
        ([UNREADY, GONE], []),
        ([UNREADY_AND_SERVING], []),
        ([{"ready": True, "serving": True}, READY], ["p1", "p2"]),
    ],
)
def test_which_endpoints_get_traffic(conditions: list[dict[str, Any]], expected: list[str]) -> None:
    found = endpoints.for_port([piece(*conditions)], port())
    assert [e.pod for e in endpoints.used(found)] == expected
    elsewhere = endpoints.for_port([piece(*conditions)], port("other"))
    assert endpoints.used(elsewhere) == ()


@pytest.mark.parametrize(
    ("own", "others", "foreign"),
    [
        (endpoints.CONTROLLER, [], False),
        ("knative", [], True),
        (None, [], False),
        (None, [endpoints.CONTROLLER], True),
        (None, ["knative"], False),
    ],
)
def test_whose_slice_it_is(own: str | None, others: list[str], foreign: bool) -> None:
    def labelled(manager: str | None) -> EndpointSlice:
        labels = {endpoints.MANAGED_BY: manager} if manager else {}
        return msgspec.convert({"metadata": {"name": "s", "labels": labels}}, EndpointSlice)

    piece_ = labelled(own)
    assert endpoints.is_foreign(piece_, [piece_, *map(labelled, others)]) is foreign


def test_strangers_are_addresses_that_no_pod_has() -> None:
    written = {
        "metadata": {"name": "s"},
        "endpoints": [
            {"addresses": ["192.0.2.1", "192.0.2.2"]},
            {"addresses": ["192.0.2.2"]},
            {"addresses": ["192.0.2.3"], "targetRef": {"kind": "Node", "name": "n"}},
        ],
    }

    def of(address_type: str) -> tuple[str, ...]:
        made = msgspec.convert({**written, "addressType": address_type}, EndpointSlice)
        return endpoints.strangers([made], [])

    assert of("IPv4") == ("192.0.2.1", "192.0.2.2", "192.0.2.3")
    assert of("FQDN") == ()


def pod(name: str, *, ready: bool = True, **more: Any) -> Pod:
    conditions = [{"type": "Ready", "status": str(ready)}]
    ips = more.pop("ips", ["10.0.0.1", "fd00::1"])
    status = {
        "phase": "Running",
        "conditions": conditions,
        "podIP": ips[0] if ips else "",
        "podIPs": [{"ip": ip} for ip in ips],
        **more.pop("status", {}),
    }
    containers = [
        {"name": "app", "ports": [{"name": "http", "containerPort": more.pop("http", 8080)}]}
    ]
    metadata = {"name": name, "namespace": "shop", **more.pop("metadata", {})}
    return msgspec.convert(
        {"metadata": metadata, "spec": {"containers": containers, **more}, "status": status}, Pod
    )


def service(**spec: Any) -> Service:
    ports = [{"name": "web", "port": 80, "targetPort": "http"}, {"name": "raw", "port": 9}]
    return msgspec.convert(
        {"metadata": {"name": "checkout"}, "spec": {"ports": ports, **spec}}, Service
    )


def made(of: Service, *pods: Pod) -> list[tuple[str, list[str], list[int]]]:
    return [
        (
            s.address_type,
            [e.target_ref.name for e in s.endpoints or () if e.target_ref],
            [p.port or 0 for p in s.ports or ()],
        )
        for s in endpoints.made_for(of, pods)
    ]


def test_the_slices_that_the_controller_makes() -> None:
    one, two, other = pod("one"), pod("two"), pod("other", http=9000)
    assert made(service(), one, two, other) == [
        ("IPv4", ["one", "two"], [8080, 9]),
        ("IPv4", ["other"], [9000, 9]),
    ]
    assert made(service(ipFamilies=["IPv6", "IPv4"]), one) == [
        ("IPv6", ["one"], [8080, 9]),
        ("IPv4", ["one"], [8080, 9]),
    ]
    assert made(service(ipFamilies=["IPv6"]), pod("one", ips=["10.0.0.1"])) == []
    named = [{"name": "web", "port": 80, "targetPort": "gone"}]
    assert made(service(ports=named), one) == [("IPv4", ["one"], [])]
    assert endpoints.made_for(service(ports=named), [one])[0].ports is None
    (piece_,) = endpoints.made_for(service(), [one])
    assert piece_.metadata.name == "checkout-0"
    assert not endpoints.is_foreign(piece_, [piece_])
    assert piece_.metadata.labels[endpoints.SERVICE_NAME] == "checkout"


@pytest.mark.parametrize("status", [{"phase": "Succeeded"}, {"phase": "Failed"}])
def test_a_pod_that_ended_or_has_no_address_is_no_endpoint(status: dict[str, str]) -> None:
    assert made(service(), pod("ended", status=status), pod("waiting", ips=[])) == []


LEAVING = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("of", "spec", "conditions"),
    [
        (pod("p"), {}, (True, True, False)),
        (pod("p", ready=False), {}, (False, False, False)),
        (pod("p", metadata=LEAVING), {}, (False, True, True)),
        (pod("p", ready=False, metadata=LEAVING), {}, (False, False, True)),
        (pod("p", ready=False), {"publishNotReadyAddresses": True}, (True, False, False)),
        (pod("p", metadata=LEAVING), {"publishNotReadyAddresses": True}, (True, True, True)),
    ],
)
def test_the_conditions_of_an_endpoint(
    of: Pod, spec: dict[str, Any], conditions: tuple[bool, bool, bool]
) -> None:
    (piece_,) = endpoints.made_for(service(**spec), [of])
    (found,) = piece_.endpoints or ()
    assert (found.ready, found.serving, found.terminating) == conditions
    assert found.node_name is None
    (piece_,) = endpoints.made_for(service(), [pod("p", nodeName="one")])
    assert [e.node_name for e in piece_.endpoints or ()] == ["one"]


def test_an_older_endpoints_object_as_slices() -> None:
    old = msgspec.convert(
        {
            "metadata": {"name": "checkout"},
            "subsets": [
                {
                    "addresses": [
                        {"ip": "10.0.0.1", "targetRef": pod_ref("p1")},
                        {"ip": "fd00::1"},
                    ],
                    "notReadyAddresses": [{"ip": "10.0.0.2", "nodeName": "one"}],
                    "ports": [{"name": "http", "port": 8080}],
                },
                {"notReadyAddresses": [{"ip": "10.0.0.3"}]},
            ],
        },
        Endpoints,
    )
    found = [
        (
            s.address_type,
            [(e.addresses[0], e.ready, e.node_name) for e in s.endpoints or ()],
            s.ports and [p.port for p in s.ports],
        )
        for s in endpoints.as_slices(old)
    ]
    assert found == [
        ("IPv4", [("10.0.0.1", True, None), ("10.0.0.2", False, "one")], [8080]),
        ("IPv6", [("fd00::1", True, None)], [8080]),
        ("IPv4", [("10.0.0.3", False, None)], None),
    ]


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (pod("p"), ("10.0.0.1", "fd00::1")),
        (pod("p", hostNetwork=True), ()),
        (pod("p", status={"phase": "Failed"}), ()),
        (pod("p", status={"phase": "Succeeded"}), ()),
        (pod("p", status={"podIPs": []}), ("10.0.0.1",)),
        (pod("p", ips=[]), ()),
    ],
)
def test_the_addresses_that_only_the_pod_has(of: Pod, expected: tuple[str, ...]) -> None:
    assert endpoints.own_addresses(of) == expected


@pytest.mark.parametrize(
    ("named", "number"),
    [("p1", 8080), ("p2", None)],
)
def test_the_number_of_a_port_in_one_pod(named: str, number: int | None) -> None:
    assert endpoints.carried([piece(READY)], port(), pod(named)) == number
    assert endpoints.carried([piece(READY, ports=None)], port(), pod(named)) is None
