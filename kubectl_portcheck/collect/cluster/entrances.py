"""The pods behind Gateways of Istio by which clients of a Service come, of any namespace, and the
Services that lead to these pods. Read only where a VirtualService leads there by a Gateway."""

from concurrent.futures import Future

from kubectl_portcheck.collect.cluster.cluster import Read, Reads
from kubectl_portcheck.collect.cluster.listable import GATEWAY_PODS
from kubectl_portcheck.model.base import Missing, Observed, Reason, combined
from kubectl_portcheck.model.evidence import NOT_ASKED
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.references import Referrer
from kubectl_portcheck.semantics import istio_gateways
from kubectl_portcheck.semantics.selectors import as_query

MOST_SELECTORS = 4
"""Of how many selectors the pods are read."""
MOST_SPACES = 4
"""Of how many namespaces the Services are read."""


def pods(
    reads: Reads, leading: "Future[Read[tuple[Referrer, ...]]]", place: tuple[str, str]
) -> Read[tuple[Pod, ...]]:
    """The pods that the Gateways select, one of each owner; ``place`` is namespace and name."""
    found = leading.result()
    return NOT_ASKED if isinstance(found, Missing) else pods_of(reads, found.value, place)


def pods_of(
    reads: Reads, leading: tuple[Referrer, ...], place: tuple[str, str]
) -> Read[tuple[Pod, ...]]:
    """The same, where it is known what leads to the Service."""
    namespace, name = place
    selectors = istio_gateways.selectors_towards(leading, name, namespace)
    if not selectors:
        return NOT_ASKED
    read: list[Read[tuple[Pod, ...]]] = []
    for selector in selectors[:MOST_SELECTORS]:
        read.append(reads.objects(GATEWAY_PODS, {}, labelSelector=as_query(selector)))
    if more := selectors[MOST_SELECTORS:]:
        detail = f"the pods of {len(more)} more Gateways were not read"
        read.append(Missing(reason=Reason.FAILED, detail=detail))
    whole = combined(read)
    if isinstance(whole, Missing):
        return whole
    return Observed(value=istio_gateways.one_of_each(whole.value), lacking=whole.lacking)


def services(reads: Reads, found: "Future[Read[tuple[Pod, ...]]]") -> Read[tuple[Service, ...]]:
    """The Services that lead to these pods."""
    return services_of(reads, found.result())


def services_of(reads: Reads, found: Read[tuple[Pod, ...]]) -> Read[tuple[Service, ...]]:
    """The same, where the pods are known."""
    if isinstance(found, Missing) or not found.value:
        return NOT_ASKED
    spaces = sorted({p.metadata.namespace for p in found.value})
    read = [reads.services_of(space) for space in spaces[:MOST_SPACES]]
    if more := spaces[MOST_SPACES:]:
        detail = f"the Services of {len(more)} more namespaces with gateways were not read"
        read.append(Missing(reason=Reason.FAILED, detail=detail))
    whole = combined(read)
    if isinstance(whole, Missing):
        return whole
    before = (
        s for s in whole.value if any(istio_gateways.is_before(s, pod) for pod in found.value)
    )
    return Observed(value=tuple(before), lacking=whole.lacking)
