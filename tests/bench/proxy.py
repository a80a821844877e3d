"""A TCP proxy that is as far away as it is set to be: the network to a far cluster.

    python -m tests.bench.proxy HOST:PORT SECONDS

It prints its own port; for each line ``count`` on standard input the connections and the bytes up
and down since the last one; and it ends with its standard input. Every byte takes half of SECONDS,
the round-trip time, each way; the first ones of a connection wait a whole one longer, since opening
a TCP connection takes one, and here the kernel answers at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys


class Proxy:
    """Relays connections to one address."""

    def __init__(self, host: str, port: int, round_trip: float) -> None:
        self.host, self.port, self.round_trip = host, port, round_trip
        self.up = self.down = self.connections = self.ended = 0

    async def serve(self, near: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to the end of both directions."""
        self.connections += 1
        opened = asyncio.get_running_loop().time() + self.round_trip
        try:
            far, ask = await asyncio.open_connection(self.host, self.port)
        except OSError:
            answer.close()
            return
        await asyncio.gather(
            self._relay(near, ask, opened, "up"), self._relay(far, answer, opened, "down")
        )
        for end in (ask, answer):
            end.close()
            with contextlib.suppress(OSError):
                await end.wait_closed()
        self.ended += 1

    async def _relay(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, opened: float, way: str
    ) -> None:
        """Hands on what comes, each piece at its time, then the end."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def hand_on() -> None:
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(due - loop.time())
                if not piece:
                    with contextlib.suppress(OSError):
                        sink.write_eof()
                    return
                sink.write(piece)
                setattr(self, way, getattr(self, way) + len(piece))

        handing = asyncio.create_task(hand_on())
        try:
            while piece := await source.read(65536):
                pieces.put_nowait((max(loop.time(), opened) + self.round_trip / 2, piece))
        except OSError:
            pass  # A reset ends a direction as a close does.
        pieces.put_nowait((loop.time() + self.round_trip / 2, b""))
        await handing


async def _main(address: str, round_trip: float) -> None:
    host, _, port = address.rpartition(":")
    proxy = Proxy(host.strip("[]"), int(port), round_trip)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "count":
            print(proxy.connections, proxy.up, proxy.down, flush=True)
            proxy.connections = proxy.up = proxy.down = 0
    os._exit(0)  # What is still on its way belongs to no one.


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], float(sys.argv[2])))
