"""The receiver of alerts: what it runs, what it refuses, how much it takes on."""

import contextlib
import importlib.util
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.stopwatch import stopwatch

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
        shown = answer.status, answer.read().decode()
        wire.close()
        return shown

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
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_firing_alert_runs_one_check(
    serving: Serving, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = serving.post(message(alert(), alert(), alert("web", status="resolved")))
    assert shown == (202, "1 checks\n")
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
    shown = receiver.check(receiver.Target("production", "checkout"), str(program))
    assert shown.startswith("production/checkout: no answer after")


class TestStart:
    """What it needs before it listens."""

    @pytest.mark.parametrize(
        ("words", "environ", "why"),
        [
            ([], {}, "set PORTCHECK_TOKEN"),
            ([], {"PORTCHECK_TOKEN": ""}, "set PORTCHECK_TOKEN"),
            (["--allow-all"], {"PORTCHECK_TOKEN": "x"}, "unknown argument '--allow-all'"),
            (
                [],
                {"PORTCHECK_TOKEN": "x", "PORTCHECK_POST_URL": "file:///etc/x"},
                "must begin with",
            ),
            ([], {"PORTCHECK_TOKEN": "x", "PORTCHECK_PORT": "http"}, "must be numbers"),
        ],
    )
    def test_it_is_refused(
        self,
        receiver: ModuleType,
        capsys: pytest.CaptureFixture[str],
        words: list[str],
        environ: dict[str, str],
        why: str,
    ) -> None:
        assert receiver.main(words, environ) == 2
        assert why in capsys.readouterr().err

    def test_a_token_or_the_flag_is_enough(self, receiver: ModuleType) -> None:
        opened, closed = (receiver.Settings.read({"PORTCHECK_TOKEN": t}) for t in ("", "x"))
        assert receiver.wrong(opened, anonymous=True) == ""
        assert receiver.wrong(closed, anonymous=False) == ""


def connected(serving: Serving) -> socket.socket:
    return socket.create_connection(("127.0.0.1", serving.port), timeout=10)


HEAD = b"POST / HTTP/1.1\r\nAuthorization: Bearer open\r\nContent-Length: 50000\r\n\r\n"


@pytest.mark.parametrize("begins", [b"", b"POST / HT", HEAD], ids=["nothing", "line", "body"])
def test_a_request_that_trickles_in_ends_in_its_time(
    receiver: ModuleType, serving: Serving, monkeypatch: pytest.MonkeyPatch, begins: bytes
) -> None:
    monkeypatch.setattr(receiver, "REQUEST_SECONDS", 0.6)
    with stopwatch() as spent, connected(serving) as wire, contextlib.suppress(OSError):
        wire.sendall(begins)
        for _ in range(100):
            wire.sendall(b"x")  # Each byte in good time, and never the last.
            time.sleep(0.05)
            wire.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                if not wire.recv(1000):
                    break
            wire.setblocking(True)
    assert spent.seconds < 3
    assert serving.post(message()) == (202, "0 checks\n")


def test_no_more_requests_than_allowed_are_read(serving: Serving, receiver: ModuleType) -> None:
    def threads() -> int:
        return sum("process_request_thread" in t.name for t in threading.enumerate())

    before = threads()
    wires = [connected(serving) for _ in range(receiver.MOST_REQUESTS + 10)]
    try:
        for wire in wires[-10:]:
            assert wire.recv(10) == b""  # Closed without a thread.
        assert threads() - before <= receiver.MOST_REQUESTS
    finally:
        for wire in wires:
            wire.close()
    until(lambda: threads() <= before)
    assert serving.post(message()) == (202, "0 checks\n")


@pytest.mark.parametrize("stream", ["", " >&2"])
def test_a_report_mentions_no_one_and_links_nowhere(
    receiver: ModuleType, tmp_path: Path, stream: str
) -> None:
    said = "<!channel> @here <@U123> [x](https://evil.example) <https://evil|bank> www.evil.example"
    program = tmp_path / "program"
    program.write_text(
        f"#!/bin/sh\nprintf '%b\\n' '{said} \\033[2J![x](http://evil/a.png)'{stream}\n"
    )
    program.chmod(0o755)
    shown = receiver.check(receiver.Target("production", "checkout"), str(program))
    for special in ("<", "@h", "@U", "](", "://", "www.", "\x1b"):
        assert special not in shown
    visible = shown.replace("\N{ZERO WIDTH SPACE}", "")
    assert "@here" in visible
    assert "https://evil.example" in visible


def test_a_check_does_not_see_what_only_the_receiver_needs(
    receiver: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in receiver.OWN:
        monkeypatch.setenv(name, "s3cret")
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nenv\n")
    program.chmod(0o755)
    shown = receiver.check(receiver.Target("production", "checkout"), str(program))
    assert "PATH=" in shown
    assert "s3cret" not in shown


def test_a_chat_that_fails_is_not_named(
    receiver: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = receiver.Settings.read(
        {
            "PORTCHECK_PROGRAM": "/bin/true",
            "PORTCHECK_POST_URL": "http://127.0.0.1:1/hooks/s3cret",
            "PORTCHECK_WORKERS": "1",
        }
    )
    receiver.Checks(settings).add([receiver.Target("production", "checkout")])
    said = ""

    def shown() -> bool:
        nonlocal said
        said += capfd.readouterr().err
        return "no report delivered: URLError" in said

    until(shown)
    assert "s3cret" not in said
