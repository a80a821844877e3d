"""Which workloads replace one another."""

from typing import Any

import msgspec
import pytest

from kubectl_portcheck.model.base import Observed
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.objects import Pod, PodSpec, Service, Workload
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.twins import ARGO, HASH, alike, are_twins, rests


@pytest.mark.parametrize(
    ("one", "other", "twins"),
    [
        ("blue", "green", True),
        ("checkout-blue", "checkout-green", True),
        ("checkout", "checkout-v2", True),
        ("v1", "v2", True),
        ("checkout-stable", "checkout-canary", True),
        ("web", "worker", False),
        ("checkout", "payment", False),
        ("web-blue", "worker-green", False),
        ("blue", "blue", False),
    ],
)
def test_they_differ_only_in_a_side_or_a_version(one: str, other: str, twins: bool) -> None:
    assert are_twins(one, other) is twins


def resting(
    name: str = "checkout-canary",
    *,
    pods: tuple[Pod, ...] = (),
    deployments: tuple[Workload, ...] = (),
    selector: dict[str, str] | None = None,
    spec: dict[str, Any] | None = None,
    **metadata: Any,
) -> str:
    chosen = {"app": "checkout"} if selector is None else selector
    document = {
        "metadata": {"name": name, **metadata},
        "spec": {"selector": chosen, **(spec or {})},
    }
    evidence = ServiceEvidence(
        service=msgspec.convert(document, Service),
        pods=Observed(value=pods),
        deployments=Observed(value=deployments),
    )
    return rests(ServiceCase(evidence))


def deployment(replicas: int, app: str = "checkout", name: str = "checkout") -> Workload:
    template = {"metadata": {"labels": {"app": app}}}
    document = {
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "template": template},
    }
    return msgspec.convert(document, Workload)


def pod(phase: str) -> Pod:
    return msgspec.convert({"metadata": {"name": "p"}, "status": {"phase": phase}}, Pod)


FLAGGER = [{"kind": "Canary", "name": "checkout"}]
OF_FLAGGER = "Flagger's Canary checkout gives it pods while it tries a release"
OF_ARGO = "Rollout web gives it pods while it tries a release"
SCALED = "Deployment checkout is scaled to 0, as a canary is between releases"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"ownerReferences": FLAGGER}, OF_FLAGGER),
        ({"ownerReferences": [{"kind": "Rollout", "name": "x"}]}, ""),
        ({"ownerReferences": FLAGGER, "name": "checkout"}, ""),
        ({"ownerReferences": FLAGGER, "name": "checkout-preview"}, OF_FLAGGER),
        ({"ownerReferences": FLAGGER, "pods": (pod("Running"),)}, ""),
        ({"ownerReferences": FLAGGER, "pods": (pod("Succeeded"),)}, ""),
        ({"ownerReferences": FLAGGER, "selector": {}}, ""),
        ({"ownerReferences": FLAGGER, "spec": {"type": "ExternalName"}}, ""),
        ({"annotations": {ARGO: "web"}}, OF_ARGO),
        ({"selector": {HASH: "1"}}, OF_ARGO.replace("Rollout web", "an Argo Rollout")),
        ({"deployments": (deployment(0),)}, SCALED),
        ({"deployments": (deployment(1),)}, ""),
        ({"deployments": (deployment(0), deployment(1))}, ""),
        ({"deployments": (deployment(0), deployment(1, "cart"))}, SCALED),
        ({"deployments": (deployment(0, "cart"),)}, ""),
        ({}, ""),
    ],
)
def test_why_a_service_has_no_pods_by_design(found: dict[str, Any], why: str) -> None:
    assert resting(**found) == why


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["shop/app:1"], ["shop/app:2"], True),
        (["shop/app:1"], ["shop/web:1"], False),
        (["shop/app:1", "proxy"], ["shop/app:2"], False),
        (["a", "b"], ["b", "a"], True),
    ],
)
def test_pods_of_the_same_programs(one: list[str], other: list[str], same: bool) -> None:
    first, second = (
        msgspec.convert({"containers": [{"name": "c", "image": i} for i in images]}, PodSpec)
        for images in (one, other)
    )
    assert alike(first, second) is same
