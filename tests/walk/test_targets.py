"""What is walked where something else than a Service is named."""

from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, Run, program, shop


def deployment(
    name: str = "checkout", kind: str = "Deployment", labels: dict[str, str] | None = None
) -> dict[str, Any]:
    labels = labels or {"app": "checkout"}
    ports = [{"containerPort": 9000, "name": "http"}]
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "ports": ports}]},
            },
        },
    }


def titles(run: Run) -> list[tuple[str, str, str]]:
    return [(s["kind"], s["name"], s["verdict"]) for s in run.report["services"]]


@pytest.mark.parametrize(
    ("kind", "spelling"),
    [
        ("Deployment", "deploy/checkout"),
        ("Deployment", "deployments.apps/checkout"),
        ("StatefulSet", "sts/checkout"),
        ("DaemonSet", "ds/checkout"),
        ("ReplicaSet", "rs/checkout-7c"),
        ("Pod", "pod/checkout-1"),
    ],
)
def test_the_services_that_select_the_pods_and_their_own_ports(
    tmp_path: Path, kind: str, spelling: str
) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 9100)
        name = spelling.partition("/")[2]
        if kind != "Pod":
            server.add(deployment(name, kind))
        done = program(server, tmp_path, spelling)
    assert titles(done) == [("Service", "checkout", "broken"), (kind, name, "healthy")]
    assert "port 9000" in done.report["services"][1]["headline"]
    assert done.code == ExitCode.PROBLEM


def test_a_port_of_a_workload_means_the_pods_port(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, 8080)
        server.add(deployment())
        led = program(server, tmp_path, "deploy/checkout:8080")
        not_led = program(server, tmp_path, "deploy/checkout:9000")
    assert titles(led) == [
        ("Service", "checkout", "healthy"),
        ("Deployment", "checkout", "healthy"),
    ]
    assert titles(not_led) == [("Deployment", "checkout", "inconclusive")]
    headline = not_led.report["services"][0]["headline"]
    assert "svc/checkout selects its pods and leads to no port 9000" in headline


def test_a_workload_that_no_service_selects(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.add(deployment("basket", labels={"app": "chekout"}))
        done = program(server, tmp_path, "deploy/basket")
    assert titles(done) == [("Deployment", "basket", "inconclusive")]
    assert done.code == ExitCode.INCONCLUSIVE
    headline = done.report["services"][0]["headline"]
    assert "no Service selects its pods" in headline
    assert "svc/checkout selects app=checkout, and they have app=chekout" in headline


def test_several_targets_are_walked_each_once(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(deployment())
        done = program(server, tmp_path, "svc/checkout", "checkout", "deploy/checkout")
    assert titles(done) == [
        ("Service", "checkout", "healthy"),
        ("Deployment", "checkout", "healthy"),
    ]


@pytest.mark.parametrize("target", ["chekout", "deploy/chekout", "pod/checkout-9"])
def test_a_mistyped_name_suggests_the_nearest(tmp_path: Path, target: str) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(deployment())
        done = program(server, tmp_path, target)
    assert (done.code, done.stdout) == (ExitCode.USAGE, "")
    assert "not found\nDid you mean checkout" in done.stderr


def test_a_name_of_another_namespace_is_found_there(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        done = program(server, tmp_path, "svc/checkout", namespace="prodution")
        asked = [r.line for r in server.requests]
    assert done.code == ExitCode.USAGE
    assert "There is one of this name in namespace production." in done.stderr
    assert sum("fieldSelector=metadata.name%3Dcheckout" in line for line in asked) == 1


def test_where_other_namespaces_are_forbidden_nothing_is_suggested(tmp_path: Path) -> None:
    from tests.fake import faults

    with FakeApiServer() as server:
        shop(server, 8080)
        server.on(r"/api/v1/services\?", faults.status(403, "Forbidden", "no"))
        done = program(server, tmp_path, "svc/checkout", namespace="prodution")
    assert done.code == ExitCode.USAGE
    assert done.stderr.endswith('services "checkout" not found\n')


def ingress(*backends: str) -> dict[str, Any]:
    def backend(name: str) -> dict[str, Any]:
        return {"backend": {"service": {"name": name, "port": {"number": 80}}}, "path": "/"}

    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"rules": [{"host": "shop", "http": {"paths": [backend(b) for b in backends]}}]},
    }


def test_an_ingress_means_each_of_its_backends(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(ingress("checkout", "chekout", "checkout"))
        done = program(server, tmp_path, "ing/web")
    assert titles(done) == [("Service", "checkout", "healthy"), ("Service", "chekout", "broken")]
    headline = done.report["services"][1]["headline"]
    assert headline.startswith("Service chekout does not exist in namespace production; ")
    assert headline.endswith("Ingress web needs it; Service checkout has nearly this name")


def test_a_route_leads_into_other_namespaces(tmp_path: Path) -> None:
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "gateways"},
        "spec": {
            "rules": [{"backendRefs": [{"name": "checkout", "namespace": NAMESPACE, "port": 80}]}]
        },
    }
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(route)
        done = program(server, tmp_path, "httproute/web", namespace="gateways")
    assert titles(done) == [("Service", "checkout", "healthy")]
    assert done.report["services"][0]["namespace"] == NAMESPACE


def test_an_ingress_that_may_not_be_read_is_inconclusive(tmp_path: Path) -> None:
    from tests.fake import faults

    with FakeApiServer() as server:
        shop(server, 8080)
        server.on(r"/ingresses/web", faults.status(403, "Forbidden", "ingresses is forbidden"))
        done = program(server, tmp_path, "ing/web")
    assert (done.code, done.stdout) == (ExitCode.INCONCLUSIVE, "")
    assert "cannot tell where ing/web leads" in done.stderr


@pytest.mark.parametrize(
    ("missing", "kind", "said"),
    [
        ("svc/nope", "Service", "there is no Service nope in namespace production"),
        (
            "svc/checkot",
            "Service",
            "there is no Service checkot in namespace production (Did you mean checkout? "
            "To check the pods of Deployment checkout: kubectl portcheck deploy/checkout)",
        ),
        ("deploy/nope", "Deployment", "there is no Deployment nope in namespace production"),
        ("pod/nope", "Pod", "there is no Pod nope in namespace production"),
        ("ing/nope", "Ingress", "there is no Ingress nope in namespace production"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_target_that_does_not_exist_spoils_no_other(
    tmp_path: Path, missing: str, kind: str, said: str, first: bool
) -> None:
    names = [missing, "svc/checkout"] if first else ["svc/checkout", missing]
    with FakeApiServer() as server:
        shop(server, 9000)
        done = program(server, tmp_path, *names)
    assert sorted(titles(done)) == sorted(
        [("Service", "checkout", "broken"), (kind, missing.partition("/")[2], "inconclusive")]
    )
    [lost] = [s for s in done.report["services"] if s["verdict"] == "inconclusive"]
    assert (lost["headline"], lost["findings"], lost["missing"]) == (said, [], [])
    assert (done.code, done.stderr) == (ExitCode.PROBLEM, "")


def test_a_healthy_service_beside_one_that_does_not_exist_is_not_all_that_was_asked(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        done = program(server, tmp_path, "svc/checkout", "svc/nope")
    assert done.code == ExitCode.INCONCLUSIVE


def test_an_address_of_nothing_spoils_no_other(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        done = program(server, tmp_path, "svc/checkout", "10.99.1.1:80")
    [lost] = [s for s in done.report["services"] if s["verdict"] == "inconclusive"]
    assert "has the address 10.99.1.1" in lost["headline"]
    assert done.code == ExitCode.INCONCLUSIVE


def test_where_no_target_exists_each_is_named(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        done = program(server, tmp_path, "svc/nope", "deploy/nada", "svc/nope")
    assert (done.code, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.splitlines() == [
        'Error from server (NotFound): services "nope" not found',
        'Error from server (NotFound): deployments "nada" not found',
    ]


def test_a_workload_that_does_not_exist_spoils_no_calls_of_others(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        done = program(server, tmp_path, "deploy/nope", "deploy/checkout", "--calls")
    assert [t[:2] for t in titles(done)] == [("Deployment", "nope"), ("Deployment", "checkout")]


def test_names_of_what_does_not_exist_are_replaced_too(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        done = program(server, tmp_path, "svc/checkout", "svc/nope", "--redact")
    assert "nope" not in done.stdout
    assert NAMESPACE not in done.stdout
