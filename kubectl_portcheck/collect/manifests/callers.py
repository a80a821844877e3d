"""The workloads in files whose settings name a Service of the same files.

A name that no file defines may be in another chart, or in another cluster: it is left out.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kubectl_portcheck.collect.called import Calling
from kubectl_portcheck.collect.manifests.environments import distance
from kubectl_portcheck.collect.manifests.neighbours import Near
from kubectl_portcheck.collect.manifests.objects import Object
from kubectl_portcheck.inputs import understood
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.regex import regex
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
        names = {service.metadata.name for service in known.services}
        self._by_service: dict[tuple[str, str], list[tuple[Object, Call]]] = defaultdict(list)
        for item in workloads:
            if not _may_name(item.data, names):
                continue
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
            if near is None
            or (distance(item, near.service) <= near.least(item) and not near.apart(item))
        ]
        return tuple(found[:MOST])


def _may_name(data: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether a setting of the workload may hold one of these names: whether one of them is a word
    there. To find out what a setting means takes much longer."""
    text = "\n".join(_settings(data)).lower()
    # A name may be put together of other variables.
    return "$(" in text or any(word in names for word in _WORD.findall(text))


_WORD = regex(r"[a-z0-9]+(?:-+[a-z0-9]+)*")


def _settings(data: Mapping[str, Any]) -> Iterator[str]:
    """The commands, the arguments and the values of variables of a workload's containers."""
    spec = _part(data, "spec")
    job = _part(_part(spec, "jobTemplate"), "spec")
    for pod in (
        spec,
        _part(_part(spec, "template"), "spec"),
        _part(_part(job, "template"), "spec"),
    ):
        for field in ("containers", "initContainers"):
            for container in _items(pod.get(field)):
                for words in (container.get("command"), container.get("args")):
                    if isinstance(words, list):
                        yield from (word for word in words if isinstance(word, str))
                for variable in _items(container.get("env")):
                    value = variable.get("value")
                    if isinstance(value, str):
                        yield value


def _part(data: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    found = data.get(field)
    return found if isinstance(found, dict) else {}


def _items(found: Any) -> Iterator[Mapping[str, Any]]:
    return (i for i in found if isinstance(i, dict)) if isinstance(found, list) else iter(())


def _caller(item: Object, namespace: str) -> Caller:
    try:
        found = understood(lambda: msgspec.convert(item.data, Calling))
    except ValueError:
        return Caller(item.kind, namespace, item.name, named=(), labels={})
    return Caller(item.kind, namespace, item.name, named=found.named({}), labels=found.labels)
