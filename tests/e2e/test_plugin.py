"""The program as kubectl's plugin, and what users meet when something is wrong with the call."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .portcheck import PROGRAM, diagnose, run
from .workloads import container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster


def through_kubectl(cluster: Cluster, *args: str) -> subprocess.CompletedProcess[str]:
    environ = cluster.environment()
    environ["PATH"] = f"{PROGRAM.parent}{os.pathsep}{environ['PATH']}"
    return subprocess.run(
        [str(cluster.kubectl_path), "portcheck", *args],
        env=environ,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_kubectl_runs_it_and_passes_its_exit_code_on(cluster: Cluster, namespace: str) -> None:
    app = container("http://0.0.0.0:8080")
    cluster.apply(
        [
            deployment(app),
            service((80, 8080)),
            service((80, 9999), name="wrong", selector={"app": "checkout"}),
        ],
        namespace,
    )
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(
        lambda: diagnose(cluster, namespace).verdict == "healthy", "the endpoints to follow"
    )

    well = through_kubectl(cluster, "svc/checkout", "-n", namespace)
    broken = through_kubectl(cluster, "svc/wrong", "-n", namespace)
    unknown = through_kubectl(cluster, "svc/wrng", "-n", namespace)

    assert (well.returncode, well.stderr) == (0, "")
    assert "HEALTHY" in well.stdout.splitlines()[0]
    assert (broken.returncode, broken.stderr) == (1, "")
    assert "BROKEN" in broken.stdout.splitlines()[0]
    assert (unknown.returncode, unknown.stdout) == (2, "")
    plugins = subprocess.run(
        [str(cluster.kubectl_path), "plugin", "list"],
        env={**os.environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert str(PROGRAM) in plugins.stdout


def test_a_service_that_does_not_exist(cluster: Cluster, namespace: str) -> None:
    cluster.apply(service((80, 8080)), namespace)
    done = run(cluster, "svc/chekout", "-n", namespace)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        'Error from server (NotFound): services "chekout" not found\nDid you mean checkout?\n'
    )


def test_a_namespace_that_does_not_exist(cluster: Cluster) -> None:
    done = run(cluster, "svc/checkout", "-n", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error from server (NotFound)")


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--context", "nowhere"], 'error: context "nowhere" does not exist'),
        (["--server", "https://127.0.0.1:1"], "127.0.0.1:1 was refused"),
    ],
)
def test_no_cluster_is_one_clear_line(cluster: Cluster, flags: list[str], line: str) -> None:
    done = run(cluster, "svc/checkout", *flags)
    assert (done.returncode, done.stdout) == (4, "")
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_credentials_that_are_refused(cluster: Cluster, tmp_path: Path) -> None:
    view = ("config", "view", "--minify", "--raw", "-o", "json")
    config = json.loads(cluster.kubectl(*view, check=True).stdout)
    config["users"][0]["user"] = {"token": "wrong-8c1f"}
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(json.dumps(config))
    done = run(cluster, "svc/checkout", KUBECONFIG=str(kubeconfig))
    assert (done.returncode, done.stdout) == (4, "")
    first, hint = done.stderr.splitlines()
    assert first == "error: You must be logged in to the server (Unauthorized)"
    assert "log in again" in hint
    assert "wrong-8c1f" not in done.stderr


def test_no_kubeconfig_at_all(cluster: Cluster) -> None:
    done = run(cluster, "svc/checkout", KUBECONFIG="/nowhere", HOME="/nowhere")
    assert (done.returncode, done.stdout) == (4, "")
    assert "localhost:8080" in done.stderr


def test_no_right_to_read_the_service(cluster: Cluster, namespace: str) -> None:
    cluster.apply(service((80, 8080)), namespace)
    done = run(cluster, "svc/checkout", "-n", namespace, "--as=nobody", "-o", "json")
    assert (done.returncode, done.stderr) == (3, "")
    report = json.loads(done.stdout)
    assert report["verdict"] == "inconclusive"
    assert "get services is forbidden" in json.dumps(report)


READ_ONLY = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [services, pods], verbs: [get, list]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: User, name: reader, apiGroup: rbac.authorization.k8s.io}]
"""


def test_what_cannot_be_done_is_named_and_no_pass(cluster: Cluster, namespace: str) -> None:
    app = container("http://0.0.0.0:9000", ports=[9000])
    cluster.apply(READ_ONLY, namespace)
    cluster.apply([deployment(app), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)

    done = run(cluster, "svc/checkout", "-n", namespace, "--as=reader", "-o", "json")

    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (3, "inconclusive")
    steps = {s["name"]: s for s in report["services"][0]["ports"][0]["steps"]}
    assert steps["pod-status"]["status"] == "pass"
    for name in ("listening-ports", "pod-port-forward", "service-port-forward"):
        assert steps[name]["status"] == "skipped"
        assert "forbidden" in steps[name]["reason"]


def test_without_a_shell_what_is_inferred_is_labelled(cluster: Cluster, namespace: str) -> None:
    app = container("http://0.0.0.0:8080", image="distroless", ports={"http": 8080}, readiness=8080)
    cluster.apply([deployment(app), service((80, "http"))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(
        lambda: diagnose(cluster, namespace).verdict == "healthy", "the endpoints to follow"
    )

    found = diagnose(cluster, namespace)

    step = found.report["services"][0]["ports"][0]["steps"][1]
    inferred = "inferred from port-forwards: 8080 in the pod"
    assert (step["status"], step["summary"]) == ("skipped", inferred)
    assert "no shell" in step["reason"]


def test_nothing_is_left_behind(cluster: Cluster, namespace: str) -> None:
    """The walk is read-only: no object appears or changes in the namespace."""

    def objects() -> list[tuple[str, str]]:
        kinds = "all,endpointslices,configmaps,roles,events"
        found = cluster.get(kinds, namespace=namespace)["items"]
        return sorted((o["metadata"]["uid"], o["metadata"]["resourceVersion"]) for o in found)

    cluster.apply([deployment(container("tcp://127.0.0.1:8080")), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(
        lambda: diagnose(cluster, namespace).verdict == "broken", "the endpoints to follow"
    )

    def unchanged() -> bool:
        # What Kubernetes itself still writes, such as a late event, comes to an end.
        before = objects()
        diagnose(cluster, namespace)
        return objects() == before

    cluster.until(unchanged, "a walk that changes nothing")


def test_show_commands_can_be_pasted(cluster: Cluster, namespace: str) -> None:
    app = container("http://0.0.0.0:9000")
    cluster.apply([deployment(app), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    found = diagnose(cluster, namespace)
    commands = [s["command"] for s in found.report["services"][0]["ports"][0]["steps"]]
    assert all(commands)
    for command in commands[:4]:
        words = re.sub(r"^kubectl", str(cluster.kubectl_path), command)
        done = subprocess.run(
            ["/bin/sh", "-c", words],
            env=cluster.environment(),
            capture_output=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
