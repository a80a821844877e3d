"""What a client's pod meets on its way to a Service: what its DNS settings are, what became of the
name, and why.

Sources: the Kubernetes documentation, *DNS for Services and Pods* (dnsPolicy: with hostNetwork,
ClusterFirst means Default; names without a namespace are looked up in the pod's own; hostAliases);
resolv.conf(5) (search, ndots).
"""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from kubectl_portcheck.model.base import Missing, Observed, Reason
from kubectl_portcheck.model.evidence import Client, InCluster, ServiceEvidence
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.objects import Pod, Service
from kubectl_portcheck.model.probes import Attempt, Protocol
from kubectl_portcheck.model.seat import Dns, ServerAnswer
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.admission import Admitted, admits
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ownership import maker_of
from kubectl_portcheck.semantics.peers import Peer
from kubectl_portcheck.semantics.pods import is_finished
from kubectl_portcheck.semantics.sides import Policies

DOMAIN = "cluster.local"
"""The cluster's domain, where nothing says another."""

Named = Literal["right", "differs", "alias", "unknown-name", "no-answer", "skips", "unclear"]
"""What became of the name: it leads to the Service; elsewhere; by hostAliases elsewhere; it does
not exist; no nameserver answers; the nameserver is not the cluster's; it is not known."""


class Seen(msgspec.Struct, frozen=True):
    """What DNS came to in the client's pod."""

    kind: Named
    client: InCluster
    dns: Dns
    wrong: tuple[str, ...] = ()
    """The addresses that are not the Service's."""


def seen(case: ServiceCase) -> Seen | Missing | None:
    """What DNS came to; why that is not known; None where --from did not ask."""
    known = case.evidence.in_cluster
    if isinstance(known, Missing):
        return None
    client = known.value
    if isinstance(client.dns, Missing):
        return client.dns if client.dns.detail else None
    return _judged(case, client, client.dns.value)


def _judged(case: ServiceCase, client: InCluster, dns: Dns) -> Seen:
    name, right = dns.lookup.name, rightful(case)
    absent = case.evidence.absence is not None
    by_alias = {a for a in aliased(client, name) if (right or absent) and a not in right}
    if by_alias:
        return Seen("alias", client, dns, tuple(sorted(by_alias)))
    if dns.lookup.outcome == "answered":
        wrong = _wrong(case, dns.lookup.addresses, right)
        if absent:  # Whatever the name leads to is no Service of it.
            wrong = dns.lookup.addresses
        return Seen("differs" if wrong else "right", client, dns, wrong)
    asked = [a for a in dns.answers if a.protocol == "UDP"]
    reached = [a for a in asked if a.outcome in ("answered", "no-such-name")]
    knows = any(set(a.addresses) & right for a in reached)
    if policy(client) == "Default" and not (knows or absent):
        return Seen("skips", client, dns)
    if dns.lookup.outcome == "no-such-name" or reached:
        return Seen("unknown-name", client, dns)
    if dns.lookup.outcome == "no-answer" or (asked and not any(map(_is_unclear, asked))):
        return Seen("no-answer", client, dns)
    return Seen("unclear", client, dns)


def _is_unclear(answer: ServerAnswer) -> bool:
    return answer.outcome == "unknown"


def _wrong(case: ServiceCase, addresses: Iterable[str], right: frozenset[str]) -> tuple[str, ...]:
    """The addresses that are not the Service's.

    Pods of a headless Service come and go: an answer is wrong where none of it is known.
    """
    if not right:
        return ()
    wrong = tuple(a for a in addresses if a not in right)
    if case.service.headless and len(wrong) < len(tuple(addresses)):
        return ()
    return wrong


def rightful(case: ServiceCase) -> frozenset[str]:
    """The addresses that the name of the Service should lead to; none where that is not known."""
    spec = case.service.spec
    if case.external_name:
        return frozenset()
    if not case.service.headless:
        return frozenset(a for a in (spec.cluster_ip, *spec.cluster_ips) if a and a != "None")
    return frozenset(a for s in case.written_slices for e in s.endpoints or () for a in e.addresses)


def policy(client: InCluster) -> str:
    """The pod's dnsPolicy as it takes effect; '' where the pod may not be read."""
    pod = client.client.pod if client.client else None
    if pod is None:
        return ""
    given = pod.spec.dns_policy or "ClusterFirst"
    return "Default" if pod.spec.host_network and given == "ClusterFirst" else given


def aliased(client: InCluster, name: str) -> tuple[str, ...]:
    """The addresses that the pod's hostAliases give to the name."""
    aliases = client.client.pod.spec.host_aliases if client.client else ()
    return tuple(a.ip for a in aliases if name.rstrip(".") in a.hostnames)


def domain_of(dns: Dns) -> str:
    """The cluster's domain, by the search list that the kubelet writes."""
    found = (s.removeprefix("svc.") for s in dns.resolver.search if s.startswith("svc."))
    return next(found, DOMAIN)


def asked_domain(name: str) -> str:
    """The domain that a full name has behind ``svc``; '' where it has none."""
    _, svc, domain = name.rstrip(".").partition(".svc.")
    return domain if svc else ""


def owner_of(client: InCluster) -> Subject | None:
    """The workload that made the client's pod."""
    return maker_of(client.client.pod.metadata, client.namespace) if client.client else None


class ToDns(msgspec.Struct, frozen=True):
    """What policies say of the way from the client to one of the DNS pods."""

    service: Service
    pod: Pod
    port: int
    """The pod's port, after the translation by the Service."""
    udp: Admitted
    tcp: Admitted


def to_dns(case: ServiceCase, client: InCluster) -> tuple[ToDns, ...]:
    """Whether policies let the client ask each DNS pod; none where they are not known."""
    seat, server = client.client, client.dns_server
    if seat is None or isinstance(server, Missing) or isinstance(server.value.pods, Missing):
        return ()
    service = server.value.service
    space = service.metadata.namespace
    port = next((p for p in service.spec.ports if (p.port, p.protocol) == (53, "UDP")), None)
    known = _to_both(case, client.namespace, seat, server.value)
    peer = Peer(seat.pod, seat.namespaces.get(client.namespace))
    found = []
    for pod in server.value.pods.value:
        number = ports.dialled_port(service, port, pod) if port else None
        if number is None or is_finished(pod):
            continue
        other = Peer(pod, seat.namespaces.get(space))
        udp, tcp = (admits(peer, other, number, way, known) for way in _PROTOCOLS)
        found.append(ToDns(service, pod, number, udp, tcp))
    return tuple(found)


def _to_both(case: ServiceCase, home: str, client: Client, server: ServiceEvidence) -> Policies:
    """The policies of the client's pod and of the DNS pods, of every kind."""
    space = server.service.metadata.namespace
    reads: tuple[tuple[str, Observed[Any] | Missing], ...] = (
        (home, client.policies),
        (space, server.network_policies),
        (home, case.evidence.guards),
        (space, server.guards),
    )
    unread = {
        where: read.detail or str(read.reason)
        for where, read in reads
        if isinstance(read, Missing) and read.reason not in _NONE_KNOWN
    }
    network = [p for _, read in reads[:2] for p in _value(read)]
    guards = {
        (g.kind, g.metadata.namespace, g.metadata.name): g
        for _, read in reads[2:]
        for g in _value(read)
    }
    return Policies(tuple(network), unread, tuple(guards.values()))


def _value(read: Observed[Any] | Missing) -> tuple[Any, ...]:
    return read.value if isinstance(read, Observed) else ()


_NONE_KNOWN = (Reason.NOT_ASKED, Reason.NOT_RECORDED, Reason.NOT_SERVED)
"""Why policies are not there, where that says nothing of what stops a client."""
_PROTOCOLS: tuple[Protocol, ...] = ("UDP", "TCP")


def by_protocol(dns: Dns, protocol: str) -> tuple[ServerAnswer, ...]:
    """What the nameservers came to by UDP or by TCP."""
    return tuple(a for a in dns.answers if a.protocol == protocol)


def known_client(case: ServiceCase) -> InCluster | None:
    """The client's pod with what it met; None without --from."""
    known = case.evidence.in_cluster
    return known.value if isinstance(known, Observed) else None


class Met(msgspec.Struct, frozen=True):
    """What one pod met on its way, in few words of its own."""

    client: InCluster
    name: Named | None
    """None where the name was not looked up."""
    service: tuple[str, ...]
    """The outcomes at the Service's own address; none for a headless Service."""
    pods: tuple[str, ...]
    """The outcomes at the pods' addresses."""

    @property
    def node(self) -> str:
        """The node of the pod; '' where that is not known."""
        return self.client.client.pod.spec.node_name if self.client.client else ""

    @property
    def connects(self) -> bool | None:
        """Whether the Service's address accepts, or without one each pod; None if not known."""
        known = [o for o in (self.service or self.pods) if o not in ("skipped", "unknown")]
        return all(o == "accepted" for o in known) if known else None

    @property
    def served(self) -> bool | None:
        """Whether both the name and the connection are right; None where that is not known."""
        if self.connects is False or self.name not in (None, "right", "unclear"):
            return False
        return True if self.connects and self.name == "right" else None


def met(case: ServiceCase) -> tuple[Met, ...]:
    """What the pod of --from met, then what the others did."""
    client = known_client(case)
    if client is None:
        return ()
    own = [a for a in case.evidence.attempts if a.path == "in-cluster"]
    return tuple(
        _met(case, c, attempts)
        for c, attempts in (
            (client, (*client.attempts, *own)),
            *((o, o.attempts) for o in client.others),
        )
    )


def _met(case: ServiceCase, client: InCluster, attempts: Iterable[Attempt]) -> Met:
    made = tuple(attempts)
    name = None if isinstance(client.dns, Missing) else _judged(case, client, client.dns.value).kind
    return Met(
        client,
        name,
        tuple(a.outcome for a in made if not a.pod),
        tuple(a.outcome for a in made if a.pod),
    )
