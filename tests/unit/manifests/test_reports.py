"""The rebuilt public reports, as far as files can show."""

import io
import json
from collections.abc import Iterator

import pytest

from kubectl_portcheck.cli import main
from kubectl_portcheck.environment import Environment
from tests.reports import FOLDER, FileRun, faults, reports, shown


def _cases() -> list[object]:
    return list(_each())


def _each() -> Iterator[object]:
    for name, report in reports().items():
        for number, run in enumerate(report.files):
            marks = [pytest.mark.xfail(reason=run.pending, strict=True)] if run.pending else []
            yield pytest.param(name, run, id=f"{name}-{number}", marks=marks)


@pytest.mark.parametrize(("name", "run"), _cases())
def test_files_are_judged_rightly(name: str, run: FileRun) -> None:
    out, err = io.StringIO(), io.StringIO()
    paths = [word for path in run.read for word in ("-f", str(FOLDER / name / path))]
    code = int(main([*paths, *run.flags, "-o", "json"], Environment(out, err, {"COLUMNS": "100"})))
    report = json.loads(out.getvalue())
    wrong = faults(run, code, report)
    lines = err.getvalue().splitlines()
    wrong += [
        f"not refused: {words}"
        for words in run.refused
        if not any(all(w in line for w in words) for line in lines)
    ]
    if not run.refused:
        wrong += [line for line in lines if not line.startswith("no Service in ")]
    assert not wrong, shown(code, report, wrong)


def test_each_folder_has_its_right_answer() -> None:
    assert set(reports()) == {p.name for p in FOLDER.iterdir() if p.is_dir()}
    assert all(r.files or r.live for r in reports().values())
