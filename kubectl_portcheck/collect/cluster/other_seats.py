"""The same way from other pods: one on each node (``--from-each-node``), or a few where it failed.

Whether only one client fails, or all of a node, tells a client's own fault from the node's.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from kubectl_portcheck.collect.cluster.addresses import Live, Spaces
from kubectl_portcheck.collect.cluster.client_asks import names_of
from kubectl_portcheck.collect.cluster.cluster import Probes
from kubectl_portcheck.collect.cluster.dial_from import dials_for
from kubectl_portcheck.collect.cluster.from_pod import Dial, Seat
from kubectl_portcheck.collect.cluster.options import Options
from kubectl_portcheck.collect.cluster.parts import in_cluster
from kubectl_portcheck.collect.cluster.seats import may_stand_in, seat_of
from kubectl_portcheck.model.base import Missing, Observed
from kubectl_portcheck.model.evidence import InCluster, ServiceEvidence
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.semantics import ports, selectors
from kubectl_portcheck.semantics.pods import has_running_main
from kubectl_portcheck.target import Target

MOST_NODES = 20
"""From how many nodes the way is taken at most."""
MOST_OTHERS = 2
"""From how many other pods it is taken where it failed."""
AT_ONCE = 8


def with_others(
    evidence: ServiceEvidence, target: Target, options: Options, live: Spaces
) -> ServiceEvidence:
    """The evidence, with what other pods met where that is asked for or tells more."""
    dialled = evidence.in_cluster
    if isinstance(dialled, Missing) or dialled.value.client is None or options.source is None:
        return evidence
    each = options.source.each_node
    if not (each or _failed(evidence, dialled.value)):
        return evidence
    space = live(dialled.value.namespace)
    found = space.reads.pods_matching("")
    if isinstance(found, Missing):
        return evidence
    chosen = _chosen(found.value, dialled.value, evidence, each=each)
    dials = _dials(evidence, target)
    others = _met(chosen, space, target, dials)
    whole = msgspec.structs.replace(dialled.value, others=others, each_node=each)
    return msgspec.structs.replace(evidence, in_cluster=Observed(value=whole))


def _failed(evidence: ServiceEvidence, client: InCluster) -> bool:
    """Whether the name or a connection failed there."""
    looked = client.dns.value.lookup.outcome if isinstance(client.dns, Observed) else "answered"
    tried = [*client.attempts, *(a for a in evidence.attempts if a.path == "in-cluster")]
    return looked != "answered" or any(a.outcome in ("refused", "timeout", "reset") for a in tried)


def _chosen(
    found: Iterable[Pod], client: InCluster, evidence: ServiceEvidence, *, each: bool
) -> list[Seat]:
    """One pod for each node, of the same workload where there is one; or one or two others."""
    assert client.client is not None
    here, home = client.client.pod, client.client.pod.spec.node_name
    selector = evidence.service.spec.selector
    fit = [
        p
        for p in found
        if p.metadata.name != client.pod
        and may_stand_in(p)
        and not (selector and selectors.matches(selector, p.metadata.labels))
    ]
    alike = _owner(here)

    def rank(pod: Pod) -> tuple[bool, str]:
        same = alike is not None and _owner(pod) == alike
        return (not same if each else same, pod.metadata.name)

    by_node: dict[str, Pod] = {}
    for pod in sorted(fit, key=rank):
        by_node.setdefault(pod.spec.node_name, pod)
    if each:
        by_node.pop(home, None)
        nodes = sorted(by_node)[: MOST_NODES - 1]
    else:
        nodes = sorted(by_node, key=lambda n: (n != home, n))[:MOST_OTHERS]
    return [seat_of(by_node[n], client.namespace) for n in nodes]


def _owner(pod: Pod) -> tuple[str, str] | None:
    owner = next((o for o in pod.metadata.owner_references if o.controller), None)
    return (owner.kind, owner.name) if owner else None


def _dials(evidence: ServiceEvidence, target: Target) -> list[Dial]:
    if isinstance(evidence.pods, Missing):
        return []
    asked = ports.selected_port(evidence.service, target.port)
    running = [(p, set[int]()) for p in evidence.pods.value if has_running_main(p)]
    return dials_for(evidence.service, asked, running)


def _met(
    chosen: Sequence[Seat], space: Live, target: Target, dials: Sequence[Dial]
) -> tuple[InCluster, ...]:
    if not chosen:
        return ()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda seat: _one(space.probes, seat, target, dials), chosen))


def _one(probes: Probes, seat: Seat, target: Target, dials: Sequence[Dial]) -> InCluster:
    dns = probes.resolve_from(seat, names_of(target, seat.namespace))
    dialled = probes.dial_from(seat, dials)
    met = in_cluster(seat, dns, dialled)
    if isinstance(dialled, Missing):
        return met
    return msgspec.structs.replace(met, attempts=dialled.value.attempts)
