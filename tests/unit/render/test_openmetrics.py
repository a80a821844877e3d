"""-o openmetrics: read by the official parsers, bounded, and what alerts and dashboard build on."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from kubectl_portcheck.diagnosis.merging import Part, merged
from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render import openmetrics
from tests.unit.render import builders

FOLDER = Path(__file__).parents[3] / "docs" / "metrics"
REPORTS = ("debrief", "healthy", "degraded", "inconclusive", "several_services", "sweep", "hostile")
PARSERS = {"openmetrics": open_families, "text": text_families}


def families(report: Report, parser: str = "openmetrics") -> dict[str, Metric]:
    text = openmetrics.render_openmetrics(report, "1.2.3")
    return {family.name: family for family in PARSERS[parser](text)}


def samples(family: Metric) -> dict[tuple[str, ...], float]:
    return {tuple(s.labels.values()): s.value for s in family.samples}


def services() -> Report:
    return merged([Part("eu", builders.debrief()), Part("us", builders.several_services())])


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("name", REPORTS)
def test_the_official_parsers_read_it(name: str, parser: str) -> None:
    report = getattr(builders, name)()
    found = families(report, parser)
    counts = found["portcheck_services"].samples
    assert sum(s.value for s in counts) == len(report.services)
    assert len(found["portcheck_service_verdict"].samples) == len(
        {(s.namespace, s.kind, s.name) for s in report.services}
    )


def test_the_verdict_of_a_service_is_one_series() -> None:
    (sample,) = families(builders.debrief())["portcheck_service_verdict"].samples
    labels = {"namespace": "production", "kind": "Service", "service": "checkout"}
    assert sample.labels.items() >= {**labels, "verdict": "broken"}.items()


def test_findings_are_counted_by_rule() -> None:
    report = builders.debrief()
    found = families(report)["portcheck_findings"].samples
    assert sum(s.value for s in found) == len(report.services[0].findings)
    assert {s.labels["code"] for s in found} == {f.code for f in report.services[0].findings}


def test_each_cluster_has_its_own() -> None:
    found = families(services())
    assert {s.labels["cluster"] for s in found["portcheck_services"].samples} == {"eu", "us"}
    assert {s.labels["cluster"] for s in found["portcheck_service_verdict"].samples} == {"eu", "us"}


def test_the_time_of_the_report_is_there_where_it_is_known() -> None:
    found = families(builders.debrief())
    (when,) = found["portcheck_report_timestamp_seconds"].samples
    assert when.value == 1732849964  # 2024-11-29T03:12:44Z
    context = msgspec.structs.replace(builders.debrief().context, collected_at="yesterday")
    report = msgspec.structs.replace(builders.debrief(), context=context)
    assert families(report)["portcheck_report_timestamp_seconds"].samples == []


def test_the_number_of_series_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmetrics, "MOST_SERVICES", 10)
    report = builders.sweep(60)
    found = families(report)
    shown = found["portcheck_service_verdict"].samples
    assert len(shown) == 10
    broken = [s for s in shown if s.labels["verdict"] == "broken"]
    assert len(broken) == [s.verdict for s in report.services].count("broken") > 0
    assert found["portcheck_services_without_series"].samples[0].value == 50
    assert sum(s.value for s in found["portcheck_services"].samples) == 60


def test_what_is_not_looked_at_is_counted() -> None:
    report = merged([Part("eu", builders.healthy()), Part("us", why="cannot be reached")])
    found = samples(families(report)["portcheck_not_looked_at"])
    assert found == {("eu",): 0, ("us",): 1}


def expressions() -> list[str]:
    rules = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
    return found + [t["expr"] for panel in board["panels"] for t in panel["targets"]]


@pytest.mark.parametrize("expression", expressions())
def test_alerts_and_dashboard_use_what_there_is(expression: str) -> None:
    known = families(services())
    (name,) = set(re.findall(r"portcheck_\w+", expression))
    labels = {"cluster", *(label for s in known[name].samples for label in s.labels)}
    used = re.findall(r"(\w+)(?:=~|!=|!~|=)\"", expression)
    used += [w for group in re.findall(r"by \(([^)]*)\)", expression) for w in group.split(", ")]
    assert {*used} <= labels


def test_the_readme_names_every_metric() -> None:
    text = (FOLDER / "README.md").read_text()
    assert {*re.findall(r"^\| `(portcheck_\w+)`", text, re.M)} == {*families(services())}
    assert f"{openmetrics.MOST_SERVICES:,} Services" in text
