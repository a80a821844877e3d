"""The workloads in files whose settings name a Service of the same files.

A name that no file defines may be in another chart, or in another cluster: it is left out.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.called import Calling
from kubectl_portcheck.collect.manifests.neighbours import Near
from kubectl_portcheck.collect.manifests.objects import Object
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.semantics import calls
from kubectl_portcheck.semantics.calls import Caller, Known

MOST = 200
"""Calls of one Service that are kept."""


class Callers:
    """The calls of the workloads, by the Service that they name."""

    def __init__(
        self,
        workloads: Iterable[Object],
        services: Iterable[Service],
        space: Callable[[Object], str],
    ) -> None:
        known = Known(services, everywhere=True)
        self._by_service: dict[tuple[str, str], list[tuple[Object, Call]]] = defaultdict(list)
        for item in workloads:
            for call in calls.naming(_caller(item, space(item)), known):
                place = (call.service_namespace, call.service)
                self._by_service[place].append((item, call))

    def of(self, service: Service, near: Near | None) -> tuple[Call, ...]:
        """The calls that mean this Service: those of other environments, and those nearer to
        another Service of the name, are left out."""
        place = (service.metadata.namespace, service.metadata.name)
        found = [
            calls.to_service(call, service)
            for item, call in self._by_service.get(place, ())
            if near is None or (near.distance(item) <= near.least(item) and not near.apart(item))
        ]
        return tuple(found[:MOST])


def _caller(item: Object, namespace: str) -> Caller:
    try:
        found = decode.convert(item.data, Calling)
    except ValueError:
        return Caller(item.kind, namespace, item.name, named=(), labels={})
    return Caller(item.kind, namespace, item.name, named=found.named({}), labels=found.labels)
