"""PC724: policies of Linkerd authorize no client, or not that of --from, to connect to the port."""

from collections.abc import Sequence

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix, Subject
from kubectl_portcheck.model.guards import Guard, GuardRule, Identity
from kubectl_portcheck.model.objects import Pod
from kubectl_portcheck.model.report import NotEvaluated
from kubectl_portcheck.rules import fixes, narrowing
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
from kubectl_portcheck.rules.wording import listing, names, share
from kubectl_portcheck.semantics import linkerd_inbound, mesh
from kubectl_portcheck.semantics.admission import ANYONE
from kubectl_portcheck.semantics.annotations import LINKERD_POLICY, LINKERD_SKIPPED_OUT
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.peers import Peer


def _check(case: Case) -> Outcome:
    judged = [
        s for s in case.backends if s.target and linkerd_inbound.judges(case, s.pod, s.target)
    ]
    if not judged:
        return NotApplicable("no pod has a proxy of Linkerd")
    lacking = unread(case, kinds.LINKERD)
    if lacking is not None:
        return RULE.lacks(lacking)
    closed = _denied(case, judged, ANYONE)
    if closed:
        return _finding(case, closed, None)
    client = linkerd_inbound.client_of(case)
    if client is not None and (denied := _denied(case, judged, client)):
        return _finding(case, denied, client)
    return _not_known(case, judged) or Passed()


def _denied(case: Case, judged: Sequence[PodState], client: Peer) -> list[PodState]:
    return [
        s
        for s in judged
        if linkerd_inbound.admits(case, client, s.pod, s.target or 0).allowed is False
    ]


def _not_known(case: Case, judged: Sequence[PodState]) -> NotEvaluated | None:
    """What is not known of the policy of a port, where something is."""
    for state in judged:
        found = linkerd_inbound.chosen(case, state.pod, state.target or 0)
        if found.why:
            return RULE.lacks(found.why)
        client = linkerd_inbound.client_of(case) or ANYONE
        side = linkerd_inbound.admits(case, client, state.pod, state.target or 0)
        if side.allowed is not None or found.policy is None:
            continue
        beyond = next((r.beyond for r in _rules(found.policy) if r.beyond), "")
        if beyond:
            return RULE.lacks(f"{_title(found.policy)}: {beyond}: not compared")
        if case.client is not None:
            return RULE.lacks(side.why)
    return None


def _finding(case: Case, denied: Sequence[PodState], client: Peer | None) -> Outcome:
    first = denied[0]
    policy = linkerd_inbound.chosen(case, first.pod, first.target or 0).policy
    if policy is None:
        return Passed()
    rules = _rules(policy)
    partly = case.in_files and case.evidence.files != "all"
    if policy.kind == "Server" and partly and not any(map(_misses, rules)):
        return NotApplicable("the policy that authorizes clients may stand elsewhere")
    targets = listing(sorted({s.target for s in denied if s.target is not None}))
    where = f"connect to {targets} of {share(denied, case.backends)}"
    if client is None or client.pod is None:
        summary = f"{_title(policy)} authorizes no client to {where}"
    else:
        who = f"pod/{client.pod.metadata.name}, {_identity(client, client.pod)},"
        summary = f"{_title(policy)} does not authorize {who} to {where}"
    subject = _subject(case, policy, first.pod)
    return RULE.finding(
        case,
        summary,
        evidence=_facts(case, policy, subject, rules, first),
        fixes=[_fix(policy, rules, client, targets)],
        pods=names(denied),
        subject=subject,
        unsure=linkerd_inbound.UNSEEN,
    )


def _misses(rule: GuardRule) -> bool:
    return rule.absent is not None and rule.absent.kind == "Server"


def _rules(policy: Guard) -> list[GuardRule]:
    return [r for part in policy.parts for r in part.rules]


def _title(policy: Guard) -> str:
    if policy.kind == "Server":
        return f"Server {policy.metadata.name}"
    return "The default policy of the pods in Linkerd"


def _subject(case: Case, policy: Guard, pod: Pod) -> Subject:
    if policy.kind == "Server":
        return policy_of(case, policy)
    made = narrowing.workload_of(case, pod)
    return made or Subject(kind="Pod", namespace=case.namespace, name=pod.metadata.name)


def _identity(client: Peer, pod: Pod) -> str:
    if mesh.LINKERD not in mesh.of_pod(pod):
        return "which is not in the mesh"
    if client.plain:
        return f"which connects without its proxy ({LINKERD_SKIPPED_OUT})"
    account = pod.spec.service_account_name or "default"
    return f"whose ServiceAccount is {client.namespace}/{account}"


def _facts(
    case: Case, policy: Guard, subject: Subject, rules: Sequence[GuardRule], state: PodState
) -> list[Fact]:
    if policy.kind != "Server":
        word = state.pod.metadata.annotations.get(LINKERD_POLICY, "")
        return [State(subject=subject, state=f"{LINKERD_POLICY}: {word}")]
    facts: list[Fact] = [State(subject=subject, state=f"is about port {policy.port} of the pods")]
    for rule in rules:
        if rule.by is not None:
            by = rule.by
            whose = Subject(kind=by.kind, namespace=by.namespace or case.namespace, name=by.name)
            facts.append(State(subject=whose, state=_says(rule)))
    return facts


def _says(rule: GuardRule) -> str:
    """The clients that a policy authorizes, by its authentications."""
    if rule.absent is not None:
        return f"refers to {rule.absent.kind} {rule.absent.name}, which does not exist"
    if rule.beyond:
        return f"has {rule.beyond}, which is not compared"
    if rule.peers is None:
        return "authorizes every client"
    words = []
    for peer in rule.peers:
        if peer.identities is not None:
            words.append(f"authorizes {listing(map(_spelt, peer.identities))}")
        if peer.blocks is not None:
            words.append(
                f"{'from' if words else 'authorizes'} {listing(b.cidr for b in peer.blocks)}"
            )
    return " ".join(words) or "authorizes no client"


def _spelt(identity: Identity) -> str:
    if not identity.namespace:
        return "clients in the mesh"
    if not identity.account:
        return f"namespace {identity.namespace}"
    return f"ServiceAccount {identity.namespace}/{identity.account}"


def _fix(policy: Guard, rules: Sequence[GuardRule], client: Peer | None, targets: str) -> Fix:
    absent = next((r for r in rules if r.absent is not None), None)
    if absent is not None and absent.by is not None and absent.absent is not None:
        what = f"{absent.absent.kind} {absent.absent.name}"
        return fixes.by_hand(
            f"Create {what}, or change the reference to it in {_kind(absent.by.kind)} "
            f"{absent.by.name}"
        )
    if policy.kind != "Server":
        return fixes.by_hand(
            f"Add a Server for {targets} with an AuthorizationPolicy for the clients that need it, "
            f"or set the annotation {LINKERD_POLICY} on the pods to all-unauthenticated"
        )
    pod = client.pod if client else None
    if client is not None and client.plain and pod is not None:
        return fixes.by_hand(
            f"Take the Service's port out of {LINKERD_SKIPPED_OUT} of pod/{pod.metadata.name}"
        )
    if pod is not None and mesh.LINKERD not in mesh.of_pod(pod):
        return fixes.by_hand(
            f"Add pod/{pod.metadata.name} to the mesh, or authorize its addresses: an "
            f"AuthorizationPolicy for Server {policy.metadata.name} that requires a "
            "NetworkAuthentication"
        )
    if pod is not None:
        return fixes.by_hand(
            f"Authorize the ServiceAccount of pod/{pod.metadata.name} in an AuthorizationPolicy "
            f"for Server {policy.metadata.name}"
        )
    return fixes.by_hand(
        f"Add an AuthorizationPolicy of {kinds.LINKERD} whose targetRef is Server "
        f"{policy.metadata.name}, for the clients that need it; accessPolicy: audit lets all in "
        "and logs them meanwhile"
    )


def _kind(key: str) -> str:
    return kinds.BY_NAME[key].name if key in kinds.BY_NAME else key


_SHOP = """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec:
  containers: [{name: app, ports: [{name: http, containerPort: 8080}]}, {name: linkerd-proxy}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"]}}
---
kind: Server
metadata: {name: checkout-http}
spec: {podSelector: {matchLabels: {app: checkout}}, port: PORT}
"""
_POLICY = """
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {name: web}
spec:
  targetRef: {group: policy.linkerd.io, kind: Server, name: checkout-http}
  requiredAuthenticationRefs: [{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: NAME}]
---
kind: MeshTLSAuthentication
metadata: {name: web}
spec: {identities: ["web.default.serviceaccount.identity.linkerd.cluster.local"]}
"""
_CLIENT = """
---
kind: Pod
metadata: {name: web-1, labels: {app: web}}
spec: {serviceAccountName: web, containers: [{name: web}CONTAINERS]}
---
from: {pod: web-1, tool: nc, service: {80: accepted}}
"""
_REPLICA_SET = """---
kind: ReplicaSet
metadata:
  name: checkout-5d9
  ownerReferences: [{kind: Deployment, name: checkout, controller: true}]
"""

RULE = Rule(
    code="PC724",
    name="linkerd-server-denies",
    severity="warning",
    summary="Policies of Linkerd authorize no client, or not that of --from, to connect to the "
    "target port",
    applies=(When.PODS, When.TCP),
    clues=(Clue.MESHED,),
    needs=(Need.PODS,),
    uses=(
        *(Need.SLICES, Need.SOCKETS, Need.ATTEMPTS, Need.MESH_POLICIES, Need.IN_CLUSTER),
        Need.REPLICA_SETS,
    ),
    in_files=Worth.HINT,
    explanation=Explanation(
        meaning="Once a Server of Linkerd (policy.linkerd.io) is about a port of the pods, their "
        "proxy denies what no AuthorizationPolicy or ServerAuthorization authorizes, unless the "
        "Server's accessPolicy says otherwise. Ports without a Server have the default of the pod "
        "(config.linkerd.io/default-inbound-policy). A policy that refers to an authentication "
        "which does not exist is ignored. The port of a Server is the pod's, not the Service's. "
        "The default of the whole installation is not read.",
        why="The proxy answers HTTP with 403 and ends other connections. A port-forward goes to "
        "the application itself and still works, and probes of the kubelet are let through. What "
        "was not seen is a warning, and the verdict is inconclusive.",
        confirm="linkerd diagnostics policy -n NAMESPACE po/POD PORT shows which policy holds; the "
        "proxy logs Request denied, with the Server's name.",
        fix="Authorize the clients that need the port. Policies for an HTTPRoute or GRPCRoute, "
        "unauthenticated TLS, and identities of another form than that of ServiceAccounts are not "
        "compared: then nothing is claimed.",
    ),
    examples=(
        Example(
            "a Server without a policy",
            _SHOP.replace("PORT", "http"),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC724 warning in Server checkout-http, port 80/TCP
  Server checkout-http authorizes no client to connect to 8080 of the pod
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - Server checkout-http: is about port http of the pods
  review: Add an AuthorizationPolicy of policy.linkerd.io whose targetRef is Server
      checkout-http, for the clients that need it; accessPolicy: audit lets all in and logs them
      meanwhile
""",
        ),
        Example(
            "the policy requires an authentication that does not exist",
            _SHOP.replace("PORT", "8080") + _POLICY.replace("NAME", "webs"),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC724 warning in Server checkout-http, port 80/TCP
  Server checkout-http authorizes no client to connect to 8080 of the pod
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - Server checkout-http: is about port 8080 of the pods
  - AuthorizationPolicy.policy.linkerd.io web: refers to MeshTLSAuthentication webs, which does
      not exist
  review: Create MeshTLSAuthentication webs, or change the reference to it in
      AuthorizationPolicy web
""",
        ),
        Example(
            "the policy authorizes clients in the mesh",
            _SHOP.replace("PORT", "http") + _POLICY.replace("NAME", "web"),
            expects="healthy",
        ),
        Example(
            "the client is outside of the mesh",
            _SHOP.replace("PORT", "http")
            + _POLICY.replace("NAME", "web")
            + _CLIENT.replace("CONTAINERS", ""),
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC724 warning in Server checkout-http, port 80/TCP
  Server checkout-http does not authorize pod/web-1, which is not in the mesh, to connect to
      8080 of the pod
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - Server checkout-http: is about port http of the pods
  - AuthorizationPolicy.policy.linkerd.io web: authorizes ServiceAccount default/web
  review: Add pod/web-1 to the mesh, or authorize its addresses: an AuthorizationPolicy for
      Server checkout-http that requires a NetworkAuthentication
""",
        ),
        Example(
            "the client is the one that is authorized",
            _SHOP.replace("PORT", "http")
            + _POLICY.replace("NAME", "web")
            + _CLIENT.replace("CONTAINERS", ", {name: linkerd-proxy}"),
            expects="healthy",
        ),
        Example(
            "the Server is about another port",
            _SHOP.replace("PORT", "admin"),
            expects="healthy; also PC725",
        ),
        Example(
            "no Server, and the pods deny by default",
            _SHOP.partition("---\nkind: Server")[0].replace(
                "labels: {app: checkout}}\nspec:\n",
                "labels: {app: checkout}, annotations: "
                "{config.linkerd.io/default-inbound-policy: deny}, ownerReferences: "
                "[{kind: ReplicaSet, name: checkout-5d9, controller: true}]}\nspec:\n",
            )
            + _REPLICA_SET,
            expects="""
inconclusive
not evaluated: whether the proxy enforces it was not seen: it accepts a connection before it
    judges it
PC724 warning in Deployment checkout, port 80/TCP
  The default policy of the pods in Linkerd authorizes no client to connect to 8080 of the pod
  pods: checkout-1
  unsure: whether the proxy enforces it was not seen: it accepts a connection before it judges
      it
  - Deployment checkout: config.linkerd.io/default-inbound-policy: deny
  review: Add a Server for 8080 with an AuthorizationPolicy for the clients that need it, or set
      the annotation config.linkerd.io/default-inbound-policy on the pods to all-unauthenticated
""",
        ),
    ),
    check=_check,
)
