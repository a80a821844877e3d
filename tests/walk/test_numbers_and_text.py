"""Numbers and texts that no field should hold, and moments at which nothing should happen."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kubectl_portcheck.collect.cluster.dial_from import arguments, dials_for
from kubectl_portcheck.collect.decode import decode
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.model.objects import Service
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import program as run
from tests.walk.shop import shop, walk
from tests.walk.test_hostile_files import program
from tests.walk.town import add_service

PROGRAM = [sys.executable, "-m", "kubectl_portcheck"]
SERVICE = "kind: Service\napiVersion: v1\nmetadata: {name: shop}\nspec: {ports: [{port: 80}]}\n"


@pytest.mark.parametrize("number", [10**30, -(10**30), 10**300])
def test_a_number_that_no_field_holds_is_that_of_one_object(tmp_path: Path, number: int) -> None:
    with FakeApiServer() as server:
        add_service(server, "well", probed=8080)
        add_service(server, "odd", probed=8080)
        for item in server.store.objects:
            if (item["kind"], item["metadata"]["name"]) == ("Service", "odd"):
                item["spec"]["ports"][0]["nodePort"] = number
        done = run(server, tmp_path, "-A", namespace="")
    found = {s["name"]: s["verdict"] for s in done.report["services"]}
    assert found == {"odd": "inconclusive", "well": "healthy"}


def test_an_exit_code_of_many_digits_is_none(tmp_path: Path) -> None:
    status = {
        "status": "Failure",
        "message": f"exit code {'9' * 5000}",
        "details": {"causes": [{"reason": "ExitCode", "message": "9" * 5000}]},
    }
    with FakeApiServer() as server:
        shop(server, 9000)
        server.on("/exec", lambda e: e.websocket().send(3, json.dumps(status).encode()))
        done = walk(server, tmp_path)
    assert done.code in (ExitCode.PROBLEM, ExitCode.INCONCLUSIVE)
    assert "defect" not in done.stderr


def test_file_names_that_are_no_text(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.yaml"
    Path(os.fsdecode(path)).write_text(SERVICE + "---\nkind: Service\nmetadata: {name: 5}\n")
    for form in ("sarif", "json", "yaml", "table", "junit", "markdown"):
        done = subprocess.run(
            [*PROGRAM, "-f", str(tmp_path), "-o", form, "--output-file", f"{form}={tmp_path}/kept"],
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == ExitCode.USAGE
        assert done.stdout.decode()
        assert b"defect" not in done.stderr
        assert b"Traceback" not in done.stderr
        assert (tmp_path / "kept").read_text()


def test_a_working_folder_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(SERVICE)
    gone = tmp_path / "gone"
    gone.mkdir()
    wanted = str(tmp_path / "shop.yaml")
    for flags in (["-f", wanted], ["-f", wanted, "--diff"], ["-f", "x"], ["svc/x"], ["-f", "."]):
        script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
        done = subprocess.run(
            ["sh", "-c", script, "sh", str(gone), *PROGRAM, *flags],
            env={**os.environ, "KUBECONFIG": "config", "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        gone.mkdir()
        assert "defect" not in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["münchen.invalid", "a" * 300, "xn--a", "..", "[::1%x]", "\u202e"])
@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:1", "http://münchen.invalid:1"])
def test_hosts_that_are_no_host_names(host: str, proxy: str) -> None:
    environ = {"HTTPS_PROXY": proxy, "KUBECONFIG": os.devnull}
    done = program("svc/x", "--server", f"https://{host}", "--timeout", "5s", environ=environ)
    assert done.code in (ExitCode.NO_CLUSTER, ExitCode.USAGE)
    assert "defect" not in done.stderr


ODD = "\u202e\x9b31m\x1b]0;x\x07"


def test_the_log_steers_no_terminal(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        done = walk(server, tmp_path, "-v", "9", "--context", "fake", "--server", server.url)
        odd = program(*("svc/x", "-v", "9", "-n", f"a{ODD}", "--server", server.url))
    assert done.stderr.count("\n") > 3
    assert not set(ODD) & set(odd.stderr) - {"0", ";", "x", "1", "3", "m", "]"}


def test_a_diff_steers_no_terminal_and_can_be_applied(tmp_path: Path) -> None:
    workload = (
        "---\nkind: Deployment\napiVersion: apps/v1\nmetadata: {name: shop}\nspec:\n"
        "  selector: {matchLabels: {app: shop}}\n  template:\n    metadata: {labels: {app: shop}}\n"
        "    spec: {containers: [{name: app, image: x, ports: [{containerPort: 9000}]}]}\n"
    )
    text = (
        "kind: Service\napiVersion: v1\nmetadata: {name: shop}\nspec:\n  selector: {app: shop}\n"
        f"  ports:\n  - port: 80 # \u202e\n    targetPort: 8080\n{workload}"
    )
    path = tmp_path / "shop.yaml"
    path.write_text(text)
    argv = [*PROGRAM, "-f", str(path), "--diff"]
    raw = subprocess.run(argv, capture_output=True, check=False, timeout=60).stdout.decode()
    assert "\u202e" in raw
    ours, theirs = pty.openpty()
    subprocess.run(argv, stdout=theirs, stderr=subprocess.DEVNULL, check=False, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "\u202e" not in shown
    assert r"\u202e" in shown


@pytest.mark.parametrize("address", ["-e", "1.2.3.4,80,http", "$(id)", "--", "::1%-x", "a b"])
def test_what_is_no_address_is_not_handed_to_a_program(address: str) -> None:
    raw = {"metadata": {"name": "a"}, "spec": {"clusterIP": address, "ports": [{"port": 80}]}}
    service = decode(json.dumps(raw).encode(), Service)
    assert dials_for(service, service.spec.ports, []) == []


def test_a_real_address_is() -> None:
    raw = {"metadata": {"name": "a"}, "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80}]}}
    service = decode(json.dumps(raw).encode(), Service)
    assert arguments(dials_for(service, service.spec.ports, []))[0] == "0,10.0.0.1,80,"


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("milliseconds", [20, 40, 60, 80, 100, 150])
def test_an_early_interrupt_is_a_line(milliseconds: int) -> None:
    """Before the interpreter has started, Python itself speaks; it takes some 15 ms."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        child = subprocess.Popen(
            [
                *PROGRAM,
                "svc/x",
                "--timeout=3",
                "--server",
                f"https://127.0.0.1:{silent.getsockname()[1]}",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "KUBECONFIG": os.devnull, "PYTHONDONTWRITEBYTECODE": ""},
            # A shell starts what runs in the background with the signal ignored.
            preexec_fn=_default_interrupt,
        )
        time.sleep(milliseconds / 1000)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    # Up to `run` Python itself speaks: a traceback of its start, of site, of runpy.
    assert b", in run\n" not in err
    # Python loses a signal in a moment of its start (3 of 150 tries): then the program goes on.
    lost = ExitCode.NO_CLUSTER
    assert child.returncode in (ExitCode.INTERRUPTED, -signal.SIGINT, 1, lost)
    assert not out
