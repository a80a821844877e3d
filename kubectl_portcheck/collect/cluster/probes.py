"""Contact with the pods of a live cluster. Whatever fails becomes a part that is missing."""

import time
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import msgspec

from kubectl_portcheck import timeouts
from kubectl_portcheck.client import Api, ClusterError, Deadline, ExecResult, TimedOut
from kubectl_portcheck.collect import decode
from kubectl_portcheck.collect.cluster import debug_container
from kubectl_portcheck.collect.cluster.cluster import Read
from kubectl_portcheck.collect.cluster.debug_container import Debug
from kubectl_portcheck.collect.cluster.from_pod import Dial, DialResults, Names, Seat
from kubectl_portcheck.collect.cluster.listeners import Run, find_listeners, second_look
from kubectl_portcheck.collect.cluster.missing import missing, observed
from kubectl_portcheck.collect.cluster.once import Lately
from kubectl_portcheck.inputs.limits import LOG_BYTES, LOG_LINES
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt, Outcome, Path, PodSockets
from kubectl_portcheck.model.seat import Dns
from kubectl_portcheck.semantics.pods import is_ready

T = TypeVar("T")


SAME_MOMENT = 5.0
"""For so many seconds it is not asked again what a pod listens on."""


class LiveProbes:
    """The pods of one namespace; safe to use from several threads.

    Several Services may lead to one pod. A node starts the commands in a container one after the
    other, and goes on with them where the client is gone. So walks share by ``lately`` what a pod
    was seen to listen on; not across a change that its kubelet reports, nor what was asked before
    ``since``, on the monotonic clock.
    """

    def __init__(
        self,
        api: Api,
        namespace: str,
        deadline: Deadline,
        lately: Lately | None = None,
        since: float = 0.0,
    ) -> None:
        self._api = api
        self._lately = lately or Lately(SAME_MOMENT)
        self._since = since
        self._namespace = namespace
        self._deadline = deadline

    def sockets(self, pod: Pod) -> Read[PodSockets]:
        """Find out what listens in the pod, by whatever its containers have to ask with."""

        def ask() -> Read[PodSockets]:
            return self._in_turn(lambda: _on_node(pod, find_listeners(pod, self._run(pod))))

        return self._lately(("sockets", *_as_reported(pod)), ask, since=self._since)

    def debug_sockets(self, pod: Pod, debug: Debug) -> Read[PodSockets]:
        """Find it out by an ephemeral container, which is added to the pod if it has none."""
        answering = self._with_debug_container(self._namespace, pod.metadata.name, debug)
        if isinstance(answering, Missing):
            return answering
        return self._in_turn(lambda: find_listeners(answering, self._run(answering)))

    def debug_seat(self, seat: Seat, debug: Debug) -> Seat | Missing:
        """Give the seat in an ephemeral container, which is added to the pod if it has none."""
        made = self._with_debug_container(seat.namespace, seat.pod, debug)
        if isinstance(made, Missing):
            return made
        return seat._replace(container=debug_container.NAME, others=())

    def backlog(self, pod: Pod, found: PodSockets) -> PodSockets:
        """The same with another look at the connections that were waiting to be accepted."""
        key = ("backlog", *_as_reported(pod), found)
        return self._lately(key, lambda: second_look(found, self._run(pod)), since=self._since)

    def _in_turn(self, ask: Callable[[], Read[T]]) -> Read[T]:
        """Ask a pod when it is its turn; what bounds the question begins then."""
        try:
            turn = self._api.streams.take(self._deadline)
        except ClusterError as error:
            return missing(error)
        try:
            return ask()
        finally:
            turn.end()

    def _run(self, pod: Pod) -> Run:
        """Runs commands in the pod's containers, all of them within one deadline."""
        deadline = self._deadline.earlier(timeouts.EXEC)

        def run(container: str, argv: Sequence[str]) -> ExecResult | Missing:
            try:
                return self._api.exec(
                    self._namespace, pod.metadata.name, container, argv, deadline=deadline
                )
            except ClusterError as error:
                return missing(error)

        return run

    def _with_debug_container(self, space: str, name: str, debug: Debug) -> Pod | Missing:
        """Give the pod with its debug container, made where it has none, once that one runs."""
        deadline = self._deadline.earlier(timeouts.START)
        try:
            pod = self._read(space, name, deadline)
            if pod is None:
                return Missing(reason=Reason.NOT_FOUND, detail=f'pods "{name}" not found')
            if debug_container.status_of(pod) is None:
                debug.say(debug_container.warning(debug, space, name))
                body = debug_container.patch_body(debug.image)
                path = f"{_pods_of(space)}/{name}/ephemeralcontainers"
                self._api.patch(path, body, deadline=deadline)
            while True:
                if (failed := debug_container.failure(pod)) is not None:
                    return failed
                if debug_container.runs(pod):
                    return debug_container.with_only_itself(pod)
                if deadline.remaining() < debug_container.POLL_SECONDS:
                    why = f"the debug container of {name} did not start in time"
                    return Missing(reason=Reason.TIMED_OUT, detail=why)
                time.sleep(debug_container.POLL_SECONDS)
                pod = self._read(space, name, deadline) or pod
        except (ClusterError, ValueError) as error:
            failed = missing(error)
            return msgspec.structs.replace(failed, detail=f"debug container: {failed.detail}")

    def _read(self, space: str, name: str, deadline: Deadline) -> Pod | None:
        """Read the pod by a list, for which no further right is needed."""
        query = {"fieldSelector": f"metadata.name={name}"}
        found = self._api.read(
            _pods_of(space),
            query,
            as_=lambda raw: decode.decode(raw, decode.ListOf[Pod]),
            deadline=deadline,
        )
        return next(iter(found.items), None)

    def log(self, pod: str, container: str, *, previous: bool) -> Read[bytes]:
        """Read the last lines that a container wrote."""
        deadline = self._deadline.earlier(timeouts.LOG)

        def read() -> bytes:
            return self._api.log(
                self._namespace,
                pod,
                container,
                previous=previous,
                lines=LOG_LINES,
                limit_bytes=LOG_BYTES,
                deadline=deadline,
            )

        return observed(read)

    def try_ports(self, pod: str, numbers: Sequence[int], path: Path) -> tuple[Attempt, ...]:
        """Connects to ports of the pod by port-forward, and sends nothing."""
        turn = None
        try:
            turn = self._api.streams.take(self._deadline)
            answers = self._api.try_ports(
                self._namespace,
                pod,
                numbers,
                deadline=self._deadline.earlier(timeouts.PORT_FORWARD),
                done=turn.end,
            )
        except ClusterError as error:
            return tuple(_not_made(missing(error), pod, n, path) for n in numbers)
        finally:
            if turn is not None:
                turn.end()
        return tuple(
            Attempt(pod=pod, port=n, path=path, outcome=k.outcome, detail=k.detail)
            for n, k in answers.items()
        )

    def pod_proxy(self, pod: str, number: int) -> Attempt:
        """Lets the API server dial the port at the pod's address. It sends an HTTP request."""
        deadline = self._deadline.earlier(timeouts.PROXY)
        try:
            answer = self._api.proxy_get(self._namespace, pod, number, deadline=deadline)
        except TimedOut as error:
            # The API server itself would wait for 30 seconds (its proxy's dialer).
            late = self._deadline.passed
            outcome: Outcome = "skipped" if late else "timeout"
            why = error.message if late else f"no answer within {timeouts.PROXY:.0f} s"
            return Attempt(pod=pod, port=number, path="pod-proxy", outcome=outcome, detail=why)
        except ClusterError as error:
            return _not_made(missing(error), pod, number, "pod-proxy")
        return Attempt(
            pod=pod, port=number, path="pod-proxy", outcome=answer.outcome, detail=answer.detail
        )

    def speak(self, pod: str, number: int, scheme: str, path: str) -> Attempt:
        """Sends one GET to a port that shows evidence of HTTP, through the API server.

        Where it ends without a byte, TLS is tried as well: some servers end a plain request so.
        """
        deadline = self._deadline.earlier(timeouts.SPEAK)
        asked = f"{scheme} {path}"
        try:
            answer = self._api.proxy_get(
                self._namespace, pod, number, path, scheme, deadline=deadline
            )
            if scheme == "http" and answer.outcome == "reset":
                other = self._api.proxy_get(
                    self._namespace, pod, number, path, "https", deadline=deadline
                )
                answer = other if other.speaks == "tls" else answer
        except ClusterError as error:
            if not isinstance(error, TimedOut) or self._deadline.passed:
                missed = _not_made(missing(error), pod, number, "pod-proxy")
                return msgspec.structs.replace(missed, request=asked)
            return Attempt(
                pod=pod,
                port=number,
                path="pod-proxy",
                outcome="timeout",
                detail=f"no answer within {timeouts.SPEAK:.0f} s",
                request=asked,
            )
        return Attempt(
            pod=pod,
            port=number,
            path="pod-proxy",
            outcome=answer.outcome,
            detail=answer.detail,
            request=asked,
            status=answer.status,
            speaks=answer.speaks,
        )

    def dial_from(self, seat: Seat, dials: Sequence[Dial]) -> Read[DialResults]:
        """Connects from inside a pod, with what its image has."""
        from kubectl_portcheck.collect.cluster import dial_from

        words = dial_from.arguments(dials)
        why = "connect with: no shell with bash, nc, python3, perl or curl, and no python3 either"
        return self._run_in(
            seat, dial_from.SHELLS, words, lambda out: dial_from.parse(out, dials), why
        )

    def resolve_from(self, seat: Seat, names: Names) -> Read[Dns]:
        """Looks up the Service's name inside a pod, with what its image has."""
        from kubectl_portcheck.collect.cluster import resolve_from

        why = (
            "look up a name with: no shell with python3, perl, node, getent, bash or nslookup, "
            "and no python3 or node either"
        )
        return self._run_in(
            seat,
            resolve_from.SHELLS,
            names,
            lambda out: resolve_from.parse(out, names.used),
            why,
        )

    def _run_in(
        self,
        seat: Seat,
        shells: Sequence[Sequence[str]],
        words: Sequence[str],
        parse: Callable[[bytes], T | None],
        lacks: str,
    ) -> Read[T]:
        """Run the first of the programs that the image has, and read what it prints."""
        deadline = self._deadline.earlier(timeouts.DIAL)
        pod = f"pod/{seat.pod}"
        for argv in shells:
            try:
                ran = self._api.exec(
                    seat.namespace, seat.pod, seat.container, (*argv, *words), deadline=deadline
                )
            except ClusterError as error:
                failed = missing(error)
                return msgspec.structs.replace(
                    failed, detail=f"from {pod} in {seat.namespace}: {failed.detail}"
                )
            if (found := parse(ran.stdout)) is not None:
                return Observed(value=found)
        return Missing(reason=Reason.NO_SHELL, detail=f"{pod} has nothing to {lacks}")


def _as_reported(pod: Pod) -> tuple[Hashable, ...]:
    """The pod, and what its kubelet reports of it. What a pod listened on before it was Ready says
    nothing of the time since."""
    metadata = pod.metadata
    containers = [(s.name, s.ready, s.restart_count) for s in pod.status.container_statuses]
    return metadata.namespace, metadata.name, metadata.uid, is_ready(pod), *containers


def _on_node(pod: Pod, found: Read[PodSockets]) -> Read[PodSockets]:
    """The same, where exec failed, with the node whose kubelet was asked."""
    unanswered = (Reason.TIMED_OUT, Reason.FAILED)
    if isinstance(found, Observed) or found.reason not in unanswered or not pod.spec.node_name:
        return found
    return msgspec.structs.replace(
        found, detail=f"exec on node {pod.spec.node_name}: {found.detail or found.reason}"
    )


def _pods_of(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods"


def _not_made(why: Missing, pod: str, number: int, path: Path) -> Attempt:
    """An attempt that could not be made."""
    return Attempt(
        pod=pod, port=number, path=path, outcome="skipped", detail=why.detail, right=why.right
    )
