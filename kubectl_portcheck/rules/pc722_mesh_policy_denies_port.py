"""PC722: policies of Istio let no client, or not that of --from, connect to the target port."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.guards import Guard, GuardPeer, GuardRule, Identity
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Clue,
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
from kubectl_portcheck.semantics import istio_client, istio_inbound, mesh, policies
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.guards.compare import title
from kubectl_portcheck.semantics.guards.identities import account_of, home_of
from kubectl_portcheck.semantics.sides import Side

_NEVER = "allows by attributes of HTTP, which never match in ztunnel"


class _Asked(NamedTuple):
    """What policies say of the port of one pod."""

    state: PodState
    side: Side


def _check(case: Case) -> Outcome:
    judged = [s for s in case.backends if s.target and istio_inbound.enforces(s.pod, s.target)]
    if not judged:
        return NotApplicable("no pod has a sidecar of Istio or is in ambient mode")
    lacking = unread(case)
    if lacking is not None:
        return RULE.lacks(lacking)
    anyone = [_Asked(s, istio_inbound.admits_anyone(case, s.pod, s.target or 0)) for s in judged]
    closed = [a for a in anyone if a.side.allowed is False]
    if closed:
        return _closed(case, closed)
    if case.client is not None:
        return _for_client(case, case.client.pod, judged)
    words = (istio_inbound.not_compared(case, s.pod, s.target or 0) for s in judged)
    beyond = next((w for w in words if w), "")
    return RULE.lacks(beyond) if beyond else Passed()


def _closed(case: Case, closed: Sequence[_Asked]) -> Outcome:
    """Policies let no client at all connect."""
    guards = _denying(closed)
    if case.in_files and case.evidence.files != "all" and not any(map(_denies, guards)):
        return NotApplicable("the policy that allows clients may stand elsewhere")
    states = [a.state for a in closed]
    targets = _targets(states)
    return RULE.finding(
        case,
        f"{listing(map(title, guards))} {verb(guards, 'allows', 'together allow')} no client to "
        f"connect to {targets} of {share(states, case.backends)}",
        evidence=[State(subject=policy_of(case, g), state=_says(g)) for g in guards],
        fixes=[
            fixes.by_hand(
                f"Attach {listing(map(title, guards))} to a waypoint by targetRefs, or take out of "
                "it what only HTTP has"
                if any(map(_never_matches, guards))
                else f"Allow {targets} in an AuthorizationPolicy for the clients that need it; its "
                "ports are those of the pod, not of the Service"
            )
        ],
        pods=names(states),
        subject=policy_of(case, guards[0]),
        unsure=istio_inbound.UNSEEN,
    )


def _for_client(case: Case, client: Pod, judged: Sequence[PodState]) -> Outcome:
    """What they say of the pod of --from."""
    sides = [_Asked(s, istio_client.admits(case, client, s.pod, s.target or 0)) for s in judged]
    denied = [a for a in sides if a.side.allowed is False]
    if not denied:
        unknown = next((a.side.why for a in sides if a.side.allowed is None), "")
        return RULE.lacks(unknown) if unknown else Passed()
    guards = _denying(denied)
    states = [a.state for a in denied]
    first = states[0]
    plain = istio_client.shows_none(case, client, first.pod, first.target or 0)
    return RULE.finding(
        case,
        f"{listing(map(title, guards))} {verb(guards, 'does', 'do')} not allow "
        f"pod/{client.metadata.name}, {_identity(client, plain)}, to connect to "
        f"{_targets(states)} of {share(states, case.backends)}",
        evidence=[
            State(subject=policy_of(case, g), state=listing(_each(g), 3) or "allows nothing")
            for g in guards
        ],
        fixes=[_fix(client, plain, guards, _targets(states))],
        pods=names(states),
        subject=policy_of(case, guards[0]),
        unsure=istio_inbound.UNSEEN,
    )


def _denying(asked: Sequence[_Asked]) -> list[Guard]:
    found = {title(g): g for a in asked for g in a.side.guards if isinstance(g, Guard)}
    return [found[key] for key in sorted(found)]


def _targets(states: Sequence[PodState]) -> str:
    return listing(sorted({s.target for s in states if s.target is not None}))


def _identity(client: Pod, plain: istio_client.Plain) -> str:
    if mesh.ISTIO not in mesh.of_pod(client):
        return "which is not in the mesh and has no identity there"
    if plain.fact:
        return f"which shows no identity ({plain.why})"
    return f"whose ServiceAccount is {home_of(client)}/{account_of(client)}"


def _fix(client: Pod, plain: istio_client.Plain, guards: Sequence[Guard], targets: str) -> Fix:
    name = client.metadata.name
    policy = listing(map(title, guards))
    if any(map(_denies, guards)):
        return fixes.by_hand(
            f"Change {policy} so that it does not deny pod/{name}, if it is meant to connect"
        )
    which = f"{targets} in {policy}, if it is meant to connect"
    if plain.fact and mesh.ISTIO not in mesh.of_pod(client):
        return fixes.by_hand(
            f"Add pod/{name} to the mesh, or allow its addresses (ipBlocks) to connect to {which}"
        )
    if plain.fact:
        return fixes.by_hand(
            f"Let pod/{name} connect by mutual TLS of the mesh, or allow its addresses (ipBlocks) "
            f"to connect to {which}"
        )
    return fixes.by_hand(
        f"Allow principal cluster.local/ns/{home_of(client)}/sa/{account_of(client)} to connect to "
        f"{which}; cluster.local means the trust domain of the mesh"
    )


def _denies(guard: Guard) -> bool:
    return any(r.action == "Deny" for r in _rules(guard))


def _never_matches(guard: Guard) -> bool:
    """Whether ztunnel leaves out what the policy allows, because it asks for attributes of HTTP."""
    return any(r.http and r.peers == () for r in _rules(guard))


def _rules(guard: Guard) -> list[GuardRule]:
    return [r for part in guard.parts for r in part.rules]


def _says(guard: Guard) -> str:
    rules = _rules(guard)
    spelt = dict.fromkeys(policies.spelt(p) for r in rules for p in r.ports)
    what = "denies" if _denies(guard) else "allows"
    if not rules:
        return "has no rule, so it allows nothing"
    if _never_matches(guard):
        return _NEVER
    return f"{what} {listing(spelt)}" if spelt else f"{what} every port to some clients"


def _each(guard: Guard) -> Iterator[str]:
    """What each rule allows or denies, and to which clients."""
    for rule in _rules(guard):
        ports = listing(map(policies.spelt, rule.ports)) or "every port"
        if rule.not_ports:
            ports += f" but {listing(map(policies.spelt, rule.not_ports))}"
        if rule.http and rule.peers == ():
            yield _NEVER
            continue
        who = "every client" if rule.peers is None else listing(map(_spelt, rule.peers), 3)
        what = "denies" if rule.action == "Deny" else "allows"
        beyond = f" (with {rule.beyond})" if rule.beyond else ""
        yield f"{what} {ports} to {who}{beyond}"


def _spelt(peer: GuardPeer) -> str:
    """A source of a rule."""
    terms = [listing(peer.principals, 3), listing(map(_account, peer.identities or ()), 3)]
    who = " and ".join(t for t in terms if t) or "every client"
    if peer.blocks:
        who += f" from {listing((b.cidr for b in peer.blocks), 3)}"
    others = [*peer.not_principals, *map(_account, peer.not_identities)]
    others += [b.cidr for b in peer.not_blocks]
    return f"{who} except {listing(others, 3)}" if others else who


def _account(identity: Identity) -> str:
    if not identity.account:
        return f"namespace {identity.namespace}"
    return f"ServiceAccount {identity.namespace}/{identity.account}"


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
  rules: [{from: [{source: {SOURCE}}], to: [{operation: {OPERATION}}]}]
"""
_CLIENT = """
---
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {serviceAccountName: web, containers: [{name: web}CONTAINERS]}
---
from: {pod: web-1, tool: nc, service: {80: accepted}}
"""


def _shop(operation: str, source: str = "namespaces: [web]", client: str | None = None) -> str:
    text = _SHOP.replace("OPERATION", operation).replace("SOURCE", source)
    return text if client is None else text + _CLIENT.replace("CONTAINERS", client)


_MESHED = ", {name: istio-proxy}"
_AMBIENT = (
    "{name: checkout-1, labels: {app: checkout}}",
    "{name: checkout-1, labels: {app: checkout}, annotations: "
    "{ambient.istio.io/redirection: enabled}}",
)

RULE = Rule(
    code="PC722",
    name="mesh-policy-denies-port",
    severity="warning",
    summary="AuthorizationPolicies of Istio allow no client, or not that of --from, to connect to "
    "the target port",
    applies=(When.PODS, When.TCP),
    clues=(Clue.MESHED,),
    needs=(Need.PODS,),
    uses=(
        *(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.MESH_POLICIES, Need.IN_CLUSTER),
        *(Need.REFERRERS, Need.NAMESPACE_LABELS),
    ),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="Once an AuthorizationPolicy with the action ALLOW selects a pod, its sidecar lets "
        "in only what one of the rules allows; DENY comes first. No rule allows the target port, "
        "or none allows it to the pod of --from. The ports of a policy are the pod's ports, not "
        "the Service's. Principals, namespaces and service accounts are identities of the mesh: a "
        "client that connects without mutual TLS has none. In ambient mode ztunnel enforces the "
        "policies without targetRefs: a rule that asks for attributes of HTTP never matches there, "
        "so a policy that allows by them denies.",
        why="The proxy accepts the connection, then answers 403 (RBAC: access denied) or resets "
        "it. A port-forward goes to the application itself and still works. What was not seen is "
        "a warning, and the verdict is inconclusive.",
        confirm="istioctl x authz check POD; the sidecar logs rbac_access_denied_matched_policy.",
        fix="Name the pod's port in the rule, or leave ports out; name the client's principal, or "
        "add the client to the mesh. HTTP rules, request principals, trust domains, conditions and "
        "the action CUSTOM are not compared: then nothing is claimed.",
    ),
    examples=(
        Example(
            "the rule names the Service's port",
            _shop('ports: ["80"]'),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC722 warning in AuthorizationPolicy allow-web, port 80/TCP
  AuthorizationPolicy allow-web allows no client to connect to 8080 of the pod
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - AuthorizationPolicy allow-web: allows 80
  review: Allow 8080 in an AuthorizationPolicy for the clients that need it; its ports are those
      of the pod, not of the Service
""",
        ),
        Example(
            "the rule names the pod's port",
            _shop('ports: ["8080"]'),
            expects="healthy",
        ),
        Example(
            "methods are not compared: nothing is claimed",
            _shop('ports: ["8080"], methods: [GET]'),
            expects="""
healthy
not evaluated: AuthorizationPolicy allow-web: HTTP rules: not compared
""",
        ),
        Example(
            "in ambient mode a rule with methods never matches",
            _shop('ports: ["8080"], methods: [GET]').replace(*_AMBIENT).replace(_MESHED, ""),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC722 warning in AuthorizationPolicy allow-web, port 80/TCP
  AuthorizationPolicy allow-web allows no client to connect to 8080 of the pod
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - AuthorizationPolicy allow-web: allows by attributes of HTTP, which never match in ztunnel
  review: Attach AuthorizationPolicy allow-web to a waypoint by targetRefs, or take out of it
      what only HTTP has
""",
        ),
        Example(
            "in ambient mode the rule is about connections only",
            _shop('ports: ["8080"]').replace(*_AMBIENT).replace(_MESHED, ""),
            expects="healthy",
        ),
        Example(
            "in ambient mode the pods may meet the identity of a waypoint in place of the client's",
            _shop('ports: ["8080"]', client="")
            .replace(*_AMBIENT)
            .replace(_MESHED, "")
            .replace("{name: web-1, labels: {app: web}}", _AMBIENT[1].replace("checkout", "web")),
            expects="""
healthy
not evaluated: labels of namespace default, which may name a waypoint, are not known
""",
        ),
        Example(
            "the rule names another service account than the client's",
            _shop('ports: ["8080"]', 'principals: ["cluster.local/ns/default/sa/shop"]', _MESHED),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC722 warning in AuthorizationPolicy allow-web, port 80/TCP
  AuthorizationPolicy allow-web does not allow pod/web-1, whose ServiceAccount is default/web,
      to connect to 8080 of the pod
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - AuthorizationPolicy allow-web: allows 8080 to cluster.local/ns/default/sa/shop
  review: Allow principal cluster.local/ns/default/sa/web to connect to 8080 in
      AuthorizationPolicy allow-web, if it is meant to connect; cluster.local means the trust
      domain of the mesh
""",
        ),
        Example(
            "the rule names the client's service account, and the client is not in the mesh",
            _shop('ports: ["8080"]', 'principals: ["cluster.local/ns/default/sa/web"]', ""),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC722 warning in AuthorizationPolicy allow-web, port 80/TCP
  AuthorizationPolicy allow-web does not allow pod/web-1, which is not in the mesh and has no
      identity there, to connect to 8080 of the pod
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - AuthorizationPolicy allow-web: allows 8080 to cluster.local/ns/default/sa/web
  review: Add pod/web-1 to the mesh, or allow its addresses (ipBlocks) to connect to 8080 in
      AuthorizationPolicy allow-web, if it is meant to connect
""",
        ),
        Example(
            "the rule names the client's service account",
            _shop('ports: ["8080"]', 'principals: ["*/ns/default/sa/web"]', _MESHED),
            expects="healthy",
        ),
    ),
    check=_check,
    follows_from=("PC729",),
)
