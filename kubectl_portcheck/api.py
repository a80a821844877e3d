"""The library: what ``from kubectl_portcheck import diagnose`` gives.

Each function returns a :class:`Report`, frozen data that is safe to keep and to share between
threads; :func:`to_json`, :func:`to_markdown` and :func:`to_html` write it as the command line
does. Nothing is printed, no signal is handled, no global is changed. All names that
``kubectl_portcheck`` exports stay, with their meaning, until the next major version; fields and
parameters are added.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from kubectl_portcheck import __version__
from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.report import Report
from kubectl_portcheck.target import parse_any, parse_target

if TYPE_CHECKING:
    from kubectl_portcheck.client import Connection, ConnectionFlags
    from kubectl_portcheck.client.from_package import PackageClient, PackageConfiguration

__all__ = ["diagnose", "diagnose_files", "diagnose_snapshot", "to_html", "to_json", "to_markdown"]


def diagnose(
    *targets: str,
    namespace: str | None = None,
    all_namespaces: bool = False,
    selector: str = "",
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
    as_user: str | None = None,
    as_groups: Sequence[str] = (),
    client: "PackageClient | PackageConfiguration | None" = None,
    timeout: float | None = None,
    look_inside: bool = True,
    port_forward: bool = True,
    ignore: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Report:
    """Walks to each target on a running cluster and reports on it: ``diagnose("svc/checkout")``.

    Targets are written as on the command line: ``svc/NAME``, ``NAME:PORT``, ``deploy/NAME``.
    Without any it is about every Service of the namespace, or of all, with the labels of the
    ``selector``. The connection is kubectl's: the kubeconfig, ``KUBECONFIG``, the home
    directory's, or the ServiceAccount of the pod; ``None`` leaves each setting to it. ``client`` is
    used instead: an ApiClient or a Configuration of the package kubernetes, with its host,
    credentials, TLS and proxy settings; the namespace is then ``default`` unless one is given.
    ``timeout`` bounds the whole, in seconds: 30 where nothing is said, 120 without targets.
    ``look_inside=False`` is ``--no-exec``, ``port_forward=False`` is ``--no-port-forward``,
    ``ignore`` has codes or names of rules, as ``--ignore``. ``environ`` takes the place of
    ``os.environ``.

    Raises UsageError for a target, a selector or a rule that there cannot be, UnknownTargetError
    for a target that does not exist, NoAnswerError where it is not known which Services are
    meant, NoClusterError where no cluster answers or it refuses the credentials. Any other right
    that is missing raises nothing: it is named in the report, whose verdict may then be
    inconclusive. Ctrl-C raises KeyboardInterrupt.
    """
    from kubectl_portcheck.client import ConnectionFlags, load_connection
    from kubectl_portcheck.collect.cluster.collect import (
        Selection,
        Wanted,
        collect,
        judged_until,
    )
    from kubectl_portcheck.collect.cluster.options import Options
    from kubectl_portcheck.collect.cluster.progress import Silent
    from kubectl_portcheck.diagnosis import diagnose as conclude

    if targets and (all_namespaces or selector):
        raise UsageError("targets exclude all_namespaces and selector")
    if client is not None and (kubeconfig is not None or context is not None):
        raise UsageError("client excludes kubeconfig and context")
    codes = [_code(word) for word in ignore]
    flags = ConnectionFlags(
        kubeconfig=None if kubeconfig is None else os.fspath(kubeconfig),
        context=context,
        namespace=namespace,
        as_user=as_user,
        as_groups=tuple(as_groups),
    )
    began = time.monotonic()
    wanted = Wanted(
        tuple(map(parse_any, targets)),
        Options(exec=look_inside, port_forward=port_forward),
        Selection(all_namespaces, selector),
    )
    connect: Callable[[], Connection]
    if client is None:
        connect = partial(load_connection, flags, os.environ if environ is None else environ)
    else:
        connect, flags = _by_client(client, flags)
    evidence = collect(connect, wanted, Silent(), timeout=timeout, log=_nowhere)
    if evidence.interrupted:
        raise KeyboardInterrupt
    kubectl = ("kubectl", *flags._replace(namespace=None).to_argv())
    until = judged_until(began, timeout or wanted.seconds)
    return conclude(evidence, kubectl=kubectl, ignore=codes, until=until)


def _by_client(
    client: "PackageClient | PackageConfiguration", flags: "ConnectionFlags"
) -> "tuple[Callable[[], Connection], ConnectionFlags]":
    """How to connect with a client of the package kubernetes, and the flags of the same server."""
    from kubectl_portcheck.client.from_package import connection_of, server_of

    connect = partial(connection_of, client, flags)
    # A pasted command reaches the same cluster, or none.
    flags = flags._replace(server=server_of(client))
    if not flags.server:
        raise UsageError(
            f"a client of type {type(client).__name__} cannot be used: it is no ApiClient and "
            "no Configuration of the package kubernetes"
        )
    return connect, flags


def diagnose_files(
    paths: Sequence[str | os.PathLike[str]],
    *targets: str,
    namespace: str = "",
    complete: bool = False,
) -> Report:
    """Reports on manifests: files, and folders with all below them, as ``-f`` takes them.

    Without targets it is about every Service in them; where there is none, ``services`` is empty.
    ``namespace`` is what objects without one belong to. ``complete=True`` says that nothing
    exists beside these files.

    Raises UsageError where a file cannot be read or is no YAML: a report on a part of what was
    asked would look like one on the whole. Raises UnknownTargetError for a target that they lack.
    """
    from kubectl_portcheck.collect.manifests import gather, localise, read
    from kubectl_portcheck.diagnosis import diagnose as conclude

    manifests = read([os.fspath(path) for path in paths], BytesIO())
    gathered = gather(
        manifests, [parse_target(t) for t in targets], namespace=namespace, complete=complete
    )
    if gathered.problems:
        others = len(gathered.problems) - 1
        more = f" (and {others} more)" if others else ""
        raise UsageError(f"{gathered.problems[0]}{more}")
    return localise(conclude(gathered.evidence), gathered)


def diagnose_snapshot(path: str | os.PathLike[str]) -> Report:
    """Reports on evidence that ``--save`` kept, or that kubectl recorded: what ``--replay`` takes.

    Raises UsageError where the file holds none, or a newer version's.
    """
    from kubectl_portcheck.collect.snapshots import snapshot
    from kubectl_portcheck.diagnosis import diagnose as conclude

    place = Path(path)
    if snapshot.is_foreign(place):
        from kubectl_portcheck.collect.snapshots import kubectl_output

        return conclude(kubectl_output.load(place))
    return conclude(snapshot.load(place))


def to_json(report: Report) -> str:
    """The report as ``-o json`` prints it: schema version 1, ASCII, ended by a line break."""
    from kubectl_portcheck.render.json import render_json

    return render_json(report, __version__)


def to_html(report: Report) -> str:
    """The report as ``-o html`` prints it: a page of its own, to keep and to share."""
    from kubectl_portcheck.render.html import render_html

    return render_html(report, __version__)


def to_markdown(report: Report) -> str:
    """The report as ``-o markdown`` prints it, for an incident channel."""
    from kubectl_portcheck.render.markdown import render_markdown

    return render_markdown(report)


def _code(word: str) -> str:
    from kubectl_portcheck.rules.names import named
    from kubectl_portcheck.rules.table import CATALOGUE

    rule = named(word, CATALOGUE)
    if rule is None:
        raise UsageError(f"no rule {word!r}")
    return rule.code


def _nowhere(level: int, line: str) -> None:
    """The requests are not logged."""
