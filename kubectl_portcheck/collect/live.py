"""Evidence from a running cluster: one connection, one walk for each target."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone

from kubectl_portcheck.collect.cluster import LiveCluster
from kubectl_portcheck.collect.connection import Api, ConnectionFlags, Deadline, load_connection
from kubectl_portcheck.collect.connection.errors import ClusterError
from kubectl_portcheck.collect.walk import Options, Progress, walk
from kubectl_portcheck.errors import NoClusterError
from kubectl_portcheck.model.evidence import Context, Evidence, ServiceEvidence
from kubectl_portcheck.target import Target


def collect(
    flags: ConnectionFlags,
    environ: Mapping[str, str],
    targets: Sequence[Target],
    options: Options,
    progress: Progress,
    *,
    timeout: float,
    log: Callable[[int, str], None],
) -> Evidence:
    """The evidence about the targets; Ctrl-C ends it early, with what was found by then.

    ``timeout`` bounds the whole, in seconds. Raises UsageError for an unknown target, and
    NoClusterError where no cluster is reached or the credentials are refused.
    """
    deadline = Deadline.after(timeout)
    try:
        connection = load_connection(flags, environ)
        with Api(connection, log) as api:
            cluster = LiveCluster(api, connection.namespace, deadline)
            found, whole = _walks(cluster, connection.namespace, targets, options, progress)
    except ClusterError as error:
        raise NoClusterError(error.line, error.hint) from None
    context = Context(
        source="cluster",
        cluster=connection.cluster_name,
        namespace=connection.namespace,
        collected_at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    return Evidence(context=context, services=tuple(found), interrupted=not whole)


def _walks(
    cluster: LiveCluster,
    namespace: str,
    targets: Sequence[Target],
    options: Options,
    progress: Progress,
) -> tuple[list[ServiceEvidence], bool]:
    """One walk after the other; the second value is False where Ctrl-C ended them early."""
    found = []
    for number, target in enumerate(targets, 1):
        progress.target(f"svc/{target.name}", number, len(targets))
        evidence, whole = walk(cluster, target._replace(namespace=namespace), options, progress)
        found.append(evidence)
        if not whole:
            return found, False
    return found, True
