"""The rebuilt public reports, against a real cluster."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.reports import FOLDER, LiveRun, faults, reports, shown

from . import crds
from .portcheck import Diagnosis, diagnose_all, paste

if TYPE_CHECKING:
    from .conftest import Cluster

CONNECTIONS = 12
STARTING = 60.0
"""Seconds that a pod may take to start on a machine that does much else."""


def _cases() -> list[object]:
    return list(_each())


def _each() -> Iterator[object]:
    for name, report in reports().items():
        for number, run in enumerate(report.live):
            marks = [pytest.mark.xfail(reason=run.pending, strict=True)] if run.pending else []
            yield pytest.param(name, run, id=f"{name}-{number}", marks=marks)


@pytest.mark.parametrize(("name", "run"), _cases())
def test_the_cluster_is_judged_rightly(cluster: Cluster, name: str, run: LiveRun) -> None:
    with ExitStack() as stack:
        if run.kinds:
            stack.enter_context(crds.served(cluster, *run.kinds))
        spaces = _spaces(cluster, run)
        for space in spaces.values():
            stack.callback(cluster.kubectl, "delete", "namespace", space, "--wait=false")
        home = spaces[run.namespaces[0]] if run.namespaces else spaces[""]
        _deploy(cluster, name, run, spaces, home)
        served = _served(cluster, run.serves, home)
        said, wrong = _judged(cluster, run, home)
        assert not wrong, shown(said.code, said.report, wrong)
        _paste_each(cluster, run, said, home, served, spaces)
        if run.cured:
            assert said.fix, shown(said.code, said.report, ["no fix can be pasted"])
            paste(cluster, said.fix)
            assert _served(cluster, run.cured, home) == CONNECTIONS


def _judged(cluster: Cluster, run: LiveRun, home: str) -> tuple[Diagnosis, list[str]]:
    """The answer and what is wrong with it, once the pods are as they will stay.

    Where none of them will be Ready nothing tells when that is: until then, that their containers
    are being created is the right answer.
    """
    deadline = time.monotonic() + (0 if run.ready else STARTING)
    while True:
        said = diagnose_all(cluster, home, *run.ask, *run.flags)
        wrong = faults(run, said.code, said.report)
        if not wrong or time.monotonic() > deadline:
            return said, wrong
        time.sleep(1)


def _spaces(cluster: Cluster, run: LiveRun) -> dict[str, str]:
    """By the name that the manifests use: namespaces of this test's own."""
    if not run.namespaces:
        return {"": cluster.make_namespace()}
    return {name: cluster.make_namespace() for name in run.namespaces}


def _deploy(cluster: Cluster, name: str, run: LiveRun, spaces: dict[str, str], home: str) -> None:
    texts = [(FOLDER / name / path).read_text() for path in run.apply]
    for word, space in spaces.items():
        if word:
            texts = [re.sub(rf"(?<![\w-]){word}(?![\w-])", space, text) for text in texts]
    where = None if run.namespaces else home
    for text in texts:
        _apply(cluster, text, where)
    _wait_ready(cluster, run, spaces, home)
    for old, selector in run.address.items():
        pod = cluster.get("pods", "-l", selector, namespace=home)["items"][0]
        texts = [text.replace(old, pod["status"]["podIP"]) for text in texts]
    if run.address:
        for text in texts:
            _apply(cluster, text, where)


def _wait_ready(cluster: Cluster, run: LiveRun, spaces: dict[str, str], home: str) -> None:
    for what in run.ready:
        space, found, name = what.rpartition(":")
        cluster.wait_ready(name, spaces[space] if found else home)


def _apply(cluster: Cluster, text: str, namespace: str | None) -> None:
    """Apply; once more where a controller made an object of the same name meanwhile."""
    command = ("apply", "-f", "-")
    if cluster.kubectl(*command, namespace=namespace, stdin=text).returncode:
        cluster.kubectl(*command, namespace=namespace, stdin=text, check=True)


def _served(cluster: Cluster, what: str, namespace: str) -> int:
    """How many of a dozen connections to ``SERVICE:PORT`` are accepted."""
    if not what:
        return 0
    service, _, port = what.partition(":")
    address = cluster.get(f"service/{service}", namespace=namespace)["spec"]["clusterIP"]
    accepted = 0

    def all_accepted() -> bool:
        nonlocal accepted
        accepted = sum(cluster.dial(address, int(port)) == "accepted" for _ in range(CONNECTIONS))
        return accepted == CONNECTIONS

    # kube-proxy follows a change of pods with a delay.
    cluster.until(all_accepted, f"{CONNECTIONS} connections to {address}:{port}")
    return accepted


def _paste_each(
    cluster: Cluster,
    run: LiveRun,
    said: Diagnosis,
    namespace: str,
    before: int,
    spaces: dict[str, str],
) -> None:
    """No fix that is offered takes a connection from a client."""
    if not run.serves:
        return
    assert before == CONNECTIONS
    commands = [x["shell"] for f in said.findings for x in f["fixes"] if x["shell"]]
    for command in dict.fromkeys(commands):
        paste(cluster, command)
        _wait_ready(cluster, run, spaces, namespace)
        assert _served(cluster, run.serves, namespace) == before, command
