"""Runs ``-f`` over checkouts of other projects: ``python -m tests.published FOLDER``.

FOLDER holds a folder ``OWNER+NAME`` for each project, with its manifests, and beside it a file
``OWNER+NAME.commit``. None of it is kept here: what comes out is written to
``corpus/manifests/projects.yaml``, where a person judges every error; what is there of projects
without a folder is kept. ``make docs`` shows it.
"""

import io
import sys
from collections import Counter
from pathlib import Path

import msgspec

from kubectl_portcheck.collect.manifests import gather, localise, read
from kubectl_portcheck.diagnosis import diagnose

LAST_RUN = "2026-11-29"
"""When ``projects.yaml`` was written last."""
RENDERED = ("cert-manager", "Kuma", "Linkerd", "MetalLB", "Rook's operator")
"""Charts whose Services are only in templates."""
PAGE = Path(__file__).parent / "corpus" / "manifests" / "projects.yaml"


class Judged(msgspec.Struct, frozen=True):
    """An error, and what a person says of it."""

    file: str
    finding: str
    """Code and subject."""
    says: str
    judgement: bool | None = None
    """Whether it is one; None where it is not judged yet."""
    why: str = ""


class Project(msgspec.Struct, frozen=True):
    """What came out for one project."""

    name: str
    commit: str
    files: int
    services: int
    findings: dict[str, int] = {}
    """By severity."""
    errors: tuple[Judged, ...] = ()


def projects() -> list[Project]:
    """What was written last."""
    return msgspec.yaml.decode(PAGE.read_bytes(), type=list[Project]) if PAGE.exists() else []


def run(folder: Path, before: dict[tuple[str, str, str], Judged]) -> Project:
    """The findings in one project's manifests, with the judgements that were there before."""
    name = folder.name.replace("+", "/", 1)
    gathered = gather(read([str(folder)], io.BytesIO()))
    report = localise(diagnose(gathered.evidence), gathered)
    counts: Counter[str] = Counter()
    errors: dict[tuple[str, str], Judged] = {}
    for finding in (f for s in report.services for f in s.findings):
        counts[finding.severity] += 1
        if finding.severity == "error" and finding.origin:
            file = str(Path(finding.origin.file).relative_to(folder))
            what = f"{finding.code} {finding.subject.name}"
            known = before.get((name, file, what))
            said = Judged(file, what, finding.summary)
            if known:
                said = msgspec.structs.replace(said, judgement=known.judgement, why=known.why)
            errors.setdefault((file, what), said)
    return Project(
        name=name,
        commit=folder.with_name(f"{folder.name}.commit").read_text().strip(),
        files=len(gathered.manifests.files),
        services=len(report.services),
        findings=dict(sorted(counts.items())),
        errors=tuple(errors[key] for key in sorted(errors)),
    )


def page() -> str:
    """The part of docs/findings.md on these projects."""
    known = projects()
    rows = [
        f"| [{p.name}](https://github.com/{p.name}/tree/{p.commit}) | {p.files} | {p.services} "
        f"| {p.findings.get('error', 0)} | {p.findings.get('warning', 0)} "
        f"| {p.findings.get('info', 0)} |"
        for p in known
    ]
    judged = [
        f"| {p.name}: {e.file} | {e.finding} | {e.says} | **{str(e.judgement).lower()}**: {e.why} |"
        for p in known
        for e in p.errors
    ]
    errors = [e for p in known for e in p.errors]
    false = sum(e.judgement is not True for e in errors)
    return (
        "\n## On the manifests of other projects\n\n"
        "`python -m tests.published` runs `-f` over all YAML and JSON manifests of a checkout, "
        "tests and\nexamples included, templates left out. The charts of "
        f"{', '.join(RENDERED[:-1])} and {RENDERED[-1]} were\nrendered with their default values "
        f"into it first. Last run: {LAST_RUN}.\n"
        f"{sum(p.files for p in known)} files of {len(known)} projects,\n"
        f"{sum(p.services for p in known)} Services; {len(errors)} places with an error, "
        f"{false} of them false.\n\n"
        "| project | files | Services | errors | warnings | information |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
        "Each error, judged by hand ([projects.yaml](../tests/corpus/manifests/projects.yaml)):\n\n"
        "| where | finding | what it says | judgement |\n|---|---|---|---|\n"
        + "\n".join(judged)
        + "\n"
    )


def main(folder: Path) -> None:
    """Write the page again."""
    before = {(p.name, e.file, e.finding): e for p in projects() for e in p.errors}
    found = [run(f, before) for f in sorted(folder.iterdir()) if f.is_dir()]
    every = {p.name: p for p in (*projects(), *found)}
    in_order = sorted(every, key=lambda name: name.replace("/", "+"))
    PAGE.write_bytes(msgspec.yaml.encode([every[name] for name in in_order]))
    open_ones = [(p.name, e) for p in found for e in p.errors if e.judgement is None]
    for name, error in open_ones:
        sys.stdout.write(f"{name}: {error.file}: {error.finding}: to be judged\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
