"""The walk: gathers the evidence about one Service, side by side, in the order of what depends
on what. Everything that can fail here becomes a part that is missing; the rest goes on.

First the Service and its EndpointSlices, which need only its name; then its pods, which need its
selector; then each pod by itself: its sockets and its port-forwards, and what only the sockets tell
where to look for. The objects around the Service are read beside all that.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import as_completed, wait
from threading import Lock

from kubectl_portcheck.collect.cluster import debug_container, leavers, neighbours
from kubectl_portcheck.collect.cluster.client_asks import dial, dial_chosen, resolved
from kubectl_portcheck.collect.cluster.client_side import client_side
from kubectl_portcheck.collect.cluster.cluster import Cluster, Read, Reads
from kubectl_portcheck.collect.cluster.debug_container import Debug
from kubectl_portcheck.collect.cluster.logs import read_logs
from kubectl_portcheck.collect.cluster.options import Options
from kubectl_portcheck.collect.cluster.parts import INTERRUPTED, Parts
from kubectl_portcheck.collect.cluster.pod_looks import PodLooks, plain_http
from kubectl_portcheck.collect.cluster.progress import Progress
from kubectl_portcheck.collect.cluster.service_forward import service_forwards
from kubectl_portcheck.collect.cluster.work import Questions, Work
from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.evidence import NOT_ASKED, ServiceEvidence, ServiceForward
from kubectl_portcheck.model.kinds import SERVICE
from kubectl_portcheck.model.objects import (
    EndpointSlice,
    ObjectMeta,
    Pod,
    Service,
    ServicePort,
)
from kubectl_portcheck.model.references import NetworkPolicy, Route
from kubectl_portcheck.model.report import StepName
from kubectl_portcheck.semantics import contact, endpoints, pods, ports, sidecar
from kubectl_portcheck.semantics.concerning import concerning
from kubectl_portcheck.semantics.pods import is_ready
from kubectl_portcheck.target import Target

AT_ONCE = 50
"""How many pods are looked into at the same time, each by a command and a port-forward."""
PROBES: tuple[StepName, ...] = ("listening-ports", "pod-port-forward", "service-port-forward")


def walk(cluster: Cluster, target: Target, options: Options, progress: Progress) -> ServiceEvidence:
    """Gather the evidence about one target. Raises PortcheckError where there is no such Service.

    To be called from a thread that Ctrl-C does not end.
    """
    work = Work(threads=2 * AT_ONCE)
    steps = Walk(cluster, target, options, progress, work)
    try:
        steps.run()
    finally:
        work.close()
    return steps.gathered()


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
        self.looks = PodLooks(self.probes, options, self._policies, self._read_for_fixes)
        self.slices: tuple[EndpointSlice, ...] | None = None
        """The EndpointSlices that say which ports count, where no selector does."""

    def gathered(self, unfinished: Missing = INTERRUPTED) -> ServiceEvidence:
        """Give all that is known by now; why the rest is not, is said."""
        assert self.found is not None
        known = self.parts.filled(self.found, unfinished)
        return concerning(leavers.without(known, self.parts.left))

    def _policies(self) -> Read[tuple[NetworkPolicy, ...]]:
        asked = self.parts.network_policies
        return asked.result() if asked is not None else NOT_ASKED

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
            (pod, plain_http(service, asked, pod)) for pod in found if pods.has_running_main(pod)
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
            *(self.parts, self.reads, self.work),
            (self.target.namespace, self.target.name),
            self.foreign_routes,
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
        elif any(map(sidecar.is_of_istio, selected)):
            # What they declare for the same port of the pods decides what its proxy speaks there.
            self._read_siblings(self.work)

    def _read_for_fixes(self, questions: Questions) -> None:
        """Begin to read which clients a change may harm, and which changes the user may not make;
        once."""
        self._read_siblings(questions)
        with self._fixable:
            if self.parts.denied is None:
                self.parts.denied = questions.ask(self.reads.denied)

    def _read_siblings(self, questions: Questions) -> None:
        """Begin to read the other Services of the namespace; once."""
        with self._fixable:
            if self.parts.services is None:
                self.parts.services = questions.ask(self.reads.services)

    def _probes(self, service: Service, selected: Sequence[Pod], alive: Sequence[Pod]) -> None:
        asked = ports.selected_port(service, self.target.port)
        for step in PROBES:
            self.progress.started(step)
        forwards = self.work.contact(
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
            self.parts.looks[pod.metadata.name] = self.looks.begin(
                self.work, *self._met_in(service, tcp, pod), pod
            )
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
        forwarded = forwards.result()
        if service.spec.selector and self.slices is None:
            self._leave_out(service, tcp, alive, forwarded)
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

    def _ask_debug_containers(
        self, service: Service, tcp: Sequence[ServicePort], alive: Sequence[Pod], debug: Debug
    ) -> None:
        """Look once more into one of each kind of pods that have nothing to ask with."""
        looks = self.parts.looks
        sockets = {name: look.result()[0] for name, look in looks.items()}
        begun = {
            pod.metadata.name: self.work.follow(
                self.looks.by_debug_container,
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


def _pods_behind(reads: Reads, slices: Sequence[EndpointSlice]) -> Read[tuple[Pod, ...]]:
    """Read the pods of the namespace that these endpoints are."""
    everyone = reads.pods({})
    if isinstance(everyone, Missing):
        return everyone
    return Observed(value=endpoints.pods_behind(slices, everyone.value))


def _begun(read: Read[Service], target: Target) -> ServiceEvidence:
    if isinstance(read, Observed):
        return ServiceEvidence(service=read.value, asked_port=target.port)
    named = Service(metadata=ObjectMeta(name=target.name, namespace=target.namespace))
    return ServiceEvidence(service=named, unread=read, asked_port=target.port)
