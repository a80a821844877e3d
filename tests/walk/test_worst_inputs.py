"""The worst that can be sent: the memory that it takes, and the time."""

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kubectl_portcheck.inputs.limits import (
    ANSWER_BYTES,
    ANSWER_VALUES,
    SERVICE_PORTS,
    SMALL_BYTES,
)
from tests.fake.api_server import FakeApiServer
from tests.fake.wire import Exchange, ServerStream
from tests.walk.shop import NAMESPACE, shop

MOST_MEBIBYTES = 300
TIMEOUT = 1
"""The seconds that a run is given with --timeout."""
MOST_SECONDS = 6
"""Of processor time: others may use the machine too."""
RUN = """
import resource, sys
def peak():
    try:  # ru_maxrss has what the process was made from as well.
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
import io, os
out, err = io.StringIO(), io.StringIO()
import time
code = main(sys.argv[1:], Environment(out, err, os.environ))
took = time.process_time()
print(f"{code} {peak()} {took}")
print(err.getvalue()[:2000])
print(out.getvalue()[:100000])
"""


class Cost(NamedTuple):
    """What a run took."""

    code: int
    mebibytes: float
    seconds: float
    """Of processor time."""
    said: str


def cost(folder: Path, kubeconfig: object, *flags: str) -> Cost:
    """Runs the program in a process of its own."""
    path = folder / "kubeconfig"
    path.write_text(kubeconfig if isinstance(kubeconfig, str) else json.dumps(kubeconfig))
    argv = [*("svc/checkout", "-n", NAMESPACE, "--timeout", f"{TIMEOUT}s"), *flags]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *argv],
        env={**os.environ, "KUBECONFIG": str(path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    numbers, _, said = done.stdout.partition("\n")
    code, peak, seconds = numbers.split()
    return Cost(int(code), int(peak) / 1024, float(seconds), said)


def is_bounded(found: Cost) -> None:
    assert found.mebibytes < MOST_MEBIBYTES
    assert found.seconds < MOST_SECONDS
    assert "defect" not in found.said
    assert "Traceback" not in found.said


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
POD = (
    b'{"metadata":{"name":"a"},"spec":{"containers":[{"name":"a","ports":[{"containerPort":1}]}]}}'
)


def chunked(exchange: Exchange, pieces: Iterator[bytes], head: bytes = HEAD) -> None:
    exchange.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
    for piece in pieces:
        exchange.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
    exchange.send(b"0\r\n\r\n")


@cache
def bomb() -> bytes:
    """A gigabyte that packs into a megabyte."""
    packing = zlib.compressobj(level=9, wbits=31)
    begins = packing.compress(b'{"items":[') + packing.flush(zlib.Z_FULL_FLUSH)
    mebibyte = packing.compress(b" " * 2**20) + packing.flush(zlib.Z_FULL_FLUSH)
    # Its checksum is that of a mebibyte: a reader that gets that far has read too much.
    return begins + 1024 * mebibyte + packing.compress(b"]}") + packing.flush()


def endless(*pieces: bytes) -> Iterator[bytes]:
    while True:
        yield from pieces


def gzip_bomb(exchange: Exchange) -> None:
    exchange.respond(200, bomb(), headers={"Content-Encoding": "gzip"})


MANY = b"{}," * 20_000


def dense(start: bytes, item: bytes, end: bytes, size: int) -> bytes:
    """As many values as the limits let through."""
    values = item.count(b",") + item.count(b"{") + item.count(b"[") + 1
    count = min((size - 500) // (len(item) + 1), ANSWER_VALUES // values - 10)
    return start + b",".join([item] * count) + end


def listing(inner: bytes, item: bytes, size: int) -> bytes:
    pod = b'{"metadata":{"name":"a"},' + inner
    return dense(b'{"metadata":{"continue":"x"},"items":[' + pod, item, b"]}}]}", size)


def answering(page: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.respond(200, body_of(page))


PAGES: dict[str, Callable[[], bytes]] = {
    "pods": lambda: dense(b'{"metadata":{"continue":"x"},"items":[', POD, b"]}", ANSWER_BYTES),
    "small pages": lambda: dense(
        b'{"metadata":{"continue":"x"},"items":[', POD, b"]}", SMALL_BYTES
    ),
    "containers": lambda: listing(b'"spec":{"containers":[', b'{"name":"a"}', ANSWER_BYTES),
    "few containers": lambda: listing(b'"spec":{"containers":[', b'{"name":"a"}', SMALL_BYTES),
    "endpoints": lambda: listing(b'"endpoints":[', b'{"addresses":["1"]}', ANSWER_BYTES).replace(
        b"]}}]}", b"]}]}"
    ),
    "rules": lambda: listing(b'"spec":{"rules":[', b'{"host":"a"}', ANSWER_BYTES),
    "nothing": lambda: dense(b'{"metadata":{"continue":"x"},"items":[', b"{}", b"]}", SMALL_BYTES),
    "texts": lambda: (
        b'{"metadata":{"continue":"x"},"items":[{"metadata":{"name":"%s"}}]}'
        % (b"a" * (ANSWER_BYTES - 1000))
    ),
}


@cache
def body_of(page: str) -> bytes:
    return PAGES[page]()


BODIES: dict[str, Callable[[Exchange], None]] = {
    "gzip bomb": gzip_bomb,
    "endless body": lambda e: chunked(e, endless(b'{"items":[', MANY)),
    "tiny chunks": lambda e: chunked(e, endless(b" ")),
    "endless gzip": lambda e: chunked(e, endless(bomb()), HEAD + b"Content-Encoding: gzip\r\n"),
    **{page: answering(page) for page in PAGES},
}


@pytest.mark.parametrize("handler", BODIES.values(), ids=BODIES)
def test_lists(tmp_path: Path, handler: Callable[[Exchange], None]) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.on("^GET /(api|apis)/.*limit=", handler)
        found = cost(tmp_path, server.kubeconfig())
    print(found)
    is_bounded(found)


def upgraded(then: Callable[[ServerStream], None]) -> Callable[[Exchange], None]:
    """Accepts a stream and goes on as it is set."""
    return lambda exchange: then(exchange.websocket())


def sending(*pieces: tuple[int, bytes, bool]) -> Callable[[ServerStream], None]:
    def send(stream: ServerStream) -> None:
        while True:
            for opcode, payload, final in pieces:
                stream.frame(opcode, payload, final)

    return send


STREAMS: dict[str, Callable[[ServerStream], None]] = {
    "fragments": sending((2, b"\1" + b"x" * 60_000, False), (0, b"x" * 60_000, False)),
    "empty fragments": sending(*[(0, b"", False)] * 500),
    "large messages": sending((2, b"\1" + b"x" * 200_000, True)),
    "tiny messages": sending(*[(2, b"\1x", True)] * 500),
    "lines": sending((2, b"\1" + b"\n" * 60_000, True)),
    "wide": sending((2, b"\1" + "a\U0001f600\n".encode() * 10_000, True)),
    "pings": sending(*[(9, b"x" * 100, True)] * 500),
    "errors": sending((2, b"\3" + b"x" * 200_000, True)),
}


@pytest.mark.parametrize("then", STREAMS.values(), ids=STREAMS)
def test_streams(tmp_path: Path, then: Callable[[ServerStream], None]) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, pods=40)
        server.on(r"/(exec|portforward)\?", upgraded(then))
        found = cost(tmp_path, server.kubeconfig())
    print(found)
    is_bounded(found)


def heads(exchange: Exchange, line: bytes) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        exchange.send(line)


def trailers(exchange: Exchange) -> None:
    exchange.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    while True:
        exchange.send(b"a: b\r\n" * 1000)


def informing(exchange: Exchange) -> None:
    while True:
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


ANSWERS: dict[str, Callable[[Exchange], None]] = {
    "header": lambda e: heads(e, b"x" * 60_000),
    "headers": lambda e: heads(e, b"a: " + b"x" * 60_000 + b"\r\n"),
    "trailers": trailers,
    "informing": informing,
    "refusals": lambda e: e.respond(500, b'{"message": "%s"}' % (b"x" * 50_000_000)),
    "packed refusals": lambda e: e.respond(403, bomb(), headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("handler", ANSWERS.values(), ids=ANSWERS)
def test_answers(tmp_path: Path, handler: Callable[[Exchange], None]) -> None:
    with FakeApiServer() as server:
        shop(server, 9000)
        server.on("limit=|exec|portforward|/proxy", handler)
        found = cost(tmp_path, server.kubeconfig())
    print(found)
    is_bounded(found)


def test_answers_of_pods(tmp_path: Path) -> None:
    with FakeApiServer() as server:
        shop(server, 9000, target=9000)
        server.on("/proxy", gzip_bomb)
        found = cost(tmp_path, server.kubeconfig())
    is_bounded(found)


def crowded(server: FakeApiServer, pods: int, ports: int) -> None:
    """A Service of so many pods, ports and endpoints."""
    shop(server, 9000, pods=pods)
    for item in server.store.objects:
        if item["kind"] == "Service":
            item["spec"]["ports"] = [
                {"name": f"p{i}", "port": i + 1, "targetPort": 8080} for i in range(ports)
            ]


@pytest.mark.parametrize(("pods", "ports"), [(3000, 1), (3, SERVICE_PORTS), (300, 200)])
def test_many_objects(tmp_path: Path, pods: int, ports: int) -> None:
    with FakeApiServer() as server:
        crowded(server, pods, ports)
        found = cost(tmp_path, server.kubeconfig(), "--no-exec", "--no-port-forward")
    print(found)
    is_bounded(found)


def with_plugin(server: FakeApiServer, *argv: str) -> dict[str, Any]:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": argv[0],
        "args": argv[1:],
        "interactiveMode": "Never",
    }
    return server.kubeconfig({"exec": plugin})


@pytest.mark.parametrize("argv", [("yes",), ("sh", "-c", "yes >&2"), ("cat", "/dev/zero")])
def test_credential_plugins(tmp_path: Path, argv: tuple[str, ...]) -> None:
    with FakeApiServer() as server:
        # What ends it is what it prints, however slowly.
        found = cost(tmp_path, with_plugin(server, *argv), "--timeout=100s")
    print(found)
    is_bounded(found)
    assert "printed more than" in found.said


FILES: dict[str, Callable[[], str]] = {
    "list": lambda: "a:\n" + "- a\n" * 2_000_000,
    "flow": lambda: "a: [" + "a," * 4_000_000 + "a]",
    "json": lambda: '{"a": [' + "[]," * 2_700_000 + "[]]}",
    "numbers": lambda: '{"a": [' + "1," * 4_000_000 + "1]}",
    "aliases": lambda: "a: &a [" + "a," * 90_000 + "a]\nb: [*a, *a, *a]",
    "comment": lambda: "#" * (8 * 2**20 - 10),
}


@pytest.mark.parametrize("file", FILES)
def test_kubeconfigs(tmp_path: Path, file: str) -> None:
    found = cost(tmp_path, FILES[file]())
    print(found)
    is_bounded(found)
