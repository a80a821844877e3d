"""The walk: gathers the evidence about one Service, side by side, in the order of what depends
on what. Everything that can fail here becomes a part that is missing; the rest goes on.

First the Service and its EndpointSlices, which need its name alone; then its pods, which need its
selector; then each pod by itself: its sockets and its port-forwards, and what only the sockets tell
where to look for. What stands around the Service is read beside all that.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from typing import Any, NamedTuple, TypeVar

import msgspec

from kubectl_portcheck.collect.cluster import neighbours
from kubectl_portcheck.collect.cluster.cluster import Cluster, Read
from kubectl_portcheck.collect.cluster.debug_container import Debug
from kubectl_portcheck.collect.cluster.from_pod import Source, Told
from kubectl_portcheck.collect.cluster.progress import Progress
from kubectl_portcheck.collect.cluster.remembered import Memory
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import NOT_ASKED, InCluster, ServiceEvidence, ServiceForward
from kubectl_portcheck.model.objects import (
    ObjectMeta,
    Pod,
    Service,
    ServicePort,
)
from kubectl_portcheck.model.probes import Attempt, Path, PodSockets
from kubectl_portcheck.model.references import NetworkPolicy, Route
from kubectl_portcheck.model.report import StepName
from kubectl_portcheck.semantics import listening, pods, policies, ports, probes, speech
from kubectl_portcheck.semantics.references import concerning
from kubectl_portcheck.target import Target

T = TypeVar("T")

AT_ONCE = 50
"""How many pods are looked into at the same time."""
MOST_KNOCKS = 16
"""How many ports of one pod are knocked on at most, besides those that clients are sent to."""
PROBES: tuple[StepName, ...] = ("listening-ports", "pod-port-forward", "service-port-forward")
DEBUG_PORTS = (5005, 9229)
"""Ports of debuggers (JDWP, Node.js), where even a connection can have an effect."""


class Options(NamedTuple):
    """What the user left out, and asked for besides."""

    exec: bool = True
    port_forward: bool = True
    source: Source | None = None
    """The pod of ``--from``."""
    memory: Memory | None = None
    """What earlier walks of a run that repeats them saw."""
    debug: Debug | None = None
    """The ephemeral container for pods that have nothing to ask with."""
    speak: bool = True
    """Whether ports with evidence of HTTP are sent a request."""
    deep: bool = False
    """Whether a sweep is to look into every pod."""


def walk(
    cluster: Cluster,
    target: Target,
    options: Options,
    progress: Progress,
    foreign_routes: tuple[Route, ...] = (),
) -> tuple[ServiceEvidence, bool]:
    """Gather the evidence about the target, and say whether it is whole: Ctrl-C ends it early.

    ``foreign_routes`` are the routes of other namespaces that are known to name the Service.

    Raises PortcheckError where there is no such Service, and KeyboardInterrupt where nothing was
    found yet. Threads may still wait for the cluster after an interrupt; closing its connections
    ends them.
    """
    pool = ThreadPoolExecutor(max_workers=2 * AT_ONCE)
    second = ThreadPoolExecutor(max_workers=2 * AT_ONCE)
    steps = Walk(cluster, target, options, progress, pool.submit, second.submit, foreign_routes)
    try:
        steps.run()
    except KeyboardInterrupt:
        if steps.found is None:
            raise
        return steps.gathered(), False
    finally:
        for threads in (pool, second):
            threads.shutdown(wait=False, cancel_futures=True)
    return steps.gathered(), True


class Walk:
    """One walk. ``run`` goes it; ``gathered`` may be asked at any time, from any thread."""

    def __init__(
        self,
        cluster: Cluster,
        target: Target,
        options: Options,
        progress: Progress,
        start: neighbours.Start,
        later: neighbours.Start,
        foreign_routes: tuple[Route, ...] = (),
    ) -> None:
        self.reads, self.probes = cluster
        self.foreign_routes = foreign_routes
        self.target = target
        self.options = options
        self.progress = progress
        self.start = start
        self.later = later
        """Starts what a started part waits for: with threads of its own, since parts that wait for
        each other in one queue could fill it."""
        self.found: ServiceEvidence | None = None
        self.parts: dict[str, Future[Any]] = {}
        """What is being read, by the field of the evidence that it fills."""
        self.looks: dict[str, Future[tuple[Read[PodSockets], tuple[Attempt, ...]]]] = {}
        """By pod name."""

    def gathered(self) -> ServiceEvidence:
        """All that is known by now."""
        assert self.found is not None
        unfinished = Missing(reason=Reason.INTERRUPTED, detail="interrupted")
        ended = {name: _result(look) for name, look in self.looks.items()}
        parts = {
            name: unfinished if (value := _result(part)) is None else value
            for name, part in self.parts.items()
            if name not in ("service_forwards", "told")
        }
        forwards = self.parts.get("service_forwards")
        in_cluster, within = self._told()
        whole = msgspec.structs.replace(
            self.found,
            **parts,
            service_forwards=(forwards and _result(forwards)) or (),
            sockets={n: look[0] if look else unfinished for n, look in ended.items()},
            attempts=(*(a for look in ended.values() if look for a in look[1]), *within),
            in_cluster=in_cluster,
        )
        return concerning(whole)

    def _told(self) -> tuple[Read[InCluster], tuple[Attempt, ...]]:
        """What --from met at the Service's address, and at the pods'."""
        part, source = self.parts.get("told"), self.options.source
        if part is None or source is None:
            return NOT_ASKED, ()
        told: Read[Told] | None = _result(part)
        if told is None:
            return Missing(reason=Reason.INTERRUPTED, detail="interrupted"), ()
        if isinstance(told, Missing):
            return told, ()
        found = InCluster(
            namespace=source.namespace,
            pod=source.pod,
            container=source.container,
            tool=told.value.tool,
            attempts=tuple(a for a in told.value.attempts if not a.pod),
        )
        return Observed(value=found), tuple(a for a in told.value.attempts if a.pod)

    def _dial_from(self, service: Service, found: Sequence[Pod]) -> None:
        """Starts the connections from inside a pod, where they were asked for."""
        source = self.options.source
        if source is None or service.spec.type == "ExternalName":
            return
        asked = ports.selected_port(service, self.target.port)
        running = [
            (pod, _plain_http(service, asked, pod)) for pod in found if pods.has_running_main(pod)
        ]

        def dial() -> Read[Told]:
            from kubectl_portcheck.collect.cluster.dial_from import dials_for

            dials = dials_for(service, asked, running)
            if not dials:
                return Missing(reason=Reason.NOT_FOUND, detail="there is no address to connect to")
            return self.probes.dial_from(source, dials)

        self.parts["told"] = self.start(dial)

    def run(self) -> None:
        """The whole walk; ``gathered`` has what it found, also where it was interrupted."""
        self.progress.started("endpoints")
        self.parts["endpoint_slices"] = self.start(self.reads.endpoint_slices, self.target.name)
        self.parts["endpoint_slices"].add_done_callback(lambda _: self.progress.done("endpoints"))
        self.parts |= neighbours.around_the_name(self.reads, self.start, self.foreign_routes)
        read = self.reads.service(self.target.name)
        self.found = _begun(read, self.target)
        service = self.found.service
        self.progress.done("target-port")
        self.parts |= neighbours.around_the_service(self.reads, self.start, service)
        if service.spec.selector and service.spec.type != "ExternalName":
            self._pods(service, service.spec.selector)
        else:
            self._dial_from(service, ())
        wait(self.parts.values())

    def _pods(self, service: Service, selector: dict[str, str]) -> None:
        self.progress.started("pod-status")
        self.parts["pods"] = self.start(self.reads.pods, selector)
        selected: Read[tuple[Pod, ...]] = self.parts["pods"].result()
        self.progress.done("pod-status")
        if isinstance(selected, Missing):
            return
        self.parts |= neighbours.around_the_pods(self.reads, self.start, service, selected.value)
        if not selected.value:
            self.parts["deployments"] = self.start(self.reads.deployments)
            self.parts["namespace_pods"] = self.start(self.reads.pods, {})
            return
        alive = [p for p in selected.value if not pods.is_finished(p)]
        self._dial_from(service, alive)
        self._probes(service, selected.value, alive)

    def _probes(self, service: Service, selected: Sequence[Pod], alive: Sequence[Pod]) -> None:
        asked = ports.selected_port(service, self.target.port)
        for step in PROBES:
            self.progress.started(step)
        self.parts["service_forwards"] = self.start(
            self._service_forwards, service, asked, selected
        )
        for pod in alive:
            # A look waits for its knock, so the knock must be in the queue before it.
            tcp = [p for p in asked if p.protocol == "TCP"]
            targets = _targets(service, asked, pod)
            memory = self.options.memory
            if memory and (kept := memory.recall(pod, targets)):
                self.looks[pod.metadata.name] = Future()
                self.looks[pod.metadata.name].set_result(kept)
                continue
            knock = self.start(self._knock, pod, _worth_knocking(pod, targets))
            self.looks[pod.metadata.name] = self.start(
                self._look_into, service, tcp, pod, targets, knock
            )
        for number, look in enumerate(as_completed(self.looks.values()), 1):
            look.result()
            self.progress.started("listening-ports", f"{number} of {len(alive)} pods")
        self.progress.done("listening-ports")
        self.progress.done("pod-port-forward")
        self.parts["service_forwards"].result()
        self.progress.done("service-port-forward")

    def _look_into(
        self,
        service: Service,
        tcp: Sequence[ServicePort],
        pod: Pod,
        targets: set[int],
        knock: "Future[tuple[Attempt, ...]]",
    ) -> tuple[Read[PodSockets], tuple[Attempt, ...]]:
        """Steps 2 and 5 in one pod."""
        name = pod.metadata.name
        if not pods.has_running_main(pod):
            why = f"no container of {name} runs"
            return Missing(reason=Reason.NOT_RUNNING, detail=why), ()
        speaking = self._speak(service, tcp, pod, targets)
        sockets: Read[PodSockets] = (
            self.probes.sockets(pod)
            if self.options.exec
            else Missing(reason=Reason.NOT_ASKED, detail="left out by --no-exec")
        )
        if isinstance(sockets, Observed) and {q.port for q in sockets.value.queues} & targets:
            sockets = Observed(value=self.probes.backlog(pod, sockets.value))
        attempts = list(knock.result())
        spoken = [a for s in speaking if (a := s.result()).outcome != "skipped"]
        attempts += spoken
        said = {a.port for a in spoken}
        if isinstance(sockets, Observed):
            accepting, closed = _by_sockets(service, pod, sockets.value, targets)
            known = {a.port for a in attempts}
            unknown = sorted(accepting - known)[:MOST_KNOCKS] if closed else []
            silent = any(a.outcome == "timeout" for a in spoken)
            fences = self._fence(pod, sockets.value, targets - closed, silent=silent)
            attempts += self._second_look(pod, unknown, closed - said | fences)
        else:
            attempts += self._second_look(pod, [], _plain_http(service, tcp, pod) - said)
        if self.options.memory:
            self.options.memory.keep(pod, targets, (sockets, tuple(attempts)))
        return sockets, tuple(attempts)

    def _speak(
        self, service: Service, tcp: Sequence[ServicePort], pod: Pod, targets: set[int]
    ) -> "list[Future[Attempt]]":
        """Asks for an answer where there is evidence of HTTP: beside all else, and in no sweep."""
        if not (self.options.speak and self.options.port_forward):
            return []
        name = pod.metadata.name
        wanted = [(n, speech.expected(service, tcp, pod, n)) for n in sorted(targets)]
        return [self.later(self.probes.speak, name, n, e.scheme, e.path) for n, e in wanted if e]

    def _second_look(self, pod: Pod, knocks: list[int], proxied: set[int]) -> list[Attempt]:
        """What only the first look tells where to look for, side by side."""
        name = pod.metadata.name
        asked = [self.later(self.probes.pod_proxy, name, n) for n in sorted(proxied)]
        return [*self._knock(pod, knocks), *(a.result() for a in asked)]

    def _fence(self, pod: Pod, found: PodSockets, targets: set[int], *, silent: bool) -> set[int]:
        """The closed port that shows whether the API server reaches the pod; none as a rule.

        Where policies admit nobody to a target, or a request got no answer, the API server is asked
        to dial a port where nobody can receive what it sends: a refusal came back from the pod, no
        answer at all was dropped.
        """
        read: Read[tuple[NetworkPolicy, ...]] = self.parts["network_policies"].result()
        if isinstance(read, Missing) or not found.complete:
            return set()
        listening = {s.port for s in found.listeners}
        fences = set()
        if any(policies.admission(read.value, pod, n, "TCP").nobody for n in targets):
            fences.add(policies.fence_for(read.value, pod, listening))
        if silent:
            fences.add(policies.closed_port(read.value, pod, listening))
        return {f for f in fences if f is not None}

    def _knock(self, pod: Pod, numbers: Iterable[int]) -> tuple[Attempt, ...]:
        chosen = list(numbers)
        if not chosen or not pods.has_running_main(pod):
            return ()
        name = pod.metadata.name
        if not self.options.port_forward:
            return _skipped(name, chosen, "pod-port-forward")
        return self.probes.knock(name, chosen, "pod-port-forward")

    def _service_forwards(
        self, service: Service, asked: Sequence[ServicePort], found: Sequence[Pod]
    ) -> tuple[ServiceForward, ...]:
        """Step 6: kubectl's own choice of pod and port, then the same knock."""
        numbers = list(dict.fromkeys(p.port for p in asked if p.protocol != "UDP"))
        refused = [
            ServiceForward(port=p.port, reason="kubectl forwards no UDP port")
            for p in asked
            if p.protocol == "UDP" and p.port not in numbers
        ]
        pod = pods.forward_choice(found)
        if pod is None:
            return tuple(ServiceForward(port=n, reason="there is no pod") for n in numbers)
        name = pod.metadata.name
        if pod.status.phase != "Running":
            why = f"kubectl would take {name}, which is {pod.status.phase or 'not running'}"
            return tuple(ServiceForward(port=n, pod=name, reason=why) for n in numbers)
        targets = {n: ports.kubectl_target_port(service, n, pod) for n in numbers}
        wanted = sorted({t for t in targets.values() if t is not None})
        path: Path = "service-port-forward"
        if not self.options.port_forward:
            made = _skipped(name, wanted, path)
        else:
            made = self.probes.knock(name, wanted, path) if wanted else ()
        by_port = {a.port: a for a in made}
        tried = [
            ServiceForward(port=n, pod=name, pod_port=t, attempt=by_port.get(t))
            if t is not None
            else ServiceForward(port=n, pod=name, reason=f"{name} has no port of that name")
            for n, t in targets.items()
        ]
        return (*tried, *refused)


def _targets(service: Service, asked: Sequence[ServicePort], pod: Pod) -> set[int]:
    """The pod's TCP ports that clients of the asked ports are sent to."""
    tcp = (p for p in asked if p.protocol == "TCP")
    return {n for p in tcp if (n := ports.dialled_port(service, p, pod)) is not None}


def _begun(read: Read[Service], target: Target) -> ServiceEvidence:
    if isinstance(read, Observed):
        return ServiceEvidence(service=read.value, asked_port=target.port)
    named = Service(metadata=ObjectMeta(name=target.name, namespace=target.namespace))
    return ServiceEvidence(service=named, unread=read, asked_port=target.port)


def _result(future: "Future[T]") -> T | None:
    """What the future holds; None where it was not done in time."""
    return future.result() if future.done() and not future.cancelled() else None


def _skipped(pod: str, numbers: Iterable[int], path: Path) -> tuple[Attempt, ...]:
    why = "left out by --no-port-forward"
    return tuple(
        Attempt(pod=pod, port=n, path=path, outcome="skipped", detail=why) for n in numbers
    )


def _plain_http(service: Service, asked: Sequence[ServicePort], pod: Pod) -> set[int]:
    """The targets in this pod to which a plain HTTP request may be sent."""
    targets = _targets(service, asked, pod)
    return {n for n in targets if speech.takes_plain_http(service, asked, pod, n)}


def _worth_knocking(pod: Pod, targets: set[int]) -> list[int]:
    """The targets first, then what the pod declares or is probed on. Never a scan."""
    declared = [
        p.container_port
        for _, p in ports.declared_ports(pod)
        if p.protocol == "TCP"
        and p.container_port not in DEBUG_PORTS
        and "debug" not in p.name.lower()
    ]
    others = [n for n in dict.fromkeys([*declared, *probes.asked_ports(pod)]) if n not in targets]
    return [*sorted(targets), *others[:MOST_KNOCKS]]


def _by_sockets(
    service: Service, pod: Pod, found: PodSockets, targets: set[int]
) -> tuple[set[int], set[int]]:
    """The TCP ports that accept clients at the pod's address, and the targets that do not."""
    families = service.spec.ip_families
    accepting = {s.port for s in listening.accepting(pod, found.listeners, "TCP", families)}
    known = found.complete and listening.addresses_of(pod, families)
    closed = targets - accepting if known else set()
    return accepting - set(DEBUG_PORTS), closed
