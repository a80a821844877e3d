"""Who calls a Service, and what a workload calls, on the fake API server."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.exit_codes import ExitCode
from tests.fake import faults
from tests.fake.api_server import Command, FakeApiServer
from tests.walk.clients import client
from tests.walk.shop import NAMESPACE, Run, program, shop, sockets, walk
from tests.walk.test_targets import ingress


def caller(
    name: str = "frontend",
    kind: str = "Deployment",
    init: tuple[dict[str, Any], ...] = (),
    namespace: str = NAMESPACE,
    odd: Mapping[str, str] = {},
    **env: str,
) -> dict[str, Any]:
    """A workload with these variables."""
    labels = {"app": name}
    container = {"name": "app", "env": [{"name": k, "value": v} for k, v in {**odd, **env}.items()]}
    pods = {"containers": [container], "initContainers": list(init)}
    template = {"metadata": {"labels": labels}, "spec": pods}
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
    if kind == "CronJob":
        spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": template}}}
    return {
        "apiVersion": "batch/v1" if kind in ("Job", "CronJob") else "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def found(run: Run) -> list[tuple[str, str, str]]:
    return [
        (f["code"], f["subject"]["name"], f["severity"])
        for s in run.report["services"]
        for f in s["findings"]
    ]


def called(run: Run) -> list[tuple[str, str, int | None, str | None]]:
    return [
        (c["workload"]["name"], c["host"], c["port"], c["finding"])
        for s in run.report["services"]
        for c in s["calls"]
    ]


def test_the_callers_of_a_service_and_the_wrong_one_among_them(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(
            caller(CHECKOUT_URL="http://checkout/pay", OTHER="redis:6379"),
            caller("report", "CronJob", CHECKOUT_ADDR="checkout.production.svc:8080"),
            caller("mail", "StatefulSet", SMTP="smtp.example.com:587"),
        )
        done = walk(server, tmp_path, "--callers")
    assert called(done) == [
        ("frontend", "checkout", 80, None),
        ("report", "checkout.production.svc", 8080, "PC612"),
    ]
    assert found(done) == [("PC612", "report", "warning")]
    assert (done.verdict, done.code) == ("healthy", ExitCode.HEALTHY)


def test_callers_cost_seven_requests_beside_the_walk(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        walk(server, tmp_path)
        plain = Counter(r.line for r in server.requests)
        server.requests.clear()
        walk(server, tmp_path, "--callers")
        more = Counter(r.line for r in server.requests) - plain
    kinds = sorted(line.partition("?")[0].rpartition("/")[2] for line in more.elements())
    expected = ["cronjobs", "daemonsets", "deployments", "jobs", "servicecidrs", "services"]
    assert kinds == [*expected, "statefulsets"]


def test_callers_of_other_namespaces_are_found_where_they_may_be_listed(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(
            caller("near", CHECKOUT_ADDR="checkout:80"),
            caller("far", namespace="web", CHECKOUT_ADDR=f"checkout.{NAMESPACE}:81"),
            caller("other", namespace="web", CHECKOUT_ADDR="checkout:80"),
        )
        done = walk(server, tmp_path, "--callers")
        text = walk(server, tmp_path, "--callers", "-o", "table").stdout
        server.on(r"/apis/(apps|batch)/v1/[a-z]+\?", faults.status(403, "Forbidden", "no"))
        refused = walk(server, tmp_path, "--callers")
    assert called(done) == [
        ("near", "checkout", 80, None),
        ("far", f"checkout.{NAMESPACE}", 81, "PC612"),
    ]
    assert "deploy/far in web (CHECKOUT_ADDR: PC612)" in " ".join(text.split())
    assert called(refused) == [("near", "checkout", 80, None)]
    said = "workloads of other namespaces may not be listed"
    assert str(refused.report["services"][0]["missing"]).count(said) == 1
    assert refused.verdict == "healthy"


def test_a_config_map_of_another_namespace_is_not_taken_for_one_of_the_same_name(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(
            configured(volume=True, namespace="web"),
            {**SETTINGS, "data": {"checkout.url": f"http://checkout.{NAMESPACE}/"}},
        )
        away = walk(server, tmp_path, "--callers", "--configmaps")
        server.add(configured(volume=True))
        here = walk(server, tmp_path, "--callers", "--configmaps")
    assert called(away) == []
    assert called(here) == [("frontend", f"checkout.{NAMESPACE}", 80, None)]


def test_a_pasted_address_asks_for_the_callers(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(CHECKOUT_ADDR="checkout:81"))
        done = program(server, tmp_path, "dial tcp 10.96.0.10:81: connect: no route to host")
    assert found(done) == [("PC408", "checkout", "error"), ("PC612", "frontend", "warning")]


def test_a_workload_and_what_it_calls(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(CHECKOUT_HOST="checkout", CHECKOUT_PORT="81", SITE="https://a.example"))
        done = program(server, tmp_path, "deploy/frontend", "--calls")
    assert [(s["kind"], s["name"], s["verdict"]) for s in done.report["services"]] == [
        ("Deployment", "frontend", "degraded"),
        ("Service", "checkout", "healthy"),
    ]
    assert found(done) == [("PC612", "frontend", "error")]
    fix = done.report["services"][0]["findings"][0]["fixes"][0]
    assert fix["shell"].endswith("CHECKOUT_PORT=80 -n production")
    assert done.code == ExitCode.PROBLEM


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"])
def test_each_kind_of_workload_can_be_asked(tmp_path: Path, kind: str) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller("frontend", kind, CHECKOUT_URL="http://checkout"))
        done = program(server, tmp_path, f"{kind.lower()}/frontend", "--calls")
    assert (done.verdict, done.code) == ("healthy", ExitCode.HEALTHY)
    assert called(done) == [("frontend", "checkout", 80, None)]


def test_a_workload_that_names_no_service_is_not_called_healthy(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(SITE="https://www.example.com"))
        done = program(server, tmp_path, "deploy/frontend", "--calls")
    assert (done.verdict, done.code) == ("inconclusive", ExitCode.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("svc/checkout", "--calls"), "--calls cannot check svc/checkout"),
        (("job/report",), "no Service leads to its pods"),
        (("--calls",), "--calls needs a TARGET"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    with FakeApiServer() as server:
        done = program(server, tmp_path, *words)
    assert done.code == ExitCode.USAGE
    assert said in done.stderr


def deployed(server: FakeApiServer) -> None:
    """The shop without its Service."""
    shop(server, 8080)
    server.store.remove("Service", "checkout", NAMESPACE)


def test_a_service_that_is_gone_is_named_with_who_needs_it_and_how_to_make_it(
    tmp_path: Path,
) -> None:
    with FakeApiServer() as server:
        deployed(server)
        server.add(caller(CHECKOUT_ADDR="checkout:80"), ingress("checkout"))
        done = walk(server, tmp_path)
    (service,) = done.report["services"]
    (finding,) = service["findings"]
    assert (done.verdict, finding["code"], done.code) == ("broken", "PC617", ExitCode.PROBLEM)
    assert "Ingress web and Deployment frontend need it" in service["headline"]
    command = "kubectl expose deploy/checkout --port=80 --target-port=8080 -n production"
    assert [f["shell"] for f in finding["fixes"]] == [command]


def test_a_service_that_nothing_needs_is_a_wrong_name(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        deployed(server)
        done = walk(server, tmp_path)
    assert (done.code, done.stdout) == (ExitCode.USAGE, "")
    assert (
        "To check the pods of Deployment checkout: kubectl portcheck deploy/checkout" in done.stderr
    )


def test_what_a_service_that_does_not_exist_costs_is_bounded(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        deployed(server)
        walk(server, tmp_path)
        assert len(server.requests) < 40


def webhook() -> dict[str, Any]:
    service = {"name": "guard", "namespace": NAMESPACE}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "guard"},
        "webhooks": [{"name": "guard.shop.example", "clientConfig": {"service": service}}],
    }


def test_the_error_of_a_webhook_whose_service_is_gone(tmp_path: Path) -> None:
    line = (
        'failed calling webhook "guard.shop.example": failed to call webhook: Post '
        f'"https://guard.{NAMESPACE}.svc:443/?timeout=10s": service "guard" not found'
    )
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(webhook())
        done = program(server, tmp_path, line)
    (finding,) = done.report["services"][0]["findings"]
    assert finding["code"] == "PC617"
    assert "ValidatingWebhookConfiguration guard needs it" in finding["summary"]


def test_an_address_that_no_service_has_and_localhost(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(
            caller(
                CHECKOUT_ADDR="10.96.0.99:80",
                CHECKOUT_URL="http://localhost:80/pay",
                LISTEN_ADDR="localhost:80",
                DB_ADDR="192.0.2.1:5432",
            )
        )
        done = program(server, tmp_path, "deploy/frontend", "--calls")
        again = walk(server, tmp_path, "--callers")
    expected = [("PC616", "frontend", "error"), ("PC615", "frontend", "warning")]
    assert found(done) == expected
    assert [(c, n, "warning") for c, n, _ in sorted(expected)] == found(again)


@pytest.mark.parametrize(
    ("listening", "expected", "verdict"),
    [(9999, [("PC615", "front", "error")], "degraded"), (5432, [], "healthy")],
)
def test_sockets_show_whether_anything_listens_in_the_own_pod(
    tmp_path: Path, listening: int, expected: list[tuple[str, str, str]], verdict: str
) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(service_named("db", 5432))
        made = caller("front", DB_ADDR="localhost:5432")
        if listening == 9999:
            env = made["spec"]["template"]["spec"]["containers"][0]["env"]
            env.insert(0, {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}})
            env.append({"name": "DB_URL", "value": "tcp://$(IP):5432"})
        pod = client("front-7c-x", owner="front-7c", labels={"app": "front"})
        pod["metadata"]["labels"]["pod-template-hash"] = "7c"
        server.add(made, pod)
        server.commands[NAMESPACE, "front-7c-x"] = lambda _, __: Command(sockets(listening))
        done = program(server, tmp_path, "deploy/front", "--calls")
        left_out = program(server, tmp_path, "deploy/front", "--calls", "--no-exec")
    own = done.report["services"][0]
    assert (found(done), own["verdict"]) == (expected, verdict)
    if expected:
        assert "nothing listens on port 5432" in own["headline"]
        hosts = {c["host"] for c in own["calls"]}
        assert hosts == {"localhost", "status.podip"}
    assert found(left_out) == [("PC615", "front", "warning")]


def service_named(name: str, port: int) -> dict[str, Any]:
    """A Service without pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"clusterIP": "10.96.0.99", "selector": {"app": name}, "ports": [{"port": port}]},
    }


def test_a_name_of_another_namespace_and_a_mistyped_one(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(
            caller(CHECKOUT_ADDR="checkout:80", namespace="web"),
            caller(CHECKOUT_ADDR="chekcout:80"),
        )
        other = program(server, tmp_path, "deploy/frontend", "--calls", namespace="web")
        near = walk(server, tmp_path, "--callers")
    assert found(other) == [("PC613", "frontend", "error")]
    fix = other.report["services"][0]["findings"][0]["fixes"][0]["shell"]
    assert fix == (
        "kubectl set env deployment/frontend -c app CHECKOUT_ADDR=checkout.production:80 -n web"
    )
    assert found(near) == [("PC614", "frontend", "warning")]


def test_an_init_container_that_waits_is_read(tmp_path: Path) -> None:
    wait = {"name": "wait", "command": ["sh", "-c", "until nc -z checkout 81; do sleep 1; done"]}
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(init=(wait,)))
        done = program(server, tmp_path, "deploy/frontend", "--calls")
    assert found(done) == [("PC612", "frontend", "error")]
    assert done.report["services"][0]["calls"][0]["init"] is True


@pytest.mark.parametrize(
    ("cidr", "address", "expected"),
    [
        ("10.96.0.0/12", "10.100.2.3:80", "PC616"),
        ("10.96.0.0/24", "10.96.1.3:80", None),
        ("", "10.96.1.3:80", None),
        ("", "10.96.0.3:80", "PC616"),
        ("odd", "10.96.0.3:80", None),
    ],
)
def test_the_range_of_services_is_what_the_cluster_says_or_shows(
    tmp_path: Path, cidr: str, address: str, expected: str | None
) -> None:
    ranges = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": "kubernetes"},
        "spec": {"cidrs": [cidr]},
    }
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(DB_ADDR=address), *([ranges] if cidr else []))
        done = program(server, tmp_path, "deploy/frontend", "--calls")
    assert [c for c, _, _ in found(done)] == ([expected] if expected else [])


def configured(
    *, volume: bool, aliases: tuple[str, ...] = (), namespace: str = NAMESPACE
) -> dict[str, Any]:
    """A workload that has its settings from ConfigMaps."""
    made = caller(namespace=namespace)
    pods = made["spec"]["template"]["spec"]
    if volume:
        pods["volumes"] = [{"name": "v", "configMap": {"name": "settings"}}]
    else:
        ref = {"configMapKeyRef": {"name": "settings", "key": "checkout.url"}}
        pods["containers"][0]["env"] = [{"name": "URL", "valueFrom": ref}]
    pods["hostAliases"] = [{"ip": "192.0.2.1", "hostnames": list(aliases)}]
    return made


LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SETTINGS = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "settings",
        "namespace": NAMESPACE,
        "annotations": {LAST_APPLIED: "{}"},  # As kubectl apply leaves it.
    },
    "data": {"checkout.url": "http://u:c4n4ry@checkout:8080/", "note": "c4n4ry:8080"},
}


@pytest.mark.parametrize("volume", [True, False])
def test_config_maps_are_read_where_that_is_asked_for(tmp_path: Path, volume: bool) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(configured(volume=volume), SETTINGS)
        without = walk(server, tmp_path, "--callers")
        done = walk(server, tmp_path, "--callers", "--configmaps")
        own = program(server, tmp_path, "deploy/frontend", "--calls", "--configmaps")
    assert found(without) == []
    assert found(done) == [("PC612", "frontend", "warning")]
    assert found(own) == [("PC612", "frontend", "error")]
    assert done.report["services"][0]["calls"][0]["variable"] == "settings/checkout.url"
    assert "c4n4ry" not in done.stdout + own.stdout


def test_a_host_that_the_pod_itself_defines_is_none_of_dns(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(configured(volume=True, aliases=("checkout",)), SETTINGS)
        done = walk(server, tmp_path, "--callers", "--configmaps")
    assert found(done) == []


ODD = {
    "IMAGE": "checkout:2024",
    "APP_VERSION": "checkout:9999",
    "HTTP_ADDR": "checkout:9090",
    "SITE": "https://www.example.com:8443",
    "NTP": "0.pool.ntp.org:123",
    "PROXY": "http://proxy.corp.example:3128",
    "GITHUB": "github.com:443",
    "TIME": "12:30:45",
    "NAMES": "a.b.c.d:8080",
    "BUCKET": "s3://checkout/orders",
    "ZOO": "$(HOST_IP):80",
}


def test_what_is_no_address_of_a_service_raises_nothing(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 8080)
        server.add(caller(odd=ODD))
        done = walk(server, tmp_path, "--callers")
    assert found(done) == []
