"""A shop on the fake API server: one Service, three pods, and what their containers answer."""

import io
import json
import time
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from tests.fake.api_server import Command, FakeApiServer
from tests.stopwatch import stopwatch

NAMESPACE = "production"
PODS = tuple(f"checkout-{i}" for i in range(3))


def sockets(*ports: int) -> bytes:
    """What the script prints in a container that listens on these ports, on every address."""
    rows = "\n".join(
        f"   {i}: 00000000:{port:04X} 00000000:0000 0A 00000000:00000000 00:00000000 00000000"
        f"     0        0 {1000 + i} 1 0000000000000000 100 0 0 10 0"
        for i, port in enumerate(ports)
    )
    held = "\n".join(
        f"lrwx------ 1 0 0 64 Jan  1 00:00 /proc/1/fd/{3 + i} -> socket:[{1000 + i}]"
        for i, _ in enumerate(ports)
    )
    return (
        f"portcheck 1\ncpu processor\t: 0\ntable tcp\n{rows}\ntable tcp6\ntable udp\ntable udp6\n"
        f"ss\nprocs\np 1 + 0\t0\t0\t0 python3\n{held}\nend\n"
    ).encode()


def shop(server: FakeApiServer, *listening: int, target: int = 8080, pods: int = 3) -> None:
    """Puts the shop on the server: pods that listen on the ports, a Service to ``target``."""
    labels = {"app": "checkout"}
    names = [f"checkout-{i}" for i in range(pods)]
    server.add(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "checkout", "namespace": NAMESPACE},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": "10.96.0.10",
                "ipFamilies": ["IPv4"],
                "selector": labels,
                "ports": [{"port": 80, "targetPort": target, "protocol": "TCP"}],
            },
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "checkout-1",
                "namespace": NAMESPACE,
                "labels": {
                    "kubernetes.io/service-name": "checkout",
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
            },
            "addressType": "IPv4",
            "ports": [{"name": "", "port": target, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [f"10.0.0.{i}"],
                    "conditions": {"ready": True},
                    "targetRef": {"kind": "Pod", "name": name, "namespace": NAMESPACE},
                }
                for i, name in enumerate(names)
            ],
        },
        *(_pod(name, i, labels, listening[0]) for i, name in enumerate(names)),
        *_owners(labels, listening[0]),
    )
    for name in names:
        server.commands[NAMESPACE, name] = lambda _, __: Command(sockets(*listening))
        server.ports[NAMESPACE, name] = dict.fromkeys(listening, "accepted")


def _owners(labels: dict[str, str], port: int) -> list[dict[str, Any]]:
    """The Deployment of the pods, and its ReplicaSet."""
    made: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "ports": [{"containerPort": port}]}]},
            },
        },
    }
    return [
        {
            **made,
            "kind": "Deployment",
            "metadata": {"name": "checkout", "namespace": NAMESPACE, "uid": "d-1"},
        },
        {
            **made,
            "kind": "ReplicaSet",
            "metadata": {
                "name": "checkout-7c",
                "namespace": NAMESPACE,
                "uid": "r-1",
                "labels": labels,
                "annotations": {"deployment.kubernetes.io/revision": "1"},
                "ownerReferences": [
                    {"kind": "Deployment", "name": "checkout", "uid": "d-1", "controller": True}
                ],
            },
        },
    ]


def _pod(name: str, number: int, labels: dict[str, str], port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": labels,
            "ownerReferences": [
                {"kind": "ReplicaSet", "name": "checkout-7c", "uid": "r-1", "controller": True}
            ],
        },
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": "app", "ports": [{"containerPort": port}]}],
        },
        "status": {
            "phase": "Running",
            "podIP": f"10.0.0.{number}",
            "podIPs": [{"ip": f"10.0.0.{number}"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "app", "ready": True, "state": {"running": {}}}],
        },
    }


class Run(NamedTuple):
    """One run of the program, as a whole."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report; empty where there is none."""
        found: dict[str, Any] = json.loads(self.stdout) if self.stdout else {}
        return found

    @property
    def verdict(self) -> str:
        """The verdict; '' where there is no report."""
        return str(self.report.get("verdict", ""))

    @property
    def causes(self) -> list[str]:
        """The codes of the findings that are causes."""
        found = (f for s in self.report.get("services", ()) for f in s["findings"])
        return [f["code"] for f in found if f["cause"]]


def walk(server: FakeApiServer, folder: Path, *flags: str) -> Run:
    """Runs the program on the shop's Service, with ``-o json``."""
    return program(server, folder, "svc/checkout", *flags)


def program(
    server: FakeApiServer,
    folder: Path,
    *flags: str,
    namespace: str = NAMESPACE,
    stdin: BinaryIO | None = None,
) -> Run:
    """Runs the program on the server, with ``-o json``."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(server.kubeconfig()))
    out, err = io.StringIO(), io.StringIO()
    where = ["-n", namespace] if namespace else []
    form = [] if {"-o", "-q"} & {*flags} else ["-o", "json"]
    argv = [*flags, *where, *form]
    # No kubectl is beside it: what it would do better is not what is tested here.
    environ = {"KUBECONFIG": str(kubeconfig), "PATH": "/nowhere"}
    with stopwatch() as spent:
        code = main(argv, Environment(out, err, environ, stdin))
    return Run(code, out.getvalue(), err.getvalue(), spent.seconds)


def await_quiet(server: FakeApiServer) -> None:
    """Wait until the program has asked for all that it can: for a third of a second nothing new."""
    seen = -1
    while seen != len(server.requests):
        seen = len(server.requests)
        with stopwatch() as spent:
            while spent.seconds < 0.3:
                time.sleep(0.02)
