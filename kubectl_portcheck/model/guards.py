"""Policies of other kinds than NetworkPolicy, in the one form in which they are compared.

``semantics.guards`` has how each kind is read into it.
"""

from typing import Annotated, Literal

from kubectl_portcheck.model.base import KindName, Known, Record, WholeNumber
from kubectl_portcheck.model.objects import LabelSelector, ObjectMeta
from kubectl_portcheck.model.references import IPBlock, NetworkPolicyPort

Direction = Literal["Ingress", "Egress"]
Action = Literal["Allow", "Deny", "Pass"]
"""``Pass`` leaves the connection to the next tier."""
EITHER: tuple[Action, ...] = ("Allow", "Deny")
"""What an action that is not known may come to."""
Entity = Literal["", "all", "cluster", "outside", "no-pod"]
"""``outside``: a part of the world, or of the cluster's own machines, that is no pod; ``no-pod``:
everything but pods."""
Tier = Literal["union", "admin", "main", "baseline", "calico", "unknown", "mesh"]
"""How a policy stands to the others. ``union``: what allows adds up, what denies comes first. The
others are asked in turn, and the first rule that matches decides: ``admin`` before NetworkPolicies,
``main`` beside them by its order, ``baseline`` where none of these has decided, ``calico`` in a
tier of its own, which ``place`` says. Of ``unknown`` that is not known. ``mesh``: a mesh's own,
which adds up as in ``union``, apart from all others."""
FamilyName = Literal["", "IPv4", "IPv6"]


class GuardSelector(Record, frozen=True):
    """Pods by their labels and by their namespace's."""

    pods: LabelSelector = LabelSelector()
    """An empty one for every pod."""
    namespaces: LabelSelector | None = None
    """None for the policy's own; an empty one for all."""
    others: bool = False
    """Whether it may mean other things than pods too, of which nothing is known."""
    nets: tuple[str, ...] = ()
    """Ranges of addresses that it means as well: those of sets of networks."""
    more_nets: bool = False
    """Whether it may mean further addresses, as sets of networks were not read."""


class Identity(Record, frozen=True):
    """Clients by the identity that a mesh gives to their service account."""

    namespace: str = ""
    """'' for every one. It may begin or end with ``*``."""
    account: str = ""
    """'' for every one."""


class AccountLabels(Record, frozen=True):
    """Pods by the labels of their service account."""

    any_of: tuple[LabelSelector, ...]
    """One of them must match the labels."""
    meant: tuple[Identity, ...] = ()
    """The service accounts that it means."""
    others: tuple[Identity, ...] = ()
    """Some that it does not mean."""
    whole: bool = False
    """Whether all that are not named are not meant."""


class GuardPeer(Record, frozen=True):
    """One source or destination of a rule: all of what is set must hold."""

    selectors: tuple[GuardSelector, ...] | None = None
    """One of them must mean the pod."""
    not_selectors: tuple[GuardSelector, ...] = ()
    """None of them may mean it."""
    blocks: tuple[IPBlock, ...] | None = None
    """One of them must have its address."""
    not_blocks: tuple[IPBlock, ...] = ()
    """None of them may have it."""
    accounts: tuple[str, ...] = ()
    """One of them must be the service account of the pod; any will do where there are none."""
    account_labels: AccountLabels | None = None
    entity: Entity = ""
    identities: tuple[Identity, ...] | None = None
    """One of them must be its own in the mesh. Without mutual TLS no client has one."""
    not_identities: tuple[Identity, ...] = ()
    """None of them may be its own; that holds of a client without one."""
    principals: tuple[str, ...] = ()
    """One of these principals of Istio must be its own; any will do where there are none."""
    not_principals: tuple[str, ...] = ()
    """None of them may be its own; that holds of a client without one."""


class Named(Record, frozen=True):
    """An object by its kind and name."""

    kind: KindName
    name: str
    namespace: str = ""


class GuardRule(Record, frozen=True):
    """One rule of a policy."""

    direction: Direction
    action: Action = "Allow"
    peers: tuple[GuardPeer, ...] | None = None
    """One of them must be the other end; None for every one, an empty tuple for no one."""
    own: GuardPeer | None = None
    """What must hold of the end that the policy selects; None for nothing."""
    ports: tuple[NetworkPolicyPort, ...] = ()
    """None for every port."""
    not_ports: tuple[NetworkPolicyPort, ...] = ()
    family: FamilyName = ""
    """The family that the connection must have; '' for both."""
    beyond: str = ""
    """What of the rule is not compared: ``HTTP rules``, ``toFQDNs``."""
    http: bool = False
    """Whether it asks for what only HTTP has, which ztunnel of Istio never sees."""
    by: Named | None = None
    """The object that says so, where it is another one than the policy."""
    absent: Named | None = None
    """What that object refers to and does not exist: then the rule counts for nothing."""


class Imports(Record, frozen=True):
    """Hosts that a Sidecar of Istio lets the proxies know of."""

    port: WholeNumber = 0
    """The Service port for which it counts; 0 for all that no other one is about."""
    hosts: tuple[str, ...] = ()
    """``NAMESPACE/HOST``, as they are written."""


class GuardPart(Record, frozen=True):
    """What a policy says of some pods."""

    selects: tuple[GuardSelector, ...] = (GuardSelector(),)
    """It is about the pods that one of these means."""
    accounts: AccountLabels | None = None
    """Of these only the ones with such a service account."""
    beyond: str = ""
    """What besides decides about which pods it is, and is not compared."""
    isolates: tuple[Direction, ...] = ()
    """In which directions the pods have only what is allowed."""
    rules: tuple[GuardRule, ...] = ()
    """In tiers, the first that matches decides."""
    modes: dict[str, Annotated[str, Known(("UNSET", "DISABLE", "PERMISSIVE", "STRICT"))]] = {}
    """Istio's modes of mutual TLS: by the pod's port, and '' for all others."""
    endpoints: dict[str, str] = {}
    """Where a Sidecar of Istio has the proxy connect, by the pod's port: ``127.0.0.1:8080``."""
    imports: tuple[Imports, ...] = ()
    """Which hosts a Sidecar of Istio lets the proxy know of; every one where there are none."""
    unmatched: Annotated[str, Known(("", "ALLOW_ANY", "REGISTRY_ONLY"))] = ""
    """What a Sidecar of Istio has the proxy do with connections to other hosts; '' where the
    setting of the mesh holds."""


class Link(Record, frozen=True):
    """What an object of Linkerd refers to, until it is joined with that."""

    targets: tuple[Named, ...] = ()
    """What it is about: a Server, an HTTPRoute, or a whole Namespace."""
    servers: LabelSelector | None = None
    """It is about the Servers with these labels."""
    required: tuple[Named, ...] = ()
    """The authentications that a client needs, all of them."""


class Place(Record, frozen=True):
    """A tier of Calico."""

    name: str
    order: float | None = None
    """None for the last."""
    before: Literal["", "admin", "main", "baseline"] = ""
    """The first of the tiers that every cluster has which comes after it."""
    passes: bool = False
    """Whether what no rule of it matches goes on to the next tier."""


class Guard(Record, frozen=True):
    """A policy of another kind than NetworkPolicy."""

    metadata: ObjectMeta
    kind: KindName
    tier: Tier = "union"
    order: float | None = None
    """Its place within the tier, the lowest first; None for the last."""
    place: Place | None = None
    """The tier, where it is one of Calico's own."""
    parts: tuple[GuardPart, ...] = ()
    port: WholeNumber | str | None = None
    """The only port of the pods that it is about, by number or name; None for all."""
    speaks: Annotated[str, Known(("unknown", "opaque", "HTTP/1", "HTTP/2", "gRPC", "TLS"))] = ""
    """What a Server of Linkerd says that its port speaks."""
    link: Link | None = None
