"""The cluster of three nodes, and what is done to its nodes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import BED, Cluster, connect

NAME = os.environ.get("PORTCHECK_E2E_NODES", "portcheck-nodes")
"""The test bed's cluster, which is up before these tests: ``make e2e-nodes`` does that."""

SETTLED = 60
"""Seconds in which the cluster notices what became of a node."""


@dataclass
class Nodes:
    """The nodes of the cluster by the last part of their names, and the bed's commands on them."""

    cluster: Cluster

    def full(self, role: str) -> str:
        """Give the name that Kubernetes knows."""
        return f"{NAME}-{role}"

    def address(self, role: str) -> str:
        """Give the node's IPv4 address."""
        addresses = self.cluster.get(f"node/{self.full(role)}")["status"]["addresses"]
        return str(next(a["address"] for a in addresses if a["type"] == "InternalIP"))

    def proxy_mode(self) -> str:
        """Give the mode in which kube-proxy works."""
        return _bed("enter", "curl", "--silent", "http://127.0.0.1:10249/proxyMode")

    def enforces(self) -> bool:
        """Tell whether kube-router's firewall runs on the nodes."""
        return "KUBE-ROUTER" in _bed("enter", "iptables-save", "--table", "filter")

    def from_outside(self, target: str) -> str:
        """Give what a client on the machine meets, which is no part of the cluster."""
        host, _, port = target.rpartition(":")
        return self.cluster.dial(host, int(port), timeout=3)

    def change(self, what: str, *nodes: str) -> None:
        """Stop or start a node, cut one off or heal it."""
        _bed("node", what, *nodes)

    def restore(self) -> None:
        """Start and heal whatever needs it, and wait until all are Ready."""
        for role in ("worker", "worker2"):
            _bed("node", "start", role)
            _bed("node", "heal", role)
            self.cluster.kubectl("uncordon", self.full(role), check=True)
            self.await_ready(role, "True")

    def await_ready(self, role: str, status: str) -> None:
        """Wait until the API server says so of a node: True, or Unknown for one that is lost."""
        what = f"node/{self.full(role)}"
        wanted = f"jsonpath={{.status.conditions[?(@.type=='Ready')].status}}={status}"
        limit = f"--timeout={SETTLED}s"
        self.cluster.kubectl("wait", what, f"--for={wanted}", limit, timeout=90, check=True)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """Give the cluster of three nodes in the place of the one that other tests use."""
    kubeconfig = Path(_bed("kubeconfig"))
    return connect(kubeconfig, Path(_bed("kubectl", named=False)), direct=True)


@pytest.fixture
def nodes(cluster: Cluster) -> Iterator[Nodes]:
    """Give the nodes, and make them well again at the end."""
    found = Nodes(cluster)
    yield found
    found.restore()


def _bed(*words: str, named: bool = True) -> str:
    name = ["--name", NAME] if named else []
    command = [str(BED / "bed"), words[0], *name, *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()
