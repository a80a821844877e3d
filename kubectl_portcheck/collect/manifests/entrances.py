"""The pods in files behind Gateways of Istio, by which clients of a Service come."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import msgspec

from kubectl_portcheck.collect.manifests.objects import Object
from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.evidence import ServiceEvidence
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.semantics import istio_gateways


def placed(pod: Pod, namespace: str) -> Pod:
    """The pod in the namespace to which its file is applied."""
    metadata = msgspec.structs.replace(pod.metadata, namespace=namespace)
    return msgspec.structs.replace(pod, metadata=metadata)


class Labelled:
    """Pods with their objects, by their labels."""

    def __init__(self, pods: Iterable[tuple[Object, Pod]]) -> None:
        self._all = tuple(pods)
        self._by_label: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, (_, pod) in enumerate(self._all):
            for label in pod.metadata.labels.items():
                self._by_label[label].append(place)

    def matching(self, selectors: Iterable[Mapping[str, str]]) -> list[tuple[Object, Pod]]:
        """Those that one of the selectors matches, none of which is empty; in their order."""
        places: set[int] = set()
        for selector in selectors:
            first, *others = selector.items()
            places |= {
                place
                for place in self._by_label.get(first, ())
                if all(self._all[place][1].metadata.labels.get(k) == v for k, v in others)
            }
        return [self._all[place] for place in sorted(places)]


def with_gateways(
    evidence: ServiceEvidence,
    pods: Labelled,
    services: Iterable[tuple[Object, Service]],
    is_beside: Callable[[Object], bool],
) -> ServiceEvidence:
    """The evidence with those of the pods that the Gateways select, and the Services before them.

    Each comes with its object, of which ``is_beside`` says whether it is in the environment of the
    Service; that takes longer than a look at labels. Where the files hold no such pod, nothing is
    known of the gateway: it is installed otherwise.
    """
    leading = evidence.referrers
    if isinstance(leading, Missing) or not leading.value:
        return evidence
    metadata = evidence.service.metadata
    selectors = istio_gateways.selectors_towards(leading.value, metadata.name, metadata.namespace)
    if not selectors:
        return evidence
    found = tuple(pod for item, pod in pods.matching(selectors) if is_beside(item))
    if not found:
        return evidence
    before = (
        service
        for item, service in services
        if any(istio_gateways.is_before(service, p) for p in found) and is_beside(item)
    )
    return msgspec.structs.replace(
        evidence,
        gateway_pods=Observed(value=found),
        gateway_services=Observed(value=tuple(before)),
    )
