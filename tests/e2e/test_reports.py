"""The rebuilt public reports, against a real cluster."""

from __future__ import annotations

import re
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
        served = _served(cluster, run, home)
        said = diagnose_all(cluster, home, *run.ask, *run.flags)
        wrong = faults(run, said.code, said.report)
        assert not wrong, shown(said.code, said.report, wrong)
        _paste_each(cluster, run, said, home, served, spaces)


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


def _served(cluster: Cluster, run: LiveRun, namespace: str) -> int:
    """How many of a dozen connections to the Service are accepted."""
    if not run.serves:
        return 0
    service, _, port = run.serves.partition(":")
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
        assert _served(cluster, run, namespace) == before, command
