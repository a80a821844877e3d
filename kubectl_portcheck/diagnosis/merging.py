"""Several reports as one: of several clusters, or of the parts of one."""

from collections.abc import Iterable, Sequence

import msgspec

from kubectl_portcheck.diagnosis.verdicts import worst
from kubectl_portcheck.model.base import Right
from kubectl_portcheck.model.evidence import Context
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import ClusterReport, Report, ServiceReport, Verdict


class Part(msgspec.Struct, frozen=True):
    """What one run found, or why there is nothing."""

    cluster: str
    report: Report | None = None
    why: str = ""
    """Why there is no report, where there is none."""


def merged(
    parts: Sequence[Part], *, missing: Sequence[str] = (), interrupted: bool = False
) -> Report:
    """Give one report on everything that the parts are about.

    What has no report is missing in the whole, which is then at best inconclusive; so is a shard
    of a cluster of which another shard has a report. Of a Service that is in two reports on one
    cluster, the newer counts, and a note on it says so. ``missing`` is what else has no report.
    """
    names = list(dict.fromkeys(part.cluster for part in parts))
    clusters = [_cluster(name, [p for p in parts if p.cluster == name]) for name in names]
    several = len(clusters) > 1
    if several:
        clusters = [_named(cluster) for cluster in clusters]
    lost = [
        f"cluster {cluster.name or 'without a name'}: {why}" if several else why
        for cluster in clusters
        for why in cluster.missing
    ]
    lost += missing
    services = tuple(service for cluster in clusters for service in cluster.services)
    return Report(
        context=_context(parts, clusters),
        verdict=_verdict(services, lost, interrupted),
        services=services,
        missing=tuple(lost),
        rights=_rights(parts),
        interrupted=interrupted,
        clusters=tuple(clusters),
    )


def _verdict(
    services: Iterable[ServiceReport], missing: Sequence[str], interrupted: bool
) -> Verdict:
    verdicts = [s.verdict for s in services]
    verdicts += ["inconclusive"] if missing or interrupted else []
    return worst(verdicts) if verdicts else "healthy"


def _cluster(name: str, parts: Sequence[Part]) -> ClusterReport:
    """Give the cluster as all of its reports show it."""
    reports = sorted((p.report for p in parts if p.report), key=lambda r: r.context.collected_at)
    missing = [part.why for part in parts if part.report is None]
    for report in reports:
        missing += report.missing
        missing += ["the run was interrupted"] if report.interrupted else []
    missing += _missing_shards(reports)
    services = _services(reports)
    return ClusterReport(
        name=name,
        verdict=_verdict(services, missing, interrupted=False),
        services=services,
        collected_at=min((r.context.collected_at for r in reports), default=""),
        seconds=max((r.context.seconds for r in reports), default=0.0),
        missing=tuple(dict.fromkeys(missing)),
    )


def _missing_shards(reports: Sequence[Report]) -> list[str]:
    """Say which shards have no report, where others of the same division have one."""
    shards = {r.context.shard for r in reports if r.context.shard}
    divisions = sorted({int(shard.partition("/")[2]) for shard in shards})
    if any(not r.context.shard for r in reports):
        return []  # A report on the whole stands beside them.
    if len(divisions) > 1:
        several = " and ".join(map(str, divisions))
        return [f"the reports are of different divisions, into {several} shards"]
    lost = [f"{n}/{of}" for of in divisions for n in range(1, of + 1) if f"{n}/{of}" not in shards]
    return [f"shard {', '.join(lost)}: there is no report"] if lost else []


def _services(reports: Sequence[Report]) -> tuple[ServiceReport, ...]:
    """Give each Service once, by namespace and name; the reports are the oldest first."""
    found: dict[tuple[str, str, str], ServiceReport] = {}
    for report in reports:
        for service in report.services:
            key = (service.namespace, service.name, service.kind)
            found[key] = _newer(service) if key in found else service
    return tuple(found[key] for key in sorted(found))


OLDER = "Another report on this cluster has the Service too; the newer one counts."


def _newer(service: ServiceReport) -> ServiceReport:
    notes = tuple(dict.fromkeys((*service.notes, OLDER)))
    return msgspec.structs.replace(service, notes=notes)


def _named(cluster: ClusterReport) -> ClusterReport:
    """Give the cluster with its name in each of its Services."""
    services = tuple(_on(s, cluster.name) for s in cluster.services)
    return msgspec.structs.replace(cluster, services=services)


def _on(service: ServiceReport, cluster: str) -> ServiceReport:
    findings = tuple(
        msgspec.structs.replace(f, fixes=tuple(_guarded(fix, cluster) for fix in f.fixes))
        for f in service.findings
    )
    return msgspec.structs.replace(service, cluster=cluster, findings=findings)


def _guarded(fix: Fix, cluster: str) -> Fix:
    """Give the fix with a caution, where its command would change whichever cluster is current."""
    command = fix.command
    if command is None or any(w.startswith(("--context", "--server")) for w in command):
        return fix
    caution = f"the command names no context: it is for cluster {cluster or 'without a name'} only"
    cautions = tuple(dict.fromkeys((*fix.cautions, caution)))
    return msgspec.structs.replace(fix, safety="review", cautions=cautions)


def _context(parts: Sequence[Part], clusters: Sequence[ClusterReport]) -> Context:
    """Give what the reports have in common; the time is that of the oldest."""
    contexts = [part.report.context for part in parts if part.report]
    sources = {c.source for c in contexts}
    spaces = {c.namespace for c in contexts}
    return Context(
        source=sources.pop() if len(sources) == 1 else "cluster",
        cluster=clusters[0].name if len(clusters) == 1 else "",
        namespace=spaces.pop() if len(spaces) == 1 else "",
        collected_at=min((c.collected_at for c in contexts), default=""),
        seconds=max((c.seconds for c in contexts), default=0.0),
    )


def _rights(parts: Sequence[Part]) -> tuple[Right, ...]:
    rights = (right for part in parts if part.report for right in part.report.rights)
    return tuple(dict.fromkeys(rights))
