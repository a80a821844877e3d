"""From what a user names to the Services that are walked: those that select a workload's pods,
those to which an Ingress or a route sends its clients."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kubectl_portcheck.client import ClusterError
from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.cluster.addresses import Live, Spaces
from kubectl_portcheck.collect.cluster.cluster import Cluster, Read, Reads, Served
from kubectl_portcheck.collect.cluster.listable import Listable
from kubectl_portcheck.collect.cluster.reads import LiveReads, label_query
from kubectl_portcheck.errors import (
    NoAnswerError,
    PortcheckError,
    UnknownTargetError,
    UsageError,
)
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record, Right
from kubectl_portcheck.model.evidence import NOT_ASKED, Asked, ServiceEvidence
from kubectl_portcheck.model.kinds import INGRESS, POD, SERVICE, WORKLOADS
from kubectl_portcheck.model.objects import (
    ObjectMeta,
    Pod,
    Service,
    ServicePort,
    ServiceSpec,
    Workload,
)
from kubectl_portcheck.model.references import Ingress, Route
from kubectl_portcheck.semantics import ports, selectors
from kubectl_portcheck.semantics.references import uses_of_ingress, uses_of_route
from kubectl_portcheck.target import Target

if TYPE_CHECKING:
    from kubectl_portcheck.semantics.calls import Known

R = TypeVar("R", bound=Record)


class Stop(msgspec.Struct, frozen=True):
    """One walk to make."""

    cluster: Cluster
    target: Target
    asked: Asked | None = None
    """Where the walk is about a pod's or a workload's own ports."""
    named_by: str = ""
    """What names the Service, such as ``ing/web``: a Service that is not there is news then."""
    foreign_routes: tuple[Route, ...] = ()
    """Routes of other namespaces that name the Service."""
    services: Read[tuple[Service, ...]] = NOT_ASKED
    """The namespace's Services, where they were read already."""
    known: ServiceEvidence | None = None
    """The evidence, where nothing is to be walked to."""
    error: PortcheckError | None = None
    """Why there is nothing to walk to, where the target does not exist or was not found."""


def lost(cluster: Cluster, target: Target, error: PortcheckError, *, address: bool = False) -> Stop:
    """A target that is not there, or the address of none: the report names it beside the others."""
    known = without(target, error, address=address)
    return Stop(cluster, target, known=known, error=error)


def without(target: Target, error: PortcheckError, *, address: bool = False) -> ServiceEvidence:
    """The evidence about a target that is not there, and that nothing is known to need."""
    said = error.message
    if isinstance(error, UnknownTargetError) and not address:
        said = f"there is no {target.kind.name} {target.name} in namespace {target.namespace}"
    reason = Reason.FAILED if isinstance(error, NoAnswerError) else Reason.NOT_FOUND
    detail = f"{said} ({error.hint.removesuffix('.')})" if error.hint else said
    return ServiceEvidence(
        service=Service(metadata=ObjectMeta(name=target.name, namespace=target.namespace)),
        unread=Missing(reason=reason, detail=detail),
        asked=None if target.kind is SERVICE else Asked(kind=target.kind.name),
    )


def all_of(errors: Sequence[PortcheckError]) -> PortcheckError:
    """The error where no target was found, with a line for each; of the cluster, one is enough."""
    first = next((e for e in errors if isinstance(e, ClusterError)), errors[0])
    if len(errors) == 1 or isinstance(first, ClusterError):
        return first
    lines = [f"{e.line} ({e.hint.removesuffix('.')})" if e.hint else e.line for e in errors]
    text = "\n".join(dict.fromkeys(lines))
    if all(isinstance(e, NoAnswerError) for e in errors):
        return NoAnswerError(text.removeprefix("error: "))
    return UnknownTargetError(text)


def stops(spaces: Spaces, targets: Iterable[Target | Stop]) -> list[Stop]:
    """The walks that the targets ask for, each once. An object that does not exist is such a stop.

    Raises ClusterError where no cluster can be reached.
    """
    found: dict[tuple[str, str, str, int | str | None], Stop] = {}
    for target in targets:
        for stop in [target] if isinstance(target, Stop) else _tried(spaces, target):
            at = stop.target
            found.setdefault((at.namespace, at.kind.name, at.name, at.port), stop)
    return list(found.values())


def _tried(spaces: Spaces, target: Target) -> list[Stop]:
    try:
        return list(_stops(spaces, target))
    except (UsageError, NoAnswerError) as error:
        return [lost(spaces(target.namespace).cluster, target, error)]


def _stops(spaces: Spaces, target: Target) -> Iterator[Stop]:
    here = spaces(target.namespace)
    if target.kind is SERVICE:
        yield Stop(here.cluster, target)
    elif target.kind is POD or target.kind in WORKLOADS:
        yield from _of_pods(here, target)
    else:
        leading, route = _backends(here.reads, target)
        found = list(dict.fromkeys(leading))
        if not found:
            raise UsageError(f"{target.title} leads to no Service")
        for name, namespace in found:
            at = Target(name, target.port, namespace or target.namespace)
            foreign = route is not None and at.namespace != target.namespace
            yield Stop(
                spaces(at.namespace).cluster,
                at,
                named_by=target.title,
                foreign_routes=(route,) if route is not None and foreign else (),
            )


def _of_pods(live: Live, target: Target) -> Iterator[Stop]:
    """The Services that select the pods, then the pods' own ports."""
    here = live.reads
    read: Observed[Pod] | Observed[Workload] | Missing
    labels: list[dict[str, str]] = []
    selector: dict[str, str] = {}
    pods: Observed[tuple[Pod, ...]] | Missing
    templates: tuple[Pod, ...] = ()
    if target.kind is POD:
        read = here.named(target.kind, target.name, _read_pod)
        pods = read if isinstance(read, Missing) else Observed(value=(read.value,))
    else:
        read = here.named(
            target.kind, target.name, lambda raw: decode.workload(raw, target.kind.name)
        )
        if isinstance(read, Missing):
            pods = read
        else:
            template = read.value.spec.template
            templates = (Pod(metadata=template.metadata, spec=template.spec),)
            labels.append(template.metadata.labels)
            selector = template.metadata.labels
            pods = _owned(here.pods_matching(label_query(read.value.spec.selector)), read.value)
    alive = () if isinstance(pods, Missing) else pods.value
    labels += [p.metadata.labels for p in alive]
    everyone = here.services()
    near: Observed[tuple[Service, ...]] | Missing = everyone
    chosen: list[Service] = []
    if isinstance(everyone, Observed):
        chosen = [s for s in everyone.value if selects_one(s, labels)]
        others = [s for s in everyone.value if not chosen and nearly_selects(s, labels)]
        near = Observed(value=tuple(chosen or others))
    declared = _declared(alive or templates)
    if target.port is not None:
        declared = tuple(p for p in declared if target.port in (p.port, p.name))
        if isinstance(target.port, int) and not declared:
            declared = (ServicePort(port=target.port),)
    for service in chosen:
        for port in _leading(service, alive or templates, target.port):
            yield Stop(live.cluster, Target(service.metadata.name, port, target.namespace))
    own = _own_service(target, selector or next(iter(labels), {}), declared)
    asked = Asked(kind=target.kind.name, port=target.port, services=near)
    cluster = Cluster(OwnPods(here, own, pods), live.probes)
    yield Stop(cluster, target._replace(port=None), asked, services=everyone)


def selects_one(service: Service, labels: Iterable[dict[str, str]]) -> bool:
    """Whether the Service selects pods with any of these sets of labels."""
    if service.spec.type == "ExternalName":
        return False
    return any(selectors.matches(service.spec.selector, found) for found in labels)


def nearly_selects(service: Service, labels: Iterable[dict[str, str]]) -> bool:
    """Whether the selector fails in only one term, as a misspelt one does."""
    misses = (selectors.near_miss(service.spec.selector, found) for found in labels)
    return any(m is not None and m.closeness >= 0.6 for m in misses)


def _leading(
    service: Service, pods: Sequence[Pod], asked: int | str | None
) -> Iterator[int | str | None]:
    """The Service's ports that lead to the pods' port; None means all of them."""
    if asked is None:
        yield None
        return
    numbers = {
        p.container_port
        for pod in pods
        for _, p in ports.declared_ports(pod)
        if asked in (p.container_port, p.name)
    } | ({asked} if isinstance(asked, int) else set())
    for port in service.spec.ports:
        if any(ports.dialled_port(service, port, pod) in numbers for pod in pods):
            yield port.port


def _declared(pods: Iterable[Pod]) -> tuple[ServicePort, ...]:
    found = {
        (p.container_port, p.protocol): ServicePort(
            port=p.container_port, name=p.name, protocol=p.protocol, target_port=p.container_port
        )
        for pod in pods
        for _, p in ports.declared_ports(pod)
    }
    return tuple(found[key] for key in sorted(found))


def _own_service(
    target: Target, labels: dict[str, str], declared: tuple[ServicePort, ...]
) -> Service:
    """A Service with the pods' own ports, for a walk that wants one."""
    return Service(
        metadata=ObjectMeta(name=target.name, namespace=target.namespace),
        spec=ServiceSpec(
            cluster_ip="None", selector=labels or {"metadata.name": target.name}, ports=declared
        ),
    )


def _owned(
    found: Observed[tuple[Pod, ...]] | Missing, workload: Workload
) -> Observed[tuple[Pod, ...]] | Missing:
    """The pods without those that another controller of the same kind keeps."""
    if isinstance(found, Missing):
        return found

    def foreign(pod: Pod) -> bool:
        above = next((o for o in pod.metadata.owner_references if o.controller), None)
        if above is None or above.kind != workload.kind:
            return False
        return above.name != workload.metadata.name

    return Observed(value=tuple(p for p in found.value if not foreign(p)))


class OwnPods:
    """What a walk reads that is about certain pods, and no Service of theirs."""

    def __init__(self, reads: Reads, own: Service, pods: Read[tuple[Pod, ...]]) -> None:
        self._reads, self._own, self._pods = reads, own, pods

    def service(self, name: str) -> Read[Service]:
        """Give the pods' own ports as a Service."""
        return Observed(value=self._own)

    def services(self) -> Missing:
        """Give none: changes of a Service are not tried for pods without one."""
        return NOT_ASKED

    def services_of(self, namespace: str) -> Missing:
        """Give none: no VirtualService leads to pods without a Service."""
        return NOT_ASKED

    def denied(self) -> Read[tuple[Right, ...]]:
        """Read which changes in the namespace the user may not make."""
        return self._reads.denied()

    def holders(self, addresses: Sequence[str]) -> Missing:
        """Give none: pods by themselves have no endpoints."""
        return Missing(reason=Reason.NOT_ASKED, detail="only a Service has endpoints")

    def other_service(self, namespace: str, name: str) -> Missing:
        """Give none: pods by themselves are not an alias."""
        return Missing(reason=Reason.NOT_ASKED, detail="only a Service can be an alias")

    def own_labels(self) -> Read[dict[str, str]]:
        """Read the labels of the namespace."""
        return self._reads.own_labels()

    def known_services(self) -> "Read[Known]":
        """Read the Services of the cluster."""
        return self._reads.known_services()

    def endpoint_slices(self, service: str) -> Missing:
        """Give none: only a Service has endpoints."""
        return Missing(reason=Reason.NOT_ASKED, detail="only a Service has endpoints")

    def pods(self, selector: dict[str, str]) -> Read[tuple[Pod, ...]]:
        """Give the pods in question, whatever is selected."""
        return self._pods

    def deployments(self) -> Read[tuple[Workload, ...]]:
        """Read the Deployments of the namespace."""
        return self._reads.deployments()

    def replica_sets(self, selector: dict[str, str]) -> Read[tuple[Workload, ...]]:
        """Read the ReplicaSets with these labels."""
        return self._reads.replica_sets(selector)

    def workload(self, kind: str, name: str) -> Read[Workload]:
        """Read one workload."""
        return self._reads.workload(kind, name)

    def groups(self) -> Read[dict[str, tuple[str, ...]]]:
        """Read which versions of the optional API groups are served."""
        return self._reads.groups()

    def objects(self, kind: Listable[R], served: Served, **query: str) -> Read[tuple[R, ...]]:
        """Read the namespace's objects of a kind."""
        return self._reads.objects(kind, served, **query)


def _backends(here: LiveReads, target: Target) -> tuple[list[tuple[str, str]], Route | None]:
    """Name and namespace of each Service to which an Ingress or a route sends its clients; and the
    route."""
    if target.kind is INGRESS:
        ingress = here.named(target.kind, target.name, lambda raw: decode.decode(raw, Ingress))
        if isinstance(ingress, Missing):
            raise _unreadable(target, ingress)
        return [(use.service, "") for use in uses_of_ingress(ingress.value)], None
    route = here.named(target.kind, target.name, lambda raw: decode.decode(raw, Route))
    if isinstance(route, Missing):
        raise _unreadable(target, route)
    return [(use.service, use.namespace) for use in uses_of_route(route.value)], route.value


def _unreadable(target: Target, why: Missing) -> NoAnswerError:
    return NoAnswerError(f"cannot tell where {target.title} leads: {why.detail or why.reason}")


def _read_pod(raw: bytes) -> Pod:
    return decode.cut_down(decode.decode(raw, Pod))
