"""The formats for other programs, held against the schemas that those programs use."""

import io
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import xmlschema

from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.render.sarif import SCHEMA, render_sarif
from kubectl_portcheck.rules.texts import texts
from kubectl_portcheck.schema import report_schema
from tests.unit.render.builders import SCENARIOS
from tests.unit.render.formats import FORMATS, VERSION
from tests.unit.render.test_formats import strict

SCHEMAS = Path(__file__).parents[2] / "schemas"
OFFICIAL = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text())
SARIF = jsonschema.Draft7Validator(OFFICIAL, format_checker=jsonschema.FormatChecker())
JUNIT = xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")

WRONG_PORT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout}
spec:
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec: {containers: [{name: app, image: app, ports: [{name: http, containerPort: 9000}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: htpp}]}
"""


def printed(*argv: str) -> str:
    out = io.StringIO()
    main(argv, Environment(out, io.StringIO(), {}))
    return out.getvalue()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sarif_is_valid(scenario: str) -> None:
    SARIF.validate(json.loads(render_sarif(SCENARIOS[scenario](), VERSION, texts())))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_junit_is_valid(scenario: str) -> None:
    JUNIT.validate(FORMATS["junit.xml"](SCENARIOS[scenario]()))


def test_what_the_program_prints_is_valid(tmp_path: Path) -> None:
    manifest = tmp_path / "wrong port.yaml"
    manifest.write_text(WRONG_PORT)
    for source in (["--demo"], ["-f", str(manifest)]):
        sarif = json.loads(printed(*source, "-o", "sarif"))
        assert sarif["runs"][0]["results"]
        SARIF.validate(sarif)
        JUNIT.validate(printed(*source, "-o", "junit"))
    assert "physicalLocation" in sarif["runs"][0]["results"][0]["locations"][0]


def recorded() -> list[str]:
    """The incidents that ship with the program."""
    return [line.split()[0] for line in printed("--demo", "list").splitlines()]


@pytest.mark.parametrize("incident", recorded())
def test_a_report_on_a_real_incident_is_valid(incident: str) -> None:
    SARIF.validate(json.loads(printed("--demo", incident, "-o", "sarif")))
    JUNIT.validate(printed("--demo", incident, "-o", "junit"))
    jsonschema.Draft202012Validator(strict(json.loads(report_schema()))).validate(
        json.loads(printed("--demo", incident, "-o", "json"))
    )


def test_sarif_names_the_schema_that_it_is_held_against() -> None:
    assert SCHEMA.endswith("/sarif-2.1.0.json")
    assert "Version 2.1.0" in OFFICIAL["title"]


def test_the_schemas_can_refuse() -> None:
    sarif = json.loads(printed("--demo", "-o", "sarif"))
    sarif["runs"][0]["results"][0]["level"] = "fatal"
    assert not SARIF.is_valid(sarif)
    junit = printed("--demo", "-o", "junit")
    assert not JUNIT.is_valid(junit.replace('time="0"', 'time="0s"'))


def test_the_schema_describes_every_field() -> None:
    assert [*undescribed(json.loads(report_schema()), "$")] == []


def undescribed(schema: Any, path: str) -> list[str]:
    """Where a property has no description of its own."""
    if isinstance(schema, list):
        return [p for part in schema for p in undescribed(part, path)]
    if not isinstance(schema, dict):
        return []
    found = []
    for key, value in schema.items():
        if key == "oneOf":  # Which of the fields go together; they are described beside it.
            continue
        if key in ("properties", "$defs"):
            for name, field in value.items():
                if key == "properties" and not field.get("description", "").endswith("."):
                    found.append(f"{path}.{name}")
                found += undescribed(field, f"{path}.{name}")
        else:
            found += undescribed(value, path)
    return found
