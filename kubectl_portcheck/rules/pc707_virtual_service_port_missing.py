"""PC707: an Istio VirtualService routes to a port that the Service does not have."""

from kubectl_portcheck.rules import referrer_ports
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    return referrer_ports.check(case, RULE, "istio")


RULE = Rule(
    code="PC707",
    name="virtual-service-port-missing",
    severity="error",
    summary="An Istio VirtualService routes to a port that the Service does not have",
    applies=(When.NOT_EXTERNAL_NAME,),
    clues=(Need.REFERRERS,),
    needs=(),
    uses=(Need.REFERRERS, Need.PODS),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="destination.port.number of a VirtualService is a port of the Service, not one of "
        "its pods. The Service has no port of that number.",
        why="The proxies know no cluster for that port and answer with status 503. Clients that "
        "use the Service itself are served.",
        confirm="kubectl get virtualservice NAME -o yaml beside kubectl get service; istioctl "
        "analyze says the same.",
        fix="Set destination.port.number to the number of the Service's port.",
    ),
    examples=(
        Example(
            "the route names the port of the pods",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 5000}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app}]}
---
kind: VirtualService
metadata: {name: edge, namespace: default}
spec: {http: [{route: [{destination: {host: checkout, port: {number: 5000}}}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:5000"], port-forward: {5000: accepted}}}
""",
            expects="""
degraded
PC707 error for path in VirtualService edge, port 80/TCP
  VirtualService edge references port 5000, which Service checkout does not have; the ports of
      Service checkout: 80/TCP
  - VirtualService edge: destination checkout references port 5000
  - for port 80: 5000 is its targetPort
  safe: Change the port in VirtualService edge to 80
    replace /spec/http/0/route/0/destination/port/number 80 in VirtualService edge
""",
        ),
        Example(
            "a full name, and the Service's port; another route names none",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 5000}]}
---
kind: VirtualService
metadata: {name: edge, namespace: web}
spec:
  http:
  - route: [{destination: {host: checkout.default.svc.cluster.local, port: {number: 80}}}]
  - route: [{destination: {host: checkout.default.svc.cluster.local}}]
""",
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
