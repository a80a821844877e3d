"""The documentation has every row of the benchmark suite; the proxy is as far as it says."""

import asyncio
import gzip
import json
import re
import time
from functools import partial
from typing import Any

import pytest

from kubectl_portcheck.client.port_forward import port_forward_path
from tests.bench.network import Exchange, chain
from tests.bench.proxy import Proxy
from tests.bench.standin import Cluster, Connection, Page
from tests.bench.suite import DOCS, SECTIONS, block

TEXT = DOCS.read_text(encoding="utf-8")


def rows(name: str) -> list[str]:
    begins, ends = block(name)
    lines = TEXT[TEXT.index(begins) : TEXT.index(ends)].splitlines()
    cells = [line.split("|")[1].strip() for line in lines if line.startswith("|")]
    return cells[2:]  # Without the head and the line below it.


@pytest.mark.parametrize("name", SECTIONS)
def test_the_documentation_has_every_row(name: str) -> None:
    assert rows(name) == list(SECTIONS[name].rows), "run make bench"


@pytest.mark.parametrize("name", SECTIONS)
def test_every_table_says_where_it_was_measured(name: str) -> None:
    begins, ends = block(name)
    text = TEXT[TEXT.index(begins) : TEXT.index(ends)]
    assert "Not measured yet" in text or re.search(
        r"\d+ cores .* Python 3\.\d+\.\d+, kubectl v1\.\d+\.\d+, Kubernetes v1", text
    )


def asked(cluster: Cluster, path: str, **query: str) -> dict[str, Any]:
    """What the stand-in answers."""
    found = cluster.answer(path, {name: [value] for name, value in query.items()})
    _, body = cluster.head_of(found)
    text = gzip.decompress(body) if isinstance(found, Page) else body
    answer: dict[str, Any] = json.loads(text)
    return answer


def test_the_stand_in_gives_a_list_in_pages_or_whole() -> None:
    cluster = Cluster(3, 200, 1)
    page = asked(cluster, "/api/v1/pods", limit="500")
    rest = asked(cluster, "/api/v1/pods", limit="500", **{"continue": page["metadata"]["continue"]})
    whole = asked(cluster, "/api/v1/pods", limit="500", resourceVersion="0")
    assert (len(page["items"]), len(rest["items"])) == (500, 100)
    assert whole["items"] == [*page["items"], *rest["items"]]
    assert whole["kind"] == "PodList"
    assert asked(cluster, "/api/v1/pods")["items"] == whole["items"]
    endpoints = asked(cluster, "/api/v1/endpoints")
    sizes = [sum(len(s["addresses"]) for s in e.get("subsets", ())) for e in endpoints["items"]]
    assert sizes == [200, 0, 200]  # The second selects nothing.


def test_the_stand_in_says_which_kinds_it_serves() -> None:
    cluster = Cluster(1, 1, 1)
    versions = [g["preferredVersion"]["groupVersion"] for g in asked(cluster, "/apis")["groups"]]
    assert {"apps/v1", "discovery.k8s.io/v1"} <= set(versions)
    for path in ("/api/v1", *(f"/apis/{v}" for v in versions)):
        for resource in asked(cluster, path)["resources"]:
            listed = asked(cluster, f"{path}/{resource['name']}")
            assert resource["kind"] in (listed["kind"], listed["kind"].removesuffix("List"))


def test_the_stand_in_counts_what_is_under_way() -> None:
    """A stream is until it has been answered, and open until its connection ends."""

    async def run() -> dict[str, Any]:
        cluster = Cluster(1, 1, 1, latency=0.0)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(partial(Connection, cluster), "127.0.0.1", 0)
        streams = []
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            path = port_forward_path("team-000", "service-00000-0", (8080, 1))
            writer.write(f"GET {path} HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n".encode())
            assert await reader.readuntil(b"refused")
            streams.append(writer)
        found = asked(cluster, "/stats")
        for writer in streams:
            writer.close()
            await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return found

    found = asyncio.run(run())
    assert (found["streams"], found["most_streams"], found["most_working"]) == (3, 3, 1)


def test_the_chain_is_of_what_follows_each_other() -> None:
    found = [(0.0, 1.0), (0.1, 1.2), (1.1, 2.0), (1.3, 2.5), (2.1, 3.0)]
    assert chain([Exchange("", *times) for times in found]) == 3


def test_the_proxy_is_as_far_as_it_says() -> None:
    """At least: what a busy machine adds is not the proxy's."""

    echoed = asyncio.Event()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(100):
            writer.write(piece)
        writer.close()
        await writer.wait_closed()
        echoed.set()

    async def run() -> tuple[float, float, int, int]:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        proxy = Proxy("127.0.0.1", server.sockets[0].getsockname()[1], 0.1)
        relay = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        began = time.monotonic()
        reader, writer = await asyncio.open_connection(*relay.sockets[0].getsockname())
        writer.write(b"one")
        assert await reader.read(100) == b"one"
        first = time.monotonic() - began
        writer.write(b"three")
        assert await reader.read(100) == b"three"
        second = time.monotonic() - began - first
        writer.close()
        await writer.wait_closed()
        await asyncio.wait_for(echoed.wait(), 10)
        while not proxy.ended:
            await asyncio.sleep(0.01)
        for one in (relay, server):
            one.close()
            await one.wait_closed()
        return first, second, proxy.up, proxy.down

    first, second, up, down = asyncio.run(run())
    assert first >= 0.19
    assert second >= 0.09
    assert (up, down) == (8, 8)
