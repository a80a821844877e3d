"""PC701: an Ingress references a port that the Service does not have."""

from collections.abc import Sequence

from kubectl_portcheck.model.facts import Fact, Observation
from kubectl_portcheck.model.fixes import Operation, Subject
from kubectl_portcheck.model.objects import ServicePort
from kubectl_portcheck.model.references import Ingress, ServiceBackendPort
from kubectl_portcheck.model.report import Finding, Severity
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
from kubectl_portcheck.semantics.ingress_classes import default_class, is_for_nginx
from kubectl_portcheck.semantics.ports import declared_target

ACTION = "use-annotation"
"""The port's name by which the AWS Load Balancer Controller is sent to an annotation: there is no
Service behind it. (AWS Load Balancer Controller, Ingress annotations, ``actions``)"""


def _check(case: ServiceCase) -> Outcome:
    if not case.ingresses:
        return NotApplicable("no Ingress names the Service")
    found = [_finding(case, i, w) for i in case.ingresses if (w := _wrong(case, i))]
    return Several(tuple(found)) if found else Passed()


def _wrong(case: ServiceCase, ingress: Ingress) -> list[Wrong]:
    return [
        service_ports.wrong(case, use.where, named, use.pointer)
        for use in references.uses_of_ingress(ingress)
        if use.service == case.name
        and (named := _named(use.port))
        and named != ACTION
        and not meant.has(case, named)
    ]


def _named(port: ServiceBackendPort) -> int | str:
    return port.name or port.number


def _finding(case: ServiceCase, ingress: Ingress, found: Sequence[Wrong]) -> Finding:
    subject = Subject(kind="Ingress", namespace=case.namespace, name=ingress.metadata.name)
    numbers = listing(dict.fromkeys(w.named for w in found))
    severity, lenient = _lenient(case, ingress, found)
    severity, impact = service_ports.weight(case, found, severity)
    return RULE.finding(
        case,
        f"Ingress {subject.name} references port {numbers}, which Service {case.name} does not "
        f"have; {service_ports.has_ports(case)}",
        evidence=[*service_ports.evidence_of(subject, found), *lenient],
        fixes=service_ports.repaired(case, subject, found, _change(case)),
        impact=impact,
        severity=severity,
        subject=subject,
        port=service_ports.meant_by_all(found),
        pointer=found[0].pointer,
    )


def _lenient(
    case: ServiceCase, ingress: Ingress, found: Sequence[Wrong]
) -> tuple[Severity, list[Fact]]:
    """A warning where a controller takes the Ingress that also takes a targetPort.

    ingress-nginx compares the port with the Service ports' targetPorts too (``serviceEndpoints``
    in its controller.go), against the API's rule. Other controllers do not.
    """
    targets = {str(declared_target(p)) for p in meant.tcp_ports(case)}
    if any(str(w.named) not in targets for w in found) or not is_for_nginx(
        ingress, case.ingress_classes
    ):
        return "error", []
    name = references.class_of(ingress) or default_class(case.ingress_classes)
    return "warning", [
        Observation(
            text=f"its class is {name}: ingress-nginx accepts a targetPort here too, other "
            "controllers do not"
        )
    ]


def _change(case: ServiceCase) -> service_ports.Change:
    def change(found: Wrong, port: ServicePort) -> list[Operation]:
        backend = found.pointer.removesuffix("/port")
        mine: Operation = fixes.test(f"{backend}/name", case.name)
        if isinstance(found.named, int):
            return [mine, *fixes.replace(f"{found.pointer}/number", found.named, port.port)]
        if port.name:
            return [mine, *fixes.replace(f"{found.pointer}/name", found.named, port.name)]
        return [
            mine,
            fixes.test(f"{found.pointer}/name", found.named),
            fixes.remove(f"{found.pointer}/name"),
            fixes.add(f"{found.pointer}/number", port.port),
        ]

    return change


RULE = Rule(
    code="PC701",
    name="ingress-port-missing",
    severity="error",
    summary="An Ingress references a port that the Service does not have",
    applies=(When.NOT_EXTERNAL_NAME,),
    clues=(Need.INGRESSES,),
    needs=(Need.INGRESSES,),
    uses=(Need.PODS, Need.INGRESS_CLASSES),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="backend.service.port of an Ingress is a port of the Service, by name or number. "
        "The Service has no such port. Usually the Ingress has the targetPort or the container "
        "port, or the number that the Service port had before.",
        why="The Ingress controller finds no endpoints for the port and answers with 503 or 404, "
        "or it ignores the path. Clients inside the cluster are not affected. Only ingress-nginx "
        "accepts a targetPort as well; if it takes the Ingress by its class, the finding is a "
        "warning.",
        confirm="kubectl describe ingress NAME shows the backends with an error. Compare them "
        "with the ports of kubectl get service.",
        fix="Set the port in the Ingress to a port of the Service. With the port's name the "
        "Ingress follows when the number changes.",
    ),
    examples=(
        Example(
            "the Ingress has the port of the pods",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
metadata: {name: checkout-1, labels: {app: checkout}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}]}]}
---
kind: Ingress
metadata: {name: shop}
spec:
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /, backend: {service: {name: checkout, port: {number: 8080}}}}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"], port-forward: {8080: accepted}}}
""",
            expects="""
degraded
PC701 error for path in Ingress shop, port 80/TCP
  Ingress shop references port 8080, which Service checkout does not have; the ports of Service
      checkout: 80/TCP
  - Ingress shop: shop.example.com/ references port 8080
  - for port 80: 8080 is its targetPort
  safe: Change the port in Ingress shop to 80
    replace /spec/rules/0/http/paths/0/backend/service/port/number 80 in Ingress shop
""",
        ),
        Example(
            "a name that no port of the Service has",
            """
kind: Service
metadata: {name: checkout}
spec:
  selector: {app: checkout}
  ports: [{name: invoices, port: 80}, {name: refunds, port: 9100}]
---
kind: Ingress
metadata: {name: shop}
spec: {defaultBackend: {service: {name: checkout, port: {name: invoice}}}}
""",
            expects="""
broken; also PC301
PC701 error for path in Ingress shop
  Ingress shop references port invoice, which Service checkout does not have; the ports of
      Service checkout: 80 (invoices)/TCP and 9100 (refunds)/TCP
  - Ingress shop: default backend references port invoice
  - for port 80 (invoices): its name invoices resembles invoice
  review: Change the port in Ingress shop to 80 (invoices), if that was meant
    replace /spec/defaultBackend/service/port/name invoices in Ingress shop
""",
        ),
        Example(
            "the Service port's number",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
kind: Ingress
metadata: {name: shop}
spec: {defaultBackend: {service: {name: checkout, port: {number: 80}}}}
""",
            expects="broken; also PC301",
        ),
        Example(
            "an action of the AWS Load Balancer Controller is not a port",
            """
kind: Service
metadata: {name: ssl-redirect}
spec: {selector: {app: checkout}, ports: [{port: 80}]}
---
kind: Ingress
metadata: {name: shop}
spec: {defaultBackend: {service: {name: ssl-redirect, port: {name: use-annotation}}}}
""",
            expects="broken; also PC301",
        ),
    ),
    check_service=_check,
)
