"""Many pods on several nodes, watched while they are replaced."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.e2e.nodes.test_incidents import SERVICE, roll_out, settled, web
from tests.e2e.portcheck import run
from tests.e2e.workloads import service

if TYPE_CHECKING:
    from tests.e2e.conftest import Cluster
    from tests.e2e.nodes.conftest import Nodes

PODS = 72
SECONDS = 150


def reports(text: str) -> list[dict[str, Any]]:
    """The JSON documents that a watch printed one after the other."""
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        report, end = decoder.raw_decode(text)
        found.append(report)
        text = text[end:]
    return found


def test_a_rollout_of_many_pods_is_no_fault(cluster: Cluster, namespace: str, nodes: Nodes) -> None:
    """Its pods end as they are asked to; at each look some of them are gone, or end."""
    made = web(nodes, replicas=PODS)
    made["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 2
    roll_out(cluster, namespace, made, service((80, 8080)))
    settled(cluster, namespace, SERVICE, verdict="healthy")
    before = {p["metadata"]["name"] for p in cluster.get("pods", namespace=namespace)["items"]}
    words = (SERVICE, "-n", namespace, "--watch", "-o", "json", f"--timeout={SECONDS}s")
    with ThreadPoolExecutor(1) as pool:
        watch = pool.submit(run, cluster, *words, timeout=SECONDS + 60)
        cluster.kubectl(
            "rollout", "restart", "deployment/checkout", namespace=namespace, check=True
        )
        cluster.wait_ready("deployment/checkout", namespace, timeout=SECONDS)
        done = watch.result()
    seen = reports(done.stdout)
    services = [r["services"][0] for r in seen]
    notes = [note for s in services for note in s["notes"]]
    print(len(seen), [len(s["pods"]) for s in services], notes)
    assert len(seen) > 3, "the reports change with the pods"
    for report, found in zip(seen, services, strict=True):
        why = found["headline"], found["missing"][:3]
        assert report["verdict"] == "healthy", why
    assert any("deleted during the check" in note for note in notes)
    after = {p["name"] for p in services[-1]["pods"]}
    assert len(after) == PODS
    assert not after & before, "the last report is about the new pods"
