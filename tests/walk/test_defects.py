"""A defect of the program that shows in one Service leaves the reports on the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.collect.cluster import sweep
from kubectl_portcheck.collect.cluster.walk import Walk
from kubectl_portcheck.diagnosis.diagnose import _Run
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.objects import Service
from tests.fake.api_server import FakeApiServer
from tests.walk.shop import program
from tests.walk.test_several import NAMES, town

pytestmark = pytest.mark.defects

ODD = NAMES[3]
SAID = "a defect of kubectl-portcheck (ZeroDivisionError in test_defects.py:"


def odd(name: str) -> None:
    """Fails for one Service."""
    if name == ODD:
        raise ZeroDivisionError("a value of the cluster")


def in_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _Run._service

    def service(run: _Run, evidence: ServiceEvidence) -> Any:
        odd(evidence.service.metadata.name)
        return whole(run, evidence)

    monkeypatch.setattr(_Run, "_service", service)


def in_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Walk.run

    def run(walk: Walk) -> None:
        odd(walk.target.name)
        whole(walk)

    monkeypatch.setattr(Walk, "run", run)


def in_the_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sweep._Sweep._static

    def static(swept: sweep._Sweep, service: Service) -> ServiceEvidence:
        odd(service.metadata.name)
        return whole(swept, service)

    monkeypatch.setattr(sweep._Sweep, "_static", static)


Breaks = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        (in_a_rule, NAMES),
        (in_a_walk, NAMES),
        (in_a_rule, []),
        (in_a_walk, ["--deep"]),
        (in_the_lists, []),
    ],
)
def test_of_several_services_one_is_not_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Breaks, asked: list[str]
) -> None:
    where(monkeypatch)
    with FakeApiServer() as server:
        town(server)
        done = program(server, tmp_path, *asked)
    found = {s["name"]: s for s in done.report["services"]}
    said = found.pop(ODD)
    assert said["verdict"] == "inconclusive"
    assert SAID in str(said)
    assert {s["verdict"] for s in found.values()} == {"healthy"}
    assert len(found) >= len(NAMES) - 1
    assert (done.code, done.stderr) == (ExitCode.INCONCLUSIVE, "")
    assert "a value of the cluster" not in done.stdout


@pytest.mark.parametrize("where", [in_a_rule, in_a_walk])
def test_where_it_is_the_only_one_the_defect_is_all_there_is_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Breaks
) -> None:
    where(monkeypatch)
    with FakeApiServer() as server:
        town(server)
        done = program(server, tmp_path, ODD)
    assert (done.code, done.stdout) == (ExitCode.INCONCLUSIVE, "")
    assert SAID in done.stderr
    assert "Please report it" in done.stderr
