"""Pods that have little to ask with, and people who may ask little."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kubectl_portcheck.render.rbac import render_role

from .portcheck import Diagnosis, diagnose, paste, run
from .test_from import _binding
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

pytestmark = pytest.mark.oldest


def role_without(namespace: str, *left_out: str) -> Document:
    role: Document = yaml.safe_load(render_role(namespace=namespace))
    role["rules"] = [r for r in role["rules"] if r["resources"][0] not in left_out]
    return role


def as_oncall(cluster: Cluster, namespace: str) -> Diagnosis:
    flags = ("svc/checkout", "-n", namespace, "--as=oncall", "-o", "json")
    done = run(cluster, *flags, PATH="/nowhere")
    assert done.stdout, (done.returncode, done.stderr)
    return Diagnosis(done.returncode, json.loads(done.stdout))


def sources(found: Diagnosis) -> set[str]:
    pods: list[dict[str, Any]] = found.report["services"][0]["pods"]
    return {s["source"] for p in pods for s in p["listeners"] or ()}


def test_the_only_shell_is_the_sidecars(cluster: Cluster, namespace: str) -> None:
    """The containers of a pod share its sockets: one shell answers for all."""
    app = container("tcp://0.0.0.0:9000", image="distroless", ports=[9000])
    sidecar = container(name="proxy", image="busybox")
    cluster.apply([deployment(app, sidecar, replicas=2), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(lambda: diagnose(cluster, namespace).verdict == "broken", "the endpoints")
    found = diagnose(cluster, namespace)
    assert found.causes == ["PC401"]
    assert sources(found) <= {"proc", "ss"}
    assert found.fix
    paste(cluster, found.fix)
    assert diagnose(cluster, namespace).verdict == "healthy"


def test_no_shell_and_no_right_to_exec(cluster: Cluster, namespace: str) -> None:
    """What is left are port-forwards; the answer is right, and says how it was found."""
    app = container("http://0.0.0.0:9000", image="distroless", ports=[9000], readiness=9000)
    cluster.apply([deployment(app, replicas=2), service((80, 8080))], namespace)
    cluster.apply([_binding(), role_without(namespace, "pods/exec")], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.until(lambda: as_oncall(cluster, namespace).code == 1, "the endpoints")
    found = as_oncall(cluster, namespace)
    assert (found.verdict, found.causes) == ("broken", ["PC401"])
    assert sources(found) == {"knock"}
    step = found.report["services"][0]["ports"][0]["steps"][1]
    assert step["summary"] == "inferred from port-forwards: 9000 in 2 of 2; 8080 in none"
    assert step["reason"] == "get pods/exec is forbidden"
    assert found.fix
    # The reader may look but not change: another person pastes it.
    paste(cluster, found.fix.replace(" --as=oncall", ""))
    assert as_oncall(cluster, namespace).verdict == "healthy"


def test_missing_rights_are_named_together_and_asking_for_them_helps(
    cluster: Cluster, namespace: str
) -> None:
    app = container("tcp://0.0.0.0:8080", image="debian")
    lacking = ("pods/exec", "pods/portforward", "replicasets", "networkpolicies")
    cluster.apply([deployment(app), service((80, 8080))], namespace)
    cluster.apply([_binding(), role_without(namespace, *lacking)], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    done = run(cluster, "svc/checkout", "-n", namespace, "--as=oncall", PATH="/nowhere")
    assert done.returncode == 3
    commands = re.findall(r"^ *(kubectl create role .*)$", done.stdout, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        paste(cluster, command)
        name = command.split()[3]
        grant = f"kubectl create rolebinding {name} -n {namespace} --role={name} --user=oncall"
        paste(cluster, grant)
    found = as_oncall(cluster, namespace)
    assert (found.verdict, found.report["missingRights"]) == ("healthy", [])
