"""PC308: a traffic policy is Local, and some nodes have no endpoint."""

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.report import Impact
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
)
from kubectl_portcheck.rules.wording import listing, share, verb
from kubectl_portcheck.semantics import endpoints, nodes
from kubectl_portcheck.semantics.case import Case


def _check(case: Case) -> Outcome:
    spec = case.service.spec
    inside = spec.internal_traffic_policy == "Local"
    outside = spec.external_traffic_policy == "Local" and spec.type == "NodePort"
    if not (inside or outside):
        return NotApplicable("no traffic policy asks for an endpoint on the client's own node")
    used = endpoints.used(case.endpoints)
    if not used:
        return NotApplicable("no endpoint gets traffic at all")
    field = "internalTrafficPolicy" if inside else "externalTrafficPolicy"
    here = {e.endpoint.node_name for e in used if e.endpoint.node_name}
    if not here and inside:
        return RULE.finding(
            case,
            f"{field} is Local, but no endpoint has a nodeName: the connections of all clients "
            "time out",
            evidence=[
                Observation(text="kube-proxy treats an endpoint without a nodeName as not local")
            ],
            fixes=[_cluster(case, field)],
            impact=Impact.ALL,
        )
    missing = case.missing("nodes")
    if missing is not None:
        return RULE.lacks(missing)
    open_to_all = [n.metadata.name for n in case.nodes if nodes.takes_pods(n)]
    without = [n for n in open_to_all if n not in here]
    if not without:
        return Passed()
    by_daemon_set = _by_daemon_sets(case)
    alarm = inside and not by_daemon_set
    who = "of clients there" if inside else "to their node port"
    return RULE.finding(
        case,
        f"{field} is Local, but {share(without, open_to_all, 'node')} "
        f"{verb(without, 'has', 'have')} no endpoint: connections {who} time out",
        evidence=[
            Observation(text=f"nodes without an endpoint: {listing(without)}"),
            Observation(text=f"nodes with one: {listing(sorted(n for n in here)) or 'none'}"),
            *(
                [Observation(text="a DaemonSet chose these nodes; this may be intended")]
                if by_daemon_set
                else []
            ),
        ],
        fixes=[_cluster(case, field)],
        impact=Impact.PATH if alarm else Impact.NONE,
        severity="error" if alarm else "warning",
    )


def _by_daemon_sets(case: Case) -> bool:
    """Whether DaemonSets made all of the pods: they choose the nodes, and clients follow."""
    made = [case.workload(p) for p in case.pods]
    return bool(made) and all(w is not None and w.kind == "DaemonSet" for w in made)


def _cluster(case: Case, field: str) -> Fix:
    path = f"/spec/{field}"
    return fixes.patch(
        case,
        case.subject,
        fixes.replace(path, "Local", "Cluster"),
        title=f"Set {field} to Cluster, so that kube-proxy uses the endpoints of all nodes",
        safety="review",
        source=f"spec:\n  {field}: Cluster\n",
    )


RULE = Rule(
    code="PC308",
    name="no-local-endpoint",
    severity="error",
    summary="A traffic policy is Local, and some nodes have no endpoint",
    applies=(When.NOT_EXTERNAL_NAME, When.NOT_HEADLESS),
    needs=(Need.SLICES,),
    uses=(Need.NODES, Need.PODS, Need.REPLICA_SETS),
    explanation=Explanation(
        meaning="With internalTrafficPolicy: Local a client reaches only endpoints on its own "
        "node. With externalTrafficPolicy: Local an external client reaches only endpoints on the "
        "node that it connects to. Some nodes that can run pods have no endpoint. If a DaemonSet "
        "owns the pods, the finding is a warning, because the clients usually run on the nodes of "
        "the DaemonSet. For node ports it is a warning, too. A load balancer checks the nodes and "
        "does not use those without an endpoint.",
        why="On such a node kube-proxy drops the packets: clients there get time-outs, not "
        "refusals. Other nodes work, and a port-forward does not show the fault.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml: compare "
        "the nodeName of each endpoint with kubectl get nodes.",
        fix="Set the policy to Cluster, or run a pod on every node (a DaemonSet).",
    ),
    examples=(
        Example(
            "one pod, two nodes",
            """
kind: Service
metadata: {name: cache}
spec: {internalTrafficPolicy: Local, selector: {app: cache}, ports: [{port: 6379}]}
---
kind: Pod
metadata: {name: cache-1, labels: {app: cache},
  ownerReferences: [{kind: ReplicaSet, name: cache-1, uid: r, controller: true}]}
spec: {containers: [{name: app}], nodeName: one}
---
kind: EndpointSlice
metadata: {name: cache-1}
endpoints:
- {addresses: [10.0.0.1], nodeName: one, targetRef: {kind: Pod, name: cache-1}}
ports: [{name: "", port: 6379}]
---
kind: Node
metadata: {name: one}
status: {conditions: [{type: Ready, status: "True"}]}
---
kind: Node
metadata: {name: two}
status: {conditions: [{type: Ready, status: "True"}]}
""",
            expects="""
degraded
PC308 error for path in Service cache, port 6379/TCP
  internalTrafficPolicy is Local, but 1 of 2 nodes has no endpoint: connections of clients there
      time out
  - nodes without an endpoint: two
  - nodes with one: one
  review: Set internalTrafficPolicy to Cluster, so that kube-proxy uses the endpoints of all
      nodes
    replace /spec/internalTrafficPolicy Cluster in Service cache
""",
        ),
        Example(
            "the other node cannot run pods",
            """
kind: Service
metadata: {name: cache}
spec: {internalTrafficPolicy: Local, selector: {app: cache}, ports: [{port: 6379}]}
---
kind: Pod
metadata: {name: cache-1, labels: {app: cache}}
spec: {containers: [{name: app}], nodeName: one}
---
kind: EndpointSlice
metadata: {name: cache-1}
endpoints:
- {addresses: [10.0.0.1], nodeName: one, targetRef: {kind: Pod, name: cache-1}}
ports: [{name: "", port: 6379}]
---
kind: Node
metadata: {name: one}
status: {conditions: [{type: Ready, status: "True"}]}
---
kind: Node
metadata: {name: two}
spec: {taints: [{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}]}
status: {conditions: [{type: Ready, status: "True"}]}
""",
            expects="inconclusive",
        ),
    ),
    check=_check,
)
