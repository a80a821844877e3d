"""Which Service port was meant, where an object names one that is not there."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Observed
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.references import Reference
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.meant import guess, has, is_there, of_protocol, tcp_ports

HTTP = {"name": "http", "port": 80, "targetPort": 8080}
NAMED = {"name": "web", "port": 81, "targetPort": "admin"}
NODE = {"name": "node", "port": 82, "nodePort": 30082}
DNS = {"name": "dns", "port": 53, "protocol": "UDP"}


def pod(*ports: dict[str, Any]) -> Pod:
    containers = [{"name": "app", "ports": list(ports)}]
    document = {
        "metadata": {"name": "p", "labels": {"app": "checkout"}},
        "spec": {"containers": containers},
        "status": {"phase": "Running"},
    }
    return msgspec.convert(document, Pod)


DECLARING = pod(
    {"name": "admin", "containerPort": 9000},
    {"name": "api", "containerPort": 8080},
    {"containerPort": 1},
)


def case_of(*ports: dict[str, Any], pods: tuple[Pod, ...] = (DECLARING,)) -> ServiceCase:
    service = msgspec.convert(
        {
            "metadata": {"name": "checkout"},
            "spec": {"selector": {"app": "checkout"}, "ports": list(ports)},
        },
        Service,
    )
    return ServiceCase(ServiceEvidence(service=service, pods=Observed(value=pods)))


def test_ports_by_their_protocol() -> None:
    case = case_of(HTTP, DNS)
    assert [p.name for p in tcp_ports(case)] == ["http"]
    assert [p.name for p in of_protocol(case, "")] == ["http", "dns"]
    assert [p.name for p in of_protocol(case, "UDP")] == ["dns"]
    assert has(case, 80)
    assert has(case, "http")
    assert not has(case, 8080)
    assert not has(case, 53)
    assert has(case, 53, "UDP")


def asked(port: int | str | None, **more: Any) -> Reference:
    return Reference(where="x", service="checkout", port=port, **more)


@pytest.mark.parametrize(
    ("reference", "there"),
    [
        (asked(None), True),
        (asked(None, default=443), False),
        (asked(None, default=80), True),
        (asked(80), True),
        (asked("http"), True),
        (asked(8080), False),
        (asked(53), False),
        (asked(53, protocol="UDP"), True),
        (asked(53, protocol=""), True),
        (asked("http", by="name"), True),
        (asked(80, by="name"), False),
        (asked(80, by="number"), True),
        (asked("http", by="number"), False),
        # A port of the endpoints: its name, or the number of the pods.
        (asked("http", by="endpoint-port"), True),
        (asked(8080, by="endpoint-port"), True),
        (asked("8080", by="endpoint-port"), True),
        (asked(80, by="endpoint-port"), False),
        (asked(9000, by="endpoint-port"), True),
        (asked("admin", by="endpoint-port"), False),
    ],
)
def test_whether_a_port_is_there(reference: Reference, there: bool) -> None:
    assert is_there(case_of(HTTP, NAMED, DNS), reference) is there


def test_a_port_of_endpoints_that_is_not_known() -> None:
    """A targetPort by a name leads to a number that only pods tell."""
    unknown = case_of(HTTP, NAMED, pods=())
    assert is_there(unknown, asked(7, by="endpoint-port"))
    assert is_there(case_of(HTTP, NAMED, pods=(pod(),)), asked(7, by="endpoint-port"))
    known = case_of(HTTP, pods=())
    assert is_there(known, asked(8080, by="endpoint-port"))
    assert not is_there(known, asked(7, by="endpoint-port"))


ALL = (HTTP, NAMED, NODE)


@pytest.mark.parametrize(
    ("ports", "named", "expected", "certain"),
    [
        (ALL, 80, {"http": "80 is its own number"}, True),
        (ALL, "80", {"http": "the name 80 is its number in quotes"}, True),
        (ALL, 8080, {"http": "8080 is its targetPort"}, True),
        (ALL, "admin", {"web": "admin is its targetPort"}, True),
        (ALL, 9000, {"web": "9000 is the pods' port, to which it leads"}, True),
        (ALL, "api", {"http": "api is the pods' port, to which it leads"}, True),
        (ALL, 30082, {"node": "30082 is its nodePort"}, True),
        (ALL, "htp", {"http": "its name http resembles htp"}, False),
        ((HTTP,), "zzz", {"http": "it is the Service's only port"}, True),
        ((HTTP, DNS), "zzz", {"http": "it is the Service's only port"}, True),
        (ALL, "zzz", dict.fromkeys(("http", "web", "node"), "it is a port of the Service"), False),
        (ALL, 7, dict.fromkeys(("http", "web", "node"), "it is a port of the Service"), False),
        (
            (HTTP, {**NODE, "targetPort": 8080}),
            8080,
            dict.fromkeys(("http", "node"), "8080 is its targetPort"),
            False,
        ),
        ((DNS,), 53, {}, False),
        # A container port without a name has none to be asked for.
        (
            ({**HTTP, "targetPort": 1}, NODE),
            "",
            dict.fromkeys(("http", "node"), "it is a port of the Service"),
            False,
        ),
    ],
)
def test_the_port_that_was_meant(
    ports: tuple[dict[str, Any], ...], named: int | str, expected: dict[str, str], certain: bool
) -> None:
    found = guess(case_of(*ports), named)
    assert {m.port.name: m.why for m in found.candidates} == expected
    assert found.certain is certain
    assert found.best == (found.candidates[0] if certain else None)


def test_a_port_of_any_protocol_may_be_meant() -> None:
    found = guess(case_of(HTTP, DNS), 53, "")
    assert [m.port.name for m in found.candidates] == ["dns"]
