"""PC707: an Istio VirtualService routes to a port that the Service does not have."""

from collections.abc import Sequence

from kubectl_portcheck.model.fixes import Operation, Subject
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.references import Caller
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
    callers = [c for c in case.callers if c.kind == "VirtualService"]
    if not callers:
        return NotApplicable("no VirtualService is known to lead to the Service")
    found = [_finding(case, c, w) for c in callers if (w := _wrong(case, c))]
    return Several(tuple(found)) if found else Passed()


def _wrong(case: ServiceCase, caller: Caller) -> list[Wrong]:
    return [
        service_ports.wrong(case, use.where, use.port, use.pointer)
        for use in references.uses_of_caller(caller)
        if case.is_meant(use.service, use.namespace)
        and use.port is not None
        and not meant.has(case, use.port)
    ]


def _finding(case: ServiceCase, caller: Caller, found: Sequence[Wrong]) -> Finding:
    meta = caller.metadata
    space = meta.namespace or case.namespace
    subject = Subject(kind=caller.kind, namespace=space, name=meta.name)
    numbers = listing(dict.fromkeys(w.named for w in found))
    severity, impact = service_ports.weight(case, found)
    return RULE.finding(
        case,
        f"The VirtualService {meta.name} routes to port {numbers} of the Service, which it does "
        f"not have; {service_ports.has_ports(case)}",
        evidence=service_ports.told(subject, found),
        fixes=service_ports.repaired(case, subject, found, _change),
        impact=impact,
        severity=severity,
        subject=subject,
        port=service_ports.meant_by_all(found),
        pointer=found[0].pointer,
    )


def _change(found: Wrong, port: ServicePort) -> list[Operation]:
    return fixes.replace(found.pointer, found.named, port.port)


RULE = Rule(
    code="PC707",
    name="virtual-service-port-missing",
    severity="error",
    summary="An Istio VirtualService routes to a port that the Service does not have",
    applies=(When.NOT_EXTERNAL_NAME,),
    needs=(),
    uses=(Need.CALLERS, Need.PODS),
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
  The VirtualService edge routes to port 5000 of the Service, which it does not have; the ports
      of Service checkout: 80/TCP
  - VirtualService edge: destination checkout references port 5000
  - for port 80: 5000 is its targetPort
  review: Change the port in VirtualService edge to 80
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
