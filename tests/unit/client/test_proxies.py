"""Proxies that work, refuse, hang and talk nonsense."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from kubectl_portcheck.client import (
    Api,
    ClusterError,
    Deadline,
    ProxyError,
    TimedOut,
)
from tests.fake.api_server import Command, FakeApiServer
from tests.fake.certificates import server_context
from tests.fake.proxy import FakeProxy
from tests.unit.client.conftest import Open


def failure(api: Api, seconds: float = 30) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        api.get("/version", deadline=Deadline.after(seconds))
    return caught.value


@contextmanager
def once(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that treats every connection so, and its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                with closing(sock):
                    sock.settimeout(2)
                    behave(sock)

        thread = threading.Thread(target=serve, daemon=True, name="fake-once")
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(30)


@pytest.mark.parametrize("tls", [False, True])
def test_streams_through_a_proxy(server: FakeApiServer, connect: Open, tls: bool) -> None:
    server.commands["prod", "web"] = lambda container, argv: Command(b"out" * 50_000)
    server.ports["prod", "web"] = {8080: "accepted"}
    with FakeProxy(tls=server_context() if tls else None) as proxy:
        url = f"{'https' if tls else 'http'}://127.0.0.1:{proxy.port}"
        with_proxy = {"proxy-url": url}
        with connect(server, **with_proxy) as api:
            deadline = Deadline.after(30)
            api.get("/version", deadline=deadline)
            result = api.exec("prod", "web", "app", ["x"], deadline=deadline)
            assert len(result.stdout) == 150_000
            assert result.complete
            found = api.try_ports("prod", "web", [8080, 1234], deadline=deadline)
            assert [k.outcome for k in found.values()] == ["accepted", "refused"]
    assert {(m, t) for m, t, _ in proxy.asked} == {("CONNECT", f"127.0.0.1:{server.port}")}


def test_a_server_in_the_clear_behind_a_proxy(connect: Open) -> None:
    with FakeApiServer(tls=None) as server, FakeProxy(authorization="Basic bWU6cA==") as proxy:
        server.commands["prod", "web"] = lambda container, argv: Command(b"out")
        with_proxy = {"proxy-url": f"http://me:p@127.0.0.1:{proxy.port}"}
        with connect(server, **with_proxy) as api:
            deadline = Deadline.after(30)
            api.get("/version", deadline=deadline)
            assert api.exec("prod", "web", "app", ["x"], deadline=deadline).stdout == b"out"
    assert [(method, target) for method, target, _ in proxy.asked] == [
        ("GET", f"http://127.0.0.1:{server.port}/version"),
        ("CONNECT", f"127.0.0.1:{server.port}"),
    ]


def test_no_proxy_there(server: FakeApiServer, connect: Open) -> None:
    found = failure(connect(server, **{"proxy-url": "http://127.0.0.1:1"}))
    assert isinstance(found, ProxyError)
    assert found.message == (
        "Unable to connect to the server: proxyconnect tcp: dial tcp 127.0.0.1:1: "
        "connection refused"
    )


def hang(sock: socket.socket) -> None:
    sock.recv(65536)
    sock.recv(65536)


def say(text: bytes) -> Callable[[socket.socket], None]:
    def behave(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(text)

    return behave


@pytest.mark.parametrize(
    ("behave", "error", "words"),
    [
        (hang, TimedOut, "timed out waiting for the proxy"),
        (say(b""), ProxyError, "closed the connection"),
        (say(b"220 hello\r\n\r\n"), ProxyError, "did not answer as an HTTP proxy does"),
        (say(b"HTTP/1.1 403 Forbidden\r\n\r\n"), ProxyError, "said 403 Forbidden"),
        (say(b"HTTP/1.1 " + b"x" * 70_000), ProxyError, "closed the connection"),
    ],
)
def test_proxies_that_do_not_work(
    server: FakeApiServer,
    connect: Open,
    behave: Callable[[socket.socket], None],
    error: type[ClusterError],
    words: str,
) -> None:
    with once(behave) as port:
        seconds = 0.5 if error is TimedOut else 30
        found = failure(connect(server, **{"proxy-url": f"http://127.0.0.1:{port}"}), seconds)
    assert type(found) is error
    assert words in found.message


@pytest.mark.parametrize("url", ["http://", "http://x:99999", "socks5h://x", "x", "ftp://x"])
def test_urls_that_are_no_proxies(server: FakeApiServer, connect: Open, url: str) -> None:
    with pytest.raises(ClusterError, match="proxy-url"):
        connect(server, **{"proxy-url": url})
