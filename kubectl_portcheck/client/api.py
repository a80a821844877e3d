"""The Kubernetes API as the walk needs it: reads, commands, port-forwards and the pod proxy."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, TypeVar
from urllib.parse import urlencode

from kubectl_portcheck.client import port_forward
from kubectl_portcheck.client.connection import Connection
from kubectl_portcheck.client.credentials import Header
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import (
    ApiStatusError,
    BadAnswer,
    ClusterError,
    Forbidden,
    TooLarge,
    Unauthorized,
)
from kubectl_portcheck.client.exec import (
    V4,
    V5,
    ExecResult,
    exec_path,
    read_exec,
    worth_another_protocol,
)
from kubectl_portcheck.client.http import HttpClient, Log, Response
from kubectl_portcheck.client.kubeconfig import AuthProvider
from kubectl_portcheck.client.paths import plain_path
from kubectl_portcheck.client.pod_proxy import (
    ProxyAnswer,
    proxy_path,
    read_proxy_answer,
)
from kubectl_portcheck.client.port_forward import PortAnswer
from kubectl_portcheck.client.status import refusal, retry_after
from kubectl_portcheck.client.turns import Turns
from kubectl_portcheck.client.websocket import WebSocket, open_websocket
from kubectl_portcheck.inputs import holds_more, size
from kubectl_portcheck.inputs.limits import (
    ANSWER_BYTES,
    ANSWER_VALUES,
    OUTPUT_BYTES,
    PROXIED_BYTES,
    SMALL_BYTES,
)

T = TypeVar("T")

Query = Mapping[str, str | int]

MOST_STREAMS = 100
"""How many streams the API server works on at a time: a command and a port-forward in each of 50
pods. The limit has to be ours: API priority and fairness does not hold streams back. (k8s.io/
apiserver, server/filters/priority-and-fairness.go: "Skip tracking long running non-watch requests")
"""
MOST_RETRIES = 10
"""How often a request is sent again because the server asked for it, as in client-go."""


class Api:
    """One API server, spoken to from several threads.

    Every method takes a deadline and ends by it. Every method raises the exceptions of ``errors``:
    :class:`ApiStatusError` (and its children) where the server refused, :class:`Unreachable`,
    :class:`TimedOut`, :class:`BadAnswer`, :class:`ConfigurationError` for credentials that could
    not be had. ``close`` ends everything, also the waits of other threads.
    """

    def __init__(self, connection: Connection, log: Log | None = None) -> None:
        self.connection = connection
        connection.credentials.renew = self._renew_provider
        self._http = HttpClient(connection, log)
        self.streams = Turns(MOST_STREAMS, "other streams")
        """The turns of streams; who begins one takes its turn first, and its deadline then."""
        self._lock = threading.Lock()
        self._decoding = threading.Lock()
        self._protocols: tuple[str, ...] | None = None
        """The exec subprotocols that are known to work, once one has."""
        self._refused: dict[str, Forbidden] = {}
        """Namespaces where a WebSocket is refused and kubectl is not, with the refusal."""
        self._useless: set[str] = set()
        """Namespaces where kubectl is refused as well."""

    def _renew_provider(
        self, deadline: Deadline, cancelled: threading.Event
    ) -> AuthProvider | None:
        from kubectl_portcheck.client.kubectl import renew_provider

        return renew_provider(self.connection, deadline, cancelled)

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes every connection; may be called from any thread, and more than once."""
        self._http.close()

    def warm(self, count: int, *, deadline: Deadline) -> None:
        """Has so many connections opened ahead where the network turns out to be slow.

        Worth it at the very beginning of a run that will contact pods: the streams then begin
        without the round trips of TCP and TLS. Raises nothing; returns at once.
        """
        self._http.warm(count, deadline)

    def get(self, path: str, query: Query | None = None, *, deadline: Deadline) -> bytes:
        """Reads a resource: the body, which is JSON. Of a large one :meth:`read` takes care."""
        return self.read(path, query, as_=bytes, deadline=deadline)

    def read(
        self,
        path: str,
        query: Query | None = None,
        *,
        as_: Callable[[bytes], T],
        deadline: Deadline,
        accept: str = "application/json",
    ) -> T:
        """Reads a resource as whatever ``as_`` makes of its body, which is JSON.

        An answer that asks to come again later (429, or a 5xx with Retry-After) is repeated as long
        as the deadline allows.
        """
        with self._veil():
            return self._read(
                path, query, lambda raw: as_(self._veiled_bytes(raw)), deadline, accept
            )

    def _read(
        self,
        path: str,
        query: Query | None,
        as_: Callable[[bytes], T],
        deadline: Deadline,
        accept: str,
    ) -> T:
        full = plain_path(path) + (f"?{urlencode(query)}" if query else "")
        deadline = deadline.earlier(self.connection.request_timeout)
        headers = [("Accept", accept)]
        if self.connection.compression:
            headers.append(("Accept-Encoding", "gzip"))
        response = self._repeated(full, headers, deadline)
        if response.status >= 300:
            raise self._refusal(response)
        try:
            return self._understood(response, as_)
        finally:
            if response.turn is not None:
                response.turn.end()

    def _understood(self, response: Response, as_: Callable[[bytes], T]) -> T:
        """What ``as_`` makes of an answer's body."""
        if not response.complete:
            raise TooLarge(f"the answer is larger than {size(ANSWER_BYTES)}")
        if response.content_type not in ("application/json", "text/plain", ""):
            raise BadAnswer(
                f"the server answered with {response.content_type}, not JSON",
                "Is there a proxy or a login page before the API server?",
            )
        if response.content_type == "application/json" and not _whole(response.body):
            raise BadAnswer("the answer is not whole JSON")
        if holds_more(response.body, ANSWER_VALUES):
            raise TooLarge(f"the answer holds more than {ANSWER_VALUES} values")
        if len(response.body) <= SMALL_BYTES:
            return as_(response.body)
        # Decoding is one thread's work at a time in any case, and takes much more memory.
        with self._decoding:
            return as_(response.body)

    def patch(self, path: str, body: bytes, *, deadline: Deadline) -> None:
        """Changes an object by a strategic merge patch, one that may be sent twice."""
        with self._veil():
            self._send(
                "PATCH", plain_path(path), "application/strategic-merge-patch+json", body, deadline
            )

    def json_patch(
        self,
        path: str,
        body: bytes,
        *,
        dry_run: bool,
        as_: Callable[[bytes], T],
        deadline: Deadline,
    ) -> T:
        """Changes an object by a JSON patch; with ``dry_run`` nothing is stored."""
        query = {"fieldManager": "kubectl-portcheck", **({"dryRun": "All"} if dry_run else {})}
        with self._veil():
            full = f"{plain_path(path)}?{urlencode(query)}"
            response = self._send("PATCH", full, "application/json-patch+json", body, deadline)
            return self._understood(response, lambda raw: as_(self._veiled_bytes(raw)))

    def review(self, path: str, body: bytes, *, as_: Callable[[bytes], T], deadline: Deadline) -> T:
        """Asks for a review, such as a SelfSubjectRulesReview: a POST that stores nothing."""
        with self._veil():
            response = self._send("POST", plain_path(path), "application/json", body, deadline)
            return self._understood(response, lambda raw: as_(self._veiled_bytes(raw)))

    def _send(
        self,
        method: Literal["PATCH", "POST"],
        path: str,
        content_type: str,
        body: bytes,
        deadline: Deadline,
    ) -> Response:
        headers = [
            ("Accept", "application/json"),
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
        ]
        identity = self._with_identity(headers, deadline)
        response = self._http.send(method, path, identity, body, deadline)
        if response.status >= 300:
            raise self._refusal(response)
        return response

    def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        argv: Sequence[str],
        *,
        deadline: Deadline,
        limit_bytes: int = OUTPUT_BYTES,
    ) -> ExecResult:
        """Runs a command in a container, with neither standard input nor terminal.

        What goes wrong after the start is part of the result. Where the server fails with one
        subprotocol in a way that another may not meet, that one is tried too, and remembered. Where
        only the right ``get`` on pods/exec is missing, the kubectl beside us runs the command.
        """
        with self._veil():
            result = self._exec_somehow(namespace, pod, container, argv, deadline, limit_bytes)
        return result._replace(
            stdout=self._veiled_bytes(result.stdout),
            stderr=self._veiled_bytes(result.stderr),
            error=self._veiled(result.error),
        )

    def _exec_somehow(
        self,
        namespace: str,
        pod: str,
        container: str,
        argv: Sequence[str],
        deadline: Deadline,
        limit_bytes: int,
    ) -> ExecResult:
        """Runs a command over a WebSocket, or through kubectl where that is refused."""
        with self._lock:
            refused = self._refused.get(namespace)
        if refused is None:
            try:
                return self._exec(namespace, pod, container, argv, deadline, limit_bytes)
            except Forbidden as error:
                refused = error
        return self._exec_beside(refused, namespace, pod, container, argv, deadline, limit_bytes)

    def _exec_beside(
        self,
        refused: Forbidden,
        namespace: str,
        pod: str,
        container: str,
        argv: Sequence[str],
        deadline: Deadline,
        limit_bytes: int,
    ) -> ExecResult:
        """Runs a command through kubectl, if that can help; else raises the refusal."""
        from kubectl_portcheck.client import kubectl as beside

        found = None
        if namespace not in self._useless and beside.may_work_with_kubectl(refused):
            found = beside.find_kubectl(self.connection.environ)
        if found is None:
            raise refused
        try:
            result = beside.exec_with_kubectl(
                self.connection,
                found,
                namespace,
                pod,
                container,
                argv,
                deadline=deadline,
                limit_bytes=limit_bytes,
                cancelled=self._http.closed,
            )
        except Forbidden as error:
            with self._lock:
                self._useless.add(namespace)
            # kubectl reads the pod first, and may be refused that: what we lack is said instead.
            raise (error if "pods/exec" in error.message else refused) from None
        with self._lock:
            self._refused[namespace] = refused
        return result

    def _exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        argv: Sequence[str],
        deadline: Deadline,
        limit_bytes: int,
    ) -> ExecResult:
        """Runs a command over a WebSocket."""
        path = exec_path(namespace, pod, container, argv)
        with self._lock:
            known = self._protocols
        tries: list[tuple[str, ...]] = [known] if known else [(V5, V4), (V4,), (V5,)]
        failure: ApiStatusError | ExecResult | None = None
        for protocols in tries:
            stream = self._open(path, protocols, deadline, _right("pods/exec", namespace))
            if isinstance(stream, ApiStatusError):
                outcome: ApiStatusError | ExecResult = stream
                spoken = protocols
            else:
                with stream:
                    outcome = read_exec(stream, limit_bytes, self._http.turns)
                    spoken = (stream.protocol,)
            if deadline.passed or not worth_another_protocol(outcome):
                if isinstance(outcome, ApiStatusError):
                    raise outcome
                if outcome.exit_code is not None:
                    with self._lock:
                        self._protocols = spoken
                return outcome
            failure = failure or outcome
        assert failure is not None
        if isinstance(failure, ApiStatusError):
            raise failure
        return failure

    def log(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool,
        lines: int,
        limit_bytes: int,
        deadline: Deadline,
    ) -> bytes:
        """Reads the last lines that a container wrote, or that its previous instance did."""
        query: dict[str, str | int] = {
            "container": container,
            "tailLines": lines,
            "limitBytes": limit_bytes,
        }
        if previous:
            query["previous"] = "true"
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        return self.read(path, query, as_=bytes, deadline=deadline, accept="application/json, */*")

    def try_ports(
        self,
        namespace: str,
        pod: str,
        ports: Sequence[int],
        *,
        deadline: Deadline,
        done: Callable[[], object] = bool,
    ) -> dict[int, PortAnswer]:
        """Connects to ports of a pod's loopback by port-forward and sends nothing.

        ``done`` is called when the server has nothing left to do for it, which may be earlier than
        that is known to be so.
        """
        asked = list(dict.fromkeys(ports))
        if not asked:
            return {}
        asked.append(port_forward.fence_for(asked))
        began = time.monotonic()
        path = port_forward.port_forward_path(namespace, pod, asked)
        with self._veil():
            stream = self._open(path, (V4,), deadline, _right("pods/portforward", namespace))
            if isinstance(stream, ApiStatusError):
                raise stream
            with stream:
                took = time.monotonic() - began
                answers = port_forward.read_answers(stream, asked, deadline, took, done)
        return {n: k._replace(detail=self._veiled(k.detail)) for n, k in answers.items()}

    def proxy_get(
        self,
        namespace: str,
        pod: str,
        port: int,
        path: str = "/",
        scheme: str = "http",
        *,
        deadline: Deadline,
    ) -> ProxyAnswer:
        """Lets the API server send a GET to a pod's address. The program there receives it."""
        full = proxy_path(namespace, pod, port, path, scheme)
        with self._veil():
            headers = self._with_identity((), deadline)
            response = self._http.get(full, headers, deadline, most=PROXIED_BYTES)
            answer = read_proxy_answer(response, scheme)
        return answer._replace(detail=self._veiled(answer.detail))

    # Nothing that a server sends back may hold what identifies us

    @contextmanager
    def _veil(self) -> Iterator[None]:
        try:
            yield
        except ClusterError as error:
            error.message = self._veiled(error.message)
            error.args = (error.message,)
            if isinstance(error, ApiStatusError):
                error.reason = self._veiled(error.reason)
            raise

    def _veiled(self, text: str) -> str:
        return self.connection.credentials.veiled(text)

    def _veiled_bytes(self, data: bytes) -> bytes:
        return self.connection.credentials.veiled_bytes(data)

    def _with_identity(self, headers: Sequence[Header], deadline: Deadline) -> list[Header]:
        identity = self.connection.credentials.identity(deadline, self._http.closed)
        full = [*headers, *self.connection.headers]
        if identity.authorization:
            full.append(("Authorization", identity.authorization))
        return full

    def _repeated(self, path: str, headers: Sequence[Header], deadline: Deadline) -> Response:
        """A request, sent again where the server asks for that."""
        for _ in range(MOST_RETRIES):
            response = self._http.get(
                path, self._with_identity(headers, deadline), deadline, most=ANSWER_BYTES
            )
            if not self._pause(response, deadline):
                break
        return response

    def _pause(self, response: Response, deadline: Deadline) -> bool:
        """Waits if the server asked for it; False where it did not, or the time is too short."""
        if response.status != 429 and response.status < 500:
            return False
        seconds = retry_after(response)
        if seconds is None or seconds >= deadline.remaining():
            return False
        return not self._http.closed.wait(seconds)

    def _refusal(self, response: Response) -> ApiStatusError:
        """The exception for a refusal, with what can be said about our own credentials."""
        error = refusal(response)
        if isinstance(error, Unauthorized):
            self.connection.credentials.refused()
            whose = f'of user "{self.connection.user_name}" ' if self.connection.user_name else ""
            day = self.connection.credentials.expired_on()
            error.hint = (
                f"The client certificate {whose}expired on {day}."
                if day
                else f"The credentials {whose}are missing, wrong or expired: log in again."
            )
        return error

    def _open(
        self, path: str, protocols: Sequence[str], deadline: Deadline, right: str
    ) -> WebSocket | ApiStatusError:
        """A stream, or the refusal. ``right`` is what the server wants besides ``get``."""
        for _ in range(MOST_RETRIES):
            headers = self._with_identity((), deadline)
            stream = open_websocket(self._http, path, headers, protocols, deadline)
            if isinstance(stream, WebSocket):
                return stream
            refused = self._refusal(stream)
            if not self._pause(stream, deadline):
                break
        if isinstance(refused, Forbidden) and refused.message.rstrip().endswith("is forbidden:"):
            # From 1.35 on a WebSocket needs ``create`` as well; where that is missing, RBAC gives
            # no reason and the message ends here.
            message = f"{refused.message.rstrip()} {right}"
            return Forbidden(refused.status, refused.reason, message)
        return refused


def _right(resource: str, namespace: str) -> str:
    """The second right of a stream, worded as the API server words a missing one."""
    return f'cannot create resource "{resource}" in API group "" in the namespace "{namespace}"'


def _whole(body: bytes) -> bool:
    """Whether a JSON object looks complete; whether it is, its decoder says."""
    return body[:1] == b"{" and body[-64:].rstrip()[-1:] == b"}"
