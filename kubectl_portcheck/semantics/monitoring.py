"""Which port Prometheus would scrape, by what a monitor or an annotation says.

A ServiceMonitor's ``port`` is the name of a Service port; its ``targetPort``, like everything that
a PodMonitor names, is a port that a container of the pod *declares*: the Prometheus operator turns
them into ``keep`` rules on the labels ``__meta_kubernetes_endpoint_port_name`` and
``__meta_kubernetes_pod_container_port_name`` or ``..._number``. (prometheus-operator
``pkg/prometheus/promcfg.go``; Prometheus, ``kubernetes_sd_config``)
"""

from collections.abc import Iterator, Sequence

import msgspec

from kubectl_portcheck.model.objects import ContainerPort, Pod, Service
from kubectl_portcheck.model.references import Monitor, MonitorEndpoint
from kubectl_portcheck.semantics.references import selects, watches

SCRAPE = "prometheus.io/scrape"
PORT = "prometheus.io/port"
"""Annotations that many a scrape configuration reads, on a Service or on a pod. They are a
convention of its examples; Prometheus itself knows none."""


class Scrape(msgspec.Struct, frozen=True):
    """One endpoint of a monitor."""

    field: str
    """``port``, ``targetPort`` or ``portNumber``."""
    named: int | str
    found: bool
    pointer: str


def scrapes(monitor: Monitor, service: Service, pods: Sequence[Pod]) -> list[Scrape]:
    """What the monitor asks of the Service, or of those of the pods that it selects."""
    if monitor.kind == "PodMonitor":
        chosen = [p for p in pods if selects(monitor.spec.selector, p.metadata.labels)]
        return [
            s
            for i, e in enumerate(monitor.spec.pod_metrics_endpoints)
            if (s := _of_pods(e, chosen, f"/spec/podMetricsEndpoints/{i}"))
        ]
    return [
        s
        for i, e in enumerate(monitor.spec.endpoints)
        if (s := _of_service(e, service, pods, f"/spec/endpoints/{i}"))
    ]


def lacks_port(monitor: Monitor, service: Service) -> bool:
    """Whether a ServiceMonitor selects the Service and asks by name for ports that it lacks."""
    if monitor.kind != "ServiceMonitor" or not watches(monitor, service, ()):
        return False
    named = {e.port for e in monitor.spec.endpoints if e.port}
    return bool(named) and named.isdisjoint(p.name for p in service.spec.ports)


class Siblings:
    """Services beside each other, of which a monitor may select several.

    One selector often matches the Service for clients and the one for metrics beside it. A
    namespace may have hundreds of both, so each monitor is held against all of them once.
    """

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = services
        self._known: dict[int, tuple[Monitor, frozenset[str]]] = {}
        """By the identity of a monitor, which is held, so that it stays."""

    def has_meant(self, monitor: Monitor, service: Service) -> bool:
        """Whether the port that the Service lacks is one of another Service that is selected."""
        return lacks_port(monitor, service) and not self._serving(monitor) <= {
            service.metadata.name
        }

    def _serving(self, monitor: Monitor) -> frozenset[str]:
        """The names of the Services that are selected and have one of the ports."""
        if id(monitor) not in self._known:
            named = {e.port for e in monitor.spec.endpoints if e.port}
            found = frozenset(
                s.metadata.name
                for s in self._services
                if not named.isdisjoint(p.name for p in s.spec.ports) and watches(monitor, s, ())
            )
            self._known[id(monitor)] = monitor, found
        return self._known[id(monitor)][1]


def _of_service(
    endpoint: MonitorEndpoint, service: Service, pods: Sequence[Pod], pointer: str
) -> Scrape | None:
    if endpoint.port:
        found = any(p.name == endpoint.port for p in service.spec.ports)
        return Scrape("port", endpoint.port, found, f"{pointer}/port")
    return _of_pods(endpoint, pods, pointer)


def _of_pods(endpoint: MonitorEndpoint, pods: Sequence[Pod], pointer: str) -> Scrape | None:
    field, named = next(
        (
            (field, value)
            for field, value in (
                ("port", endpoint.port),
                ("portNumber", endpoint.port_number),
                ("targetPort", endpoint.target_port),
            )
            if value
        ),
        ("", 0),
    )
    if not field:
        return None
    found = not pods or any(named in (p.name, p.container_port) for p in declared(pods))
    return Scrape(field, named, found, f"{pointer}/{field}")


def declared(pods: Sequence[Pod]) -> Iterator[ContainerPort]:
    """Every port that a container of the pods declares: Prometheus looks at all containers."""
    for pod in pods:
        for container in (*pod.spec.containers, *pod.spec.init_containers):
            yield from container.ports
