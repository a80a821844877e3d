"""Completion as users meet it: kubectl asks the plugin's program, which asks the cluster."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from .portcheck import PROGRAM
from .workloads import service

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Cluster


def completed(cluster: Cluster, folder: Path, *words: str) -> tuple[list[str], str]:
    """What kubectl itself would offer, and its directive."""
    environ = cluster.environment() | {"XDG_CACHE_HOME": str(folder)}
    environ["PATH"] = f"{PROGRAM.parent}{os.pathsep}{environ['PATH']}"
    done = subprocess.run(
        [str(cluster.kubectl_path), "__complete", "portcheck", *words],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *offered, directive = done.stdout.splitlines()
    return [line.partition("\t")[0] for line in offered], directive


def test_kubectl_completes_targets_ports_and_namespaces(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster.apply([service((80, 8080)), service((443, 8443), name="cart")], namespace)
    here = ("-n", namespace)

    def offered(*words: str) -> list[str]:
        return completed(cluster, tmp_path, *words)[0]

    # The cluster may be too slow for who waits at a prompt; then nothing is offered.
    cluster.until(lambda: offered(*here, "svc/ch") == ["svc/checkout"], "svc/checkout")
    cluster.until(lambda: offered(*here, "svc/cart:") == ["svc/cart:443"], "its port")
    cluster.until(lambda: offered("-n", namespace[:-1]) == [namespace], "the namespace")


def test_kubectl_takes_the_directives(cluster: Cluster, tmp_path: Path) -> None:
    assert completed(cluster, tmp_path, "-o", "ju") == (["junit"], ":4")
    assert completed(cluster, tmp_path, "--output-file", "ju") == (["junit="], ":6")
    assert completed(cluster, tmp_path, "--save", "x") == ([], ":0")
