"""PC618: policies do not allow the client to connect, and it does not (--from)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubectl_portcheck.model.evidence import InCluster
from kubectl_portcheck.model.facts import Fact, Observation, State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.references import NetworkPolicy
from kubectl_portcheck.model.report import Impact
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
)
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import policies
from kubectl_portcheck.semantics.admission import Admitted
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.client_path import ClientPath, client_path
from kubectl_portcheck.semantics.measured import FAULTY
from kubectl_portcheck.semantics.peers import Direction
from kubectl_portcheck.semantics.sides import Policy, Side


def _check(case: Case) -> Outcome:
    path = client_path(case)
    if path is None:
        return NotApplicable("nothing was tried with --from")
    if any(s.answer.kind in FAULTY for s in path.failed):
        return NotApplicable("pods refuse every client: other rules say why")
    return _denied(path) if path.kept_out else Passed()


def _denied(path: ClientPath) -> Outcome:
    """Policies do not allow the client to connect, and it does not."""
    case, source, kept_out = path.case, path.source, path.kept_out
    guards = _guards(path.admitted[s.name] for s in kept_out)
    made = [*(s.within for s in path.failed), path.direct]
    facts: list[Fact] = [
        evidence.connected(a, source=f"{source.tool} in pod {source.pod}") for a in made if a
    ]
    facts += _allowed(guards)
    unread = [s for s in kept_out if s.answer.kind == "unknown" and not s.answer.listeners]
    if any(s.within and s.within.outcome == "refused" for s in unread):
        text = (
            "the sockets could not be read: an application that listens on loopback only would "
            "look the same"
        )
        facts.append(Observation(text=text))
    numbers = listing(sorted({s.target for s in kept_out if s.target is not None}))
    who = f"pod/{source.pod}"
    if source.namespace != case.namespace:
        who += f" of namespace {source.namespace}"
    return RULE.finding(
        case,
        f"{_named(guards)} {verb(guards, 'does', 'do')} not allow {who} to connect to {numbers} of "
        f"{share(kept_out, path.tried)}, and the connection fails",
        evidence=facts,
        fixes=_allowances(case, source, guards, kept_out[0]),
        impact=Impact.PATH,
        pods=names(kept_out),
        subject=guards[0].subject,
    )


class _Guard(NamedTuple):
    """A policy that denies the connection."""

    policy: Policy
    direction: Direction
    denies: bool = False
    """Whether one of its rules denies it, whatever others allow."""

    @property
    def kind(self) -> str:
        return getattr(self.policy, "kind", "NetworkPolicy")

    @property
    def name(self) -> str:
        return self.policy.metadata.name

    @property
    def subject(self) -> Subject:
        namespace = self.policy.metadata.namespace or "default"
        return Subject(kind=self.kind, namespace=namespace, name=self.name)


def _guards(found: Iterable[Admitted]) -> list[_Guard]:
    """The policies that deny it, each once."""
    several = [
        _Guard(policy, direction, side.denied)
        for one in found
        for direction, side in _sides(one)
        if side.allowed is False
        for policy in side.guards
    ]
    return list({(g.subject, g.direction): g for g in several}.values())


def _sides(one: Admitted) -> tuple[tuple[Direction, Side], ...]:
    return ("Ingress", one.ingress), ("Egress", one.egress)


def _allowed(guards: Sequence[_Guard]) -> list[Fact]:
    """What these policies allow, as facts."""
    facts: list[Fact] = []
    for guard in guards:
        if not isinstance(guard.policy, NetworkPolicy):
            does = "denies" if guard.denies else "does not allow"
            facts.append(State(subject=guard.subject, state=f"{does} the connection"))
            continue
        what = listing(policies.allowances(guard.policy, guard.direction)) or "nothing"
        way = "into" if guard.direction == "Ingress" else "out of"
        facts.append(
            State(subject=guard.subject, state=f"allows {way} the pods that it selects: {what}")
        )
    return facts


def _named(guards: Sequence[_Guard]) -> str:
    """``NetworkPolicies a and b``, ``NetworkPolicy a and CiliumNetworkPolicy b``."""
    if {g.kind for g in guards} == {"NetworkPolicy"}:
        names = listing(dict.fromkeys(g.name for g in guards))
        return f"{verb(guards, 'NetworkPolicy', 'NetworkPolicies')} {names}"
    return listing(dict.fromkeys(f"{g.kind} {g.name}" for g in guards))


def _directions(guards: Iterable[_Guard]) -> list[Direction]:
    return list(dict.fromkeys(g.direction for g in guards))


def _allowances(
    case: Case, source: InCluster, guards: Sequence[_Guard], state: PodState
) -> list[Fix]:
    """What allows this connection; a policy of another kind may deny it before that counts."""
    denying = [g for g in guards if g.denies]
    if denying:
        names = listing(dict.fromkeys(f"{g.kind} {g.name}" for g in denying))
        return [
            fixes.by_hand(
                f"Narrow the rules of {names} that deny pod {source.pod} in namespace "
                f"{source.namespace}, if it is meant to connect: they come before all that allow"
            )
        ]
    others = [g for g in guards if not isinstance(g.policy, NetworkPolicy)]
    if others:
        names = listing(dict.fromkeys(f"{g.kind} {g.name}" for g in others))
        return [
            fixes.by_hand(
                f"Allow pod {source.pod} in namespace {source.namespace} to connect to "
                f"{state.target} in {names}, if it is meant to"
            )
        ]
    return [_allowance(case, source, d, state) for d in _directions(guards)]


def _allowance(case: Case, source: InCluster, direction: Direction, state: PodState) -> Fix:
    """A policy that allows this connection and nothing else: policies add up."""
    assert state.target is not None
    labels = policies.lasting_labels(source.client.pod) if source.client else {}
    client = policies.as_peer(source.namespace, labels)
    server = policies.as_peer(case.namespace, dict(case.service.spec.selector))
    inward = direction == "Ingress"
    namespace = case.namespace if inward else source.namespace
    name = f"allow-{'to' if inward else 'out-to'}-{case.name}"
    text = policies.allowing(
        direction,
        name,
        namespace,
        own=dict(case.service.spec.selector) if inward else labels,
        other=client if inward else server,
        port=policies.Port(state.target, case.port.protocol),
    )
    who = f"pods like {source.pod}" if labels else f"the pods of namespace {source.namespace}"
    return fixes.by_hand(
        f"Allow {who} to connect to {state.target}"
        + ("" if inward else f", out of namespace {namespace}")
        + ", if they are meant to: add this NetworkPolicy",
        text,
    )


RULE = Rule(
    code="PC618",
    name="policy-denies-client",
    severity="error",
    summary="Policies do not allow the client to connect, and its connection fails (--from)",
    applies=(When.TCP,),
    clues=(Need.IN_CLUSTER,),
    needs=(Need.PODS,),
    uses=(
        Need.SLICES,
        Need.SOCKETS,
        Need.ATTEMPTS,
        Need.POLICIES,
        Need.IN_CLUSTER,
        Need.GUARDS,
        Need.NAMESPACE_LABELS,
    ),
    explanation=Explanation(
        meaning="--from pod/NAME connects from inside that pod to each pod of the Service. The "
        "policies that select the client (egress) and those that select the pods (ingress) were "
        "compared with this very connection: one of the sides does not allow it, and the "
        "connection fails.",
        why="What policies deny gets no answer or is refused, depending on the network plugin. A "
        "policy counts only where the network plugin enforces it; the failed connection is what "
        "speaks for that.",
        confirm="kubectl describe networkpolicy in both namespaces shows the allowed peers and "
        "ports. They are ports of the pods, not of the Service.",
        fix="Allow the client in the policies of the side that denies it. Policies of Kubernetes "
        "add up, so a policy of its own is enough there.",
    ),
    examples=(
        Example(
            "the policy of the pods allows others than this client, and the client is refused",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: web-1, labels: {app: web, pod-template-hash: 5c7d}}
spec: {containers: [{name: web}]}
---
kind: NetworkPolicy
metadata: {name: api-allow}
spec:
  podSelector: {matchLabels: {app: checkout}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: frontend}}}]
    ports: [{port: 8080}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: refused}}}
---
from: {pod: web-1, tool: nc, service: {80: refused}}
""",
            expects="""
degraded
PC618 error for path in NetworkPolicy api-allow, port 80/TCP
  NetworkPolicy api-allow does not allow pod/web-1 to connect to 8080 of the pod, and the
      connection fails
  pods: checkout-1
  - checkout-1: nc in pod web-1, 10.0.0.1:8080: refused
  - nc in pod web-1, 10.96.0.10:80: refused
  - NetworkPolicy api-allow: allows into the pods that it selects: 8080 from pods with
      app=frontend in this namespace
  review: Allow pods like web-1 to connect to 8080, if they are meant to: add this NetworkPolicy
""",
        ),
        Example(
            "the policy of the client lets nothing out but DNS",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: web-1, namespace: front, labels: {app: web}}
spec: {containers: [{name: web}]}
---
kind: NetworkPolicy
metadata: {name: dns-only, namespace: front}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - ports: [{port: 53, protocol: UDP}, {port: 53}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: timeout}}}
---
from: {pod: web-1, namespace: front, tool: nc, service: {80: timeout}}
""",
            expects="""
degraded
PC618 error for path in NetworkPolicy dns-only, port 80/TCP
  NetworkPolicy dns-only does not allow pod/web-1 of namespace front to connect to 8080 of the
      pod, and the connection fails
  pods: checkout-1
  - checkout-1: nc in pod web-1, 10.0.0.1:8080: no answer
  - nc in pod web-1, 10.96.0.10:80: no answer
  - NetworkPolicy dns-only: allows out of the pods that it selects: 53/UDP, 53 to every
      destination
  review: Allow pods like web-1 to connect to 8080, out of namespace front, if they are meant
      to: add this NetworkPolicy
""",
        ),
        Example(
            "the policies allow the client: something else stops it",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {containers: [{name: web}]}
---
kind: NetworkPolicy
metadata: {name: allow-web}
spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: timeout}}}
---
from: {pod: web-1, tool: nc, service: {80: timeout}}
""",
            expects="degraded; also PC604",
        ),
    ),
    check=_check,
    follows_from=("PC602", "PC705", "PC720"),
)
