"""``--logs``: the last lines of the containers that fail. Read only when asked for.

A log may hold anything: lines that look like secrets are dropped here and counted, colours and
what follows too many characters are cut. The lines are for the report, and no rule reads them.
"""

import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone

from kubectl_portcheck.collect.cluster.cluster import Probes, Read
from kubectl_portcheck.inputs.limits import LOG_BYTES, LOG_LINES, LOGS
from kubectl_portcheck.model.base import Missing, Observed, combined
from kubectl_portcheck.model.evidence import ContainerLog
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics import logs
from kubectl_portcheck.withheld import without_secret_lines

LONGEST = 400
"""Characters of a line."""
MOST = 3
"""Logs that are read for one Service: pods of one workload say the same."""

_COLOUR = regex(r"\x1b\[[\d;]*[A-Za-z]")
_UNREADABLE = ("unable to retrieve container logs for ", "failed to try resolving symlinks")
"""How the kubelet answers where the file is gone, as if it were the log."""


class Budget:
    """How many logs may still be read; safe to use from several threads."""

    def __init__(self, most: int = LOGS) -> None:
        self._left = most
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take one, if one is left."""
        with self._lock:
            self._left -= 1
            return self._left >= 0


def read_logs(
    probes: Probes, pods: Sequence[tuple[Pod, bool, int | None]], budget: Budget
) -> Read[tuple[ContainerLog, ...]]:
    """The logs of those pods that fail, one for each container of each workload.

    With each pod comes whether it is silent, and the port to which its clients are sent.
    """
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    chosen: dict[tuple[str, str], tuple[str, logs.Wanted]] = {}
    for pod, silent, port in pods:
        found = logs.wanted(pod, now, silent=silent, port=port)
        if found is not None:
            key = (_made_by(pod), found.container)
            chosen.setdefault(key, (pod.metadata.name, found))
    read: list[Read[tuple[ContainerLog, ...]]] = []
    for pod_name, wanted in list(chosen.values())[:MOST]:
        if not budget.take():
            break
        text = probes.log(pod_name, wanted.container, previous=wanted.previous)
        if isinstance(text, Missing):
            read.append(text)
        else:
            read.append(Observed(value=(_log(pod_name, wanted, text.value),)))
    return combined(read)


def _made_by(pod: Pod) -> str:
    owner = next((o for o in pod.metadata.owner_references if o.controller), None)
    return f"{owner.kind}/{owner.name}" if owner else f"Pod/{pod.metadata.name}"


def _log(pod: str, wanted: logs.Wanted, raw: bytes) -> ContainerLog:
    lines = raw.decode("utf-8", "replace").split("\n")
    # What the limit cut off may be the half of a secret.
    whole = lines[:-1] if len(raw) >= LOG_BYTES else lines
    kept, withheld = without_secret_lines(_plain(whole))
    return ContainerLog(
        pod=pod,
        container=wanted.container,
        previous=wanted.previous,
        lines=tuple(line[:LONGEST] for line in kept[-LOG_LINES:]),
        withheld=withheld,
    )


def _plain(lines: Iterable[str]) -> list[str]:
    """The lines that say something, without colours."""
    plain = [_COLOUR.sub("", line).expandtabs(4).rstrip() for line in lines]
    return [line for line in plain if line and not line.startswith(_UNREADABLE)]
