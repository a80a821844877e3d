"""What the walks of a sweep read: what the sweep has listed is not asked for again."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from kubectl_portcheck.collect.cluster.cluster import Read, Reads, Served
from kubectl_portcheck.collect.cluster.listable import AUTHORITIES, MONITORS, Listable
from kubectl_portcheck.collect.cluster.lists_around import Around
from kubectl_portcheck.collect.cluster.shared_lists import SHARED_KINDS, Shared
from kubectl_portcheck.collect.cluster.work import Work
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record, Right
from kubectl_portcheck.model.evidence import AddressHolder
from kubectl_portcheck.model.kinds import (
    BESIDE_GUARDS,
    GUARDS,
    INGRESS_CLASS,
    MESH_POLICIES,
    REFERRERS,
)
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service, Workload

if TYPE_CHECKING:
    from kubectl_portcheck.semantics.calls import Known

R = TypeVar("R", bound=Record)
T = TypeVar("T")
P = ParamSpec("P")

NOT_READ = Missing(reason=Reason.NOT_ASKED, detail="not asked for in a sweep")


class FreshReads:
    """The Service, its endpoints and its pods from the cluster; from the sweep's lists what belongs
    to the whole namespace."""

    def __init__(self, reads: Reads, shared: Shared, around: Around, service: Service) -> None:
        self._reads, self._shared, self._around, self._listed = reads, shared, around, service
        self._namespace = service.metadata.namespace

    def service(self, name: str) -> Read[Service]:
        """Read the Service."""
        return self._reads.service(name)

    def services(self) -> Missing:
        """Give none: the sweep knows them."""
        return NOT_READ

    def services_of(self, namespace: str) -> Read[tuple[Service, ...]]:
        """Read once for all walks the Services of any namespace."""
        return self._shared.once(
            ("services", namespace), lambda: self._reads.services_of(namespace)
        )

    def denied(self) -> Read[tuple[Right, ...]]:
        """Read once for all walks which changes in the namespace the user may not make."""
        return self._shared.once(("denied", self._namespace), self._reads.denied)

    def holders(self, addresses: Sequence[str]) -> Read[tuple[AddressHolder, ...]]:
        """Read who has these addresses, anywhere in the cluster."""
        return self._reads.holders(addresses)

    def other_service(self, namespace: str, name: str) -> Read[Service]:
        """Read a Service of any namespace."""
        return self._reads.other_service(namespace, name)

    def own_labels(self) -> Read[dict[str, str]]:
        """Give the labels of the namespace; for a sweep of the whole cluster they are one list."""
        return self._shared.labels(self._namespace, self._reads.own_labels)

    def known_services(self) -> "Read[Known]":
        """Give the Services of the cluster, read once for all walks."""
        return self._shared.once(("known-services",), self._reads.known_services)

    def endpoint_slices(self, service: str) -> Read[tuple[EndpointSlice, ...]]:
        """Read the Service's EndpointSlices."""
        return self._reads.endpoint_slices(service)

    def pods(self, selector: dict[str, str]) -> Read[tuple[Pod, ...]]:
        """Read the pods with these labels; for an empty selector give those that may be meant."""
        return self._reads.pods(selector) if selector else self._shared.similar(self._listed)

    def deployments(self) -> Read[tuple[Workload, ...]]:
        """Give the Deployments of the namespace."""
        return self._shared.deployments(self._namespace)

    def replica_sets(self, selector: dict[str, str]) -> Read[tuple[Workload, ...]]:
        """Read the ReplicaSets with these labels."""
        return self._reads.replica_sets(selector)

    def workload(self, kind: str, name: str) -> Read[Workload]:
        """Read one workload."""
        return self._reads.workload(kind, name)

    def groups(self) -> Read[dict[str, tuple[str, ...]]]:
        """Give the versions of the optional API groups."""
        return self._shared.served

    def lists(self, kind: Listable[Any], query: Mapping[str, str]) -> bool:
        """Say whether the sweep's lists have the objects of a kind."""
        return kind.long or (kind.name in SHARED_KINDS and not query)

    def objects(self, kind: Listable[R], served: Served, **query: str) -> Read[tuple[R, ...]]:
        """Give the namespace's objects of a kind; what is in no list is read once for all walks."""
        if kind.of in MESH_POLICIES:
            return self._around.of_mesh(kind.of, self._namespace)
        if kind.of in GUARDS:
            space = self._namespace if kind.of.namespaced else ""
            return self._shared.objects(kind.name, space)
        if kind.of in BESIDE_GUARDS:
            return self._shared.beside_guards(kind.of)
        if kind is AUTHORITIES:
            name = query["fieldSelector"].partition("=")[2]
            return self._shared.authority(self._namespace, name)
        if kind.of in REFERRERS:
            return self._around.referrers(self._listed, [kind])
        if kind in MONITORS:
            found: Read[tuple[R, ...]] = self._around.monitors(self._listed, [kind])
            return found
        if kind.name in SHARED_KINDS and not query:
            return self._shared.objects(kind.name, self._namespace)

        if kind.of is INGRESS_CLASS:
            return self._shared.ingress_classes()

        space = "" if kind.anywhere else self._namespace

        def read() -> Read[tuple[R, ...]]:
            return self._reads.objects(kind, served, **query)

        return self._shared.once((*kind.key, space, *sorted(query.items())), read)


class ListedReads:
    """All from the sweep's lists, so that only the pods themselves are asked.

    What made the pods is in no list; it is read for those Services in which something is wrong.
    """

    def __init__(self, reads: Reads, shared: Shared, around: Around, service: Service) -> None:
        self._shared, self._listed = shared, service
        self._fresh = FreshReads(reads, shared, around, service)

    def service(self, name: str) -> Read[Service]:
        """Give the Service."""
        return Observed(value=self._listed)

    def services(self) -> Missing:
        """Give none: the sweep knows them."""
        return self._fresh.services()

    def services_of(self, namespace: str) -> Read[tuple[Service, ...]]:
        """Read once for all walks the Services of any namespace."""
        return self._fresh.services_of(namespace)

    def denied(self) -> Read[tuple[Right, ...]]:
        """Read once for all walks which changes in the namespace the user may not make."""
        return self._fresh.denied()

    def holders(self, addresses: Sequence[str]) -> Read[tuple[AddressHolder, ...]]:
        """Read who has these addresses, anywhere in the cluster."""
        return self._fresh.holders(addresses)

    def other_service(self, namespace: str, name: str) -> Read[Service]:
        """Read a Service of any namespace."""
        return self._fresh.other_service(namespace, name)

    def own_labels(self) -> Read[dict[str, str]]:
        """Give the labels of the namespace."""
        return self._fresh.own_labels()

    def known_services(self) -> "Read[Known]":
        """Give the Services of the cluster."""
        return self._fresh.known_services()

    def endpoint_slices(self, service: str) -> Read[tuple[EndpointSlice, ...]]:
        """Give the Service's EndpointSlices."""
        return self._shared.slices(self._listed)

    def pods(self, selector: dict[str, str]) -> Read[tuple[Pod, ...]]:
        """Give the pods that the Service selects."""
        if not selector:
            return self._shared.similar(self._listed)
        return self._shared.pods(self._listed)

    def deployments(self) -> Read[tuple[Workload, ...]]:
        """Give the Deployments of the namespace."""
        return self._fresh.deployments()

    def replica_sets(self, selector: dict[str, str]) -> Missing:
        """Give none."""
        return NOT_READ

    def workload(self, kind: str, name: str) -> Missing:
        """Give none."""
        return NOT_READ

    def groups(self) -> Read[dict[str, tuple[str, ...]]]:
        """Give the versions of the optional API groups."""
        return self._fresh.groups()

    def objects(self, kind: Listable[R], served: Served, **query: str) -> Read[tuple[R, ...]]:
        """Give the namespace's objects of a kind."""
        return self._fresh.objects(kind, served, **query)


class LookingUp(Work):
    """The work on a Service of a sweep: what only looks things up in its lists is done at once,
    without a thread of its own."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def ask(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Do it now where it is a question to the lists; else begin it."""
        if _looks_up(do, args, kwargs):
            return _done(do, *args, **kwargs)
        return self._work.ask(do, *args, **kwargs)

    def contact(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin to ask a pod."""
        return self._work.contact(do, *args, **kwargs)

    def follow(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Do it now where it asks the lists, and all that it waits for is there; else begin it."""
        listed = any(isinstance(a, ListedReads) for a in args)
        if listed and all(a.done() for a in args if isinstance(a, Future)):
            return _done(do, *args, **kwargs)
        return self._work.follow(do, *args, **kwargs)

    def close(self) -> None:
        """Begin nothing more."""
        self._work.close()


def _looks_up(do: Callable[..., object], args: Sequence[Any], query: Mapping[str, Any]) -> bool:
    """Whether it is a question that the lists answer."""
    reads = getattr(do, "__self__", None)
    if isinstance(reads, ListedReads):
        return True
    if not isinstance(reads, FreshReads):
        return False
    return do == reads.groups or (do == reads.objects and reads.lists(args[0], query))


def _done(do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
    future: Future[T] = Future()
    try:
        future.set_result(do(*args, **kwargs))
    except Exception as error:  # The result raises it again.
        future.set_exception(error)
    return future
