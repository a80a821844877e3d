"""PC611: the clients of one node fail, those of other nodes are served (--from)."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules import seat as shared
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
)
from kubectl_portcheck.rules.wording import listing, verb
from kubectl_portcheck.semantics import ports, seat
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.seat import Met


def _check(case: ServiceCase) -> Outcome:
    client = seat.known_client(case)
    if client is None or not client.others:
        return NotApplicable("no other client was asked")
    tried = [m for m in seat.met(case) if m.node and m.connects is not None]
    nodes = {m.node: [x for x in tried if x.node == m.node] for m in tried}
    # One pod of a node may fail for a reason of its own, unless it is like those of other nodes.
    bad = [n for n, of in nodes.items() if all(m.connects is False for m in of)]
    bad = [n for n in bad if len(nodes[n]) > 1 or client.each_node]
    good = [n for n, of in nodes.items() if all(m.connects for m in of)]
    if not bad or not good or len(bad) + len(good) < len(nodes):
        return Passed()
    if _denied(case):
        return NotApplicable("NetworkPolicies do not allow the connection: PC618 says which")
    return RULE.finding(
        case,
        f"Clients on {verb(bad, 'node', 'nodes')} {listing(sorted(bad))} do not reach the "
        f"Service; clients on {listing(sorted(good))} do",
        evidence=_facts(tried),
        fixes=[
            fixes.look(
                case,
                *("get", "pods", "-A", "-o", "wide", "--field-selector"),
                f"spec.nodeName={sorted(bad)[0]}",
                title=f"Check kube-proxy, or what replaces it, and the network plugin on "
                f"{listing(sorted(bad))}",
                namespace="",
            )
        ],
        impact=Impact.PATH,
        pods=[p.metadata.name for p in case.pods],
        subject=Subject(kind="Node", namespace="", name=sorted(bad)[0]),
    )


def _denied(case: ServiceCase) -> bool:
    """Whether policies keep the client from one of the pods."""
    numbers = [
        (pod, n)
        for pod in case.pods
        for port in case.asked_ports
        if (n := ports.dialled_port(case.service, port, pod)) is not None
    ]
    return any(case.admitted(pod, n).allowed is False for pod, n in numbers)


def _facts(tried: Sequence[Met]) -> list[Fact]:
    return [
        Observation(
            text=f"on {m.node}: {'reaches' if m.connects else 'does not reach'} the Service",
            subject=shared.pod_of(m.client),
        )
        for m in tried
    ]


_ONE = """
  - pod: {pod}
    namespace: web
    tool: bash
    client: {{nodeName: {node}}}
    service: {{80: {outcome}}}
"""


def _others(*pods: tuple[str, str, str]) -> str:
    return "".join(_ONE.format(pod=p, node=n, outcome=o) for p, n, o in pods)


RULE = Rule(
    code="PC611",
    name="node-path-fails",
    severity="error",
    summary="The clients of a node fail, those of other nodes are served (--from)",
    needs=(),
    uses=(
        Need.PODS,
        Need.SLICES,
        Need.ATTEMPTS,
        Need.POLICIES,
        Need.GUARDS,
        Need.NAMESPACE_LABELS,
        Need.IN_CLUSTER,
    ),
    explanation=Explanation(
        meaning="The same way was taken from pods on several nodes. All that were asked on one "
        "node fail to connect, and those on other nodes connect.",
        why="A node has its own rules for Services (kube-proxy or its replacement) and its own "
        "routes to the pods of other nodes. Where they are stale or missing, only the clients of "
        "that node fail.",
        confirm="kubectl portcheck svc/NAME --from CLIENT --from-each-node; the log of kube-proxy "
        "on that node.",
        fix="Restart kube-proxy or the network plugin on that node, or drain the node.",
    ),
    examples=(
        Example(
            "both clients of a node fail, and the one of another node connects",
            f"""{shared.SHOP}
from:
  pod: web-1
  namespace: web
  tool: bash
  client: {{nodeName: node-1}}
  service: {{80: timeout}}
  others:{_others(("web-2", "node-1", "timeout"), ("web-3", "node-2", "accepted"))}""",
            expects="""
degraded
PC611 error for path in Node node-1
  Clients on node node-1 do not reach the Service; clients on node-2 do
  pods: checkout-1
  - web-1: on node-1: does not reach the Service
  - web-2: on node-1: does not reach the Service
  - web-3: on node-2: reaches the Service
  review: Check kube-proxy, or what replaces it, and the network plugin on node-1
    look: kubectl get pods -A -o wide --field-selector spec.nodeName=node-1
""",
        ),
        Example(
            "only one client fails: another one of its node connects",
            f"""{shared.SHOP}
from:
  pod: web-1
  namespace: web
  tool: bash
  client: {{nodeName: node-1}}
  service: {{80: timeout}}
  others:{_others(("web-2", "node-1", "accepted"), ("web-3", "node-2", "accepted"))}""",
            expects="inconclusive",
        ),
        Example(
            "the name of a headless Service leads to its pod",
            f"""{shared.HEADLESS}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{}}
  client: {{nodeName: node-1}}
  dns:
    resolver: {{nameservers: [10.96.0.2], search: [svc.cluster.local], ndots: 5}}
    lookup: {{name: checkout.default, tool: perl, outcome: answered, addresses: [10.0.0.1]}}
  others:{_others(("web-2", "node-2", "accepted"))}""",
            expects="healthy",
        ),
    ),
    clues=(Need.IN_CLUSTER,),
    check_service=_check,
)
