"""PC308: a traffic policy is Local, and some nodes have no endpoint."""

from collections.abc import Set

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import Node
from kubectl_portcheck.model.report import Impact
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
)
from kubectl_portcheck.rules.wording import listing, share, verb
from kubectl_portcheck.semantics import endpoints, nodes
from kubectl_portcheck.semantics.case import Case


def _check(case: Case) -> Outcome:
    spec = case.service.spec
    inside = spec.internal_traffic_policy == "Local"
    asked = _asked_node(case) if spec.external_traffic_policy == "Local" else ""
    external = spec.external_traffic_policy == "Local"
    outside = external and (spec.type == "NodePort" or bool(asked))
    if external and spec.type == "LoadBalancer" and not (inside or asked):
        return _by_load_balancer(case)
    if not (inside or outside):
        return NotApplicable("no traffic policy asks for an endpoint on the client's own node")
    used = endpoints.used(case.endpoints)
    if not used:
        return NotApplicable("no endpoint gets traffic at all")
    here = {e.endpoint.node_name for e in used if e.endpoint.node_name}
    if asked and asked not in here:
        return _asked_one(case, asked, here)
    field = "internalTrafficPolicy" if inside else "externalTrafficPolicy"
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
    return _by_nodes(case, field, here)


def _by_nodes(case: Case, field: str, here: Set[str]) -> Outcome:
    """Compare the nodes where clients may be with those that have an endpoint."""
    inside = field == "internalTrafficPolicy"
    clients = [n for n in case.nodes if nodes.may_have_clients(n)]
    # A node port is asked on any node; which ones are restricted to pods says little about it.
    counted = clients if inside else [n for n in clients if not nodes.restriction(n)]
    without = [n for n in counted if n.metadata.name not in here]
    if not without:
        return Passed()
    by_daemon_set = _by_daemon_sets(case)
    alarm = inside and not by_daemon_set and not all(nodes.restriction(n) for n in without)
    who = "of clients there" if inside else "to their node port"
    facts = [
        Observation(text=f"nodes without an endpoint: {listing(_described(n) for n in without)}"),
        Observation(text=f"nodes with one: {listing(sorted(here)) or 'none'}"),
    ]
    if by_daemon_set:
        facts.append(Observation(text="a DaemonSet chose these nodes; this may be intended"))
    return RULE.finding(
        case,
        f"{field} is Local, but {share(without, counted, 'node')} "
        f"{verb(without, 'has', 'have')} no endpoint: connections {who} time out",
        evidence=facts,
        fixes=[_cluster(case, field)],
        impact=Impact.PATH if alarm else Impact.NONE,
        severity="error" if alarm else "warning",
    )


def _by_load_balancer(case: Case) -> Outcome:
    """A load balancer leaves nodes without an endpoint out; are there any that it may use?"""
    here = {e.endpoint.node_name for e in endpoints.used(case.endpoints) if e.endpoint.node_name}
    if not here:
        return NotApplicable("no endpoint gets traffic on a node that is known")
    missing = case.missing("nodes")
    if missing is not None:
        return RULE.lacks(missing)
    having = [n for n in case.nodes if n.metadata.name in here]
    if not having or not all(nodes.is_excluded(n) for n in having):
        return Passed()
    checks = case.service.spec.health_check_node_port
    facts = [
        Observation(text=f"nodes with an endpoint: {listing(sorted(here))}"),
        Observation(text=f"they have the label {nodes.EXCLUDED}"),
    ]
    if checks:
        facts.append(
            Observation(
                text=f"healthCheckNodePort {checks} answers with status 503 on all other nodes"
            )
        )
    return RULE.finding(
        case,
        f"externalTrafficPolicy is Local, and load balancers leave out "
        f"{share(having, having, 'node')} with an endpoint: external clients may reach none",
        evidence=facts,
        fixes=[
            _cluster(case, "externalTrafficPolicy"),
            fixes.by_hand(
                f"Remove the label {nodes.EXCLUDED} from these nodes, or run the pods on others"
            ),
        ],
        severity="warning",
    )


def _described(node: Node) -> str:
    why = nodes.restriction(node)
    return f"{node.metadata.name} ({why})" if why else node.metadata.name


def _asked_node(case: Case) -> str:
    """The node by whose address the Service was asked for; empty where it was not."""
    lookup = case.evidence.lookup
    return lookup.node if lookup and lookup.how == "node-port" else ""


def _asked_one(case: Case, node: str, here: Set[str]) -> Outcome:
    """The client dials a node that has no endpoint: its connections fail, others may not."""
    text = case.evidence.lookup.text if case.evidence.lookup else ""
    return RULE.finding(
        case,
        f"externalTrafficPolicy is Local, but node {node} has no endpoint: connections to {text} "
        "time out",
        evidence=[
            Observation(text=f"{text} is an address of node {node}"),
            Observation(text=f"nodes with an endpoint: {listing(sorted(here)) or 'none'}"),
        ],
        fixes=[
            _cluster(case, "externalTrafficPolicy"),
            fixes.by_hand("Connect to a node that has an endpoint, or run a pod on every node"),
        ],
        impact=Impact.PATH,
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
    clues=(Clue.LOCAL,),
    needs=(Need.SLICES,),
    uses=(Need.NODES, Need.PODS, Need.REPLICA_SETS),
    explanation=Explanation(
        meaning="With internalTrafficPolicy: Local a client reaches only endpoints on its own "
        "node. With externalTrafficPolicy: Local an external client reaches only endpoints on the "
        "node that it connects to. Some nodes that can run pods have no endpoint. If a DaemonSet "
        "owns the pods, the finding is a warning, because the clients usually run on the nodes of "
        "the DaemonSet. It is a warning, too, where all of these nodes have a taint, "
        "and for node ports, unless the report was asked for by the address of such a "
        "node. A load balancer checks the nodes by healthCheckNodePort and does not use those "
        "without an endpoint; it is a warning where all nodes with one have the label by which "
        "nodes are left out of load balancers, which some controllers do not heed.",
        why="On such a node kube-proxy drops the packets: clients there get time-outs, not "
        "refusals. Other nodes work, and a port-forward does not show the fault.",
        confirm="kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml: compare "
        "the nodeName of each endpoint with kubectl get nodes.",
        fix="Set the policy to Cluster, or run a pod on every node (a DaemonSet that tolerates "
        "the taints of the nodes).",
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
            "a DaemonSet misses a node that has a taint, where clients may run",
            """
kind: Service
metadata: {name: agent}
spec: {internalTrafficPolicy: Local, selector: {app: agent}, ports: [{port: 8126}]}
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
ports: [{name: "", port: 8126}]
---
kind: Node
metadata: {name: one}
status: {conditions: [{type: Ready, status: "True"}]}
---
kind: Node
metadata: {name: two}
spec: {taints: [{key: nvidia.com/gpu, effect: NoSchedule}]}
status: {conditions: [{type: Ready, status: "True"}]}
---
probes: {agent-1: {sockets: ["0.0.0.0:8126"]}}
""",
            expects="""
healthy
PC308 warning in Service agent, port 8126/TCP
  internalTrafficPolicy is Local, but 1 of 2 nodes has no endpoint: connections of clients there
      time out
  - nodes without an endpoint: two (taint nvidia.com/gpu)
  - nodes with one: one
  - a DaemonSet chose these nodes; this may be intended
  review: Set internalTrafficPolicy to Cluster, so that kube-proxy uses the endpoints of all
      nodes
    replace /spec/internalTrafficPolicy Cluster in Service agent
""",
        ),
        Example(
            "asked for by the address of a node that has no endpoint",
            """
kind: Service
metadata: {name: shop}
spec: {type: NodePort, externalTrafficPolicy: Local, selector: {app: shop},
  ports: [{port: 80, nodePort: 30080}]}
---
kind: Pod
metadata: {name: shop-1, labels: {app: shop}}
spec: {containers: [{name: app}], nodeName: one}
---
kind: EndpointSlice
metadata: {name: shop-1}
endpoints:
- {addresses: [10.0.0.1], nodeName: one, targetRef: {kind: Pod, name: shop-1}}
ports: [{name: "", port: 80}]
---
probes: {shop-1: {sockets: ["0.0.0.0:80"]}}
---
lookup: {text: "192.0.2.2:30080", how: node-port, node: two}
""",
            expects="""
degraded
PC308 error for path in Service shop, port 80/TCP
  externalTrafficPolicy is Local, but node two has no endpoint: connections to 192.0.2.2:30080
      time out
  - 192.0.2.2:30080 is an address of node two
  - nodes with an endpoint: one
  review: Set externalTrafficPolicy to Cluster, so that kube-proxy uses the endpoints of all
      nodes
    replace /spec/externalTrafficPolicy Cluster in Service shop
  review: Connect to a node that has an endpoint, or run a pod on every node
""",
        ),
        Example(
            "a load balancer whose only node with an endpoint is left out",
            """
kind: Service
metadata: {name: shop}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 31234,
  selector: {app: shop}, ports: [{port: 80, nodePort: 30080}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.1}]}}
---
kind: Pod
metadata: {name: shop-1, labels: {app: shop}}
spec: {containers: [{name: app}], nodeName: one}
---
kind: EndpointSlice
metadata: {name: shop-1}
endpoints:
- {addresses: [10.0.0.1], nodeName: one, targetRef: {kind: Pod, name: shop-1}}
ports: [{name: "", port: 80}]
---
kind: Node
metadata: {name: one, labels: {node.kubernetes.io/exclude-from-external-load-balancers: ""}}
status: {conditions: [{type: Ready, status: "True"}]}
---
kind: Node
metadata: {name: two}
status: {conditions: [{type: Ready, status: "True"}]}
---
probes: {shop-1: {sockets: ["0.0.0.0:80"], port-forward: {80: accepted}}}
""",
            expects="""
healthy
PC308 warning in Service shop, port 80/TCP
  externalTrafficPolicy is Local, and load balancers leave out the node with an endpoint:
      external clients may reach none
  - nodes with an endpoint: one
  - they have the label node.kubernetes.io/exclude-from-external-load-balancers
  - healthCheckNodePort 31234 answers with status 503 on all other nodes
  review: Set externalTrafficPolicy to Cluster, so that kube-proxy uses the endpoints of all
      nodes
    replace /spec/externalTrafficPolicy Cluster in Service shop
  review: Remove the label node.kubernetes.io/exclude-from-external-load-balancers from these
      nodes, or run the pods on others
""",
        ),
        Example(
            "the other node is one of the control plane",
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
