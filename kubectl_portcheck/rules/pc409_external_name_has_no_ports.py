"""PC409: an ExternalName Service is a DNS alias; its ports have no effect."""

import re

from kubectl_portcheck.model.facts import Observation
from kubectl_portcheck.rules import fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Outcome,
    Rule,
    When,
    Worth,
)
from kubectl_portcheck.rules.wording import listing
from kubectl_portcheck.semantics import ports
from kubectl_portcheck.semantics.case import ServiceCase

_IPV4 = re.compile(r"\d+(\.\d+){3}")
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
    what = (
        f"{listing(f'{p.port} is not translated to {p.target_port}' for p in moved)}: "
        if moved
        else ""
    )
    return RULE.finding(
        case,
        f"The Service is a DNS alias of {name} and has no ports of its own; {what}"
        "clients connect there on the port that they use here",
        evidence=[Observation(text=f"port {p.port} has no effect") for p in spec.ports],
        severity="warning" if moved else "info",
    )


RULE = Rule(
    code="PC409",
    name="external-name-has-no-ports",
    severity="warning",
    summary="An ExternalName Service is a DNS alias; its ports have no effect",
    applies=(When.EXTERNAL_NAME,),
    needs=(),
    uses=(),
    in_files=Worth.PROOF,
    field=("externalName",),
    explanation=Explanation(
        meaning="A Service of type ExternalName is a CNAME record and nothing else: it has no "
        "address, no endpoints and no kube-proxy rule. Its ports, targetPorts and selector have "
        "no effect.",
        why="Clients resolve the name and connect to the external host, on whatever port they "
        "use. A client that expects a translated port connects to the wrong one. HTTP and TLS "
        "clients also send the alias as host name, which the external host may not know.",
        confirm="kubectl get service NAME shows ExternalName and the host under EXTERNAL-IP.",
        fix="Let clients use the port of the external host. If a port has to be translated, use a "
        "Service without a selector and an EndpointSlice with the external addresses.",
    ),
    examples=(
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
  The Service is a DNS alias of shop.example.com and has no ports of its own; 80 is not
      translated to 8080: clients connect there on the port that they use here
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
