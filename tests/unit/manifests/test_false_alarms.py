"""Manifests that work: published ones, and shapes that look wrong and are not.

Each finding stands in the table with a judgement; an error is a false alarm.
"""

from pathlib import Path

import pytest

from .reading import CORPUS, check

PUBLISHED = sorted(p for p in (CORPUS / "published").iterdir() if p.suffix != ".md")
SHAPES = sorted((CORPUS / "shapes").iterdir())

EXPECTED = {
    # The pods are made by longhorn-manager, which labels itself at run time.
    "longhorn.yaml": ["PC301 longhorn-admission-webhook", "PC301 longhorn-recovery-backend"],
    # The pods are made by the Prometheus operator from Alertmanager and Prometheus objects.
    "kube-prometheus": ["PC301 alertmanager-main", "PC301 prometheus-k8s"],
    # True: an alias has no ports.
    "06-without-selector.yaml": ["PC409 shop"],
    # True, and information: it works by design.
    "09-canary.yaml": ["PC404 web"],
    # The label role is added by an operator.
    "10-operator.yaml": ["PC301 primary"],
    # True hints: clients that dial 80, or TCP, meet a closed port if the declarations are right.
    "17-headless-translated.yaml": ["PC406 db", "PC206 dns"],
}


@pytest.mark.parametrize("path", [*PUBLISHED, *SHAPES], ids=lambda p: p.name)
def test_what_works_raises_no_error(path: Path) -> None:
    found = check(path)
    assert not found.problems
    assert not [f.summary for f in found.findings if f.severity == "error"]
    assert found.raw.verdict == "healthy"
    told = [f"{f.code} {f.subject.name}" for f in found.findings]
    assert told == EXPECTED.get(path.name, [])


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
