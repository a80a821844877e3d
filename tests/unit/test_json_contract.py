"""The JSON of the demos against what it was when schema version 1 was fixed: fields are added, and
none goes, changes its name or its type."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment

BEFORE = Path(__file__).parents[1] / "golden" / "json-fields.json"


def fields(value: Any, path: str = "") -> Iterator[str]:
    """``services[].findings[].code: string``, for each field of a JSON document."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}
    yield f"{path or '.'}: {names.get(type(value), 'null')}"
    if isinstance(value, dict):
        for key, inner in value.items():
            # The numbers of ports are data, not names of fields.
            yield from fields(inner, f"{path}.{'#' if key.isdecimal() else key}")
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, f"{path}[]")


def printed(demo: str) -> Any:
    out = io.StringIO()
    main(("--demo", demo, "-o", "json"), Environment(out, io.StringIO(), {}))
    return json.loads(out.getvalue())


RECORDED = json.loads(BEFORE.read_text())
REPORTS = {demo: printed(demo) for demo in RECORDED["demos"]}


def test_no_field_is_gone_or_of_another_type() -> None:
    found = {f for report in REPORTS.values() for f in fields(report)}
    assert not [f for f in RECORDED["fields"] if f not in found]


@pytest.mark.parametrize("demo", REPORTS)
def test_the_verdicts_and_causes_are_the_same(demo: str) -> None:
    services = REPORTS[demo]["services"]
    assert [s["verdict"] for s in services] == RECORDED["demos"][demo]["verdicts"]
    causes = [f["code"] for s in services for f in s["findings"] if f["cause"]]
    assert causes == RECORDED["demos"][demo]["causes"]
