"""What the API server knows about one namespace, in the model's own types.

Whatever fails becomes a part that is missing.
"""

import contextlib
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kubectl_portcheck import timeouts
from kubectl_portcheck.client import (
    Api,
    ClusterError,
    Deadline,
    NotFound,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.cluster.cluster import Read, Served
from kubectl_portcheck.collect.cluster.listable import (
    NODES,
    PODS,
    SERVICE_CIDRS,
    SERVICES,
    Listable,
)
from kubectl_portcheck.collect.cluster.missing import observed
from kubectl_portcheck.collect.cluster.once import Once
from kubectl_portcheck.collect.cluster.pages import PAGE, read_pages
from kubectl_portcheck.collect.kept import Kept
from kubectl_portcheck.errors import UnknownTargetError
from kubectl_portcheck.inputs.limits import FOREIGN_OBJECTS, LIST_OBJECTS, SERVICE_VALUES
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record, Right, combined
from kubectl_portcheck.model.evidence import AddressHolder
from kubectl_portcheck.model.objects import (
    Endpoints,
    EndpointSlice,
    FieldManager,
    LabelSelector,
    ObjectMeta,
    Pod,
    Service,
    Workload,
)
from kubectl_portcheck.model.permissions import SelfSubjectRulesReview
from kubectl_portcheck.semantics import permissions, selectors
from kubectl_portcheck.semantics.endpoints import MANAGED_BY, as_slices, holder_of

if TYPE_CHECKING:
    from kubectl_portcheck.semantics.calls import Known

T = TypeVar("T")
K = TypeVar("K", EndpointSlice, Pod, Service, Workload)
R = TypeVar("R", bound=Record)

RULES_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
MOST_WRITERS = 3
"""Of how many slices without a label for it the writer is looked up."""


class LiveReads:
    """One namespace of a running cluster; safe to use from several threads.

    With ``once`` several walks share what belongs to no single Service: each such list is asked for
    once. The Service itself, its endpoints and its pods are read for each.
    """

    def __init__(
        self, api: Api, namespace: str, deadline: Deadline, once: Once | None = None
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._deadline = deadline
        self._once = once or Once()
        self._kept = Kept(SERVICE_VALUES)

    def service(self, name: str) -> Read[Service]:
        """The Service, or why the API server did not give it.

        Raises UnknownTargetError where there is none of that name, naming the nearest, and
        ClusterError where no cluster can be reached or it refuses the credentials.
        """
        return self.named(kinds.SERVICE, name, decode.service)

    def named(self, kind: kinds.Kind, name: str, read_as: Callable[[bytes], T]) -> Read[T]:
        """One object by its name. Raises as :meth:`service` does."""
        path = f"{self._collection(kind)}/{name}"

        def read() -> T:
            deadline = self._deadline.earlier(timeouts.READ)
            return self._api.read(path, as_=read_as, deadline=deadline)

        try:
            return observed(read, fatal=(NotFound, Unauthorized, Unreachable, TimedOut))
        except NotFound as error:
            raise UnknownTargetError(error.line, self._did_you_mean(kind, name)) from None

    def services(self) -> Read[tuple[Service, ...]]:
        """All Services of the namespace."""
        return self.services_of(self._namespace)

    def services_of(self, namespace: str) -> Read[tuple[Service, ...]]:
        """All Services of any namespace."""
        return self._objects(SERVICES, {}, namespace, {})

    def denied(self) -> Read[tuple[Right, ...]]:
        """Which changes in the namespace the user may not make, as far as the server can tell.

        The review is a POST, but nothing is stored: ``kubectl auth can-i --list`` sends the same.
        """
        review = {
            "kind": "SelfSubjectRulesReview",
            "apiVersion": "authorization.k8s.io/v1",
            "spec": {"namespace": self._namespace},
        }

        def read() -> tuple[Right, ...]:
            answer = self._api.review(
                RULES_REVIEWS,
                msgspec.json.encode(review),
                as_=lambda raw: decode.decode(raw, SelfSubjectRulesReview),
                deadline=self._deadline.earlier(timeouts.READ),
            )
            return permissions.denied(answer.status, self._namespace)

        return self._shared((RULES_REVIEWS, self._namespace), lambda: observed(read))

    def check_namespace(self, name: str) -> None:
        """Raises UnknownTargetError where there is no such namespace; not knowing is no error.

        The API server gives an empty list for a namespace that does not exist.
        """
        try:
            self._api.get(
                f"{kinds.NAMESPACE.collection('')}/{name}",
                deadline=self._deadline.earlier(timeouts.SUGGEST),
            )
        except NotFound as error:
            hint = ""
            with contextlib.suppress(ClusterError, ValueError):
                deadline = self._deadline.earlier(timeouts.SUGGEST)
                names = self._names(kinds.NAMESPACE.collection(""), {"limit": PAGE}, deadline)
                near = selectors.nearest(name, (n for _, n in names))
                hint = f"Did you mean -n {near}?" if near else ""
            raise UnknownTargetError(error.line, hint) from None
        except ClusterError:
            return

    def holders(self, addresses: Sequence[str]) -> Read[tuple[AddressHolder, ...]]:
        """Who has these addresses, anywhere in the cluster."""
        nodes = self.objects(NODES, {})
        if isinstance(nodes, Missing):
            return nodes
        found = []
        for address in addresses:
            at_address = {"fieldSelector": f"status.podIP={address}"}
            path = self._collection(kinds.POD, "")
            pods = self._pages(path, PODS, at_address)
            if isinstance(pods, Missing):
                return pods
            found.append(holder_of(address, pods.value, nodes.value))
        return Observed(value=tuple(found))

    def other_service(self, namespace: str, name: str) -> Read[Service]:
        """A Service of any namespace."""
        path = f"{self._collection(kinds.SERVICE, namespace)}/{name}"

        def read() -> Service:
            deadline = self._deadline.earlier(timeouts.READ)
            return self._api.read(path, as_=decode.service, deadline=deadline)

        return observed(read)

    def known_services(self) -> "Read[Known]":
        """The Services of the cluster; those of the namespace where only they may be read."""
        from kubectl_portcheck.semantics.calls import Known

        whole = self.services_of("")
        if isinstance(whole, Observed):
            cidrs = self.objects(SERVICE_CIDRS, {})
            found = () if isinstance(cidrs, Missing) else cidrs.value
            ranges = tuple(r for c in found for r in c.spec.cidrs)
            return Observed(value=Known(whole.value, everywhere=True, ranges=ranges))
        here = self.services()
        if isinstance(here, Missing):
            return here
        return Observed(value=Known(here.value, everywhere=False))

    def own_labels(self) -> Read[dict[str, str]]:
        """The labels of the namespace."""
        return self.namespace_labels(self._namespace)

    def namespace_labels(self, name: str) -> Read[dict[str, str]]:
        """The labels of any namespace."""
        path = f"{kinds.NAMESPACE.collection('')}/{name}"

        def read() -> dict[str, str]:
            deadline = self._deadline.earlier(timeouts.READ)
            found = self._api.read(
                path, as_=lambda raw: decode.decode(raw, _Named), deadline=deadline
            )
            return found.metadata.labels

        return self._shared(path, lambda: observed(read))

    def endpoint_slices(self, service: str) -> Read[tuple[EndpointSlice, ...]]:
        """The EndpointSlices that belong to the Service, of any author.

        Kubernetes before 1.21 does not serve discovery.k8s.io/v1; there the Endpoints object says
        the same.
        """
        label = f"kubernetes.io/service-name={service}"
        found = self._list(kinds.ENDPOINT_SLICE, EndpointSlice, label)
        if isinstance(found, Missing) and found.reason == Reason.NOT_FOUND:
            return self._endpoints(service)
        if isinstance(found, Missing):
            return found
        labelled = [p for p in found.value if p.metadata.labels.get(MANAGED_BY)]
        others = [p for p in found.value if not p.metadata.labels.get(MANAGED_BY)]
        named = [self._with_writers(piece) for piece in others[:MOST_WRITERS]]
        return Observed(value=(*labelled, *named, *others[MOST_WRITERS:]))

    def _with_writers(self, piece: EndpointSlice) -> EndpointSlice:
        """The slice with its field managers, as it is where they cannot be read."""

        def read() -> tuple[FieldManager, ...]:
            one = f"{self._collection(kinds.ENDPOINT_SLICE)}/{piece.metadata.name}"
            deadline = self._deadline.earlier(timeouts.READ)
            return self._api.read(one, as_=decode.writers, deadline=deadline)

        who = observed(read)
        if isinstance(who, Missing):
            return piece
        metadata = msgspec.structs.replace(piece.metadata, managers=who.value)
        return msgspec.structs.replace(piece, metadata=metadata)

    def _endpoints(self, service: str) -> Read[tuple[EndpointSlice, ...]]:
        def read() -> tuple[EndpointSlice, ...]:
            path = f"{self._collection(kinds.ENDPOINTS)}/{service}"
            deadline = self._deadline.earlier(timeouts.READ)
            found = self._api.read(
                path, as_=lambda raw: decode.decode(raw, Endpoints), deadline=deadline
            )
            return as_slices(found)

        return observed(read)

    def pods(self, selector: dict[str, str]) -> Read[tuple[Pod, ...]]:
        """The pods with these labels; all of the namespace for an empty selector."""
        return self.pods_matching(selectors.as_query(selector))

    def pods_matching(self, selector: str) -> Read[tuple[Pod, ...]]:
        """The pods that a label selector in the API's own form matches."""
        return self._list(kinds.POD, Pod, selector)

    def replica_sets(self, selector: dict[str, str]) -> Read[tuple[Workload, ...]]:
        """The ReplicaSets with these labels."""
        return self._workloads(kinds.REPLICA_SET, selectors.as_query(selector))

    def deployments(self) -> Read[tuple[Workload, ...]]:
        """The Deployments of the namespace."""
        return self._workloads(kinds.DEPLOYMENT, "")

    def workload(self, kind: str, name: str) -> Read[Workload]:
        """One Deployment, StatefulSet or DaemonSet, with its managers."""
        path = f"{self._collection(kinds.BY_NAME[kind])}/{name}"

        def read() -> Workload:
            deadline = self._deadline.earlier(timeouts.READ)
            return self._api.read(
                path, as_=lambda raw: decode.workload(raw, kind), deadline=deadline
            )

        return self._shared(path, lambda: observed(read))

    def groups(self) -> Read[dict[str, tuple[str, ...]]]:
        """The versions that are served of the groups that not every cluster has."""

        def read() -> dict[str, tuple[str, ...]]:
            found = self._api.read(
                "/apis",
                as_=lambda raw: decode.decode(raw, decode.APIGroupList),
                deadline=self._deadline.earlier(timeouts.READ),
            ).groups
            return {
                g.name: tuple(v.version for v in g.versions)
                for g in found
                if g.name in kinds.OPTIONAL_GROUPS
            }

        return self._shared("/apis", lambda: observed(read))

    def objects(self, kind: Listable[R], served: Served, **query: str) -> Read[tuple[R, ...]]:
        """The namespace's objects of a kind; ``query`` may select some by label or field.

        A kind that the cluster does not serve is missing, with the reason ``NOT_SERVED``.
        """
        if not (kind.anywhere and kind.of.namespaced):
            return self._objects(kind, served, self._namespace, query)
        everywhere = self._objects(kind, served, "", query, most=FOREIGN_OBJECTS)
        if not isinstance(everywhere, Missing) or everywhere.reason == Reason.NOT_SERVED:
            return everywhere
        here = self._objects(kind, served, self._namespace, query)
        forbidden = everywhere.reason == Reason.FORBIDDEN
        why = "may not be listed" if forbidden else f"could not be read: {everywhere.detail}"
        others = f"{kind.of.resource} of other namespaces {why}"
        lacking = Missing(reason=everywhere.reason, detail=others)
        return here if isinstance(here, Missing) else combined([here, lacking])

    def _objects(
        self,
        kind: Listable[R],
        served: Served,
        namespace: str,
        query: dict[str, str],
        most: int = LIST_OBJECTS,
    ) -> Read[tuple[R, ...]]:
        paths = kind.paths(namespace, served)

        def read() -> Read[tuple[R, ...]]:
            unserved = Missing(
                reason=Reason.NOT_SERVED, detail=f"{kind.of.resource} are not served"
            )
            for path in paths:
                found = self._pages(path, kind, query, most)
                if not (isinstance(found, Missing) and found.reason == Reason.NOT_FOUND):
                    return found
            return unserved

        # What is served may not be known to each walk.
        key = (*kind.key, *paths, most, *sorted(query.items()))
        return self._shared(key, read)

    def _shared(self, key: Hashable, read: Callable[[], Read[T]]) -> Read[T]:
        """What was read under the key for any walk; a failure that may pass is not kept."""
        found: Read[T] = self._once(key, read, keeps=_will_stay)
        return found

    def pod(self, name: str) -> Read[Pod | None]:
        """Read one pod by a list, for which no further right is needed; None where there is none.

        Raises ClusterError where no cluster can be reached or it refuses the credentials.
        """
        query = {"fieldSelector": f"metadata.name={name}"}

        def read() -> Pod | None:
            found = self._api.read(
                self._collection(kinds.POD),
                query,
                as_=lambda raw: decode.decode(raw, decode.ListOf[Pod]),
                deadline=self._deadline.earlier(timeouts.READ),
            )
            return next(iter(found.items), None)

        return observed(read, fatal=(Unauthorized, Unreachable))

    def _workloads(self, kind: kinds.Kind, selector: str) -> Read[tuple[Workload, ...]]:
        def read() -> Read[tuple[Workload, ...]]:
            found = self._list(kind, Workload, selector)
            if isinstance(found, Missing):
                return found
            named = [msgspec.structs.replace(w, kind=kind.name) for w in found.value]
            return Observed(value=tuple(named))

        return self._shared((self._collection(kind), selector), read)

    def _list(self, kind: kinds.Kind, shape: type[K], selector: str) -> Read[tuple[K, ...]]:
        query = {"labelSelector": selector} if selector else {}
        return self._pages(self._collection(kind), Listable(kind, shape), query)

    def _pages(
        self,
        path: str,
        kind: Listable[R],
        selected: dict[str, str],
        most: int = LIST_OBJECTS,
    ) -> Read[tuple[R, ...]]:
        def read() -> tuple[R, ...]:
            items: list[R] = []
            odd: list[decode.Odd] = []
            read_pages(
                *(self._api, self._deadline, path, kind.items, selected, items, odd),
                kind=kind.name if kind.named else "",
                made=kind.made,
                names_only=kind.names_only,
                most=most,
                kept=self._kept,
            )
            if odd:
                # Without it the others could look as if it did not exist.
                raise ValueError(odd[0].missing(path.rpartition("/")[2]).detail)
            return tuple(items)

        return observed(read)

    def _collection(self, kind: kinds.Kind, namespace: str | None = None) -> str:
        """The path of all objects of a kind in the namespace; '' means in every namespace."""
        return kind.collection(self._namespace if namespace is None else namespace)

    def _did_you_mean(self, kind: kinds.Kind, name: str) -> str:
        """The nearest name here, and the other namespaces that have the very name."""
        deadline = self._deadline.earlier(timeouts.SUGGEST)
        found = []
        with contextlib.suppress(ClusterError, ValueError):
            names = self._names(self._collection(kind), {"limit": PAGE}, deadline)
            near = selectors.nearest(name, (n for _, n in names))
            found += [f"Did you mean {near}?"] if near else []
        with contextlib.suppress(ClusterError, ValueError):
            query = {"fieldSelector": f"metadata.name={name}", "limit": PAGE}
            names = self._names(self._collection(kind, ""), query, deadline)
            spaces = sorted({s for s, n in names if n == name})
            where = f"namespace {spaces[0]}" if len(spaces) == 1 else f"namespaces {_some(spaces)}"
            found += [f"There is one of this name in {where}."] if spaces else []
        return " ".join(found)

    def _names(self, path: str, query: dict[str, str], deadline: Deadline) -> list[tuple[str, str]]:
        """Namespace and name of each object; of the first page where there are more."""
        page, _ = self._api.read(
            path, query, as_=lambda raw: decode.page(raw, decode.ListOf[_Named]), deadline=deadline
        )
        return [(o.metadata.namespace, o.metadata.name) for o in page.items]


class _Named(Record, frozen=True):
    """An object, of which only the name matters."""

    metadata: ObjectMeta = ObjectMeta()


def _some(words: Sequence[str], most: int = 5) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return f"{', '.join(words[:most])}{more}"


def label_query(selector: LabelSelector | None) -> str:
    """A workload's selector in the form of a request's ``labelSelector``."""
    terms = [f"{k}={v}" for k, v in sorted(selector.match_labels.items())] if selector else []
    forms = {"Exists": "{}", "DoesNotExist": "!{}", "In": "{} in ({})", "NotIn": "{} notin ({})"}
    for term in selector.match_expressions if selector else ():
        form = forms.get(term.operator, "{}")
        terms.append(form.format(term.key, ",".join(term.values or ())))
    return ",".join(terms)


def _will_stay(read: Read[object]) -> bool:
    return not (isinstance(read, Missing) and read.reason in (Reason.TIMED_OUT, Reason.FAILED))
