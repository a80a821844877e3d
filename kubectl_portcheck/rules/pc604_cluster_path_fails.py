"""PC604: a connection from inside the cluster fails, though the pods accept (--from)."""

from collections.abc import Sequence

from kubectl_portcheck.model.base import Missing, Reason
from kubectl_portcheck.model.evidence import InCluster
from kubectl_portcheck.model.facts import Connected, Fact, Observation
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.probes import Attempt
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
from kubectl_portcheck.rules.wording import capital, names, share, verb
from kubectl_portcheck.semantics import endpoints
from kubectl_portcheck.semantics.case import Case, PodState
from kubectl_portcheck.semantics.client_path import ClientPath, fails
from kubectl_portcheck.semantics.measured import FAULTY

PROXY_NAME = "service.kubernetes.io/service-proxy-name"
"""The label by which a Service is left to another proxy than kube-proxy."""


def _check(case: Case) -> Outcome:
    known = case.in_cluster
    if isinstance(known, Missing):
        if known.reason in (Reason.NOT_ASKED, Reason.NOT_RECORDED):
            return NotApplicable("--from was not asked for")
        return RULE.lacks(known.detail or known.reason)
    source = known.value
    if source.undialled is not None:
        if source.undialled.reason == Reason.NOT_ASKED:
            return NotApplicable("there was nothing to connect to")
        return RULE.lacks(source.undialled)
    path = ClientPath(case, source)
    direct, tried = path.direct, path.tried
    if any(s.answer.kind in FAULTY for s in path.failed):
        return NotApplicable("pods refuse every client: other rules say why")
    if path.failed:
        return _pods_fail(path)
    if direct is not None and fails(direct):
        if tried and all(s.within and s.within.outcome == "accepted" for s in tried):
            return _service_fails(case, source, direct, tried)
        if case.selects and not case.backends:
            return NotApplicable("no pod gets traffic: other rules say why")
        return RULE.lacks(f"from pod/{source.pod}: {_words(direct)}; no pod could be tried beside")
    unclear = [a for a in (direct, *(s.within for s in tried)) if a and a.outcome != "accepted"]
    if unclear:
        return RULE.lacks(f"from pod/{source.pod}: {unclear[0].detail or unclear[0].outcome}")
    return Passed() if direct or tried else NotApplicable("there was nothing to connect to")


def _service_fails(
    case: Case, source: InCluster, direct: Attempt, tried: Sequence[PodState]
) -> Outcome:
    """The Service's address fails, each pod's own works: kube-proxy, or what replaces it."""
    name = case.service.metadata.labels.get(PROXY_NAME)
    facts: list[Fact] = [_fact(source, direct)]
    facts += [_fact(source, s.within) for s in tried if s.within]
    found: list[Fix] = []
    if name is not None:
        text = f"the label {PROXY_NAME}={name} tells kube-proxy to ignore the Service"
        facts.append(Observation(text=text))
        found = [
            fixes.run(
                case,
                *("label", "service", case.name, f"{PROXY_NAME}-"),
                title=f"Remove the label {PROXY_NAME}, so that kube-proxy serves the Service again",
                subject=case.subject,
            )
        ]
    if case.service.spec.internal_traffic_policy == "Local":
        text = "internalTrafficPolicy is Local: only endpoints on the client's own node are used"
        facts.append(Observation(text=text))
    found += _beside(case, source)
    return RULE.finding(
        case,
        f"From pod/{source.pod} the Service's address {_verb(direct)}, though the same pod "
        f"reaches {share(tried, tried)} at {verb(tried, 'its', 'their')} IP address",
        evidence=facts,
        fixes=found,
        impact=Impact.PATH,
        pods=names(tried),
    )


def _beside(case: Case, source: InCluster) -> list[Fix]:
    """What to do on the client's node: about its endpoints, or about its kube-proxy."""
    proxy = "check kube-proxy, or what replaces it,"
    node = source.client.pod.spec.node_name if source.client else ""
    where = f"node {node}" if node else "the node"
    local = {e.endpoint.node_name for e in endpoints.used(case.endpoints)}
    if case.service.spec.internal_traffic_policy != "Local" or (node and node in local):
        return [
            fixes.by_hand(
                f"{capital(proxy)} on {where} of {source.pod}: its pod and log, and the egress "
                "NetworkPolicies of that pod"
            )
        ]
    needed = fixes.by_hand(
        f"Run an endpoint of the Service on {where} of pod {source.pod}, or set "
        "internalTrafficPolicy to Cluster"
    )
    return [needed] if node else [needed, fixes.by_hand(f"If it has one, {proxy} there")]


def _pods_fail(path: ClientPath) -> Outcome:
    """The pods' own addresses fail from there, though nothing says that the pods refuse."""
    source = path.source
    failed = [s for s in path.failed if s not in path.kept_out]
    if not failed:
        return NotApplicable("policies do not allow the connection: PC618 says which")
    facts: list[Fact] = [_fact(source, s.within) for s in failed if s.within]
    if path.direct is not None:
        facts.append(_fact(source, path.direct))
    silent = all(s.within and s.within.outcome == "timeout" for s in failed)
    text = (
        "no answer: most often a NetworkPolicy, or the routing between the nodes"
        if silent
        else "refused on the way: the pods' loopback or sockets show that they accept"
    )
    facts += [Observation(text=text), *_of_policies(path, failed)]
    met = "does not reach" if silent else "is refused by"
    return RULE.finding(
        path.case,
        f"pod/{source.pod} {met} {share(failed, path.tried)} at "
        f"{verb(failed, 'its', 'their')} IP address",
        evidence=facts,
        fixes=[
            fixes.by_hand(
                f"Allow traffic from pod {source.pod} in namespace {source.namespace} to port "
                f"{failed[0].target} of these pods in the NetworkPolicies on both sides; where "
                "there is none, look at the network between the nodes"
            )
        ],
        impact=Impact.PATH,
        pods=names(failed),
    )


def _of_policies(path: ClientPath, failed: Sequence[PodState]) -> list[Fact]:
    """What is known of policies, where they do not deny the connection."""
    if path.source.client is None:
        return []
    found = [path.admitted[s.name] for s in failed]
    unknown = next((a.why for a in found if a.allowed is None), None)
    if unknown is not None:
        return [Observation(text=f"whether policies allow the connection is not known: {unknown}")]
    return [Observation(text="the policies of both sides allow the connection")]


def _fact(source: InCluster, attempt: Attempt) -> Connected:
    return evidence.connected(attempt, source=f"{source.tool} in pod {source.pod}")


def _address(attempt: Attempt) -> str:
    host = f"[{attempt.address}]" if ":" in attempt.address else attempt.address
    return f"{host}:{attempt.port}"


def _words(attempt: Attempt) -> str:
    return "no answer" if attempt.outcome == "timeout" else attempt.outcome


def _verb(attempt: Attempt) -> str:
    verb = {"refused": "refuses", "reset": "resets"}.get(attempt.outcome, "does not answer")
    return f"{_address(attempt)} {verb}"


RULE = Rule(
    code="PC604",
    name="cluster-path-fails",
    severity="error",
    summary="A connection from inside the cluster fails, though the pods accept (--from)",
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
        meaning="--from pod/NAME connects from inside that pod to the Service's address and to "
        "each pod's IP address, as a client does, through kube-proxy and every NetworkPolicy. The "
        "connection failed, though the pods themselves are healthy.",
        why="If the Service's address fails and the pods' addresses work, the fault is in "
        "kube-proxy (or its replacement) on that node, or in the Service. If the pods' addresses "
        "fail too, the fault is a NetworkPolicy or the routing between nodes. The policies of "
        "both sides are compared with this very client: what they deny times out or is refused, "
        "depending on the network plugin.",
        confirm="kubectl exec POD -- bash -c 'echo >/dev/tcp/ADDRESS/PORT', for the Service's "
        "cluster IP and for a pod's IP address, from pods on several nodes.",
        fix="Fix kube-proxy on that node, or allow the traffic in the NetworkPolicies of both "
        "sides. The test ran from one pod: clients elsewhere may be served.",
    ),
    examples=(
        Example(
            "the pods answer on their own addresses, the Service's address does not",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: accepted}}}
---
from: {pod: client, tool: nc, service: {80: timeout}}
""",
            expects="""
degraded
PC604 error for path in Service checkout, port 80/TCP
  From pod/client the Service's address 10.96.0.10:80 does not answer, though the same pod
      reaches the pod at its IP address
  pods: checkout-1
  - nc in pod client, 10.96.0.10:80: no answer
  - checkout-1: nc in pod client, 10.0.0.1:8080: accepted
  review: Check kube-proxy, or what replaces it, on the node of client: its pod and log, and the
      egress NetworkPolicies of that pod
""",
        ),
        Example(
            "internalTrafficPolicy is Local, and the client's node has no endpoint",
            """
kind: Service
metadata: {name: agent}
spec: {clusterIP: 10.96.0.10, internalTrafficPolicy: Local, selector: {app: agent},
  ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: agent-1, labels: {app: agent},
  ownerReferences: [{kind: DaemonSet, name: agent, uid: d, controller: true}]}
spec: {containers: [{name: app}], nodeName: one}
---
kind: EndpointSlice
metadata: {name: agent-1}
endpoints:
- {addresses: [10.0.0.1], nodeName: one, targetRef: {kind: Pod, name: agent-1}}
ports: [{name: "", port: 8080}]
---
kind: Node
metadata: {name: one}
status: {conditions: [{type: Ready, status: "True"}]}
---
probes: {agent-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: accepted}}}
---
from: {pod: client, tool: nc, service: {80: timeout}}
""",
            expects="""
degraded
PC604 error for path in Service agent, port 80/TCP
  From pod/client the Service's address 10.96.0.10:80 does not answer, though the same pod
      reaches the pod at its IP address
  pods: agent-1
  - nc in pod client, 10.96.0.10:80: no answer
  - agent-1: nc in pod client, 10.0.0.1:8080: accepted
  - internalTrafficPolicy is Local: only endpoints on the client's own node are used
  review: Run an endpoint of the Service on the node of pod client, or set internalTrafficPolicy
      to Cluster
  review: If it has one, check kube-proxy, or what replaces it, there
""",
        ),
        Example(
            "a policy between the two pods: the target listens, and does not answer",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: timeout}}}
---
from: {pod: client, tool: bash, service: {80: timeout}}
""",
            expects="""
degraded
PC604 error for path in Service checkout, port 80/TCP
  pod/client does not reach the pod at its IP address
  pods: checkout-1
  - checkout-1: bash in pod client, 10.0.0.1:8080: no answer
  - bash in pod client, 10.96.0.10:80: no answer
  - no answer: most often a NetworkPolicy, or the routing between the nodes
  review: Allow traffic from pod client in namespace default to port 8080 of these pods in the
      NetworkPolicies on both sides; where there is none, look at the network between the nodes
""",
        ),
        Example(
            "a policy selects namespaces by a label, and the labels could not be read",
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
metadata: {name: api-allow}
spec:
  podSelector: {}
  ingress: [{from: [{namespaceSelector: {matchLabels: {team: sales}}}]}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: timeout}}}
---
from: {pod: web-1, namespace: front, tool: nc, service: {80: timeout}}
""",
            expects="""
degraded
PC604 error for path in Service checkout, port 80/TCP
  pod/web-1 does not reach the pod at its IP address
  pods: checkout-1
  - checkout-1: nc in pod web-1, 10.0.0.1:8080: no answer
  - nc in pod web-1, 10.96.0.10:80: no answer
  - no answer: most often a NetworkPolicy, or the routing between the nodes
  - whether policies allow the connection is not known: the labels of namespace front were not
      read
  review: Allow traffic from pod web-1 in namespace front to port 8080 of these pods in the
      NetworkPolicies on both sides; where there is none, look at the network between the nodes
""",
        ),
        Example(
            "everything works",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], in-cluster: {8080: accepted}}}
---
from: {pod: client, tool: bash, service: {80: accepted}}
""",
            expects="healthy",
        ),
        Example(
            "the pod listens on another port: another rule says why it refuses",
            """
kind: Service
metadata: {name: checkout}
spec: {clusterIP: 10.96.0.10, selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:9000"], in-cluster: {8080: refused}}}
---
from: {pod: client, tool: bash, service: {80: refused}}
""",
            expects="broken; also PC401, PC501",
        ),
    ),
    check=_check,
    deciding=True,
    follows_from=(
        "PC307",
        "PC308",
        "PC501",
        "PC502",
        "PC503",
        "PC602",
        "PC611",
        "PC618",
        "PC705",
        "PC720",
    ),
)
