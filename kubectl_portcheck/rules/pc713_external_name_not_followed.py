"""PC713: what leads to an ExternalName Service is read by a controller that does not follow it."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from kubectl_portcheck.model import kinds
from kubectl_portcheck.model.facts import Fact
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.ingress import AWS, TRAEFIK
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import entries, fixes, referrer_ports
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
from kubectl_portcheck.semantics import references
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ingress_classes import likely_controller


class _Reader(NamedTuple):
    """A controller, and whether it follows an alias."""

    says: str
    setting: str = ""
    """What makes it follow the alias; empty where nothing does."""


_TRAEFIK: Final = _Reader(
    "Traefik follows only if allowExternalNameServices is set",
    "Set allowExternalNameServices of the provider in Traefik's configuration",
)
_CONTOUR: Final = _Reader(
    "Contour follows only if enableExternalNameService is set",
    "Set enableExternalNameService in Contour's configuration",
)
_AWS: Final = _Reader("the AWS Load Balancer Controller does not follow: it has no pods")
_GATEWAY: Final = _Reader("implementations of the Gateway API should not follow (CVE-2021-25740)")
_OF_KINDS: Final = {
    **dict.fromkeys((k.name for k in kinds.ALL if k.group == kinds.TRAEFIK), _TRAEFIK),
    kinds.HTTP_PROXY.name: _CONTOUR,
    kinds.TARGET_GROUP_BINDING.name: _AWS,
}


def _check(case: ServiceCase) -> Outcome:
    found = list(_findings(case))
    if found:
        return Several(tuple(found))
    leading = case.ingresses or case.routes or case.referrers
    return Passed() if leading else NotApplicable("nothing is known to lead to the Service")


def _findings(case: ServiceCase) -> Iterator[Finding]:
    for ingress in case.ingresses:
        taker = likely_controller(ingress, case.ingress_classes)
        reader = {TRAEFIK: _TRAEFIK, AWS: _AWS}.get(taker)
        if reader is not None and entries.ports_of(case, ingress):
            subject = entries.subject_of(case, ingress)
            yield _finding(case, subject, reader, [entries.leads(case, ingress)])
    for route in () if case.missing("routes") else case.routes:
        meta = route.metadata
        space = case.namespace_of(meta)
        subject = Subject(kind=route.kind, namespace=space, name=meta.name)
        if not references.is_for_mesh(route):
            yield _finding(case, subject, _GATEWAY, [r.said for r in references.refusals(route)])
    for referrer in case.referrers:
        if referrer.kind in _OF_KINDS:
            subject = referrer_ports.subject_of(case, referrer)
            yield _finding(case, subject, _OF_KINDS[referrer.kind], [])


def _finding(case: ServiceCase, subject: Subject, reader: _Reader, said: list[Fact]) -> Finding:
    instead = (
        "use a Service without a selector and an EndpointSlice with the addresses of "
        f"{case.service.spec.external_name}"
    )
    title = f"{reader.setting}, or {instead}" if reader.setting else f"U{instead[1:]}"
    return RULE.finding(
        case,
        f"{subject.kind} {subject.name} leads to an ExternalName Service, which {reader.says}",
        evidence=said,
        fixes=[fixes.by_hand(title)],
        subject=subject,
    )


_ALIAS = """
kind: Service
metadata: {name: legacy, namespace: default}
spec: {type: ExternalName, externalName: shop.example.com, ports: [{port: 80}]}
---
"""
_INGRESS = """kind: Ingress
metadata: {name: shop, namespace: default}
spec:
  ingressClassName: %s
  defaultBackend: {service: {name: legacy, port: {number: 80}}}
"""

RULE = Rule(
    code="PC713",
    name="external-name-not-followed",
    severity="warning",
    summary="An Ingress, route or proxy leads to an ExternalName Service that its controller does "
    "not follow by default",
    applies=(When.EXTERNAL_NAME,),
    needs=(),
    uses=(Need.INGRESSES, Need.INGRESS_CLASSES, Need.ROUTES, Need.REFERRERS),
    in_files=Worth.PROOF,
    field=("externalName",),
    explanation=Explanation(
        meaning="An ExternalName Service has no endpoints. A controller has to resolve the "
        "external name itself, and most do not by default, since such a Service can lead to "
        "addresses that its author may not reach (CVE-2021-25740): Traefik without "
        "allowExternalNameServices, Contour without enableExternalNameService, the Gateway API, "
        "the AWS Load Balancer Controller. ingress-nginx does. It is a warning, since the "
        "settings of the controller are not read.",
        why="The controller leaves the backend out. Clients get 404, 500 or 503.",
        confirm="The controller's log ('externalName services not allowed'), or the condition "
        "ResolvedRefs of the route.",
        fix="Allow it in the controller's configuration, or use a Service without a selector and "
        "an EndpointSlice with the external addresses.",
    ),
    examples=(
        Example(
            "an IngressRoute of Traefik",
            f"""{_ALIAS}kind: IngressRoute
metadata: {{name: shop, namespace: default}}
spec: {{routes: [{{services: [{{name: legacy, port: 80}}]}}]}}
""",
            expects="""
inconclusive; also PC409
PC713 warning in IngressRoute shop
  IngressRoute shop leads to an ExternalName Service, which Traefik follows only if
      allowExternalNameServices is set
  review: Set allowExternalNameServices of the provider in Traefik's configuration, or use a
      Service without a selector and an EndpointSlice with the addresses of shop.example.com
""",
        ),
        Example(
            "a route of the Gateway API, with the controller's word",
            f"""{_ALIAS}kind: HTTPRoute
metadata: {{name: shop, namespace: default}}
spec: {{rules: [{{backendRefs: [{{name: legacy, port: 80}}]}}]}}
status:
  parents:
  - parentRef: {{name: edge}}
    conditions: [{{type: ResolvedRefs, status: "False", reason: UnsupportedValue}}]
""",
            expects="""
inconclusive; also PC730, PC409
PC713 warning in HTTPRoute shop
  HTTPRoute shop leads to an ExternalName Service, which implementations of the Gateway API
      should not follow (CVE-2021-25740)
  - Gateway edge: UnsupportedValue
  review: Use a Service without a selector and an EndpointSlice with the addresses of
      shop.example.com
""",
        ),
        Example(
            "an Ingress of Traefik",
            f"{_ALIAS}{_INGRESS % 'traefik'}",
            expects="""
inconclusive; also PC716, PC409
PC713 warning in Ingress shop
  Ingress shop leads to an ExternalName Service, which Traefik follows only if
      allowExternalNameServices is set
  - Ingress shop: default backend → port 80
  review: Set allowExternalNameServices of the provider in Traefik's configuration, or use a
      Service without a selector and an EndpointSlice with the addresses of shop.example.com
""",
        ),
        Example(
            "an Ingress of ingress-nginx",
            f"{_ALIAS}{_INGRESS % 'nginx'}",
            expects="inconclusive; also PC716, PC409",
        ),
    ),
    check_service=_check,
)
