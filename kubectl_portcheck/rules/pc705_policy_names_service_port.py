"""PC705: a NetworkPolicy lists the Service port where the pod port is meant."""

from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.pc602_network_policy_blocks_port import (
    allows,
    concerned,
    impact_on,
    instead,
    severity_of,
    stale,
    subject_of,
    unsure_of,
)
from kubectl_portcheck.rules.wording import listing, names
from kubectl_portcheck.semantics import policies
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.enforcement import blocked


def _check(case: Case) -> Outcome:
    found = blocked(case)
    # Where a client is admitted to the target port, an extra entry does no harm.
    meant = (case.port.port, case.port.name or case.port.port)
    named = [e for e in stale(case, found) if e.port.port in meant] if found.states else []
    if not named:
        return Passed()
    targets = sorted({s.target for s in found.states if s.target is not None})
    wanted = case.target if isinstance(case.target, str) else targets[0]
    said = listing(dict.fromkeys(policies.spelt(e.port) for e in named))
    where = listing(dict.fromkeys(e.policy.metadata.name for e in named))
    facts: list[Fact] = [allows(case, e) for e in named]
    facts += [
        Observation(text=f"port {case.port.port} of the Service leads to {listing(targets)} there"),
        Observation(text=f"no pod listens on {said} or declares it"),
    ]
    return RULE.finding(
        case,
        f"NetworkPolicy {where} allows {said}, the Service's port, but a policy applies to the "
        f"pod's port, {listing(targets)}",
        evidence=facts,
        fixes=[instead(case, e, wanted) for e in named],
        impact=impact_on(case, found),
        severity=severity_of(found),
        unsure=unsure_of(found),
        pods=names(concerned(found)),
        subject=subject_of(case, named[0].policy),
        pointer=f"{named[0].pointer}/port",
    )


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
probes:
  checkout-1:
    sockets: ["0.0.0.0:8080"]
    port-forward: {8080: accepted}
    pod-proxy: {1: timeout}
---
"""

RULE = Rule(
    code="PC705",
    name="policy-names-service-port",
    severity="error",
    summary="A NetworkPolicy lists the Service port where the pod port is meant",
    applies=(When.SELECTOR,),
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
        meaning="A rule of the policy has the number or the name of the Service port. A policy "
        "applies at the pod, after the Service's port has been translated to the pod's. So the "
        "entry allows a port that no pod has, and the served port stays blocked.",
        why="The packets have the pod's port when the policy is applied. No rule allows that "
        "port. If policies are enforced, clients time out or are refused.",
        confirm="kubectl describe networkpolicy NAME lists the ports under 'To Port'. Compare "
        "them with the targetPort that kubectl describe service shows.",
        fix="Use the target port in the policy. Use the name of the container port if it has one: "
        "port: http follows when the number changes.",
    ),
    examples=(
        Example(
            "the policy allows 80, and the pods serve on 8080",
            f"""{_SHOP}
kind: NetworkPolicy
metadata: {{name: checkout-allow}}
spec:
  podSelector: {{matchLabels: {{app: checkout}}}}
  ingress: [{{from: [{{podSelector: {{}}}}], ports: [{{port: 80}}]}}]
""",
            expects="""
broken; also PC602
PC705 error for all in NetworkPolicy checkout-allow, port 80/TCP
  NetworkPolicy checkout-allow allows 80, the Service's port, but a policy applies to the pod's
      port, 8080
  pods: checkout-1
  - NetworkPolicy checkout-allow: allows 80 from all pods in this namespace
  - port 80 of the Service leads to 8080 there
  - no pod listens on 80 or declares it
  review: Allow 8080 in place of 80 in NetworkPolicy checkout-allow (all pods in this namespace)
    replace /spec/ingress/0/ports/0/port 8080 in NetworkPolicy checkout-allow
""",
        ),
        Example(
            "the pod's port is allowed as well: the other entry does no harm",
            f"""{_SHOP}
kind: NetworkPolicy
metadata: {{name: checkout-allow}}
spec:
  podSelector: {{matchLabels: {{app: checkout}}}}
  ingress: [{{from: [{{podSelector: {{}}}}], ports: [{{port: 80}}, {{port: 8080}}]}}]
""",
            expects="healthy",
        ),
    ),
    check=_check,
)
