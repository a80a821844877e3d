"""Every problem that a test cluster can produce: broken, named, fixed, healthy again.

What needs more than two states of the manifests stands beside: test_paths, test_policies,
test_speech, test_from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from . import incidents
from .fixing import Incident, broken_named_fixed
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


HTTP = "http://0.0.0.0:8080"
RECREATE = {"type": "Recreate"}


def _well(**changes: Any) -> list[Document]:
    return [deployment(container(HTTP), **changes), service((80, 8080))]


def _bare(name: str, **spec: Any) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "checkout"}},
        "spec": {"terminationGracePeriodSeconds": 0, **spec},
    }


def _job(made: Document, labels: dict[str, str]) -> Document:
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [made]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate"},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": pod}},
    }


def _gate(*gates: str) -> dict[str, object]:
    return {"readinessGates": [{"conditionType": g} for g in gates]}


ROWS = [
    Incident(
        "the application moved from 8080 to 9000, the Service did not",
        "PC401",
        incidents.checkout(),
    ),
    Incident(
        "only the program moved; containerPort and Service still say 8080",
        "PC401",
        [deployment(container("http://0.0.0.0:9000", ports=[8080])), service((80, 8080))],
    ),
    Incident("a misspelt named targetPort", "PC402", incidents.named_port()),
    Incident("a misspelt selector", "PC301", incidents.selector()),
    Incident("the Deployment is scaled to zero", "PC301", _well(replicas=0)),
    Incident(
        "the program listens on 127.0.0.1 only",
        "PC202",
        incidents.loopback(),
        by_hand=incidents.loopback("0.0.0.0"),
    ),
    Incident("the program opens no socket", "PC201", incidents.nothing_listens(), by_hand=_well()),
    Incident(
        "no node fits the pod's nodeSelector",
        "PC101",
        _well(pod={"nodeSelector": {"portcheck.test/no": "node"}}),
        by_hand=_well(pod={"nodeSelector": None}),
    ),
    Incident(
        "the new revision's image cannot be had",
        "PC103",
        [deployment(container(HTTP, image="nowhere"), strategy=RECREATE), service((80, 8080))],
        before=_well(strategy=RECREATE),
    ),
    Incident(
        "the new revision crashes",
        "PC102",
        incidents.crash_loop(broken=True),
        before=incidents.crash_loop(broken=False),
    ),
    Incident(
        "the new revision answers its readiness probe with 500",
        "PC104",
        [
            deployment(container(f"{HTTP}?status=500", readiness=8080), strategy=RECREATE),
            service((80, 8080)),
        ],
        before=[deployment(container(HTTP, readiness=8080), strategy=RECREATE)],
    ),
    Incident(
        "readiness asks a port that no program opens",
        "PC411",
        [deployment(container(HTTP, ports=[8080], readiness=8081)), service((80, 8080))],
    ),
    Incident(
        "liveness asks a port that no program opens, and the container is killed again and again",
        "PC411",
        [
            deployment(
                container(
                    HTTP,
                    ports=[8080],
                    livenessProbe={
                        "tcpSocket": {"port": 8081},
                        "periodSeconds": 1,
                        "failureThreshold": 1,
                    },
                )
            ),
            service((80, 8080)),
        ],
    ),
    Incident(
        "a readiness gate that no controller sets",
        "PC105",
        _well(pod=_gate("portcheck.test/switch")),
        by_hand=_well(pod=_gate()),
    ),
    Incident(
        "the only pod ran to its end",
        "PC107",
        [
            _bare("once", restartPolicy="Never", containers=[container("exit://?code=0&after=0s")]),
            service((80, 8080)),
        ],
        by_hand=_well(),
    ),
    Incident(
        "an IPv4 Service before a program that listens on IPv6 only",
        "PC204",
        [
            deployment(container("tcp6://[::]:8080")),
            service((80, 8080), ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack"),
        ],
        by_hand=[deployment(container("tcp://0.0.0.0:8080"))],
    ),
    Incident("a UDP port before a TCP socket", "PC206", incidents.udp(), target="svc/statsd"),
    Incident(
        "the targetPort's name is declared for UDP",
        "PC403",
        [
            deployment(
                {
                    **container(HTTP),
                    "ports": [{"name": "web", "containerPort": 8080, "protocol": "UDP"}],
                }
            ),
            service((80, "web")),
        ],
    ),
    Incident(
        "the targetPort's name leads to a containerPort that was forgotten",
        "PC405",
        [deployment(container("http://0.0.0.0:9000", ports={"web": 8080})), service((80, "web"))],
    ),
    Incident(
        "a headless Service whose port is not the pods'",
        "PC406",
        incidents.headless(),
        target="svc/orders-db",
    ),
    Incident(
        "two applications behind one selector",
        "PC309",
        incidents.two_apps(),
        verdict="degraded",
        target="svc/web",
    ),
    Incident(
        "a Job's pod has the labels that the Service selects, and runs",
        "PC309",
        [
            deployment(container(HTTP), labels={"component": "web"}),
            _job(container("sleep"), {"app": "checkout"}),
            service((80, 8080)),
        ],
        verdict="degraded",
    ),
    Incident(
        "a port is asked for that the Service does not have",
        "PC408",
        _well(),
        verdict="broken",
        target="svc/checkout:8080",
        by_hand=_well(),
    ),
]


@pytest.mark.parametrize("incident", ROWS, ids=[f"{i.cause}-{i.title}" for i in ROWS])
def test_broken_named_fixed(cluster: Cluster, namespace: str, incident: Incident) -> None:
    broken_named_fixed(cluster, namespace, incident)
