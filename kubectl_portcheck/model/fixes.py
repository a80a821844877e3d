"""What a fix changes, as data: commands, edits of files and predictions derive from it."""

from typing import Any, Literal

import msgspec

from kubectl_portcheck.json_text import in_ascii
from kubectl_portcheck.model.base import Record, Right
from kubectl_portcheck.model.kinds import resource_of

Verdict = Literal["healthy", "inconclusive", "degraded", "broken"]
Safety = Literal["safe", "review"]
Target = Literal["live", "source"]


class Subject(Record, frozen=True):
    """An object of the cluster that something is about."""

    kind: str
    namespace: str
    name: str

    def means(self, kind: str, namespace: str, name: str) -> bool:
        """Whether it is this object: one without a namespace may be in any, as in files."""
        there = namespace in ("", self.namespace)
        return there and (kind, name) == (self.kind, self.name)


class Operation(Record, frozen=True):
    """One operation of a JSON patch (RFC 6902)."""

    op: Literal["test", "add", "replace", "remove"]
    path: str
    value: Any = None
    """None for ``remove``, which has no value."""


class JsonPatch(Record, frozen=True, tag_field="kind", tag="patch"):
    """A patch of one object, with a test of each value that it replaces."""

    operations: tuple[Operation, ...]

    @property
    def changes(self) -> tuple[Operation, ...]:
        """The operations that change something."""
        return tuple(o for o in self.operations if o.op != "test")

    @property
    def body(self) -> str:
        """The patch as one line of JSON, as ``kubectl patch`` takes it."""
        return in_ascii(msgspec.json.encode([_as_json(o) for o in self.operations]))


def _as_json(operation: Operation) -> dict[str, Any]:
    whole = {"op": operation.op, "path": operation.path}
    return whole if operation.op == "remove" else {**whole, "value": operation.value}


class Command(Record, frozen=True, tag_field="kind", tag="command"):
    """Another change that kubectl makes, such as the undo of a rollout."""

    words: tuple[str, ...]
    """The arguments after kubectl and its connection flags."""


class ByHand(Record, frozen=True, tag_field="kind", tag="by-hand"):
    """A change that no command can make: in the application, or in the source of a manifest."""

    look: tuple[str, ...] = ()
    """The arguments of a kubectl command that shows what to change, where one does."""


BY_HAND = ByHand()


class Prediction(Record, frozen=True):
    """What clients would meet after a change, by the same rules from the same measurements."""

    verdict: Verdict
    """On the Service port that the change is meant for, or on the Service."""
    served: int
    """How many of the pods that get its traffic would serve."""
    of: int
    together: tuple[str, ...] = ()
    """The codes of the findings whose first fix has to be made as well."""


class Fix(Record, frozen=True):
    """A change that removes the cause of a finding."""

    title: str
    """What to do, as one imperative sentence."""
    change: JsonPatch | Command | ByHand = BY_HAND
    patch: str | None = None
    """What to write in the source, where no command can do it or one would be reverted."""
    subject: Subject | None = None
    """The object that is changed, where it is one."""
    owner: str | None = None
    """What would revert a change of the live object, where something would."""
    safety: Safety = "review"
    """``safe``: may be pasted as it is. ``review``: needs a choice or has a side effect."""
    target: Target = "live"
    cautions: tuple[str, ...] = ()
    """What speaks against it, as facts: a fix that has any is never safe."""
    predicted: Prediction | None = None
    unpredicted: str = ""
    """Why the effect of a command cannot be predicted, where it cannot."""
    lacks: Right | None = None
    """The permission that the user needs to make the change and does not have."""
    kubectl: tuple[str, ...] = ("kubectl",)
    """How a command for this cluster starts: kubectl and the connection flags in use."""

    @property
    def command(self) -> tuple[str, ...] | None:
        """The argument vector that makes the change; None where it has to be made by hand."""
        if isinstance(self.change, ByHand):
            return None
        if isinstance(self.change, Command):
            return (*self.kubectl, *self.change.words)
        assert self.subject is not None
        where = ("-n", self.subject.namespace) if self.subject.namespace else ()
        what = (resource_of(self.subject.kind), self.subject.name, *where)
        return (*self.kubectl, "patch", *what, "--type=json", "-p", self.change.body)

    @property
    def look(self) -> tuple[str, ...] | None:
        """The argument vector that shows what has to be changed by hand, where one does."""
        if isinstance(self.change, ByHand) and self.change.look:
            return (*self.kubectl, *self.change.look)
        return None
