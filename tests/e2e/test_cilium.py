"""Policies of Cilium are read where they are served. Nothing enforces them on the test cluster.

So a client is served all the same, and the report says that it is not known whether they are
enforced, until a connection shows that they are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import crds
from .portcheck import diagnose, diagnose_all
from .table import keep
from .workloads import Document, client_pod, container, deployment, labels_of, service

if TYPE_CHECKING:
    from .conftest import Cluster


def policy(*rules: Document, **spec: Any) -> Document:
    """A policy for the pods of the Service."""
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "api-allow"},
        "spec": {"endpointSelector": labels_of("checkout"), "ingress": list(rules), **spec},
    }


def rule(port: int, **layer_7: Any) -> Document:
    """Pods of the namespace may connect to the port."""
    to: Document = {"ports": [{"port": str(port), "protocol": "TCP"}], **layer_7}
    return {"fromEndpoints": [{}], "toPorts": [to]}


def test_a_policy_of_cilium_names_the_old_port(cluster: Cluster, namespace: str) -> None:
    app = container("http://0.0.0.0:9000", ports={"http": 9000})
    with crds.served(cluster, "CiliumNetworkPolicy"):
        made = [deployment(app), service((80, 9000)), client_pod("web"), policy(rule(8080))]
        cluster.apply(made, namespace)
        cluster.wait_ready("deployment/checkout", namespace)
        cluster.wait_ready("pod/web", namespace)

        found = diagnose(cluster, namespace)
        asked = diagnose_all(cluster, namespace, "svc/checkout", "--from=pod/web")
        swept = diagnose_all(cluster, namespace)
        cluster.apply(policy(rule(8080), rule(9000)), namespace)
        well = diagnose(cluster, namespace)
        cluster.apply(policy(rule(9000, rules={"http": [{"method": "GET"}]})), namespace)
        beyond = diagnose(cluster, namespace)

    assert (found.code, found.verdict, found.causes) == (3, "inconclusive", ["PC720"])
    assert found.findings[0]["subject"]["kind"] == "CiliumNetworkPolicy"
    assert "--from" in found.report["services"][0]["next"]["shell"]
    assert (asked.verdict, asked.findings) == ("healthy", []), "a client gets through"
    assert swept.causes == ["PC720"]
    assert (well.verdict, well.findings) == ("healthy", [])
    keep("a policy of Cilium names the old port (read, not enforced)", found, well, by_hand=True)
    assert (beyond.verdict, beyond.findings) == ("healthy", [])
    untold = [n["missing"] for n in beyond.report["services"][0]["notEvaluated"]]
    assert "CiliumNetworkPolicy api-allow: rules of layer 7: not compared" in untold
