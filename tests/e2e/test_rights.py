"""The walk under exactly the Role that it prints, and under that Role less each of its rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from kubectl_portcheck.model import kinds
from kubectl_portcheck.render.rbac import RULES, render_role

from .portcheck import diagnose, run
from .workloads import container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

pytestmark = pytest.mark.oldest

BINDING = """
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: portcheck}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: portcheck}
subjects: [{kind: User, name: oncall, apiGroup: rbac.authorization.k8s.io}]
"""


UNUSED = (
    *("endpoints", "statefulsets", "daemonsets", "controllerrevisions", "events"),
    *("httproutes", "grpcroutes", "tlsroutes", "tcproutes", "servicemonitors", "podmonitors"),
    *("referencegrants", "persistentvolumeclaims", "configmaps", "jobs", "serviceaccounts"),
)
"""What this incident does not ask for: a Deployment's pods that are all ready, and no custom
resources are served."""


@pytest.fixture(scope="module")
def incident(cluster: Cluster) -> Iterator[str]:
    """A namespace with the debrief's incident, and a person on call who has a Role."""
    name = cluster.make_namespace()
    app = container("http://0.0.0.0:9000", "http://0.0.0.0:9100", ports=[9000], readiness=9100)
    cluster.apply(render_role(), name)
    cluster.apply(BINDING, name)
    cluster.apply([deployment(app, replicas=2), service((80, 8080))], name)
    cluster.wait_ready("deployment/checkout", name)
    cluster.until(lambda: diagnose(cluster, name).verdict == "broken", "the endpoints to follow")
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def report(cluster: Cluster, namespace: str) -> tuple[int, dict[str, Any]]:
    """The walk of the person on call. kubectl is not beside it, to help it out."""
    flags = ("svc/checkout", "-n", namespace, "--as=oncall", "-o", "json")
    done = run(cluster, *flags, PATH="/nowhere")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_the_printed_role_is_enough(cluster: Cluster, incident: str) -> None:
    code, found = report(cluster, incident)
    service_report = found["services"][0]
    assert (code, found["verdict"], service_report["missing"]) == (1, "broken", [])
    lead = service_report["findings"][0]
    assert (lead["code"], lead["cause"]) == ("PC401", True)
    # The Role only looks; who may change everything reads nothing of it.
    assert lead["fixes"][0]["missingRight"]["resource"] == "services"
    assert diagnose(cluster, incident).findings[0]["fixes"][0]["missingRight"] is None


@pytest.mark.parametrize(("group", "left_out"), [r[:2] for r in RULES])
def test_each_rule_is_needed_or_its_lack_is_named(
    cluster: Cluster, incident: str, group: str, left_out: str
) -> None:
    role = yaml.safe_load(render_role())
    rule = [[group], [left_out]]  # Several groups have NetworkPolicies.
    role["rules"] = [r for r in role["rules"] if [r["apiGroups"], r["resources"]] != rule]
    cluster.apply(role, incident)
    try:
        code, found = report(cluster, incident)
    finally:
        cluster.apply(render_role(), incident)
    assert found["verdict"] in ("broken", "inconclusive")
    assert code == {"broken": 1, "inconclusive": 3}[found["verdict"]]
    stands_in = left_out == "endpoints" and not cluster.serves("discovery.k8s.io/v1")
    unused = left_out in UNUSED or group in kinds.OPTIONAL_GROUPS
    if unused and not stands_in:
        assert (found["verdict"], found["services"][0]["missing"]) == ("broken", [])
        return
    missing = " ".join(found["services"][0]["missing"])
    assert "forbidden" in missing
    assert left_out in missing
