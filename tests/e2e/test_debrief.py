"""What a debrief asks, on a real cluster: who moved the port, what still names the old one, and
who would take a fix back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .portcheck import diagnose, paste, run
from .workloads import container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


def shop(port: int) -> list[dict[str, Any]]:
    """The shop as a Helm release would make it, with the application on this port."""
    app = container(
        f"http://0.0.0.0:{port}", "http://0.0.0.0:9100", ports={"http": port}, readiness=9100
    )
    app["env"].append({"name": "HTTP_PORT", "value": "s3cret-8080"})
    return [deployment(app), policy()]


def policy() -> dict[str, Any]:
    """A policy that admits the old port; nothing enforces it here."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "checkout"},
        "spec": {
            "podSelector": {"matchLabels": {"app": "checkout"}},
            "ingress": [{"ports": [{"port": 8080}]}, {"ports": [{"port": 9000}]}],
        },
    }


def test_who_moved_the_port_and_who_takes_a_fix_back(cluster: Cluster, namespace: str) -> None:
    owned = service((80, 8080))
    owned["metadata"]["annotations"] = {"meta.helm.sh/release-name": "shop"}
    cluster.apply([*shop(8080), owned], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.apply(shop(9000), namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "broken", "the endpoints")
    cluster.until(
        lambda: len(diagnose(cluster, namespace).report["services"][0]["pods"]) == 1, "one pod"
    )

    found = diagnose(cluster, namespace)

    said = found.report["services"][0]
    assert found.causes == ["PC401"]
    moved, served = said["changes"]
    assert moved["subject"]["kind"] == "Deployment"
    assert moved["summary"].startswith("revision 2, ")
    assert moved["summary"].endswith("ago: containerPort 8080 (http) → 9000 (http)")
    assert moved["by"] == served["by"] == "kubectl-client-side-apply"
    assert served["subject"]["kind"] == "Service"
    assert said["oldPort"]["port"] == 8080
    assert said["oldPort"]["places"] == [
        "targetPort of Service checkout, port 80",
        "NetworkPolicy checkout",
        "perhaps Deployment checkout: HTTP_PORT (values are not read)",
    ]
    assert "s3cret" not in str(found.report)
    live, by_name, source = found.findings[0]["fixes"]
    assert live["owner"] == by_name["owner"] == "Helm release shop"
    assert (source["target"], source["command"]) == ("source", None)
    assert "at the next helm upgrade" in source["title"]
    assert "targetPort: 9000" in source["patch"]
    shown = run(cluster, "svc/checkout", "-n", namespace, "-o", "wide").stdout
    assert "revision 2" in shown
    assert "Helm release shop takes a live change back" in shown
    assert found.fix
    paste(cluster, found.fix)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "healthy", "the fix")


def test_a_stateful_sets_history_and_its_operator(cluster: Cluster, namespace: str) -> None:
    def shop(port: int) -> dict[str, Any]:
        made = deployment(container(f"http://0.0.0.0:{port}", ports=[port]))
        made["kind"] = "StatefulSet"
        made["spec"]["serviceName"] = "checkout"
        made["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "apps"}
        return made

    cluster.apply([shop(8080), service((80, 8080))], namespace)
    cluster.wait_ready("statefulset/checkout", namespace)
    cluster.apply(shop(9000), namespace)
    cluster.wait_ready("statefulset/checkout", namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "broken", "the endpoints")

    found = diagnose(cluster, namespace)

    (moved, _) = found.report["services"][0]["changes"]
    assert moved["subject"]["kind"] == "StatefulSet"
    assert moved["summary"].endswith("ago: containerPort 8080 → 9000")
    assert found.findings[0]["fixes"][0]["owner"] is None  # The Service belongs to no one.
