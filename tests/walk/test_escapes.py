"""A hostile cluster's text on its way through the whole program: it steers no terminal."""

import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.arguments import FORMATS
from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from tests.fake import faults
from tests.fake.api_server import Command, FakeApiServer
from tests.walk.shop import NAMESPACE, PODS, shop

EVIL = "\x1b[2J\x9b31m\x07\u202egnp\u2066\u200b\r\0\x85\u2028\U000e0041"
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def dangerous(text: str) -> set[str]:
    """The characters that must not reach a terminal or a file."""
    return {c for c in text if c != "\n" and unicodedata.category(c) in FORBIDDEN}


def poisoned(value: Any, key: str = "") -> Any:
    """The object with the evil text at the end of every text that anyone can write."""
    if isinstance(value, dict):
        return {k: poisoned(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(v, key) for v in value]
    free = key in ("message", "reason", "image", "manager", "nodeName", "example", "program")
    return f"{value}{EVIL}" if free and isinstance(value, str) else value


def furnish(server: FakeApiServer) -> None:
    shop(server, 9000, target=8080)
    for item in list(server.store.objects):
        if item["kind"] == "Pod":
            item["spec"]["containers"][0]["image"] = "shop:1"
            for found in item["status"]["conditions"]:
                found |= {"message": "said", "reason": "Because"}
        item["metadata"]["annotations"] = {"example": "x", "prometheus.io/port": EVIL}
        item["metadata"]["managedFields"] = [
            {
                "manager": "kubectl",
                "operation": "Update",
                "time": "2026-01-01T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:ports": {}}},
            }
        ]
        server.add(poisoned(item))
    sick = next(o for o in server.store.objects if o["metadata"]["name"] == PODS[2])
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": f"said {EVIL}"}}
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": f"said {EVIL}"}}
    sick["status"]["conditions"][0]["status"] = "False"
    sick["status"]["containerStatuses"] = [
        {"name": "app", "ready": False, "restartCount": 3, "state": waiting, "lastState": ended}
    ]
    server.add(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e", "namespace": NAMESPACE},
            "involvedObject": {"kind": "Pod", "name": PODS[2], "namespace": NAMESPACE},
            "type": "Warning",
            "reason": "Unhealthy",
            "message": f"said {EVIL}",
        }
    )
    server.commands[NAMESPACE, PODS[1]] = lambda _, __: Command(
        stderr=EVIL.encode(), exit_code=126, error=f"cannot {EVIL}"
    )
    server.on(r"/proxy", faults.status(503, "ServiceUnavailable", f"error trying {EVIL}"))


def run(server: FakeApiServer, folder: Path, *argv: str, **cluster: Any) -> tuple[str, str]:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(json.dumps(server.kubeconfig(**cluster)))
    out, err = io.StringIO(), io.StringIO()
    environ = {"PATH": "/nowhere", "KUBECONFIG": str(kubeconfig)}
    main([*argv, "-n", NAMESPACE], Environment(out, err, environ))
    return out.getvalue(), err.getvalue()


@pytest.mark.parametrize("form", [*FORMATS, "-q", "--summary", "--show-commands"])
def test_a_report_is_harmless_in_every_form(tmp_path: Path, form: str) -> None:
    flags = [form] if form.startswith("-") else ["-o", form]
    kept = [tmp_path / name for name in ("k.json", "p.svg", "p.html")]
    files = ["--save", str(kept[0]), "--save-svg", str(kept[1]), "--output-file", f"html={kept[2]}"]
    with FakeApiServer() as server:
        furnish(server)
        out, err = run(server, tmp_path, "svc/checkout", "-v=9", *flags, *files)
    shown = out.replace("\N{WARNING SIGN}\ufe0f", "")
    assert len(shown) > 10
    assert dangerous(shown) == set()
    assert dangerous(err) == set()
    assert all(dangerous(f.read_text().replace("\N{NO-BREAK SPACE}", " ")) == set() for f in kept)


@pytest.mark.parametrize("code", [401, 403, 404, 409, 500])
@pytest.mark.parametrize("argv", [["svc/checkout"], [], ["ing/x"], ["deploy/checkout"]])
def test_an_error_is_harmless(tmp_path: Path, code: int, argv: list[str]) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.on("GET", faults.status(code, f"Odd{EVIL}", f"no: {EVIL}"))
        out, err = run(server, tmp_path, *argv, "-v=9", "-o", "json")
    assert out + err
    assert dangerous(out + err) == set()


@pytest.mark.parametrize(
    "words",
    [
        [f"svc/x{EVIL}".replace("\0", "")],
        [f"--{EVIL}"],
        ["svc/x", "-o", EVIL],
        ["svc/x", "--context", EVIL],
        ["svc/x", "--server", f"https://{EVIL}"],
        ["svc/x", "--kubeconfig", f"/nowhere/{EVIL}".replace("\0", "")],
        ["-f", f"/nowhere/{EVIL}".replace("\0", "")],
        ["--replay", f"/nowhere/{EVIL}".replace("\0", "")],
        ["--demo", EVIL],
        ["--explain", EVIL],
        ["svc/x", "--ignore", EVIL],
        ["-l", EVIL],
        ["svc/x", "--save", f"/nowhere/{EVIL}".replace("\0", "")],
    ],
)
def test_what_the_command_line_holds_is_harmless_in_its_error(
    tmp_path: Path, words: list[str]
) -> None:
    with FakeApiServer() as server:
        out, err = run(server, tmp_path, *words, "-v=9")
    assert err
    assert dangerous(out + err) == set()
