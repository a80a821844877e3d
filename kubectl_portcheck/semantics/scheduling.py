"""Why the scheduler found no node, read from its own message.

The form is ``0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).
preemption: ...``: each reason with the number of nodes that have it; a node may have several.
Source: Kubernetes ``pkg/scheduler/framework/types.go``, ``FitError.Error``.
"""

from typing import NamedTuple

from kubectl_portcheck.regex import regex

NODE_TAINTS = "node.kubernetes.io/"
"""How the taints begin that the control plane gives to a node by its condition."""
LONGEST = 4096
"""Characters of a message that are read."""

_HEAD = regex(r"(\d{1,6})/(\d{1,6}) nodes are available: ")
_REASON = regex(r"(\d{1,6}) (\S.*)")
_TAIL = (" preemption: ", " no new claims to deallocate")


class Reason(NamedTuple):
    """One reason, and how many nodes have it."""

    nodes: int
    """0 where the reason is the pod's own, and no node's."""
    words: str
    """The scheduler's own."""


class Verdict(NamedTuple):
    """What the scheduler said."""

    nodes: int
    """How many nodes the cluster has."""
    reasons: tuple[Reason, ...]
    """The commonest first."""

    def says(self, words: str) -> bool:
        """Whether one of the reasons has these words."""
        return any(words in r.words for r in self.reasons)

    @property
    def ports_taken(self) -> bool:
        """Whether a node has another pod on a hostPort that this one asks for."""
        return self.says("didn't have free ports")

    @property
    def node_kept_out(self) -> bool:
        """Whether a node is cordoned, or its own condition keeps pods off it."""
        return self.says("were unschedulable") or self.says(f"{{{NODE_TAINTS}")


def read(message: str) -> Verdict | None:
    """The scheduler's message in parts; None where it has another form."""
    text = " ".join(message[:LONGEST].split())
    head = _HEAD.match(text)
    if head is None:
        return None
    rest = text[head.end() :]
    for tail in _TAIL:
        rest = rest.partition(tail)[0]
    found = [_reason(part) for part in _parts(rest.rstrip(". "))]
    return Verdict(int(head[2]), tuple(sorted(found, key=lambda r: -r.nodes)))


def _reason(part: str) -> Reason:
    counted = _REASON.fullmatch(part)
    return Reason(int(counted[1]), counted[2]) if counted else Reason(0, part)


def _parts(text: str) -> list[str]:
    """The reasons, which are between commas, as other words do: each begins with its number."""
    parts: list[str] = []
    for piece in text.split(", "):
        if parts and not piece[:1].isdigit():
            parts[-1] += f", {piece}"
        else:
            parts.append(piece)
    return [p for p in parts if p]
