"""What a workload calls: its settings are read, and each Service that they name is walked to."""

from collections.abc import Iterable, Iterator

import msgspec

from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.called import Calling
from kubectl_portcheck.collect.cluster.addresses import Live, Spaces
from kubectl_portcheck.collect.cluster.callers import caller, config_maps
from kubectl_portcheck.collect.cluster.listable import PODS
from kubectl_portcheck.collect.cluster.reads import label_query
from kubectl_portcheck.collect.cluster.targets import Stop, lost
from kubectl_portcheck.errors import UnknownTargetError
from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.calls import Call
from kubectl_portcheck.model.evidence import Asked, ServiceEvidence
from kubectl_portcheck.model.kinds import POD
from kubectl_portcheck.model.objects import LabelSelector, ObjectMeta, Pod, Service
from kubectl_portcheck.semantics import calls
from kubectl_portcheck.semantics.ownership import maker_of
from kubectl_portcheck.semantics.pods import has_running_main, is_ready
from kubectl_portcheck.target import Target

MOST = 50
"""Services that are walked to."""


def called(
    spaces: Spaces,
    targets: Iterable[Target | Stop],
    *,
    configured: bool = False,
    execs: bool = True,
) -> list[Stop]:
    """The workloads themselves, then the Services that they call, each once.

    With ``configured`` the ConfigMaps that they use are read too; without ``execs`` no pod is asked
    whether anything listens where the workload calls its own pod. A workload that does not exist is
    such a stop too.

    Raises ClusterError where no cluster can be reached.
    """
    found: dict[tuple[str, str, int | str | None], Stop] = {}
    own: list[Stop] = []
    for target in targets:
        if isinstance(target, Stop):
            own.append(target)
            continue
        here = spaces(target.namespace)
        try:
            read = _calls(here, target, configured=configured, execs=execs)
        except UnknownTargetError as error:
            own.append(lost(here.cluster, target, error))
            continue
        own.append(Stop(here.cluster, target, known=_evidence(target, read)))
        for at in _services(() if isinstance(read, Missing) else read.value):
            stop = Stop(spaces(at.namespace).cluster, at, named_by=target.title)
            found.setdefault((at.namespace, at.name, at.port), stop)
    return [*own, *list(found.values())[:MOST]]


def _calls(
    here: Live, target: Target, *, configured: bool, execs: bool
) -> Observed[tuple[Call, ...]] | Missing:
    def read_as(raw: bytes) -> Calling:
        found = decode.decode(raw, Calling)
        return msgspec.structs.replace(found, kind=target.kind.name)

    read = here.reads.named(target.kind, target.name, read_as)
    if isinstance(read, Missing):
        return read
    known = here.reads.known_services()
    if isinstance(known, Missing):
        return known
    maps = config_maps(here.reads) if configured else Observed(value=())
    by_name = {} if isinstance(maps, Missing) else {m.metadata.name: m for m in maps.value}
    found = calls.resolved(caller(read.value, by_name), known.value)
    if execs and any(calls.fault(c) == "own" for c in found):
        found = _with_sockets(here, target, read.value, found)
    return Observed(value=found, lacking=(maps,) if isinstance(maps, Missing) else ())


def _with_sockets(
    here: Live, target: Target, workload: Calling, found: tuple[Call, ...]
) -> tuple[Call, ...]:
    """The calls, of which those to the own pod know whether anything listens there, by one pod."""
    query = f"metadata.name={target.name}" if target.kind is POD else ""
    selector = LabelSelector(match_labels=workload.labels)
    listed = (
        here.reads.objects(PODS, {}, fieldSelector=query)
        if query
        else here.reads.pods_matching(label_query(selector))
    )
    pods = () if isinstance(listed, Missing) else listed.value
    running = sorted((p for p in pods if _is_of(target, p)), key=lambda p: p.metadata.name)
    ready = next((p for p in running if is_ready(p)), None)
    if not workload.labels or ready is None or ready.spec.host_network:
        return found
    sockets = here.probes.sockets(ready)
    if isinstance(sockets, Missing) or not sockets.value.complete:
        return found
    open_ports = {s.port for s in sockets.value.listeners}
    return tuple(
        msgspec.structs.replace(c, listens=c.named.port in open_ports, seen_in=ready.metadata.name)
        if c.address == "own"
        else c
        for c in found
    )


def _is_of(target: Target, pod: Pod) -> bool:
    """Whether the pod runs and is the target, or is made by it."""
    owner = maker_of(pod.metadata, target.namespace)
    made = owner is not None and (owner.kind, owner.name) == (target.kind.name, target.name)
    return has_running_main(pod) and (made or target.kind is POD)


def _evidence(target: Target, read: Observed[tuple[Call, ...]] | Missing) -> ServiceEvidence:
    named = Service(metadata=ObjectMeta(name=target.name, namespace=target.namespace))
    return ServiceEvidence(
        service=named, asked=Asked(kind=target.kind.name, what="calls"), calls=read
    )


def _services(found: Iterable[Call]) -> Iterator[Target]:
    """The Services to walk to: the ports that are called, and all where none is that it has."""
    ports: dict[tuple[str, str], set[int | None]] = {}
    for call in found:
        if call.exists:
            has = {p.port for p in call.ports} - ({0} if call.any_port else set())
            number = call.named.port if call.named.port in has else None
            ports.setdefault((call.service, call.service_namespace), set()).add(number)
    for (name, namespace), numbers in ports.items():
        chosen = sorted(n for n in numbers if n is not None)
        yield from (Target(name, number, namespace) for number in chosen)
        if not chosen:
            yield Target(name, namespace=namespace)
