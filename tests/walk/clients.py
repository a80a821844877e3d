"""Clients on the fake API server: pods in which a name is looked up and connections are made."""

from typing import Any

from tests.fake.api_server import NO_SHELL, Command, FakeApiServer
from tests.walk.shop import NAMESPACE

RESOLV = (
    "conf nameserver 10.96.0.2\n"
    "conf search {space}.svc.cluster.local svc.cluster.local cluster.local\n"
    "conf options ndots:5\n"
)
RIGHT = (
    "look python3 0 10.96.0.10\nask 10.96.0.2 udp python3 rcode 0 10.96.0.10\n"
    "ask 10.96.0.2 tcp python3 open\nend\n"
)


def client(
    name: str,
    namespace: str = NAMESPACE,
    *,
    ready: bool = True,
    running: bool = True,
    owner: str = "",
    labels: dict[str, str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A pod that may be taken for a client."""
    above = {"kind": "ReplicaSet", "name": owner, "uid": "u", "controller": True}
    state = {"running": {}} if running else {"waiting": {"reason": "ImagePullBackOff"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels or {"app": "web"},
            **({"ownerReferences": [above]} if owner else {}),
        },
        "spec": {
            "nodeName": "node-2",
            "dnsPolicy": "ClusterFirst",
            "containers": [{"name": "app"}],
            **spec,
        },
        "status": {
            "phase": "Running" if running else "Pending",
            "podIP": "10.0.1.1",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "app", "ready": ready, "state": state}],
        },
    }


def workload(name: str, namespace: str = NAMESPACE, kind: str = "Deployment") -> dict[str, Any]:
    """What made such pods."""
    group = "batch/v1" if kind == "Job" else "apps/v1"
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"matchLabels": {"app": name}}},
    }


def seat(
    server: FakeApiServer, pod: dict[str, Any], dns: str = RIGHT, dial: str = "0", tool: bool = True
) -> None:
    """Put the pod on the server, and what its programs say when they are asked."""
    space, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    server.add(pod)

    def run(_: str, argv: list[str]) -> Command:
        if not tool or argv[0] != "/bin/sh":
            return NO_SHELL
        if argv[-1].endswith(".svc"):
            return Command((RESOLV.format(space=space) + dns).encode())
        dials = [w for w in argv if w[:1].isdigit() and w.count(",") == 3]
        lines = [f"dial {w.partition(',')[0]} bash {dial}" for w in dials[:-1]]
        return Command("\n".join([*lines, f"dial {len(dials) - 1} bash 1 refused", "end"]).encode())

    server.commands[space, name] = run


def name_server(server: FakeApiServer, pods: int = 1) -> None:
    """The cluster's DNS Service, with so many pods."""
    space, labels = "kube-system", {"k8s-app": "kube-dns"}
    ports = [{"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"}]
    server.add(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": space},
            "spec": {"clusterIP": "10.96.0.2", "selector": labels, "ports": ports},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "coredns", "namespace": space},
            "spec": {
                "replicas": pods,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "coredns"}]},
                },
            },
        },
    )
    for i in range(pods):
        seat(server, client(f"coredns-{i}", space, labels=labels), tool=False)
