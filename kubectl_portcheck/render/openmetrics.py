"""``-o openmetrics``: the report as metrics, for Prometheus and what reads its formats.

Every metric is a gauge, so the text is valid in Prometheus' own format as well: the textfile
collector and the Pushgateway read that. The number of series is bounded: one for each of
:data:`MOST_SERVICES` Services, the worst first, and some for each cluster and each rule.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics import exposition
from prometheus_client.registry import Collector

from kubectl_portcheck.model.report import WORST_FIRST, ClusterReport, Report, ServiceReport
from kubectl_portcheck.render.table import worst_first
from kubectl_portcheck.render.text import clean

MOST_SERVICES: Final = 10_000
"""The Services that have a series of their own."""


def render_openmetrics(report: Report, version: str) -> str:
    """Return the report as OpenMetrics text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(report, version))
    generate: Callable[[CollectorRegistry], bytes] = exposition.generate_latest
    return generate(registry).decode()


class _Collector(Collector):
    def __init__(self, report: Report, version: str) -> None:
        self._families = list(_families(report, version))

    def collect(self) -> Iterable[Metric]:
        return self._families

    def describe(self) -> Iterable[Metric]:
        return ()


def _families(report: Report, version: str) -> Iterator[Metric]:
    clusters = report.clusters or (_only(report),)
    yield _family(
        "portcheck_build_info",
        "The program that wrote the report.",
        {("version",): [((version,), 1)]},
    )
    yield _family(
        "portcheck_report_timestamp_seconds",
        "When the oldest part of the report was gathered.",
        {("cluster",): [((c.name,), t) for c in clusters if (t := _time(c)) is not None]},
    )
    yield _family(
        "portcheck_report_duration_seconds",
        "How long it took to gather the evidence.",
        {("cluster",): [((c.name,), c.seconds) for c in clusters if c.seconds]},
    )
    yield _family(
        "portcheck_not_looked_at",
        "How many parts of the cluster could not be looked at.",
        {("cluster",): [((c.name,), len(c.missing)) for c in clusters]},
    )
    yield _family(
        "portcheck_services",
        "How many Services have this verdict.",
        {("cluster", "verdict"): list(_counts(clusters))},
    )
    yield _family(
        "portcheck_findings",
        "How many findings there are, by rule; cause is false for what follows from another one.",
        {("cluster", "code", "name", "severity", "cause"): list(_findings(clusters))},
    )
    single = report.clusters[0].name if report.clusters else report.context.cluster
    shown = worst_first(report)[:MOST_SERVICES]
    labels = ("cluster", "namespace", "kind", "service", "verdict")
    samples = [((s.cluster or single, s.namespace, s.kind, s.name, s.verdict), 1) for s in shown]
    yield _family(
        "portcheck_service_verdict",
        "1 for the verdict on a Service; the series of its other verdicts are absent.",
        {labels: list(dict(samples).items())},
    )
    yield _family(
        "portcheck_services_without_series",
        f"How many Services are only counted: more than {MOST_SERVICES} have no series each.",
        {(): [((), len(report.services) - len(shown))]},
    )


Samples = dict[tuple[str, ...], list[tuple[tuple[str, ...], float]]]


def _family(name: str, text: str, samples: Samples) -> Metric:
    ((labels, values),) = samples.items()
    family = GaugeMetricFamily(name, text, labels=labels)
    for found, value in values:
        family.add_metric([clean(label) for label in found], value)
    return family


def _only(report: Report) -> ClusterReport:
    """Return the one cluster of a report that is not on several."""
    context = report.context
    missing = [*report.missing, *(["interrupted"] if report.interrupted else [])]
    return ClusterReport(
        name=context.cluster,
        verdict=report.verdict,
        services=report.services,
        collected_at=context.collected_at,
        seconds=context.seconds,
        missing=tuple(missing),
    )


def _time(cluster: ClusterReport) -> float | None:
    """Return when it was gathered, in seconds since 1970; None where that is not known."""
    try:
        found = datetime.strptime(cluster.collected_at, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return None
    return found.replace(tzinfo=timezone.utc).timestamp()


def _counts(clusters: Iterable[ClusterReport]) -> Iterator[tuple[tuple[str, ...], float]]:
    for cluster in clusters:
        counts = Counter(s.verdict for s in cluster.services)
        yield from (((cluster.name, verdict), counts[verdict]) for verdict in WORST_FIRST)


def _findings(clusters: Iterable[ClusterReport]) -> Iterator[tuple[tuple[str, ...], float]]:
    for cluster in clusters:
        counts = Counter(_of_rule(cluster.services))
        yield from (((cluster.name, *key), number) for key, number in sorted(counts.items()))


def _of_rule(services: Iterable[ServiceReport]) -> Iterator[tuple[str, ...]]:
    for service in services:
        for f in service.findings:
            yield f.code, f.name, f.severity, str(f.cause).lower()
