"""Sweeps over clusters of 100 to 10,000 Services, and one Service with 1,000 pods.

    python -m tests.bench.sweep [--json] [SERVICES...]

The clusters are stand-ins (see ``standin``), which are measured first: a client that only reads
what the sweep will read, and decodes nothing, says how much of the time is theirs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from tests.bench.measure import Table

PROGRAM = Path(sys.executable).with_name("kubectl-portcheck")
SIZES = (100, 1000, 10000)
PODS_EACH = 10
MANY_PODS = 1000


ROWS = (
    *(f"sweep, static: {n:,} × {PODS_EACH}" for n in SIZES),
    f"one Service, all pods: 1 × {MANY_PODS:,}",
)
HEAD = (
    *("Services × pods of each", "wall s", "CPU s", "peak MB", "requests", "of them streams"),
    *("MB packed", "MB unpacked", "s to read only", "ratio"),
)
NOTE = (
    "The API server is a stand-in that serves pages made beforehand, by plain HTTP on the same "
    "machine. 'To read only' is the time in which a client that decodes nothing reads and unpacks "
    "the lists of a sweep, just before each run."
)


class Row(NamedTuple):
    """One measurement."""

    what: str
    services: int
    pods: int
    seconds: float
    cpu: float
    megabytes: float
    """The most memory that the process held."""
    requests: int
    streams: int
    sent: float
    """Megabytes over the network, packed."""
    unpacked: float
    """The same, unpacked."""
    standin: float
    """Seconds in which a client that decodes nothing reads the same."""
    exit_code: int


@contextlib.contextmanager
def standin(services: int, pods_each: int, folder: str, *, latency: float = 0.0) -> Iterator[int]:
    """A stand-in, by its port; each stream is answered after so many seconds."""
    port_file = Path(folder) / f"port-{services}-{pods_each}"
    size = (services, pods_each, port_file, max(1, services // 20), round(1000 * latency))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.standin", *(str(word) for word in size)]
    )
    try:
        while not port_file.exists() or not port_file.read_text():
            if process.poll() is not None:
                raise SystemExit("the stand-in ended")
            time.sleep(0.1)
        yield int(port_file.read_text())
    finally:
        process.kill()
        process.wait()


def stats(port: int) -> dict[str, int]:
    """What the stand-in has been asked so far, this question included."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/stats")
    found: dict[str, int] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def read_only(port: int) -> float:
    """The seconds in which the lists of a sweep are read and unpacked, and nothing else is done."""
    connection = HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    for path in ("/api/v1/services", "/api/v1/pods", "/apis/discovery.k8s.io/v1/endpointslices"):
        following = "0"
        while following:
            connection.request("GET", f"{path}?limit=500&continue={following}")
            text = zlib.decompress(connection.getresponse().read(), wbits=31)
            head = text[:200]
            start = head.find(b'"continue":"')
            following = head[start + 12 :].partition(b'"')[0].decode() if start > 0 else ""
    connection.close()
    return time.perf_counter() - began


def measure(program: Path, what: str, services: int, pods_each: int, port: int, *flags: str) -> Row:
    """Runs the program once."""
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "clusters": [{"name": "bench", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "bench", "user": {}}],
    }
    reading = read_only(port)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        config.write_text(json.dumps(kubeconfig))
        # Python as a user has it: with PYTHONDONTWRITEBYTECODE every run would compile the program.
        own = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        environ = {**own, "KUBECONFIG": str(config)}
        before = stats(port)
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(program), *flags], env=environ, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    after = stats(port)
    return Row(
        what,
        services,
        services * pods_each,
        round(seconds, 2),
        round(usage.ru_utime + usage.ru_stime, 2),
        round(usage.ru_maxrss / 1024, 1),
        after["requests"] - before["requests"] - 1,
        after["streams"] - before["streams"],
        round((after["sent"] - before["sent"]) / 1e6, 1),
        round((after["unpacked"] - before["unpacked"]) / 1e6, 1),
        round(reading, 2),
        process.returncode,
    )


def rows(sizes: tuple[int, ...], program: Path = PROGRAM) -> list[Row]:
    """All measurements."""
    found = []
    static = ("-A", "--no-exec", "--no-port-forward", "--summary", "--timeout", "10m")
    with tempfile.TemporaryDirectory() as folder:
        for services in sizes:
            with standin(services, PODS_EACH, folder) as port:
                found.append(measure(program, "sweep, static", services, PODS_EACH, port, *static))
        with standin(1, MANY_PODS, folder) as port:
            target = ("svc/service-00000", "-n", "team-000", "--timeout", "2m")
            found.append(measure(program, "one Service, all pods", 1, MANY_PODS, port, *target))
    return found


def run(program: Path, environ: Mapping[str, str]) -> Table:
    """The section of the documentation."""
    return table(rows(SIZES, program))


def table(found: Iterable[Row]) -> Table:
    """The measurements as a table."""
    return Table(
        HEAD,
        tuple(
            (
                f"{row.what}: {row.services:,} × {row.pods // row.services:,}",
                f"{row.seconds:.1f}",
                f"{row.cpu:.1f}",
                f"{row.megabytes:.0f}",
                f"{row.requests:,}",
                f"{row.streams:,}",
                f"{row.sent:.1f}",
                f"{row.unpacked:.0f}",
                f"{row.standin:.2f}",
                f"{row.seconds / row.standin:.1f}" if row.standin > 0.05 else "",
            )
            for row in found
        ),
        NOTE,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure sweeps against a stand-in API server.")
    parser.add_argument("sizes", nargs="*", type=int, metavar="SERVICES")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    asked = parser.parse_args()
    measured = rows(tuple(asked.sizes) or SIZES)
    if asked.json:
        print(json.dumps([r._asdict() for r in measured], indent=2))
    else:
        print(table(measured).markdown())
