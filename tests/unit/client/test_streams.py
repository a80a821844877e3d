"""Commands and port-forwards over WebSockets: what they return, and that each ends in time."""

import threading
import time
from collections.abc import Callable

import pytest

from kubectl_portcheck.client import (
    Api,
    ApiStatusError,
    BadAnswer,
    ClusterError,
    Deadline,
    ExecResult,
    Forbidden,
    NotFound,
    PortAnswer,
    Throttled,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from kubectl_portcheck.client.http import SLOW_SECONDS
from tests.fake import faults
from tests.fake.api_server import NO_SHELL, Command, FakeApiServer, Handler, ending
from tests.fake.wire import Exchange
from tests.stopwatch import patiently, stopwatch
from tests.unit.client.conftest import Open

SLACK = 2
FORBIDDEN = faults.status(
    403, "Forbidden", 'pods "web" is forbidden: User "u" cannot create resource "pods/exec"'
)


def run(api: Api, seconds: float = 30, **options: int) -> ExecResult:
    with stopwatch() as spent:
        try:
            deadline = Deadline.after(seconds)
            return api.exec("prod", "web", "app", ["sh", "-c", "x"], deadline=deadline, **options)
        finally:
            assert spent.seconds < seconds + SLACK


def try_ports(api: Api, *ports: int, seconds: float = 30) -> dict[int, PortAnswer]:
    with stopwatch() as spent:
        try:
            return api.try_ports("prod", "web", ports, deadline=Deadline.after(seconds))
        finally:
            assert spent.seconds < seconds + SLACK


def answers(server: FakeApiServer, command: Command) -> None:
    server.commands["prod", "web"] = lambda container, argv: command


def test_a_command(server: FakeApiServer, connect: Open) -> None:
    answers(server, Command(b"out\xff\n", b"err\n"))
    result = run(connect(server))
    assert result == ExecResult(b"out\xff\n", b"err\n", "", 0, True)
    request = server.requests[-1]
    assert request.values("command") == ["sh", "-c", "x"]
    assert request.values("container") == ["app"]
    assert request.values("stdin") == []


def test_how_a_command_ended(server: FakeApiServer, connect: Open) -> None:
    api = connect(server)
    answers(server, Command(b"", b"sh: ss: not found\n", 127))
    result = run(api)
    assert (result.exit_code, result.complete) == (127, True)
    answers(server, NO_SHELL)
    result = run(api)
    assert result.exit_code is None
    assert result.complete
    assert "no such file or directory" in result.error


def test_streams_use_the_connection_of_the_reads(server: FakeApiServer, connect: Open) -> None:
    answers(server, Command())
    api = connect(server)
    api.get("/version", deadline=Deadline.after(30))
    run(api)
    assert server.connections == 1


def test_characters_split_over_frames(server: FakeApiServer, connect: Open) -> None:
    text = "ünïcode €".encode()
    answered: list[bytes] = []

    def split(exchange: Exchange) -> None:
        stream = exchange.websocket()
        for i in range(len(text)):
            stream.send(1, text[i : i + 1])
        # One message in three frames, with a ping between them.
        stream.frame(2, b"\x01a", final=False)
        stream.frame(9, b"are you there")
        # Read, since to close a socket on unread bytes is to reset it.
        answered.append(exchange.sock.recv(100))
        stream.frame(0, b"b", final=False)
        stream.frame(0, b"c")
        stream.send(1, b"")
        stream.send(3, b'{"metadata":{},"status":"Success"}')
        stream.close()

    server.on("/exec", split)
    result = run(connect(server))
    assert result.stdout.decode() == "ünïcode €abc"
    assert result.exit_code == 0
    (pong,) = answered
    mask = pong[2:6]
    assert pong[:2] == bytes((0x8A, 0x80 | 13))
    assert bytes(b ^ mask[i % 4] for i, b in enumerate(pong[6:])) == b"are you there"


def test_a_hundred_thousand_lines(server: FakeApiServer, connect: Open) -> None:
    line = b"   0: 00000000:1F90 00000000:0000 0A\n"
    answers(server, Command(line * 100_000))
    result = run(connect(server), limit_bytes=len(line) * 100_000)
    assert result.stdout.count(b"\n") == 100_000
    assert result.complete


def test_the_limit_of_output(server: FakeApiServer, connect: Open) -> None:
    server.on("/exec", faults.endless_output)
    result = run(connect(server), limit_bytes=100_000)
    assert len(result.stdout) == 100_000
    assert not result.complete
    assert result.exit_code is None


@pytest.mark.parametrize(
    ("handler", "stdout", "words"),
    [
        (faults.hang_after_upgrade, b"", "timed out"),
        (faults.trickled_stream, b"", "timed out"),
        (faults.abrupt_close, b"half of it", "broke off"),
        (faults.reset_stream, None, "broke off"),
        (faults.no_status, b"all of it", "without a status"),
        (faults.garbage_frames, b"", "not the WebSocket"),
    ],
)
def test_faults_of_an_exec(
    server: FakeApiServer, connect: Open, handler: Handler, stdout: bytes | None, words: str
) -> None:
    server.on("/exec", handler)
    api = connect(server)
    result = patiently(lambda s: run(api, s)) if words == "timed out" else run(api)
    assert not result.complete
    assert result.exit_code is None
    assert words in result.error
    assert stdout is None or result.stdout == stdout


def test_a_peer_that_never_closes(server: FakeApiServer, connect: Open) -> None:
    server.on("/exec", faults.never_closes)
    with stopwatch() as spent:
        assert run(connect(server)).complete
    assert spent.seconds < 5


UPGRADES: list[tuple[Handler, type[ClusterError]]] = [
    (FORBIDDEN, Forbidden),
    (faults.status(401, "Unauthorized", "Unauthorized"), Unauthorized),
    (faults.status(404, "NotFound", 'pods "web" not found'), NotFound),
    (faults.status(409, "Conflict", "conflict"), ApiStatusError),
    (faults.status(410, "Gone", "gone"), ApiStatusError),
    (faults.status(429, "TooManyRequests", "slow down"), Throttled),
    (faults.plain(500, 'container not found ("app")'), ApiStatusError),
    (faults.plain(503, "Service Unavailable"), ApiStatusError),
    (faults.plain(200, "<html>", "text/html"), ApiStatusError),
    (faults.hang, TimedOut),
    (faults.trickle, TimedOut),
    (faults.reset_at_once, Unreachable),
    (faults.not_http, BadAnswer),
    (faults.wrong_accept, BadAnswer),
]


@pytest.mark.parametrize(("handler", "error"), UPGRADES)
@pytest.mark.parametrize("act", [run, try_ports])
def test_refused_upgrades(
    server: FakeApiServer,
    connect: Open,
    act: Callable[..., object],
    handler: Handler,
    error: type[ClusterError],
) -> None:
    server.on("/exec|/portforward", handler)
    api = connect(server)
    seconds = 0.5 if error is TimedOut else 30
    with pytest.raises(ClusterError) as caught:
        run(api, seconds) if act is run else try_ports(api, 8080, seconds=seconds)
    assert type(caught.value) is error


def test_a_refused_upgrade_shows_the_servers_words(server: FakeApiServer, connect: Open) -> None:
    server.on("/exec", FORBIDDEN)
    with pytest.raises(Forbidden) as caught:
        run(connect(server))
    assert caught.value.line == (
        'Error from server (Forbidden): pods "web" is forbidden: User "u" cannot create resource '
        '"pods/exec"'
    )


def broken(protocol: str) -> Handler:
    """cri-dockerd's way of failing with one subprotocol: after the upgrade, on channel 3."""

    def handler(exchange: Exchange) -> None:
        offered = exchange.request.header("Sec-WebSocket-Protocol").split(", ")
        stream = exchange.websocket()
        command = Command(b"fine")
        if offered[0] == protocol:
            command = Command(
                error="Internal error occurred: error sending request: Post "
                '"https://10.0.0.1:10250/exec": http: server gave HTTP response to HTTPS client'
            )
        import json

        stream.send(1, command.stdout)
        stream.send(3, json.dumps(ending(command)).encode())
        stream.close()

    return handler


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_a_subprotocol_that_fails_is_not_the_end(
    server: FakeApiServer, connect: Open, protocol: str
) -> None:
    server.on("/exec", broken(protocol))
    api = connect(server)
    assert run(api).stdout == b"fine"
    before = len(server.requests)
    assert run(api).stdout == b"fine"
    assert len(server.requests) == before + 1, "what worked is remembered"


@pytest.mark.parametrize("served", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_a_server_with_one_subprotocol(server: FakeApiServer, connect: Open, served: str) -> None:
    server.exec_protocols = (served,)
    answers(server, Command(b"fine"))
    assert run(connect(server)).stdout == b"fine"


def test_both_subprotocols_fail(server: FakeApiServer, connect: Open) -> None:
    server.on("/exec", faults.plain(500, "unable to upgrade connection: nope"))
    with pytest.raises(ApiStatusError, match="unable to upgrade"):
        run(connect(server))


def test_ports_are_tried_by_port_forward(server: FakeApiServer, connect: Open) -> None:
    server.ports["prod", "web"] = {8080: "accepted", 9100: "greets", 9200: "reset"}
    found = try_ports(connect(server), 8080, 9100, 9200, 7777, 8080)
    assert {port: k.outcome for port, k in found.items()} == {
        8080: "accepted",
        9100: "accepted",
        9200: "reset",
        7777: "refused",
    }
    assert "connection refused" in found[7777].detail
    assert server.requests[-1].values("ports") == ["8080", "9100", "9200", "7777", "1"]


def test_no_port_to_try_asks_nothing(server: FakeApiServer, connect: Open) -> None:
    assert try_ports(connect(server)) == {}
    assert server.requests == []


def test_refusals_that_arrive_while_the_client_is_stopped(
    server: FakeApiServer, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine stops the client for longer than the grace lasts."""
    sent = threading.Event()

    def late(exchange: Exchange) -> None:
        stream = exchange.websocket()
        for channel, port in ((0, 8080), (1, 8080), (2, 8081), (3, 8081), (4, 1), (5, 1)):
            stream.send(channel, port.to_bytes(2, "little"))
        for channel in (5, 3, 1):
            stream.send(channel, b"dial tcp4 127.0.0.1:1: connect: connection refused")
            time.sleep(0.1)
        sent.set()
        stream.until_closed()

    def stopped(opening: float, fence: float) -> float:
        assert sent.wait(60)
        return -1  # Over before the next read.

    monkeypatch.setattr("kubectl_portcheck.client.port_forward.grace_after", stopped)
    server.on("/portforward", late)
    found = try_ports(connect(server), 8080, 8081)
    assert [found[port].outcome for port in (8080, 8081)] == ["refused", "refused"]


def test_a_refusal_that_the_fence_overtakes(
    server: FakeApiServer, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubectl_portcheck.client.port_forward.grace_after", lambda *_: 20.0)

    def late(exchange: Exchange) -> None:
        stream = exchange.websocket()
        for channel, port in ((0, 8080), (1, 8080), (2, 1), (3, 1)):
            stream.send(channel, port.to_bytes(2, "little"))
        stream.send(3, b"dial tcp4 127.0.0.1:1: connect: connection refused")
        time.sleep(0.2)
        stream.send(1, b"dial tcp4 127.0.0.1:8080: connect: connection refused")
        stream.until_closed()

    server.on("/portforward", late)
    assert try_ports(connect(server), 8080)[8080].outcome == "refused"


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [
        (faults.hang_after_upgrade, "unknown"),
        (faults.trickled_stream, "unknown"),
        (faults.abrupt_close, "unknown"),
        (faults.reset_stream, "unknown"),
        (faults.garbage_frames, "unknown"),
    ],
)
def test_faults_of_a_port_forward(
    server: FakeApiServer, connect: Open, handler: Handler, outcome: str
) -> None:
    server.on("/portforward", handler)
    api = connect(server)
    assert patiently(lambda s: try_ports(api, 8080, seconds=s))[8080].outcome == outcome


def test_the_server_is_done_when_the_fence_is_answered(
    server: FakeApiServer, connect: Open
) -> None:
    done: list[str] = []
    server.ports["prod", "web"] = {8080: "accepted"}
    api = connect(server)
    found = api.try_ports(
        "prod", "web", [8080], deadline=Deadline.after(30), done=lambda: done.append("done")
    )
    assert found[8080].outcome == "accepted"
    assert done == ["done"]


def test_it_is_not_done_without_an_answer(server: FakeApiServer, connect: Open) -> None:
    done: list[str] = []
    server.on("/portforward", faults.garbage_frames)
    api = connect(server)
    api.try_ports("prod", "web", [8080], deadline=Deadline.after(30), done=lambda: done.append("x"))
    assert not done


def test_silence_of_the_fence_is_no_success(server: FakeApiServer, connect: Open) -> None:
    server.ports["prod", "web"] = {0: "silent", 9000: "refused"}
    api = connect(server)
    found = patiently(
        lambda s: try_ports(api, 8080, 9000, seconds=s), lambda f: f[9000].outcome != "unknown"
    )
    assert found[8080].outcome == "unknown"
    assert found[9000].outcome == "refused"


def test_a_fence_that_fails_otherwise_proves_nothing(server: FakeApiServer, connect: Open) -> None:
    def fail(exchange: Exchange) -> None:
        stream = exchange.websocket()
        for channel, port in ((0, 8080), (1, 8080), (2, 1), (3, 1)):
            stream.send(channel, port.to_bytes(2, "little"))
        stream.send(3, b"error forwarding port 1: sandbox not found")
        stream.until_closed()

    server.on("/portforward", fail)
    found = try_ports(connect(server), 8080)[8080]
    assert found == PortAnswer("unknown", "error forwarding port 1: sandbox not found")


PROXIED = [
    ("error trying to reach service: dial tcp 10.0.0.4:80: connect: connection refused", "refused"),
    ("error trying to reach service: dial tcp 10.0.0.4:80: i/o timeout", "timeout"),
    ("error trying to reach service: dial tcp 10.0.0.4:80: connect: no route to host", "timeout"),
    (
        "error trying to reach service: net/http: HTTP/1.x transport connection broken: "
        'malformed HTTP status code "x"',
        "accepted",
    ),
    ("error trying to reach service: read tcp: read: connection reset by peer", "reset"),
    ("error trying to reach service: EOF", "reset"),
]


@pytest.mark.parametrize(("message", "outcome"), PROXIED)
def test_the_pod_proxy(server: FakeApiServer, connect: Open, message: str, outcome: str) -> None:
    server.on("/proxy/", faults.status(503, "ServiceUnavailable", message))
    found = connect(server).proxy_get("prod", "web", 80, deadline=Deadline.after(30))
    assert (found.outcome, found.status, found.detail) == (outcome, None, message)


def test_the_pod_proxy_brings_an_answer(server: FakeApiServer, connect: Open) -> None:
    api = connect(server)
    server.http["prod", "web", 80] = (500, b"oops" * 100_000)
    found = api.proxy_get("prod", "web", 80, "health?x=1", "https", deadline=Deadline.after(30))
    assert (found.outcome, found.status) == ("accepted", 500)
    assert server.requests[-1].target.endswith("/pods/https:web:80/proxy/health?x=1")


def test_the_pod_proxy_is_forbidden(server: FakeApiServer, connect: Open) -> None:
    server.on("/proxy", faults.status(403, "Forbidden", 'cannot get resource "pods/proxy"'))
    with pytest.raises(Forbidden):
        connect(server).proxy_get("prod", "web", 80, deadline=Deadline.after(30))


def slowly(*_: object) -> None:
    """The handshake of a server that is far away."""
    time.sleep(1.5 * SLOW_SECONDS)


def test_on_a_slow_network_connections_are_opened_ahead_and_used(
    server: FakeApiServer, connect: Open
) -> None:
    answers(server, Command())
    server.before_tls = slowly
    api = connect(server)
    api.warm(2, deadline=Deadline.after(30))
    assert server.connections == 0
    run(api)
    until = time.monotonic() + 60
    while len(api._http._idle) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    run(api)
    run(api)
    assert server.connections == 3
    run(api)
    assert server.connections == 4


def test_on_a_fast_network_none_is_opened_in_vain(
    server: FakeApiServer, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubectl_portcheck.client.http.SLOW_SECONDS", 1e9)
    answers(server, Command())
    api = connect(server)
    api.warm(2, deadline=Deadline.after(30))
    run(api)
    time.sleep(0.3)
    assert server.connections == 1
