"""A live cluster, asked in the model's own types. Whatever fails becomes a part that is missing."""

import contextlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from kubectl_portcheck.client import (
    Api,
    ApiStatusError,
    ClusterError,
    ConfigurationError,
    Deadline,
    ExecResult,
    Forbidden,
    NotFound,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.cluster import debug_container
from kubectl_portcheck.collect.cluster.from_pod import Dial, Source, Told
from kubectl_portcheck.collect.cluster.kinds import OPTIONAL, Kind
from kubectl_portcheck.collect.cluster.listeners import Run, find_listeners, second_look
from kubectl_portcheck.errors import UnknownTargetError
from kubectl_portcheck.model.base import Missing, Observed, Reason, Record, Right
from kubectl_portcheck.model.objects import (
    Endpoints,
    EndpointSlice,
    LabelSelector,
    ObjectMeta,
    Pod,
    Service,
    Workload,
)
from kubectl_portcheck.model.probes import Attempt, Outcome, Path, PodSockets
from kubectl_portcheck.model.references import Route
from kubectl_portcheck.semantics import selectors
from kubectl_portcheck.semantics.endpoints import as_slices
from kubectl_portcheck.semantics.pods import running_containers
from kubectl_portcheck.target import SERVICE
from kubectl_portcheck.target import Kind as TargetKind

T = TypeVar("T")
K = TypeVar("K", EndpointSlice, Pod, Service, Workload)
R = TypeVar("R", bound=Record)

PAGE = "500"
"""Objects asked for at once; a longer list comes in several answers."""
READ_SECONDS = 10.0
SUGGEST_SECONDS = 3.0
"""For finding what a mistyped name may have meant."""
EXEC_SECONDS = 8.0
KNOCK_SECONDS = 5.0
PROXY_SECONDS = 5.0
SPEAK_SECONDS = 5.0
DIAL_SECONDS = 12.0


class LiveCluster:
    """One namespace of a running cluster; safe to use from several threads."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        deadline: Deadline,
        debug: debug_container.Debug | None = None,
    ) -> None:
        self._debug = debug
        self._api = api
        self._namespace = namespace
        self._deadline = deadline
        self.asked_with = (api, namespace, deadline)
        """What another view of the same cluster is made from."""
        self.foreign_routes: tuple[Route, ...] = ()
        """Routes of other namespaces that name the Service in question; nobody lists those."""

    def service(self, name: str) -> Observed[Service] | Missing:
        """The Service, or why the API server did not give it.

        Raises UnknownTargetError where there is none of that name, naming the nearest, and
        ClusterError where no cluster can be reached or it refuses the credentials.
        """
        return self.named(SERVICE, name, decode.service)

    def named(
        self, kind: TargetKind, name: str, read_as: Callable[[bytes], T]
    ) -> Observed[T] | Missing:
        """One object by its name. Raises as :meth:`service` does."""
        path = f"{self._collection(kind)}/{name}"

        def read() -> T:
            raw = self._api.get(path, deadline=self._deadline.earlier(READ_SECONDS))
            return read_as(raw)

        try:
            return observed(read, fatal=(NotFound, Unauthorized, Unreachable, TimedOut))
        except NotFound as error:
            raise UnknownTargetError(error.line, self._did_you_mean(kind, name)) from None

    def services(self) -> Observed[tuple[Service, ...]] | Missing:
        """All Services of the namespace."""
        return self._list(f"{self._core}/services", decode.ListOf[Service], "")

    def check_namespace(self, name: str) -> None:
        """Raises UnknownTargetError where there is no such namespace; what cannot be told is well.

        The API server gives an empty list for a namespace that does not exist.
        """
        try:
            self._api.get(
                f"/api/v1/namespaces/{name}", deadline=self._deadline.earlier(SUGGEST_SECONDS)
            )
        except NotFound as error:
            hint = ""
            with contextlib.suppress(ClusterError, ValueError):
                deadline = self._deadline.earlier(SUGGEST_SECONDS)
                names = self._names("/api/v1/namespaces", {"limit": PAGE}, deadline)
                near = selectors.nearest(name, (n for _, n in names))
                hint = f"Did you mean -n {near}?" if near else ""
            raise UnknownTargetError(error.line, hint) from None
        except ClusterError:
            return

    def endpoint_slices(self, service: str) -> Observed[tuple[EndpointSlice, ...]] | Missing:
        """The EndpointSlices that belong to the Service, whoever wrote them.

        Kubernetes before 1.21 does not serve discovery.k8s.io/v1; there the Endpoints object says
        the same.
        """
        path = f"/apis/discovery.k8s.io/v1/namespaces/{self._namespace}/endpointslices"
        label = f"kubernetes.io/service-name={service}"
        found = self._list(path, decode.ListOf[EndpointSlice], label)
        if isinstance(found, Missing) and found.reason == Reason.NOT_FOUND:
            return self._endpoints(service)
        return found

    def _endpoints(self, service: str) -> Observed[tuple[EndpointSlice, ...]] | Missing:
        def read() -> tuple[EndpointSlice, ...]:
            path = f"{self._core}/endpoints/{service}"
            raw = self._api.get(path, deadline=self._deadline.earlier(READ_SECONDS))
            return as_slices(decode.decode(raw, Endpoints))

        return observed(read)

    def pods(self, selector: dict[str, str]) -> Observed[tuple[Pod, ...]] | Missing:
        """The pods with these labels; all of the namespace for an empty selector."""
        return self.pods_matching(_query(selector))

    def pods_matching(self, selector: str) -> Observed[tuple[Pod, ...]] | Missing:
        """The pods that a label selector in the API's own form matches."""
        return self._list(f"{self._core}/pods", decode.ListOf[Pod], selector)

    def replica_sets(self, selector: dict[str, str]) -> Observed[tuple[Workload, ...]] | Missing:
        """The ReplicaSets with these labels."""
        return self._workloads("ReplicaSet", "replicasets", _query(selector))

    def deployments(self) -> Observed[tuple[Workload, ...]] | Missing:
        """The Deployments of the namespace."""
        return self._workloads("Deployment", "deployments", "")

    def workload(self, kind: str, name: str) -> Observed[Workload] | Missing:
        """One Deployment, StatefulSet or DaemonSet, with its managers."""
        path = f"/apis/apps/v1/namespaces/{self._namespace}/{kind.lower()}s/{name}"

        def read() -> Workload:
            raw = self._api.get(path, deadline=self._deadline.earlier(READ_SECONDS))
            return decode.workload(raw, kind)

        return observed(read)

    def groups(self) -> Observed[dict[str, tuple[str, ...]]] | Missing:
        """The versions that are served of the groups that not every cluster has."""

        def read() -> dict[str, tuple[str, ...]]:
            raw = self._api.get("/apis", deadline=self._deadline.earlier(READ_SECONDS))
            found = decode.decode(raw, decode.APIGroupList).groups
            return {
                g.name: tuple(v.version for v in g.versions) for g in found if g.name in OPTIONAL
            }

        return observed(read)

    def objects(
        self, kind: Kind[R], served: Mapping[str, tuple[str, ...]], **query: str
    ) -> Observed[tuple[R, ...]] | Missing:
        """The namespace's objects of a kind; ``query`` may select some by label or field.

        A kind that the cluster does not serve is missing, with the reason ``NOT_SERVED``.
        """
        unserved = Missing(reason=Reason.NOT_SERVED, detail=f"{kind.plural} are not served")
        found: Observed[tuple[R, ...]] | Missing = unserved
        for path in kind.paths(self._namespace, served):
            found = self._pages(path, kind.items, query)
            if not (isinstance(found, Missing) and found.reason == Reason.NOT_FOUND):
                break
            found = unserved
        if isinstance(found, Missing) or not kind.named:
            return found
        named = [msgspec.structs.replace(o, kind=kind.name) for o in found.value]
        return Observed(value=tuple(named))

    def _run(self, pod: Pod) -> Run:
        """Runs commands in the pod's containers, all of them within one deadline."""
        deadline = self._deadline.earlier(EXEC_SECONDS)

        def run(container: str, argv: Sequence[str]) -> ExecResult | Missing:
            try:
                return self._api.exec(
                    self._namespace, pod.metadata.name, container, argv, deadline=deadline
                )
            except ClusterError as error:
                return _missing(error)

        return run

    def backlog(self, pod: Pod, found: PodSockets) -> PodSockets:
        """The same with another look at the connections that were waiting to be accepted."""
        return second_look(found, self._run(pod))

    def sockets(self, pod: Pod) -> Observed[PodSockets] | Missing:
        """What listens in the pod, by whatever its containers have to ask with."""
        found = find_listeners(pod, self._run(pod))
        tried = isinstance(found, Missing) and found.reason == Reason.NO_SHELL
        # In the node's own network nothing would tell the pod's sockets from the others.
        if self._debug is None or not tried or pod.spec.host_network:
            return found
        answering = self._with_debug_container(pod, self._debug)
        if isinstance(answering, Missing):
            return answering
        return find_listeners(answering, self._run(pod))

    def _with_debug_container(self, pod: Pod, debug: debug_container.Debug) -> Pod | Missing:
        """The pod with its debug container, made where it had none, once that one runs."""
        name = pod.metadata.name
        path = f"{self._core}/pods/{name}"
        deadline = self._deadline.earlier(debug_container.PATIENCE_SECONDS)
        try:
            if debug_container.status_of(pod) is None:
                debug.say(debug_container.warning(debug.image, self._namespace, name))
                body = debug_container.patch_body(debug.image)
                self._api.patch(f"{path}/ephemeralcontainers", body, deadline=deadline)
            while True:
                if (failed := debug_container.failure(pod)) is not None:
                    return failed
                if debug_container.runs(pod):
                    return debug_container.alone(pod)
                if deadline.remaining() < debug_container.POLL_SECONDS:
                    why = f"the debug container of {name} did not start in time"
                    return Missing(reason=Reason.TIMED_OUT, detail=why)
                time.sleep(debug_container.POLL_SECONDS)
                query = {"fieldSelector": f"metadata.name={name}"}
                raw = self._api.get(f"{self._core}/pods", query, deadline=deadline)
                pod = next(iter(decode.decode(raw, decode.ListOf[Pod]).items), pod)
        except ClusterError as error:
            missing = _missing(error)
            return msgspec.structs.replace(missing, detail=f"debug container: {missing.detail}")

    def knock(self, pod: str, numbers: Sequence[int], path: Path) -> tuple[Attempt, ...]:
        """Connects to ports of the pod by port-forward, and sends nothing."""
        deadline = self._deadline.earlier(KNOCK_SECONDS)
        try:
            knocks = self._api.knock(self._namespace, pod, numbers, deadline=deadline)
        except ClusterError as error:
            return tuple(_not_made(_missing(error), pod, n, path) for n in numbers)
        return tuple(
            Attempt(pod=pod, port=n, path=path, outcome=k.outcome, detail=k.detail)
            for n, k in knocks.items()
        )

    def pod_proxy(self, pod: str, number: int) -> Attempt:
        """Lets the API server dial the port at the pod's address. It sends an HTTP request."""
        deadline = self._deadline.earlier(PROXY_SECONDS)
        try:
            told = self._api.proxy_get(self._namespace, pod, number, deadline=deadline)
        except TimedOut as error:
            # The API server itself would wait for 30 seconds (its proxy's dialer).
            late = self._deadline.passed
            outcome: Outcome = "skipped" if late else "timeout"
            why = error.message if late else f"no answer within {PROXY_SECONDS:.0f} s"
            return Attempt(pod=pod, port=number, path="pod-proxy", outcome=outcome, detail=why)
        except ClusterError as error:
            return _not_made(_missing(error), pod, number, "pod-proxy")
        return Attempt(
            pod=pod, port=number, path="pod-proxy", outcome=told.outcome, detail=told.detail
        )

    def speak(self, pod: str, number: int, scheme: str, path: str) -> Attempt:
        """Sends one GET to a port that shows evidence of HTTP, through the API server.

        Where it ends without a byte, TLS is tried as well: some servers end a plain request so.
        """
        deadline = self._deadline.earlier(SPEAK_SECONDS)
        asked = f"{scheme} {path}"
        try:
            told = self._api.proxy_get(
                self._namespace, pod, number, path, scheme, deadline=deadline
            )
            if scheme == "http" and told.outcome == "reset":
                other = self._api.proxy_get(
                    self._namespace, pod, number, path, "https", deadline=deadline
                )
                told = other if other.speaks == "tls" else told
        except ClusterError as error:
            if not isinstance(error, TimedOut) or self._deadline.passed:
                missed = _not_made(_missing(error), pod, number, "pod-proxy")
                return msgspec.structs.replace(missed, request=asked)
            return Attempt(
                pod=pod,
                port=number,
                path="pod-proxy",
                outcome="timeout",
                detail=f"no answer within {SPEAK_SECONDS:.0f} s",
                request=asked,
            )
        return Attempt(
            pod=pod,
            port=number,
            path="pod-proxy",
            outcome=told.outcome,
            detail=told.detail,
            request=asked,
            status=told.status,
            speaks=told.speaks,
        )

    def source(self, wanted: Source) -> Source:
        """The pod of --from with the container to use, which kubectl would choose too.

        Raises UnknownTargetError where there is no such pod. Where pods may not be listed, the API
        server is left to choose.
        """
        namespace = wanted.namespace or self._namespace
        path = f"/api/v1/namespaces/{namespace}/pods"
        query = {"fieldSelector": f"metadata.name={wanted.pod}"}

        def read() -> tuple[Pod, ...]:
            raw = self._api.get(path, query, deadline=self._deadline.earlier(READ_SECONDS))
            return decode.decode(raw, decode.ListOf[Pod]).items

        found = observed(read, fatal=(Unauthorized, Unreachable))
        chosen = wanted._replace(namespace=namespace)
        if isinstance(found, Missing):
            return chosen
        if not found.value:
            raise UnknownTargetError(f'--from: pods "{wanted.pod}" not found in {namespace}', "")
        return chosen if wanted.container else chosen._replace(container=_default(found.value[0]))

    def dial_from(self, source: Source, dials: Sequence[Dial]) -> Observed[Told] | Missing:
        """Connects from inside a pod, with what its image has."""
        from kubectl_portcheck.collect.cluster import dial_from

        deadline = self._deadline.earlier(DIAL_SECONDS)
        pod = f"pod/{source.pod}"
        words = dial_from.arguments(dials)
        for argv in dial_from.SHELLS:
            try:
                ran = self._api.exec(
                    source.namespace,
                    source.pod,
                    source.container,
                    (*argv, *words),
                    deadline=deadline,
                )
            except ClusterError as error:
                missing = _missing(error)
                return msgspec.structs.replace(
                    missing, detail=f"from {pod} in {source.namespace}: {missing.detail}"
                )
            if told := dial_from.parse(ran.stdout, dials):
                return Observed(value=told)
        why = f"{pod} has nothing to connect with: no shell with bash, nc, python3, perl or curl"
        return Missing(reason=Reason.NO_SHELL, detail=why)

    @property
    def _core(self) -> str:
        return f"/api/v1/namespaces/{self._namespace}"

    def _workloads(
        self, kind: str, resource: str, selector: str
    ) -> Observed[tuple[Workload, ...]] | Missing:
        path = f"/apis/apps/v1/namespaces/{self._namespace}/{resource}"
        found = self._list(path, decode.ListOf[Workload], selector)
        if isinstance(found, Missing):
            return found
        return Observed(value=tuple(msgspec.structs.replace(w, kind=kind) for w in found.value))

    def _list(
        self, path: str, type_: type[decode.ListOf[K]], selector: str
    ) -> Observed[tuple[K, ...]] | Missing:
        return self._pages(path, type_, {"labelSelector": selector} if selector else {})

    def _pages(
        self, path: str, type_: type[decode.ListOf[R]], selected: Mapping[str, str]
    ) -> Observed[tuple[R, ...]] | Missing:
        def read() -> tuple[R, ...]:
            query = {"limit": PAGE, **selected}
            items: list[R] = []
            while True:
                raw = self._api.get(path, query, deadline=self._deadline.earlier(READ_SECONDS))
                page, odd = decode.page(raw, type_)
                if odd:
                    # The others alone could look as if it did not exist.
                    raise ValueError(odd[0].missing(path.rpartition("/")[2]).detail)
                items += map(decode.cut_down, page.items)
                if not page.metadata.continue_:
                    return tuple(items)
                query["continue"] = page.metadata.continue_

        return observed(read)

    def _collection(self, kind: TargetKind, namespace: str | None = None) -> str:
        """The path of all objects of a kind in the namespace; '' means in every namespace."""
        root = f"/apis/{kind.group}/v1" if kind.group else "/api/v1"
        space = self._namespace if namespace is None else namespace
        inside = f"/namespaces/{space}" if space else ""
        return f"{root}{inside}/{kind.plural}"

    def _did_you_mean(self, kind: TargetKind, name: str) -> str:
        """The nearest name here, and the other namespaces that have the very name."""
        deadline = self._deadline.earlier(SUGGEST_SECONDS)
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
        page = decode.decode(self._api.get(path, query, deadline=deadline), decode.ListOf[_Named])
        return [(o.metadata.namespace, o.metadata.name) for o in page.items]


class _Named(Record, frozen=True):
    """An object, of which only the name matters."""

    metadata: ObjectMeta = ObjectMeta()


def _some(words: Sequence[str], most: int = 5) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return f"{', '.join(words[:most])}{more}"


def _default(pod: Pod) -> str:
    """The container that kubectl exec takes: the annotated one, else the first that runs."""
    named = pod.metadata.annotations.get("kubectl.kubernetes.io/default-container", "")
    running = running_containers(pod)
    return named if named in running else next(iter(running), "")


def observed(
    read: Callable[[], T], fatal: tuple[type[ClusterError], ...] = ()
) -> Observed[T] | Missing:
    """What was read, or why it could not be. Failures of the classes in ``fatal`` are raised."""
    try:
        return Observed(value=read())
    except ClusterError as error:
        if isinstance(error, (ConfigurationError, *fatal)):
            raise
        return _missing(error)
    except ValueError as error:
        return Missing(reason=Reason.FAILED, detail=f"the API server's answer is odd: {error}")


def _not_made(why: Missing, pod: str, number: int, path: Path) -> Attempt:
    """An attempt that could not be made."""
    return Attempt(
        pod=pod, port=number, path=path, outcome="skipped", detail=why.detail, right=why.right
    )


def _missing(error: ClusterError) -> Missing:
    if isinstance(error, Forbidden):
        return _forbidden(error.message)
    if isinstance(error, NotFound):
        return Missing(reason=Reason.NOT_FOUND, detail=error.message)
    if isinstance(error, TimedOut):
        return Missing(reason=Reason.TIMED_OUT, detail=error.message)
    detail = f"{error.status}: {error.message}" if isinstance(error, ApiStatusError) else ""
    return Missing(reason=Reason.FAILED, detail=detail or error.message)


_RIGHT = re.compile(
    r'cannot (?P<verb>\w{1,20}) resource "(?P<resource>[\w.-]{1,63})'
    r'(?:/(?P<subresource>[\w-]{1,63}))?" in API group "(?P<group>[\w.-]{0,253})"'
    r'(?: in the namespace "(?P<namespace>[\w.-]{1,253})")?'
)
"""The API server's refusal. (k8s.io/apiserver, responsewriters ``forbiddenMessage``)"""


def _forbidden(message: str) -> Missing:
    """The missing right, in few words and as data; the server's message where it names none."""
    found = _RIGHT.search(message)
    if found is None:
        return Missing(reason=Reason.FORBIDDEN, detail=message)
    right = Right(**{name: part or "" for name, part in found.groupdict().items()})
    return Missing(reason=Reason.FORBIDDEN, detail=f"{right.words} is forbidden", right=right)


def _query(selector: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


def label_query(selector: LabelSelector | None) -> str:
    """A workload's selector in the form of a request's ``labelSelector``."""
    terms = [f"{k}={v}" for k, v in sorted(selector.match_labels.items())] if selector else []
    forms = {"Exists": "{}", "DoesNotExist": "!{}", "In": "{} in ({})", "NotIn": "{} notin ({})"}
    for term in selector.match_expressions if selector else ():
        form = forms.get(term.operator, "{}")
        terms.append(form.format(term.key, ",".join(term.values or ())))
    return ",".join(terms)
