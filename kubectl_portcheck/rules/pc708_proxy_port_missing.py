"""PC708: a proxy's own kind of route references a port that the Service does not have."""

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
    return referrer_ports.check(case, RULE, "proxy")


_SHOP = """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{name: web, port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080"], port-forward: {8080: accepted}}}
---
"""

RULE = Rule(
    code="PC708",
    name="proxy-port-missing",
    severity="error",
    summary="A route of Traefik, OpenShift or Contour, or a TargetGroupBinding, references a port "
    "that the Service does not have",
    applies=(When.NOT_EXTERNAL_NAME,),
    clues=(Need.REFERRERS,),
    needs=(),
    uses=(Need.REFERRERS, Need.PODS),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="An IngressRoute, HTTPProxy or TargetGroupBinding references a port of the "
        "Service: Traefik and AWS by its number or name (a number in quotes is a name), Contour "
        "by its number. The targetPort of an OpenShift Route is the name of a Service port or "
        "the number of the pods' port. There is no such port.",
        why="The proxy finds no backend for that route and answers with 404, 502 or 503. Clients "
        "inside the cluster are not affected.",
        confirm="Compare the object with the ports of kubectl get service NAME. The proxy's log "
        "or the status of the object names the port.",
        fix="Set the port to one that the Service has. With the port's name the object follows "
        "when the number changes.",
    ),
    examples=(
        Example(
            "an IngressRoute has the port of the pods, and a number in quotes",
            f"""{_SHOP}
kind: IngressRoute
metadata: {{name: shop, namespace: default}}
spec:
  routes:
  - services:
    - {{name: checkout, port: 8080}}
    - {{name: checkout, port: "80"}}
    - {{name: checkout, port: web}}
""",
            expects="""
degraded
PC708 error for path in IngressRoute shop, port 80/TCP
  IngressRoute shop references port 8080 and "80", which Service checkout does not have; the
      ports of Service checkout: 80 (web)/TCP
  - IngressRoute shop: /spec/routes/0/services/0 references port 8080
  - IngressRoute shop: /spec/routes/0/services/1 references port 80
  - for port 80 (web): 8080 is its targetPort
  - for port 80 (web): the name 80 is its number in quotes
  safe: Change the port in IngressRoute shop to 80 (web)
    replace /spec/routes/0/services/0/port 80 in IngressRoute shop
    replace /spec/routes/0/services/1/port web in IngressRoute shop
""",
        ),
        Example(
            "an OpenShift Route has the Service port's number, which is no port of the pods",
            f"""{_SHOP}
kind: Route
metadata: {{name: shop, namespace: default}}
spec: {{to: {{kind: Service, name: checkout}}, port: {{targetPort: 80}}}}
""",
            expects="""
degraded
PC708 error for path in Route shop, port 80/TCP
  Route shop references port 80, which is neither the name of a Service port nor a port of the
      pods; the ports of Service checkout: 80 (web)/TCP
  - Route shop: spec.port.targetPort references port 80
  - for port 80 (web): 80 is its own number
  safe: Change the port in Route shop to 80 (web)
    replace /spec/port/targetPort web in Route shop
""",
        ),
        Example(
            "an OpenShift Route has the pods' port, and Contour the Service port's number",
            f"""{_SHOP}
kind: Route
metadata: {{name: shop, namespace: default}}
spec: {{to: {{kind: Service, name: checkout}}, port: {{targetPort: 8080}}}}
---
kind: HTTPProxy
metadata: {{name: shop, namespace: default}}
spec: {{routes: [{{services: [{{name: checkout, port: 80}}]}}]}}
""",
            expects="healthy",
        ),
        Example(
            "a TargetGroupBinding and an HTTPProxy have the port of the pods",
            f"""{_SHOP}
kind: TargetGroupBinding
metadata: {{name: shop, namespace: default}}
spec: {{serviceRef: {{name: checkout, port: 8080}}}}
---
kind: HTTPProxy
metadata: {{name: shop, namespace: default}}
spec: {{tcpproxy: {{services: [{{name: checkout, port: 8080}}]}}}}
""",
            expects="""
degraded
PC708 error for path in HTTPProxy shop, port 80/TCP
  HTTPProxy shop references port 8080, which Service checkout does not have; the ports of
      Service checkout: 80 (web)/TCP
  - HTTPProxy shop: /spec/tcpproxy/services/0 references port 8080
  - for port 80 (web): 8080 is its targetPort
  safe: Change the port in HTTPProxy shop to 80 (web)
    replace /spec/tcpproxy/services/0/port 80 in HTTPProxy shop
PC708 error for path in TargetGroupBinding shop, port 80/TCP
  TargetGroupBinding shop references port 8080, which Service checkout does not have; the ports
      of Service checkout: 80 (web)/TCP
  - TargetGroupBinding shop: spec.serviceRef references port 8080
  - for port 80 (web): 8080 is its targetPort
  safe: Change the port in TargetGroupBinding shop to 80 (web)
    replace /spec/serviceRef/port 80 in TargetGroupBinding shop
""",
        ),
    ),
    check_service=_check,
)
