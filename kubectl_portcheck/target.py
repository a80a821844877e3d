"""What the user asks about: ``svc/checkout:80`` and its other spellings."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.kinds import (
    CRON_JOB,
    HTTP_ROUTE,
    INGRESS,
    JOB,
    POD,
    SERVICE,
    WORKLOADS,
    Kind,
)
from kubectl_portcheck.regex import regex

if TYPE_CHECKING:
    from kubectl_portcheck.address import Address
    from kubectl_portcheck.model.evidence import Lookup

NAME = regex(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
"""An RFC 1035 or 1123 label: what a Service may be called."""
SUBDOMAIN = regex(rf"{NAME.pattern}(\.{NAME.pattern})*")
"""What all other objects may be called."""
_OBJECT = regex(r"([a-zA-Z.0-9]+/[^\s/]+|[-a-z0-9]+)(:[-a-z0-9]+)?")
"""What is an object beyond doubt, and no address."""


TASKS: Final = (JOB, CRON_JOB)
"""The kinds of which only what they call can be checked."""
CALLING: Final = (*WORKLOADS, *TASKS, POD)
"""The kinds that have settings which name Services."""
KINDS: Final = (SERVICE, POD, *WORKLOADS, INGRESS, HTTP_ROUTE, *TASKS)
"""The kinds that can be a target."""


class Target(NamedTuple):
    """An object, and one of its ports or all of them."""

    name: str
    port: int | str | None = None
    """A Service's port; of a pod or a workload the pod's port."""
    namespace: str = ""
    """Filled in once the connection says it."""
    kind: Kind = SERVICE
    lookup: "Lookup | None" = None
    """The address that it was found by, where one was given."""

    @property
    def title(self) -> str:
        """``svc/checkout``."""
        return f"{self.kind.short}/{self.name}"


def parse_targets(words: Sequence[str]) -> "tuple[Target | Address, ...]":
    """Read the targets of a command line: ``svc/a pod/b``, or ``svc a b`` as kubectl takes it.

    A single word is the name of a Service, whatever it is. Raises UsageError.
    """
    kind = separate_kind(words)
    if kind is None:
        return tuple(map(parse_any, words))
    for word in words[1:]:
        if "/" in word:
            raise UsageError(
                f"cannot check {word!r}: its kind is given twice",
                f"Use {kind.short} NAME, or {kind.short}/NAME.",
            )
    return tuple(parse_target(f"{kind.short}/{word}") for word in words[1:])


def separate_kind(words: Sequence[str]) -> Kind | None:
    """Give the kind that comes as a word of its own before names, as in ``svc checkout``."""
    return kind_named(words[0]) if len(words) > 1 else None


def parse_any(text: str) -> "Target | Address":
    """Read a target, or the address in what a client reports.

    A DNS name is the name of a Service; every other address has to be looked up in the cluster.
    Raises UsageError.
    """
    if _OBJECT.fullmatch(text):
        return parse_target(text)
    from kubectl_portcheck.address import is_address, read_address
    from kubectl_portcheck.model.evidence import Lookup

    if not is_address(text):
        return parse_target(text)
    address = read_address(text)
    if address.service is None:
        return address
    name, namespace = address.service
    if not NAME.fullmatch(name) or len(name) > 63:
        raise UsageError(f"{address.text} is not the DNS name of a Service")
    found = Lookup(text=address.text, how="name")
    return Target(name, address.port, namespace, lookup=found)


def parse_target(text: str) -> Target:
    """Reads ``KIND/NAME`` or ``NAME``, each with ``:PORT`` or without.

    Raises UsageError for anything else.
    """
    word, slash, rest = text.rpartition("/")
    kind = kind_named(word) if slash else SERVICE
    if kind is None:
        raise UsageError(
            f"cannot check {text!r}: kind {word!r} leads to no Service",
            f"Use NAME, or one of {', '.join(f'{k.short}/NAME' for k in KINDS)}.",
        )
    name, colon, port = rest.partition(":")
    fits, longest = (NAME, 63) if kind is SERVICE else (SUBDOMAIN, 253)
    if not fits.fullmatch(name) or len(name) > longest:
        more = "" if kind is SERVICE else ", and '.'"
        raise UsageError(
            f"invalid {kind.name} name {name!r}",
            f"A name has lower-case letters, digits and '-'{more}.",
        )
    return Target(name, _port(port) if colon else None, kind=kind)


def kind_named(word: str) -> Kind | None:
    """The kind in one of kubectl's spellings: ``deploy``, ``Deployments``, ``deployments.apps``,
    ``deployments.v1.apps``."""
    word, _, rest = word.lower().partition(".")
    group = re.sub(r"^v\d+((alpha|beta)\d+)?(\.|$)", "", rest)
    for kind in KINDS:
        names = (kind.short, kind.plural, kind.name.lower(), *kind.others)
        if word in names and (not rest or group == kind.group):
            return kind
    return None


def _port(text: str) -> int | str:
    if text.isascii() and text.isdecimal():
        number = int(text) if len(text) < 6 else 0
        if not 0 < number < 65536:
            raise UsageError(f"invalid port {text!r}", "A port is a number from 1 to 65535.")
        return number
    if not NAME.fullmatch(text):
        raise UsageError(f"invalid port {text!r}", "Use svc/NAME:PORT, a number or a port's name.")
    return text
