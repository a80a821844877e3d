"""Policies of other kinds than NetworkPolicy, in the one form in which they are compared.

``semantics.guards`` has how each kind is read into it.
"""

from typing import Literal

from kubectl_portcheck.model.base import KindName, Record
from kubectl_portcheck.model.objects import LabelSelector, ObjectMeta
from kubectl_portcheck.model.references import IPBlock, NetworkPolicyPort

Direction = Literal["Ingress", "Egress"]
Action = Literal["Allow", "Deny"]
Entity = Literal["", "all", "cluster", "outside"]
"""``outside``: a part of the world, or of the cluster's own machines, that is no pod."""


class GuardSelector(Record, frozen=True):
    """Pods by their labels and by their namespace's."""

    pods: LabelSelector = LabelSelector()
    """An empty one for every pod."""
    namespaces: LabelSelector | None = None
    """None for the policy's own; an empty one for all."""


class GuardPeer(Record, frozen=True):
    """One source or destination of a rule."""

    selector: GuardSelector | None = None
    block: IPBlock | None = None
    entity: Entity = ""


class GuardRule(Record, frozen=True):
    """One rule of a policy."""

    direction: Direction
    action: Action = "Allow"
    peers: tuple[GuardPeer, ...] | None = None
    """One of them must be the other end; None for every one, an empty tuple for no one."""
    ports: tuple[NetworkPolicyPort, ...] = ()
    """None for every port."""
    beyond: str = ""
    """What of the rule is not compared: ``HTTP rules``, ``toFQDNs``."""


class GuardPart(Record, frozen=True):
    """What a policy says of some pods."""

    selects: GuardSelector = GuardSelector()
    isolates: tuple[Direction, ...] = ()
    """In which directions the pods have only what is allowed."""
    rules: tuple[GuardRule, ...] = ()


class Guard(Record, frozen=True):
    """A policy of another kind than NetworkPolicy."""

    metadata: ObjectMeta
    kind: KindName
    parts: tuple[GuardPart, ...] = ()
