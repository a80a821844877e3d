"""``--from``: from where to connect, what to, and what came of it."""

from typing import NamedTuple

from kubectl_portcheck.errors import UsageError
from kubectl_portcheck.model.kinds import JOB, POD, WORKLOADS, Kind
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.seat import Chosen
from kubectl_portcheck.regex import regex

AUTO = "auto"
_OBJECT = regex(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_LABEL = regex(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_KINDS = (POD, *WORKLOADS, JOB)
_FORMS = "pod/NAME, deploy/NAME, sts/NAME, ds/NAME, job/NAME, '-l app=web', or auto"


class Source(NamedTuple):
    """Whose pod connections are made from, as it was asked for."""

    name: str = ""
    """Of a pod or a workload; empty for the others."""
    container: str = ""
    """Empty: the first that runs, or the one that kubectl's annotation names."""
    namespace: str = ""
    """Filled in once the connection says it."""
    kind: Kind | None = POD
    """None for a selector and for ``auto``."""
    selector: str = ""
    """A label selector in the API's form; without one, and without a kind, it is ``auto``."""
    each_node: bool = False
    """Whether a pod on each node takes the way as well."""

    @property
    def auto(self) -> bool:
        """Whether any pod will do."""
        return self.kind is None and not self.selector

    @property
    def title(self) -> str:
        """``deploy/web``, ``-l app=web``, ``auto``."""
        if self.kind is not None:
            return f"{self.kind.short or self.kind.name.lower()}/{self.name}"
        return f"-l {self.selector}" if self.selector else AUTO


class Seat(NamedTuple):
    """A pod from which connections are made."""

    namespace: str
    pod: str
    container: str = ""
    others: tuple[str, ...] = ()
    """The pod's other containers that run: asked where this one has no tool. Ephemeral ones are
    among them. None where the user named the container."""
    client: Pod | None = None
    """The pod itself, where it may be read."""
    chosen: Chosen = "named"
    by: str = ""
    """What it was chosen by: ``deploy/web``, ``app=web``."""
    setting: str = ""
    """The variable or argument that names the Service, where it was taken for that (auto)."""
    ready: int = 0
    """How many pods it was chosen from are Ready."""
    of: int = 0
    """How many pods it was chosen from."""


class Names(NamedTuple):
    """The names by which a Service is looked up."""

    used: str
    """As the program in the pod would write it: ``checkout``, ``checkout.shop``."""
    service: str
    """``checkout.shop.svc``: the whole of it but for the cluster's domain."""


class Dial(NamedTuple):
    """One connection to try."""

    pod: str
    """The pod that has the address; '' for the Service's own."""
    address: str
    port: int
    http: bool = False
    """Whether there is evidence that the port speaks HTTP."""


class DialResults(NamedTuple):
    """What the script printed."""

    tool: str
    attempts: tuple[Attempt, ...]


def parse_source(text: str) -> Source:
    """Read what ``--from`` takes, each form also behind ``NAMESPACE/``. Raises UsageError."""
    head, slash, rest = text.strip().partition("/")
    if slash and _kind(head) is None and _LABEL.fullmatch(head) and not _is_selector(head):
        return _parse(rest, text)._replace(namespace=head)
    return _parse(text.strip(), text)


def _parse(word: str, text: str) -> Source:
    if word == AUTO:
        return Source(kind=None)
    if _is_selector(word):
        selector = word.removeprefix("-l").removeprefix("=").strip()
        if not selector:
            raise UsageError("--from '-l' needs a label selector", "Such as --from '-l app=web'.")
        return Source(kind=None, selector=selector)
    head, slash, rest = word.partition("/")
    kind = _kind(head)
    name, inner, container = rest.partition("/")
    if not slash or kind is None or not _OBJECT.fullmatch(name) or len(name) > 253:
        raise UsageError(f"--from takes {_FORMS}, not {text!r}", _hint(kind))
    if inner and not _LABEL.fullmatch(container):
        raise UsageError(f"invalid container name {container!r} in --from")
    return Source(name, container, kind=kind)


def _hint(kind: Kind | None) -> str:
    where = "Each may begin with NAMESPACE/, and a name may end in /CONTAINER."
    return where if kind is None else f"Write {kind.short or kind.name.lower()}/NAME."


def _is_selector(word: str) -> bool:
    return word.startswith("-l") or "=" in word


def _kind(word: str) -> Kind | None:
    for kind in _KINDS:
        if word in (kind.short, kind.plural, kind.name.lower(), *kind.others):
            return kind
    return None
