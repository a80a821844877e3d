"""--from: the true path, from inside an existing pod."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from kubectl_portcheck.render.rbac import render_role

from .portcheck import Diagnosis, diagnose, paste, run
from .table import keep
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


NOT_KUBE_PROXYS = {"service.kubernetes.io/service-proxy-name": "another"}


def client(name: str, image: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container(image=image)]},
    }


@pytest.fixture(scope="module")
def shop(cluster: Cluster) -> Iterator[str]:
    """A namespace with clients of three images, and healthy and unhealthy Services."""
    name = cluster.make_namespace()
    app = container("tcp://0.0.0.0:8080", image="distroless", ports=[8080])
    closed = container("tcp://127.0.0.1:8080", name="app", image="distroless", ports=[8080])
    astray = service((80, 8080), name="astray", selector={"app": "checkout"})
    astray["metadata"]["labels"] = NOT_KUBE_PROXYS
    cluster.apply(
        [
            *(client(image, image) for image in ("busybox", "debian", "distroless")),
            deployment(app, replicas=2),
            service((80, 8080)),
            deployment(closed, name="closed"),
            service((80, 8080), name="closed"),
            astray,
        ],
        name,
    )
    for pod in ("busybox", "debian", "distroless"):
        cluster.wait_ready(f"pod/{pod}", name)
    cluster.wait_ready("deployment/checkout", name)
    cluster.wait_ready("deployment/closed", name)
    address = cluster.get("service/checkout", namespace=name)["spec"]["clusterIP"]
    cluster.wait_dial(address, 80, "accepted")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def ask(cluster: Cluster, namespace: str, target: str, *flags: str) -> Diagnosis:
    done = run(cluster, target, "-n", namespace, "-o", "json", *flags)
    assert done.stdout, (done.returncode, done.stderr)
    return Diagnosis(done.returncode, json.loads(done.stdout))


def within(found: Diagnosis) -> list[dict[str, Any]]:
    attempts = found.report["services"][0]["ports"][0]["attempts"]
    return [a for a in attempts if a["path"] == "in-cluster"]


@pytest.mark.parametrize("image", ["busybox", "debian"])
def test_it_settles_what_no_port_forward_can(cluster: Cluster, shop: str, image: str) -> None:
    """Distroless pods without a probe: a port-forward reaches only the loopback."""
    assert diagnose(cluster, shop).verdict == "inconclusive"
    found = ask(cluster, shop, "svc/checkout", f"--from=pod/{image}")
    assert found.verdict == "healthy"
    assert [a["outcome"] for a in within(found)] == ["accepted"] * 3
    assert sum(a["pod"] == "" for a in within(found)) == 1
    way = found.report["services"][0]["from"]
    assert (way["pod"], [s["status"] for s in way["steps"]]) == (image, ["pass"] * 4)


def test_the_services_address_fails_and_the_pods_own_work(cluster: Cluster, shop: str) -> None:
    found = ask(cluster, shop, "svc/astray", "--from=pod/debian")
    assert (found.code, found.verdict, found.causes) == (1, "degraded", ["PC604"])
    assert found.fix
    paste(cluster, found.fix)
    address = cluster.get("service/astray", namespace=shop)["spec"]["clusterIP"]
    cluster.wait_dial(address, 80, "accepted")
    well = ask(cluster, shop, "svc/astray", "--from=pod/debian")
    assert well.verdict == "healthy"
    keep("a label keeps kube-proxy from the Service (seen by --from)", found, well)


def test_a_listener_on_the_loopback_of_a_pod_without_a_shell(cluster: Cluster, shop: str) -> None:
    found = ask(cluster, shop, "svc/closed", "--from=pod/busybox")
    assert (found.verdict, found.causes) == ("broken", ["PC603"])


def test_a_pod_that_has_nothing_to_connect_with(cluster: Cluster, shop: str) -> None:
    found = ask(cluster, shop, "svc/checkout", "--from=pod/distroless")
    assert (found.code, found.verdict) == (3, "inconclusive")
    assert "pod/distroless has nothing to connect with" in str(found.report)


def test_a_pod_that_is_not_there(cluster: Cluster, shop: str) -> None:
    done = run(cluster, "svc/checkout", "-n", shop, "--from=pod/nobody")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pods "nobody" not found' in done.stderr


def test_what_was_met_is_saved_and_replayed(
    cluster: Cluster, shop: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = tmp_path_factory.mktemp("kept") / "kept.json"
    first = ask(cluster, shop, "svc/checkout", "--from=pod/debian", f"--save={kept}")
    done = run(cluster, "--replay", str(kept), "-o", "json")
    assert within(Diagnosis(done.returncode, json.loads(done.stdout))) == within(first)


def test_another_namespace_and_the_rights_for_it(cluster: Cluster, shop: str) -> None:
    """The printed Roles are enough; without the second of them the right is named."""
    other = cluster.make_namespace()
    try:
        cluster.apply(client("client", "busybox"), other)
        cluster.wait_ready("pod/client", other)
        cluster.apply(render_role(namespace=shop, source=other))
        for space in (shop, other):
            cluster.apply(_binding(), space)
        flags = ("--from=pod/client", f"--from-namespace={other}", "--as=oncall")
        assert ask(cluster, shop, "svc/checkout", *flags).verdict == "healthy"
        cluster.kubectl("delete", "role", "portcheck", namespace=other, check=True)
        found = ask(cluster, shop, "svc/checkout", *flags)
        assert found.verdict == "inconclusive"
        assert "pods/exec is forbidden" in str(found.report["services"][0]["missing"])
    finally:
        cluster.kubectl("delete", "namespace", other, "--wait=false")


def _binding() -> Document:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "portcheck"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "portcheck"},
        "subjects": [{"kind": "User", "name": "oncall", "apiGroup": group}],
    }
