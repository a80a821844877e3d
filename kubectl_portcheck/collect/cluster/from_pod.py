"""``--from pod/NAME``: from where to connect, what to, and what came of it."""

import re
from typing import NamedTuple

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.probes import Attempt

_POD = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_CONTAINER = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


class Source(NamedTuple):
    """The pod from which connections are made."""

    pod: str
    container: str = ""
    """Empty: the first that runs, or the one that kubectl's annotation names."""
    namespace: str = ""
    """Filled in once the connection says it."""


class Dial(NamedTuple):
    """One connection to try."""

    pod: str
    """The pod that has the address; '' for the Service's own."""
    address: str
    port: int
    http: bool = False
    """Whether there is evidence that the port speaks HTTP."""


class Told(NamedTuple):
    """What the script printed."""

    tool: str
    attempts: tuple[Attempt, ...]


def parse_source(text: str) -> Source:
    """Reads ``pod/NAME`` or ``pod/NAME/CONTAINER``. Raises UsageError for anything else."""
    kind, _, rest = text.partition("/")
    name, slash, container = rest.partition("/")
    if kind not in ("pod", "pods", "po") or not _POD.fullmatch(name) or len(name) > 253:
        raise UsageError(f"--from takes pod/NAME, not {text!r}", "Or pod/NAME/CONTAINER.")
    if slash and not _CONTAINER.fullmatch(container):
        raise UsageError(f"invalid container name {container!r} in --from")
    return Source(name, container)
