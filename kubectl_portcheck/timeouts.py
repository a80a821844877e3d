"""How long anything may take, in seconds: the whole run by default, and each single wait in it."""

WALK = 30.0
"""A run with targets."""
SWEEP = 120.0
"""A run without targets."""
WAIT = 300.0
"""A run with ``--wait``. With ``--watch`` there is no limit."""

READ = 10.0
"""One answer of the API server."""
SUGGEST = 3.0
"""Finding what a mistyped name may have meant."""
EXEC = 8.0
"""A command in a container."""
PORT_FORWARD = 5.0
"""A port-forward to the ports of one pod."""
PROXY = 5.0
"""A connection of the API server to a pod."""
SPEAK = 5.0
"""A request to a pod."""
DIAL = 12.0
"""All connections from inside a pod (``--from``)."""
LOG = 5.0
"""The last lines of one container's log (``--logs``)."""
START = 20.0
"""The start of a debug container, whose image may have to be pulled."""


def shown(seconds: float) -> str:
    """Return a time as the flags take it: ``30s``, ``2m``."""
    return f"{seconds / 60:g}m" if seconds >= 60 else f"{seconds:g}s"
