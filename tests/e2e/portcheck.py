"""Runs the program as a user does, and reads its JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.e2e.conftest import Cluster

PROGRAM = Path(sys.executable).with_name("kubectl-portcheck")


class Diagnosis(NamedTuple):
    """The outcome of one run with ``-o json``."""

    code: int
    report: dict[str, Any]

    @property
    def verdict(self) -> str:
        """The verdict on everything asked."""
        return str(self.report["verdict"])

    @property
    def findings(self) -> list[dict[str, Any]]:
        """All findings, causes first."""
        return [f for s in self.report["services"] for f in s["findings"]]

    @property
    def causes(self) -> list[str]:
        """The codes of the causes."""
        return [f["code"] for f in self.findings if f["cause"]]

    @property
    def fix(self) -> str | None:
        """The first fix of the first cause, as it is pasted; none while all is healthy."""
        return next(iter(self.fixes), None)

    @property
    def fixes(self) -> list[str]:
        """All fixes of the first cause that can be pasted."""
        found = [f["fixes"] for f in self.findings if f["cause"]]
        return [x["shell"] for x in (found[0] if found else []) if x["shell"]]


def run(
    cluster: Cluster, *args: str, timeout: float = 180, **environ: str
) -> subprocess.CompletedProcess[str]:
    """The program itself, against the cluster, once the namespace of the flags has come to rest."""
    if "-n" in args:
        cluster.settle(args[args.index("-n") + 1])
    return subprocess.run(
        [str(PROGRAM), *args],
        env={**cluster.environment(), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def diagnose(cluster: Cluster, namespace: str, target: str = "svc/checkout") -> Diagnosis:
    """A run with ``-o json``; nothing but JSON may be on stdout."""
    return diagnose_all(cluster, namespace, target)


def diagnose_all(cluster: Cluster, namespace: str, *words: str) -> Diagnosis:
    """The same with any targets and flags; with none of them, every Service of the namespace."""
    done = run(cluster, *words, "-n", namespace, "-o", "json")
    assert "Traceback" not in done.stderr
    assert done.stdout, (done.returncode, done.stderr)
    return Diagnosis(done.returncode, json.loads(done.stdout))


def awaited(
    cluster: Cluster,
    namespace: str,
    verdict: str,
    *causes: str,
    target: str = "svc/checkout",
    seconds: float = 180,
) -> Diagnosis:
    """The first diagnosis with this verdict, and with these causes where any are given."""
    found: list[Diagnosis] = []

    def come_about() -> bool:
        found[:] = [diagnose(cluster, namespace, target)]
        return found[0].verdict == verdict and (not causes or found[0].causes == [*causes])

    cluster.until(come_about, f"{target}: {verdict} {' '.join(causes)}", seconds)
    return found[0]


def paste(cluster: Cluster, command: str) -> None:
    """What a user does with a fix: paste it into a shell. kubectl is on the PATH."""
    folder = Path(".pytest-kind") / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "kubectl"
    if not link.exists():
        shutil.copy(cluster.kubectl_path.resolve(), link)
    environ = cluster.environment()
    environ["PATH"] = f"{folder.resolve()}:{environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env=environ,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
