"""PC720: policies of other kinds than NetworkPolicy allow no client to connect to the port."""

from collections.abc import Sequence

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.base import Missing, Reason
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
from kubectl_portcheck.semantics.admission import ANY_POD, ANYONE
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.enforcement import Blocked, blocked
from kubectl_portcheck.semantics.guards.compare import (
    about,
    matched,
    not_known_about,
    title,
    unknown_tier,
)
from kubectl_portcheck.semantics.peers import Asked, Peer, covers
from kubectl_portcheck.semantics.references import may_select


def _check(case: Case) -> Outcome:
    found = blocked(case, of_other_kinds=True)
    who = "client"
    if not found.states and _is_for_pods(case):
        found, who = blocked(case, of_other_kinds=True, pods_only=True), "pod"
    if not found.states:
        unsure = next((why for s in case.backends if (why := _beyond(case, s))), "")
        lacking = unsure or _unread(case)
        return RULE.lacks(lacking) if lacking else Passed()
    denying = _denying(case, found)
    certain = [g for g in denying if g.tier == "union"]
    if case.in_files and not certain and case.evidence.files != "all":
        return NotApplicable("the policy that admits clients may be elsewhere")
    states = concerned(found)
    targets = sorted({s.target for s in states if s.target is not None})
    several = listing(map(title, found.guards))
    facts: list[Fact] = [State(subject=_subject(case, g), state=_says(g)) for g in found.guards]
    return RULE.finding(
        case,
        f"{several} {verb(found.guards, 'allows', 'together allow')} no {who} to connect to "
        f"{listing(targets)} of {share(states, case.backends)}",
        evidence=[*facts, *([] if case.in_files else shown(found))],
        fixes=[
            fixes.by_hand(
                f"{_allowance(found.guards[0], denying, f'{targets[0]}/{case.port.protocol}')}. No "
                "command is offered: what a change of such a policy does is not predicted"
            )
        ],
        impact=impact_on(case, found),
        severity=severity_of(found),
        unsure=unsure_of(found),
        pods=names(states),
        subject=_subject(case, found.guards[0]),
        pointer="/spec",
    )


def _unread(case: Case) -> Missing | None:
    """Why policies are not known, though the cluster serves their kind."""
    missing = case.missing(Need.GUARDS)
    if missing is not None:
        nothing = (Reason.NOT_ASKED, Reason.NOT_RECORDED, Reason.NOT_SERVED)
        return None if missing.reason in nothing else missing
    return next(iter(case.lacking(Need.GUARDS)), None)


def _is_for_pods(case: Case) -> bool:
    """Whether clients outside of the cluster have no address for the Service."""
    spec = case.service.spec
    return spec.type in ("", "ClusterIP") and not spec.external_ips


def _beyond(case: Case, state: PodState) -> str:
    """What of a rule about the pod's port is not compared; '' where all is."""
    for guard in case.guards:
        if not may_select(guard, state.pod):
            continue
        if guard.tier == "unknown" and guard.place is not None and guard.parts:
            return f"{title(guard)}: {unknown_tier(guard)}"
        for part in guard.parts:
            rules = [r for r in part.rules if r.direction == "Ingress"]
            if part.beyond and (rules or "Ingress" in part.isolates):
                return f"{title(guard)}: {part.beyond}: not compared"
            if part.accounts and about(part, guard, Peer(state.pod)) is None:
                return not_known_about(part, guard, Peer(state.pod))
            for rule in rules:
                covering = not rule.ports or any(
                    covers(p, state.pod, state.target or 0, case.port.protocol) for p in rule.ports
                )
                if rule.beyond and covering:
                    return f"{title(guard)}: {rule.beyond}: not compared"
    return ""


def _allowance(guard: Guard, denying: Sequence[Guard], port: str) -> str:
    """What to change in the policy."""
    if guard.tier == "union" and guard not in denying:
        return (
            f"Allow {port} from the clients that need it in {title(guard)}, in toPorts of the rule "
            "that names them"
        )
    if guard.tier == "union":
        return f"Narrow the rules of {title(guard)} that deny {port}: they come before all others"
    before = "before its rules that deny it" if guard in denying else "in a rule"
    return f"Allow {port} from the clients that need it in {title(guard)}, {before}"


def _subject(case: Case, guard: Guard) -> Subject:
    namespace = case.namespace_of(guard.metadata) if kinds.is_namespaced(guard.kind) else ""
    return Subject(kind=guard.kind, namespace=namespace, name=guard.metadata.name)


def _denying(case: Case, found: Blocked) -> list[Guard]:
    """Those of the policies with a rule that denies the port to all; others only allow nothing."""
    ends = [(s, Peer(s.pod, case.labels_of(case.namespace))) for s in found.states]
    return [
        g
        for g in found.guards
        if any(
            rule.action == "Deny"
            and rule.direction == "Ingress"
            and any(
                matched(rule, g, (own, who), Asked(own, s.target or 0, case.port.protocol, ""))
                for s, own in ends
                for who in (ANYONE, ANY_POD)
            )
            for part in g.parts
            for rule in part.rules
        )
    ]


def _says(guard: Guard) -> str:
    """``allows 8080 only``, ``denies 8080``: the ports that its rules name."""
    place = guard.place
    words = []
    if place is not None:
        end = "passes on" if place.passes else "denies"
        words.append(f"in tier {place.name}, which {end} what no rule of it matches")
    for action, verbs in _VERBS:
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
    if not words or (place and len(words) == 1):
        words.append("allows nothing to the pods that it selects")
    return "; ".join(words)


_VERBS = (("Allow", "allows"), ("Deny", "denies"), ("Pass", "passes on"))

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

_CALICO = """
apiVersion: crd.projectcalico.org/v1
kind: NetworkPolicy
metadata: {name: default.api-allow}
spec:
  order: 100
  selector: app == 'checkout'
  ingress:
  - action: Allow
    protocol: TCP
    source: {selector: "app == 'frontend'"}
    destination: {ports: [8080]}
  - {action: Deny}
"""

_TIER = """
apiVersion: crd.projectcalico.org/v1
kind: Tier
metadata: {name: platform}
spec: {order: 100, defaultAction: %s}
---
apiVersion: crd.projectcalico.org/v1
kind: GlobalNetworkPolicy
metadata: {name: platform.metrics}
spec:
  tier: platform
  selector: has(app)
  types: [Ingress]
  ingress:
  - {action: Allow, protocol: TCP, destination: {ports: [9100]}}
---
kind: NetworkPolicy
metadata: {name: allow}
spec: {podSelector: {}, ingress: [{ports: [{port: 9000}]}]}
"""

RULE = Rule(
    code="PC720",
    name="plugin-policy-blocks-port",
    severity="error",
    summary="Policies of other kinds than NetworkPolicy let no client connect to the target port",
    applies=(When.PODS,),
    clues=(Need.GUARDS,),
    needs=(Need.PODS,),
    uses=(
        *(
            Need.GUARDS,
            Need.NAMESPACE_LABELS,
            Need.POLICIES,
            Need.SLICES,
            Need.SOCKETS,
            Need.ATTEMPTS,
        ),
        Need.IN_CLUSTER,
    ),
    in_files=Worth.HINT,
    if_enforced=True,
    explanation=Explanation(
        meaning="Policies of Cilium, of Calico (projectcalico.org) or of the Network Policy API "
        "(AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy) select the pods, "
        "and together with the NetworkPolicies they allow no client to connect to the target "
        "port. The ports of a policy are the pod's ports, not the Service's.",
        why="If the network plugin enforces the policy, clients time out or are refused. A "
        "port-forward starts inside the pod and still works. Where no connection showed that the "
        "policy is enforced, the finding is a warning and the verdict inconclusive. In Cilium what "
        "denies comes first, and what allows adds up. The others are asked in turn: admin policies "
        "by priority, Calico's by order with NetworkPolicies at 1000, then baseline policies; the "
        "first rule that matches decides. Calico's tiers are asked by their order; in a tier with "
        "a policy for the pod, what no rule matches is denied, unless defaultAction of the tier is "
        "Pass. What is not compared (HTTP rules, names of DNS, Services, nodes) makes a rule "
        "uncertain: then nothing is claimed.",
        confirm="kubectl describe KIND NAME shows the rules. hubble observe --verdict DROPPED, or "
        "calicoctl get networkpolicy -o yaml and Log rules, show what the plugin does.",
        fix="Add the port to the rule that allows the clients, or add a policy for them. A rule "
        "that denies has to be narrowed, or in a tier preceded by one that allows.",
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
      toPorts of the rule that names them. No command is offered: what a change of such a policy
      does is not predicted
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
  review: Narrow the rules of CiliumClusterwideNetworkPolicy no-9000 that deny 9000/TCP: they
      come before all others. No command is offered: what a change of such a policy does is not
      predicted
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
            "a policy of Calico has the old port, and a request got no answer",
            f"""{_SHOP.replace("PROBES", "in-cluster: {9000: timeout}")}
from: {{pod: client, tool: nc}}
---
{_CALICO}""",
            expects="""
broken; also PC618
PC720 error for all in NetworkPolicy.crd.projectcalico.org default.api-allow, port 80/TCP
  NetworkPolicy.crd.projectcalico.org default.api-allow allows no client to connect to 9000 of
      the pod
  pods: checkout-1
  - NetworkPolicy.crd.projectcalico.org default.api-allow: allows 8080; denies every port to
      some clients
  - checkout-1: connection from inside the cluster, 10.0.0.1:9000: no answer; no policy allows
      that port
  review: Allow 9000/TCP from the clients that need it in NetworkPolicy.crd.projectcalico.org
      default.api-allow, before its rules that deny it. No command is offered: what a change of
      such a policy does is not predicted
""",
        ),
        Example(
            "a tier of Calico comes before NetworkPolicies, and denies what no rule of it matches",
            f"""{_SHOP.replace("PROBES", "in-cluster: {9000: timeout}")}
from: {{pod: client, tool: nc}}
---
{_TIER % "Deny"}""",
            expects="""
broken; also PC618
PC720 error for all in GlobalNetworkPolicy.crd.projectcalico.org platform.metrics, port 80/TCP
  GlobalNetworkPolicy.crd.projectcalico.org platform.metrics allows no client to connect to 9000
      of the pod
  pods: checkout-1
  - GlobalNetworkPolicy.crd.projectcalico.org platform.metrics: in tier platform, which denies
      what no rule of it matches; allows 9100
  - checkout-1: connection from inside the cluster, 10.0.0.1:9000: no answer; no policy allows
      that port
  review: Allow 9000/TCP from the clients that need it in
      GlobalNetworkPolicy.crd.projectcalico.org platform.metrics, in a rule. No command is
      offered: what a change of such a policy does is not predicted
""",
        ),
        Example(
            "a tier of Calico that passes on what no rule of it matches",
            f"""{_SHOP.replace("PROBES", "")}{_TIER % "Pass"}""",
            expects="healthy",
        ),
        Example(
            "a NetworkPolicy allows the port, after a policy of Calico that denies it",
            f"""{_SHOP.replace("PROBES", "")}{_CALICO}
---
kind: NetworkPolicy
metadata: {{name: allow}}
spec: {{podSelector: {{}}, ingress: [{{ports: [{{port: 9000}}]}}]}}
""",
            expects="""
inconclusive
not evaluated: whether this cluster enforces NetworkPolicies is not known
PC720 warning in NetworkPolicy.crd.projectcalico.org default.api-allow, port 80/TCP
  NetworkPolicy.crd.projectcalico.org default.api-allow allows no client to connect to 9000 of
      the pod
  pods: checkout-1
  unsure: whether this cluster enforces NetworkPolicies is not known
  - NetworkPolicy.crd.projectcalico.org default.api-allow: allows 8080; denies every port to
      some clients
  - nothing was tried that a policy could have blocked
  review: Allow 9000/TCP from the clients that need it in NetworkPolicy.crd.projectcalico.org
      default.api-allow, before its rules that deny it. No command is offered: what a change of
      such a policy does is not predicted
""",
        ),
        Example(
            "an AdminNetworkPolicy denies the port, whatever NetworkPolicies say",
            f"""{_SHOP.replace("PROBES", "")}
kind: AdminNetworkPolicy
metadata: {{name: no-9000}}
spec:
  priority: 10
  subject: {{namespaces: {{}}}}
  ingress:
  - action: Deny
    from: [{{namespaces: {{}}}}]
    ports: [{{portNumber: {{protocol: TCP, port: 9000}}}}]
---
kind: NetworkPolicy
metadata: {{name: allow}}
spec: {{podSelector: {{}}, ingress: [{{ports: [{{port: 9000}}]}}]}}
""",
            expects="""
inconclusive
not evaluated: whether this cluster enforces NetworkPolicies is not known
PC720 warning in AdminNetworkPolicy no-9000, port 80/TCP
  AdminNetworkPolicy no-9000 allows no pod to connect to 9000 of the pod
  pods: checkout-1
  unsure: whether this cluster enforces NetworkPolicies is not known
  - AdminNetworkPolicy no-9000: denies 9000
  - nothing was tried that a policy could have blocked
  review: Allow 9000/TCP from the clients that need it in AdminNetworkPolicy no-9000, before its
      rules that deny it. No command is offered: what a change of such a policy does is not
      predicted
""",
        ),
        Example(
            "a baseline policy denies everything, and a NetworkPolicy comes before it",
            f"""{_SHOP.replace("PROBES", "")}
kind: BaselineAdminNetworkPolicy
metadata: {{name: default}}
spec:
  subject: {{namespaces: {{}}}}
  ingress: [{{action: Deny, from: [{{namespaces: {{}}}}]}}]
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
