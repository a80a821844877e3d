"""What of the evidence concerns a Service, its pods or its client."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.references import Ingress, NetworkPolicy, Referrer, Route
from kubectl_portcheck.semantics import istio_gateways, referrers
from kubectl_portcheck.semantics.ingresses import Hosts, leads_to
from kubectl_portcheck.semantics.references import may_select, selects, uses_of_route, watches

T = TypeVar("T")


def concerning(evidence: ServiceEvidence) -> ServiceEvidence:
    """The evidence without the objects that concern only other Services.

    Lists of a namespace hold many of those; snapshots and rules are better off without them.
    """
    service = evidence.service
    name, namespace = service.metadata.name, service.metadata.namespace
    pods = () if isinstance(evidence.pods, Missing) else evidence.pods.value

    def routes_here(route: Route) -> bool:
        return any((u.service, u.namespace) == (name, namespace) for u in uses_of_route(route))

    def calls(referrer: Referrer) -> bool:
        return any((r.service, r.namespace) == (name, namespace) for r in referrer.references)

    def guards(policy: NetworkPolicy) -> bool:
        return any(selects(policy.spec.pod_selector, p.metadata.labels) for p in pods)

    source = evidence.in_cluster
    client = source.value.client if isinstance(source, Observed) else None
    known = (*pods, *((client.pod,) if client else ()))

    def is_about(guard: Guard) -> bool:
        return any(may_select(guard, p) for p in known)

    return msgspec.structs.replace(
        evidence,
        ingresses=_with_rivals(evidence.ingresses, name),
        routes=_those(evidence.routes, routes_here),
        referrers=referrers.relevant(_leading(evidence.referrers, calls), service),
        network_policies=_those(evidence.network_policies, guards),
        guards=_those(evidence.guards, is_about),
        mesh_policies=_those(evidence.mesh_policies, is_about),
        monitors=_those(evidence.monitors, lambda m: watches(m, service, pods)),
    )


def _leading(
    part: Observed[tuple[Referrer, ...]] | Missing, wanted: Callable[[Referrer], bool]
) -> Observed[tuple[Referrer, ...]] | Missing:
    """What leads to the Service, and the Gateways by which clients may come."""
    if isinstance(part, Missing) or not part.value:
        return part
    leading = [r for r in part.value if r.references and wanted(r)]
    gateways = (r for r in part.value if r.kind in istio_gateways.KINDS)
    return msgspec.structs.replace(part, value=referrers.with_gateways(leading, gateways))


def _with_rivals(
    part: Observed[tuple[Ingress, ...]] | Missing, service: str
) -> Observed[tuple[Ingress, ...]] | Missing:
    """The Ingresses that lead to the Service, and those that claim their paths."""
    if isinstance(part, Missing) or not part.value:
        return part
    leading = [i for i in part.value if leads_to(i, service)]
    return msgspec.structs.replace(part, value=Hosts(part.value).beside(leading))


def _those(
    part: Observed[tuple[T, ...]] | Missing, wanted: Callable[[T], bool]
) -> Observed[tuple[T, ...]] | Missing:
    if isinstance(part, Missing) or not part.value:
        return part
    return msgspec.structs.replace(part, value=tuple(o for o in part.value if wanted(o)))
