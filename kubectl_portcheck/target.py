"""What the user asks about: ``svc/checkout:80`` and its other spellings."""

import re
from typing import NamedTuple

from kubectl_portcheck.errors import UsageError

KINDS = ("svc", "service", "services")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
"""An RFC 1035 or 1123 label: what a Service may be called."""


class Target(NamedTuple):
    """A Service, and one of its ports or all of them."""

    name: str
    port: int | str | None = None
    namespace: str = ""
    """Filled in once the connection says it."""


def parse_target(text: str) -> Target:
    """Reads ``svc/NAME``, ``service/NAME`` or ``NAME``, each with ``:PORT`` or without.

    Raises UsageError for anything else.
    """
    kind, slash, rest = text.rpartition("/")
    if slash and kind not in KINDS:
        raise UsageError(
            f"cannot check {text!r}: kind {kind!r} is not a Service", "Use svc/NAME or NAME."
        )
    name, colon, port = rest.partition(":")
    if not NAME.fullmatch(name) or len(name) > 63:
        raise UsageError(
            f"invalid Service name {name!r}", "A name has lower-case letters, digits and '-'."
        )
    if not colon:
        return Target(name)
    if port.isascii() and port.isdecimal():
        number = int(port) if len(port) < 6 else 0
        if not 0 < number < 65536:
            raise UsageError(f"invalid port {port!r}", "A port is a number from 1 to 65535.")
        return Target(name, number)
    if not NAME.fullmatch(port):
        raise UsageError(f"invalid port {port!r}", "Use svc/NAME:PORT, a number or a port's name.")
    return Target(name, port)
