"""Reports in JSON, read again: what is written of them says the same."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubectl_portcheck.collect.reports import files, load, report_of
from kubectl_portcheck.collect.snapshots import snapshot
from kubectl_portcheck.diagnosis import diagnose
from kubectl_portcheck.diagnosis.merging import OLDER, Part, merged
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.json import report_json
from kubectl_portcheck.render.junit import render_junit
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.markdown import render_markdown
from kubectl_portcheck.render.table import render_table
from tests.unit.render import builders

DEMOS = sorted((Path(__file__).parents[3] / "kubectl_portcheck" / "demo").glob("*.json.gz"))
BUILT = (
    *("debrief", "healthy", "healthy_with_warnings", "degraded", "inconclusive", "selector_typo"),
    *("unresolved_name", "loopback", "several_ports", "several_services", "sweep", "long_names"),
    *("many_listeners",),
)


def written(report: Report) -> Any:
    return json.loads(json.dumps(report_json(report, "1")))


def reports() -> list[Any]:
    demos = [pytest.param(diagnose(snapshot.load(p)), id=p.name) for p in DEMOS]
    return [*demos, *(pytest.param(getattr(builders, name)(), id=name) for name in BUILT)]


@pytest.mark.parametrize("report", reports())
def test_a_report_that_is_read_again_says_the_same(report: Report) -> None:
    again = report_of(written(report))
    assert written(again) == written(report)
    assert render_markdown(again) == render_markdown(report)
    assert render_junit(again) == render_junit(report)
    look = Look(width=100, wide=True)
    assert render_table(again, look) == render_table(report, look)


def test_a_hostile_report_stays_harmless() -> None:
    text = render_table(report_of(written(builders.hostile())), Look(width=100, wide=True))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_file_of_several_clusters_is_read_as_several(tmp_path: Path) -> None:
    whole = merged([Part("eu", builders.debrief()), Part("us", builders.healthy())])
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps(report_json(whole, "1")))
    found = load(str(path))
    assert [r.context.cluster for r in found] == ["eu", "us"]
    assert [r.verdict for r in found] == ["broken", "healthy"]
    again = merged([Part(r.context.cluster, r) for r in found])
    assert written(again)["services"] == written(whole)["services"]


def test_a_packed_report_is_read(tmp_path: Path) -> None:
    path = tmp_path / "report.json.gz"
    path.write_bytes(gzip.compress(json.dumps(report_json(builders.debrief(), "1")).encode()))
    assert load(str(path))[0].verdict == "broken"


def test_a_report_that_powershell_has_written_is_read_or_named_for_what_it_is(
    tmp_path: Path,
) -> None:
    """Its newer versions write a byte order mark where output is redirected, older ones UTF-16."""
    file = tmp_path / "report.json"
    text = json.dumps(report_json(builders.debrief(), "1"))
    file.write_text(text, encoding="utf-8-sig")
    assert load(str(file))
    file.write_text(text, encoding="utf-16")
    with pytest.raises(UsageError, match="is UTF-16; save it as UTF-8"):
        load(str(file))
    with pytest.raises(UsageError, match="is UTF-16; save it as UTF-8"):
        snapshot.load(file)


@pytest.mark.parametrize("shard", ["1/999999999", "1/" + "9" * 5000, "x/y", "3", "/"])
def test_a_shard_that_none_can_be_is_refused(shard: str, tmp_path: Path) -> None:
    """Of a division into a billion, all but one would be named as missing."""
    content = written(reports()[0].values[0])
    content["context"]["shard"] = shard
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="shard is not N/OF"):
        load(str(path))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not a report|cannot read"),
        ("{}", "not a report of kubectl-portcheck"),
        ("[]", "not a report of kubectl-portcheck"),
        ('{"schemaVersion": 2}', "newer version"),
        ('{"schemaVersion": 1}', "not a report of kubectl-portcheck"),
        ('{"schemaVersion": 1, "context": {"source": "x"}, "services": 3}', "not a report"),
        ('{"schemaVersion": 1, "context": {}, "verdict": "x", "services": []}', "not a report"),
        ('{"schemaVersion": true, "clusters": 1}', "not a report"),
        ("[" * 100_000, "nested too deep|not a report|cannot read"),
    ],
)
def test_what_is_no_report_is_refused(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=words):
        load(str(path))


def test_a_folder_means_the_reports_in_it(tmp_path: Path) -> None:
    for name in ("b.json", "a.json.gz", "notes.txt"):
        (tmp_path / name).write_text("{}")
    inside = [str(tmp_path / "a.json.gz"), str(tmp_path / "b.json")]
    assert files([str(tmp_path)]) == [("", path) for path in inside]
    assert files([f"eu={tmp_path}"]) == [("eu", path) for path in inside]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no file in it ends in"):
        files([str(tmp_path / "empty")])


def test_of_a_service_in_two_reports_the_newer_counts() -> None:
    old, new = builders.debrief(), builders.healthy()
    times = ("2024-11-29T03:00:00Z", "2024-11-29T04:00:00Z")
    parts = [Part("eu", _at(new, times[1])), Part("eu", _at(old, times[0]))]
    whole = merged(parts)
    (service,) = whole.services
    assert (whole.verdict, service.notes[-1]) == ("healthy", OLDER)
    assert whole.context.collected_at == times[0]


def _at(report: Report, when: str) -> Report:
    context = msgspec.structs.replace(report.context, collected_at=when)
    return msgspec.structs.replace(report, context=context)


def test_a_command_that_names_no_context_is_not_safe_among_several_clusters() -> None:
    whole = merged([Part("eu", builders.debrief()), Part("us", builders.healthy())])
    fixes = [x for s in whole.services for f in s.findings for x in f.fixes if x.command]
    assert fixes
    assert {fix.safety for fix in fixes} == {"review"}
    assert all("for cluster eu only" in fix.cautions[-1] for fix in fixes)


def test_an_interrupted_report_is_not_the_whole() -> None:
    part = msgspec.structs.replace(builders.healthy(), interrupted=True)
    whole = merged([Part("eu", part)])
    assert (whole.verdict, whole.interrupted) == ("inconclusive", False)
    assert whole.missing == ("the run was interrupted",)
