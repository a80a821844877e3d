"""A report on 1,000 Services: every format stays quick, and grows with the Services only."""

import json
import re
from collections.abc import Callable

import pytest

from kubectl_portcheck.model.report import Report
from tests.stopwatch import stopwatch
from tests.unit.render import builders
from tests.unit.render.formats import FORMATS

MANY = 1000
SECONDS = 3.0
"""Of the processor, for a report: the slowest format took one on two cores with other work."""


def broken(count: int) -> Report:
    """A sweep that found the same fault in every Service: each has steps, evidence and fixes."""
    return builders.report(*(builders.debrief_service(f"service-{i:04}") for i in range(count)))


REPORTS: dict[str, Callable[[int], Report]] = {"sweep": builders.sweep, "broken": broken}


@pytest.mark.parametrize("form", FORMATS)
def test_a_thousand_services_are_rendered_in_little_time(form: str) -> None:
    render, small, large = FORMATS[form], broken(MANY // 10), broken(MANY)
    with stopwatch() as spent:
        text = render(large)
    assert spent.processor is not None
    assert spent.processor < SECONDS
    assert len(text) < 11 * len(render(small)) + 1000


@pytest.mark.parametrize("kind", REPORTS)
def test_the_formats_for_machines_and_the_page_lose_no_service(kind: str) -> None:
    report = REPORTS[kind](MANY)
    names = {s.name for s in report.services}
    assert len(names) == MANY
    assert {s["name"] for s in json.loads(FORMATS["report.json"](report))["services"]} == names
    assert names <= {*re.findall(r"service-\d+", FORMATS["report.html"](report))}
    (run,) = json.loads(FORMATS["report.sarif"](report))["runs"]
    assert len(run["results"]) == sum(len(s.findings) for s in report.services)
