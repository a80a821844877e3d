"""The library with a client of the package kubernetes, on a real cluster."""

from __future__ import annotations

from typing import Any

import kubernetes.client
import kubernetes.config
import pytest

from kubectl_portcheck import diagnose
from tests.e2e.conftest import Cluster
from tests.e2e.workloads import container, deployment, service


def configured(cluster: Cluster) -> Any:
    """What load_kube_config makes of the cluster's kubeconfig."""
    made: Any = kubernetes.client.Configuration()
    load: Any = kubernetes.config.load_kube_config
    load(str(cluster.kubeconfig), client_configuration=made)
    return made


def token_of(cluster: Cluster, account: str, namespace: str) -> str:
    done = cluster.kubectl("create", "token", account, namespace=namespace, check=True)
    return done.stdout.strip()


@pytest.fixture
def shop(cluster: Cluster, namespace: str) -> str:
    """A Service on port 8080 before a program that listens on 9000."""
    app = container("tcp://0.0.0.0:9000", image="busybox")
    cluster.apply([deployment(app), service((80, 8080))], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    cluster.settle(namespace)
    return namespace


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_client_walks_as_kubectls_own_connection_does(
    cluster: Cluster, shop: str, wrapped: bool
) -> None:
    made = configured(cluster)
    client: Any = kubernetes.client.ApiClient(made) if wrapped else made
    report = diagnose("svc/checkout", namespace=shop, client=client)
    (found,) = report.services
    assert (report.verdict, found.findings[0].code) == ("broken", "PC401")
    assert found.pods[0].listeners
    assert {a.path for p in found.ports for a in p.attempts} >= {"pod-port-forward"}


def test_the_refresh_hook_gives_the_token_as_in_an_operator(cluster: Cluster, shop: str) -> None:
    """A ServiceAccount's token, as load_incluster_config sets it up."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "operator"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "admin",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": shop}],
    }
    cluster.apply([role], shop)
    token = token_of(cluster, "default", shop)
    asked: list[str] = []

    def renew(made: Any) -> None:
        asked.append("")
        made.api_key["authorization"] = f"bearer {token}"

    made = configured(cluster)
    made.cert_file = made.key_file = None
    made.api_key = {"authorization": "bearer ended"}
    made.refresh_api_key_hook = renew
    report = diagnose("svc/checkout", namespace=shop, client=kubernetes.client.ApiClient(made))
    assert report.verdict == "broken"
    assert asked


def test_a_client_acts_as_the_user_of_its_headers(cluster: Cluster, shop: str) -> None:
    client: Any = kubernetes.client.ApiClient(configured(cluster))
    client.set_default_header("Impersonate-User", "nobody")
    report = diagnose("svc/checkout", namespace=shop, client=client)
    assert report.verdict == "inconclusive"
