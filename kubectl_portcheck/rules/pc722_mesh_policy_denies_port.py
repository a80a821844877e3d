"""PC722: AuthorizationPolicies of Istio allow no client to connect to the target port."""

from kubectl_portcheck.model.facts import State
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
from kubectl_portcheck.rules.pc721_mesh_tls_conflicts import policy_of, unread
from kubectl_portcheck.rules.wording import listing, names, share, verb
from kubectl_portcheck.semantics import istio_inbound, policies
from kubectl_portcheck.semantics.case import Case
from kubectl_portcheck.semantics.guards.compare import title


def _check(case: Case) -> Outcome:
    judged = [s for s in case.backends if s.target and istio_inbound.judges(s.pod, s.target)]
    if not judged:
        return NotApplicable("no pod has a sidecar of Istio")
    lacking = unread(case)
    if lacking is not None:
        return RULE.lacks(lacking)
    sides = [(s, istio_inbound.admits_anyone(case, s.pod, s.target or 0)) for s in judged]
    closed = [s for s, side in sides if side.allowed is False]
    if not closed:
        words = (istio_inbound.not_compared(case, s.pod, s.target or 0) for s in judged)
        beyond = next((w for w in words if w), "")
        return RULE.lacks(beyond) if beyond else Passed()
    found = {
        title(g): g
        for _, side in sides
        if side.allowed is False
        for g in side.guards
        if isinstance(g, Guard)
    }
    guards = [found[key] for key in sorted(found)]
    if case.in_files and case.evidence.files != "all" and not any(map(_denies, guards)):
        return NotApplicable("the policy that allows clients may stand elsewhere")
    targets = listing(sorted({s.target for s in closed if s.target is not None}))
    return RULE.finding(
        case,
        f"{listing(map(title, guards))} {verb(guards, 'allows', 'together allow')} no client to "
        f"connect to {targets} of {share(closed, case.backends)}",
        evidence=[State(subject=policy_of(case, g), state=_says(g)) for g in guards],
        fixes=[
            fixes.by_hand(
                f"Allow {targets} in an AuthorizationPolicy for the clients that need it; its "
                "ports are those of the pod, not of the Service"
            )
        ],
        pods=names(closed),
        subject=policy_of(case, guards[0]),
        unsure=istio_inbound.UNSEEN,
    )


def _denies(guard: Guard) -> bool:
    return any(r.action == "Deny" for part in guard.parts for r in part.rules)


def _says(guard: Guard) -> str:
    rules = [r for part in guard.parts for r in part.rules]
    spelt = dict.fromkeys(policies.spelt(p) for r in rules for p in r.ports)
    what = "denies" if _denies(guard) else "allows"
    if not rules:
        return "has no rule, so it allows nothing"
    return f"{what} {listing(spelt)}" if spelt else f"{what} every port to some clients"


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}, {name: istio-proxy}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"]}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: allow-web}
spec:
  selector: {matchLabels: {app: checkout}}
  rules: [{from: [{source: {namespaces: [web]}}], to: [{operation: {OPERATION}}]}]
"""

RULE = Rule(
    code="PC722",
    name="mesh-policy-denies-port",
    severity="warning",
    summary="AuthorizationPolicies of Istio allow no client to connect to the target port",
    applies=(When.PODS, When.TCP),
    needs=(Need.PODS,),
    uses=(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.MESH_POLICIES),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="Once an AuthorizationPolicy with the action ALLOW selects a pod, its sidecar lets "
        "in only what one of the rules allows; DENY comes first. No rule allows the target port. "
        "The ports of a policy are the pod's ports, not the Service's.",
        why="The sidecar accepts the connection, then answers 403 (RBAC: access denied) or resets "
        "it. A port-forward goes to the application itself and still works. What was not seen is "
        "a warning, and the verdict is inconclusive.",
        confirm="istioctl x authz check POD; the sidecar logs rbac_access_denied_matched_policy.",
        fix="Name the pod's port in the rule, or leave ports out. HTTP rules, principals and "
        "conditions are not compared; a policy that has them claims nothing here.",
    ),
    examples=(
        Example(
            "the rule names the Service's port",
            _SHOP.replace("OPERATION", 'ports: ["80"]'),
            expects="""
inconclusive
not evaluated: whether the sidecar enforces it was not seen: it accepts a connection before it
    judges it
PC722 warning in AuthorizationPolicy allow-web, port 80/TCP
  AuthorizationPolicy allow-web allows no client to connect to 8080 of the pod
  pods: checkout-1
  unsure: whether the sidecar enforces it was not seen: it accepts a connection before it judges
      it
  - AuthorizationPolicy allow-web: allows 80
  review: Allow 8080 in an AuthorizationPolicy for the clients that need it; its ports are those
      of the pod, not of the Service
""",
        ),
        Example(
            "the rule names the pod's port",
            _SHOP.replace("OPERATION", 'ports: ["8080"]'),
            expects="healthy",
        ),
        Example(
            "methods are not compared: nothing is claimed",
            _SHOP.replace("OPERATION", 'ports: ["8080"], methods: [GET]'),
            expects="""
healthy
not evaluated: AuthorizationPolicy allow-web: HTTP rules: not compared
""",
        ),
    ),
    check=_check,
)
