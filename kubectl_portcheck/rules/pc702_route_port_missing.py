"""PC702: a route references a port that the Service does not have."""

from collections.abc import Sequence

from kubectl_portcheck.model.fixes import Operation, Subject
from kubectl_portcheck.model.kinds import UDP_ROUTE
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.probes import Protocol
from kubectl_portcheck.model.references import Route
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import fixes, service_ports
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
    When,
    Worth,
)
from kubectl_portcheck.rules.service_ports import Wrong
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import meant, references
from kubectl_portcheck.semantics.case import ServiceCase


def _check(case: ServiceCase) -> Outcome:
    if not case.routes:
        return NotApplicable("no route names the Service")
    found = [_finding(case, r, w) for r in case.routes if (w := _wrong(case, r))]
    return Several(tuple(found)) if found else Passed()


def _wrong(case: ServiceCase, route: Route) -> list[Wrong]:
    protocol: Protocol = "UDP" if route.kind == UDP_ROUTE.name else "TCP"
    return [
        service_ports.wrong(case, use.pointer, use.port or "", f"{use.pointer}/port", protocol)
        for use in references.uses_of_route(route)
        if case.is_meant(use.service, use.namespace)
        and not (use.port and meant.has(case, use.port, protocol))
    ]


def _finding(case: ServiceCase, route: Route, found: Sequence[Wrong]) -> Finding:
    meta = route.metadata
    subject = Subject(kind=route.kind, namespace=case.namespace_of(meta), name=meta.name)
    by_udp = "/UDP" if route.kind == UDP_ROUTE.name else ""
    numbers = listing(dict.fromkeys(f"{w.named}{by_udp}" for w in found if w.named))
    wrong = f"port {numbers}, which Service {case.name} does not have" if numbers else "no port"
    severity, impact = service_ports.weight(case, found)
    return RULE.finding(
        case,
        f"{route.kind} {meta.name} references {wrong}; {service_ports.has_ports(case)}",
        evidence=[
            *service_ports.evidence_of(subject, found),
            *(r.said for r in references.refusals(route)),
        ],
        fixes=service_ports.repaired(case, subject, found, _change(case)),
        impact=impact,
        severity=severity,
        subject=subject,
        port=service_ports.meant_by_all(found),
        pointer=found[0].pointer,
    )


def _change(case: ServiceCase) -> service_ports.Change:
    def change(found: Wrong, port: ServicePort) -> list[Operation]:
        backend = found.pointer.removesuffix("/port")
        mine: Operation = fixes.test(f"{backend}/name", case.name)
        if found.named:
            return [mine, *fixes.replace(found.pointer, found.named, port.port)]
        return [mine, fixes.add(found.pointer, port.port)]

    return change


RULE = Rule(
    code="PC702",
    name="route-port-missing",
    severity="error",
    summary="An HTTPRoute, GRPCRoute, TLSRoute, TCPRoute or UDPRoute references a port that the "
    "Service does not have",
    applies=(When.NOT_EXTERNAL_NAME,),
    clues=(Need.ROUTES,),
    needs=(Need.ROUTES,),
    uses=(Need.PODS,),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="backendRefs.port of a route is the number of a Service port. The Service has no "
        "port with that number. Usually the route has the targetPort or the container port, or "
        "the number that the Service port had before. The finding quotes the Gateway controller.",
        why="The backend does not resolve (condition ResolvedRefs is False), and the Gateway "
        "answers with status 500 for its share of the requests. Clients inside the cluster are "
        "not affected.",
        confirm="kubectl get httproute NAME -o yaml: read the conditions under status.parents, "
        "and compare backendRefs.port with the ports of kubectl get service.",
        fix="Set the port in the route to the number of the Service port.",
    ),
    examples=(
        Example(
            "the route has the port of the pods",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
kind: HTTPRoute
metadata: {name: shop, namespace: default}
spec: {rules: [{backendRefs: [{name: checkout, port: 8080}]}]}
status:
  parents:
  - parentRef: {name: edge}
    conditions: [{type: ResolvedRefs, status: "False", reason: BackendNotFound}]
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"], port-forward: {8080: accepted}}}
""",
            expects="""
degraded; also PC730
PC702 error for path in HTTPRoute shop, port 80/TCP
  HTTPRoute shop references port 8080, which Service checkout does not have; the ports of
      Service checkout: 80/TCP
  - HTTPRoute shop: /spec/rules/0/backendRefs/0 references port 8080
  - for port 80: 8080 is its targetPort
  - Gateway edge: BackendNotFound
  safe: Change the port in HTTPRoute shop to 80
    replace /spec/rules/0/backendRefs/0/port 80 in HTTPRoute shop
""",
        ),
        Example(
            "a RequestMirror filter has the port of the pods",
            """
kind: Service
metadata: {name: shadow, namespace: default}
spec: {selector: {app: shadow}, ports: [{port: 8080, targetPort: 3000}]}
---
kind: HTTPRoute
metadata: {name: shop, namespace: default}
spec:
  rules:
  - backendRefs:
    - name: checkout
      port: 80
      filters:
      - {requestMirror: {backendRef: {name: shadow, port: 3000}}}
""",
            expects="""
broken; also PC301
PC702 error for path in HTTPRoute shop, port 8080/TCP
  HTTPRoute shop references port 3000, which Service shadow does not have; the ports of Service
      shadow: 8080/TCP
  - HTTPRoute shop: /spec/rules/0/backendRefs/0/filters/0/requestMirror/backendRef references
      port 3000
  - for port 8080: 3000 is its targetPort
  review: Change the port in HTTPRoute shop to 8080
    replace /spec/rules/0/backendRefs/0/filters/0/requestMirror/backendRef/port 8080 in
        HTTPRoute shop
""",
        ),
        Example(
            "a UDPRoute to a port that is for TCP",
            """
kind: Service
metadata: {name: dns, namespace: default}
spec:
  selector: {app: dns}
  ports: [{name: tcp, port: 53}, {name: udp, port: 5353, targetPort: 53, protocol: UDP}]
---
kind: UDPRoute
metadata: {name: dns, namespace: default}
spec: {rules: [{backendRefs: [{name: dns, port: 53}]}]}
""",
            expects="""
broken; also PC301
PC702 error for path in UDPRoute dns, port 5353/UDP
  UDPRoute dns references port 53/UDP, which Service dns does not have; the ports of Service
      dns: 53 (tcp)/TCP and 5353 (udp)/UDP
  - UDPRoute dns: /spec/rules/0/backendRefs/0 references port 53
  - for port 5353 (udp): 53 is its targetPort
  review: Change the port in UDPRoute dns to 5353 (udp)
    replace /spec/rules/0/backendRefs/0/port 5353 in UDPRoute dns
""",
        ),
        Example(
            "the Service port's number",
            """
kind: Service
metadata: {name: checkout, namespace: default}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: HTTPRoute
metadata: {name: shop, namespace: default}
spec: {rules: [{backendRefs: [{name: checkout, port: 80}]}]}
""",
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
