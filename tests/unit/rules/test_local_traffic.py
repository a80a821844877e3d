"""PC308: traffic policies that keep clients on their node."""

import pytest

from kubectl_portcheck.collect.examples import evidence_of
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import Evidence
from kubectl_portcheck.model.report import Finding, ServiceReport

DOWN = "a node that is down"


def nodes(**states: str) -> str:
    return "".join(
        f"""
---
kind: Node
metadata: {{name: {name}}}
spec: {{{"" if spec == DOWN else spec}}}
status: {{conditions: [{{type: Ready, status: "{"False" if spec == DOWN else "True"}"}}]}}
"""
        for name, spec in states.items()
    )


def service(policy: str, on: str = "nodeName: one,", owner: str = "ReplicaSet") -> str:
    return f"""
kind: Service
metadata: {{name: cache}}
spec: {{{policy}, selector: {{app: cache}}, ports: [{{port: 6379}}]}}
---
kind: Pod
metadata: {{name: a, labels: {{app: cache}},
  ownerReferences: [{{kind: {owner}, name: x, uid: x, controller: true}}]}}
spec: {{containers: [{{name: app}}]}}
---
kind: EndpointSlice
metadata: {{name: s}}
endpoints: [{{addresses: [10.0.0.1], {on} targetRef: {{kind: Pod, name: a}}}}]
ports: [{{name: "", port: 6379}}]
---
probes: {{a: {{sockets: ["0.0.0.0:6379"]}}}}
"""


INTERNAL = "internalTrafficPolicy: Local"
NODE_PORT = "type: NodePort, externalTrafficPolicy: Local"
BALANCED = "type: LoadBalancer, externalTrafficPolicy: Local"


def report(evidence: Evidence) -> ServiceReport:
    return diagnose(evidence).services[0]


def findings(found: ServiceReport) -> list[Finding]:
    return [f for f in found.findings if f.code == "PC308"]


@pytest.mark.parametrize(
    ("policy", "owner", "verdict", "severity"),
    [
        (INTERNAL, "ReplicaSet", "degraded", ["error"]),
        (INTERNAL, "DaemonSet", "healthy", ["warning"]),
        (NODE_PORT, "ReplicaSet", "healthy", ["warning"]),
        (BALANCED, "ReplicaSet", "healthy", []),
        ("internalTrafficPolicy: Cluster", "ReplicaSet", "healthy", []),
    ],
)
def test_a_node_without_an_endpoint(
    policy: str, owner: str, verdict: str, severity: list[str]
) -> None:
    found = report(evidence_of(service(policy, owner=owner) + nodes(one="", two="")))
    assert (found.verdict, [f.severity for f in findings(found)]) == (verdict, severity)


@pytest.mark.parametrize(
    "two",
    [
        "unschedulable: true",
        "taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]",
        "taints: [{key: node.kubernetes.io/disk-pressure, effect: NoSchedule}]",
        DOWN,
    ],
)
def test_a_node_where_no_pod_runs_does_not_count(two: str) -> None:
    found = report(evidence_of(service(INTERNAL) + nodes(one="", two=two)))
    assert (found.verdict, findings(found)) == ("healthy", [])


@pytest.mark.parametrize("owner", ["ReplicaSet", "DaemonSet"])
def test_a_node_for_some_clients_is_a_warning(owner: str) -> None:
    two = "taints: [{key: a, effect: NoExecute}]"
    found = report(evidence_of(service(INTERNAL, owner=owner) + nodes(one="", two=two)))
    [problem] = findings(found)
    assert (found.verdict, problem.severity) == ("healthy", "warning")
    assert "nodes without an endpoint: two (taint a)" in str(problem.evidence)


def test_a_node_for_all_clients_beside_one_for_some_is_an_error() -> None:
    tainted = "taints: [{key: a, effect: NoExecute}]"
    found = report(evidence_of(service(INTERNAL) + nodes(one="", two="", three=tainted)))
    [problem] = findings(found)
    assert (found.verdict, problem.severity) == ("degraded", "error")
    assert "2 of 3 nodes" in problem.summary


def test_a_taint_that_is_a_preference_counts() -> None:
    two = "taints: [{key: a, effect: PreferNoSchedule}]"
    [problem] = findings(report(evidence_of(service(INTERNAL) + nodes(one="", two=two))))
    assert "1 of 2 nodes" in problem.summary


def test_an_endpoint_of_no_node_serves_no_client() -> None:
    found = report(evidence_of(service(INTERNAL, on="") + nodes(one="")))
    assert (found.verdict, [f.impact for f in findings(found)]) == ("broken", ["all"])


def test_nodes_that_may_not_be_read_prove_nothing() -> None:
    import msgspec

    evidence = evidence_of(service(INTERNAL) + nodes(one="", two=""))
    blind = msgspec.structs.replace(
        evidence.services[0], nodes=Missing(reason=Reason.FORBIDDEN, detail="cannot list nodes")
    )
    found = report(msgspec.structs.replace(evidence, services=(blind,)))
    assert findings(found) == []
    assert "cannot list nodes" in [n.missing for n in found.not_evaluated if n.code == "PC308"]
