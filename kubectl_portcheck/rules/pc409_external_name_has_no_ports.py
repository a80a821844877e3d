"""PC409: an ExternalName Service is a DNS alias; its ports have no effect."""

from collections.abc import Sequence, Set

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.objects import Service
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.regex import regex
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    Outcome,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.case import ServiceCase

_IPV4 = regex(r"\d+(\.\d+){3}")
_IPV6 = frozenset("0123456789abcdefABCDEF:")


def _check(case: ServiceCase) -> Outcome:
    spec = case.service.spec
    name = spec.external_name
    if _IPV4.fullmatch(name) or (":" in name and _IPV6.issuperset(name)):
        return RULE.finding(
            case,
            f"externalName {name} is an IP address, but DNS treats it as a name and finds none",
            fixes=[
                fixes.by_hand(
                    f"Use a Service without a selector and an EndpointSlice with {name} instead"
                )
            ],
            severity="warning",
        )
    moved = [p for p in spec.ports if ports.declared_target(p) != p.port]
    proxies = _proxies(case)
    if case.alias is not None:
        return _of_a_service(case, case.alias, proxies)
    kept = "; ".join(f"{p.port}, not {p.target_port}" for p in moved)
    return RULE.finding(
        case,
        f"The Service is a DNS alias of {name}: clients connect there on the port that they call"
        + (f" ({kept})" if moved and not proxies else ""),
        evidence=_effects(case, proxies),
        severity="warning" if moved else "info",
    )


def _of_a_service(case: ServiceCase, other: Service, proxies: Sequence[str]) -> Finding:
    """What it means that the alias is one of another Service of the cluster."""
    has = {p.port for p in other.spec.ports}
    absent = [n for p in case.service.spec.ports for n in {p.port, ports.declared_target(p)} - has]
    whose = f"Service {other.metadata.name} in namespace {other.metadata.namespace}"
    known = f"which has port {listing(sorted(has)) or 'none'}"
    if not absent:
        return RULE.finding(
            case,
            f"The Service is a DNS alias of {whose}, {known}",
            evidence=_effects(case, proxies),
            severity="info",
        )
    return RULE.finding(
        case,
        f"The Service is a DNS alias of {whose}, {known}. This Service names "
        f"{listing(absent)}, which is not a port of {other.metadata.name}",
        evidence=_effects(case, proxies),
        fixes=_fixes(case, has),
        severity="warning",
    )


def _effects(case: ServiceCase, proxies: Sequence[str]) -> list[Observation]:
    """Who uses the ports of an alias, and who does not."""
    if not case.service.spec.ports:
        return []
    texts = [
        "Clients of the DNS name are not concerned: they use the port of the other host",
        "Ingress controllers that follow an alias (ingress-nginx; Traefik where it is allowed to) "
        "do use its ports: they connect to its targetPort",
    ]
    return [Observation(text=t) for t in (*texts, *(f"{p} leads to this Service" for p in proxies))]


def _proxies(case: ServiceCase) -> list[str]:
    """The Ingresses and routes that lead to the alias."""
    return [
        *(f"Ingress {i.metadata.name}" for i in case.ingresses),
        *(f"{r.kind} {r.metadata.name}" for r in case.routes),
    ]


def _fixes(case: ServiceCase, has: Set[int]) -> list[Fix]:
    """Leads Ingress controllers to the port that the other Service has."""
    return [
        fixes.patch(
            case,
            case.subject,
            fixes.replace(f"/spec/ports/{i}/targetPort", port.target_port, port.port),
            title=f"Set targetPort {port.port}, as Ingress controllers have to use it there",
            safety="review",
        )
        for i, port in enumerate(case.service.spec.ports)
        if port.port in has and port.target_port not in (None, port.port)
    ]


RULE = Rule(
    code="PC409",
    name="external-name-has-no-ports",
    severity="warning",
    summary="An ExternalName Service is a DNS alias; its ports have no effect",
    applies=(When.EXTERNAL_NAME,),
    needs=(),
    uses=(Need.ALIAS, Need.INGRESSES, Need.ROUTES),
    in_files=Worth.PROOF,
    field=("externalName",),
    explanation=Explanation(
        meaning="A Service of type ExternalName is a CNAME record and nothing else: it has no "
        "address, no endpoints and no kube-proxy rule. Its ports, targetPorts and selector have "
        "no effect on clients of the name. Ingress controllers such as ingress-nginx and Traefik "
        "do use its ports: they connect to the targetPort at the other host.",
        why="Clients resolve the name and connect to the external host, on whatever port they "
        "use. A client that expects a translated port connects to the wrong one. HTTP and TLS "
        "clients also send the alias as host name, which the external host may not know.",
        confirm="kubectl get service NAME shows ExternalName and the host under EXTERNAL-IP.",
        fix="Let clients use the port of the external host. If a port has to be translated, use a "
        "Service without a selector and an EndpointSlice with the external addresses.",
    ),
    examples=(
        Example(
            "an alias of another Service, with the pods' port as its targetPort",
            """
kind: Service
metadata: {name: legacy, namespace: old}
spec:
  type: ExternalName
  externalName: checkout.shop.svc.cluster.local
  ports: [{name: http, port: 80, targetPort: 8080}]
---
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Ingress
metadata: {name: legacy, namespace: old}
spec:
  rules: [{http: {paths: [{backend: {service: {name: legacy, port: {number: 80}}}}]}}]
""",
            expects="""
inconclusive
PC409 warning in Service legacy
  The Service is a DNS alias of Service checkout in namespace shop, which has port 80. This
      Service names 8080, which is not a port of checkout
  - Clients of the DNS name are not concerned: they use the port of the other host
  - Ingress controllers that follow an alias (ingress-nginx; Traefik where it is allowed to) do
      use its ports: they connect to its targetPort
  - Ingress legacy leads to this Service
  review: Set targetPort 80, as Ingress controllers have to use it there
    replace /spec/ports/0/targetPort 80 in Service legacy
""",
        ),
        Example(
            "targetPort differs from port, which has no effect",
            """
kind: Service
metadata: {name: checkout}
spec:
  type: ExternalName
  externalName: shop.example.com
  ports: [{port: 80, targetPort: 8080}]
""",
            expects="""
inconclusive
PC409 warning in Service checkout
  The Service is a DNS alias of shop.example.com: clients connect there on the port that they
      call (80, not 8080)
  - Clients of the DNS name are not concerned: they use the port of the other host
  - Ingress controllers that follow an alias (ingress-nginx; Traefik where it is allowed to) do
      use its ports: they connect to its targetPort
""",
        ),
        Example(
            "an IP address instead of a name",
            """
kind: Service
metadata: {name: checkout}
spec: {type: ExternalName, externalName: 192.0.2.7}
""",
            expects="""
inconclusive
PC409 warning in Service checkout
  externalName 192.0.2.7 is an IP address, but DNS treats it as a name and finds none
  review: Use a Service without a selector and an EndpointSlice with 192.0.2.7 instead
""",
        ),
        Example(
            "a Service without a selector is not of this type",
            """
kind: Service
metadata: {name: checkout}
spec: {ports: [{port: 80, targetPort: 8080}]}
---
kind: EndpointSlice
metadata: {name: checkout-1, labels: {kubernetes.io/service-name: checkout}}
endpoints: [{addresses: [192.0.2.7]}]
ports: [{name: "", port: 8080}]
""",
            expects="inconclusive",
        ),
    ),
    check_service=_check,
)
