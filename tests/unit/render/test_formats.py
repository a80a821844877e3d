"""The formats for machines: valid by their schemas, and nothing lost on the way."""

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest
import yaml

from kubectl_portcheck.model.evidence import Context
from kubectl_portcheck.model.fixes import Command
from kubectl_portcheck.model.report import Headline
from kubectl_portcheck.render.sarif import render_sarif
from kubectl_portcheck.render.shell import shell_quote
from kubectl_portcheck.rules.texts import texts
from kubectl_portcheck.schema import report_schema
from tests.unit.render import builders as b
from tests.unit.render.builders import SCENARIOS
from tests.unit.render.formats import FORMATS, VERSION

SCHEMA = json.loads(report_schema())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def as_json(scenario: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(FORMATS["report.json"](SCENARIOS[scenario]()))
    return document


def strict(schema: Any) -> Any:
    """The schema with no other fields allowed: what is printed must be described."""
    if isinstance(schema, dict):
        closed = {k: strict(v) for k, v in schema.items()}
        if schema.get("type") == "object" and "properties" in schema:
            closed["additionalProperties"] = False
        return closed
    return [strict(s) for s in schema] if isinstance(schema, list) else schema


def test_the_schema_is_one() -> None:
    VALIDATOR.check_schema(SCHEMA)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_json_is_what_the_schema_says_and_nothing_else(scenario: str) -> None:
    document = as_json(scenario)
    jsonschema.Draft202012Validator(strict(SCHEMA)).validate(document)


def test_the_fields_of_the_contract_have_their_names() -> None:
    document = as_json("debrief")
    assert list(document)[:3] == ["schemaVersion", "tool", "context"]
    assert document["schemaVersion"] == 1
    assert document["tool"] == {"name": "kubectl-portcheck", "version": VERSION}
    service = document["services"][0]
    assert {"namespace", "name", "verdict", "pods", "ports", "findings", "notEvaluated"} <= {
        *service
    }
    port = service["ports"][0]
    assert port["name"] is None
    assert (
        port["chain"].items()
        >= {
            "servicePort": 80,
            "targetPort": 8080,
            "containerPort": None,
            "listening": [9000, 9100],
        }.items()
    )
    assert [s["step"] for s in port["steps"]] == [1, 2, 3, 4, 5, 6]
    cause, *others = service["findings"]
    assert cause["cause"] is True
    assert [f["cause"] for f in others] == [False, False]
    fix = cause["fixes"][0]
    assert fix["shell"] == shell_quote(fix["command"])
    assert {"title", "command", "shell", "patch", "safety", "target"} <= {*fix}
    assert (
        document["counts"].items()
        >= {
            "services": 1,
            "healthy": 0,
            "degraded": 0,
            "broken": 1,
            "inconclusive": 0,
        }.items()
    )


def test_a_fix_without_a_command_has_neither_form() -> None:
    fix = as_json("loopback")["services"][0]["findings"][0]["fixes"][0]
    assert fix["command"] is None
    assert fix["shell"] is None


def test_the_schema_refuses_what_the_contract_excludes() -> None:
    document = as_json("debrief")
    document["verdict"] = "fine"
    del document["services"][0]["ports"][0]["steps"][0]
    paths = {e.json_path for e in VALIDATOR.iter_errors(document)}
    assert paths == {"$.verdict", "$.services[0].ports[0].steps"}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_yaml_is_the_json_report(scenario: str) -> None:
    text = FORMATS["report.yaml"](SCENARIOS[scenario]())
    assert yaml.safe_load(text) == as_json(scenario)
    assert text.isascii()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_junit_counts_add_up(scenario: str) -> None:
    report = SCENARIOS[scenario]()
    suites = ET.fromstring(FORMATS["junit.xml"](report))
    assert suites.tag == "testsuites"
    assert len(suites) == len(report.services)
    for suite in suites:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases)
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors", "")) == len(suite.findall("testcase/error"))
        assert {child.tag for case in cases for child in case} <= {
            "failure",
            "error",
            "system-out",
        }
    for key in ("tests", "failures", "errors"):
        assert int(suites.get(key, "")) == sum(int(s.get(key, "")) for s in suites)


def test_junit_fails_what_is_broken_and_errs_where_it_is_inconclusive() -> None:
    def tags(scenario: str) -> list[str]:
        suites = ET.fromstring(FORMATS["junit.xml"](SCENARIOS[scenario]()))
        return [child.tag for child in suites.findall("testsuite/testcase/*")]

    assert tags("debrief") == ["failure"]
    assert tags("degraded") == ["failure"]
    assert tags("inconclusive") == ["error"]
    assert tags("healthy") == ["system-out"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_sarif_results_name_their_rules(scenario: str) -> None:
    report = SCENARIOS[scenario]()
    document = json.loads(render_sarif(report, VERSION, texts()))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({r["id"] for r in rules}) == len(rules)
    assert len(run["results"]) == sum(len(s.findings) for s in report.services)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
    known = {r.code: r.summary for r in texts()}
    for rule in rules:
        if rule["id"] in known:
            assert rule["shortDescription"]["text"] == known[rule["id"]]


def test_names_of_what_is_unhealthy_are_as_kubectl_prints_them() -> None:
    assert FORMATS["name.txt"](b.several_services()).splitlines() == [
        "service/checkout",
        "service/search",
        "service/payments",
        "service/shipping",
    ]
    assert FORMATS["name.txt"](b.healthy()) == ""


def test_the_one_line_of_quiet() -> None:
    assert FORMATS["line.txt"](b.debrief()) == (
        "BROKEN svc/checkout -n production: port 80: nothing listens on targetPort 8080; "
        "3 of 3 pods listen on 9000\n"
    )
    assert FORMATS["line.txt"](b.sweep()) == "BROKEN: 7 of 60 Services broken, 53 healthy\n"
    partial = msgspec.structs.replace(b.healthy(), interrupted=True)
    assert "interrupted: partial report" in FORMATS["line.txt"](partial)


def test_markdown_has_a_table_and_a_block_to_paste() -> None:
    text = FORMATS["report.md"](b.debrief())
    assert "| 4 | Target port | ✗ fail | 8080; the containers declare 9000 |" in text
    blocks = re.findall(r"^```sh\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)
    assert blocks[0].startswith("kubectl patch service checkout -n production")
    several = FORMATS["report.md"](b.several_services())
    assert several.startswith("## ❌ BROKEN: 2 of 14 Services broken")
    assert several.count("\n| ❌ broken | ") == 2
    assert "\n\n✅ healthy: auth, billing, cart" in several
    assert FORMATS["report.md"](b.sweep()).count(" and 33 more\n") == 1


def test_markdown_is_not_steered_by_a_name() -> None:
    text = "a|b <img src=x> [l](http://e) @team `c` #1 *d* :tada: $x$\n# e"
    report = b.report(b.service(text, headline=Headline(text=text), verdict="broken"))
    shown = FORMATS["report.md"](report)
    prose = re.sub(r"```.*?```", "", shown, flags=re.DOTALL)
    for live in ("<img", "[l](", " @team", " `c`", " #1", "*d*", ":tada:", "http://", "\n# e"):
        assert live not in prose


def test_a_time_stays_legible_in_markdown() -> None:
    kept = Context(source="snapshot", collected_at="2026-11-22T22:25:57Z")
    report = msgspec.structs.replace(b.debrief(), context=kept)
    assert "snapshot of 2026-11-22T22:25:57Z" in FORMATS["report.md"](report)


def test_a_code_block_cannot_be_ended_from_within() -> None:
    fix = b.retarget(change=Command(words=("a```\n````b",)))
    service = b.debrief_service()
    finding = msgspec.structs.replace(service.findings[0], fixes=(fix,))
    text = FORMATS["report.md"](b.report(msgspec.structs.replace(service, findings=(finding,))))
    assert re.search(r"^`{4,}sh$", text, re.MULTILINE)


def test_exports_are_whole_and_fetch_nothing() -> None:
    svg, html = FORMATS["report.svg"](b.debrief()), FORMATS["report.html"](b.debrief())
    ET.fromstring(svg)
    for text in (svg, html):
        assert "BROKEN" in text
        assert "url(" not in text.replace("url(#", "")
        assert not re.search(r"\b(src|href)=\"(?!#|data:,)", text)
    assert "<script" not in svg
    assert "targetPort&#160;8080" in svg
    assert FORMATS["report.svg"](b.debrief()) == svg


def test_an_export_is_not_steered_by_a_name() -> None:
    report = b.report(b.service("</text><script>x</script>", headline=Headline(text="<b>&amp;")))
    for name in ("report.svg", "report.html"):
        assert "<script>x" not in FORMATS[name](report)
        assert "<b>" not in FORMATS[name](report)
