"""PC719: a path of an Ingress is read otherwise than it is written."""

from kubectl_portcheck.model.facts import Fact, State
from kubectl_portcheck.model.fixes import Fix
from kubectl_portcheck.model.references import Ingress
from kubectl_portcheck.model.report import Finding, Severity
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
    Worth,
)
from kubectl_portcheck.semantics.annotations import NGINX_REGEX
from kubectl_portcheck.semantics.case import ServiceCase
from kubectl_portcheck.semantics.ingress_classes import is_for_nginx
from kubectl_portcheck.semantics.ingresses import (
    IMPLEMENTATION,
    Place,
    is_pattern,
    makes_patterns,
    places,
)


def _check(case: ServiceCase) -> Outcome:
    if not case.ingresses:
        return NotApplicable("no Ingress names the Service")
    pairs = [(i, p) for i in case.ingresses for p in places(i, case.name)]
    found = [f for i, p in pairs if (f := _finding(case, i, p))]
    return Several(tuple(found)) if found else Passed()


def _finding(case: ServiceCase, ingress: Ingress, place: Place) -> Finding | None:
    path, name = place.path.path, ingress.metadata.name
    literal = place.type in ("Exact", "Prefix")
    if literal and is_pattern(path):
        return _reported(
            case,
            ingress,
            place,
            f"Path {path} of Ingress {name} is a regular expression, and type {place.type} takes "
            "it literally; ingress-nginx since 1.12 refuses it",
            [_set_type(case, ingress, place)],
        )
    if literal and path.endswith("*"):
        return _reported(
            case,
            ingress,
            place,
            f"Path {path} of Ingress {name} matches only {path} itself: for type {place.type}, * "
            "is no wildcard",
            [_without_star(case, ingress, place)],
        )
    if (place.type, path) == ("Exact", "/") and not _led_elsewhere(case, place):
        return _reported(
            case,
            ingress,
            place,
            f"Ingress {name} leads only {place.text} itself to the Service: type Exact matches no "
            "other path",
            [_set_type(case, ingress, place, "Prefix")],
            "info",
        )
    if not literal and is_pattern(path) and _unread(case, ingress, place):
        return _reported(
            case,
            ingress,
            place,
            f"Path {path} of Ingress {name} is a regular expression, and no annotation tells "
            "ingress-nginx to read it as one",
            [_use_regex(case, ingress)],
        )
    return None


def _unread(case: ServiceCase, ingress: Ingress, place: Place) -> bool:
    """Whether nothing makes ingress-nginx read the path as a regular expression."""
    if not is_for_nginx(ingress, case.ingress_classes):
        return False
    return not any(
        makes_patterns(other) and place.host in {p.host for p in places(other)}
        for other in case.claiming_ingresses
    )


def _led_elsewhere(case: ServiceCase, place: Place) -> bool:
    """Whether other paths of the host lead anywhere, so that this one is meant to be exact."""
    others = [
        p for i in case.claiming_ingresses for p in places(i) if p.host == place.host and p != place
    ]
    return bool(others) or any(i.spec.default_backend for i in case.ingresses)


def _reported(
    case: ServiceCase,
    ingress: Ingress,
    place: Place,
    summary: str,
    fix: list[Fix],
    severity: Severity = "warning",
) -> Finding:
    subject = entries.subject_of(case, ingress)
    backend = place.port.name or place.port.number
    fact: Fact = State(subject=subject, state=f"{place.text}, {place.type} → port {backend}")
    return RULE.finding(
        case,
        summary,
        evidence=[fact],
        fixes=fix,
        severity=severity,
        subject=subject,
        pointer=f"{place.pointer}/path",
    )


def _set_type(case: ServiceCase, ingress: Ingress, place: Place, new: str = IMPLEMENTATION) -> Fix:
    return fixes.patch(
        case,
        entries.subject_of(case, ingress),
        [
            fixes.test(f"{place.pointer}/path", place.path.path),
            *fixes.replace(f"{place.pointer}/pathType", place.type, new),
        ],
        title=f"Set pathType to {new} for {place.text} in Ingress {ingress.metadata.name}",
        safety="review",
    )


def _without_star(case: ServiceCase, ingress: Ingress, place: Place) -> Fix:
    new = place.path.path.rstrip("*").rstrip("/") or "/"
    change = fixes.replace(f"{place.pointer}/path", place.path.path, new)
    if place.type == "Exact":
        change += fixes.replace(f"{place.pointer}/pathType", "Exact", "Prefix")
    return fixes.patch(
        case,
        entries.subject_of(case, ingress),
        change,
        title=f"Change the path in Ingress {ingress.metadata.name} to {new}, of type Prefix",
        safety="review",
    )


def _use_regex(case: ServiceCase, ingress: Ingress) -> Fix:
    name = ingress.metadata.name
    return fixes.run(
        case,
        *("annotate", f"ingress/{name}", f"{NGINX_REGEX}=true"),
        title=f"Let Ingress {name} use regular expressions, in every path of its hosts",
        subject=entries.subject_of(case, ingress),
    )


RULE = Rule(
    code="PC719",
    name="ingress-path-misread",
    severity="warning",
    summary="A path of an Ingress is read otherwise than it is written",
    needs=(Need.INGRESSES,),
    uses=(Need.INGRESS_CLASSES,),
    in_files=Worth.PROOF,
    explanation=Explanation(
        meaning="The types Exact and Prefix take a path literally: neither a regular expression "
        "nor * has a meaning in it. ingress-nginx reads a path of type ImplementationSpecific as "
        "a regular expression only if an Ingress of the same host has the annotation use-regex or "
        "rewrite-target. Before 1.12 it does so for the other types, too; since then it refuses "
        "them.",
        why="The requests that were meant match no path, and clients get 404 or the answer of "
        "another path.",
        confirm="kubectl describe ingress NAME, and the log of the controller.",
        fix="Use type Prefix with a plain path, or ImplementationSpecific with the annotation "
        "nginx.ingress.kubernetes.io/use-regex.",
    ),
    examples=(
        Example(
            "a regular expression of type Prefix",
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
metadata:
  name: shop
  annotations: {nginx.ingress.kubernetes.io/use-regex: "true"}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - path: /checkout/.*
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
PC719 warning in Ingress shop
  Path /checkout/.* of Ingress shop is a regular expression, and type Prefix takes it literally;
      ingress-nginx since 1.12 refuses it
  - Ingress shop: shop.example/checkout/.*, Prefix → port 80
  review: Set pathType to ImplementationSpecific for shop.example/checkout/.* in Ingress shop
    replace /spec/rules/0/http/paths/0/pathType ImplementationSpecific in Ingress shop
""",
        ),
        Example(
            "a wildcard of type Prefix",
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
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - path: /*
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
PC719 warning in Ingress shop
  Path /* of Ingress shop matches only /* itself: for type Prefix, * is no wildcard
  - Ingress shop: shop.example/*, Prefix → port 80
  review: Change the path in Ingress shop to /, of type Prefix
    replace /spec/rules/0/http/paths/0/path / in Ingress shop
""",
        ),
        Example(
            "no annotation makes it a regular expression",
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
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - path: /checkout(/|$)(.*)
        pathType: ImplementationSpecific
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
PC719 warning in Ingress shop
  Path /checkout(/|$)(.*) of Ingress shop is a regular expression, and no annotation tells
      ingress-nginx to read it as one
  - Ingress shop: shop.example/checkout(/|$)(.*), ImplementationSpecific → port 80
  review: Let Ingress shop use regular expressions, in every path of its hosts
    kubectl annotate ingress/shop nginx.ingress.kubernetes.io/use-regex=true -n default
""",
        ),
        Example(
            "only the front page is led to the Service",
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
  ingressClassName: nginx
  rules:
  - host: shop.example
    http:
      paths:
      - path: /
        pathType: Exact
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
PC719 info in Ingress shop
  Ingress shop leads only shop.example/ itself to the Service: type Exact matches no other path
  - Ingress shop: shop.example/, Exact → port 80
  review: Set pathType to Prefix for shop.example/ in Ingress shop
    replace /spec/rules/0/http/paths/0/pathType Prefix in Ingress shop
""",
        ),
        Example(
            "a load balancer of a cloud has wildcards of its own",
            """
kind: Service
metadata: {name: checkout}
spec: {selector: {app: checkout}, ports: [{port: 80, targetPort: 8080}]}
---
kind: Ingress
metadata: {name: shop, annotations: {kubernetes.io/ingress.class: alb}}
spec:
  rules:
  - http:
      paths:
      - path: /*
        pathType: ImplementationSpecific
        backend: {service: {name: checkout, port: {number: 80}}}
""",
            expects="broken; also PC301",
        ),
    ),
    clues=(Need.INGRESSES,),
    check_service=_check,
)
