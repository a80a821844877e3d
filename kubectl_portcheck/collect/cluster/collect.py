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
from kubectl_portcheck.collect.cluster.once import Lately, Once
from kubectl_portcheck.collect.cluster.options import Options
from kubectl_portcheck.collect.cluster.probes import SAME_MOMENT, LiveProbes
from kubectl_portcheck.collect.cluster.progress import Progress
from kubectl_portcheck.collect.cluster.reads import LiveReads
from kubectl_portcheck.collect.cluster.server_version import ServerVersion
from kubectl_portcheck.collect.cluster.targets import Stop, lost, stops
from kubectl_portcheck.collect.cluster.walks import Way, walks
from kubectl_portcheck.collect.shards import Shard
from kubectl_portcheck.errors import (
    NoAnswerError,
    NoClusterError,
    UsageError,
)
from kubectl_portcheck.model.evidence import Context, Evidence
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

    ``timeout`` bounds the whole, in seconds. Raises UsageError where no target is known,
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

        once, lately = Once(), Lately(SAME_MOMENT)

        def live(namespace: str) -> Live:
            reads = LiveReads(api, namespace, deadline, once)
            return Live(reads, LiveProbes(api, namespace, deadline, lately))

        named = [_named(live, t, connection.namespace) for t in targets]
        made = _called(live, named, options) if calls else stops(live, named)
        walked, whole = walks(made, options, Way(live, connection.namespace, deadline, progress))
    except BadRequest as error:
        raise UsageError(f"the API server refuses the selector: {error.message}") from None
    except ClusterError as error:
        raise NoClusterError(error.line, error.hint) from None
    context = _context(connection, connection.namespace)
    return Evidence(context=context, services=tuple(walked), interrupted=not whole)


def _named(live: Spaces, asked: Target | Address, namespace: str) -> Target | Stop:
    """The target; what has the address, where it is one. What is not found spoils no other."""
    try:
        return found(live, asked, namespace)
    except (UsageError, NoAnswerError) as error:
        return lost(
            live(namespace).cluster, Target(asked.title, None, namespace), error, address=True
        )


def _called(spaces: Spaces, targets: Sequence[Target | Stop], options: Options) -> list[Stop]:
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
