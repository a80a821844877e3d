"""Runs that are kept for ``--history`` and ``--since-last``, once the user has turned that on.

They stand in a folder of the user's state, which ``--history on`` makes and ``--history off``
removes: without the folder nothing is kept. A run is kept as the JSON report, without the lines of
logs, readable by its owner only; the oldest are removed.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from kubectl_portcheck.commands.modes import SweepRequest, WalkRequest
from kubectl_portcheck.commands.output import terminal
from kubectl_portcheck.environment import Environment
from kubectl_portcheck.errors import NotWrittenError, UsageError
from kubectl_portcheck.regex import regex

if TYPE_CHECKING:
    from kubectl_portcheck.commands.lookups import Style
    from kubectl_portcheck.model.report import Report

MOST_RUNS = 50
MOST_BYTES = 32 * 1024 * 1024
"""Of all runs together."""
OFF = (
    "no run is kept: the history is off",
    "Turn it on: kubectl portcheck --history on",
)
_NAME = regex(r"(\d{4}-\d\d-\d\dT\d\d)(\d\d)(\d\d)Z-([0-9a-f]{16})\.json\.gz")
"""The name of a run: its time, without colons, and what was asked."""


class Run(NamedTuple):
    """A kept run."""

    time: str
    """In RFC 3339 form."""
    asked: str
    """What makes a run comparable with another: a hash of the cluster and of what was asked."""
    path: str


def folder(environ: Mapping[str, str]) -> str | None:
    """Return where runs are kept; None where there is no such place."""
    home = environ.get("HOME") or environ.get("USERPROFILE")
    root = environ.get("XDG_STATE_HOME") or (home and os.path.join(home, ".local", "state"))
    return os.path.join(root, "kubectl-portcheck", "history") if root else None


def is_on(environ: Mapping[str, str]) -> bool:
    """Whether runs are kept."""
    place = folder(environ)
    return place is not None and os.path.isdir(place)


def run(action: str, style: "Style", env: Environment) -> None:
    """Turn the history ``on`` or ``off``, or list what is kept.

    Raises UsageError, NotWrittenError.
    """
    place = folder(env.environ)
    if place is None:
        raise UsageError("there is no place for the history: set HOME or XDG_STATE_HOME")
    if action == "on":
        _make(place)
        env.stdout.write(f"From now on runs are kept in {place}, at most {MOST_RUNS}.\n")
    elif action == "off":
        _remove(place)
        env.stdout.write("No run is kept any more; those that were kept are removed.\n")
    else:
        _list(place, style, env)


def _make(place: str) -> None:
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
    except OSError as error:
        raise NotWrittenError(f"cannot write {place}: {error.strerror}") from None


def _remove(place: str) -> None:
    """Remove the runs and the folder; a file of another program stays, and with it the folder."""
    if not os.path.isdir(place):
        return
    try:
        for kept in _runs(place):
            os.unlink(kept.path)
        os.rmdir(place)
    except OSError as error:
        raise NotWrittenError(f"cannot remove {place}: {error.strerror}") from None


def _list(place: str, style: "Style", env: Environment) -> None:
    from kubectl_portcheck.collect.reports import load
    from kubectl_portcheck.render.console import look_for, print_lines
    from kubectl_portcheck.render.since import runs_lines

    if not os.path.isdir(place):
        raise UsageError(*OFF)
    found = []
    for kept in reversed(_runs(place)):
        with contextlib.suppress(UsageError):  # Of a newer version, or damaged.
            found.append((kept.time, load(kept.path)[0]))
    look = look_for(terminal(env), color=style.color, plain=style.plain)
    print_lines(runs_lines(found, place, look), env.stdout, look, env.environ)


def keep(request: WalkRequest | SweepRequest, report: "Report", env: Environment) -> None:
    """Keep the report, where that was turned on. A run does not fail for it."""
    place = folder(env.environ)
    if place is None or not is_on(env.environ) or request.output.redact or report.interrupted:
        return
    time = report.context.collected_at.replace(":", "")
    name = f"{time}-{_asked(request, report)}.json.gz"
    if not _NAME.fullmatch(name):
        return
    from kubectl_portcheck.writing import write_file

    try:
        write_file(os.path.join(place, name), _packed(report), private=True)
        _bound(place)
    except (NotWrittenError, OSError) as error:
        env.stderr.write(f"this run was not kept: {getattr(error, 'line', error)}\n")


def last(
    request: WalkRequest | SweepRequest, report: "Report", env: Environment
) -> "tuple[str, Report] | None":
    """Return time and report of the last run that asked the same; None where none is kept."""
    from kubectl_portcheck.collect.reports import load

    place, asked = folder(env.environ), _asked(request, report)
    assert place is not None
    for kept in reversed(_runs(place)):
        if kept.asked == asked:
            with contextlib.suppress(UsageError):
                return kept.time, load(kept.path)[0]
    return None


def _packed(report: "Report") -> bytes:
    import gzip

    import msgspec

    from kubectl_portcheck import __version__
    from kubectl_portcheck.render.json import render_json

    services = tuple(msgspec.structs.replace(s, logs=()) for s in report.services)
    text = render_json(msgspec.structs.replace(report, services=services), __version__)
    return gzip.compress(text.encode(), compresslevel=5, mtime=0)


def _asked(request: WalkRequest | SweepRequest, report: "Report") -> str:
    from hashlib import sha256

    what = request.targets if isinstance(request, WalkRequest) else request.selection
    parts = (report.context.cluster, report.context.namespace, type(request).__name__, repr(what))
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _runs(place: str) -> list[Run]:
    """Return the runs that are kept, the oldest first. What has another name is not ours."""
    return sorted(_named(place))


def _named(place: str) -> Iterator[Run]:
    try:
        names = os.listdir(place)
    except OSError:
        return
    for name in names:
        found = _NAME.fullmatch(name)
        if found:
            hour, minute, second, asked = found.groups()
            yield Run(f"{hour}:{minute}:{second}Z", asked, os.path.join(place, name))


def _bound(place: str) -> None:
    """Remove the oldest runs beyond the limits. Raises OSError."""
    total = 0
    for number, kept in enumerate(reversed(_runs(place))):
        total += os.path.getsize(kept.path)
        if number and (number >= MOST_RUNS or total > MOST_BYTES):
            os.unlink(kept.path)
