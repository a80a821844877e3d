"""Which pods get clients by their own state, and which ports of a pod are worth a connection."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Observed
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.probes import ListeningSocket, PodSockets
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.contact import MOST_TRIED, by_sockets, ports_to_try, targets
from kubectl_portcheck.semantics.traffic import impact_on, is_new, receives

NOW = "2026-06-01T12:00:00Z"
LONG_AGO, NINE_AGO, TEN_AGO = "2026-06-01T11:00:00Z", "2026-06-01T11:59:51Z", "2026-06-01T11:59:50Z"


def pod(name: str = "a", *, ready: bool = True, ip: str = "10.0.0.1", **more: Any) -> Pod:
    """``made``, ``readied`` and ``started`` are times."""
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": more.get("readied")}
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": NOW}
    running = {"running": {"startedAt": more.get("started", LONG_AGO)}}
    document = {
        "metadata": {"name": name, "creationTimestamp": more.get("made", LONG_AGO)},
        "spec": {"containers": [{"name": "app", **more.get("container", {})}]},
        "status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}] if ip else [],
            "conditions": [condition, scheduled],
            "containerStatuses": [{"name": "app", "state": more.get("state", running)}],
        },
    }
    return msgspec.convert(document, Pod)


def service(**spec: Any) -> Service:
    return msgspec.convert({"metadata": {"name": "s"}, "spec": spec}, Service)


def case_of(*pods: Pod, **spec: Any) -> ServiceCase:
    evidence = ServiceEvidence(service=service(**spec), pods=Observed(value=pods))
    return ServiceCase(evidence, NOW)


@pytest.mark.parametrize(
    ("found", "published", "expected"),
    [
        (pod(), False, True),
        (pod(ready=False), False, False),
        (pod(ready=False), True, True),
        (pod(ip=""), False, False),
        (pod(ip=""), True, False),
    ],
)
def test_whether_clients_are_sent_to_a_pod(found: Pod, published: bool, expected: bool) -> None:
    assert receives(case_of(publishNotReadyAddresses=published), found) is expected


A, B, UNREADY = pod("a"), pod("b"), pod("c", ready=False)


@pytest.mark.parametrize(
    ("pods", "faulty", "impact"),
    [
        ([A, B], [A, B], Impact.ALL),
        ([A, B], [A], Impact.PODS),
        ([A, B], [], Impact.NONE),
        ([A, UNREADY], [UNREADY], Impact.NONE),
        ([A, UNREADY], [A], Impact.ALL),
        ([UNREADY], [UNREADY], Impact.ALL),
    ],
)
def test_what_faulty_pods_mean_for_clients(
    pods: list[Pod], faulty: list[Pod], impact: Impact
) -> None:
    assert impact_on(case_of(*pods), faulty) == impact


@pytest.mark.parametrize(
    ("found", "new"),
    [
        (pod(), False),
        (pod(made=NINE_AGO), True),
        (pod(made=TEN_AGO), False),
        (pod(readied=NINE_AGO), True),
        (pod(readied=TEN_AGO), False),
        (pod(started=NINE_AGO), True),
        (pod(state={"running": {}}), False),
        (pod(state={"waiting": {}}), False),
    ],
)
def test_a_pod_is_new_where_anything_of_it_is(found: Pod, new: bool) -> None:
    assert is_new(case_of(), found) is new


PORTS = [
    {"port": 80, "targetPort": 8080},
    {"name": "dns", "port": 53, "protocol": "UDP"},
    {"name": "x", "port": 81, "targetPort": "gone"},
]


def test_the_tcp_ports_that_clients_are_sent_to() -> None:
    found = service(ports=PORTS)
    assert targets(found, found.spec.ports, pod()) == {8080}
    headless = service(ports=PORTS, clusterIP="None")
    assert targets(headless, headless.spec.ports, pod()) == {80, 81}


def test_the_ports_that_are_tried() -> None:
    declared = [
        {"containerPort": 9000},
        {"containerPort": 8080},
        {"containerPort": 5005},
        {"containerPort": 7000, "name": "jvm-debug"},
        {"containerPort": 53, "protocol": "UDP"},
    ]
    container = {"ports": declared, "livenessProbe": {"tcpSocket": {"port": 9001}}}
    assert ports_to_try(pod(container=container), {8080, 1}) == [1, 8080, 9000, 9001]
    many = [{"containerPort": n} for n in range(1, 40)]
    found = ports_to_try(pod(container={"ports": many}), {100})
    assert found == [100, *range(1, MOST_TRIED + 1)]


def sockets(*addresses: str, complete: bool = True) -> PodSockets:
    made = tuple(
        ListeningSocket(
            protocol="TCP",
            family="IPv4",
            address=a.rpartition(":")[0],
            port=int(a.rpartition(":")[2]),
            source="proc",
        )
        for a in addresses
    )
    return PodSockets(listeners=made, source="proc", complete=complete)


@pytest.mark.parametrize(
    ("found", "of", "families", "expected"),
    [
        (sockets("0.0.0.0:80"), pod(), ["IPv4"], ({80}, {81})),
        (sockets("0.0.0.0:80", "0.0.0.0:5005", "127.0.0.1:81"), pod(), [], ({80}, {81})),
        (sockets("0.0.0.0:80", "0.0.0.0:81"), pod(), [], ({80, 81}, set())),
        (sockets("0.0.0.0:80", complete=False), pod(), [], ({80}, set())),
        (sockets("0.0.0.0:80"), pod(), ["IPv6"], (set(), set())),
        (sockets("0.0.0.0:80"), pod(ip=""), [], (set(), set())),
    ],
)
def test_the_ports_that_the_sockets_show(
    found: PodSockets, of: Pod, families: list[str], expected: tuple[set[int], set[int]]
) -> None:
    assert by_sockets(service(ipFamilies=families), of, found, {80, 81}) == expected
