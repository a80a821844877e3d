"""What policies see of the pod of ``--from``: itself, the policies that select it, and namespaces.

It is read beside the walk and beside the connections. Labels of namespaces are read only where a
policy selects namespaces by them, or where a waypoint of Istio may stand before the Service; the
name of a namespace is a label that every one has.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Protocol, TypeVar

from kubectl_portcheck.collect.cluster.cluster import Read, Served
from kubectl_portcheck.collect.cluster.from_pod import Seat
from kubectl_portcheck.collect.cluster.listable import NETWORK_POLICIES, Listable
from kubectl_portcheck.collect.cluster.work import Questions
from kubectl_portcheck.model.base import Missing, Observed, Record
from kubectl_portcheck.model.evidence import Client
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.objects import LabelSelector, Pod
from kubectl_portcheck.model.references import NetworkPolicy, NetworkPolicyPeer
from kubectl_portcheck.model.seat import Dns
from kubectl_portcheck.semantics.annotations import AMBIENT
from kubectl_portcheck.semantics.guards.compare import asks_for_labels
from kubectl_portcheck.semantics.peers import NAMESPACE_NAME
from kubectl_portcheck.semantics.selectors import holds

R = TypeVar("R", bound=Record)
Policies = Read[tuple[NetworkPolicy, ...]]


class Elsewhere(Protocol):
    """What is read of the namespace of that pod. Nothing raises."""

    def namespace_labels(self, name: str) -> Read[dict[str, str]]:
        """Read the labels of any namespace."""

    def objects(self, kind: Listable[R], served: Served, **query: str) -> Read[tuple[R, ...]]:
        """Read the namespace's objects of a kind."""


def client_side(
    there: Elsewhere,
    questions: Questions,
    chosen: "Future[tuple[Seat, Read[Dns]]]",
    namespace: str,
    guarding: "Future[Policies] | None",
    others: "Future[Read[tuple[Guard, ...]]] | None" = None,
) -> Client | None:
    """Read it; None where the pod cannot be read.

    ``namespace`` is the Service's, ``guarding`` the policies there, which are being read, and
    ``others`` those of other kinds.
    """
    seat, _ = chosen.result()
    if (pod := seat.client) is None:
        return None
    own = (
        guarding
        if guarding is not None and seat.namespace == namespace
        else questions.ask(there.objects, NETWORK_POLICIES, {})
    )
    policies = _selecting(own.result(), pod)
    known = [*_value(policies), *(_value(guarding.result()) if guarding else ())]
    guards = others.result() if others else None
    asking = (
        AMBIENT in pod.metadata.annotations
        or any(map(_asks_for_labels, known))
        or (isinstance(guards, Observed) and any(map(asks_for_labels, guards.value)))
    )
    spaces = {seat.namespace, namespace} if asking else set[str]()
    labels = {s: questions.ask(there.namespace_labels, s) for s in sorted(spaces)}
    read = {s: asked.result() for s, asked in labels.items()}
    return Client(
        pod=pod,
        policies=policies,
        namespaces={s: r.value for s, r in read.items() if isinstance(r, Observed)},
    )


def _value(read: Policies) -> tuple[NetworkPolicy, ...]:
    return read.value if isinstance(read, Observed) else ()


def _selecting(read: Policies, pod: Pod) -> Policies:
    """The policies that select the pod: others do not concern it."""
    if isinstance(read, Missing):
        return read
    labels = pod.metadata.labels
    return Observed(value=tuple(p for p in read.value if holds(p.spec.pod_selector, labels)))


def _asks_for_labels(policy: NetworkPolicy) -> bool:
    """Whether a rule selects namespaces by more than their names."""
    spec = policy.spec
    peers: Iterable[Sequence[NetworkPolicyPeer]] = (
        *(r.from_ for r in spec.ingress),
        *(r.to for r in spec.egress),
    )
    return any(p.namespace_selector and _other_keys(p.namespace_selector) for q in peers for p in q)


def _other_keys(selector: LabelSelector) -> bool:
    return any(
        key != NAMESPACE_NAME
        for key in (*selector.match_labels, *(t.key for t in selector.match_expressions))
    )
