"""The judgements on the corpus' findings, and the page that shows them."""

from pathlib import Path

import msgspec

from tests.published import page

from .reading import CORPUS, check

FILES = sorted(
    f"{folder}/{path.name}"
    for folder in ("published", "shapes")
    for path in (CORPUS / folder).iterdir()
    if path.suffix != ".md"
)


class Judgement(msgspec.Struct, frozen=True):
    """What a person says of a finding."""

    file: str
    finding: str
    """Code and subject."""
    severity: str
    judgement: bool
    """Whether something is wrong, or worth knowing, once the files are deployed."""
    why: str


JUDGEMENTS = msgspec.yaml.decode((CORPUS / "judgements.yaml").read_bytes(), type=list[Judgement])


def findings_text() -> str:
    """The page: every finding on the corpus with its judgement."""
    judged = {(j.file, j.finding): j for j in JUDGEMENTS}
    rows, services, findings = [], 0, 0
    for name in FILES:
        found = check(CORPUS / name)
        services += len(found.gathered.services)
        for finding in found.findings:
            findings += 1
            origin = finding.origin
            place = f"{Path(origin.file).relative_to(CORPUS)}:{origin.line}" if origin else name
            said = judged[name, f"{finding.code} {finding.subject.name}"]
            rows.append(
                f"| {place} | [{finding.code}](rules.md#{finding.code.lower()}) "
                f"| {finding.severity} | {finding.summary} "
                f"| **{str(said.judgement).lower()}**: {said.why} |"
            )
    false = sum(not j.judgement for j in JUDGEMENTS)
    return (
        "# What the rules say about manifests that work\n\n"
        "Written by `make docs`: `kubectl portcheck -f` over the manifests of nine projects, as\n"
        "they publish them, and over shapes that look wrong and are not ([corpus]"
        "(../tests/corpus/manifests)).\n"
        f"{len(FILES)} files and folders, {services} Services, {findings} findings, no error.\n"
        f"{findings - false} are true; {false} are false in the sense that nothing is wrong once "
        "deployed,\nall of them warnings about what the files do not hold. "
        "Each is judged by hand in\n"
        "[judgements.yaml](../tests/corpus/manifests/judgements.yaml); the tests fail where a "
        "finding is not\njudged, or an error is judged false.\n\n"
        "| where | code | severity | what it says | judgement |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
        + page()
    )
