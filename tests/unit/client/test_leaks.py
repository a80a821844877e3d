"""Nothing is left behind: no thread, no descriptor, and no secret in any text."""

import base64
import contextlib
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.client import (
    Api,
    ClusterError,
    ConnectionFlags,
    Deadline,
    load_connection,
)
from tests.fake import faults
from tests.fake.api_server import Command, FakeApiServer
from tests.fake.certificates import client_pair
from tests.unit.client.conftest import Open

FDS = Path("/proc/self/fd")


def act(api: Api, seconds: float = 30) -> None:
    """One of everything, side by side."""

    def do(work: Any) -> None:
        with contextlib.suppress(ClusterError):
            work()

    deadline = Deadline.after(seconds)
    work = [
        lambda: api.get("/version", deadline=deadline),
        lambda: api.get("/api/v1/namespaces/prod/pods/none", deadline=deadline),
        lambda: api.exec("prod", "web", "app", ["x"], deadline=deadline),
        lambda: api.try_ports("prod", "web", [8080], deadline=deadline),
    ]
    threads = [threading.Thread(target=do, args=(w,)) for w in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.skipif(not FDS.is_dir(), reason="descriptors are counted in /proc")
def test_two_hundred_rounds_leave_nothing(server: FakeApiServer, connect: Open) -> None:
    server.commands["prod", "web"] = lambda container, argv: Command(b"out")
    server.ports["prod", "web"] = {}
    api = connect(server)
    connection = api.connection

    def ours() -> set[str]:
        return {t.name for t in threading.enumerate() if "fake" not in t.name}

    def settle() -> int:
        # The server's own threads and sockets go a moment later than ours.
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if sum("fake" in t.name for t in threading.enumerate()) <= 1:
                break
            time.sleep(0.02)
        return len(list(FDS.iterdir()))

    with Api(connection) as first:
        act(first)
    before, threads = settle(), ours()
    for i in range(200):
        if i == 150:
            # The rest of the rounds go wrong.
            server.on("/exec", faults.abrupt_close)
            server.on("/portforward", faults.reset_stream)
            server.on("/version", faults.reset_mid_body)
        with Api(connection) as each:
            act(each)
    assert settle() <= before
    assert ours() == threads


CANARY = "c4n4ry-s3cret"


def test_no_secret_in_any_text(
    server: FakeApiServer, connect: Open, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Fails in every way with every kind of credential, and looks at all that was said."""
    said: list[str] = []
    broken_key = base64.b64encode(f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n".encode()).decode()
    certificate = base64.b64encode(client_pair("x")[0].encode()).decode()
    (tmp_path / "token").write_text(f"{CANARY}\x01\n")
    prints = f"print('{CANARY}')"
    users: list[dict[str, Any]] = [
        {"token": CANARY},
        {"token": f"{CANARY}\nX-Other: 1"},
        {"tokenFile": str(tmp_path / "token")},
        {"username": "u", "password": CANARY},
        {"username": "u", "password": CANARY, "token": CANARY},
        {"client-certificate-data": certificate, "client-key-data": broken_key},
        {"auth-provider": {"name": "oidc", "config": {"id-token": CANARY, "refresh": CANARY}}},
        {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": sys.executable,
                "args": ["-c", prints],
                "env": [{"name": "SECRET", "value": CANARY}],
                "interactiveMode": "Never",
            }
        },
    ]
    clusters: list[dict[str, Any]] = [
        {},
        {"server": f"https://u:{CANARY}@127.0.0.1:{server.port}"},
        {"server": f"https://u:{CANARY}@127.0.0.1:1"},
        {"server": f"ftp://u:{CANARY}@x"},
        {"proxy-url": f"http://u:{CANARY}@127.0.0.1:1"},
        {"proxy-url": f"http://u:{CANARY}@127.0.0.1:{server.port}"},
        {"proxy-url": f"socks5://u:{CANARY}@127.0.0.1:1"},
        {"proxy-url": f"foo://u:{CANARY}@127.0.0.1:1"},
    ]
    handlers = [
        server.answer,
        faults.status(401, "Unauthorized", "Unauthorized"),
        faults.reset_at_once,
        faults.not_http,
    ]

    def attempt(user: dict[str, Any], cluster: dict[str, Any]) -> None:
        flags = ConnectionFlags(token=None)
        try:
            api = connect(server, user, flags, log=lambda _, text: said.append(text), **cluster)
            said.append(
                f"{api.connection!r} {api.connection.credentials!r} {api.connection.proxy!r}"
            )
            api.get("/version", deadline=Deadline.after(30))
        except ClusterError as error:
            said.extend([error.message, error.hint, error.line, repr(error)])
            said.append(traceback.format_exc())

    for handler in handlers:
        server.on("GET", handler)
        for user in users:
            attempt(user, {})
        for cluster in clusters:
            attempt(users[0], cluster)
    flags = ConnectionFlags(token=CANARY, password=CANARY, username=CANARY)
    said.append(repr(flags))
    captured = capfd.readouterr()
    everything = "\n".join([*said, captured.out, captured.err])
    assert len(said) > 100
    # The text of this very file stands in the tracebacks, but never with the secret itself.
    assert CANARY not in everything


def test_an_unfinished_configuration_says_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(f"users:\n- name: a\n  user:\n    token: {CANARY}\n   bad: [\n")
    with pytest.raises(ClusterError) as caught:
        load_connection(ConnectionFlags(kubeconfig=str(path)), {})
    text = "".join(traceback.format_exception(caught.value))
    assert CANARY not in text
    assert os.fspath(path) in text
