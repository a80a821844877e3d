"""Findings with the place in the files where the mistake is, and fixes as edits of files."""

import msgspec

from kubectl_portcheck.collect.manifests import edits
from kubectl_portcheck.collect.manifests.evidence import Gathered
from kubectl_portcheck.collect.manifests.fixed_files import target
from kubectl_portcheck.collect.manifests.objects import Object, locate
from kubectl_portcheck.collect.manifests.unified import is_private, unified
from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import BY_HAND, ByHand, Fix, JsonPatch
from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.model.report import Finding, Origin, Report
from kubectl_portcheck.rules import CATALOGUE

_MOST_SHOWN = 100_000
"""Characters of a file of which each fix shows its diff; of a larger one it shows the field."""

_FIELDS = {rule.code: rule.field for rule in CATALOGUE}


def localise(report: Report, gathered: Gathered) -> Report:
    """The report with the origin of each finding; the commands for a cluster become edits."""
    services = []
    evidence = gathered.evidence.services
    for service, item, found in zip(report.services, gathered.services, evidence, strict=True):
        findings = tuple(_localised(f, item, found.service, gathered) for f in service.findings)
        services.append(msgspec.structs.replace(service, findings=findings))
    return msgspec.structs.replace(report, services=tuple(services))


def _localised(finding: Finding, item: Object, service: Service, gathered: Gathered) -> Finding:
    about = gathered.subject(finding, item)
    place = locate(about.node, _steps(finding, about, service))
    rendered = about.document.template
    return msgspec.structs.replace(
        finding,
        origin=Origin(file=about.file.name, line=about.line(place)),
        evidence=(
            (*finding.evidence, Observation(text=f"rendered from {rendered}"))
            if rendered
            else finding.evidence
        ),
        fixes=tuple(m for f in finding.fixes if (m := _for_files(f, item, gathered))),
    )


def _steps(finding: Finding, item: Object, service: Service) -> tuple[str, ...]:
    """The path of the field that is wrong: what the fix changes knows it best."""
    for fix in finding.fixes:
        about = fix.subject
        if not isinstance(fix.change, JsonPatch) or about is None:
            continue
        if (about.kind, about.name) == (item.kind, item.name) and fix.change.changes:
            return edits.steps(fix.change.changes[0].path)
    if finding.pointer:
        return edits.steps(finding.pointer)
    field = _FIELDS[finding.code]
    index = next(
        (
            str(n)
            for n, p in enumerate(service.spec.ports)
            if (p.port, p.protocol) == (finding.port, finding.protocol)
        ),
        "0",
    )
    return ("spec", *(index if step == "#" else step for step in field))


def _for_files(fix: Fix, item: Object, gathered: Gathered) -> Fix | None:
    """The fix as a change to the files; None where it is only for a running cluster."""
    if isinstance(fix.change, ByHand):
        return fix
    try:
        subject, operations = target(fix, item, gathered)
    except edits.CannotEdit:
        return None
    patch = fix.patch
    try:
        changes = edits.edits_for(subject, operations)
        text = edits.applied(subject.file.text, changes)
        if subject.file.path is not None and len(text) <= _MOST_SHOWN:
            # For the reader; what --diff and --write carry out is read again before.
            shown = unified(subject.file.path, subject.file.text, text)
            changed = "".join(line[1:] + "\n" for line in shown.split("\n") if line[:1] in "+-")
            patch = patch if is_private(changed) else shown
    except edits.CannotEdit as why:
        # What to write is known; how the file says it now is not as simple as one value.
        return msgspec.structs.replace(
            fix, title=f"{fix.title} ({why})", change=BY_HAND, safety="review", target="source"
        )
    return msgspec.structs.replace(fix, change=BY_HAND, patch=patch, target="source")
