"""PC413: a Service of type LoadBalancer has no address."""

from kubectl_portcheck.model.facts import Fact, Observation, Said
from kubectl_portcheck.model.report import Impact
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
)
from kubectl_portcheck.rules.wording import ago, listing
from kubectl_portcheck.semantics import events
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.pods import age

PATIENCE = 120
"""Seconds that a load balancer may take; clouds need about a minute."""


def _check(case: ServiceCase) -> Outcome:
    if case.service.status.load_balancer.ingress:
        return _of_ports(case)
    reported = events.about(case, "Service", case.name)
    failing = [e for e in reported if e.type == "Warning"]
    created = case.service.metadata.creation_timestamp
    young = not failing and age(created, case.now) < PATIENCE
    facts: list[Fact] = [
        Said(source=f"event {e.reason}", words=events.words_of(e)) for e in reported[:3]
    ]
    since = ago(created, case.now)
    if since:
        facts.append(Observation(text=f"the Service was created {since}", subject=case.subject))
    if case.service.spec.load_balancer_class:
        facts.append(
            Observation(
                text=f"loadBalancerClass is {case.service.spec.load_balancer_class}: only the "
                "controller of that class creates the load balancer",
                subject=case.subject,
            )
        )
    if not reported and case.missing("events") is None:
        facts.append(Observation(text="there are no events: no controller has reported anything"))
    nodes = [f"{p.node_port} (port {p.port})" for p in case.service.spec.ports if p.node_port]
    if nodes:
        facts.append(Observation(text=f"every node accepts its clients on {listing(nodes)}"))
    what = f"; event {failing[0].reason}" if failing else ""
    return RULE.finding(
        case,
        "The load balancer has no address yet; creating one can take a minute or two"
        if young
        else f"The load balancer has no address, so clients outside of the cluster cannot connect"
        f"{what}",
        evidence=facts,
        fixes=[]
        if young
        else [
            fixes.by_hand(
                "Fix what the controller reports"
                if failing
                else "Run a controller that makes load balancers (the cloud's, or MetalLB), or use "
                "type NodePort or ClusterIP"
            )
        ],
        impact=Impact.PATH if failing else Impact.NONE,
        severity="error" if failing else "info" if young else "warning",
    )


def _of_ports(case: ServiceCase) -> Outcome:
    """The ports for which the controller reports that the load balancer does not serve them."""
    refused = {
        (port.port, port.protocol): port.error
        for address in case.service.status.load_balancer.ingress
        for port in address.ports
        if port.error
    }
    found = [
        RULE.finding(
            case,
            f"The load balancer does not serve port {port.port}/{port.protocol}: "
            f"{refused[port.port, port.protocol]}",
            evidence=[
                Said(
                    source=f"status.loadBalancer of Service {case.name}",
                    words=f"port {port.port}/{port.protocol}: {refused[port.port, port.protocol]}",
                )
            ],
            fixes=[
                fixes.by_hand(
                    "Fix what the controller reports of the port; where it does not accept two "
                    "protocols at one load balancer, use a Service of its own for each"
                )
            ],
            impact=Impact.PATH,
            port=port,
        )
        for port in case.asked_ports
        if (port.port, port.protocol) in refused
    ]
    return Several(tuple(found)) if found else Passed()


RULE = Rule(
    code="PC413",
    name="load-balancer-pending",
    severity="error",
    summary="A Service of type LoadBalancer has no address, or a port that is not served there",
    applies=(When.LOAD_BALANCER,),
    needs=(),
    uses=(Need.EVENTS,),
    explanation=Explanation(
        meaning="A controller outside of Kubernetes creates the load balancer and writes its "
        "address to the Service's status. The status has no address. If the controller reports "
        "why, the finding quotes its event and is an error. If there is no event, usually no such "
        "controller runs, as in a local cluster; then the finding is a warning. Where there is an "
        "address, the status can have an error for a port, which the controller does not serve.",
        why="Clients outside the cluster have no address to connect to. Clients inside use the "
        "cluster IP and are served, and every node answers on the node port.",
        confirm="kubectl get service NAME shows <pending> under EXTERNAL-IP. kubectl describe "
        "service NAME shows the events.",
        fix="Fix what the controller reports: quota, subnets, annotations, credentials. If no "
        "controller runs, install one, or use another type.",
    ),
    examples=(
        Example(
            "the cloud reports an error",
            """
kind: Service
metadata: {name: checkout, creationTimestamp: "2026-06-01T11:00:00Z"}
spec: {type: LoadBalancer, selector: {app: checkout}, ports: [{port: 80, nodePort: 30080}]}
---
kind: Event
metadata: {name: checkout.1}
involvedObject: {kind: Service, name: checkout}
type: Warning
reason: SyncLoadBalancerFailed
message: "Error syncing load balancer: quota exceeded"
lastTimestamp: "2026-06-01T11:59:00Z"
""",
            expects="""
broken; also PC301
PC413 error for path in Service checkout
  The load balancer has no address, so clients outside of the cluster cannot connect; event
      SyncLoadBalancerFailed
  - event SyncLoadBalancerFailed: Error syncing load balancer: quota exceeded
  - Service checkout: the Service was created 1 hour ago
  - every node accepts its clients on 30080 (port 80)
  review: Fix what the controller reports
""",
        ),
        Example(
            "the load balancer has an address and does not take UDP beside TCP",
            """
kind: Service
metadata: {name: checkout, creationTimestamp: "2026-06-01T11:00:00Z"}
spec:
  type: LoadBalancer
  selector: {app: checkout}
  ports: [{name: dns-tcp, port: 53}, {name: dns, port: 53, protocol: UDP}]
status:
  loadBalancer:
    ingress:
    - ip: 192.0.2.1
      ports:
      - {port: 53, protocol: TCP}
      - {port: 53, protocol: UDP, error: MixedProtocolNotSupported}
""",
            expects="""
broken; also PC301
PC413 error for path in Service checkout, port 53/UDP
  The load balancer does not serve port 53/UDP: MixedProtocolNotSupported
  - status.loadBalancer of Service checkout: port 53/UDP: MixedProtocolNotSupported
  review: Fix what the controller reports of the port; where it does not accept two protocols at
      one load balancer, use a Service of its own for each
""",
        ),
        Example(
            "no event about it",
            """
kind: Service
metadata: {name: checkout, creationTimestamp: "2026-06-01T11:00:00Z"}
spec: {type: LoadBalancer, selector: {app: checkout}, ports: [{port: 80}]}
""",
            expects="""
broken; also PC301
PC413 warning in Service checkout
  The load balancer has no address, so clients outside of the cluster cannot connect
  - Service checkout: the Service was created 1 hour ago
  - there are no events: no controller has reported anything
  review: Run a controller that makes load balancers (the cloud's, or MetalLB), or use type
      NodePort or ClusterIP
""",
        ),
        Example(
            "created a moment ago",
            """
kind: Service
metadata: {name: checkout, creationTimestamp: "2026-06-01T11:59:30Z"}
spec: {type: LoadBalancer, selector: {app: checkout}, ports: [{port: 80}]}
""",
            expects="""
broken; also PC301
PC413 info in Service checkout
  The load balancer has no address yet; creating one can take a minute or two
  - Service checkout: the Service was created 30 seconds ago
  - there are no events: no controller has reported anything
""",
        ),
        Example(
            "it has an address",
            """
kind: Service
metadata: {name: checkout, creationTimestamp: "2026-06-01T11:00:00Z"}
spec: {type: LoadBalancer, selector: {app: checkout}, ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.7}]}}
""",
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
