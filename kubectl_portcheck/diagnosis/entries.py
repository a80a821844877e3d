"""By which hosts and paths clients come from outside."""

from kubectl_portcheck.model.report import IngressWay
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.references import uses_of_ingress


def ways_of(case: ServiceCase) -> tuple[IngressWay, ...]:
    """The Ingresses that lead to the Service: one entry for each of its ports that they name."""
    found: dict[tuple[str, int | str], list[str]] = {}
    for ingress in case.ingresses:
        for use in uses_of_ingress(ingress):
            if use.service == case.name:
                key = (ingress.metadata.name, use.port.name or use.port.number)
                found.setdefault(key, []).append(use.where)
    return tuple(
        IngressWay(ingress=name, places=tuple(dict.fromkeys(places)), port=port)
        for (name, port), places in found.items()
    )
