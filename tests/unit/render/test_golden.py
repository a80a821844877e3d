"""Whole reports, as a person sees them."""

from collections.abc import Callable

import pytest

from tests.unit.render.builders import SCENARIOS
from tests.unit.render.formats import FORMATS

TERMINAL = ("table-80.txt", "table-140.txt", "table-plain.txt", "table-ascii.txt", "report.json")
# These say nothing new about each scenario; the property tests run them on all.
LARGE = (("sweep", "report.json"),)
EVERYTHING = ("debrief", "several-services")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_report_is_as_it_was(scenario: str, golden: Callable[[str, str], None]) -> None:
    report = SCENARIOS[scenario]()
    shown = FORMATS if scenario in EVERYTHING else TERMINAL
    for name in shown:
        if (scenario, name) in LARGE or name.endswith((".svg", ".html")):
            continue  # rich's own markup changes with its version; tests/page is about the page
        golden(f"{scenario}/{name}", FORMATS[name](report))
