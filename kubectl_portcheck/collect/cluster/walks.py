"""The walks to what was named: one, or several side by side.

What goes wrong on the way to one Service is said of that one, and the others are reported on: where
the time is up before all are walked to, too.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import msgspec

from kubectl_portcheck.client import ClusterError, Deadline, TimedOut
from kubectl_portcheck.collect.cluster.addresses import Spaces
from kubectl_portcheck.collect.cluster.missing import missing
from kubectl_portcheck.collect.cluster.options import Options
from kubectl_portcheck.collect.cluster.progress import Progress, Silent
from kubectl_portcheck.collect.cluster.targets import Stop, all_of, without
from kubectl_portcheck.collect.cluster.under_way import UnderWay
from kubectl_portcheck.collect.cluster.walk import AT_ONCE, Walk
from kubectl_portcheck.collect.cluster.work import Work
from kubectl_portcheck.errors import (
    NoAnswerError,
    PortcheckError,
    UnknownTargetError,
    defect_words,
)
from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import NOT_ASKED, ServiceEvidence
from kubectl_portcheck.model.kinds import SERVICE
from kubectl_portcheck.model.objects import ObjectMeta, Service
from kubectl_portcheck.target import Target

WALKS = 8
"""How many Services are walked at the same time. Those of one workload have the same pods, and each
walk runs a command in them."""
LATE = "not looked into: the time was up (--timeout)"
TOO_LATE = Missing(reason=Reason.TIMED_OUT, detail=LATE)


class Way(msgspec.Struct, frozen=True):
    """What all walks of a run share."""

    live: Spaces
    here: str
    """The namespace in use."""
    deadline: Deadline
    progress: Progress


def walks(made: Sequence[Stop], options: Options, way: Way) -> tuple[list[ServiceEvidence], bool]:
    """The evidence about each; the second value is False where Ctrl-C ended them early.

    Raises PortcheckError where there is an answer about none of them, or --from means no pod, and
    KeyboardInterrupt where nothing was found yet.
    """
    work = Work(threads=2 * AT_ONCE)
    try:
        return _Walks(made, options, way, work).run()
    finally:
        work.close()


class _Walks:
    def __init__(self, made: Sequence[Stop], options: Options, way: Way, work: Work) -> None:
        self.made, self.options, self.way, self.work = made, options, way, work
        self.found: dict[int, ServiceEvidence] = {}
        """By the place of the stop."""
        self.failed: dict[int, PortcheckError] = {}
        """The places about which there is no answer, and why."""
        several = len(made) > 1
        self.steps = Silent() if several else way.progress
        self.under_way = UnderWay(way.progress if several else Silent(), way.deadline, self._title)

    def run(self) -> tuple[list[ServiceEvidence], bool]:
        """All walks."""
        with self._announced():
            # Of two walks that meet the same pod both would add a debug container to it.
            at_once = WALKS if self.options.debug is None else 1
            whole = self.under_way.run(self._go, range(len(self.made)), at_once)
        if not whole:
            for place, walk in self.under_way.walks():
                self.found[place] = _as_asked(walk.gathered(), self.made[place])
            if not self.found:
                raise KeyboardInterrupt
        else:
            for place in self.under_way.left():
                self._fail(place, TimedOut(LATE), TOO_LATE)
            for place, walk in self.under_way.walks():
                self.found[place] = _as_asked(walk.gathered(TOO_LATE), self.made[place])
                self.failed.pop(place, None)
        if whole and len(self.failed) == len(self.made):
            raise all_of([error for _, error in sorted(self.failed.items())])
        return [evidence for _, evidence in sorted(self.found.items())], whole

    def _title(self, place: int) -> str:
        return self.made[place].target.title

    def _announced(self) -> AbstractContextManager[None]:
        first, others = self._title(0), len(self.made) - 1
        if not others:
            self.way.progress.target(first, 1, 1)
            return nullcontext()
        from kubectl_portcheck.collect.cluster.one_processor import on_one_processor

        self.way.progress.sweep(f"{first} and {others} more")
        return on_one_processor()

    def _go(self, place: int) -> None:
        stop = self.made[place]
        if stop.known is not None:
            self.found[place] = stop.known
            if stop.error is not None:
                self.failed[place] = stop.error
            return
        try:
            if self.way.deadline.passed:
                raise TimedOut(LATE)
            evidence = self._walked(place, stop, self._seated(stop))
        except ClusterError as error:
            self._fail(place, error, missing(error))
        except NoAnswerError as error:
            self._fail(place, error, Missing(reason=Reason.FAILED, detail=error.message))
        except PortcheckError:
            raise  # --from means no pod.
        except Exception as defect:  # The other Services are reported on all the same.
            if len(self.made) == 1:
                raise
            words = defect_words(defect)
            unknown = NoAnswerError(f"could not tell: {words}")
            self._fail(place, unknown, Missing(reason=Reason.FAILED, detail=words))
        else:
            self.found[place] = _as_asked(evidence, stop)

    def _fail(self, place: int, error: PortcheckError, why: Missing) -> None:
        """Keep that there is no answer about a Service, beside others about which there is one."""
        self.failed[place] = error
        stop = self.made[place]
        evidence = ServiceEvidence(
            service=Service(
                metadata=ObjectMeta(name=stop.target.name, namespace=stop.target.namespace)
            ),
            unread=TOO_LATE if self.way.deadline.passed else why,
            asked_port=stop.target.port,
        )
        self.found[place] = _as_asked(evidence, stop)

    def _seated(self, stop: Stop) -> Options:
        """The options with the pods that --from may mean for this walk."""
        if self.options.source is None:
            return self.options
        from kubectl_portcheck.collect.cluster.seats import seats_for

        seats = seats_for(self.options.source, stop.target, self.way.live, self.way.here)
        there = self.way.live(seats[0].namespace).reads
        return self.options._replace(seats=seats, elsewhere=there)

    def _walked(self, place: int, stop: Stop, options: Options) -> ServiceEvidence:
        """The evidence about one. Raises ClusterError."""
        walk = Walk(
            *(stop.cluster, stop.target, options, self.steps, self.work, stop.foreign_routes)
        )
        self.under_way.begin(place, walk)
        try:
            walk.run()
        except UnknownTargetError as error:
            return self._absent(place, stop, error, options)
        evidence = walk.gathered()
        return self._followed_up(evidence, stop.target, options) if options.seats else evidence

    def _followed_up(
        self, evidence: ServiceEvidence, target: Target, options: Options
    ) -> ServiceEvidence:
        """The evidence with what tells more where a client fails; most runs do without."""
        from kubectl_portcheck.collect.cluster.name_server import with_name_server
        from kubectl_portcheck.collect.cluster.other_seats import with_others

        found = with_name_server(evidence, options, self.way.live, self.steps)
        if target.kind is not SERVICE:
            return found
        return with_others(found, target, options, self.way.live)

    def _absent(
        self, place: int, stop: Stop, error: UnknownTargetError, options: Options
    ) -> ServiceEvidence:
        """The evidence about a Service that does not exist."""
        from kubectl_portcheck.collect.cluster.absent import absent

        try:
            evidence = absent(stop, error, options, self.way.live)
        except UnknownTargetError as unneeded:
            self.failed[place] = unneeded
            return without(stop.target, unneeded)
        if not options.seats:
            return evidence
        from kubectl_portcheck.collect.cluster.name_server import with_name_server

        return with_name_server(evidence, options, self.way.live, self.steps)


def _as_asked(evidence: ServiceEvidence, stop: Stop) -> ServiceEvidence:
    """The evidence with what was asked about, and what was read to find it."""
    # What could not be read by the walk stays known as such.
    services = stop.services if evidence.services == NOT_ASKED else evidence.services
    lookup = stop.target.lookup
    return msgspec.structs.replace(evidence, asked=stop.asked, lookup=lookup, services=services)
