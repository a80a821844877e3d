"""(a) The whole walk against the six steps by hand.

by_hand.sh does the debrief's six steps on one pod with plain kubectl commands; the program walks
all three pods of the same incident. The cluster is the one of KUBECONFIG, or the test cluster.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.measure import Command, Table, in_turn, median, spread
from tests.bench.places import archive, unpacked
from tests.e2e.workloads import container, deployment, service

BY_HAND = Path(__file__).resolve().parent / "by_hand.sh"
NAMESPACE = "portcheck-bench"
PROGRAMS = ("by hand, 1 pod", "kubectl portcheck, 3 pods", "Krew's archive, 3 pods")
ROWS = (*PROGRAMS, "ratio", "ratio of the archive", "goal")


@contextlib.contextmanager
def incident(environ: Mapping[str, str], *, replicas: int = 3) -> Iterator[str]:
    """The debrief's incident: pods on 9000, readiness on 9100, a Service to 8080.

    Gives the namespace, which is gone afterwards.
    """
    namespace = f"{NAMESPACE}-{replicas}"
    app = container("http://0.0.0.0:9000", "http://0.0.0.0:9100", ports=[9000], readiness=9100)
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
        deployment(app, replicas=replicas),
        service((80, 8080)),
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    rollout = ["rollout", "status", "deployment/checkout", "--timeout=120s"]
    try:
        for command, given in ((["apply", "-f", "-"], text), (rollout, "")):
            subprocess.run(
                ["kubectl", *command, "-n", namespace],
                input=given,
                text=True,
                env=dict(environ),
                check=True,
                stdout=subprocess.DEVNULL,
                timeout=150,
            )
        yield namespace
    finally:
        subprocess.run(
            ["kubectl", "delete", "namespace", namespace, "--wait=false"],
            env=dict(environ),
            check=False,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )


def commands(program: Path, namespace: str) -> tuple[Command, Command]:
    """The steps by hand, and the program, on the same incident."""
    return (BY_HAND, namespace, "checkout"), (program, "svc/checkout", "-n", namespace)


def run(program: Path, environ: Mapping[str, str], *, rounds: int = 11) -> Table:
    """Measures them in turn."""
    bundle = unpacked(archive())
    with incident(environ) as namespace:
        by_hand, ours = commands(program, namespace)
        found = in_turn(
            dict(zip(PROGRAMS, (by_hand, ours, (bundle, *ours[1:])), strict=True)), environ, rounds
        )
    lines = []
    for name, runs in found.items():
        wall, cpu = median(runs)
        around = spread(r.wall for r in runs), spread(r.cpu for r in runs)
        lines.append((name, f"{wall:.0f} ms {around[0]}", f"{cpu:.0f} ms {around[1]}"))
    hand, *programs = (median(runs) for runs in found.values())
    for row, one in zip(ROWS[3:], programs, strict=False):
        lines.append((row, f"**{one.wall / hand.wall:.2f}**", f"**{one.cpu / hand.cpu:.2f}**"))
    lines.append((ROWS[-1], "0.45", "0.28"))
    return Table(("", "wall", "CPU"), tuple(lines), f"Medians of {rounds} rounds.")
