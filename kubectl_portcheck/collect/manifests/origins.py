"""Findings with the place in the files where the mistake is, and fixes as edits of files."""

import msgspec

from kubectl_portcheck.collect.manifests.evidence import Gathered
from kubectl_portcheck.collect.manifests.objects import Object, locate
from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import Fix, JsonPatch
from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.model.report import Finding, Origin, Report
from kubectl_portcheck.rules.table import CATALOGUE

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
        fixes=_for_files(finding.fixes, item, gathered),
    )


def _steps(finding: Finding, item: Object, service: Service) -> tuple[str, ...]:
    """The path of the field that is wrong: what the fix changes knows it best."""
    for fix in finding.fixes:
        about = fix.subject
        if not isinstance(fix.change, JsonPatch) or about is None:
            continue
        if about.means(item.kind, item.namespace, item.name) and fix.change.changes:
            return _path(fix.change.changes[0].path)
    if finding.pointer:
        return _path(finding.pointer)
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


def _path(pointer: str) -> tuple[str, ...]:
    from kubectl_portcheck.collect.manifests.edits import steps

    return steps(pointer)


def _for_files(fixes: tuple[Fix, ...], item: Object, gathered: Gathered) -> tuple[Fix, ...]:
    """Those of the fixes that files can have, as changes to these."""
    if not fixes:
        return ()
    from kubectl_portcheck.collect.manifests.fixed_files import for_files

    return tuple(made for fix in fixes if (made := for_files(fix, item, gathered)))
