"""Services that declare different protocols for one port of pods in Istio's mesh: here these have a
container of its sidecar's name, and no mesh runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .portcheck import diagnose, diagnose_all
from .table import keep
from .test_istio import shop
from .workloads import Document, service

if TYPE_CHECKING:
    from .conftest import Cluster


def declared(name: str, protocol: str) -> Document:
    made = service((80, 8080), name=name, selector={"app": "checkout"})
    made["spec"]["ports"][0]["appProtocol"] = protocol
    return made


def test_two_services_declare_different_protocols(cluster: Cluster, namespace: str) -> None:
    shop(cluster, namespace, declared("checkout", "http"), declared("second", "tcp"))
    found = diagnose(cluster, namespace)
    swept = diagnose_all(cluster, namespace)
    cluster.apply(declared("second", "http"), namespace)
    well = diagnose(cluster, namespace)
    assert [f["code"] for f in found.findings] == ["PC728"]
    assert "PC728" in [f["code"] for f in swept.findings]
    assert well.findings == []
    title = "two Services declare different protocols for a port of pods in Istio's mesh"
    keep(title, found, well, by_hand=True)
