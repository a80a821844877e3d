"""Manifests that work: published ones, and shapes that look wrong and are not.

Each finding is judged in judgements.yaml beside them; an error that is judged false fails.
"""

import pytest

from tests.published import projects

from .judged import FILES, JUDGEMENTS
from .reading import CORPUS, check


@pytest.mark.parametrize("name", FILES)
def test_what_works_raises_no_error(name: str) -> None:
    found = check(CORPUS / name)
    assert not found.problems
    assert found.raw.verdict == "healthy"
    reported = [(f"{f.code} {f.subject.name}", f.severity) for f in found.findings]
    assert reported == [(j.finding, j.severity) for j in JUDGEMENTS if j.file == name]


def test_no_error_is_false_and_each_judgement_says_why() -> None:
    assert {j.file for j in JUDGEMENTS} <= set(FILES)
    assert not [j for j in JUDGEMENTS if j.severity == "error" and not j.judgement]
    assert all(j.why.endswith(".") for j in JUDGEMENTS)


def test_all_of_them_together_raise_no_error_either() -> None:
    found = check(CORPUS)
    assert not found.problems
    assert not [f.summary for f in found.findings if f.severity == "error"]
    assert len(found.gathered.services) > 60


def test_what_is_absent_is_an_error_once_the_files_are_everything() -> None:
    found = check(CORPUS / "shapes" / "10-operator.yaml", complete=True)
    assert [(f.code, f.severity) for f in found.findings] == [("PC301", "error")]
    assert found.raw.verdict == "broken"
    assert "In these files" in found.findings[0].summary


def test_no_error_on_the_manifests_of_other_projects_is_false() -> None:
    found = projects()
    assert len(found) >= 22
    assert sum(p.files for p in found) >= 1100
    judged = [(p.name, e) for p in found for e in p.errors]
    assert not [(name, e.file, e.finding) for name, e in judged if e.judgement is not True]
    assert all(e.why.endswith(".") for _, e in judged)
