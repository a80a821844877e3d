"""--debug-image: an ephemeral container where an image has nothing to ask with, only when asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kubectl_portcheck.render.rbac import render_role

from .portcheck import Diagnosis, diagnose, run
from .test_from import _binding
from .workloads import container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

IMAGE = "--debug-image=portcheck.test/busybox:1"
WARNING = "cannot be removed again and stays until the pod is deleted"


def bare(cluster: Cluster, namespace: str, **spec: Any) -> None:
    """A distroless pod that listens only on its loopback, and no probe."""
    app = container("tcp://127.0.0.1:8080", "tcp://0.0.0.0:9000", image="distroless", ports=[9000])
    cluster.apply([deployment(app, **spec), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)


def ask(cluster: Cluster, namespace: str, *flags: str) -> tuple[Diagnosis, str]:
    done = run(cluster, "svc/checkout", "-n", namespace, "-o", "json", *flags)
    assert done.stdout, (done.returncode, done.stderr)
    return Diagnosis(done.returncode, json.loads(done.stdout)), done.stderr


def added(cluster: Cluster, namespace: str) -> list[str]:
    pods = cluster.get("pods", "-l", "app=checkout", namespace=namespace)["items"]
    return [c["name"] for p in pods for c in p["spec"].get("ephemeralContainers", [])]


def test_it_is_added_once_announced_before_and_asked_again(
    cluster: Cluster, namespace: str
) -> None:
    bare(cluster, namespace)
    assert diagnose(cluster, namespace).verdict == "inconclusive"
    assert added(cluster, namespace) == []

    found, said = ask(cluster, namespace, IMAGE)
    assert (found.verdict, found.causes) == ("broken", ["PC202"])
    assert said.count(WARNING) == 1
    assert added(cluster, namespace) == ["portcheck"]

    # The next run finds it there, with the flag and without.
    found, said = ask(cluster, namespace, IMAGE)
    assert (found.verdict, said) == ("broken", "")
    assert diagnose(cluster, namespace).causes == ["PC202"]
    assert added(cluster, namespace) == ["portcheck"]


def test_an_image_that_is_not_there_ends_in_time_and_is_named(
    cluster: Cluster, namespace: str
) -> None:
    bare(cluster, namespace)
    found, said = ask(cluster, namespace, "--debug-image=portcheck.test/nothing:1")
    assert (found.code, found.verdict) == (3, "inconclusive")
    missing = str(found.report["services"][0]["missing"])
    # A registry that cannot be reached may take longer to fail than is waited for.
    assert "does not start" in missing or "did not start in time" in missing
    assert WARNING in said
    # Nor is another one added later on: a pod gets one.
    ask(cluster, namespace, IMAGE)
    assert added(cluster, namespace) == ["portcheck"]


def test_the_printed_role_is_enough_and_without_it_the_right_is_named(
    cluster: Cluster, namespace: str
) -> None:
    bare(cluster, namespace)
    cluster.apply(_binding(), namespace)
    cluster.apply(render_role(namespace=namespace), namespace)
    found, _ = ask(cluster, namespace, IMAGE, "--as=oncall")
    assert found.verdict == "inconclusive"
    missing = str(found.report["services"][0]["missing"])
    assert "patch pods/ephemeralcontainers is forbidden" in missing
    cluster.apply(render_role(namespace=namespace, debug=True), namespace)
    found, _ = ask(cluster, namespace, IMAGE, "--as=oncall")
    assert (found.verdict, found.causes) == ("broken", ["PC202"])


def test_a_pod_that_has_a_shell_is_left_as_it_is(cluster: Cluster, namespace: str) -> None:
    app = container("tcp://0.0.0.0:8080", image="busybox")
    cluster.apply([deployment(app), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    found, said = ask(cluster, namespace, IMAGE)
    assert (found.verdict, said) == ("healthy", "")
    assert added(cluster, namespace) == []


def test_one_pod_of_several_that_are_alike_is_enough(cluster: Cluster, namespace: str) -> None:
    bare(cluster, namespace, replicas=3)
    found, said = ask(cluster, namespace, IMAGE)
    assert said.count(WARNING) == 1
    assert "2 other pods like it stay unchanged" in said
    assert "PC202" in found.causes
    assert added(cluster, namespace) == ["portcheck"]


def test_the_own_ports_of_a_workload_are_looked_into_as_well(
    cluster: Cluster, namespace: str
) -> None:
    bare(cluster, namespace)
    done = run(cluster, "deploy/checkout:9000", "-n", namespace, "-o", "json", IMAGE)
    assert done.stderr.count(WARNING) == 1
    (pod,) = json.loads(done.stdout)["services"][-1]["pods"]
    assert {s["port"] for s in pod["listeners"] if s["source"] != "declared"} == {8080, 9000}
    assert added(cluster, namespace) == ["portcheck"]


def test_the_report_without_a_shell_ends_with_the_command_that_settles_it(
    cluster: Cluster, namespace: str
) -> None:
    """What a port-forward proves is said, and the command leads to a verdict."""
    bare(cluster, namespace)
    before = diagnose(cluster, namespace)
    service_report = before.report["services"][0]
    assert before.verdict == "inconclusive"
    assert "accepts connections on the pod's loopback address" in service_report["headline"]
    command = service_report["next"]["command"]
    assert command[:2] == ["kubectl", "portcheck"]
    # Any image with a shell will do; this cluster has one of its own.
    words = [w.replace("busybox", "portcheck.test/busybox:1") for w in command[2:]]
    done = run(cluster, *words, "-o", "json")
    after = Diagnosis(done.returncode, json.loads(done.stdout))
    assert (after.verdict, after.causes) == ("broken", ["PC202"])
    assert after.report["services"][0]["next"] is None


def test_the_pod_of_from_gets_one_where_it_has_no_tool(cluster: Cluster, namespace: str) -> None:
    served = deployment(container("http://0.0.0.0:8080", ports=[8080]))
    client = deployment(container(image="distroless"), name="client")
    cluster.apply([served, service((80, 8080)), client], namespace)
    for name in ("checkout", "client"):
        cluster.wait_ready(f"deployment/{name}", namespace)
    before, said = ask(cluster, namespace, "--from=deploy/client")
    report = before.report["services"][0]
    assert (before.verdict, WARNING in said) == ("inconclusive", False)
    pod = cluster.get("pods", "-l", "app=client", namespace=namespace)["items"][0]
    way = f"{namespace}/pod/{pod['metadata']['name']}"
    command = report["next"]["shell"]
    assert command.endswith(f"--from {way} --debug-image busybox")

    found, said = ask(cluster, namespace, f"--from={way}", IMAGE)
    met = found.report["services"][0]["from"]
    assert (found.verdict, said.count(WARNING)) == ("healthy", 1)
    assert met["container"] == "portcheck"
    assert [s["status"] for s in met["steps"]] == ["pass"] * 4
    # The next run finds it there.
    again, said = ask(cluster, namespace, "--from=deploy/client")
    assert (again.verdict, said) == ("healthy", "")
