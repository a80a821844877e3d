"""What needs a Service that does not exist, with the ports that it names."""

from collections.abc import Iterator
from typing import NamedTuple

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.semantics.references import uses_of_ingress, uses_of_route


class Needed(NamedTuple):
    """One place that names the Service."""

    by: Subject
    port: int | str | None
    """The Service port that it names; None where it names none."""
    where: str
    """The place in it."""


def needs_of(evidence: ServiceEvidence) -> list[Needed]:
    """What names the Service: Ingresses, routes, webhooks and workloads."""
    return list(_needs(evidence))


def _needs(evidence: ServiceEvidence) -> Iterator[Needed]:
    name, namespace = evidence.service.metadata.name, evidence.service.metadata.namespace
    place = (name, namespace)
    for ingress in () if isinstance(evidence.ingresses, Missing) else evidence.ingresses.value:
        by = Subject(kind="Ingress", namespace=namespace, name=ingress.metadata.name)
        for use in uses_of_ingress(ingress):
            if use.service == name:
                yield Needed(by, use.port.number or use.port.name or None, use.where)
    for route in () if isinstance(evidence.routes, Missing) else evidence.routes.value:
        meta = route.metadata
        by = Subject(kind=route.kind, namespace=meta.namespace, name=meta.name)
        for backend in uses_of_route(route):
            if (backend.service, backend.namespace) == place:
                yield Needed(by, backend.port, backend.pointer)
    for referrer in () if isinstance(evidence.referrers, Missing) else evidence.referrers.value:
        by = Subject(
            kind=referrer.kind, namespace=referrer.metadata.namespace, name=referrer.metadata.name
        )
        if referrer.entry is not None:
            continue  # A ServiceEntry may have the host of a Service of another cluster.
        for called in referrer.references:
            if (called.service, called.namespace) == place:
                yield Needed(by, called.port or called.default, called.where)
    for call in () if isinstance(evidence.calls, Missing) else evidence.calls.value:
        if (call.service, call.service_namespace) == place:
            by = Subject(kind=call.kind, namespace=call.namespace, name=call.name)
            named = call.named
            yield Needed(by, named.port, named.variable or f"{named.setting} of {named.container}")
