"""Measuring: commands in turn, medians and their spread, tables, and where all that ran."""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BED = ROOT / "tests" / "bed" / "bed"

VERSIONS = ("clientVersion", "serverVersion")

Command = Sequence[str | Path]


class Skipped(Exception):
    """A section whose program is not installed; the documentation keeps what it has."""


class Run(NamedTuple):
    """What one run took, in milliseconds."""

    wall: float
    cpu: float


class Table(NamedTuple):
    """One block of the documentation: its lines, and what must be known to read them."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        """The table as the documentation has it."""
        lines = [self.head, tuple("---" for _ in self.head), *self.rows]
        text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{text}\n\n{self.note}\n" if self.note else f"{text}\n"


def measure(command: Command, environ: Mapping[str, str]) -> Run:
    """Runs a command to its end; the processor time is that of all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [str(word) for word in command],
        env=dict(environ),
        stdin=quiet,
        stdout=quiet,
        stderr=quiet,
    )
    # Not by a timeout of its own: with one, Python looks after 16, 32, 64 and 114 ms, and no other
    # times are measured.
    late = threading.Timer(300, process.kill)
    late.start()
    process.wait()
    wall = time.perf_counter() - began
    late.cancel()
    if process.returncode < 0:
        raise TimeoutError(f"ended by signal {-process.returncode}: {command[0]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall * 1000, cpu * 1000)


def in_turn(
    commands: Mapping[str, Command], environ: Mapping[str, str], rounds: int
) -> dict[str, list[Run]]:
    """Runs all commands once a round, one after the other: what else the machine does meets all of
    them. The first round warms caches and is not counted.
    """
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            found[name].append(measure(command, environ))
    return {name: runs[1:] for name, runs in found.items()}


def median(runs: Iterable[Run]) -> Run:
    """The medians of both figures."""
    runs = list(runs)
    return Run(statistics.median(r.wall for r in runs), statistics.median(r.cpu for r in runs))


def spread(values: Iterable[float]) -> str:
    """Half the distance between the quartiles, as a part of the median."""
    values = sorted(values)
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return f"±{50 * (high - low) / middle:.0f} %"


def environment(folder: str) -> dict[str, str]:
    """The environment of all that is measured: a kubeconfig, a kubectl that fits the cluster on
    the PATH, and Python as a user has it.
    """
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    if "KUBECONFIG" not in environ:
        environ["KUBECONFIG"] = output_of(BED, "kubeconfig")
    own = output_of(BED, "kubectl") if output_of(BED, "kubeconfig") == environ["KUBECONFIG"] else ""
    (Path(folder) / "kubectl").symlink_to(own or shutil.which("kubectl") or "kubectl")
    environ["PATH"] = f"{folder}{os.pathsep}{environ['PATH']}"
    return environ


def output_of(*command: str | Path, environ: Mapping[str, str] | None = None) -> str:
    """What a command prints. Raises CalledProcessError."""
    return subprocess.run(
        [str(word) for word in command],
        env=environ and dict(environ),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.strip()


def machine(environ: Mapping[str, str]) -> str:
    """When and where the figures of a block were measured."""
    path = environ["PATH"]
    kubectl = shutil.which("kubectl", path=path) or "kubectl"
    versions = json.loads(output_of(kubectl, "version", "-o", "json", environ=environ))
    names = {key: versions.get(key, {}).get("gitVersion", "?") for key in VERSIONS}
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d}; {os.cpu_count()} cores ({_processor()}), load "
        f"{os.getloadavg()[0]:.1f} when it ended; Linux {platform.release().split('-')[0]}, Python "
        f"{platform.python_version()}, kubectl {names[VERSIONS[0]]}, Kubernetes "
        f"{names[VERSIONS[1]]}."
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
