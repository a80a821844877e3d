"""Secrets wherever they can stand: none is in any output, in evidence, or on standard error."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_portcheck.arguments import FORMATS
from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.render.text import clean
from tests.fake import faults
from tests.fake.api_server import Command, FakeApiServer
from tests.fake.wire import Exchange
from tests.walk.clients import client, seat, workload
from tests.walk.shop import NAMESPACE, PODS, shop

CANARY = "c4n4ry"
DSN = f"postgres://app:{CANARY}-dsn@db:5432/shop?sslmode=disable&password={CANARY}-query"
URL = f"http://10.0.0.1:8080/ready?token={CANARY}-url"
TOKEN = f"{CANARY}-bearer-token"
SAID = (
    f"FATAL: cannot connect to {DSN}; host=db password={CANARY}-kv; root:{CANARY}-my@tcp(db:1)/x; "
    f'Authorization: Bearer {CANARY}-header; Get "{URL}": dial tcp 10.0.0.1:8080: refused'
)
# A host, a password and a port, each as programs take them; 8080 is no port of the Service.
CALLS = (
    f"{CANARY}:8080",  # In a variable for addresses it would be one.
    f"postgres://app:{CANARY}@checkout:8080/shop?password={CANARY}",
    f"postgres://app:{CANARY}/{CANARY}@checkout:8080/shop",
    f"postgres://app:{CANARY}@{CANARY}@checkout:8080/shop",
    f"redis://:{CANARY}@checkout:8080/0",
    f"rediss://{CANARY}:8080@checkout:8080",
    f"amqp://{CANARY}:{CANARY}@checkout:8080,amqp://{CANARY}:1@chekcout:8080/{CANARY}",
    f"mongodb+srv://{CANARY}:{CANARY}@checkout/{CANARY}",
    f"mongodb://{CANARY}:{CANARY}@checkout:8080,{CANARY}.example:1234/x",
    f"jdbc:postgresql://checkout:8080/shop?user={CANARY}&password={CANARY}",
    f"jdbc:sqlserver://checkout:8080;user={CANARY};password={CANARY}",
    f"jdbc:oracle:thin:{CANARY}/{CANARY}@checkout:8080/x",
    f"host=checkout port=8080 user={CANARY} password={CANARY}",
    f"Server=checkout;Port=8080;Uid={CANARY};Pwd={CANARY}:8080",
    f"{CANARY}:{CANARY}@tcp(checkout:8080)/{CANARY}",
    f"{CANARY}:8080@checkout",
    f"Authorization: Basic {CANARY}:8080",
    f"Bearer {CANARY}",
    f"eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}",
    f'{{"url": "http://{CANARY}:{CANARY}@checkout:8080", "token": "{CANARY}:8080"}}',
    f"https://hooks.example/{CANARY}/8080",
    f"checkout:8080 {CANARY}",
)


def container(port: int) -> dict[str, Any]:
    """A container with a secret in every place that a manifest has for one."""
    asked = {
        "httpGet": {
            "port": port,
            "path": f"/ready?token={CANARY}-path",
            "httpHeaders": [{"name": "Authorization", "value": f"Bearer {CANARY}-probe"}],
        }
    }
    return {
        "name": "app",
        "image": "shop:1",
        "command": ["serve", f"--password={CANARY}-command"],
        "args": [f"--dsn={DSN}", f"{CANARY}-arg", *CALLS],
        "env": [
            {"name": "PASSWORD", "value": f"{CANARY}-env"},
            {"name": "PORT", "value": f"{CANARY}-port"},
            *({"name": f"ADDR_{n}_URL", "value": text} for n, text in enumerate(CALLS[1:])),
            *({"name": f"LOGIN_{n}", "value": text} for n, text in enumerate(CALLS)),
        ],
        "ports": [{"containerPort": port, "name": "http"}],
        "readinessProbe": asked,
        "livenessProbe": {"exec": {"command": ["check", f"{CANARY}-exec"]}},
        "startupProbe": asked,
        "lifecycle": {"preStop": {"exec": {"command": [f"{CANARY}-stop"]}}},
    }


def marked(item: dict[str, Any]) -> dict[str, Any]:
    """The object with secrets in its annotations and its managed fields."""
    item["metadata"]["annotations"] = {
        **item["metadata"].get("annotations", {}),
        "example.com/token": f"{CANARY}-annotation",
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps(
            {"metadata": {"annotations": {"x": f"{CANARY}-applied"}}, "spec": {"ports": []}}
        ),
    }
    item["metadata"]["managedFields"] = [
        {
            "manager": "kubectl",
            "operation": "Update",
            "time": "2026-01-01T00:00:00Z",
            "fieldsV1": {"f:spec": {"f:ports": {f'v:"{CANARY}-managed"': {}}}},
        }
    ]
    return item


def furnish(server: FakeApiServer, target: int) -> None:
    """The shop, with secrets in everything that is read of it."""
    shop(server, 8080, target=target)
    for item in list(server.store.objects):
        kind = item["kind"]
        if kind == "Pod":
            item["spec"]["containers"] = [container(8080)]
            item["status"]["message"] = SAID
            for found in item["status"]["conditions"]:
                found["message"] = SAID
        if kind in ("Deployment", "ReplicaSet"):
            item["spec"]["template"]["spec"]["containers"] = [container(8080)]
        if kind != "EndpointSlice":
            marked(item)
    sick = next(o for o in server.store.objects if o["metadata"]["name"] == PODS[2])
    sick["status"]["conditions"][0] |= {"status": "False", "reason": "ContainersNotReady"}
    sick["status"]["containerStatuses"] = [
        {
            "name": "app",
            "ready": False,
            "restartCount": 7,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": SAID}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": SAID}},
        }
    ]
    server.add(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e", "namespace": NAMESPACE},
            "involvedObject": {"kind": "Pod", "name": PODS[2], "namespace": NAMESPACE},
            "type": "Warning",
            "reason": "Unhealthy",
            "message": f'Readiness probe failed: Get "{URL}": {SAID}',
        }
    )
    server.commands[NAMESPACE, PODS[1]] = lambda _, __: Command(
        stderr=SAID.encode(), exit_code=126, error=SAID
    )

    def unreachable(exchange: Exchange) -> None:
        message = f"error trying to reach service: {SAID} {TOKEN}"
        faults.status(503, "ServiceUnavailable", message)(exchange)

    server.on(r"/proxy", unreachable)


def run(server: FakeApiServer, folder: Path, *flags: str) -> str:
    """All that a run says and writes."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(server.kubeconfig({"token": TOKEN})))
    with_password = server.url.replace("://", f"://user:{CANARY}-server@")
    written = {name: folder / name for name in ("kept.json", "p.svg", "p.html")}
    argv = [
        *("svc/checkout", "-n", NAMESPACE, f"--kubeconfig={kubeconfig}"),
        *(f"--server={with_password}", "-v=9", "--insecure-skip-tls-verify"),
        *("--save", str(written["kept.json"]), "--save-svg", str(written["p.svg"])),
        *("--output-file", f"html={written['p.html']}", *flags),
    ]
    out, err = io.StringIO(), io.StringIO()
    main(argv, Environment(out, err, {"PATH": "/nowhere"}))
    files = (f.read_text() for f in written.values() if f.exists())
    return "\n".join([out.getvalue(), err.getvalue(), *files])


def canaries(text: str) -> list[str]:
    return [line for line in text.splitlines() if CANARY in line]


@pytest.mark.parametrize("target", [8080, 9999], ids=["well", "broken"])
@pytest.mark.parametrize("form", [*FORMATS, "-q", "--summary", "--show-commands"])
def test_no_secret_of_the_cluster_is_in(tmp_path: Path, form: str, target: int) -> None:
    flags = [form] if form.startswith("-") else ["-o", form]
    with FakeApiServer() as server:
        furnish(server, target)
        said = run(server, tmp_path, *flags)
    assert len(said) > 1000
    assert canaries(said) == []
    kept = (tmp_path / "kept.json").read_text()
    assert "dial tcp 10.0.0.1:8080: refused" in kept  # What it was about is there.
    out, err = io.StringIO(), io.StringIO()
    main(["--replay", str(tmp_path / "kept.json"), *flags], Environment(out, err, {}))
    assert canaries(out.getvalue() + err.getvalue()) == []


def a_client(server: FakeApiServer) -> None:
    """Two clients, the second in another namespace, with secrets beside what they call; and a
    ConfigMap that both use by its name."""
    data = {
        **{f"key-{n}.url": text for n, text in enumerate(CALLS[1:])},
        **{f"login-{n}": text for n, text in enumerate(CALLS)},
    }
    settings = {"metadata": {"name": "settings", "namespace": NAMESPACE}, "data": data}
    server.add(marked({"apiVersion": "v1", "kind": "ConfigMap", **settings}))
    for space in (NAMESPACE, "web"):
        made = workload("front", space)
        pods = {
            "containers": [{**container(9090), "envFrom": [{"configMapRef": {"name": "settings"}}]}]
        }
        made["spec"]["template"] = {"metadata": {"labels": {"app": "front"}}, "spec": pods}
        server.add(marked(made))
    front = client("front-7c-x", owner="front-7c", labels={"app": "front"})
    front["metadata"]["labels"]["pod-template-hash"] = "7c"
    front["spec"]["containers"] = [container(9090)]
    seat(server, marked(front))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "words",
    [
        ("svc/checkout", "--callers"),
        ("svc/checkout", "--callers", "--configmaps"),
        ("deploy/checkout", "--calls"),
        ("deploy/front", "--calls", "--configmaps"),
        ("svc/gone",),
        ("svc/gone", "--from=auto"),
        ("svc/checkout", "--from=auto", "--callers"),
        ("svc/checkout", "--from=deploy/front", "--callers"),
    ],
)
def test_no_secret_of_a_setting_is_in(tmp_path: Path, form: str, words: tuple[str, ...]) -> None:
    with FakeApiServer() as server:
        furnish(server, 8080)
        gone = next(o for o in server.store.objects if o["kind"] == "Deployment")
        gone["spec"]["template"]["spec"]["containers"].append(
            {"name": "other", "env": [{"name": "GONE", "value": f"amqp://a:{CANARY}@gone:80"}]}
        )
        a_client(server)
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps(server.kubeconfig({"token": TOKEN})))
        out, err = io.StringIO(), io.StringIO()
        kept = tmp_path / "kept.json"
        argv = [*words, "-n", NAMESPACE, f"--kubeconfig={kubeconfig}", "-o", form, "-v=9"]
        main([*argv, "--save", str(kept)], Environment(out, err, {"PATH": "/nowhere"}))
    assert '"calls":' in kept.read_text()
    assert canaries("\n".join([out.getvalue(), err.getvalue(), kept.read_text()])) == []


@pytest.mark.parametrize("form", FORMATS)
def test_no_secret_of_the_cluster_is_in_a_sweep(tmp_path: Path, form: str) -> None:
    with FakeApiServer() as server:
        furnish(server, 9999)
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps(server.kubeconfig({"token": TOKEN})))
        out, err = io.StringIO(), io.StringIO()
        kept = tmp_path / "kept.json"
        argv = ["-A", f"--kubeconfig={kubeconfig}", "-o", form, "--save", str(kept), "-v=9"]
        main(argv, Environment(out, err, {"PATH": "/nowhere"}))
    assert kept.stat().st_size > 1000
    assert canaries("\n".join([out.getvalue(), err.getvalue(), kept.read_text()])) == []


@pytest.mark.parametrize("form", FORMATS)
def test_no_secret_of_a_manifest_is_in(tmp_path: Path, form: str) -> None:
    with FakeApiServer() as server:
        furnish(server, 9999)
        objects = [o for o in server.store.objects if o["kind"] in ("Service", "Deployment")]
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump_all(objects))
    (tmp_path / "bad.yaml").write_text(f"kind: Service\nspec: {{token: {CANARY}\n")
    out, err = io.StringIO(), io.StringIO()
    kept = tmp_path / "kept.json"
    argv = ["-f", str(tmp_path), "-o", form, "--save", str(kept)]
    main(argv, Environment(out, err, {}))
    assert canaries("\n".join([out.getvalue(), err.getvalue(), kept.read_text()])) == []


@pytest.mark.parametrize(
    ("code", "reason"), [(401, "Unauthorized"), (403, "Forbidden"), (404, "NotFound"), (500, "")]
)
@pytest.mark.parametrize("where", [r"/services/checkout", r"/pods\?", r"/exec", r"/portforward"])
def test_a_server_that_echoes_the_token(tmp_path: Path, code: int, reason: str, where: str) -> None:
    words = f"no such token: {TOKEN}, nor {URL}, said {TOKEN}"
    with FakeApiServer() as server:
        shop(server, 9000)
        server.on(where, faults.status(code, reason or TOKEN, words))
        said = run(server, tmp_path, "-o", "json")
    assert canaries(said) == []


@pytest.mark.parametrize("content_type", ["text/plain", "text/html", TOKEN])
def test_an_echo_that_is_no_status(tmp_path: Path, content_type: str) -> None:
    with FakeApiServer() as server:
        server.on("GET", faults.plain(401, f"unknown: {TOKEN}", content_type))
        first = run(server, tmp_path)
        server.on("GET", faults.plain(200, f"unknown: {TOKEN}", content_type))
        second = run(server, tmp_path)
    assert canaries(first + second) == []
    assert clean(first).strip()


@pytest.mark.parametrize(
    "server",
    [
        f"https://user:{CANARY}@127.0.0.1:1",
        f"https://user:{CANARY}/x@127.0.0.1:1",
        f"https://user:{CANARY}@127.0.0.1:port",
        f"ftp://user:{CANARY}@host",
        f"https://127.0.0.1:1/?token={CANARY}",
        f"user:{CANARY}@127.0.0.1:1",
        f"https://user:{CANARY}@",
    ],
)
@pytest.mark.parametrize("as_flag", [True, False])
def test_a_password_in_the_servers_url(tmp_path: Path, server: str, as_flag: bool) -> None:
    cluster = {"server": "https://127.0.0.1:1" if as_flag else server}
    config = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "contexts": [{"name": "x", "context": {"cluster": "c"}}],
        "current-context": "x",
    }
    (tmp_path / "config").write_text(json.dumps(config))
    out, err = io.StringIO(), io.StringIO()
    argv = ["svc/x", f"--kubeconfig={tmp_path / 'config'}", "-v=9", "--timeout=3s"]
    argv += [f"--server={server}"] if as_flag else []
    code = main(argv, Environment(out, err, {}))
    assert code in (2, 4)
    assert canaries(out.getvalue() + err.getvalue()) == []


@pytest.mark.parametrize(
    "words",
    [
        f"https://user:{CANARY}@checkout.production/x?token={CANARY}",
        f"https://user:a@{CANARY}@checkout.production/x",
        f"https://user:a/{CANARY}@checkout.production/x",
        f"postgres://user:{CANARY}@10.96.0.10:80/x",
        f"dial tcp 10.96.0.10:80: refused, password={CANARY}, Authorization: Bearer {CANARY}-token",
        f"cannot reach the shop, password={CANARY}",
        f"nothing here but https://user:{CANARY}@",
    ],
)
def test_no_secret_of_what_a_client_reports_is_in(tmp_path: Path, words: str) -> None:
    kept = tmp_path / "kept.json"
    with FakeApiServer() as server:
        shop(server, 9000)
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps(server.kubeconfig()))
        for form in ("json", "table"):
            out, err = io.StringIO(), io.StringIO()
            argv = [words, f"--kubeconfig={kubeconfig}", "-o", form, "-v=9", "--save", str(kept)]
            main(argv, Environment(out, err, {"PATH": "/nowhere"}))
            saved = kept.read_text() if kept.exists() else ""
            assert out.getvalue() + err.getvalue()
            assert canaries("\n".join([out.getvalue(), err.getvalue(), saved])) == []
