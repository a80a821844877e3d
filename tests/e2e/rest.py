"""Whether Kubernetes has caught up with a change; what is said meanwhile is true, and passes.

EndpointSlices follow their pods, and workloads their manifests, a moment later; on a busy machine
after seconds. A test that asks once must not ask in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]
SLICES = "endpointslices"
OLD_SLICES = "endpointslices.v1beta1.discovery.k8s.io"
"""The same on Kubernetes before 1.21."""
KINDS = f"services,{SLICES},pods,deployments,replicasets,statefulsets,daemonsets"
NAME = "kubernetes.io/service-name"
ENDED = ("Succeeded", "Failed")
"""Pods of these phases stay in the slices or not, by how they came to their end."""
MANAGED = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}


def at_rest(objects: Iterable[Document]) -> bool:
    """Return whether each EndpointSlice has the pods as they are, and each workload was seen."""
    kinds: dict[str, list[Document]] = {}
    for one in objects:
        kinds.setdefault(one["kind"], []).append(one)
    pods, slices = kinds.pop("Pod", []), kinds.pop("EndpointSlice", [])
    services = kinds.pop("Service", [])
    seen = all(_seen(one) for several in kinds.values() for one in several)
    ended = {p["metadata"]["name"] for p in pods if p["status"].get("phase") in ENDED}
    alive = [p for p in pods if p["metadata"]["name"] not in ended]
    return seen and all(
        _wanted(s, alive) == {e for e in _written(s, slices) if e[0] not in ended}
        for s in services
        if s["spec"].get("selector") and s["spec"].get("type") != "ExternalName"
    )


def _seen(workload: Document) -> bool:
    generation: int = workload["metadata"].get("generation", 0)
    return bool(workload.get("status", {}).get("observedGeneration", 0) >= generation)


def _wanted(service: Document, pods: list[Document]) -> set[tuple[str, bool]]:
    """The pods of a Service, and whether each is ready."""
    spec = service["spec"]
    all_ready = bool(spec.get("publishNotReadyAddresses"))
    families = spec.get("ipFamilies") or ["IPv4", "IPv6"]
    return {
        (pod["metadata"]["name"], all_ready or _ready(pod))
        for pod in pods
        if spec["selector"].items() <= pod["metadata"].get("labels", {}).items()
        if any(_family(ip["ip"]) in families for ip in pod["status"].get("podIPs", ()))
    }


def _ready(pod: Document) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = pod["status"].get("conditions", ())
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _written(service: Document, slices: list[Document]) -> set[tuple[str, bool]]:
    of = {NAME: service["metadata"]["name"], **MANAGED}
    return {
        (endpoint["targetRef"]["name"], bool(endpoint.get("conditions", {}).get("ready")))
        for one in slices
        if of.items() <= one["metadata"].get("labels", {}).items()
        for endpoint in one.get("endpoints") or ()
    }
