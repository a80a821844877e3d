"""PC610: NetworkPolicies keep the client from the cluster's DNS (--from)."""

from collections.abc import Sequence

from kubectl_portcheck.model.base import Missing
from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.references import NetworkPolicy
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
from kubectl_portcheck.semantics import policies, seat
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.peers import Direction
from kubectl_portcheck.semantics.seat import Seen, ToDns
from kubectl_portcheck.semantics.sides import Policy


def _check(case: ServiceCase) -> Outcome:
    found = seat.seen(case)
    if found is None or isinstance(found, Missing):
        return NotApplicable(shared.NOT_ASKED)
    if found.kind != "no-answer":
        return Passed()
    ways = seat.to_dns(case, found.client)
    if not ways:
        return NotApplicable("the DNS pods are not known")
    if any(w.udp.allowed is None for w in ways):
        return RULE.lacks(next(w.udp.why for w in ways if w.udp.allowed is None))
    denied = [w for w in ways if w.udp.allowed is False]
    if len(denied) < len(ways):
        return Passed()
    direction: Direction = "Egress" if denied[0].udp.egress.allowed is False else "Ingress"
    side = denied[0].udp.egress if direction == "Egress" else denied[0].udp.ingress
    guards = side.guards
    return RULE.finding(
        case,
        f"{_named(guards)} {verb(guards, 'does', 'do')} not allow pod/{found.client.pod} to ask "
        f"the cluster's DNS, port {denied[0].port} by UDP",
        evidence=[*(_allows(g, direction) for g in guards), *shared.servers(found)],
        fixes=_fixes(case, found, denied[0], direction, guards),
        impact=Impact.PATH,
        subject=_subject(guards[0]),
    )


def _named(guards: Sequence[Policy]) -> str:
    """``NetworkPolicies a and b``, ``NetworkPolicy a and CiliumNetworkPolicy b``."""
    if all(isinstance(g, NetworkPolicy) for g in guards):
        names = listing(dict.fromkeys(g.metadata.name for g in guards))
        return f"{verb(guards, 'NetworkPolicy', 'NetworkPolicies')} {names}"
    return listing(dict.fromkeys(f"{shared.kind_of(g)} {g.metadata.name}" for g in guards))


def _subject(policy: Policy) -> Subject:
    meta = policy.metadata
    return Subject(
        kind=shared.kind_of(policy), namespace=meta.namespace or "default", name=meta.name
    )


def _allows(policy: Policy, direction: Direction) -> Fact:
    if not isinstance(policy, NetworkPolicy):
        return State(subject=_subject(policy), state="does not allow the connection")
    what = listing(policies.allowances(policy, direction)) or "nothing"
    way = "out of" if direction == "Egress" else "into"
    return State(subject=_subject(policy), state=f"allows {way} the pods that it selects: {what}")


def _fixes(
    case: ServiceCase,
    found: Seen,
    way: ToDns,
    direction: Direction,
    guards: Sequence[Policy],
) -> list[Fix]:
    """Adds port 53 by both protocols to a policy of the client; rules of policies add up.

    A policy of another kind may deny it before a NetworkPolicy counts.
    """
    space = way.service.metadata.namespace
    others = [g for g in guards if not isinstance(g, NetworkPolicy)]
    if others:
        return [
            fixes.by_hand(
                f"Allow pod {found.client.pod} in namespace {found.client.namespace} to connect to "
                f"port {way.port}, UDP and TCP, of the DNS pods in namespace {space}, in "
                f"{_named(others)}"
            )
        ]
    if direction == "Ingress":
        return [
            fixes.by_hand(
                f"Allow the pods of namespace {found.client.namespace} to connect to port "
                f"{way.port}, UDP and TCP, in NetworkPolicy {guards[0].metadata.name} of "
                f"namespace {space}"
            )
        ]
    rule = {
        "to": [policies.as_peer(space, dict(way.service.spec.selector))],
        "ports": [{"protocol": p, "port": way.port} for p in ("UDP", "TCP")],
    }
    policy = next(g for g in guards if isinstance(g, NetworkPolicy))
    path, value = ("/spec/egress/-", rule) if policy.spec.egress else ("/spec/egress", [rule])
    return [
        fixes.patch(
            case,
            _subject(policy),
            [fixes.test("/metadata/name", policy.metadata.name), fixes.add(path, value)],
            title=f"Allow DNS, port {way.port} by UDP and TCP, in NetworkPolicy "
            f"{policy.metadata.name} for all pods that it selects",
            safety="review",
            source="spec:\n  egress:\n  - to:\n    - namespaceSelector:\n        matchLabels: "
            f"{{kubernetes.io/metadata.name: {space}}}\n    ports:\n"
            f"    - {{protocol: UDP, port: {way.port}}}\n"
            f"    - {{protocol: TCP, port: {way.port}}}\n",
        )
    ]


_SERVER = """
  dns-server: |
    kind: Service
    metadata: {{name: kube-dns, namespace: kube-system}}
    spec:
      clusterIP: 10.96.0.2
      selector: {{k8s-app: kube-dns}}
      ports: [{{name: dns, port: 53, protocol: UDP}}]
    ---
    kind: Pod
    metadata: {{name: coredns-1, namespace: kube-system, labels: {{k8s-app: kube-dns}}}}
    spec: {{containers: [{{name: coredns}}]}}
    ---
    probes: {{coredns-1: {{sockets: ["udp 0.0.0.0:53"]}}}}
""".replace("{{", "{").replace("}}", "}")
_CLIENT = """
kind: Pod
metadata: {name: web, namespace: web, labels: {app: web}}
spec: {dnsPolicy: ClusterFirst, containers: [{name: app}]}
---
"""
_FROM = """
from:
  pod: web
  namespace: web
  tool: bash
  service: {80: accepted}
  dns:
    resolver: {nameservers: [10.96.0.2], search: [svc.cluster.local], ndots: 5}
    lookup: {name: checkout.default, tool: bash, outcome: no-answer}
    answers: [{server: 10.96.0.2, protocol: UDP, tool: bash, outcome: refused}]
"""

RULE = Rule(
    code="PC610",
    name="policy-blocks-dns",
    severity="error",
    summary="Policies keep a client from the cluster's DNS (--from)",
    needs=(),
    uses=(Need.SLICES, Need.IN_CLUSTER, Need.GUARDS),
    about_absent=True,
    explanation=Explanation(
        meaning="The lookup of the Service's name fails in the client's pod, and the "
        "policies between that pod and the DNS pods do not allow UDP to their port 53.",
        why="Once a policy of the type Egress selects a pod, the pod may send only what a rule "
        "allows. A rule for the application's port does not allow DNS, so the client never learns "
        "an address: it times out, or is refused where the network plugin refuses.",
        confirm="kubectl describe networkpolicy -n NAMESPACE; kubectl exec POD -- nslookup "
        "kubernetes.default.",
        fix="Allow port 53, UDP and TCP, to the DNS pods (k8s-app=kube-dns in kube-system) in an "
        "egress rule. TCP is for answers that do not fit into a datagram.",
    ),
    examples=(
        Example(
            "the client may connect to the Service's pods and to nothing else",
            f"""{shared.SHOP}{_CLIENT}
kind: NetworkPolicy
metadata: {{name: only-checkout, namespace: web}}
spec:
  podSelector: {{matchLabels: {{app: web}}}}
  policyTypes: [Egress]
  egress: [{{ports: [{{port: 8080}}]}}]
---
{_FROM}{_SERVER}""",
            expects="""
degraded; also PC607
PC610 error for path in NetworkPolicy only-checkout
  NetworkPolicy only-checkout does not allow pod/web to ask the cluster's DNS, port 53 by UDP
  - NetworkPolicy only-checkout: allows out of the pods that it selects: 8080 to every
      destination
  - web: nameserver 10.96.0.2 by UDP: refuses
  review: Allow DNS, port 53 by UDP and TCP, in NetworkPolicy only-checkout for all pods that it
      selects
    add /spec/egress/- {"to": [{"namespaceSelector": {"matchLabels":
        {"kubernetes.io/metadata.name": "kube-system"}}, "podSelector": {"matchLabels":
        {"k8s-app": "kube-dns"}}}], "ports": [{"protocol": "UDP", "port": 53}, {"protocol":
        "TCP", "port": 53}]} in NetworkPolicy only-checkout
""",
        ),
        Example(
            "a policy of Cilium allows the Service's pods and nothing else",
            f"""{shared.SHOP}{_CLIENT}
kind: CiliumNetworkPolicy
metadata: {{name: only-checkout, namespace: web}}
spec:
  endpointSelector: {{matchLabels: {{app: web}}}}
  egress: [{{toPorts: [{{ports: [{{port: "8080"}}]}}]}}]
---
{_FROM}{_SERVER}""",
            expects="""
degraded; also PC607
PC610 error for path in CiliumNetworkPolicy only-checkout
  CiliumNetworkPolicy only-checkout does not allow pod/web to ask the cluster's DNS, port 53 by
      UDP
  - CiliumNetworkPolicy only-checkout: does not allow the connection
  - web: nameserver 10.96.0.2 by UDP: refuses
  review: Allow pod web in namespace web to connect to port 53, UDP and TCP, of the DNS pods in
      namespace kube-system, in CiliumNetworkPolicy only-checkout
""",
        ),
        Example(
            "a policy allows DNS: the nameserver itself fails",
            f"""{shared.SHOP}{_CLIENT}
kind: NetworkPolicy
metadata: {{name: dns, namespace: web}}
spec:
  podSelector: {{}}
  policyTypes: [Egress]
  egress: [{{ports: [{{port: 53, protocol: UDP}}]}}]
---
{_FROM}{_SERVER}""",
            expects="degraded; also PC607",
        ),
        Example(
            "the name of a headless Service leads to its pod",
            f"""{shared.HEADLESS}
from:
  pod: web
  namespace: web
  tool: bash
  service: {{}}
  client: {{dnsPolicy: ClusterFirst}}
  dns:
    resolver: {{nameservers: [10.96.0.2], search: [svc.cluster.local], ndots: 5}}
    lookup: {{name: checkout.default, tool: perl, outcome: answered, addresses: [10.0.0.1]}}
""",
            expects="healthy",
        ),
    ),
    clues=(Need.IN_CLUSTER,),
    check_service=_check,
)
