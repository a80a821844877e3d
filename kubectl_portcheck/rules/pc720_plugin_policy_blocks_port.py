"""PC720: policies of the network plugin itself allow no client to connect to the target port."""

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.guards import Guard
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.pc602_network_policy_blocks_port import (
    concerned,
    impact_on,
    severity_of,
    shown,
    unsure_of,
)
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import policies
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.enforcement import blocked
from kubectl_portcheck.semantics.peers import covers
from kubectl_portcheck.semantics.references import may_select


def _check(case: Case) -> Outcome:
    found = blocked(case, of_other_kinds=True)
    if not found.states:
        unsure = next((why for s in case.backends if (why := _beyond(case, s))), "")
        return RULE.lacks(unsure) if unsure else Passed()
    denies = [g for g in found.guards if _denies(g)]
    if case.in_files and not denies and case.evidence.files != "all":
        return NotApplicable("the policy that admits clients may stand elsewhere")
    states = concerned(found)
    targets = sorted({s.target for s in states if s.target is not None})
    several = listing(f"{g.kind} {g.metadata.name}" for g in found.guards)
    facts: list[Fact] = [State(subject=_subject(case, g), state=_says(g)) for g in found.guards]
    return RULE.finding(
        case,
        f"{several} {verb(found.guards, 'allows', 'together allow')} no client to connect to "
        f"{listing(targets)} of {share(states, case.backends)}",
        evidence=[*facts, *([] if case.in_files else shown(found))],
        fixes=[
            fixes.by_hand(
                f"Allow {targets[0]}/{case.port.protocol} from the clients that need it in "
                f"{found.guards[0].kind} {found.guards[0].metadata.name}, in toPorts of the rule "
                "that names them"
            )
        ],
        impact=impact_on(case, found),
        severity=severity_of(found),
        unsure=unsure_of(found),
        pods=names(states),
        subject=_subject(case, found.guards[0]),
        pointer="/spec/endpointSelector",
    )


def _beyond(case: Case, state: PodState) -> str:
    """What of a rule about the pod's port is not compared; '' where all is."""
    for guard in case.guards:
        for rule in (r for part in guard.parts for r in part.rules):
            covering = not rule.ports or any(
                covers(p, state.pod, state.target or 0, case.port.protocol) for p in rule.ports
            )
            about = may_select(guard, state.pod) and rule.direction == "Ingress"
            if rule.beyond and about and covering:
                return f"{guard.kind} {guard.metadata.name}: {rule.beyond}: not compared"
    return ""


def _subject(case: Case, guard: Guard) -> Subject:
    namespace = guard.metadata.namespace if guard.kind == "CiliumNetworkPolicy" else ""
    return Subject(kind=guard.kind, namespace=namespace, name=guard.metadata.name)


def _denies(guard: Guard) -> bool:
    return any(r.action == "Deny" for part in guard.parts for r in part.rules)


def _says(guard: Guard) -> str:
    """``allows 8080 only``, ``denies 8080``: the ports that its rules name."""
    words = []
    for action, verbs in (("Allow", "allows"), ("Deny", "denies")):
        rules = [
            r
            for part in guard.parts
            for r in part.rules
            if r.direction == "Ingress" and r.action == action
        ]
        spelt = dict.fromkeys(policies.spelt(p) for r in rules for p in r.ports if p.port)
        if any(not r.ports and r.peers != () for r in rules):
            words.append(f"{verbs} every port to some clients")
        elif spelt:
            words.append(f"{verbs} {listing(spelt)}")
    return "; ".join(words) or "allows nothing to the pods that it selects"


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 9000}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 9000}]}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:9000"]
    port-forward: {9000: accepted}
    PROBES
---
"""
_OLD = """
kind: CiliumNetworkPolicy
metadata: {name: api-allow}
spec:
  endpointSelector: {matchLabels: {app: checkout}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: frontend}}]
    toPorts: [{ports: [{port: "8080", protocol: TCP}]}]
"""

RULE = Rule(
    code="PC720",
    name="plugin-policy-blocks-port",
    severity="error",
    summary="Policies of the network plugin allow no client to connect to the target port",
    applies=(When.PODS,),
    clues=(Need.POLICIES, Need.GUARDS, Need.IN_CLUSTER),
    needs=(Need.PODS,),
    uses=(
        *(Need.GUARDS, Need.POLICIES, Need.SLICES, Need.SOCKETS, Need.ATTEMPTS),
        Need.IN_CLUSTER,
    ),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="A CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy selects the pods, and no "
        "rule of it, of another one or of a NetworkPolicy allows a client to connect to the target "
        "port, or a deny rule covers the port for every client. The ports of a policy are the "
        "pod's ports, not the Service's.",
        why="Cilium drops the packets, or answers with an ICMP message where it is set to do so. A "
        "port-forward starts inside the pod and still works. Where no connection showed that the "
        "policy is enforced, the finding is a warning and the verdict inconclusive. What is not "
        "compared (HTTP rules, names of DNS, Services, nodes, authentication) makes a rule "
        "uncertain: then nothing is claimed.",
        confirm="hubble observe --verdict DROPPED, or cilium monitor --type drop; kubectl describe "
        "ciliumnetworkpolicy NAME shows the rules.",
        fix="Add the port to the rule that allows the clients, or add a policy for them. A deny "
        "rule comes before every allow rule: narrow it.",
    ),
    examples=(
        Example(
            "the policy has the old port, and a request got no answer",
            f"{_SHOP.replace('PROBES', 'in-cluster: {9000: timeout}')}"
            f"from: {{pod: client, tool: nc}}\n---\n{_OLD}",
            expects="""
broken; also PC618
PC720 error for all in CiliumNetworkPolicy api-allow, port 80/TCP
  CiliumNetworkPolicy api-allow allows no client to connect to 9000 of the pod
  pods: checkout-1
  - CiliumNetworkPolicy api-allow: allows 8080
  - checkout-1: connection from inside the cluster, 10.0.0.1:9000: no answer; no policy allows
      that port
  review: Allow 9000/TCP from the clients that need it in CiliumNetworkPolicy api-allow, in
      toPorts of the rule that names them
""",
        ),
        Example(
            "a clusterwide policy denies the port to everyone; nothing was tried",
            f"""{_SHOP.replace("PROBES", "")}
kind: CiliumClusterwideNetworkPolicy
metadata: {{name: no-9000}}
spec:
  endpointSelector: {{}}
  ingressDeny:
  - fromEntities: [all]
    toPorts: [{{ports: [{{port: "9000"}}]}}]
""",
            expects="""
inconclusive
not evaluated: whether this cluster enforces NetworkPolicies is not known
PC720 warning in CiliumClusterwideNetworkPolicy no-9000, port 80/TCP
  CiliumClusterwideNetworkPolicy no-9000 allows no client to connect to 9000 of the pod
  pods: checkout-1
  unsure: whether this cluster enforces NetworkPolicies is not known
  - CiliumClusterwideNetworkPolicy no-9000: denies 9000, 9000/UDP and 9000/SCTP
  - nothing was tried that a policy could have blocked
  review: Allow 9000/TCP from the clients that need it in CiliumClusterwideNetworkPolicy
      no-9000, in toPorts of the rule that names them
""",
        ),
        Example(
            "a NetworkPolicy allows the port: rules of both kinds add up",
            f"""{_SHOP.replace("PROBES", "")}{_OLD}
---
kind: NetworkPolicy
metadata: {{name: allow}}
spec: {{podSelector: {{}}, ingress: [{{ports: [{{port: 9000}}]}}]}}
""",
            expects="healthy",
        ),
        Example(
            "rules of layer 7 are not compared: nothing is claimed",
            f"""{_SHOP.replace("PROBES", "")}
kind: CiliumNetworkPolicy
metadata: {{name: api-allow}}
spec:
  endpointSelector: {{matchLabels: {{app: checkout}}}}
  ingress:
  - fromEndpoints: [{{}}]
    toPorts: [{{ports: [{{port: "9000"}}], rules: {{http: [{{method: GET}}]}}}}]
""",
            expects="""
healthy
not evaluated: CiliumNetworkPolicy api-allow: rules of layer 7: not compared
""",
        ),
    ),
    check=_check,
)
