"""What the rules on Ingresses share beside the ports: which clients come by one, and by where."""

from collections.abc import Iterable

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.references import Ingress, ServiceBackendPort
from kubectl_portcheck.model.report import Impact, Severity
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.references import uses_of_ingress


def subject_of(case: ServiceCase, ingress: Ingress) -> Subject:
    """The Ingress, as the subject of a finding."""
    return Subject(kind="Ingress", namespace=case.namespace, name=ingress.metadata.name)


def weight(
    case: ServiceCase, ports: Iterable[ServiceBackendPort], severity: Severity = "error"
) -> tuple[Severity, Impact]:
    """Severity and impact: one path fails, unless it leads to another port than the asked one."""
    asked = {name for p in case.asked_ports for name in (p.port, p.name) if name}
    if severity != "error" or not any((p.name or p.number) in asked for p in ports):
        return ("warning" if severity == "error" else severity), Impact.NONE
    return severity, Impact.PATH


def ports_of(case: ServiceCase, ingress: Ingress) -> list[ServiceBackendPort]:
    """The Service ports to which the Ingress leads."""
    return [u.port for u in uses_of_ingress(ingress) if u.service == case.name]


def leads(case: ServiceCase, ingress: Ingress) -> Fact:
    """``Ingress shop: shop.example/checkout → port 80``."""
    ways = [
        f"{u.where} → port {u.port.name or u.port.number}"
        for u in uses_of_ingress(ingress)
        if u.service == case.name
    ]
    return State(subject=subject_of(case, ingress), state=listing(ways))
