"""A sweep: the evidence about every Service of a namespace, or of the cluster.

First the static part: lists that all Services share, and no pod is contacted. That settles a
Service whose pods are Ready by a readiness probe on the very port that clients are sent to: the
kubelet connects there again and again. All others are walked like a single Service, pod by pod,
those first in which something looks wrong; of these everything is read again, since the shared
lists are of different moments. No more than :data:`MOST_PODS` pods are looked into unless all are
asked for; what is left over is said to be not contacted, and is never called healthy.
"""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import wait
from time import monotonic
from typing import Any, Literal, NamedTuple

import msgspec

from kubectl_portcheck.client import Api, Deadline
from kubectl_portcheck.collect.cluster import entrances
from kubectl_portcheck.collect.cluster.cluster import Cluster, Reads
from kubectl_portcheck.collect.cluster.lists_around import Around
from kubectl_portcheck.collect.cluster.once import Lately
from kubectl_portcheck.collect.cluster.one_processor import on_one_processor
from kubectl_portcheck.collect.cluster.options import Options
from kubectl_portcheck.collect.cluster.pages import Lister, Seen
from kubectl_portcheck.collect.cluster.probes import SAME_MOMENT, LiveProbes
from kubectl_portcheck.collect.cluster.progress import Progress, Silent
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.collect.cluster.shared_lists import Read, Scope, Shared
from kubectl_portcheck.collect.cluster.sweep_reads import FreshReads, ListedReads, LookingUp
from kubectl_portcheck.collect.cluster.under_way import UnderWay
from kubectl_portcheck.collect.cluster.walk import AT_ONCE, Walk
from kubectl_portcheck.collect.cluster.work import Work
from kubectl_portcheck.errors import NoAnswerError, PortcheckError, UsageError, defect_words
from kubectl_portcheck.model.base import Missing, Observed, Reason, Right
from kubectl_portcheck.model.evidence import NOT_ASKED, ServiceEvidence
from kubectl_portcheck.model.objects import EndpointSlice, Pod, Service
from kubectl_portcheck.semantics import endpoints, pods, sidecar
from kubectl_portcheck.semantics.case import Case, ServiceCase
from kubectl_portcheck.semantics.likeness import Likenesses
from kubectl_portcheck.target import Target

MOST_PODS = 1000
"""How many pods a sweep looks into, unless all are asked for."""
MOST_EMPTY = 500
"""How many Services without a pod are read again."""
WALKS = 48
"""How many Services are walked at the same time. A Service has three pods, as a rule, and a walk
mostly waits for what a port-forward does not bring; what their pods are asked at a time is bounded
by turns."""

ENOUGH = "not contacted: nothing but a readiness probe was asked (--deep asks every pod)"
MANY = f"not contacted: {MOST_PODS} other pods were (--deep asks every pod)"
LATE = "not contacted: the time was up (--timeout)"
BROKEN_OFF = "not contacted: interrupted"
LEFT_OUT = "left out by --no-exec and --no-port-forward"

Standing = Literal["settled", "undecided", "suspicious"]


class Found(NamedTuple):
    """What a sweep found."""

    services: tuple[ServiceEvidence, ...]
    missing: tuple[str, ...]
    """What could not be looked at at all."""
    rights: tuple[Right, ...]
    """The rights that were missing for that."""
    whole: bool
    """False where it was interrupted."""


def sweep(
    api: Api, scope: Scope, deadline: Deadline, options: Options, progress: Progress
) -> Found:
    """The evidence about the Services in the scope; Ctrl-C ends it early, with what was found.

    Raises UsageError where the scope means none, NoAnswerError where they may not be listed, and
    ClusterError where no cluster can be reached.
    """
    work = Work(threads=2 * AT_ONCE)
    try:
        with on_one_processor():
            return _Sweep(api, scope, deadline, options, progress, work).run()
    finally:
        work.close()


class _Sweep:
    def __init__(
        self,
        api: Api,
        scope: Scope,
        deadline: Deadline,
        options: Options,
        progress: Progress,
        work: Work,
    ) -> None:
        self.api = api
        self.scope = scope
        self.deadline = deadline
        self.options = options
        self.progress = progress
        self.work = work
        self.shared = Shared(Lister(api, deadline), self._at(scope.namespace), scope, self._seen)
        self.around = Around(self.shared)
        self.whole = True

    def run(self) -> Found:
        """The whole sweep."""
        where = f"namespace {self.scope.namespace}" if self.scope.namespace else "every namespace"
        self.progress.sweep(f"Services of {where}")
        try:
            self.shared.read(self.work)
        except KeyboardInterrupt:
            self.whole = False
            self.api.close()  # The lists end at once, with what they have.
            wait(self.shared.begun, timeout=2)
        everyone = self.shared.services()
        services = [s for s in everyone if not _is_the_server(s)]
        unreadable = self.shared.unreadable()
        if not self.whole and not services:
            raise KeyboardInterrupt
        missing = self._unread()
        if self.whole and not everyone and not unreadable:
            self._explain_none(missing)
        evidence: list[ServiceEvidence] = []
        standings = _Standings()
        found: list[Standing] = []
        try:
            for service in services:
                try:
                    listed = self._static(service)
                    stands = standings.of(listed)  # While its pods are at hand.
                except Exception as defect:  # The other Services are reported on all the same.
                    why = Missing(reason=Reason.FAILED, detail=defect_words(defect))
                    listed, stands = ServiceEvidence(service=service, unread=why), "settled"
                evidence.append(listed)
                found.append(stands)
        except KeyboardInterrupt:
            self.whole = False
        if self.whole:
            evidence = _Contact(self, evidence, standings).run(found)
        else:
            evidence = [_not_contacted(e, BROKEN_OFF) for e in evidence]
        evidence = sorted((*evidence, *unreadable), key=_title)
        return Found(tuple(evidence), missing, self._rights(), self.whole)

    def _at(self, namespace: str) -> LiveReads:
        return LiveReads(self.api, namespace, self.deadline)

    def _seen(self, what: str) -> Seen:
        return lambda number, total: self.progress.counted(what, number, total)

    def _unread(self) -> tuple[str, ...]:
        """The namespaces whose Services could not be listed, in words."""
        if not self.whole:
            return ()
        unread = self.shared.unread()
        details: dict[str, list[str]] = {}
        for space, why in sorted(unread.items()):
            details.setdefault(why.detail or why.reason, []).append(space)
        return tuple(
            f"namespace {', '.join(spaces)}: {why}" if any(spaces) else f"Services: {why}"
            for why, spaces in details.items()
        )

    def _rights(self) -> tuple[Right, ...]:
        """The rights for want of which Services could not be listed."""
        unread = self.shared.unread() if self.whole else {}
        return tuple(why.right for _, why in sorted(unread.items()) if why.right is not None)

    def _explain_none(self, missing: Sequence[str]) -> None:
        """Raises where no Service is a mistake, or where none could be seen."""
        scope = self.scope
        if missing:
            hint = "Name a namespace with -n; --rbac -A prints the rights that -A needs."
            raise NoAnswerError(f"could not tell: {missing[0]}", "" if scope.namespace else hint)
        # With a shard, the Services may be in another one.
        if (scope.selector or scope.field_selector) and scope.shard is None:
            terms = " and ".join(filter(None, (scope.selector, scope.field_selector)))
            where = f"namespace {scope.namespace}" if scope.namespace else "any namespace"
            raise UsageError(f"no Service in {where} matches {terms}")
        if scope.namespace:
            self._at("").check_namespace(scope.namespace)

    def _static(self, service: Service) -> ServiceEvidence:
        """The evidence about one Service without a word from its pods."""
        slices = self.shared.slices(service)
        if service.spec.type == "ExternalName":
            around = self._around(service, ())
            return ServiceEvidence(service=service, endpoint_slices=slices, **around)
        selects = bool(service.spec.selector)
        selected = self.shared.pods(service) if selects else self._behind(service, slices)
        everyone = () if isinstance(selected, Missing) else selected.value
        empty = isinstance(selected, Observed) and not everyone and selects
        return ServiceEvidence(
            service=service,
            endpoint_slices=slices,
            pods=selected,
            sockets={
                p.metadata.name: NOT_CONTACTED
                for p in everyone
                if p.status.phase not in pods.FINISHED
            },
            namespace_pods=self.shared.similar(service) if empty else NOT_ASKED,
            deployments=self.shared.deployments(service.metadata.namespace) if empty else NOT_ASKED,
            nodes=self.shared.nodes() if _is_local(service) else NOT_ASKED,
            services=self._siblings(service, everyone),
            **self._around(service, everyone),
        )

    def _siblings(
        self, service: Service, selected: Sequence[Pod]
    ) -> Observed[tuple[Service, ...]] | Missing:
        """The Services that lead to the same pods, where these have a sidecar of Istio."""
        if not any(map(sidecar.is_of_istio, selected)):
            return NOT_ASKED
        namespace = service.metadata.namespace
        if self.scope.selector or self.scope.field_selector:
            reads = FreshReads(self._at(namespace), self.shared, self.around, service)
            listed = reads.services_of(namespace)
        else:
            listed = self.shared.lists["services"].of(namespace)
        if isinstance(listed, Missing):
            return listed
        return Observed(value=endpoints.leading_to(listed.value, selected))

    def _around(self, service: Service, selected: Sequence[Pod]) -> dict[str, Any]:
        """What leads to the Service and guards its pods, and the gateways on the way there."""
        parts = self.around.evidence(service, selected)
        leading = parts["referrers"]
        if isinstance(leading, Missing) or not leading.value:
            return parts
        namespace = service.metadata.namespace
        reads = FreshReads(self._at(namespace), self.shared, self.around, service)
        entered = entrances.pods_of(reads, leading.value, (namespace, service.metadata.name))
        parts["gateway_pods"] = entered
        parts["gateway_services"] = entrances.services_of(reads, entered)
        return parts

    def _behind(self, service: Service, slices: Read[EndpointSlice]) -> Read[Pod]:
        """The pods behind endpoints that are written by hand."""
        everyone = self.shared.similar(service)
        if isinstance(everyone, Missing) or isinstance(slices, Missing):
            return everyone
        return Observed(value=endpoints.pods_behind(slices.value, everyone.value))


def _is_local(service: Service) -> bool:
    """Whether a traffic policy sends clients only to pods of their own node."""
    spec = service.spec
    return "Local" in (spec.internal_traffic_policy, spec.external_traffic_policy)


NOT_CONTACTED = Missing(reason=Reason.NOT_CONTACTED, detail=ENOUGH)


def _not_contacted(evidence: ServiceEvidence, why: str) -> ServiceEvidence:
    """The same, with the reason why its pods were not looked into."""
    not_contacted = Missing(reason=Reason.NOT_CONTACTED, detail=why)
    return msgspec.structs.replace(evidence, sockets=dict.fromkeys(evidence.sockets, not_contacted))


def standing(evidence: ServiceEvidence) -> Standing:
    """Whether the evidence settles what clients of the Service meet.

    Suspicious is what looks wrong in any way, also where the lists merely contradict each other.
    """
    whole = ServiceCase(evidence)
    if not whole.walked:
        return "settled"
    if whole.missing("pods") is not None or whole.missing("endpoint_slices") is not None:
        return "undecided"
    everyone = {p.metadata.name for p in whole.pods}
    listed = {
        e.target_ref.name
        for piece in whole.slices
        for e in piece.endpoints or ()
        if e.target_ref is not None and e.ready
    }
    ready = {p.metadata.name for p in whole.pods if pods.is_ready(p) and not pods.is_terminating(p)}
    pending = whole.service.spec.type == "LoadBalancer"
    pending = pending and not whole.service.status.load_balancer.ingress
    if pending or not everyone or listed != ready or ready != everyone:
        return "suspicious"
    kinds = {s.answer.kind for port in whole.asked_ports for s in Case(evidence, port).states}
    if kinds - {"serves", "unknown"}:
        return "suspicious"
    return "undecided" if "unknown" in kinds else "settled"


class _Standings:
    """Where each Service stands; those that are like one another stand alike."""

    def __init__(self) -> None:
        self._likenesses = Likenesses()
        self._known: dict[Hashable, Standing] = {}

    def of(self, evidence: ServiceEvidence) -> Standing:
        """Where this one stands; may be asked from several threads."""
        likeness = self._likenesses.of(evidence)
        if likeness is None:
            return standing(evidence)
        if (known := self._known.get(likeness)) is not None:
            return known
        self._known[likeness] = found = standing(evidence)
        return found


class _Contact:
    """The second part of a sweep: walks where the lists are not enough."""

    def __init__(self, sweep: _Sweep, static: list[ServiceEvidence], standings: _Standings) -> None:
        self.sweep = sweep
        self.evidence = static
        """By the Service's place: the best that is known of it."""
        self.under_way = UnderWay(
            sweep.progress, sweep.deadline, lambda place: _title(self.evidence[place])
        )
        self.standings = standings
        self.lately = Lately(SAME_MOMENT)

    def run(self, standings: Sequence[Standing]) -> list[ServiceEvidence]:
        """All of the evidence, of which is known where each stands; ``sweep.whole`` becomes false
        where Ctrl-C ended it."""
        again = dict(self._chosen(standings))
        if not self.under_way.run(lambda at: self._walk(at, again[at]), again, WALKS):
            self.sweep.whole = False
            for place, walk in self.under_way.walks():
                self.evidence[place] = walk.gathered()
            return [self._interrupted(e) for e in self.evidence]
        for place in self.under_way.left():
            self._leave(place, LATE)
        return self.evidence

    def _interrupted(self, evidence: ServiceEvidence) -> ServiceEvidence:
        if evidence.sockets and all(s is NOT_CONTACTED for s in evidence.sockets.values()):
            return _not_contacted(evidence, BROKEN_OFF)
        return evidence

    def _chosen(self, standings: Sequence[Standing]) -> list[tuple[int, bool]]:
        """The places of the Services to walk to, and whether everything is to be read again."""
        options = self.sweep.options
        contacts = options.exec or options.port_forward
        chosen: list[tuple[int, bool]] = []
        spent = empty = 0
        for wanted in ("suspicious", "undecided", "settled"):
            for place, found in enumerate(standings):
                if found != wanted or not (options.deep or wanted != "settled"):
                    continue
                alive = len(self.evidence[place].sockets)
                if not contacts and alive:
                    self._leave(place, LEFT_OUT)
                elif not alive and (wanted != "suspicious" or empty >= MOST_EMPTY):
                    continue
                elif not options.deep and alive and spent + alive > MOST_PODS:
                    self._leave(place, MANY)
                else:
                    spent += alive
                    empty += not alive
                    chosen.append((place, wanted == "suspicious"))
        return chosen

    def _leave(self, place: int, why: str) -> None:
        self.evidence[place] = _not_contacted(self.evidence[place], why)

    def _walk(self, place: int, again: bool) -> None:
        """Walks to one Service; again, reading everything, where it turns out to be wrong."""
        if self.sweep.deadline.passed:
            self._leave(place, LATE)
            return
        since = 0.0
        try:
            if not again:
                self._gather(place, ListedReads, since)
                again = self.standings.of(self.evidence[place]) == "suspicious"
                since = monotonic()  # What was seen of its pods by now is to be confirmed.
            if again and not self.sweep.deadline.passed:
                self._gather(place, FreshReads, since)
        except Exception as defect:  # The other Services are reported on all the same.
            self._leave(place, f"not contacted: {defect_words(defect)}")

    def _gather(
        self, place: int, view: Callable[[Reads, Shared, Around, Service], Reads], since: float
    ) -> None:
        """Walks to it once; what its pods listened on before ``since`` does not count."""
        sweep, service = self.sweep, self.evidence[place].service
        target = Target(service.metadata.name, namespace=service.metadata.namespace)
        cluster = Cluster(
            view(sweep._at(target.namespace), sweep.shared, sweep.around, service),
            LiveProbes(sweep.api, target.namespace, sweep.deadline, self.lately, since),
        )
        options = sweep.options._replace(speak=False)
        walk = Walk(
            cluster,
            target,
            options,
            Silent(),
            LookingUp(sweep.work),
            sweep.around.foreign_routes((service.metadata.namespace, service.metadata.name)),
        )
        self.under_way.begin(place, walk)
        try:
            walk.run()
        except PortcheckError:
            # It was deleted meanwhile, or the cluster cannot be reached: the lists must do.
            return
        found = walk.gathered()
        if isinstance(found.pods, Missing) or isinstance(found.endpoint_slices, Missing):
            # What is missing now was read before.
            self._leave(place, LATE if sweep.deadline.passed else ENOUGH)
        elif self.sweep.whole:
            # The lists of a walk hold only what names the Service.
            named = self.evidence[place].misnamed
            found = msgspec.structs.replace(found, misnamed=named)
            siblings = self.evidence[place].services
            if isinstance(siblings, Observed):
                # The walk of a sweep reads none: the lists have them.
                found = msgspec.structs.replace(found, services=siblings)
            self.evidence[place] = found


def _is_the_server(service: Service) -> bool:
    """Whether it is the API server's own Service: what it leads to has just answered, and its
    endpoints are no pods that could be looked into."""
    metadata = service.metadata
    return (metadata.namespace, metadata.name) == ("default", "kubernetes")


def _title(evidence: ServiceEvidence) -> str:
    metadata = evidence.service.metadata
    return f"{metadata.namespace}/{metadata.name}"
