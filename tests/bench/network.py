"""(c) What one Service costs the API server, and (d) what distance to it costs the user."""

from __future__ import annotations

import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.bench.measure import Table, measure, output_of
from tests.bench.walk import commands, incident
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import NAMESPACE, shop

COST_ROWS = ("1 pod", "3 pods", "100 pods, on a stand-in server")
FAR_ROWS = ("50 ms", "200 ms")
RUNS = 5
CHAIN = 4
"""Dependent round trips of the walk on the incident: the Service; its pods; commands and
port-forwards; what only they tell where to look for. A test holds the program to it."""


class Far:
    """An API server behind a proxy, and the kubeconfig for it."""

    def __init__(self, process: subprocess.Popen[str], kubeconfig: Path) -> None:
        self._process = process
        self.kubeconfig = kubeconfig

    def count(self) -> list[int]:
        """Connections, and bytes up and down, since the last time."""
        ask, answer = self._process.stdin, self._process.stdout
        assert ask
        assert answer
        ask.write("count\n")
        ask.flush()
        return [int(word) for word in answer.readline().split()]


@contextlib.contextmanager
def far(kubeconfig: dict[str, object], seconds: float) -> Iterator[Far]:
    """Puts the cluster of a kubeconfig so far away."""
    made = json.loads(json.dumps(kubeconfig))
    cluster = made["clusters"][0]["cluster"]
    address = cluster["server"].partition("//")[2]
    command = [sys.executable, "-m", "tests.bench.proxy", address, str(seconds)]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process,
    ):
        assert process.stdin
        assert process.stdout
        port = process.stdout.readline().strip()
        cluster["server"] = f"https://127.0.0.1:{port}"
        cluster["tls-server-name"] = address.rpartition(":")[0].strip("[]")
        path = Path(folder) / "config"
        path.write_text(json.dumps(made), encoding="utf-8")
        yield Far(process, path)
        process.stdin.close()
        process.wait(10)


class Exchange(NamedTuple):
    """One request of a run, in seconds of the run."""

    path: str
    began: float
    ended: float


def exchanges(program: Path, namespace: str, environ: Mapping[str, str]) -> list[Exchange]:
    """The requests of one walk, by the program's own log."""
    words = [str(program), "svc/checkout", "-n", namespace, "-v", "6", "-o", "json"]
    found = []
    with subprocess.Popen(
        words, env=dict(environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            now = time.monotonic()
            if request := re.match(r"GET https://[^/]+(\S+) .* in (\d+) milliseconds", line):
                found.append(
                    Exchange(request[1].partition("?")[0], now - int(request[2]) / 1000, now)
                )
    return found


def chain(found: list[Exchange]) -> int:
    """The most requests of which each began after the one before had ended."""
    length, free = 0, float("-inf")
    for one in sorted(found, key=lambda e: e.ended):
        if one.began >= free:
            length, free = length + 1, one.ended
    return length


def run_cost(program: Path, environ: Mapping[str, str]) -> Table:
    """Counts requests, bytes and the chain; the real cluster for few pods, and a stand-in."""
    lines = []
    for name, pods in ((COST_ROWS[0], 1), (COST_ROWS[1], 3)):
        with incident(environ, replicas=pods) as namespace, far(_kubeconfig(environ), 0.2) as it:
            lines.append(_cost(name, program, namespace, it, environ))
    with FakeApiServer() as server:
        shop(server, 9000, 9100, pods=100)
        with far(server.kubeconfig(), 0.2) as it:
            lines.append(_cost(COST_ROWS[2], program, NAMESPACE, it, environ))
    head = ("", "reads", "streams", "proxied", "connections", "kB up", "kB down", "chain")
    note = (
        "The incident of (a): a broken Service is looked at twice. Streams are commands and "
        "port-forwards; proxied are the API server's own connections to the pods. Bytes are those "
        "on the wire, of TLS too. The chain is counted at a distance of 200 ms, as the shortest of "
        f"{RUNS} runs: requests of which each began after the one before had ended. The goals are "
        "12 reads, 13 and a POST where a fix may be offered, and a chain of 4; tests assert both "
        "exactly. Of more than 50 pods, 50 are looked into at a time."
    )
    return Table(head, tuple(lines), note)


def _cost(
    name: str, program: Path, namespace: str, it: Far, environ: Mapping[str, str]
) -> tuple[str, ...]:
    there = {**environ, "KUBECONFIG": str(it.kubeconfig)}
    chains = []
    for _ in range(RUNS):
        found = exchanges(program, namespace, there)
        connections, up, down = it.count()
        chains.append(chain(found))
    streams = [e for e in found if re.search(r"/(exec|portforward)$", e.path)]
    proxied = [e for e in found if "/proxy/" in e.path]
    return (
        name,
        str(len(found) - len(streams) - len(proxied)),
        str(len(streams)),
        str(len(proxied)),
        str(connections),
        f"{up / 1000:.0f}",
        f"{down / 1000:.0f}",
        str(min(chains)),
    )


def run_far(program: Path, environ: Mapping[str, str], *, rounds: int = 5) -> Table:
    """The walk and the steps by hand in turn, at two distances."""
    lines = []
    with incident(environ) as namespace:
        for name, seconds in zip(FAR_ROWS, (0.05, 0.2), strict=True):
            with far(_kubeconfig(environ), seconds) as it:
                there = {**environ, "KUBECONFIG": str(it.kubeconfig)}
                by_hand, ours = commands(program, namespace)
                measure(by_hand, there)  # kubectl keeps what the API server can do in files.
                hand, mine = [], []
                for _ in range(rounds):
                    hand.append(measure(by_hand, there).wall / 1000)
                    mine.append(measure(ours, there).wall / 1000)
            one, other = statistics.median(mine), statistics.median(hand)
            lines.append(
                (
                    name,
                    f"{CHAIN * seconds:.2f} s",
                    f"{(CHAIN + 2) * seconds:.2f} s",
                    f"{one:.2f} s",
                    f"{other:.2f} s",
                    f"**{one / other:.2f}**",
                )
            )
    head = ("round trip", "chain × it", "with TCP and TLS", "portcheck", "by hand, 1 pod", "ratio")
    note = (
        f"Medians of {rounds} rounds. A proxy delays each byte by half of the round trip, and each "
        "connection by one."
    )
    return Table(head, tuple(lines), note)


def _kubeconfig(environ: Mapping[str, str]) -> dict[str, object]:
    said = output_of(
        "kubectl", "config", "view", "--raw", "--flatten", "-o", "json", environ=environ
    )
    found: dict[str, object] = json.loads(said)
    return found
