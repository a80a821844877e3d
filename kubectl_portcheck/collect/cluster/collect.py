"""Evidence from a running cluster: one connection, one walk for each target, or a sweep."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import NamedTuple

import msgspec

from kubectl_portcheck import timeouts
from kubectl_portcheck.address import Address
from kubectl_portcheck.client import (
    Api,
    Connection,
    Deadline,
)
from kubectl_portcheck.client.errors import BadRequest, ClusterError
from kubectl_portcheck.collect.cluster.addresses import Live, Spaces, found
from kubectl_portcheck.collect.cluster.logs import Budget
from kubectl_portcheck.collect.cluster.probes import LiveProbes
from kubectl_portcheck.collect.cluster.progress import Progress
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.collect.cluster.seats import seats_for
from kubectl_portcheck.collect.cluster.server_version import ServerVersion
from kubectl_portcheck.collect.cluster.targets import Stop, stops
from kubectl_portcheck.collect.cluster.walk import Options, walk
from kubectl_portcheck.collect.shards import Shard
from kubectl_portcheck.errors import NoClusterError, UnknownTargetError, UsageError
from kubectl_portcheck.model.evidence import NOT_ASKED, Context, Evidence, ServiceEvidence
from kubectl_portcheck.model.kinds import SERVICE
from kubectl_portcheck.target import Target

AHEAD = 8
"""How many connections are opened ahead on a slow network: the streams to three pods, beside the
connections that the first reads leave behind.
"""


class Selection(NamedTuple):
    """The Services of a sweep; those of the connection's namespace where nothing else is said."""

    everywhere: bool = False
    labels: str = ""
    """A label selector in the API's form."""
    fields: str = ""
    shard: Shard | None = None
    """The part of the namespaces that is meant, where it is not all."""


EVERY_SERVICE = Selection()


def judged_until(began: float, seconds: float) -> float:
    """Until when, on the monotonic clock, what was gathered may be judged.

    The time of a run is for both. A tenth more, two seconds at least, is there for what the last
    moment brought.
    """
    return max(began + seconds, time.monotonic() + max(seconds / 10, 2.0))


class Wanted(NamedTuple):
    """What is asked of a cluster."""

    targets: tuple[Target | Address, ...]
    """One walk to each; without any it is a sweep over the Services of the ``selection``."""
    options: Options
    selection: Selection = EVERY_SERVICE
    calls: bool = False
    """Whether the targets are workloads, of which only what they call is walked to."""

    @property
    def seconds(self) -> float:
        """How long it may take by default."""
        return timeouts.WALK if self.targets else timeouts.SWEEP


def collect(
    connect: Callable[[], Connection],
    wanted: Wanted,
    progress: Progress,
    *,
    timeout: float | None,
    log: Callable[[int, str], None],
) -> Evidence:
    """Gather what is wanted; Ctrl-C ends it early, with what was found by then.

    ``timeout`` bounds the whole, in seconds. Raises UsageError for an unknown target,
    NoAnswerError where it is not known which Services are meant, and NoClusterError where no
    cluster is reached or the credentials are refused.
    """
    deadline = Deadline.after(timeout or wanted.seconds)
    targets, options = wanted.targets, wanted.options
    with connected(connect, log) as api:
        if targets and (options.exec or options.port_forward):
            api.warm(AHEAD, deadline=deadline)
        return gather(api, wanted, progress, deadline)


@contextmanager
def connected(connect: Callable[[], Connection], log: Callable[[int, str], None]) -> Iterator[Api]:
    """The API server, for as many walks as one likes. Raises NoClusterError."""
    try:
        with Api(connect(), log) as api:
            yield api
    except ClusterError as error:
        raise NoClusterError(error.line, error.hint) from None


def gather(api: Api, wanted: Wanted, progress: Progress, deadline: Deadline) -> Evidence:
    """Gather what is wanted over an open connection. Raises as :func:`collect` does."""
    began = time.monotonic()
    version = ServerVersion(api, deadline)
    evidence = _gathered(api, wanted, progress, deadline)
    seconds = round(time.monotonic() - began, 3)
    context = msgspec.structs.replace(evidence.context, seconds=seconds, kubernetes=version.found())
    return msgspec.structs.replace(evidence, context=context)


def _gathered(api: Api, wanted: Wanted, progress: Progress, deadline: Deadline) -> Evidence:
    connection = api.connection
    targets, options, selection, calls = wanted
    if options.logs is not None:
        options = options._replace(logs=Budget())  # For this round.
    try:
        if not targets:
            return _swept(api, selection, deadline, options, progress)

        def live(namespace: str) -> Live:
            reads = LiveReads(api, namespace, deadline)
            return Live(reads, LiveProbes(api, namespace, deadline))

        named = [found(live, t, connection.namespace) for t in targets]
        made = _called(live, named, options) if calls else stops(live, named)
        seated = [_seated(s, options, live, connection.namespace) for s in made]
        walked, whole = _walks(seated, progress, live)
    except BadRequest as error:
        raise UsageError(f"the API server refuses the selector: {error.message}") from None
    except ClusterError as error:
        raise NoClusterError(error.line, error.hint) from None
    context = _context(connection, connection.namespace)
    return Evidence(context=context, services=tuple(walked), interrupted=not whole)


def _called(spaces: Spaces, targets: Sequence[Target], options: Options) -> list[Stop]:
    """The walks to what the workloads call; most runs do without what it imports."""
    from kubectl_portcheck.collect.cluster.own_calls import called

    return called(spaces, targets, configured=options.configured, execs=options.exec)


def _context(connection: Connection, namespace: str) -> Context:
    return Context(
        source="cluster",
        cluster=connection.cluster_name,
        namespace=namespace,
        collected_at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _swept(
    api: Api, selection: Selection, deadline: Deadline, options: Options, progress: Progress
) -> Evidence:
    # A sweep costs imports and takes its time; a single walk does without.
    from kubectl_portcheck.collect.cluster.shared_lists import Scope
    from kubectl_portcheck.collect.cluster.sweep import sweep

    connection = api.connection
    namespace = "" if selection.everywhere else connection.namespace
    scope = Scope(namespace, selection.labels, selection.fields, selection.shard)
    context = _context(connection, namespace)
    if selection.shard is not None:
        context = msgspec.structs.replace(context, shard=str(selection.shard))
    found = sweep(api, scope, deadline, options, progress)
    return Evidence(
        context=context,
        services=found.services,
        missing=found.missing,
        rights=found.rights,
        interrupted=not found.whole,
    )


def _walks(
    made: Sequence[tuple[Stop, Options]], progress: Progress, live: Spaces
) -> tuple[list[ServiceEvidence], bool]:
    """One walk after the other; the second value is False where Ctrl-C ended them early."""
    found: list[ServiceEvidence] = []
    for number, (stop, options) in enumerate(made, 1):
        progress.target(stop.target.title, number, len(made))
        if stop.known is not None:
            found.append(stop.known)
            continue
        try:
            evidence, whole = walk(
                stop.cluster, stop.target, options, progress, stop.foreign_routes
            )
        except UnknownTargetError as error:
            evidence, whole = _absent(stop, error, options, live, progress), True
        except KeyboardInterrupt:
            if not found:
                raise
            return found, False
        if options.seats and evidence.absence is None:
            evidence = _followed_up(evidence, stop.target, options, live, progress)
        found.append(_as_asked(evidence, stop))
        if not whole:
            return found, False
    return found, True


def _seated(stop: Stop, options: Options, live: Spaces, here: str) -> tuple[Stop, Options]:
    """The walk with the pods that --from may mean for it; ``here`` is the namespace in use."""
    if options.source is None or stop.known is not None:
        return stop, options
    seats = seats_for(options.source, stop.target, live, here)
    there = live(seats[0].namespace).reads
    return stop, options._replace(seats=seats, elsewhere=there)


def _as_asked(evidence: ServiceEvidence, stop: Stop) -> ServiceEvidence:
    """The evidence with what was asked about, and what was read to find it."""
    # What could not be read by the walk stays known as such.
    services = stop.services if evidence.services == NOT_ASKED else evidence.services
    lookup = stop.target.lookup
    return msgspec.structs.replace(evidence, asked=stop.asked, lookup=lookup, services=services)


def _followed_up(
    evidence: ServiceEvidence, target: Target, options: Options, live: Spaces, progress: Progress
) -> ServiceEvidence:
    """The evidence with what tells more where a client fails; most runs do without the imports."""
    from kubectl_portcheck.collect.cluster.name_server import with_name_server
    from kubectl_portcheck.collect.cluster.other_seats import with_others

    found = with_name_server(evidence, options, live, progress)
    return with_others(found, target, options, live) if target.kind is SERVICE else found


def _absent(
    stop: Stop, error: UnknownTargetError, options: Options, live: Spaces, progress: Progress
) -> ServiceEvidence:
    """The evidence about a Service that does not exist. Raises the error where nothing needs it."""
    if stop.target.kind is not SERVICE:
        raise error
    from kubectl_portcheck.collect.cluster.absent import absent

    evidence = absent(stop, error, options, live)
    if not options.seats:
        return evidence
    from kubectl_portcheck.collect.cluster.name_server import with_name_server

    return with_name_server(evidence, options, live, progress)
