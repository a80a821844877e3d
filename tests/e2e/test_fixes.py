"""Every kind of fix is pasted: the undo of each cause, and what stands beside a first fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .fixing import Incident, broken_named_fixed
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

HTTP = "http://0.0.0.0:8080"
RECREATE = {"type": "Recreate"}


def _revision(*containers: Document, **pod: Any) -> Document:
    """A revision that replaces all pods of the one before."""
    return deployment(*containers, strategy=RECREATE, pod=pod)


def _shop(made: Document, target: int | str = 8080) -> list[Document]:
    return [made, service((80, target))]


WELL = [_revision(container(HTTP, ports=[8080]))]
MOVED = container("http://0.0.0.0:9000", ports={"http": 9000}, image="debian")

ROWS = [
    Incident(
        "the new revision opens no socket",
        "PC201",
        _shop(_revision(container(program="checkout"))),
        before=WELL,
    ),
    Incident(
        "the new revision needs a ConfigMap that does not exist",
        "PC108",
        _shop(_revision(container(HTTP, envFrom=[{"configMapRef": {"name": "settings"}}]))),
        before=WELL,
    ),
    Incident(
        "the new revision must not run as root, and its image does",
        "PC109",
        _shop(_revision(container(HTTP, securityContext={"runAsNonRoot": True}))),
        before=WELL,
    ),
    Incident(
        "the new revision has an init container that ends with an error",
        "PC110",
        _shop(
            _revision(container(HTTP), initContainers=[container("exit://?code=3", name="migrate")])
        ),
        before=WELL,
    ),
    Incident(
        "the new revision asks for a node that does not exist",
        "PC101",
        _shop(_revision(container(HTTP), nodeSelector={"disk": "none"})),
        before=WELL,
    ),
    Incident(
        "the last rollout put another program behind the Service",
        "PC401",
        _shop(_revision({**MOVED, "image": "portcheck.test/busybox:1"})),
        before=WELL,
    ),
    Incident(
        "the application moved, and its port has a name",
        "PC401",
        _shop(_revision(MOVED)),
        pasted=1,
    ),
    Incident(
        "the new revision asks its readiness probe on a port that no program opens",
        "PC411",
        _shop(_revision(container(HTTP, readiness=9999))),
        before=[_revision(container(HTTP, readiness=8080))],
        pasted=1,
    ),
    Incident(
        "the targetPort's name leads to a forgotten containerPort, and the number is used instead",
        "PC405",
        _shop(_revision(container("http://0.0.0.0:9000", ports={"web": 8080})), "web"),
        pasted=1,
    ),
]


@pytest.mark.parametrize("incident", ROWS, ids=[i.title for i in ROWS])
def test_broken_named_fixed(cluster: Cluster, namespace: str, incident: Incident) -> None:
    broken_named_fixed(cluster, namespace, incident)


def test_a_slice_by_hand_calls_the_port_by_another_name(cluster: Cluster, namespace: str) -> None:
    """The address of its endpoint is a pod's, which is known only once it runs."""
    cluster.apply([deployment(container(HTTP))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    words = ("get", "pods", "-o", "jsonpath={.items[0].status.podIP}")
    address = cluster.kubectl(*words, namespace=namespace, check=True).stdout
    ports = [{"name": "web", "port": 80, "targetPort": 8080}]
    led: Document = service(name="checkout", ports=ports)
    del led["spec"]["selector"]
    piece: Document = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "by-hand", "labels": {"kubernetes.io/service-name": "checkout"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }
    title = "a slice by hand calls the port by another name"
    broken_named_fixed(cluster, namespace, Incident(title, "PC305", [led, piece]))
