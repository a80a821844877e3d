"""The documentation has every row of the benchmark suite; the proxy is as far as it says."""

import asyncio
import re
import time

import pytest

from tests.bench.network import Exchange, chain
from tests.bench.proxy import Proxy
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
