"""Recordings of other tools: what is not in them is missing, and never absent."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_portcheck.collect.snapshots import kubectl_output
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.base import Missing, Observed

META = {"namespace": "prod", "uid": "u-1"}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "checkout", **META},
    "spec": {
        "clusterIP": "10.96.0.1",
        "selector": {"app": "checkout"},
        "ports": [{"port": 80, "targetPort": "htpp"}],
    },
    "status": {"loadBalancer": {}},
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "checkout-1", "labels": {"app": "checkout"}, **META},
    "spec": {"containers": [{"name": "a", "ports": [{"name": "http", "containerPort": 8080}]}]},
    "status": {
        "phase": "Running",
        "podIP": "10.0.0.1",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "a", "ready": True, "state": {"running": {}}}],
    },
}
SLICE: dict[str, Any] = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "c-1", "labels": {"kubernetes.io/service-name": "checkout"}, **META},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "checkout-1"}}],
    "ports": None,
}


def printed(*items: dict[str, Any]) -> bytes:
    listed = {"apiVersion": "v1", "kind": "List", "items": list(items), "metadata": {}}
    return yaml.safe_dump(listed).encode()


def test_what_kubectl_get_prints() -> None:
    report = diagnose(kubectl_output.decode(printed(SERVICE, POD, SLICE), "x.yaml"))
    service = report.services[0]
    assert report.context.source == "snapshot"
    assert report.verdict == "broken"
    assert service.findings[0].code == "PC402"
    assert service.pods[0].pod.metadata.name == "checkout-1"


def test_json_and_gzip_and_documents() -> None:
    one = kubectl_output.decode(printed(SERVICE, POD), "x")
    listed = {"kind": "List", "items": [SERVICE, POD]}
    assert kubectl_output.decode(gzip.compress(json.dumps(listed).encode()), "x") == one
    assert kubectl_output.decode(yaml.safe_dump_all([SERVICE, POD]).encode(), "x") == one


def test_what_was_not_recorded_is_not_evaluated() -> None:
    healthy = json.loads(json.dumps(SERVICE).replace("htpp", "http"))
    report = diagnose(kubectl_output.decode(printed(healthy, POD), "x"))
    assert report.verdict == "inconclusive"
    missing = {n.missing for n in report.services[0].not_evaluated}
    assert "EndpointSlices were not recorded" in missing
    assert str(report.services[0].headline) == "could not tell: EndpointSlices were not recorded"
    service = kubectl_output.decode(printed(healthy), "x").services[0]
    assert isinstance(service.pods, Missing)
    assert diagnose(kubectl_output.decode(printed(healthy), "x")).verdict == "inconclusive"


def dump(folder: Path, **kinds: list[dict[str, Any]]) -> Path:
    """The folder that ``kubectl cluster-info dump --output-directory`` leaves behind."""
    (folder / "prod" / "checkout-1").mkdir(parents=True)
    (folder / "prod" / "checkout-1" / "logs.txt").write_text("{{ [ no yaml")
    (folder / "nodes.json").write_text('{"kind": "NodeList", "apiVersion": "v1", "items": []}')
    for kind, items in kinds.items():
        bare = [{k: v for k, v in i.items() if k not in ("kind", "apiVersion")} for i in items]
        name = {"services": "Service", "pods": "Pod", "deployments": "Deployment"}[kind]
        api = "apps/v1" if name == "Deployment" else "v1"
        listed = {"kind": f"{name}List", "apiVersion": api, "metadata": {}, "items": bare}
        (folder / "prod" / f"{kind}.json").write_text(json.dumps(listed, indent=4))
    return folder


def test_a_folder_of_cluster_info_dump(tmp_path: Path) -> None:
    found = kubectl_output.load(dump(tmp_path / "d", services=[SERVICE], pods=[POD]))
    assert diagnose(found).services[0].findings[0].code == "PC402"
    assert isinstance(found.services[0].endpoint_slices, Missing)


def test_an_empty_list_is_a_recording_too(tmp_path: Path) -> None:
    found = kubectl_output.load(dump(tmp_path / "d", services=[SERVICE], pods=[], deployments=[]))
    assert found.services[0].pods == Observed(value=())
    assert diagnose(found).services[0].findings[0].code == "PC301"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "holds no Service"),
        (b"\xff", "not UTF-8"),
        (b"\x1f\x8bxx", "is damaged"),
        (b"kind: List\nitems: [", "x:2: is not valid YAML"),
        (printed(POD), "holds no Service"),
        (b"kind: Service\nmetadata: {name: a}\n", "was not recorded from a cluster"),
        (printed({**SERVICE, "spec": 5}), "a mapping is wanted"),
        (b"[" * 100_000, "nested too deep: at most 200 levels"),
    ],
)
def test_anything_else_ends_with_a_line(raw: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        kubectl_output.decode(raw, "x")


def test_endpoints_where_slices_are_not_served() -> None:
    endpoints = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "checkout", **META},
        "subsets": [
            {
                "addresses": [{"ip": "10.0.0.1"}],
                "notReadyAddresses": [{"ip": "10.0.0.2"}],
                "ports": [{"port": 1}],
            }
        ],
    }
    found = kubectl_output.decode(printed(SERVICE, endpoints), "x").services[0].endpoint_slices
    assert isinstance(found, Observed)
    assert [e.ready for e in found.value[0].endpoints or ()] == [True, False]
