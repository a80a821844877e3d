"""The command line on files and recordings: report, diff, exit code."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from kubectl_portcheck import schema
from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from tests.unit.snapshots.test_kubectl_output import POD, SERVICE, dump, printed

from .reading import CORPUS, DEBRIEF


def run(*argv: str, stdin: str = "") -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(argv, Environment(out, err, {"COLUMNS": "100"}, io.BytesIO(stdin.encode())))
    return int(code), out.getvalue(), err.getvalue()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yaml").write_text(DEBRIEF)
    return tmp_path


def test_the_report_names_the_line(shop: Path) -> None:
    code, out, err = run("-f", "shop.yaml")
    assert (code, err) == (0, "")
    assert run("-f", "shop.yaml", "--fail-on", "warning")[0] == 1
    code, out, _ = run("-f", "shop.yaml", "-o", "wide")
    for said in ("HEALTHY", "PC401", "shop.yaml:27", "+    targetPort: 9000"):
        assert said in out
    for unsaid in ("process listens", "Ready", "kubectl patch"):
        assert unsaid not in out


def test_json_has_the_origin_and_keeps_to_its_schema(shop: Path) -> None:
    code, out, _ = run("-f", ".", "checkout:80", "-o", "json")
    report = json.loads(out)
    rules = json.loads((Path(schema.__file__).parent / "report-v1.json").read_text())
    jsonschema.validate(report, rules)
    finding = report["services"][0]["findings"][0]
    assert code == 0
    assert report["context"]["source"] == "manifests"
    assert finding["origin"] == {"file": "./shop.yaml", "line": 27}
    assert report["services"][0]["pods"][0]["phase"] is None


def test_the_diff_and_the_write(shop: Path) -> None:
    code, out, _ = run("-f", "shop.yaml", "--diff")
    assert code == 0
    subprocess.run(["git", "apply", "--check", "-"], input=out.encode(), check=True, cwd=shop)
    assert (shop / "shop.yaml").read_text() == DEBRIEF
    code, out, err = run("-f", "shop.yaml", "--write")
    assert (out, "needs a review; --diff prints it" in err) == ("", True)
    typo = DEBRIEF.replace("8080", "htpp").replace(
        "- containerPort", "- name: http\n          containerPort"
    )
    (shop / "shop.yaml").write_text(typo)
    assert run("-f", "shop.yaml")[0] == 1
    assert run("-f", "shop.yaml", "--write")[1] == "shop.yaml fixed\n"
    assert run("-f", "shop.yaml")[0] == 0
    assert run("-f", "shop.yaml", "--diff") == (0, "", "")


def test_a_broken_file_beside_a_good_one(shop: Path) -> None:
    (shop / "bad.yaml").write_text("kind: Service\n\tname: x\n")
    code, out, err = run("-f", ".")
    assert code == 2
    assert err == "./bad.yaml:2: is indented by a tab; YAML accepts only spaces\n"
    assert "PC401" in out


def test_files_without_a_service(shop: Path) -> None:
    (shop / "shop.yaml").write_text("kind: ConfigMap\nmetadata: {name: a}\n")
    assert run("-f", ".") == (0, "", "no Service in 1 file (1 other object)\n")


def test_what_a_pipeline_waits_for_is_written_without_a_service_too(shop: Path) -> None:
    (shop / "shop.yaml").write_text("kind: ConfigMap\nmetadata: {name: a}\n")
    code, out, _ = run("-f", ".", "-o", "json", "--output-file", "sarif=a.sarif")
    assert (code, json.loads(out)["services"]) == (0, [])
    assert json.loads((shop / "a.sarif").read_text())["runs"][0]["results"] == []


def test_sarif_names_files_as_the_repository_does(shop: Path) -> None:
    [result] = json.loads(run("-f", ".", "-o", "sarif")[1])["runs"][0]["results"]
    where = result["locations"][0]["physicalLocation"]
    assert where["artifactLocation"]["uri"] == "shop.yaml"
    assert where["region"]["startLine"] == 27


def test_warnings_are_shown_and_do_not_fail() -> None:
    code, out, _ = run("-f", str(CORPUS / "published"))
    assert code == 0
    assert "In these files: the selector" in out
    assert run("-f", str(CORPUS / "published"), "--fail-on", "warning")[0] == 1


@pytest.mark.parametrize(
    "argv",
    [
        ("--diff", "svc/a"),
        ("--write", "svc/a"),
        ("--complete", "svc/a"),
        ("-f", "x", "--demo"),
        ("-f", "x", "--replay", "y"),
        ("-f", "x", "--diff", "--write"),
        ("-f", "none.yaml"),
    ],
)
def test_what_makes_no_sense_is_refused(argv: tuple[str, ...]) -> None:
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")


def test_replaying_what_kubectl_recorded(tmp_path: Path) -> None:
    (tmp_path / "got.yaml").write_bytes(printed(SERVICE, POD))
    code, out, _ = run("--replay", str(tmp_path / "got.yaml"))
    assert (code, "PC402" in out) == (1, True)
    code, out, _ = run("--replay", str(dump(tmp_path / "d", services=[SERVICE], pods=[POD])))
    assert (code, "PC402" in out) == (1, True)
    code, _, err = run("--replay", str(tmp_path / "none"))
    assert (code, err) == (
        2,
        f"error: cannot read {tmp_path / 'none'}: no such file or directory\n",
    )


def test_a_redacted_snapshot_replays_alike(tmp_path: Path) -> None:
    saved = tmp_path / "s.json.gz"
    first = run("--demo", "--redact", "--save", str(saved))
    assert first[0] == 1
    assert "checkout" not in first[1]
    assert run("--replay", str(saved))[1].splitlines()[1:] == first[1].splitlines()[1:]


def test_saved_files_replay_as_files(shop: Path) -> None:
    assert run("-f", "shop.yaml", "--save", "s.json")[0] == 0
    code, out, _ = run("--replay", "s.json")
    assert (code, "does not declare" in out) == (0, True)
    assert "Ready" not in out


def test_files_need_no_client(shop: Path) -> None:
    code = (
        "import sys\n"
        "from kubectl_portcheck.cli import main\n"
        "from kubectl_portcheck.environment import Environment\n"
        "main(['-f', 'shop.yaml'], Environment(sys.stdout, sys.stderr, {}))\n"
        "print([m for m in ('kubernetes', 'ssl', 'http.client') if m in sys.modules])\n"
    )
    root = Path(schema.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.stdout.endswith("[]\n")
