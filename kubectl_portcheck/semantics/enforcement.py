"""Whether policies are enforced against the clients of a pod: what they say, and what was met.

That policies exist proves nothing: without a network plugin that enforces them they have no effect.
What a client meets that they deny depends on the plugin. Calico, Antrea, OVN-Kubernetes and the VPC
CNI drop the packets, so nothing answers. kube-router answers with an ICMP message, so the client
reads *connection refused*; Cilium can be set to do the like, and the client reads *no route to
host*. (Seen on the test cluster with kube-router 2.1.0; Cilium, ``policyDenyResponse``)

So a connection that policies deny shows that they are enforced where no answer came at all, and
where it was refused or unreachable though the pod's sockets accept connections at that address. A
refusal from a port on which nothing listens shows nothing. Neither does a connection from the pod's
own node, to which no policy applies: on a cluster of one node the API server always gets through.

Each pod counts for itself: what was met at one says nothing about another on another node.
"""

import re

import msgspec
from msgspec import structs

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.references import NetworkPolicy, NetworkPolicyIngressRule
from kubectl_portcheck.regex import regex
from kubectl_portcheck.semantics import listening, policies
from kubectl_portcheck.semantics.case import FROM_OUTSIDE, Case, PodState, ServiceCase
from kubectl_portcheck.semantics.sides import Policies, Side

ARRIVES = ("serves", "unknown", "refuses", "resets", "times-out", "not-accepting")
"""Answers of a pod to which a policy makes a difference: at another port no connection would
arrive."""

_UNREACHABLE = regex(
    r"no route to host|host (is )?unreachable|network (is )?unreachable|prohibited"
    r"|permission denied|operation not permitted",
    re.IGNORECASE,
)
"""What a program says of an ICMP message that is not a plain refusal. (connect(2), RFC 1812)"""


class Blocked(msgspec.Struct, frozen=True):
    """The pods of a port that no policy admits any client to."""

    states: tuple[PodState, ...]
    """Without those that another pod got through to: there nothing is enforced."""
    policies: tuple[NetworkPolicy, ...]
    """The NetworkPolicies that isolate one of them."""
    guards: tuple[Guard, ...]
    """The policies of other kinds that do, or that deny it."""
    stopped: tuple[Attempt, ...]
    """Attempts on ports that no client is admitted to, and which a policy stopped."""
    passed: tuple[Attempt, ...]
    """Those that got an answer, which proves nothing."""

    @property
    def shown(self) -> tuple[PodState, ...]:
        """The pods at which it was seen that policies are enforced."""
        seen = {a.pod for a in self.stopped}
        return tuple(s for s in self.states if s.name in seen)

    @property
    def open(self) -> tuple[PodState, ...]:
        """The other pods."""
        seen = {a.pod for a in self.stopped}
        return tuple(s for s in self.states if s.name not in seen)


def blocked(case: Case, *, of_other_kinds: bool = False, pods_only: bool = False) -> Blocked:
    """The pods with traffic whose target port admits no client.

    ``of_other_kinds``: those of which other policies than NetworkPolicies say so. ``pods_only``:
    those that admit no pod. Of these only what a pod met is asked: others may be admitted.
    """
    sides = {
        s.name: (s, _deciding(case, s.pod, s.target, pods_only=pods_only))
        for s in case.backends
        if s.target is not None and s.answer.kind in ARRIVES
    }
    closed = [
        s
        for s, side in sides.values()
        if side.allowed is False
        and of_other_kinds == any(isinstance(g, Guard) for g in side.guards)
    ]
    asked = {s.name: denied(case, s.pod, pods_only=pods_only) for s in closed}
    left = tuple(s for s in closed if not any(map(_got_through, asked[s.name])))
    made = [(s, a) for s in left for a in asked[s.name]]
    found = {(type(g), g.metadata.name): g for s in left for g in sides[s.name][1].guards}
    several = [found[key] for key in sorted(found, key=lambda k: (k[0].__name__, k[1]))]
    return Blocked(
        left,
        tuple(g for g in several if isinstance(g, NetworkPolicy)),
        tuple(g for g in several if isinstance(g, Guard)),
        tuple(a for s, a in made if stopped(case, s.pod, a)),
        tuple(a for _, a in made if a.outcome in ("accepted", "refused", "reset")),
    )


def _deciding(case: Case, pod: Pod, port: int, *, pods_only: bool) -> Side:
    """What the policies say; where no client is admitted, by those that have to change.

    Policies of other kinds may only deny some of the clients, or leave the rest to the
    NetworkPolicies, and these allow nothing: then another kind is not the cause. Where either could
    allow the port, it is the one that was meant to.
    """

    def ask(by: Policies) -> Side:
        return case.admits_anyone(pod, port, case.port.protocol, pods_only=pods_only, by=by)

    every = case.policies
    side = ask(every)
    if side.allowed is not False or not (every.network and every.guards):
        return side
    network = ask(structs.replace(every, guards=()))
    opened = structs.replace(every, network=tuple(map(_opened, every.network)))
    if network.allowed is not False or ask(opened).allowed is False:
        return side
    others = ask(structs.replace(every, network=()))
    if others.allowed is False and _allow(others) and not _name_the_port(case, network):
        return side
    return network


def _opened(policy: NetworkPolicy) -> NetworkPolicy:
    """The same policy, if it allowed everything."""
    every = (NetworkPolicyIngressRule(),)
    return structs.replace(policy, spec=structs.replace(policy.spec, ingress=every))


def _allow(others: Side) -> bool:
    """Whether policies of other kinds allow anything at all, if not this."""
    return any(
        r.action == "Allow" and r.direction == "Ingress"
        for p in others.guards
        if isinstance(p, Guard)
        for part in p.parts
        for r in part.rules
    )


def _name_the_port(case: Case, network: Side) -> bool:
    """Whether NetworkPolicies list the Service's port, where the pods' port is meant."""
    meant = (case.port.port, case.port.name or case.port.port)
    isolating = [p for p in network.guards if isinstance(p, NetworkPolicy)]
    return any(e.port.port in meant for e in policies.port_entries(isolating))


def denied(case: ServiceCase, pod: Pod, *, pods_only: bool = False) -> list[Attempt]:
    """The attempts from outside of the pod on TCP ports that no client is admitted to."""
    ways = ("in-cluster",) if pods_only else FROM_OUTSIDE
    return [
        a
        for a in case.measured(pod).attempts
        if a.path in ways and case.admits_anyone(pod, a.port, pods_only=pods_only).allowed is False
    ]


def _got_through(attempt: Attempt) -> bool:
    return attempt.path == "in-cluster" and attempt.outcome in ("accepted", "reset")


def stopped(case: ServiceCase, pod: Pod, attempt: Attempt) -> bool:
    """Whether an attempt that policies deny shows that they are enforced."""
    if attempt.outcome == "timeout":
        return True
    if unreachable(attempt):
        return not isinstance(case.measured(pod).sockets, Missing)
    return attempt.outcome == "refused" and _accepts(case, pod, attempt)


def unreachable(attempt: Attempt) -> bool:
    """Whether an ICMP message came back that the kernel does not call a refusal."""
    return attempt.outcome == "unknown" and bool(_UNREACHABLE.search(attempt.detail))


def _accepts(case: ServiceCase, pod: Pod, attempt: Attempt) -> bool:
    """Whether the pod's sockets accept connections at the address that was dialled."""
    address = attempt.address or next(iter(listening.addresses_of(pod, ())), "")
    listeners = case.listeners(pod)
    if listeners is None or not address:
        return False
    family = (listening.family_of(address),)
    found = listening.accepting(pod, listeners, "TCP", family)
    return any(s.port == attempt.port for s in found)
