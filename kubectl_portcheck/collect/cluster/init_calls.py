"""What an init container waits for: the hosts that its command names, and whether they are there.

The command is read only for this and is not kept: it may hold anything.
"""

from collections.abc import Iterable, Sequence

import msgspec

from kubectl_portcheck.address import is_ip
from kubectl_portcheck.collect.cluster.cluster import Read, Reads
from kubectl_portcheck.collect.cluster.listable import SERVICES, Listable
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Record
from kubectl_portcheck.model.evidence import InitCall
from kubectl_portcheck.model.objects import EndpointSlice, ObjectMeta, Pod, Service
from kubectl_portcheck.semantics.called import Host, hosts
from kubectl_portcheck.semantics.pods import init_unfinished
from kubectl_portcheck.semantics.selectors import nearest

MOST_PODS = 3
"""Pods whose commands are read: those of one workload have the same."""
MOST_SERVICES = 4
"""Services whose endpoints are read."""


class _Commanded(Record, frozen=True):
    name: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()


class _Commands(Record, frozen=True):
    init_containers: tuple[_Commanded, ...] = ()


class _PodCommands(Record, frozen=True):
    metadata: ObjectMeta
    spec: _Commands = _Commands()


_COMMANDS = Listable(kinds.POD, _PodCommands)


def init_calls(reads: Reads, waiting: Sequence[Pod]) -> tuple[InitCall, ...]:
    """The hosts that the init containers of these pods call, and what is known of them."""
    named = [c for pod in waiting[:MOST_PODS] for c in _named(reads, pod)]
    listed: Read[tuple[Service, ...]] = reads.objects(SERVICES, {})
    known = None if isinstance(listed, Missing) else {s.metadata.name for s in listed.value}
    asked = list(dict.fromkeys(c.service for c in named if known and c.service in known))
    ready = {name: _ready(reads, name) for name in asked[:MOST_SERVICES]}
    return tuple(_judged(c, known, ready) for c in named)


def _named(reads: Reads, pod: Pod) -> Iterable[InitCall]:
    name = pod.metadata.name
    read: Observed[tuple[_PodCommands, ...]] | Missing = reads.objects(
        _COMMANDS, {}, fieldSelector=f"metadata.name={name}"
    )
    if isinstance(read, Missing) or not read.value:
        return
    wanted = {s.name for s in init_unfinished(pod)}
    for container in read.value[0].spec.init_containers:
        if container.name not in wanted:
            continue
        for host in hosts(" ".join((*container.command, *container.args))):
            if is_ip(host.name):
                continue
            service = _service_of(host, pod.metadata.namespace)
            yield InitCall(
                pod=name,
                container=container.name,
                host=host.name,
                port=host.port,
                service=service,
            )


def _service_of(host: Host, namespace: str) -> str:
    """The Service of the pod's own namespace that the name means; '' where it is elsewhere."""
    service, _, rest = host.name.rstrip(".").partition(".")
    space, _, domain = rest.partition(".")
    here = not space or (space == namespace and domain.partition(".")[0] in ("", "svc"))
    return service if here else ""


def _judged(call: InitCall, known: set[str] | None, ready: dict[str, int | None]) -> InitCall:
    if known is None or not call.service:
        return call
    exists = call.service in known
    near = "" if exists else nearest(call.service, sorted(known)) or ""
    return msgspec.structs.replace(call, exists=exists, ready=ready.get(call.service), near=near)


def _ready(reads: Reads, service: str) -> int | None:
    read: Observed[tuple[EndpointSlice, ...]] | Missing = reads.endpoint_slices(service)
    if isinstance(read, Missing):
        return None
    return sum(e.ready for piece in read.value for e in piece.endpoints or ())
