"""A Service is healthy, and the settings of its client are wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from .fixing import Incident, broken_named_fixed
from .portcheck import diagnose_all, paste, run
from .table import keep
from .workloads import Document, container, deployment, service

if TYPE_CHECKING:
    from .conftest import Cluster

SHOP = "portcheck-shop"
ONLY = "portcheck-only-here"
"""A Service that no other namespace has."""
"""A namespace of its own, since the fix names it."""


def checkout() -> list[Document]:
    """A Service that is healthy."""
    app = container("http://0.0.0.0:9000", ports=[9000], readiness=9000)
    return [deployment(app), service((80, 9000))]


def frontend(
    *, init: tuple[Document, ...] = (), odd: Mapping[str, str] = {}, **env: str
) -> Document:
    """A client with these variables."""
    env = {**odd, **env}
    variables = [{"name": name, "value": value} for name, value in env.items()]
    app = {**container(), "env": variables}
    return deployment(app, name="frontend", pod={"initContainers": list(init)})


INCIDENTS = [
    Incident(
        "a client's variable has the port of the pods",
        "PC612",
        [frontend(CHECKOUT_ADDR="checkout:9000"), *checkout()],
        verdict="degraded",
        target="deploy/frontend",
        flags=("--calls",),
    ),
    Incident(
        "a client's port stands in a variable of its own",
        "PC612",
        [frontend(CHECKOUT_HOST="checkout", CHECKOUT_PORT="8080"), *checkout()],
        verdict="degraded",
        target="deploy/frontend",
        flags=("--calls",),
    ),
    Incident(
        "a client's URL has a wrong port, beside a password (seen by --callers)",
        "PC612",
        [frontend(CHECKOUT_URL="http://shop:s3cret@checkout:8080/"), *checkout()],
        by_hand=[frontend(CHECKOUT_URL="http://shop:s3cret@checkout/")],
        verdict="healthy",
        flags=("--callers",),
    ),
    Incident(
        "a client's variable has a mistyped name",
        "PC614",
        [frontend(CHECKOUT_ADDR="chekcout:80"), *checkout()],
        verdict="degraded",
        target="deploy/frontend",
        flags=("--calls",),
    ),
    Incident(
        "a client has localhost, as on a developer's machine",
        "PC615",
        [frontend(CHECKOUT_ADDR="localhost:80"), *checkout()],
        verdict="healthy",
        flags=("--callers",),
    ),
    Incident(
        "a client has localhost, and nothing listens in its pod (seen by its sockets)",
        "PC615",
        [frontend(CHECKOUT_ADDR="localhost:80"), *checkout()],
        verdict="degraded",
        target="deploy/frontend",
        flags=("--calls",),
    ),
    Incident(
        "a Service is deleted that a client needs",
        "PC617",
        [frontend(CHECKOUT_ADDR="checkout:80"), *checkout()[:1]],
    ),
]


def config_map(**data: str) -> Document:
    """What the client's variables come from."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hosts"}, "data": data}


def configured(*, mounted: bool = False, **pod: Any) -> Document:
    """A client that takes its settings from that ConfigMap, as variables or as files."""
    app = container()
    if mounted:
        app["volumeMounts"] = [{"name": "hosts", "mountPath": "/etc/hosts.d"}]
        pod["volumes"] = [{"name": "hosts", "configMap": {"name": "hosts"}}]
    else:
        app["envFrom"] = [{"configMapRef": {"name": "hosts"}}]
    return deployment(app, name="frontend", pod=pod)


INCIDENTS += [
    Incident(
        "a client's ConfigMap has a wrong port (seen by --configmaps)",
        "PC612",
        [config_map(CHECKOUT_URL="http://u:s3cret@checkout:8080/"), configured(), *checkout()],
        by_hand=[config_map(CHECKOUT_URL="http://u:s3cret@checkout/")],
        verdict="degraded",
        target="deploy/frontend",
        flags=("--calls", "--configmaps"),
    ),
    Incident(
        "a file of a client's ConfigMap has a mistyped name (seen by --configmaps)",
        "PC614",
        [
            config_map(**{"app.yaml": "checkout:\n  url: http://chekcout/pay\n"}),
            configured(mounted=True),
            *checkout(),
        ],
        by_hand=[config_map(**{"app.yaml": "checkout:\n  url: http://checkout/pay\n"})],
        verdict="degraded",
        target="deploy/frontend",
        flags=("--calls", "--configmaps"),
    ),
]


def test_a_name_of_host_aliases_is_no_missing_service(cluster: Cluster, namespace: str) -> None:
    """The pod's own /etc/hosts has the name: DNS is never asked for it."""
    made = frontend(CHECKOUT_ADDR="checkout:80", DB_HOST="chekcout", DB_PORT="5432")
    made["spec"]["template"]["spec"]["hostAliases"] = [
        {"ip": "192.0.2.7", "hostnames": ["chekcout"]}
    ]
    cluster.apply([made, *checkout()], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    found = diagnose_all(cluster, namespace, "deploy/frontend", "--calls")
    assert (found.verdict, found.findings) == ("healthy", [])
    cluster.apply([frontend(CHECKOUT_ADDR="checkout:80", DB_HOST="chekcout")], namespace)
    cluster.kubectl(
        *("patch", "deployment", "frontend", "--type=json"),
        '-p=[{"op": "remove", "path": "/spec/template/spec/hostAliases"}]',
        namespace=namespace,
    )
    without = diagnose_all(cluster, namespace, "deploy/frontend", "--calls")
    assert [f["code"] for f in without.findings] == ["PC614"]


def test_config_maps_are_read_only_where_that_is_asked_for(
    cluster: Cluster, namespace: str
) -> None:
    wrong = config_map(CHECKOUT_URL="http://u:s3cret@checkout:8080/")
    cluster.apply([wrong, configured(), *checkout()], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    plain = run(cluster, "svc/checkout", "--callers", "-n", namespace, "-o", "json")
    whole = run(cluster, "svc/checkout", "--callers", "--configmaps", "-n", namespace, "-o", "json")
    called = [json.loads(d.stdout)["services"][0]["calls"] for d in (plain, whole)]
    assert [[c["finding"] for c in found] for found in called] == [[], ["PC612"]]
    assert "s3cret" not in plain.stdout + whole.stdout


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda i: i.title)
def test_it_is_named_and_fixed(cluster: Cluster, namespace: str, incident: Incident) -> None:
    broken_named_fixed(cluster, namespace, incident)


def test_an_address_that_no_service_has_any_more(cluster: Cluster, namespace: str) -> None:
    """A Service that is created again has another address."""
    old = service((80, 9000), name="old")
    cluster.apply([old, *checkout()], namespace)
    address = cluster.get("service/old", namespace=namespace)["spec"]["clusterIP"]
    cluster.kubectl("delete", "service", "old", namespace=namespace, check=True)
    broken = Incident(
        "a client has the ClusterIP of a Service that was deleted",
        "PC616",
        [frontend(CHECKOUT_ADDR=f"{address}:80")],
        verdict="degraded",
        target="deploy/frontend",
        flags=("--calls",),
    )
    broken_named_fixed(cluster, namespace, broken)


@pytest.fixture
def shop(cluster: Cluster) -> Iterator[str]:
    """A namespace with the checkout."""
    cluster.kubectl("create", "namespace", SHOP)
    cluster.apply(checkout(), SHOP)
    # Namespaces of other tests have a Service checkout too, as long as their end takes.
    cluster.apply(service((80, 9000), name=ONLY, selector={"app": "checkout"}), SHOP)
    cluster.wait_ready("deployment/checkout", SHOP)
    yield SHOP
    cluster.kubectl("delete", "namespace", SHOP, "--wait=true")


def test_a_client_of_another_namespace(cluster: Cluster, namespace: str, shop: str) -> None:
    """The bare name is looked for in the client's own namespace."""
    broken = Incident(
        "a client calls a Service of another namespace by its bare name",
        "PC613",
        [frontend(CHECKOUT_ADDR=f"{ONLY}:80")],
        verdict="degraded",
        target="deploy/frontend",
        flags=("--calls",),
    )
    broken_named_fixed(cluster, namespace, broken)


def test_a_caller_of_another_namespace_is_named(
    cluster: Cluster, namespace: str, shop: str
) -> None:
    cluster.apply([frontend(CHECKOUT_ADDR=f"{ONLY}.{shop}:81")], namespace)
    target = (f"svc/{ONLY}", "--callers")
    found = diagnose_all(cluster, shop, *target)
    assert (found.verdict, [f["code"] for f in found.findings]) == ("healthy", ["PC612"])
    assert found.findings[0]["subject"]["namespace"] == namespace
    assert found.fix is not None
    assert f"CHECKOUT_ADDR={ONLY}.{shop}:80" in found.fix
    paste(cluster, found.fix)
    after = diagnose_all(cluster, shop, *target)
    assert (after.verdict, after.findings) == ("healthy", [])
    keep("a client of another namespace has a wrong port (seen by --callers)", found, after)


WAITS = container(name="wait", image="busybox", command=["sh", "-c", "until nc -z db 5432; do :;"])
HEALTHY = {
    "all right": {"CHECKOUT_URL": "http://checkout/pay", "SITE": "https://www.example.com"},
    "full name": {"CHECKOUT_ADDR": "checkout.{namespace}.svc.cluster.local:80"},
    "own address": {"LISTEN_ADDR": "localhost:80", "CHECKOUT_ADDR": "checkout:80"},
}


@pytest.mark.parametrize("odd", HEALTHY)
def test_what_is_right_or_merely_odd_raises_no_alarm(
    cluster: Cluster, namespace: str, odd: str
) -> None:
    env = {k: v.format(namespace=namespace) for k, v in HEALTHY[odd].items()}
    cluster.apply([frontend(odd=env), *checkout()], namespace)
    cluster.wait_ready("deployment/checkout", namespace)
    found = diagnose_all(cluster, namespace, "deploy/frontend", "--calls")
    assert (found.verdict, found.findings) == ("healthy", [])
    called = diagnose_all(cluster, namespace, "svc/checkout", "--callers")
    (report,) = called.report["services"]
    assert (called.verdict, report["findings"]) == ("healthy", [])
    assert {c["workload"]["name"] for c in report["calls"]} == {"frontend"}


def test_an_init_container_that_waits_for_a_service_that_does_not_exist(
    cluster: Cluster, namespace: str
) -> None:
    cluster.apply([frontend(init=(WAITS,))], namespace)
    done = run(cluster, "deploy/frontend", "--calls", "-n", namespace, "-o", "json")
    (finding,) = json.loads(done.stdout)["services"][0]["findings"]
    assert finding["code"] == "PC614"
    gone = diagnose_all(cluster, namespace, "svc/db")
    assert gone.findings[0]["code"] == "PC617"
    assert "Deployment frontend needs it" in gone.findings[0]["summary"]
