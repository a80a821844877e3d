"""What is asked of each pod behind a Service, by itself: its sockets, connections to its ports, and
what only the sockets tell where to look for.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

from kubectl_portcheck.collect.cluster.cluster import Probes, Read
from kubectl_portcheck.collect.cluster.debug_container import Debug
from kubectl_portcheck.collect.cluster.options import Options
from kubectl_portcheck.collect.cluster.parts import Look
from kubectl_portcheck.collect.cluster.service_forward import skipped
from kubectl_portcheck.collect.cluster.work import Questions, Work
from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.objects import Pod, Service, ServicePort
from kubectl_portcheck.model.probes import Attempt, PodSockets
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.semantics import contact, pods, policies, speech


class PodLooks:
    """The looks of one walk into its pods.

    ``admitting`` gives the NetworkPolicies, and ``closed`` is called where a pod accepts its
    clients on no port: a fix will be wanted.
    """

    def __init__(
        self,
        probes: Probes,
        options: Options,
        admitting: Callable[[], Read[tuple[NetworkPolicy, ...]]],
        closed: Callable[[Questions], object],
    ) -> None:
        self.probes = probes
        self.options = options
        self.admitting = admitting
        self.closed = closed

    def begin(
        self, work: Work, service: Service, tcp: Sequence[ServicePort], pod: Pod
    ) -> "Future[Look]":
        """Begin to look into a pod, or recall what cannot have changed since the last round."""
        targets = contact.targets(service, tcp, pod)
        memory = self.options.memory
        if memory and (kept := memory.recall(pod, targets)):
            known: Future[Look] = Future()
            known.set_result(kept)
            return known
        tried = work.contact(self._try_ports, pod, contact.ports_to_try(pod, targets))
        return work.follow(self._look_into, work, service, tcp, pod, targets, tried)

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
            http = plain_http(service, tcp, pod) - _proxied(attempts)
            attempts += self._second_look(questions, pod, [], http)
        look = sockets, tuple(attempts)
        if self.options.memory:
            self.options.memory.keep(pod, targets, look)
        return look

    def by_debug_container(
        self,
        questions: Questions,
        service: Service,
        targets: set[int],
        pod: Pod,
        attempts: tuple[Attempt, ...],
        debug: Debug,
    ) -> Look:
        """Look once more by an ephemeral container."""
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
            self.closed(questions)
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
        read = self.admitting()
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


def plain_http(service: Service, asked: Sequence[ServicePort], pod: Pod) -> set[int]:
    """Give the targets in this pod to which a plain HTTP request may be sent."""
    targets = contact.targets(service, asked, pod)
    return {n for n in targets if speech.takes_plain_http(service, asked, pod, n)}


def _answered(spoken: Iterable[Attempt]) -> list[Attempt]:
    return [a for a in spoken if a.outcome != "skipped"]


def _proxied(attempts: Iterable[Attempt]) -> set[int]:
    """Give the ports that the API server has dialled."""
    return {a.port for a in attempts if a.path == "pod-proxy"}
