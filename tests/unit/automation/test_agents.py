"""What agents are given: the skill, tried on the demos, the toolset, the entry for MCP clients."""

import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_portcheck.cli import main
from kubectl_portcheck.commands.request import parse
from kubectl_portcheck.demo import SCENARIOS
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.exit_codes import ExitCode
from kubectl_portcheck.schema import report_schema

FOLDER = Path(__file__).parents[3] / "docs" / "agents"
SKILL = FOLDER / "kubectl-portcheck" / "SKILL.md"
TOOLSET_FIELDS = {"description", "tags", "prerequisites", "llm_instructions", "tools"}
TOOL_FIELDS = {"name", "description", "user_description", "command", "parameters"}
"""Of HolmesGPT's models. A name that 0.45 does not know is an error there, and before it one,
``additional_instructions``, was a shell command for the output."""


def printed(*argv: str) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    code = main(argv, Environment(out, io.StringIO(), {}))
    return int(code), json.loads(out.getvalue())


def test_the_skill_has_its_front_matter() -> None:
    _, head, body = SKILL.read_text().split("---\n", 2)
    found = yaml.safe_load(head)
    assert found["name"] == SKILL.parent.name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", found["name"])
    assert 0 < len(found["description"]) <= 1024
    assert set(found) == {"name", "description", "license"}
    assert len(body.splitlines()) < 500


def test_the_skill_knows_every_exit_code() -> None:
    codes = re.findall(r"^\| (\d+) \|", SKILL.read_text(), re.M)
    assert [int(c) for c in codes] == sorted(int(c) for c in ExitCode)


@pytest.mark.parametrize("scenario", [s.name for s in SCENARIOS])
def test_the_skill_leads_through_each_demo(scenario: str) -> None:
    """What it says of exit code and JSON, followed word by word."""
    code, report = printed("--demo", scenario, "-o", "json")
    expected = {"healthy": 0, "degraded": 1, "broken": 1, "inconclusive": 3}
    assert code == expected[report["verdict"]]
    for service in report["services"]:
        assert service["headline"]
        causes = [f for f in service["findings"] if f["cause"]]
        if service["verdict"] in ("broken", "degraded"):
            assert causes
            assert all(f["evidence"] for f in causes)
        if service["verdict"] == "inconclusive":
            assert service["missing"] or service["notEvaluated"] or causes
        for fix in (x for f in causes for x in f["fixes"]):
            assert fix["safety"] in ("safe", "review")
            assert fix["safety"] == "review" or not fix["cautions"]
            assert fix["title"]


def test_the_skill_names_fields_of_the_report() -> None:
    _, _, said = SKILL.read_text().partition("## Read the JSON")
    schema = report_schema()
    fields = {f for name in re.findall(r"`([a-z]\w*(?:\.\w+)?)`", said) for f in name.split(".")}
    assert {"verdict", "headline", "cautions", "unpredicted", "look", "next"} <= fields
    assert {f for f in fields if f'"{f}"' not in schema} == set()


def words_of(command: str) -> list[str]:
    filled = re.sub(r"{{ (name|namespace) }}", "shop", command).replace("{{ code }}", "PC401")
    plugin, *words = shlex.split(filled)[1:]
    assert plugin == "portcheck"
    return words


def test_the_toolset_is_one_of_holmesgpt() -> None:
    found = yaml.safe_load((FOLDER / "holmesgpt.yaml").read_text())
    (toolset,) = found["toolsets"].values()
    assert set(toolset) <= TOOLSET_FIELDS
    for tool in toolset["tools"]:
        assert set(tool) == TOOL_FIELDS
        used = set(re.findall(r"{{ (\w+) }}", tool["command"]))
        assert used == set(tool["parameters"])
        parse(words_of(tool["command"]))


def test_no_word_of_an_agent_becomes_a_flag_of_the_toolset() -> None:
    text = (FOLDER / "holmesgpt.yaml").read_text()
    commands = re.findall(r"^ +command: (kubectl portcheck .*)$", text, re.M)
    places = [place for c in commands for place in re.findall(r"(\S*){{", c)]
    assert places
    assert all(place.endswith(("/", "=")) for place in places)
    assert "--fix" not in text


def test_the_entry_for_clients_starts_the_server() -> None:
    found = json.loads((FOLDER / "mcp.json").read_text())["mcpServers"]["kubectl-portcheck"]
    assert found == {"command": "kubectl-portcheck", "args": ["--mcp"]}
    parse(found["args"])
