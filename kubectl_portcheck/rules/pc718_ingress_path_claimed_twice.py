"""PC718: an older Ingress leads the same host and path elsewhere."""

from kubectl_portcheck.model.facts import State
from kubectl_portcheck.model.fixes import Subject
from kubectl_portcheck.model.references import Ingress
from kubectl_portcheck.model.report import Finding
from kubectl_portcheck.rules import entries, fixes
from kubectl_portcheck.rules.base import (
    Example,
    Explanation,
    Need,
    NotApplicable,
    Outcome,
    Passed,
    Rule,
    Several,
)
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ingress_classes import is_for_nginx, older_claim
from kubectl_portcheck.semantics.ingresses import Place, places


def _check(case: ServiceCase) -> Outcome:
    if not case.ingresses:
        return NotApplicable("no Ingress names the Service")
    found = []
    for ingress in case.ingresses:
        if not is_for_nginx(ingress, case.ingress_classes):
            continue
        for place in places(ingress, case.name):
            older = older_claim(ingress, place, case.claiming_ingresses)
            if older is not None:
                found.append(_finding(case, ingress, place, older))
    return Several(tuple(found)) if found else Passed()


def _finding(case: ServiceCase, ingress: Ingress, place: Place, older: Ingress) -> Finding:
    mine, other = entries.subject_of(case, ingress), entries.subject_of(case, older)
    served = next(p for p in places(older) if p.text == place.text and p.type == place.type)
    backend = served.path.backend.service
    leads = f"Service {backend.name}" if backend else "another backend"
    return RULE.finding(
        case,
        f"Ingress {mine.name} has no effect on {place.text}: Ingress {other.name} is older and "
        f"leads it to {leads}",
        evidence=[_since(other, older), _since(mine, ingress)],
        fixes=[
            fixes.by_hand(
                f"Remove {place.text} from Ingress {other.name}, if Ingress {mine.name} is meant "
                f"to replace it; else remove it from Ingress {mine.name}"
            )
        ],
        severity="warning",
        subject=mine,
        pointer=f"{place.pointer}/path",
    )


def _since(subject: Subject, ingress: Ingress) -> State:
    return State(subject=subject, state=f"created {ingress.metadata.creation_timestamp}")


RULE = Rule(
    code="PC718",
    name="ingress-path-claimed-twice",
    severity="warning",
    summary="An older Ingress leads the same host and path elsewhere",
    needs=(Need.INGRESSES,),
    uses=(Need.INGRESS_CLASSES,),
    explanation=Explanation(
        meaning="Two Ingresses of one class have a rule for the same host and path, with different "
        "backends. ingress-nginx takes the rule of the older one. Canaries and Ingresses of "
        "other controllers are left out. Ingresses of other namespaces are not read.",
        why="The younger rule has no effect: clients of the path reach the Service that the older "
        "Ingress names.",
        confirm="kubectl get ingress --sort-by=.metadata.creationTimestamp",
        fix="Remove the path from the Ingress that is not meant.",
    ),
    examples=(
        Example(
            "the Ingress from before was left behind",
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
metadata: {name: old, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - path: /checkout
        pathType: Prefix
        backend: {service: {name: monolith, port: {number: 80}}}
---
kind: Ingress
metadata: {name: shop, creationTimestamp: "2026-06-01T11:58:00Z"}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - path: /checkout
        pathType: Prefix
        backend: {service: {name: checkout, port: {number: 80}}}
---
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
---
probes: {checkout-1: {sockets: ["0.0.0.0:8080 app"], port-forward: {8080: accepted}}}
""",
            expects="""
healthy
PC718 warning in Ingress shop
  Ingress shop has no effect on shop.example/checkout: Ingress old is older and leads it to
      Service monolith
  - Ingress old: created 2026-01-01T00:00:00Z
  - Ingress shop: created 2026-06-01T11:58:00Z
  review: Remove shop.example/checkout from Ingress old, if Ingress shop is meant to replace it;
      else remove it from Ingress shop
""",
        ),
        Example(
            "a canary shares the path on purpose",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Ingress
metadata: {name: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  ingressClassName: nginx
  rules:
  - http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: stable, port: {number: 80}}}
---
kind: Ingress
metadata:
  name: canary
  creationTimestamp: "2026-06-01T11:58:00Z"
  annotations: {nginx.ingress.kubernetes.io/canary: "true"}
spec:
  ingressClassName: nginx
  rules:
  - http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: checkout, port: {number: 80}}}
---
kind: IngressClass
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
""",
            expects="broken; also PC301",
        ),
    ),
    clues=(Need.INGRESSES,),
    check_service=_check,
)
