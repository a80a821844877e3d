"""The manifests of incidents: what the end-to-end tests fix, and what the demo shows.

Each function gives the documents of one state. Where an incident is a change of something that
worked, the state before it has a function of its own.
"""

from __future__ import annotations

from .workloads import Document, container, deployment, service

HTTP = "http://0.0.0.0:8080"
"""What the program listens on where nothing else is said."""


def checkout(container_port: int = 9000) -> list[Document]:
    """The debrief's: the program moved to 9000, the Service says 8080; 9100 answers probes."""
    served = "python3 -m http.server 9100 & exec python3 -m http.server"
    app = container(
        name="checkout",
        ports={"http": container_port},
        readiness=9100,
        command=["/bin/sh", "-c", f"{served} {container_port}"],
    )
    return [deployment(app, replicas=3), service((80, 8080))]


def named_port() -> list[Document]:
    """A targetPort whose name is misspelt."""
    app = container(HTTP, ports={"http": 8080}, program="checkout")
    return [deployment(app, replicas=2), service((80, "htpp"))]


def selector() -> list[Document]:
    """A selector whose value is misspelt."""
    app = container(HTTP, program="checkout")
    return [deployment(app, replicas=2), service((80, 8080), selector={"app": "chekout"})]


def loopback(address: str = "127.0.0.1") -> list[Document]:
    """A program that accepts connections only from its own pod."""
    app = container(f"tcp://{address}:8080", ports=[8080], program="checkout")
    return [deployment(app), service((80, 8080))]


def nothing_listens(*listeners: str) -> list[Document]:
    """A program that runs and opens no socket."""
    return [deployment(container(*listeners, program="checkout")), service((80, 8080))]


def rollout(port: int) -> list[Document]:
    """A revision that listens on ``port``, behind a Service that says 8080."""
    app = container(f"http://0.0.0.0:{port}", "http://0.0.0.0:9100", readiness=9100)
    revision = deployment(
        app,
        replicas=3,
        # Long enough to look while one pod is new and not yet called available.
        minReadySeconds=20,
        strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
    )
    return [revision, service((80, 8080))]


def crash_loop(*, broken: bool) -> list[Document]:
    """A revision that ends a second after its start, or the one before it."""
    app = container("exit://?code=3&after=1s") if broken else container(HTTP)
    return [deployment(app, strategy={"type": "Recreate"}), service((80, 8080))]


def readiness() -> list[Document]:
    """A readiness probe that asks a port that nothing opens."""
    app = container(HTTP, ports={"http": 8080}, readiness=8081, program="cart")
    return [deployment(app, name="cart", replicas=2), service((80, "http"), name="cart")]


def liveness() -> list[Document]:
    """A liveness probe on a port that nothing opens: a good program is killed again and again."""
    probe = {"tcpSocket": {"port": 8081}, "periodSeconds": 3, "failureThreshold": 3}
    app = container(HTTP, ports={"http": 8080}, program="cart", livenessProbe=probe)
    return [deployment(app, name="cart"), service((80, "http"), name="cart")]


def headless() -> list[Document]:
    """A headless Service whose port is not the pods' own: nothing translates it."""
    app = container("tcp://0.0.0.0:5432", ports={"postgres": 5432}, program="postgres")
    made = service((80, 5432), name="orders-db", clusterIP="None")
    return [deployment(app, name="orders-db"), made]


def udp() -> list[Document]:
    """A Service for UDP in front of a program that listens on TCP."""
    app = container("tcp://0.0.0.0:8125", program="statsd")
    ports = [{"port": 8125, "targetPort": 8125, "protocol": "UDP"}]
    return [deployment(app, name="statsd"), service(name="statsd", ports=ports)]


def two_apps() -> list[Document]:
    """A selector that means one Deployment and matches another as well."""
    web = container(HTTP, program="web")
    worker = container("http://0.0.0.0:9000", program="worker")
    shared = {"tier": "shop"}
    return [
        deployment(web, name="web", replicas=2, labels=shared),
        deployment(worker, name="worker", labels=shared),
        service((80, 8080), name="web", selector=shared),
    ]


def scaled_to_zero() -> list[Document]:
    """A Deployment that was scaled to 0."""
    app = container(HTTP, program="search")
    return [deployment(app, name="search", replicas=0), service((80, 8080), name="search")]


def image_pull() -> list[Document]:
    """An image that cannot be had."""
    app = container(HTTP, image="debian", ports={"http": 8080}, imagePullPolicy="IfNotPresent")
    app["image"] = "registry.example.com/shop/search:2.4.1"
    return [deployment(app, name="search"), service((80, "http"), name="search")]


def config_missing() -> list[Document]:
    """A variable from a ConfigMap whose name differs by its end."""
    variable = {
        "name": "MODE",
        "valueFrom": {"configMapKeyRef": {"name": "app-config", "key": "mode"}},
    }
    app = container(HTTP, ports={"http": 8080}, env=[variable])
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app-conf"}}
    return [
        {**settings, "data": {"mode": "fast"}},
        deployment(app, name="orders", replicas=2),
        service((80, "http"), name="orders"),
    ]


def slow_start() -> list[Document]:
    """A program that starts more slowly than its liveness probe allows."""
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 2, "failureThreshold": 3}
    app = container(f"{HTTP}?after=20s", ports={"http": 8080}, livenessProbe=probe)
    return [deployment(app, name="billing"), service((80, "http"), name="billing")]


def init_waits() -> list[Document]:
    """An init container that waits for a Service that does not exist."""
    words = "until nc -w 1 postgres 5432 </dev/null; do sleep 1; done"
    init = container(name="wait-for-postgres", image="busybox")
    app = container(HTTP, ports={"http": 8080}, readiness=8080)
    pod = {"initContainers": [{**init, "command": ["sh", "-c", words]}]}
    made = deployment(app, name="invoices", pod=pod)
    return [made, service((80, "http"), name="invoices")]


def quota() -> list[Document]:
    """A quota that is used up by the pods of another team."""
    other = container("sleep", name="batch", resources={"requests": {"cpu": "10m"}})
    app = container(HTTP, ports={"http": 8080}, resources={"requests": {"cpu": "10m"}})
    limit = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}}
    return [
        {**limit, "spec": {"hard": {"requests.cpu": "20m"}}},
        deployment(other, name="report", replicas=2),
        deployment(app, name="mail"),
        service((80, "http"), name="mail"),
    ]


def address_family() -> list[Document]:
    """An IPv6-only Service in front of a program that listens only on IPv4."""
    app = container(HTTP, program="search")
    family = {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"}
    return [deployment(app, name="search"), service((80, 8080), name="search", **family)]


def by_hand() -> list[Document]:
    """A Service without a selector whose EndpointSlice calls the port by another name."""
    ports = [{"name": "sql", "port": 3306, "targetPort": 3306}]
    made = service(name="legacy-db", ports=ports)
    del made["spec"]["selector"]
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "legacy-db",
            "labels": {"kubernetes.io/service-name": "legacy-db"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.10"], "conditions": {"ready": True}}],
        "ports": [{"name": "mysql", "port": 3306, "protocol": "TCP"}],
    }
    return [made, endpoints]


def external_name() -> list[Document]:
    """An alias in front of a name outside, with a port that no alias can translate."""
    ports = [{"port": 80, "targetPort": 8443}]
    made = service(
        name="payments", type="ExternalName", externalName="pay.example.com", ports=ports
    )
    del made["spec"]["selector"]
    return [made]


def healthy() -> list[Document]:
    """Nothing is wrong."""
    app = container(
        HTTP, "http://0.0.0.0:9100", ports={"http": 8080}, readiness=9100, program="catalog"
    )
    return [deployment(app, name="catalog", replicas=3), service((80, "http"), name="catalog")]
