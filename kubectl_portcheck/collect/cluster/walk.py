"""The walk: gathers the evidence about one Service, side by side, in the order of what depends
on what. Everything that can fail here becomes a part that is missing; the rest goes on.

First the Service and its EndpointSlices, which need only its name; then its pods, which need its
selector; then each pod by itself: its sockets and its port-forwards, and what only the sockets tell
where to look for. The objects around the Service are read beside all that.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, as_completed, wait
from threading import Lock
from typing import NamedTuple

from kubectl_portcheck.collect.cluster import debug_container, leavers, neighbours
from kubectl_portcheck.collect.cluster.client_asks import dial, dial_chosen, resolved
from kubectl_portcheck.collect.cluster.client_side import Elsewhere, client_side
from kubectl_portcheck.collect.cluster.cluster import Cluster, Read, Reads
from kubectl_portcheck.collect.cluster.debug_container import Debug
from kubectl_portcheck.collect.cluster.from_pod import Seat, Source
from kubectl_portcheck.collect.cluster.logs import Budget, read_logs
from kubectl_portcheck.collect.cluster.parts import Look, Parts
from kubectl_portcheck.collect.cluster.progress import Progress
from kubectl_portcheck.collect.cluster.remembered import Memory
from kubectl_portcheck.collect.cluster.service_forward import service_forwards, skipped
from kubectl_portcheck.collect.cluster.work import Questions, Work
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import NOT_ASKED, ServiceEvidence, ServiceForward
from kubectl_portcheck.model.kinds import SERVICE
from kubectl_portcheck.model.objects import (
    EndpointSlice,
    ObjectMeta,
    Pod,
    Service,
    ServicePort,
)
from kubectl_portcheck.model.probes import Attempt, PodSockets
from kubectl_portcheck.model.references import Route
from kubectl_portcheck.model.report import StepName
from kubectl_portcheck.semantics import contact, endpoints, pods, policies, ports, speech
from kubectl_portcheck.semantics.pods import is_ready
from kubectl_portcheck.semantics.references import concerning
from kubectl_portcheck.target import Target

AT_ONCE = 50
"""How many pods are looked into at the same time."""
PROBES: tuple[StepName, ...] = ("listening-ports", "pod-port-forward", "service-port-forward")


class Options(NamedTuple):
    """What the user left out, and asked for besides."""

    exec: bool = True
    port_forward: bool = True
    source: Source | None = None
    """What ``--from`` names."""
    seats: tuple[Seat, ...] = ()
    """The pods that it may mean for this walk, the best first."""
    elsewhere: Elsewhere | None = None
    """What reads the namespace of these pods."""
    memory: Memory | None = None
    """What earlier walks of a run that repeats them saw."""
    logs: Budget | None = None
    """How many logs of containers that fail may be read; None for none."""
    debug: Debug | None = None
    """The ephemeral container for pods that have nothing to ask with."""
    speak: bool = True
    """Whether ports with evidence of HTTP are sent a request."""
    callers: bool = False
    """Whether to read the settings of workloads for who calls the Service."""
    configured: bool = False
    """Whether the contents of ConfigMaps are read for it too."""
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
    work = Work(threads=2 * AT_ONCE)
    steps = Walk(cluster, target, options, progress, work, foreign_routes)
    try:
        steps.run()
    except KeyboardInterrupt:
        if steps.found is None:
            raise
        return steps.gathered(), False
    finally:
        work.close()
    return steps.gathered(), True


MOST_STRANGERS = 5
"""Of how many addresses that are no pods of the namespace it is asked who has them."""


class Walk:
    """One walk. ``run`` goes it; ``gathered`` may be asked at any time, from any thread."""

    def __init__(
        self,
        cluster: Cluster,
        target: Target,
        options: Options,
        progress: Progress,
        work: Work,
        foreign_routes: tuple[Route, ...] = (),
    ) -> None:
        self.reads, self.probes = cluster
        self.foreign_routes = foreign_routes
        self.target = target
        self.options = options
        self.progress = progress
        self.work = work
        self.found: ServiceEvidence | None = None
        self.parts = Parts()
        self._fixable = Lock()
        """Held by who begins to read what only a fix needs."""
        self.slices: tuple[EndpointSlice, ...] | None = None
        """The EndpointSlices that say which ports count, where no selector does."""

    def gathered(self) -> ServiceEvidence:
        """Give all that is known by now."""
        assert self.found is not None
        return concerning(leavers.without(self.parts.filled(self.found), self.parts.left))

    def _resolve_from(self) -> None:
        """Look up the Service's name from inside a pod, where that was asked for."""
        seats = self.options.seats
        if seats:
            self.parts.resolved = self.work.ask(
                resolved, self.probes, seats, self.target, self.options.debug
            )

    def _dial_from(self, service: Service, found: Sequence[Pod]) -> None:
        """Starts the connections from inside a pod, where they were asked for."""
        seats, chosen = self.options.seats, self.parts.resolved
        if chosen is None or service.spec.type == "ExternalName":
            return
        asked = ports.selected_port(service, self.target.port)
        running = [
            (pod, _plain_http(service, asked, pod)) for pod in found if pods.has_running_main(pod)
        ]
        if len(seats) == 1 and not seats[0].others and self.options.debug is None:
            self.parts.dialled = self.work.ask(dial, self.probes, seats[0], service, asked, running)
        else:
            self.parts.dialled = self.work.follow(
                dial_chosen,
                *(self.probes, chosen, self.options.debug, service, asked, running),
            )
        if self.options.elsewhere is not None:
            self.parts.client = self.work.follow(
                client_side,
                self.options.elsewhere,
                self.work,
                chosen,
                service.metadata.namespace or self.target.namespace,
                self.parts.network_policies,
                self.parts.guards,
            )

    def run(self) -> None:
        """The whole walk; ``gathered`` has what it found, also where it was interrupted."""
        self.progress.started("endpoints")
        slices = self.work.ask(self.reads.endpoint_slices, self.target.name)
        slices.add_done_callback(lambda _: self.progress.done("endpoints"))
        self.parts.endpoint_slices = slices
        neighbours.around_the_name(
            self.parts, self.reads, self.work, self.target.name, self.foreign_routes
        )
        if self.target.kind is SERVICE and (self.options.callers or self.target.lookup):
            self._callers()
        self._resolve_from()
        read = self.reads.service(self.target.name)
        self.found = _begun(read, self.target)
        service = self.found.service
        self.progress.done("target-port")
        if not ports.selected_port(service, self.target.port) and self.parts.calls is None:
            self._callers()
        neighbours.around_the_service(self.parts, self.reads, self.work, service)
        if alias := endpoints.alias_of(service):
            self.parts.alias = self.work.ask(self.reads.other_service, *alias)
        if service.spec.selector and service.spec.type != "ExternalName":
            self._pods(service, service.spec.selector)
        else:
            self._dial_from(service, ())
            self._endpoints_by_hand(service)
        wait(self.parts.begun())

    def _callers(self) -> None:
        """Begin to read who calls the Service: beside all else, since nothing depends on it."""
        from kubectl_portcheck.collect.cluster.callers import calls_to

        namespace, name = self.target.namespace, self.target.name
        self.parts.calls = self.work.follow(
            calls_to,
            self.reads,
            self.work,
            namespace,
            name,
            configured=self.options.configured,
            everywhere=self.options.callers,
        )

    def _endpoints_by_hand(self, service: Service) -> None:
        """Walk the pods behind endpoints that no selector made."""
        slices = self.parts.endpoint_slices and self.parts.endpoint_slices.result()
        if service.spec.type == "ExternalName" or not isinstance(slices, Observed):
            return
        if not any(piece.endpoints for piece in slices.value):
            return
        self.progress.started("pod-status")
        self.parts.pods = self.work.ask(_pods_behind, self.reads, slices.value)
        behind = self.parts.pods.result()
        self.progress.done("pod-status")
        known = behind.value if isinstance(behind, Observed) else ()
        if strangers := endpoints.strangers(slices.value, known):
            self.parts.holders = self.work.ask(self.reads.holders, strangers[:MOST_STRANGERS])
        if isinstance(behind, Missing) or not behind.value:
            return
        neighbours.around_the_pods(self.parts, self.reads, self.work, service, behind.value)
        self._prepare_fixes(service, behind.value)
        alive = [p for p in behind.value if not pods.is_finished(p)]
        self.slices = endpoints.attributed(slices.value, alive)
        self._probes(service, behind.value, alive)

    def _pods(self, service: Service, selector: dict[str, str]) -> None:
        self.progress.started("pod-status")
        self.parts.pods = self.work.ask(self.reads.pods, selector)
        selected = self.parts.pods.result()
        self.progress.done("pod-status")
        if isinstance(selected, Missing):
            return
        neighbours.around_the_pods(self.parts, self.reads, self.work, service, selected.value)
        self._prepare_fixes(service, selected.value)
        if not selected.value:
            neighbours.around_no_pods(self.parts, self.reads, self.work, selector)
            return
        alive = [p for p in selected.value if not pods.is_finished(p)]
        self._dial_from(service, alive)
        self._probes(service, selected.value, alive)

    def _prepare_fixes(self, service: Service, selected: Sequence[Pod]) -> None:
        """Begin to read what a fix needs, where the pods already show that one will be wanted."""
        asked = ports.selected_port(service, self.target.port)
        if not selected or any(
            not is_ready(pod) or ports.dialled_port(service, port, pod) is None
            for pod in selected
            for port in asked
        ):
            self._read_for_fixes(self.work)

    def _read_for_fixes(self, questions: Questions) -> None:
        """Begin to read which clients a change may harm, and which changes the user may not make;
        once."""
        with self._fixable:
            if self.parts.services is None:
                self.parts.services = questions.ask(self.reads.services)
                self.parts.denied = questions.ask(self.reads.denied)

    def _probes(self, service: Service, selected: Sequence[Pod], alive: Sequence[Pod]) -> None:
        asked = ports.selected_port(service, self.target.port)
        for step in PROBES:
            self.progress.started(step)
        forwards = self.work.ask(
            service_forwards,
            self.probes,
            service,
            asked,
            selected,
            allowed=self.options.port_forward,
            by_hand=self.slices is not None,
        )
        self.parts.service_forwards = forwards
        tcp = [p for p in asked if p.protocol == "TCP"]
        for pod in alive:
            self.parts.looks[pod.metadata.name] = self._look(service, tcp, pod)
        for number, look in enumerate(as_completed(self.parts.looks.values()), 1):
            look.result()
            self.progress.started("listening-ports", f"{number} of {len(alive)} pods")
        if self.options.debug is not None:
            self._ask_debug_containers(service, tcp, alive, self.options.debug)
        self.progress.done("listening-ports")
        self.progress.done("pod-port-forward")
        if self.options.logs is not None:
            pairs = [(p, *self._silence(service, tcp, p)) for p in alive]
            self.parts.logs = self.work.ask(read_logs, self.probes, pairs, self.options.logs)
        met = forwards.result()
        if service.spec.selector and self.slices is None:
            self._leave_out(service, tcp, alive, met)
        self.progress.done("service-port-forward")

    def _leave_out(
        self,
        service: Service,
        tcp: Sequence[ServicePort],
        alive: Sequence[Pod],
        forwards: Iterable[ServiceForward],
    ) -> None:
        """Leave out the pods that were deleted meanwhile, where it looks as if some were."""
        wanted = self.options.port_forward
        closed = {p.metadata.name for p in alive if self._silence(service, tcp, p)[0]}
        closed |= leavers.unreached(forwards) if wanted else set()
        looks = {name: look.result() for name, look in self.parts.looks.items()}
        if suspected := leavers.suspects(alive, looks, closed, forwards=wanted):
            self.parts.left = leavers.gone(self.reads, service.spec.selector, suspected)

    def _silence(
        self, service: Service, tcp: Sequence[ServicePort], pod: Pod
    ) -> tuple[bool, int | None]:
        """Whether the pod accepts its clients nowhere, and the port to which they are sent."""
        targets = contact.targets(*self._met_in(service, tcp, pod), pod)
        sockets = self.parts.looks[pod.metadata.name].result()[0]
        if isinstance(sockets, Missing):
            return False, None
        listening = {s.port for s in sockets.value.listeners}
        return not targets & listening, min(targets, default=None)

    def _met_in(
        self, service: Service, tcp: Sequence[ServicePort], pod: Pod
    ) -> tuple[Service, list[ServicePort]]:
        """Give the Service and its ports as clients meet them in this pod."""
        if self.slices is None:
            return service, list(tcp)
        followed = endpoints.followed(service, self.slices, pod)
        numbers = {p.port for p in tcp}
        return followed, [
            p for p in followed.spec.ports if p.port in numbers and p.protocol == "TCP"
        ]

    def _look(self, service: Service, tcp: Sequence[ServicePort], pod: Pod) -> "Future[Look]":
        """Begin to look into a pod, or recall what cannot have changed since the last round."""
        service, tcp = self._met_in(service, tcp, pod)
        targets = contact.targets(service, tcp, pod)
        memory = self.options.memory
        if memory and (kept := memory.recall(pod, targets)):
            known: Future[Look] = Future()
            known.set_result(kept)
            return known
        tried = self.work.ask(self._try_ports, pod, contact.ports_to_try(pod, targets))
        return self.work.follow(self._look_into, self.work, service, tcp, pod, targets, tried)

    def _look_into(
        self,
        questions: Questions,
        service: Service,
        tcp: Sequence[ServicePort],
        pod: Pod,
        targets: set[int],
        tried: "Future[tuple[Attempt, ...]]",
    ) -> Look:
        """Go steps 2 and 5 in one pod."""
        name = pod.metadata.name
        if not pods.has_running_main(pod):
            why = f"no container of {name} runs"
            return Missing(reason=Reason.NOT_RUNNING, detail=why), ()
        speaking = self._speak(questions, service, tcp, pod, targets)
        sockets: Read[PodSockets] = (
            self.probes.sockets(pod)
            if self.options.exec
            else Missing(reason=Reason.NOT_ASKED, detail="left out by --no-exec")
        )
        if isinstance(sockets, Observed) and {q.port for q in sockets.value.queues} & targets:
            sockets = Observed(value=self.probes.backlog(pod, sockets.value))
        attempts = [*tried.result(), *_answered(s.result() for s in speaking)]
        if isinstance(sockets, Observed):
            attempts += self._by_sockets(questions, service, pod, targets, sockets.value, attempts)
        else:
            http = _plain_http(service, tcp, pod) - _proxied(attempts)
            attempts += self._second_look(questions, pod, [], http)
        look = sockets, tuple(attempts)
        if self.options.memory:
            self.options.memory.keep(pod, targets, look)
        return look

    def _ask_debug_containers(
        self, service: Service, tcp: Sequence[ServicePort], alive: Sequence[Pod], debug: Debug
    ) -> None:
        """Look once more into one of each kind of pods that have nothing to ask with."""
        looks = self.parts.looks
        sockets = {name: look.result()[0] for name, look in looks.items()}
        begun = {
            pod.metadata.name: self.work.follow(
                self._look_by_debug_container,
                self.work,
                service,
                contact.targets(*self._met_in(service, tcp, pod), pod),
                pod,
                looks[pod.metadata.name].result()[1],
                debug._replace(alike=alike),
            )
            for pod, alike in debug_container.one_of_each(alive, sockets)
        }
        for name, look in begun.items():
            self.progress.started("listening-ports", f"debug container in {name}")
            look.result()
            looks[name] = look

    def _look_by_debug_container(
        self,
        questions: Questions,
        service: Service,
        targets: set[int],
        pod: Pod,
        attempts: tuple[Attempt, ...],
        debug: Debug,
    ) -> Look:
        sockets = self.probes.debug_sockets(pod, debug)
        if isinstance(sockets, Missing):
            return sockets, attempts
        more = self._by_sockets(questions, service, pod, targets, sockets.value, attempts)
        return sockets, (*attempts, *more)

    def _by_sockets(
        self,
        questions: Questions,
        service: Service,
        pod: Pod,
        targets: set[int],
        found: PodSockets,
        attempts: Sequence[Attempt],
    ) -> list[Attempt]:
        """Connect to where only the sockets tell to look."""
        accepting, closed = contact.by_sockets(service, pod, found, targets)
        if closed:
            self._read_for_fixes(questions)
        known = {a.port for a in attempts}
        unknown = sorted(accepting - known)[: contact.MOST_TRIED] if closed else []
        silent = any(a.outcome == "timeout" and a.request for a in attempts)
        fences = self._fence(pod, found, targets - closed, silent=silent)
        dialled = contact.without_receiver(pod, closed) - _proxied(attempts)
        return self._second_look(questions, pod, unknown, dialled | fences)

    def _speak(
        self,
        questions: Questions,
        service: Service,
        tcp: Sequence[ServicePort],
        pod: Pod,
        targets: set[int],
    ) -> "list[Future[Attempt]]":
        """Ask for an answer where there is evidence of HTTP: beside all else, and in no sweep."""
        if not (self.options.speak and self.options.port_forward):
            return []
        name = pod.metadata.name
        wanted = [(n, speech.expected(service, tcp, pod, n)) for n in sorted(targets)]
        return [questions.ask(self.probes.speak, name, n, e.scheme, e.path) for n, e in wanted if e]

    def _second_look(
        self, questions: Questions, pod: Pod, ports: list[int], proxied: set[int]
    ) -> list[Attempt]:
        """Make the connections of which only the first look tells, side by side."""
        name = pod.metadata.name
        asked = [questions.ask(self.probes.pod_proxy, name, n) for n in sorted(proxied)]
        return [*self._try_ports(pod, ports), *(a.result() for a in asked)]

    def _fence(self, pod: Pod, found: PodSockets, targets: set[int], *, silent: bool) -> set[int]:
        """The closed port that shows whether the API server reaches the pod; none as a rule.

        Where policies admit no client to a target, or a request got no answer, the API server is
        asked to dial a port where no program can receive what it sends: a refusal came back from
        the pod, no answer at all was dropped.
        """
        asked = self.parts.network_policies
        read = asked.result() if asked is not None else NOT_ASKED
        if isinstance(read, Missing) or not found.complete:
            return set()
        listening = {s.port for s in found.listeners}
        fences = set()
        if any(policies.admission(read.value, pod, n, "TCP").admits_none for n in targets):
            fences.add(policies.fence_for(read.value, pod, listening))
        if silent:
            fences.add(policies.closed_port(read.value, pod, listening))
        return {f for f in fences if f is not None}

    def _try_ports(self, pod: Pod, numbers: Iterable[int]) -> tuple[Attempt, ...]:
        chosen = list(numbers)
        if not chosen or not pods.has_running_main(pod):
            return ()
        name = pod.metadata.name
        if not self.options.port_forward:
            return skipped(name, chosen, "pod-port-forward")
        return self.probes.try_ports(name, chosen, "pod-port-forward")


def _pods_behind(reads: Reads, slices: Sequence[EndpointSlice]) -> Read[tuple[Pod, ...]]:
    """Read the pods of the namespace that these endpoints are."""
    everyone = reads.pods({})
    if isinstance(everyone, Missing):
        return everyone
    return Observed(value=endpoints.pods_behind(slices, everyone.value))


def _plain_http(service: Service, asked: Sequence[ServicePort], pod: Pod) -> set[int]:
    """Give the targets in this pod to which a plain HTTP request may be sent."""
    targets = contact.targets(service, asked, pod)
    return {n for n in targets if speech.takes_plain_http(service, asked, pod, n)}


def _answered(spoken: Iterable[Attempt]) -> list[Attempt]:
    return [a for a in spoken if a.outcome != "skipped"]


def _proxied(attempts: Iterable[Attempt]) -> set[int]:
    """Give the ports that the API server has dialled."""
    return {a.port for a in attempts if a.path == "pod-proxy"}


def _begun(read: Read[Service], target: Target) -> ServiceEvidence:
    if isinstance(read, Observed):
        return ServiceEvidence(service=read.value, asked_port=target.port)
    named = Service(metadata=ObjectMeta(name=target.name, namespace=target.namespace))
    return ServiceEvidence(service=named, unread=read, asked_port=target.port)
