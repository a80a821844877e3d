"""What names a Service: the places that need one that does not exist, with the ports they name."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.references import Ingress, Referrer, Route
from kubectl_portcheck.semantics.references import uses_of_ingress, uses_of_route

Place = tuple[str, str]
"""The namespace and the name of a Service."""


class Needed(NamedTuple):
    """One place that names the Service."""

    by: Subject
    port: int | str | None
    """The Service port that it names; None where it names none."""
    where: str
    """The place in it."""


class Leading(NamedTuple):
    """Objects that lead to Services, of any names."""

    namespace: str
    """That of the Ingresses."""
    ingresses: Iterable[Ingress] = ()
    routes: Iterable[Route] = ()
    referrers: Iterable[Referrer] = ()


def needs_of(evidence: ServiceEvidence) -> list[Needed]:
    """What names the Service: Ingresses, routes, webhooks and workloads."""
    return list(_needs(evidence))


def named_by(leading: Leading) -> Iterator[tuple[Place, Needed]]:
    """The Services that objects name, each with the place that names it.

    A ServiceEntry is none of them: it may have the host of a Service of another cluster.
    """
    for ingress in leading.ingresses:
        by = Subject(kind="Ingress", namespace=leading.namespace, name=ingress.metadata.name)
        for use in uses_of_ingress(ingress):
            port = use.port.number or use.port.name or None
            yield (leading.namespace, use.service), Needed(by, port, use.where)
    for route in leading.routes:
        meta = route.metadata
        by = Subject(kind=route.kind, namespace=meta.namespace, name=meta.name)
        for backend in uses_of_route(route):
            place = backend.namespace, backend.service
            yield place, Needed(by, backend.port, backend.pointer)
    for referrer in leading.referrers:
        if referrer.entry is not None:
            continue
        by = Subject(
            kind=referrer.kind, namespace=referrer.metadata.namespace, name=referrer.metadata.name
        )
        for called in referrer.references:
            port = called.port or called.default
            yield (called.namespace, called.service), Needed(by, port, called.where)


def _needs(evidence: ServiceEvidence) -> Iterator[Needed]:
    name, namespace = evidence.service.metadata.name, evidence.service.metadata.namespace
    leading = Leading(
        namespace,
        () if isinstance(evidence.ingresses, Missing) else evidence.ingresses.value,
        () if isinstance(evidence.routes, Missing) else evidence.routes.value,
        () if isinstance(evidence.referrers, Missing) else evidence.referrers.value,
    )
    for place, needed in named_by(leading):
        if place == (namespace, name):
            yield needed
    for call in () if isinstance(evidence.calls, Missing) else evidence.calls.value:
        if (call.service, call.service_namespace) == (name, namespace):
            by = Subject(kind=call.kind, namespace=call.namespace, name=call.name)
            named = call.named
            yield Needed(by, named.port, named.variable or f"{named.setting} of {named.container}")
