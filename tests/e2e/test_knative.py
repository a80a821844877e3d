"""The Services that Knative makes for each revision. Its controllers are not there: a stand-in of
its kind owns the Services, and the test writes what they would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .crds import served
from .portcheck import diagnose_all
from .table import keep
from .test_paths import HTTP
from .test_references import of
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

KIND = "networking.internal.knative.dev"
REVISION = {"serving.knative.dev/revision": "hello-00001"}


def _service(name: str, which: str, uid: str, **spec: Document | None) -> Document:
    made = service((80, 8080), name=name)
    made["spec"].update(spec)
    made["metadata"]["labels"] = {f"{KIND}/serviceType": which, **REVISION}
    owner = {
        "apiVersion": f"{KIND}/v1alpha1",
        "kind": "ServerlessService",
        "name": "hello-00001",
        "uid": uid,
        "controller": True,
    }
    made["metadata"]["ownerReferences"] = [owner]
    return made


def _pods(replicas: int) -> Document:
    app = container(HTTP, ports=[8080])
    return deployment(app, replicas=replicas, labels={"app": "checkout", **REVISION})


def _deploy(cluster: Cluster, namespace: str, replicas: int) -> None:
    cluster.apply(of("ServerlessService", {"mode": "Serve"}, "hello-00001"), namespace)
    named = f"serverlessservice.{KIND}/hello-00001"
    uid = cluster.get(named, namespace=namespace)["metadata"]["uid"]
    public = _service("hello-00001", "Public", uid)
    del public["spec"]["selector"]
    private = _service("hello-00001-private", "Private", uid, selector=REVISION)
    cluster.apply([_pods(replicas), public, private], namespace)
    if replicas:
        cluster.wait_ready("deployment/checkout", namespace)


def test_a_public_service_without_endpoints(cluster: Cluster, namespace: str) -> None:
    with served(cluster, "ServerlessService"):
        _deploy(cluster, namespace, 1)
        found = diagnose_all(cluster, namespace, "svc/hello-00001")
        assert (found.verdict, found.causes) == ("broken", ["PC306"])
        [fix] = found.findings[0]["fixes"]
        assert "ServerlessService hello-00001" in fix["title"]
        [pod] = cluster.get("pods", namespace=namespace)["items"]
        cluster.apply(_endpoints(pod), namespace)

        def serves() -> bool:
            return diagnose_all(cluster, namespace, "svc/hello-00001").verdict == "healthy"

        cluster.until(serves, "the endpoints to be taken over")
        well = diagnose_all(cluster, namespace, "svc/hello-00001", "svc/hello-00001-private")
        assert well.verdict == "healthy"
        assert not [f for f in well.findings if f["severity"] != "info"]
        title = "the public Service of a Knative revision has no endpoints"
        keep(title, found, well, by_hand=True)


def _endpoints(pod: Document) -> Document:
    """What Knative writes: the addresses of the pods, or of its activator."""
    address = {
        "ip": pod["status"]["podIP"],
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]},
    }
    subset = {"addresses": [address], "ports": [{"name": "", "port": 8080}]}
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "hello-00001"},
        "subsets": [subset],
    }


def test_a_revision_at_zero(cluster: Cluster, namespace: str) -> None:
    with served(cluster, "ServerlessService"):
        _deploy(cluster, namespace, 0)
        found = diagnose_all(cluster, namespace, "svc/hello-00001-private")
        assert (found.code, found.verdict) == (0, "healthy")
        assert [(f["code"], f["severity"]) for f in found.findings] == [("PC121", "info")]
        _deploy(cluster, namespace, 1)
        well = diagnose_all(cluster, namespace, "svc/hello-00001-private")
        assert (well.verdict, well.findings) == ("healthy", [])
        title = "the private Service of a Knative revision that is scaled to zero"
        keep(title, found, well, by_hand=True)
        cluster.apply(_pods(replicas=0), namespace)
        cluster.until(
            lambda: not cluster.get("pods", namespace=namespace)["items"], "the pod to go"
        )
        # It ought to have a pod, and no node fits it.
        pods = _pods(replicas=1)
        pods["spec"]["template"]["spec"]["nodeSelector"] = {"portcheck.test/none": "x"}
        cluster.apply(pods, namespace)
        cluster.until(
            lambda: bool(cluster.get("pods", namespace=namespace)["items"]), "the pod to be made"
        )
        broken = diagnose_all(cluster, namespace, "svc/hello-00001-private")
        assert (broken.verdict, broken.causes) == ("broken", ["PC101"])
