"""Reads, their failures, and that each of them ends in time."""

import gc
import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from kubectl_portcheck.client import (
    Api,
    ApiStatusError,
    BadAnswer,
    ClusterError,
    ConnectionFlags,
    Deadline,
    Forbidden,
    NotFound,
    Throttled,
    TimedOut,
    TlsError,
    Unauthorized,
    Unreachable,
    load_connection,
)
from kubectl_portcheck.client.dialer import Dialer
from tests.fake import faults
from tests.fake.api_server import FakeApiServer, Handler
from tests.fake.certificates import server_context
from tests.fake.wire import Exchange
from tests.stopwatch import stopwatch
from tests.unit.client.conftest import Open

PODS = "/api/v1/namespaces/prod/pods"
SLACK = 2
"""How much later than its deadline a call may end on a busy machine, in seconds."""


def soon(seconds: float = 30) -> Deadline:
    return Deadline.after(seconds)


def failure(api: Api, seconds: float, path: str = PODS) -> ClusterError:
    """The error of a read, which must come by its deadline."""
    with stopwatch() as spent, pytest.raises(ClusterError) as caught:
        api.get(path, deadline=Deadline.after(seconds))
    assert spent.seconds < seconds + SLACK
    return caught.value


def test_reads_an_object_and_a_list(server: FakeApiServer, connect: Open) -> None:
    server.add(
        {"kind": "Pod", "apiVersion": "v1", "metadata": {"namespace": "prod", "name": "a"}},
        {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {"namespace": "prod", "name": "b", "labels": {"app": "b"}},
        },
    )
    api = connect(server)
    assert json.loads(api.get(f"{PODS}/a", deadline=soon()))["metadata"]["name"] == "a"
    found = json.loads(api.get(PODS, {"labelSelector": "app=b", "limit": 5}, deadline=soon()))
    assert [item["metadata"]["name"] for item in found["items"]] == ["b"]
    assert server.connections == 1, "the second read uses the connection of the first"


def test_reads_side_by_side(server: FakeApiServer, connect: Open) -> None:
    api = connect(server)
    bodies: list[bytes] = []

    def read() -> None:
        for _ in range(10):
            bodies.append(api.get("/version", deadline=soon()))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 80
    assert server.connections <= 8


def test_decompresses(server: FakeApiServer, connect: Open) -> None:
    def zipped(exchange: Exchange) -> None:
        assert exchange.request.header("Accept-Encoding") == "gzip"
        body = gzip.compress(json.dumps(faults.LIST).encode())
        exchange.respond(200, body, headers={"Content-Encoding": "gzip"})

    server.on("GET /api", zipped)
    assert json.loads(connect(server).get(PODS, deadline=soon())) == faults.LIST
    quiet = connect(server, flags=ConnectionFlags(disable_compression=True))
    server.on("GET /api", server.answer)
    quiet.get(PODS, deadline=soon())
    assert server.requests[-1].header("Accept-Encoding") == ""


def test_reads_chunks_and_bodies_without_a_length(server: FakeApiServer, connect: Open) -> None:
    def chunked(exchange: Exchange) -> None:
        exchange.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            b'\r\n5;x=y\r\n{"a":\r\n2\r\n1}\r\n0\r\nTrailer: x\r\n\r\n'
        )

    def endless(exchange: Exchange) -> None:
        exchange.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"b": 2}')
        exchange.close()

    server.on("/chunked", chunked)
    server.on("/endless", endless)
    api = connect(server)
    assert api.get("/chunked", deadline=soon()) == b'{"a":1}'
    assert api.get("/endless", deadline=soon()) == b'{"b": 2}'


REFUSALS: list[tuple[Handler, type[ApiStatusError], int, str]] = [
    (faults.status(401, "Unauthorized", "Unauthorized"), Unauthorized, 401, "Unauthorized"),
    (
        faults.status(403, "Forbidden", 'pods is forbidden: User "u" cannot list resource "pods"'),
        Forbidden,
        403,
        'User "u" cannot list',
    ),
    (faults.status(404, "NotFound", 'pods "x" not found'), NotFound, 404, 'pods "x" not found'),
    (faults.status(409, "Conflict", "conflict"), ApiStatusError, 409, "conflict"),
    (faults.status(410, "Expired", "too old"), ApiStatusError, 410, "too old"),
    (faults.status(429, "TooManyRequests", "slow down"), Throttled, 429, "slow down"),
    (faults.status(500, "InternalError", "etcd"), ApiStatusError, 500, "etcd"),
    (faults.plain(503, "no backend", "text/html"), ApiStatusError, 503, "currently unable"),
    (faults.plain(502, "bad gateway"), ApiStatusError, 502, "bad gateway"),
    (faults.plain(407, ""), ApiStatusError, 407, "407"),
]


@pytest.mark.parametrize(("handler", "error", "code", "text"), REFUSALS)
def test_refusals(
    server: FakeApiServer,
    connect: Open,
    handler: Handler,
    error: type[ApiStatusError],
    code: int,
    text: str,
) -> None:
    server.on(PODS, handler)
    found = failure(connect(server), 30)
    assert type(found) is error
    assert isinstance(found, ApiStatusError)
    assert found.status == code
    assert text in found.message


FAULTS: list[tuple[Handler, type[ClusterError]]] = [
    (faults.hang, TimedOut),
    (faults.trickle, TimedOut),
    (faults.trickled_body, TimedOut),
    (faults.reset_at_once, Unreachable),
    (faults.close_at_once, Unreachable),
    (faults.reset_mid_body, BadAnswer),
    (faults.close_mid_chunk, BadAnswer),
    (faults.truncated_json, BadAnswer),
    (faults.html, BadAnswer),
    (faults.not_http, BadAnswer),
]


@pytest.mark.parametrize(("handler", "error"), FAULTS, ids=lambda x: getattr(x, "__name__", ""))
def test_faults(
    server: FakeApiServer, connect: Open, handler: Handler, error: type[ClusterError]
) -> None:
    server.on(PODS, handler)
    assert type(failure(connect(server), 0.5 if error is TimedOut else 30)) is error


@pytest.mark.parametrize(
    ("hook", "error"),
    [
        (faults.before_tls_hang, TimedOut),
        (faults.before_tls_reset, Unreachable),
        (faults.before_tls_plain, TlsError),
    ],
)
def test_faults_before_and_in_the_tls_handshake(
    server: FakeApiServer,
    connect: Open,
    hook: Callable[[socket.socket, threading.Event], None],
    error: type[ClusterError],
) -> None:
    server.before_tls = hook
    assert type(failure(connect(server), 0.4 if error is TimedOut else 30)) is error


def test_a_peer_that_is_gone_before_the_handshake_begins(
    server: FakeApiServer, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a busy machine; no socket is left to the garbage collector, which would warn."""
    handshake = Dialer._handshake

    def late(self: Dialer, *rest: Any) -> None:
        time.sleep(0.3)
        handshake(self, *rest)

    monkeypatch.setattr(Dialer, "_handshake", late)
    server.before_tls = faults.before_tls_reset
    found = failure(connect(server), 30)
    gc.collect()
    assert type(found) is Unreachable
    # Whether the reset arrives before the handshake asks for the peer is up to the kernel.
    assert re.search("connection reset by peer( in the TLS handshake)?$", found.message)


def test_a_refused_connection_in_kubectls_words(server: FakeApiServer, connect: Open) -> None:
    api = connect(server)
    server.stop()
    found = failure(api, 30)
    assert found.line == (
        f"The connection to the server 127.0.0.1:{server.port} was refused - "
        "did you specify the right host or port?"
    )


def test_an_unknown_host(server: FakeApiServer, connect: Open) -> None:
    found = failure(connect(server, server="https://no-such-host.invalid:6443"), 8)
    assert isinstance(found, Unreachable | TimedOut)
    assert "lookup no-such-host.invalid" in found.message


def test_certificates_are_checked(connect: Open) -> None:
    with FakeApiServer(tls=server_context(expired=True)) as server:
        assert "expired" in failure(connect(server), 30).message
    with FakeApiServer(tls=server_context("elsewhere.test")) as server:
        assert "not valid for 127.0.0.1" in failure(connect(server), 30).message
        renamed = connect(server, **{"tls-server-name": "elsewhere.test"})
        renamed.get("/version", deadline=soon())
        assert server.requests[-1].server_name == "elsewhere.test"
        connect(server, **{"insecure-skip-tls-verify": True}).get("/version", deadline=soon())


def test_an_unknown_authority(server: FakeApiServer, connect: Open) -> None:
    from tests.fake.certificates import other_authority

    with other_authority().cert_pem.tempfile() as path:
        found = failure(connect(server, **{"certificate-authority": path}), 30)
    assert isinstance(found, TlsError)
    assert found.message.endswith("x509: certificate signed by unknown authority")


def test_retry_after_is_respected_within_the_deadline(server: FakeApiServer, connect: Open) -> None:
    busy = faults.status(429, "TooManyRequests", "slow down", Retry_After="1")
    server.on(PODS, busy, times=1)
    api = connect(server)
    with stopwatch() as spent:
        api.get(PODS, deadline=soon())
    assert spent.wall >= 1
    assert spent.seconds < 5
    server.on(PODS, faults.status(503, "ServiceUnavailable", "later", Retry_After="9"))
    found = failure(api, 8)
    assert isinstance(found, ApiStatusError)
    assert found.retry_after == 9


def test_request_timeout_bounds_a_read(server: FakeApiServer, connect: Open) -> None:
    server.on(PODS, faults.hang)
    api = connect(server, flags=ConnectionFlags(request_timeout="200ms"))
    with stopwatch() as spent, pytest.raises(TimedOut):
        api.get(PODS, deadline=soon())
    assert spent.seconds < 5


def test_a_connection_that_went_stale_is_replaced(server: FakeApiServer, connect: Open) -> None:
    def answer_and_close(exchange: Exchange) -> None:
        exchange.json(200, faults.LIST)
        exchange.close()

    server.on(PODS, answer_and_close)
    api = connect(server)
    for _ in range(3):
        api.get(PODS, deadline=soon())
        time.sleep(0.05)
    assert server.connections == 3


def test_closing_wakes_the_waits_of_other_threads(server: FakeApiServer, connect: Open) -> None:
    server.on(PODS, faults.hang)
    api = connect(server)
    caught: list[ClusterError] = []

    def read() -> None:
        try:
            api.get(PODS, deadline=soon())
        except ClusterError as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while not server.requests:
        time.sleep(0.01)
    api.close()
    thread.join(30)
    assert not thread.is_alive()
    assert [type(error) for error in caught] == [Unreachable]


def test_without_tls_no_credentials_are_sent(connect: Open) -> None:
    with FakeApiServer(tls=None) as server:
        api = connect(server, {"token": "secret", "as": "jane"})
        api.get("/version", deadline=soon())
        assert server.requests[-1].header("Authorization") == ""
        assert server.requests[-1].header("Impersonate-User") == "jane"


def test_a_path_prefix_goes_before_every_path(server: FakeApiServer, connect: Open) -> None:
    server.on("/k8s/clusters/c-1/version", lambda exchange: exchange.json(200, {}))
    connect(server, server=f"{server.url}/k8s/clusters/c-1/").get("/version", deadline=soon())
    assert server.requests[-1].target == "/k8s/clusters/c-1/version"


def test_the_log_names_method_path_status_and_time(server: FakeApiServer, connect: Open) -> None:
    lines: list[tuple[int, str]] = []
    api = connect(server, log=lambda level, text: lines.append((level, text)))
    api.get("/version", deadline=soon())
    ((level, text),) = lines
    assert level == 6
    assert text.startswith(f"GET {server.url}/version 200 in ")
    assert text.endswith(" milliseconds")


def test_nothing_configured_is_kubectls_default_server() -> None:
    connection = load_connection(ConnectionFlags(), {"HOME": "/nonexistent"})
    assert connection.server == "http://localhost:8080"
    assert not connection.configured


def test_closing_ends_a_connection_on_its_way(server: FakeApiServer, connect: Open) -> None:
    server.before_tls = faults.before_tls_hang
    api = connect(server)
    caught: list[ClusterError] = []

    def read() -> None:
        try:
            api.get(PODS, deadline=soon())
        except ClusterError as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while not server.connections:
        time.sleep(0.01)
    time.sleep(0.05)
    api.close()
    thread.join(30)
    assert not thread.is_alive()
    assert len(caught) == 1


def test_a_name_cannot_add_to_a_request(server: FakeApiServer, connect: Open) -> None:
    api = connect(server)
    with pytest.raises(NotFound):
        api.get("/api/v1/namespaces/prod/pods/a HTTP/1.1\r\nX-Evil: 1\r\n\r\n?x", deadline=soon())
    with pytest.raises(NotFound):
        api.exec("prod", "a/b?c d\r\nX-Evil: 1", "c", ["x"], deadline=soon())
    assert [r.header("X-Evil") for r in server.requests] == ["", ""]
    assert "/pods/a%2Fb%3Fc%20d%0D%0A" in server.requests[-1].target


def test_plugins_that_hang_are_ended_by_closing(server: FakeApiServer, connect: Open) -> None:
    entry = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sleep",
        "args": ["60"],
        "interactiveMode": "Never",
    }
    api = connect(server, {"exec": entry})
    thread = threading.Thread(target=lambda: failure(api, 30))
    thread.start()
    time.sleep(0.2)
    api.close()
    thread.join(30)
    assert not thread.is_alive()
