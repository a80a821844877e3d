"""The receiver of alerts: what it runs, what it refuses, how much it takes on."""

import importlib.util
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

SCRIPT = Path(__file__).parents[3] / "docs" / "automation" / "alert_receiver.py"
PROGRAM = """\
#!/bin/sh
for word; do printf '<%s>' "$word"; done >>"{folder}/ran"
echo >>"{folder}/ran"
while [ -e "{folder}/hold" ]; do sleep 0.02; done
echo '### BROKEN: report'
exit 1
"""


@pytest.fixture(scope="module")
def receiver() -> ModuleType:
    found = importlib.util.spec_from_file_location("alert_receiver", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


class Serving(NamedTuple):
    """A receiver at work."""

    port: int
    folder: Path

    def post(self, body: Any, *, token: str = "open", **headers: str) -> tuple[int, str]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        wire = HTTPConnection("127.0.0.1", self.port, timeout=10)
        given = {"Authorization": f"Bearer {token}", **headers}
        wire.request("POST", "/", raw, given)
        answer = wire.getresponse()
        told = answer.status, answer.read().decode()
        wire.close()
        return told

    @property
    def ran(self) -> list[str]:
        file = self.folder / "ran"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def serving(receiver: ModuleType, tmp_path: Path) -> Iterator[Serving]:
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(folder=tmp_path))
    program.chmod(0o755)
    settings = receiver.Settings.read(
        {
            "PORTCHECK_PORT": "0",
            "PORTCHECK_TOKEN": "open",
            "PORTCHECK_PROGRAM": str(program),
            "PORTCHECK_WORKERS": "2",
            "PORTCHECK_WAITING": "3",
        }
    )
    with receiver.server(settings) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Serving(server.server_port, tmp_path)
        (tmp_path / "hold").unlink(missing_ok=True)
        server.shutdown()


def alert(service: Any = "checkout", namespace: Any = "production", status: str = "firing") -> Any:
    return {"status": status, "labels": {"service": service, "namespace": namespace}}


def message(*alerts: Any) -> Any:
    return {"version": "4", "status": "firing", "alerts": list(alerts)}


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_firing_alert_runs_one_check(
    serving: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    told = serving.post(message(alert(), alert(), alert("web", status="resolved")))
    assert told == (202, "1 checks\n")
    printed = ""

    def reported() -> bool:
        nonlocal printed
        printed += capsys.readouterr().out
        return "### BROKEN: report" in printed

    until(reported)
    assert printed.startswith("production/checkout: clients get errors\n\n### BROKEN: report")
    assert serving.ran == [
        "<svc/checkout><--namespace=production><--output=markdown><--timeout=60s>"
    ]


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "--kubeconfig=/etc/passwd",
        "-n",
        "$(id)",
        "`id`",
        "a;id",
        "a\nb",
        "checkout\n",
        "../secrets",
        "a/b",
        "Checkout",
        "",
        "a" * 64,
        "ｃheckout",
        7,
        None,
        ["checkout"],
        {"a": "b"},
    ],
)
def test_what_is_no_name_runs_nothing(serving: Serving, name: Any) -> None:
    assert serving.post(message(alert(name), alert("checkout", name))) == (202, "0 checks\n")
    assert serving.ran == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b"null",
        b"[]",
        b'{"alerts": 1}',
        b'{"alerts": [1, null]}',
        b'{"alerts": [{"status": "firing", "labels": 3}]}',
    ],
)
def test_what_is_no_alert_runs_nothing(serving: Serving, body: bytes) -> None:
    status, text = serving.post(body)
    assert (status, text) in ((400, ""), (202, "0 checks\n"))
    assert serving.ran == []


def test_only_those_with_the_token_are_heard(serving: Serving) -> None:
    assert serving.post(message(alert()), token="closed")[0] == 401
    assert serving.post(message(alert()), Authorization="")[0] == 401
    assert serving.post(message(alert()), Authorization="Bearer \xe4")[0] == 401
    assert serving.ran == []


def test_a_message_has_a_size(serving: Serving) -> None:
    assert serving.post(b"", **{"Content-Length": "99999999999"})[0] == 413
    assert serving.post(b"", **{"Content-Length": "2000000"})[0] == 413
    assert serving.post(b"", **{"Content-Length": "-1"})[0] == 411


def test_no_more_than_allowed_run_and_wait(serving: Serving) -> None:
    hold = serving.folder / "hold"
    hold.touch()
    assert serving.post(message(alert("a"), alert("b")))[0] == 202
    until(lambda: len(serving.ran) == 2)
    assert serving.post(message(alert("c"), alert("d"), alert("e"))) == (202, "3 checks\n")
    assert serving.post(message(alert("a"), alert("c"))) == (202, "0 checks\n")  # Known.
    assert serving.post(message(alert("f")))[0] == 503  # Alertmanager tries again.
    assert len(serving.ran) == 2
    hold.unlink()
    until(lambda: len(serving.ran) == 5)
    until(lambda: serving.post(message(alert("a"))) == (202, "1 checks\n"))  # Not known any more.


def test_a_report_is_posted_as_text(receiver: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    got: list[Any] = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, form: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Chat) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        receiver.deliver("x" * 20_000, f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    (sent,) = got
    assert sent["text"].endswith("(cut: 20000 characters)\n")
    assert len(sent["text"]) < 13_000


def test_a_program_that_hangs_ends(
    receiver: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setattr(receiver, "RUN_SECONDS", -14.5)
    told = receiver.check(receiver.Target("production", "checkout"), str(program))
    assert told.startswith("production/checkout: no answer after")
