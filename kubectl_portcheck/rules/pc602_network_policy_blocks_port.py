"""PC602: NetworkPolicies select the pods, and none allows traffic to the target port."""

from collections.abc import Iterable, Sequence

from kubectl_portcheck.json_text import json_of
from kubectl_portcheck.model.facts import Fact, Observation, State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.probes import Attempt
from kubectl_portcheck.model.references import NetworkPolicy, NetworkPolicyPort
from kubectl_portcheck.model.report import Impact, Severity
from kubectl_portcheck.rules import evidence, fixes
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
    impact_of,
)
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import policies, ports
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.enforcement import Blocked, blocked
from kubectl_portcheck.semantics.policies import FENCES, PortEntry

UNTOLD = "whether this cluster enforces NetworkPolicies is not known"


def concerned(found: Blocked) -> tuple[PodState, ...]:
    """The pods that a finding is about: those at which it was seen, or else all."""
    return found.shown or found.states


def severity_of(found: Blocked) -> Severity:
    """An error only where something shows that policies are enforced."""
    return "error" if found.shown else "warning"


def impact_on(case: Case, found: Blocked) -> Impact:
    """What it means for the clients, as far as that is shown."""
    return impact_of(found.shown, case) if found.shown else Impact.NONE


def unsure_of(found: Blocked) -> str:
    """What remains open."""
    return "" if found.shown else UNTOLD


def shown(found: Blocked) -> list[Fact]:
    """What was measured, as facts."""
    if found.shown:
        facts: list[Fact] = [evidence.connected(a, note=_note(a)) for a in found.stopped]
        if found.open:
            pods = listing(names(found.open))
            facts.append(
                Observation(text=f"whether policies are enforced at {pods} as well is not known")
            )
        return facts
    tried: list[Fact] = [evidence.connected(a, note=_note(a)) for a in found.passed]
    return tried or [Observation(text="nothing was tried that a policy could have blocked")]


def _note(attempt: Attempt) -> str:
    if attempt.outcome == "timeout":
        return "no policy allows that port"
    if attempt.outcome == "accepted":
        return (
            "no policy allows that port, so policies are not enforced, or the API server runs on "
            "the pod's node"
        )
    if attempt.outcome == "refused" and attempt.port in FENCES:
        return "nothing listens there, so the pod or a policy refused"
    return "no policy allows that port, and the pod's sockets accept connections"


def stale(case: Case, found: Blocked) -> list[PortEntry]:
    """The ports in those policies that none of the pods has: one of them may be an old one."""
    return [
        e
        for e in policies.port_entries(found.policies)
        if e.port.protocol == case.port.protocol
        and not e.port.end_port
        and not any(_has(case, s.pod, e.port) for s in found.states)
    ]


def _has(case: Case, pod: Pod, entry: NetworkPolicyPort) -> bool:
    declared = {
        key
        for _, p in ports.declared_ports(pod)
        if p.protocol == entry.protocol
        for key in (p.name, p.container_port)
    }
    heard = {s.port for s in case.listeners(pod) or () if s.protocol == entry.protocol}
    return entry.port in declared or entry.port in heard


def _check(case: Case) -> Outcome:
    found = blocked(case)
    if not found.states:
        return Passed()
    old = stale(case, found)
    if case.in_files and not old and case.evidence.files != "all":
        return NotApplicable("the policy that admits clients may be elsewhere")
    numbers = listing(_targets(concerned(found)))
    entries = list(policies.port_entries(found.policies))
    admitted = list(dict.fromkeys(policies.spelt(e.port) for e in entries))
    states = concerned(found)
    guards = policies.names(found.policies)
    what = f"only {listing(admitted)}" if admitted else "nothing"
    facts: list[Fact] = [allows(case, e) for e in entries]
    facts += [
        State(subject=subject_of(case, policy), state="allows nothing to the pods that it selects")
        for policy in found.policies
        if not policy.spec.ingress
    ]
    return RULE.finding(
        case,
        f"No NetworkPolicy allows connections to {numbers} of "
        f"{share(states, case.backends)}: {listing(guards)} "
        f"{verb(guards, 'allows', 'together allow')} {what}",
        evidence=[*facts, *([] if case.in_files else shown(found))],
        fixes=_fixes(case, found, old),
        impact=impact_on(case, found),
        severity=severity_of(found),
        unsure=unsure_of(found),
        pods=names(states),
        subject=subject_of(case, old[0].policy if old else found.policies[0]),
        pointer=f"{old[0].pointer}/port" if old else "/spec/podSelector",
    )


def _targets(states: Iterable[PodState]) -> list[int]:
    return sorted({s.target for s in states if s.target is not None})


def allows(case: Case, entry: PortEntry) -> State:
    """What an entry of a policy allows, as a fact."""
    what = f"allows {policies.spelt(entry.port)} from {listing(entry.sources)}"
    return State(subject=subject_of(case, entry.policy), state=what)


def subject_of(case: Case, policy: NetworkPolicy) -> Subject:
    """The policy, as the subject of a finding."""
    return Subject(kind="NetworkPolicy", namespace=case.namespace, name=policy.metadata.name)


def _fixes(case: Case, found: Blocked, old: Sequence[PortEntry]) -> list[Fix]:
    wanted = case.target if isinstance(case.target, str) else _targets(found.states)[0]
    if not old:
        return [_allowance(case, wanted)]
    return [_beside(case, entry, wanted) for entry in old]


def _beside(case: Case, entry: PortEntry, wanted: int | str) -> Fix:
    """Admits the port to the clients of the entry; in files, in its place."""
    name = entry.policy.metadata.name
    if case.in_files:
        return instead(case, entry, wanted)
    return fixes.patch(
        case,
        subject_of(case, entry.policy),
        [
            fixes.test(f"{entry.pointer}/port", entry.port.port),
            fixes.add(
                f"/spec/ingress/{entry.rule}/ports/-",
                {"protocol": entry.port.protocol, "port": wanted},
            ),
        ],
        title=f"Allow {wanted} too where NetworkPolicy {name} allows {policies.spelt(entry.port)} "
        f"({listing(entry.sources)})",
        safety="review",
        source=_source(name, entry.port.protocol, wanted),
    )


def instead(case: Case, entry: PortEntry, wanted: int | str) -> Fix:
    """Puts the port in the place of the entry's."""
    name = entry.policy.metadata.name
    return fixes.patch(
        case,
        subject_of(case, entry.policy),
        fixes.replace(f"{entry.pointer}/port", entry.port.port, wanted),
        title=f"Allow {wanted} in place of {policies.spelt(entry.port)} in NetworkPolicy {name} "
        f"({listing(entry.sources)})",
        safety="review",
        source=_source(name, entry.port.protocol, wanted),
    )


def _source(name: str, protocol: str, wanted: int | str) -> str:
    return (
        f"# NetworkPolicy {name}\nspec:\n  ingress:\n"
        f"  - ports:\n    - protocol: {protocol}\n      port: {wanted}\n"
    )


def _allowance(case: Case, wanted: int | str) -> Fix:
    labels = "".join(
        f"\n      {json_of(key)}: {json_of(value)}"
        for key, value in sorted(case.service.spec.selector.items())
    )
    return fixes.by_hand(
        f"Add a NetworkPolicy that allows {wanted} to the clients that need it; this one allows "
        "all pods of the namespace",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata:\n  name: allow-to-{case.name}\n  namespace: {case.namespace}\n"
        f"spec:\n  podSelector:\n    matchLabels:{labels}\n  policyTypes: [Ingress]\n"
        "  ingress:\n  - from:\n    - podSelector: {}\n    ports:\n"
        f"    - protocol: {case.port.protocol}\n      port: {wanted}\n",
    )


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 9000}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 9000}]}]}
---
"""
_OLD = """
kind: NetworkPolicy
metadata: {name: api-allow}
spec:
  podSelector: {matchLabels: {app: checkout}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: frontend}}}]
    ports: [{port: 8080}]
---
"""
_PROBES = """
probes:
  checkout-1:
    sockets: ["0.0.0.0:9000"]
    port-forward: {9000: accepted}
"""

RULE = Rule(
    code="PC602",
    name="network-policy-blocks-port",
    severity="error",
    summary="NetworkPolicies select the pods, and none allows traffic to the target port",
    applies=(When.PODS,),
    clues=(Need.POLICIES, Need.GUARDS, Need.IN_CLUSTER),
    needs=(Need.PODS, Need.POLICIES),
    uses=(
        Need.SLICES,
        Need.SOCKETS,
        Need.ATTEMPTS,
        Need.IN_CLUSTER,
        Need.GUARDS,
        Need.NAMESPACE_LABELS,
    ),
    in_files=Worth.HINT,
    if_enforced=True,
    explanation=Explanation(
        meaning="A pod that a NetworkPolicy selects accepts only the traffic that one of its "
        "policies allows. No rule allows any source to connect to the target port. The ports of a "
        "policy are the pod's ports, not the Service's, so a policy has to change when an "
        "application moves to another port.",
        why="If the network plugin enforces policies, clients time out (Calico, Antrea, "
        "OVN-Kubernetes) or are refused (kube-router; Cilium by a setting). A port-forward starts "
        "inside the pod and still works. If no plugin enforces policies, nothing happens, so the "
        "finding is an error only for pods at which it was seen: a connection that no policy "
        "allows got no answer, or was refused though the pod's sockets accept connections. "
        "Policies do not apply between a pod and its own node, so a connection from the API "
        "server proves nothing where both run on one node. Without such a test the verdict is "
        "inconclusive.",
        confirm="kubectl describe networkpolicy shows the allowed sources and ports. From a "
        "client's pod (--from pod/NAME) the pod's IP address times out or refuses, while kubectl "
        "port-forward works.",
        fix="Add the port to the rule that allows the clients. Use the name of the container port "
        "if it has one, so that the policy follows the application. Or add a policy that allows "
        "the clients.",
    ),
    examples=(
        Example(
            "the policy has the old port, and packets are dropped",
            f"{_SHOP}{_OLD}{_PROBES}    pod-proxy: {{1: timeout}}\n",
            expects="""
broken
PC602 error for all in NetworkPolicy api-allow, port 80/TCP
  No NetworkPolicy allows connections to 9000 of the pod: api-allow allows only 8080
  pods: checkout-1
  - NetworkPolicy api-allow: allows 8080 from pods with app=frontend in this namespace
  - checkout-1: API server's request to the pod's address, 1: no answer; no policy allows that
      port
  review: Allow 9000 too where NetworkPolicy api-allow allows 8080 (pods with app=frontend in
      this namespace)
    add /spec/ingress/0/ports/- {"protocol": "TCP", "port": 9000} in NetworkPolicy api-allow
""",
        ),
        Example(
            "no source is allowed; whether policies are enforced is not known",
            f"""{_SHOP}
kind: NetworkPolicy
metadata: {{name: default-deny}}
spec: {{podSelector: {{}}, policyTypes: [Ingress]}}
---
{_PROBES}""",
            expects="""
inconclusive
not evaluated: whether this cluster enforces NetworkPolicies is not known
PC602 warning in NetworkPolicy default-deny, port 80/TCP
  No NetworkPolicy allows connections to 9000 of the pod: default-deny allows nothing
  pods: checkout-1
  unsure: whether this cluster enforces NetworkPolicies is not known
  - NetworkPolicy default-deny: allows nothing to the pods that it selects
  - nothing was tried that a policy could have blocked
  review: Add a NetworkPolicy that allows 9000 to the clients that need it; this one allows all
      pods of the namespace
""",
        ),
        Example(
            "the network plugin refuses what no policy allows, though the sockets accept",
            f"""{_SHOP}{_OLD}{_PROBES}    in-cluster: {{9000: refused}}
---
from: {{pod: client, tool: nc}}
""",
            expects="""
broken; also PC618
PC602 error for all in NetworkPolicy api-allow, port 80/TCP
  No NetworkPolicy allows connections to 9000 of the pod: api-allow allows only 8080
  pods: checkout-1
  - NetworkPolicy api-allow: allows 8080 from pods with app=frontend in this namespace
  - checkout-1: connection from inside the cluster, 10.0.0.1:9000: refused; no policy allows
      that port, and the pod's sockets accept connections
  review: Allow 9000 too where NetworkPolicy api-allow allows 8080 (pods with app=frontend in
      this namespace)
    add /spec/ingress/0/ports/- {"protocol": "TCP", "port": 9000} in NetworkPolicy api-allow
""",
        ),
        Example(
            "it is seen at one of two pods; at the other nothing was tried",
            f"""{_SHOP}{_OLD}{_PROBES}    pod-proxy: {{1: timeout}}
  checkout-2:
    sockets: ["0.0.0.0:9000"]
---
kind: Pod
metadata: {{name: checkout-2, labels: {{app: checkout}}}}
spec: {{containers: [{{name: app, ports: [{{containerPort: 9000}}]}}]}}
""",
            expects="""
degraded
PC602 error for pods in NetworkPolicy api-allow, port 80/TCP
  No NetworkPolicy allows connections to 9000 of 1 of 2 pods: api-allow allows only 8080
  pods: checkout-1
  - NetworkPolicy api-allow: allows 8080 from pods with app=frontend in this namespace
  - checkout-1: API server's request to the pod's address, 1: no answer; no policy allows that
      port
  - whether policies are enforced at checkout-2 as well is not known
  review: Allow 9000 too where NetworkPolicy api-allow allows 8080 (pods with app=frontend in
      this namespace)
    add /spec/ingress/0/ports/- {"protocol": "TCP", "port": 9000} in NetworkPolicy api-allow
""",
        ),
        Example(
            "the API server is refused on a closed port: the pod or a policy did it",
            f"""{_SHOP}{_OLD}{_PROBES}    pod-proxy: {{1: refused}}
""",
            expects="""
inconclusive
not evaluated: whether this cluster enforces NetworkPolicies is not known
PC602 warning in NetworkPolicy api-allow, port 80/TCP
  No NetworkPolicy allows connections to 9000 of the pod: api-allow allows only 8080
  pods: checkout-1
  unsure: whether this cluster enforces NetworkPolicies is not known
  - NetworkPolicy api-allow: allows 8080 from pods with app=frontend in this namespace
  - checkout-1: API server's request to the pod's address, 1: refused; nothing listens there, so
      the pod or a policy refused
  review: Allow 9000 too where NetworkPolicy api-allow allows 8080 (pods with app=frontend in
      this namespace)
    add /spec/ingress/0/ports/- {"protocol": "TCP", "port": 9000} in NetworkPolicy api-allow
""",
        ),
        Example(
            "a client gets through: here no policy is enforced",
            f"""{_SHOP}{_OLD}{_PROBES}    in-cluster: {{9000: accepted}}
---
from: {{pod: client, tool: nc}}
""",
            expects="healthy",
        ),
        Example(
            "another policy allows the frontend: rules add up",
            f"""{_SHOP}{_OLD}
kind: NetworkPolicy
metadata: {{name: api-allow-too}}
spec:
  podSelector: {{}}
  ingress:
  - from: [{{podSelector: {{matchLabels: {{app: frontend}}}}}}]
    ports: [{{port: 8000, endPort: 9999}}]
---
{_PROBES}""",
            expects="healthy",
        ),
        Example(
            "the policy is about egress",
            f"""{_SHOP}
kind: NetworkPolicy
metadata: {{name: no-internet}}
spec: {{podSelector: {{}}, policyTypes: [Egress]}}
---
{_PROBES}""",
            expects="healthy",
        ),
    ),
    check=_check,
    follows_from=("PC705",),
)
