"""The whole walk against the six steps by hand: the two in turn, and the ratio of their medians.

    python -m tests.bench.walk [ROUNDS]

by_hand.sh does the debrief's six steps on one pod with plain kubectl commands; the program walks
all three pods of the same incident. The cluster is the one of KUBECONFIG, or the test cluster.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.e2e.workloads import container, deployment, service

HERE = Path(__file__).resolve().parent
BED = HERE.parent / "bed" / "bed"
PROGRAM = Path(sys.executable).with_name("kubectl-portcheck")
NAMESPACE = "portcheck-bench"


class Run(NamedTuple):
    """What one run took, in milliseconds."""

    wall: float
    cpu: float


def measure(command: list[str], environ: dict[str, str]) -> Run:
    """Runs a command to its end; the processor time is that of all its processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    subprocess.run(command, env=environ, stdout=quiet, stderr=quiet, check=False, timeout=120)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall * 1000, cpu * 1000)


def median(runs: list[Run]) -> Run:
    """The medians of both figures."""
    return Run(statistics.median(r.wall for r in runs), statistics.median(r.cpu for r in runs))


def environment(folder: str) -> dict[str, str]:
    """The environment of both: a kubeconfig, and a kubectl that fits the cluster on the PATH."""
    environ = dict(os.environ)
    if "KUBECONFIG" not in environ:
        environ["KUBECONFIG"] = _told(BED, "kubeconfig")
        (Path(folder) / "kubectl").symlink_to(shutil.which(_told(BED, "kubectl")) or "kubectl")
        environ["PATH"] = f"{folder}{os.pathsep}{environ['PATH']}"
    return environ


def _told(*command: str | Path) -> str:
    return subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def deploy(environ: dict[str, str]) -> None:
    """The debrief's incident: three pods on 9000, readiness on 9100, a Service to 8080."""
    app = container("http://0.0.0.0:9000", "http://0.0.0.0:9100", ports=[9000], readiness=9100)
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        deployment(app, replicas=3),
        service((80, 8080)),
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    for command, given in (
        (["apply", "-n", NAMESPACE, "-f", "-"], text),
        (["rollout", "status", "-n", NAMESPACE, "deployment/checkout", "--timeout=90s"], ""),
    ):
        subprocess.run(
            ["kubectl", *command],
            input=given,
            text=True,
            env=environ,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=120,
        )


def main(rounds: int) -> None:
    """Measures and prints a table."""
    with tempfile.TemporaryDirectory() as folder:
        environ = environment(folder)
        deploy(environ)
        by_hand = [str(HERE / "by_hand.sh"), NAMESPACE, "checkout"]
        ours = [str(PROGRAM), "svc/checkout", "-n", NAMESPACE]
        rows: dict[str, list[Run]] = {"by hand, 1 pod": [], "portcheck, 3 pods": []}
        for _ in range(rounds + 1):
            for name, command in zip(rows, (by_hand, ours), strict=True):
                rows[name].append(measure(command, environ))
        print("| | wall ms | CPU ms |\n|---|---|---|")
        medians = [median(runs[1:]) for runs in rows.values()]  # The first round warms caches.
        for name, found in zip(rows, medians, strict=True):
            print(f"| {name} | {found.wall:.0f} | {found.cpu:.0f} |")
        hand, mine = medians
        print(f"| ratio | {mine.wall / hand.wall:.2f} | {mine.cpu / hand.cpu:.2f} |")
        subprocess.run(
            ["kubectl", "delete", "namespace", NAMESPACE, "--wait=false"],
            env=environ,
            check=False,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
