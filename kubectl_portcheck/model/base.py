"""The base of every struct in the model."""

from collections.abc import Iterable
from typing import Annotated, Generic, TypeVar

import msgspec

from kubectl_portcheck.inputs.limits import MESSAGE_CHARACTERS
from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.word import Word as Word
from kubectl_portcheck.withheld import without_secrets

T = TypeVar("T")

WholeNumber = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number of the API, which has none that is larger."""


class Known(frozenset[str]):
    """The words that Kubernetes has for a field: ``Annotated[str, Known({"TCP", "UDP"})]``.

    Another word can be there all the same, and may be anyone's.
    """


KindName = Annotated[str, Known({*kinds.BY_NAME, "Gateway"})]
GroupName = Annotated[str, Known({*(kind.group for kind in kinds.ALL), "events.k8s.io"})]
Verb = Annotated[str, Known({"get", "list", "watch", "create", "patch", "update", "delete"})]
Subresource = Annotated[str, Known({"exec", "log", "portforward", "proxy", "ephemeralcontainers"})]
Resource = Annotated[str, Known(kind.plural for kind in kinds.ALL)]


class Record(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False
):
    """An immutable struct whose JSON form uses Kubernetes' camelCase field names.

    It cannot lead back to itself, so the garbage collector need not know of it.
    """


def keep_readable(record: Record, *fields: str) -> None:
    """Take secrets out of texts of others in a new record, and cut those that are too long, before
    anything else can see them."""
    for field in fields:
        text: str = getattr(record, field)
        if text:
            kept = without_secrets(text)
            if len(kept) > MESSAGE_CHARACTERS:
                kept = f"{kept[: MESSAGE_CHARACTERS - 1]}…"
            if kept != text:
                msgspec.structs.force_setattr(record, field, kept)


class WithMessage(Record, frozen=True):
    """A struct of the API with words of others, which are kept readable."""

    message: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        # Of a hundred thousand pods this is half a million calls, nearly all for nothing.
        if self.message or self.reason:
            keep_readable(self, "message", "reason")


class Right(Record, frozen=True):
    """A permission that the API server asked for and the user does not have."""

    verb: Verb
    resource: Resource
    group: GroupName = ""
    subresource: Subresource = ""
    namespace: str = ""
    """Empty for a request to the whole cluster."""

    @property
    def path(self) -> str:
        """``pods/exec``: the resource with its part, as ``kubectl auth can-i`` takes it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    @property
    def words(self) -> str:
        """``list replicasets.apps``."""
        group = f".{self.group}" if self.group else ""
        return f"{self.verb} {self.path}{group}"


class Reason(Word):
    """Why something is missing: a closed set of words, written as they appear in snapshots."""

    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    NOT_SERVED = "not-served"
    TIMED_OUT = "timed-out"
    FAILED = "failed"
    NO_SHELL = "no-shell"
    NOT_RUNNING = "not-running"
    NOT_ASKED = "not-asked"
    NOT_RECORDED = "not-recorded"
    INTERRUPTED = "interrupted"
    NOT_CONTACTED = "not-contacted"
    """A pod that a sweep did not look into."""


class Missing(Record, frozen=True, tag_field="state", tag="missing"):
    """A value that could not be read, and why. It never means an empty value."""

    reason: Reason
    detail: str = ""
    """What a user needs to see: the server's own words, or the right that is missing."""
    right: Right | None = None
    """The permission that is missing, where that is the reason and the server named it."""

    def __post_init__(self) -> None:
        keep_readable(self, "detail")


class Observed(Record, Generic[T], frozen=True, tag_field="state", tag="observed"):
    """A value that was read."""

    value: T
    lacking: tuple[Missing, ...] = ()
    """Why parts of it could not be read: what is not in the value is then not known."""


def combined(
    read: Iterable[Observed[tuple[T, ...]] | Missing],
) -> Observed[tuple[T, ...]] | Missing:
    """What was read in several parts, as one; the parts that failed stay known.

    A part that the cluster does not serve holds nothing, unless no part is served.
    """
    parts = list(read)
    found = [p for p in parts if isinstance(p, Observed)]
    absent = [p for p in parts if isinstance(p, Missing)]
    failed = [m for m in absent if m.reason != Reason.NOT_SERVED]
    if not found and absent and len(failed) < 2:
        return (failed or absent)[0]
    lacking = (*(m for p in found for m in p.lacking), *failed)
    return Observed(value=tuple(o for p in found for o in p.value), lacking=lacking)
