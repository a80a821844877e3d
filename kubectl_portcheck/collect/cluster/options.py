"""What a user asked of a walk."""

from typing import NamedTuple

from kubectl_portcheck.collect.cluster.client_side import Elsewhere
from kubectl_portcheck.collect.cluster.debug_container import Debug
from kubectl_portcheck.collect.cluster.from_pod import Seat, Source
from kubectl_portcheck.collect.cluster.logs import Budget
from kubectl_portcheck.collect.cluster.remembered import Memory


class Options(NamedTuple):
    """What the user left out, and asked for besides."""

    exec: bool = True
    port_forward: bool = True
    source: Source | None = None
    """What ``--from`` names."""
    seats: tuple[Seat, ...] = ()
    """The pods that it may mean for this walk, the best first."""
    elsewhere: Elsewhere | None = None
    """What reads the namespace of these pods."""
    memory: Memory | None = None
    """What earlier walks of a run that repeats them saw."""
    logs: Budget | None = None
    """How many logs of containers that fail may be read; None for none."""
    debug: Debug | None = None
    """The ephemeral container for pods that have nothing to ask with."""
    speak: bool = True
    """Whether ports with evidence of HTTP are sent a request."""
    callers: bool = False
    """Whether to read the settings of workloads for who calls the Service."""
    configured: bool = False
    """Whether the contents of ConfigMaps are read for it too."""
    deep: bool = False
    """Whether a sweep is to look into every pod."""
