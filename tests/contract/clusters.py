"""The clusters on which the scenes play, each on the fake API server."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from kubectl_portcheck import diagnose_snapshot, to_json
from tests.fake import faults
from tests.fake.api_server import Command, FakeApiServer
from tests.walk.clients import client, name_server, seat, workload
from tests.walk.shop import NAMESPACE, shop, sockets
from tests.walk.town import add_service

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "kubectl_portcheck" / "demo" / "checkout.json.gz"
MANIFEST = """\
apiVersion: v1
kind: Service
metadata:
  name: checkout
spec:
  selector: {app: checkout}
  ports:
  - {port: 80, targetPort: http}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers:
      - name: app
        image: checkout:1
        ports:
        - {name: web, containerPort: 8080}
"""


def broken(server: FakeApiServer) -> None:
    """No process listens on the targetPort."""
    shop(server, 9000, 9100)


def healthy(server: FakeApiServer) -> None:
    """All is as it should be."""
    shop(server, 8080)


def older(server: FakeApiServer) -> None:
    """All is as it should be, on a Kubernetes that is older than those of the tests."""
    shop(server, 8080)
    server.version = "v1.20.15"


def degraded(server: FakeApiServer) -> None:
    """One of three pods listens elsewhere."""
    shop(server, 8080)
    server.commands[NAMESPACE, "checkout-2"] = lambda _, __: Command(sockets(9000))
    server.ports[NAMESPACE, "checkout-2"] = {9000: "accepted"}


def unready(server: FakeApiServer) -> None:
    """No pod may be listed."""
    shop(server, 8080)
    words = (
        'pods is forbidden: User "oncall" cannot list resource "pods" in API group "" in the '
        f'namespace "{NAMESPACE}"'
    )
    server.on(r"GET /api/v1/namespaces/\w+/pods", faults.status(403, "Forbidden", words))


def refusing(server: FakeApiServer) -> None:
    """The credentials are refused."""
    server.on(".", faults.status(401, "Unauthorized", "Unauthorized"))


def town(server: FakeApiServer) -> None:
    """Several Services, one of which is broken."""
    add_service(server, "atlas", NAMESPACE, probed=8080)
    add_service(server, "books", NAMESPACE, listening=9000)
    add_service(server, "clock", NAMESPACE, probed=8080)


def forbidden(server: FakeApiServer) -> None:
    """Services may not be listed."""
    words = (
        'services is forbidden: User "oncall" cannot list resource "services" in API group "" in '
        f'the namespace "{NAMESPACE}"'
    )
    server.on("/services", faults.status(403, "Forbidden", words))


def odd_selector(server: FakeApiServer) -> None:
    """The API server does not understand a selector."""
    words = 'unable to parse requirement: found "(", expected: identifier'
    server.on("/services", faults.status(400, "BadRequest", words))


def with_clients(server: FakeApiServer) -> None:
    """A healthy Service, and pods of other workloads."""
    shop(server, 8080)
    seat(server, client("web-1"))
    server.add(workload("web"))
    seat(server, client("bare-1", labels={"app": "bare"}, owner="bare"), tool=False)


def several_nodes(server: FakeApiServer) -> None:
    """A healthy Service, which clients on one of three nodes do not reach."""
    shop(server, 8080)
    for number, dial in (("1", "0"), ("2", "143"), ("3", "0")):
        pod = client(f"web-{number}", owner="web", nodeName=f"node-{number}")
        seat(server, pod, dial=dial)


def nameserver_fails(server: FakeApiServer) -> None:
    """A healthy Service, and a client whose nameserver has no pods."""
    shop(server, 8080)
    failed = (
        "look python3 -3 Temporary failure in name resolution\n"
        "ask 10.96.0.2 udp python3 timeout\nask 10.96.0.2 tcp python3 timeout\nend\n"
    )
    seat(server, client("web-1"), failed)
    name_server(server, pods=0)


CLUSTERS: dict[str, Callable[[FakeApiServer], None]] = {
    made.__name__: made
    for made in (
        *(broken, healthy, older, degraded, unready, refusing),
        *(town, forbidden, odd_selector, with_clients, several_nodes, nameserver_fails),
    )
}


def _printed(demo: str) -> str:
    return to_json(diagnose_snapshot(DEMO.with_name(f"{demo}.json.gz")))


_REPORT, _WELL = _printed("checkout"), _printed("healthy")


def furnish(folder: Path, server: FakeApiServer | None) -> dict[str, str]:
    """Put the files of the scenes into a folder; give the environment."""
    (folder / "shop.yaml").write_text(MANIFEST)
    (folder / "fixed.yaml").write_text(MANIFEST.replace("targetPort: http", "targetPort: web"))
    (folder / "odd.yaml").write_text("kind: [")
    (folder / "none.yaml").write_text("kind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n")
    (folder / "odd.json").write_text("{}")
    shutil.copy(DEMO, folder / "kept.json.gz")
    report = json.loads(_REPORT)
    (folder / "broken.json").write_text(_REPORT)
    (folder / "shard.json").write_text(
        json.dumps({**report, "context": {**report["context"], "shard": "2/3"}})
    )
    (folder / "healthy.json").write_text(_WELL)
    kubeconfig = folder / "kubeconfig"
    if server is not None:
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
    return {
        "COLUMNS": "80",
        "HOME": str(folder),
        "KUBECONFIG": str(kubeconfig),
        "NO_COLOR": "1",
        "PATH": "/nowhere",
        "TERM": "dumb",
    }
